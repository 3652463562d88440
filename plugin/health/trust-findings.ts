/** From what was found to one outcome: the worst gives the message, each gives its remedy. */
import { asDrimboxError, type ErrorCode, errorTable } from '../errors.ts';
import { remedyOf } from '../remedies.ts';
import { type CheckOutcome, CheckState, skipped, worstState } from './check-result.ts';
import type { DoctorPorts } from './doctor-ports.ts';
import type { TrustFailure, TrustLooks } from './trust-facts.ts';
import type { ViewerLooks } from './viewer-facts.ts';

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

/** Asks, where there is something to ask. */
const withLooks =
  <Looks>(
    looks: Looks | 'not-configured' | undefined,
    notConfigured: string,
    ask: (looks: Looks) => Promise<CheckOutcome>,
  ) =>
  async (): Promise<CheckOutcome> => {
    if (looks === undefined) return skipped('Non examiné.');
    if (looks === 'not-configured') return skipped(notConfigured);
    try {
      return await ask(looks);
    } catch (cause) {
      const { code, detail } = asDrimboxError(cause);
      return { state: CheckState.failed, message: describeFailure({ code, detail }), remedy: remedyFor(code) };
    }
  };

/** Who gives no images needs no trust. */
export const withTrust = ({ trust }: DoctorPorts, ask: (looks: TrustLooks) => Promise<CheckOutcome>) =>
  withLooks(trust, 'Non configuré (DrimBox.Trust) : aucune image n’est donnée à d’autres DRIMbox.', ask);

/** Who shows no images needs no viewer. */
export const withViewer = ({ viewer }: DoctorPorts, ask: (looks: ViewerLooks) => Promise<CheckOutcome>) =>
  withLooks(viewer, 'Non configurée (DrimBox.Viewer) : aucune image n’est montrée dans un navigateur.', ask);
