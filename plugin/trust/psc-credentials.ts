/** Follows the files of our credentials at Pro Santé Connect: a renewed certificate needs no restart. */
import { asDrimboxError } from '../errors.ts';
import type { Alerts } from './alerts.ts';
import type { PscConnection } from './psc-connection.ts';

const codes = ['config/unreadable', 'config/invalid'] as const;

/** Reads the files again; what cannot be used leaves the former in place and raises an alert. Gives what does so once. */
export const createCredentialsReload = (
  connection: Pick<PscConnection, 'reload'>,
  alerts: Alerts | undefined,
): (() => void) => {
  /** Undefined until the first look: an alert of before a restart may be open. */
  let told: string | undefined;
  const tell = (state: string): boolean => {
    if (told === state) return false;
    told = state;
    for (const code of codes) if (code !== state) alerts?.clear(code);
    return true;
  };
  return () => {
    try {
      connection.reload();
      tell('good');
    } catch (cause) {
      const { code, detail } = asDrimboxError(cause);
      if (tell(code)) alerts?.raise(code, detail);
    }
  };
};
