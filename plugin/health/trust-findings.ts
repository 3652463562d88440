/** From what was found about the trust space to one outcome: the worst gives the message, each gives its remedy. */
import { asDrimboxError, type ErrorCode, errorTable } from '../errors.ts';
import { remedyOf } from '../remedies.ts';
import { type CheckOutcome, CheckState, skipped, worstState } from './check-result.ts';
import type { DoctorPorts } from './doctor-ports.ts';
import type { TrustFailure, TrustLooks } from './trust-facts.ts';

/** Something that is not well. */
export interface TrustFinding {
  readonly state: typeof CheckState.warning | typeof CheckState.failed;
  readonly message: string;
  readonly remedy: string;
}

/** The French text, the code, and the English detail, which names nobody. */
export const describeFailure = ({ code, detail }: TrustFailure): string => {
  const figures = code === 'general/internal' || detail === '' ? code : `${code}, ${detail}`;
  return `${errorTable[code].publicText} (${figures})`;
};

export const remedyFor = (code: ErrorCode): string =>
  remedyOf(code) ?? 'Corriger la clé ou le fichier que le détail nomme, puis redémarrer le service.';

/** @param found    in the order of importance, among those of one state
 *  @param wellness  the message when nothing was found */
export const outcomeOf = (
  found: readonly TrustFinding[],
  wellness: string,
  details: readonly string[],
): CheckOutcome => {
  const state = worstState(found.map((one) => one.state));
  const worst = found.find((one) => one.state === state);
  if (worst === undefined) return { state: CheckState.ok, message: wellness, details };
  const remedies = [worst, ...found].map(({ remedy }) => remedy);
  return { state, message: worst.message, details, remedy: [...new Set(remedies)].join(' ') };
};

/** Asks, where there is something to ask: who gives no images needs no trust. */
export const withTrust =
  ({ trust }: DoctorPorts, ask: (looks: TrustLooks) => Promise<CheckOutcome>) =>
  async (): Promise<CheckOutcome> => {
    if (trust === undefined) return skipped('Non examiné.');
    if (trust === 'not-configured') {
      return skipped('Non configuré (DrimBox.Trust) : aucune image n’est donnée à d’autres DRIMbox.');
    }
    try {
      return await ask(trust);
    } catch (cause) {
      const { code, detail } = asDrimboxError(cause);
      return { state: CheckState.failed, message: describeFailure({ code, detail }), remedy: remedyFor(code) };
    }
  };
