/** Follows the files of our credentials at a service of identity: a renewed certificate or secret needs no restart. */
import { asDrimboxError } from '../errors.ts';
import type { Alerts } from './alerts.ts';
import { type Every, everyTimer } from './every.ts';

const codes = ['config/unreadable', 'config/invalid'] as const;

/** What reads the files of its credentials again. */
interface ReloadableCredentials {
  /** @throws config/unreadable, config/invalid: the old ones stay */
  readonly reload: () => void | Promise<void>;
}

/** How often changed files are looked for. */
const reloadMs = 60_000;

/** Reads the files again; what cannot be used leaves the former in place and raises an alert. Gives what does so once. */
const createCredentialsReload = (credentials: ReloadableCredentials, alerts: Alerts | undefined): (() => void) => {
  /** Undefined until the first look: an alert of before a restart may be open. */
  let told: string | undefined;
  const tell = (state: string): boolean => {
    if (told === state) return false;
    told = state;
    for (const code of codes) if (code !== state) alerts?.clear(code);
    return true;
  };
  const praise = (): void => void tell('good');
  const complain = (cause: unknown): void => {
    const { code, detail } = asDrimboxError(cause);
    if (tell(code)) alerts?.raise(code, detail);
  };
  return () => {
    try {
      const reading = credentials.reload();
      if (reading === undefined) praise();
      else reading.then(praise, complain);
    } catch (cause) {
      complain(cause);
    }
  };
};

/**
 * Looks at the files every minute until what it gives is called. Never throws.
 *
 * @param alerts  of this service alone: what is well again is cleared there
 */
export const followCredentials = (
  credentials: ReloadableCredentials,
  alerts: Alerts | undefined,
  every: Every = everyTimer,
): (() => void) => every(reloadMs, createCredentialsReload(credentials, alerts));
