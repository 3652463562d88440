/** Which alerts about the whitelist are open: raised while they hold, cleared when they no longer do. */
import type { DrimboxError, ErrorCode } from '../errors.ts';
import type { Alerts } from './alerts.ts';

/** Every code that a refresh may end with. Those open since before a restart are cleared by the first good refresh. */
const whitelistAlertCodes = [
  'trust/dn-invalid',
  'trust/whitelist-unreachable',
  'trust/whitelist-too-large',
  'trust/whitelist-malformed',
  'trust/whitelist-empty',
  'trust/whitelist-unsigned',
  'trust/whitelist-signature-shape',
  'trust/whitelist-signature-invalid',
  'trust/whitelist-algorithm-refused',
  'trust/whitelist-signer-unknown',
  'trust/whitelist-signer-untrusted',
  'trust/whitelist-signer-expired',
  'trust/whitelist-signer-purpose',
  'trust/whitelist-signer-revoked',
  'trust/whitelist-revocation-unknown',
  'trust/whitelist-too-old',
  'trust/whitelist-from-future',
  'trust/whitelist-stale',
  'trust/whitelist-absent',
  'general/internal',
] as const satisfies readonly ErrorCode[];

export interface OpenAlerts {
  raise(failure: DrimboxError): void;
  clear(code: ErrorCode): void;
  /** These hold and no other of `whitelistAlertCodes` does. */
  set(failures: readonly DrimboxError[]): void;
}

export const createWhitelistAlerts = (alerts: Alerts): OpenAlerts => {
  const raise = ({ code, detail }: DrimboxError): void => alerts.raise(code, detail);
  return {
    raise,
    clear: (code) => alerts.clear(code),
    set: (failures) => {
      const holding = new Map(failures.toReversed().map((failure) => [failure.code, failure]));
      for (const code of whitelistAlertCodes) if (!holding.has(code)) alerts.clear(code);
      for (const failure of holding.values()) raise(failure);
    },
  };
};
