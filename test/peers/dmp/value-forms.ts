/** Forms of single metadata values: dates, HL7 v2 data types in ebRIM. @see IHE ITI TF-3 table 4.2.3.1.7-2 · facts/cisis.md 3 */
import { oids } from '../../../plugin/standards/index.ts';

/**
 * An XDS date: UTC, digits only, from year to second.
 *
 * @returns milliseconds UTC, or undefined when it is no date
 */
export const parseDtm = (text: string): number | undefined => {
  if (!/^\d{4}(\d\d){0,5}$/.test(text)) return undefined;
  const part = (from: number, absent: number): number =>
    text.length > from ? Number(text.slice(from, from + 2)) : absent;
  const [month, day, hour, minute, second] = [part(4, 1), part(6, 1), part(8, 0), part(10, 0), part(12, 0)];
  const utcMs = Date.UTC(Number(text.slice(0, 4)), month - 1, day, hour, minute, second);
  const back = new Date(utcMs).toISOString().replaceAll(/\D/g, '');
  return back.startsWith(text) && back.slice(0, text.length) === text ? utcMs : undefined;
};

/** Components of an XCN, XON or CX; the assigning authority must be `&OID&ISO`. */
const components = (text: string): string[] => text.split('^');
const authorityOid = (component: string): string => /^&([0-9.]+)&ISO$/.exec(component)?.[1] ?? '';

export interface PersonValue {
  readonly id: string;
  readonly isDevice: boolean;
}

/** `id^family^given^^^^^^&1.2.250.1.71.4.2.1&ISO^D^^^IDNPS`, or a device `…^U^^^EI`. */
export const parsePersonValue = (text: string): PersonValue | undefined => {
  const parts = components(text);
  const [id = '', family = '', given = ''] = parts;
  const isDevice = parts[9] === 'U' && parts[12] === 'EI';
  const isPerson = parts[9] === 'D' && parts[12] === 'IDNPS';
  const isComplete = id !== '' && family !== '' && given !== '' && parts.length === 13;
  const isAssigned = authorityOid(parts[8] ?? '') === oids.healthProfessionals;
  return isComplete && isAssigned && (isDevice || isPerson) ? { id, isDevice } : undefined;
};

/** `name^^^^^&1.2.250.1.71.4.2.2&ISO^IDNST^^^id` */
export const parseInstitutionValue = (text: string): { id: string; name: string } | undefined => {
  const parts = components(text);
  const [name = ''] = parts;
  const id = parts[9] ?? '';
  const isAssigned = authorityOid(parts[5] ?? '') === oids.healthOrganizations && parts[6] === 'IDNST';
  return name !== '' && id !== '' && isAssigned && parts.length === 10 ? { id, name } : undefined;
};

/** `value^^^&OID&ISO^PI` or `…^NH` */
export const isSourcePatientId = (text: string): boolean => /^[^^]+\^\^\^&[0-9.]+&ISO\^(PI|NH)$/.test(text);

const patientFieldPatterns: Readonly<Record<string, RegExp>> = {
  'PID-5': /^[^|^]+\^[^|^]+(\^[^|^]*){4}\^[DLS]$/,
  'PID-7': /^\d{8}$/,
  'PID-8': /^[MFUOA]$/,
  'PID-11': /^\^\^\^\^\^\^BDL\^\^[0-9][0-9AB][0-9]{3}$/,
};
const mandatoryPatientFields: readonly string[] = ['PID-5', 'PID-7', 'PID-8'];

/** The rows of sourcePatientInfo: known fields, well formed, the mandatory ones there. */
export const isSourcePatientInfo = (values: readonly string[]): boolean => {
  const fields = values.map((value) => value.split('|'));
  const isFormed = fields.every(([name = '', content = '', ...rest]) => {
    return rest.length === 0 && patientFieldPatterns[name]?.test(content) === true;
  });
  return isFormed && mandatoryPatientFields.every((name) => fields.some((field) => field[0] === name));
};

export interface ReferenceId {
  readonly id: string;
  readonly kind: 'accession' | 'order' | 'studyInstanceUid';
  /** '' when the value names none. */
  readonly authorityOid: string;
}

const referenceKinds: Readonly<Record<string, ReferenceId['kind']>> = {
  'urn:ihe:iti:xds:2013:accession': 'accession',
  'urn:ihe:iti:xds:2013:order': 'order',
  'urn:ihe:iti:xds:2016:studyInstanceUID': 'studyInstanceUid',
};

/** `id^^^&OID&ISO^urn:…`; the authority may be absent, not malformed. */
export const parseReferenceId = (text: string): ReferenceId | undefined => {
  const [id = '', second, third, authority = '', type = '', ...rest] = components(text);
  const kind = referenceKinds[type];
  const isFormed = id !== '' && second === '' && third === '' && rest.length === 0;
  const oid = authorityOid(authority);
  return kind !== undefined && isFormed && (oid !== '' || authority === '')
    ? { id, kind, authorityOid: oid }
    : undefined;
};

export const isOidValue = (text: string): boolean => text.length <= 64 && /^[0-2](\.(0|[1-9][0-9]*))+$/.test(text);
