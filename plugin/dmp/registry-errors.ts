/**
 * From what the DMP says went wrong to a code of our table.
 *
 * The full list of `DMP…` codes (SEL-MP-037) is not public: unknown ones are refusals, and the French sentences are those
 * that a connector's documentation quotes. All of it is to be revised with that document.
 *
 * @see IHE ITI TF-3 table 4.2.4.1-2 · facts/identity.md 4.3, 4.7
 */
import type { ErrorCode } from '../errors.ts';

/** What was asked: some codes mean another thing for a document that is sent and for one that is looked up. */
export type Transaction = 'TD2.1' | 'TD3.1' | 'TD3.3c';

interface Verdict {
  readonly sent: ErrorCode;
  /** When the request names a document the DMP should have. */
  readonly named: ErrorCode;
}

const verdict = (sent: ErrorCode, named: ErrorCode = sent): Verdict => ({ sent, named });

/** errorCode of a RegistryError (order of the ITI table), then those of the DMP. */
const registryErrorCodes: Readonly<Record<string, Verdict>> = {
  XDSDocumentUniqueIdError: verdict('dmp/document-duplicate', 'dmp/document-unknown'),
  XDSDuplicateDocument: verdict('dmp/document-duplicate'),
  XDSDuplicateUniqueIdInRegistry: verdict('dmp/document-duplicate'),
  // Same identifier, other bytes: not our own document, so not the duplicate that decision C2 takes for a success.
  XDSNonIdenticalHash: verdict('dmp/refused'),
  XDSNonIdenticalSize: verdict('dmp/refused'),
  XDSPatientIdDoesNotMatch: verdict('dmp/refused'),
  XDSRegistryBusy: verdict('dmp/unavailable'),
  XDSRepositoryBusy: verdict('dmp/unavailable'),
  XDSRegistryOutOfResources: verdict('dmp/unavailable'),
  XDSRepositoryOutOfResources: verdict('dmp/unavailable'),
  XDSRegistryNotAvailable: verdict('dmp/unavailable'),
  XDSUnknownPatientId: verdict('dmp/patient-unknown'),
  UnresolvedReferenceException: verdict('dmp/document-unknown'),
  DMPNotFound: verdict('dmp/patient-unknown'),
  DMPPatientNotFound: verdict('dmp/patient-unknown'),
  DMPUnknownPatient: verdict('dmp/patient-unknown'),
  DMPClosed: verdict('dmp/patient-closed'),
  DMPInvalidCertificate: verdict('dmp/certificate-refused'),
  DMPInvalidSignature: verdict('dmp/certificate-refused'),
};

/** Sentences found in codeContext or in the reason of a fault, without accents and in lower case. */
const sentences: readonly (readonly [RegExp, ErrorCode])[] = [
  [/aucun authorinstitution ne correspond/, 'dmp/structure-refused'],
  [/structure (introuvable|inconnue|inactive)/, 'dmp/structure-refused'],
  [/ps et structure non lies/, 'dmp/structure-refused'],
  [/aucune specialite dans le vihf/, 'dmp/structure-refused'],
  [/not a valid signature certificate/, 'dmp/certificate-refused'],
  [/dmp.{0,30}\b(ferme|closed)\b/, 'dmp/patient-closed'],
  [/(patient.{0,30}(inconnu|inexistant)|dmp.{0,30}(inexistant|inconnu))/, 'dmp/patient-unknown'],
];

const plain = (text: string): string =>
  text
    .normalize('NFD')
    .replace(/\p{Diacritic}/gu, '')
    .replace(/\s+/g, ' ')
    .toLowerCase();

const bySentence = (text: string): ErrorCode | undefined => {
  const searched = plain(text.slice(0, 4000));
  return sentences.find(([pattern]) => pattern.test(searched))?.[1];
};

/** A code may come as a QName or a URN: only its last word counts. */
const localCode = (code: string): string => code.replace(/^.*[:#}]/, '').trim();

const byCode = (code: string, transaction: Transaction): ErrorCode | undefined => {
  const name = localCode(code);
  if (!Object.hasOwn(registryErrorCodes, name)) return undefined;
  const found = registryErrorCodes[name];
  return transaction === 'TD2.1' ? found?.sent : found?.named;
};

/** One RegistryError. Unknown codes are refusals: sending again would change nothing. */
export const codeOfRegistryError = (errorCode: string, codeContext: string, transaction: Transaction): ErrorCode =>
  byCode(errorCode, transaction) ?? bySentence(codeContext) ?? 'dmp/refused';

/**
 * All errors of one answer as one code: the most telling refusal; "duplicate" only when nothing else is wrong;
 * "unavailable" when a part of it may pass.
 */
export const codeOfRegistryErrors = (codes: readonly ErrorCode[]): ErrorCode => {
  const telling = codes.filter((code) => code !== 'dmp/document-duplicate' && code !== 'dmp/unavailable');
  const specific = telling.find((code) => code !== 'dmp/refused');
  if (specific !== undefined) return specific;
  if (telling.length > 0 || codes.length === 0) return 'dmp/refused';
  return codes.includes('dmp/unavailable') ? 'dmp/unavailable' : 'dmp/document-duplicate';
};

/**
 * A SOAP fault. A fault the receiver blames on itself, of no known kind, does not say whether it took the request.
 *
 * @param codes   Code and Subcode values, outermost first
 */
export const codeOfFault = (codes: readonly string[], reason: string, transaction: Transaction): ErrorCode => {
  for (const code of [...codes].reverse()) {
    const found = byCode(code, transaction);
    if (found !== undefined) return found;
  }
  const found = bySentence(reason);
  if (found !== undefined) return found;
  if (codes.some((code) => localCode(code) === 'FailedCheck')) return 'dmp/certificate-refused';
  const outermost = localCode(codes[0] ?? '');
  return outermost === 'Receiver' || outermost === 'Server' ? 'dmp/server-error' : 'dmp/fault';
};
