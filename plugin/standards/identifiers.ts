/**
 * Identifiers as branded types, each made by one `parse` function.
 *
 * @see PS3.5 §9.1 and annex B (UID) · ITU-T X.660 (OID) · référentiel INS (15 characters, key modulo 97)
 */
import { DrimboxError } from '../errors.ts';

declare const brand: unique symbol;
type Branded<Name extends string> = string & { readonly [brand]: Name };

/** ISO object identifier; arcs are kept as text, so arcs above 32 bits are exact. */
export type Oid = Branded<'Oid'>;
export type StudyInstanceUid = Branded<'StudyInstanceUid'>;
export type SeriesInstanceUid = Branded<'SeriesInstanceUid'>;
export type SopInstanceUid = Branded<'SopInstanceUid'>;
export type SopClassUid = Branded<'SopClassUid'>;

const oidPattern = /^[0-2](\.(0|[1-9][0-9]*))+$/;
/** PS3.5 §9.1: at most 64 characters, no leading zero in an arc. */
const isUid = (text: string): boolean => text.length <= 64 && oidPattern.test(text);

/** @throws standards/oid-invalid */
export const parseOid = (text: string): Oid => {
  if (text.length <= 256 && oidPattern.test(text)) return text as Oid;
  throw new DrimboxError('standards/oid-invalid', { detail: `not an OID (${text.length} characters)` });
};

const parseUid = (text: string, what: string): string => {
  if (isUid(text)) return text;
  throw new DrimboxError('standards/uid-invalid', { detail: `not a ${what} (${text.length} characters)` });
};

/** @throws standards/uid-invalid */
export const parseStudyInstanceUid = (text: string): StudyInstanceUid =>
  parseUid(text, 'StudyInstanceUID') as StudyInstanceUid;
/** @throws standards/uid-invalid */
export const parseSeriesInstanceUid = (text: string): SeriesInstanceUid =>
  parseUid(text, 'SeriesInstanceUID') as SeriesInstanceUid;
/** @throws standards/uid-invalid */
export const parseSopInstanceUid = (text: string): SopInstanceUid => parseUid(text, 'SOPInstanceUID') as SopInstanceUid;
/** @throws standards/uid-invalid */
export const parseSopClassUid = (text: string): SopClassUid => parseUid(text, 'SOPClassUID') as SopClassUid;

export const isOid = (text: string): boolean => oidPattern.test(text);

/** Arcs under 1.2.250.1.213.1.4 that say what kind of national identity (INS) a number is, and for which environment. */
export const insOids = {
  '1.2.250.1.213.1.4.8': { kind: 'NIR', environment: 'production', issuer: 'ASIP-SANTE-INS-NIR' },
  '1.2.250.1.213.1.4.9': { kind: 'NIA', environment: 'production', issuer: 'ASIP-SANTE-INS-NIA' },
  '1.2.250.1.213.1.4.10': { kind: 'NIR', environment: 'test', issuer: 'ASIP-SANTE-INS-NIR' },
  '1.2.250.1.213.1.4.11': { kind: 'NIR', environment: 'test', issuer: 'ASIP-SANTE-INS-NIR' },
} as const;
export type InsOid = keyof typeof insOids;
export const isInsOid = (oid: string): oid is InsOid => Object.hasOwn(insOids, oid);

/** The national identity of a patient: matricule (15 characters, key included) and the OID that says of which kind. */
export interface InsIdentifier {
  readonly value: string;
  readonly oid: InsOid;
}

/** 13 characters (Corsica as 2A, 2B) and the two digits of the key. */
const insPattern = /^[0-9]{5}(?:[0-9]{2}|2A|2B)[0-9]{6}[0-9]{2}$/;

/**
 * @param value  matricule, 15 characters
 * @param oid    one of the four INS arcs
 * @throws standards/ins-invalid — the form only: the key is not checked, official test identities carry wrong ones
 */
export const parseInsIdentifier = (value: string, oid: string): InsIdentifier => {
  if (!isInsOid(oid)) throw new DrimboxError('standards/ins-invalid', { detail: 'not an INS OID' });
  if (!insPattern.test(value)) {
    throw new DrimboxError('standards/ins-invalid', { detail: `matricule of ${value.length} characters` });
  }
  return { value, oid };
};

export const isSameIns = (a: InsIdentifier, b: InsIdentifier): boolean => a.value === b.value && a.oid === b.oid;
