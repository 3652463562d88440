/** How the doctor looks at what other DRIMboxes are known by: as the service does, with its options, and without changing anything. */
import { lookAtPsc } from './psc-look.ts';
import { lookAtRevocation } from './revocation-look.ts';
import type { TrustLooks } from './trust-facts.ts';
import type { LookPorts, TrustSetting } from './trust-setting.ts';
import { lookAtWhitelist } from './whitelist-look.ts';

export const createTrustLooks = (setting: TrustSetting, ports: LookPorts): TrustLooks => ({
  whitelist: () => lookAtWhitelist(setting, ports),
  revocation: () => lookAtRevocation(setting, ports),
  psc: () => lookAtPsc(setting.trust.psc, ports),
});
