/**
 * Whether the person who signed in with FranceConnect+ is the patient of the archive: five traits, all must match, and
 * whatever is missing, unreadable or undecidable denies (DB.VI-SO.152).
 *
 * The rule, one row a trait. No trait ever leaves this file: a mismatch says which rows failed, without values.
 *
 *   trait        claim of FranceConnect+ (rnipp_*, else plain)     INS of manifest and of every report    denied besides
 *   birth name   normal form                                       equal                                  used name is never read
 *   given name   normal form of the first, exact or alone          equal to the first birth given name    boundary unknown
 *   birth date   00 → 01                                           00 → 01, equal
 *   sex          male, female                                      M, F                                   unspecified, U
 *   birth place  commune in France, else country                   the same code (Corsica: birth-place)   unknown, contradictory
 *
 * No official algorithm is published: this one is decision E7, stricter than facts/identity.md 3.4.
 *
 * @see decision E7 · facts/identity.md 3.4 · civil-name.ts, civil-date.ts, birth-place.ts
 */
import { type InsIdentifier, isInsOid, isSameIns, type PatientIdentity } from '../standards/index.ts';
import { compareBirthPlaces } from './birth-place.ts';
import { normalizeArchivedBirthDate, normalizeClaimedBirthDate } from './civil-date.ts';
import { isOneGivenName, normalizeCivilName } from './civil-name.ts';
import type { CivilTraits } from './signed-in.ts';

/** What one document of the archive says of its patient. */
export interface ArchivedTraits
  extends Pick<
    PatientIdentity,
    'ins' | 'birthFamilyName' | 'firstBirthGivenName' | 'birthDate' | 'sex' | 'birthPlace'
  > {
  /** PID-32 of the message, where it said one: anything but `VALI` is an identity nobody verified. */
  readonly identityStatus?: string;
}

/** The patient of a study: what its manifest (KOS) says, and each current report that names the study. */
export interface ArchivedPatient {
  readonly manifest: ArchivedTraits;
  /** At least one. */
  readonly reports: readonly ArchivedTraits[];
}

/** Which row of the rule failed; never a value. */
export const MismatchReason = {
  /** No INS, or an identity status other than `VALI`. */
  notQualified: 'ins-not-qualified',
  /** No report, or manifest and reports name different INS. */
  recordsDiffer: 'records-differ',
  birthNameMissing: 'birth-name-missing',
  birthNameDiffers: 'birth-name-differs',
  givenNameMissing: 'given-name-missing',
  givenNameDiffers: 'given-name-differs',
  /** Several given names in one text: where the first one ends is not known. */
  givenNameUndecidable: 'given-name-undecidable',
  birthDateMissing: 'birth-date-missing',
  birthDateDiffers: 'birth-date-differs',
  sexMissing: 'sex-missing',
  sexDiffers: 'sex-differs',
  birthPlaceMissing: 'birth-place-missing',
  birthPlaceDiffers: 'birth-place-differs',
} as const;
export type MismatchReason = (typeof MismatchReason)[keyof typeof MismatchReason];

export type IdentityMatch =
  | { readonly kind: 'match' }
  /** Each failed row once, in the order of the table. */
  | { readonly kind: 'mismatch'; readonly reasons: readonly MismatchReason[] };

type Row = (traits: CivilTraits, archived: ArchivedTraits) => MismatchReason | undefined;

/** One trait in the normal form of each side; undefined: missing or unreadable. */
const compare = (
  claimed: string | undefined,
  archived: string | undefined,
  missing: MismatchReason,
  differs: MismatchReason,
): MismatchReason | undefined => {
  if (claimed === undefined || archived === undefined) return missing;
  return claimed === archived ? undefined : differs;
};

const isInsIdentifier = (ins: Partial<InsIdentifier> | undefined): boolean =>
  typeof ins?.value === 'string' && ins.value !== '' && typeof ins.oid === 'string' && isInsOid(ins.oid);

const qualification: Row = (_, { ins, identityStatus }) =>
  isInsIdentifier(ins) && (identityStatus === undefined || identityStatus === '' || identityStatus === 'VALI')
    ? undefined
    : MismatchReason.notQualified;

const birthName: Row = (traits, archived) =>
  compare(
    normalizeCivilName(traits.birthName),
    normalizeCivilName(archived.birthFamilyName),
    MismatchReason.birthNameMissing,
    MismatchReason.birthNameDiffers,
  );

/** An exact first name may have spaces of its own (Marie Louise); one that is cut out of a text may not. */
const givenName: Row = ({ firstGivenName, givenNames }, archived) => {
  const isExact = firstGivenName !== undefined;
  const claimed = isExact ? firstGivenName : givenNames;
  const first = normalizeCivilName(claimed);
  if (first !== undefined && !isExact && !isOneGivenName(claimed)) return MismatchReason.givenNameUndecidable;
  return compare(
    first,
    normalizeCivilName(archived.firstBirthGivenName),
    MismatchReason.givenNameMissing,
    MismatchReason.givenNameDiffers,
  );
};

const birthDate: Row = (traits, archived) =>
  compare(
    normalizeClaimedBirthDate(traits.birthDate),
    normalizeArchivedBirthDate(archived.birthDate),
    MismatchReason.birthDateMissing,
    MismatchReason.birthDateDiffers,
  );

const sexOfGender = new Map<unknown, string>([
  ['male', 'M'],
  ['female', 'F'],
]);

const sex: Row = (traits, archived) =>
  compare(
    sexOfGender.get(traits.gender),
    archived.sex === 'M' || archived.sex === 'F' ? archived.sex : undefined,
    MismatchReason.sexMissing,
    MismatchReason.sexDiffers,
  );

const birthPlace: Row = (traits, archived) => {
  const comparison = compareBirthPlaces(traits, archived.birthPlace);
  switch (comparison) {
    case 'equal':
      return undefined;
    case 'different':
      return MismatchReason.birthPlaceDiffers;
    case 'missing':
      return MismatchReason.birthPlaceMissing;
  }
};

const rows: readonly Row[] = [qualification, birthName, givenName, birthDate, sex, birthPlace];

const areOnePatient = ({ manifest, reports }: ArchivedPatient): boolean =>
  reports.length > 0 && reports.every(({ ins }) => isInsIdentifier(ins) && isSameIns(ins, manifest.ins));

/**
 * Compares a person with a patient. Pure; never throws, whatever the texts.
 *
 * @param traits   of FranceConnect+, `rnipp_*` first
 * @param patient  manifest and current reports of one study; each must match by itself
 * @see decision E7
 */
export const matchIdentity = (traits: CivilTraits, patient: ArchivedPatient): IdentityMatch => {
  const sources = [patient.manifest, ...patient.reports];
  const failed = new Set(sources.flatMap((archived) => rows.flatMap((row) => row(traits, archived) ?? [])));
  if (isInsIdentifier(patient.manifest.ins) && !areOnePatient(patient)) failed.add(MismatchReason.recordsDiffer);
  const reasons = Object.values(MismatchReason).filter((reason) => failed.has(reason));
  return reasons.length === 0 ? { kind: 'match' } : { kind: 'mismatch', reasons };
};
