/**
 * Reads back the HL7 data types inside XDS metadata: what `xds-datatypes.ts` writes, and what other DRIMboxes write.
 *
 * @see IHE ITI TF-3 4.2.3.1.7 · facts/spec.md b.4.3, b.4.4 · HL7 v2.5 §2.7 (escapes)
 */
import { DrimboxError } from '../errors.ts';
import {
  type CodedConcept,
  type HealthOrganization,
  type HealthProfessional,
  type InsIdentifier,
  isInsOid,
  type IssuedIdentifier,
  oids,
  parseHl7Timestamp,
  parseInsIdentifier,
  type Sex,
} from '../standards/index.ts';

export const invalidMetadata = (detail: string, cause?: unknown): DrimboxError =>
  new DrimboxError('dmp/metadata-invalid', { detail, ...(cause === undefined ? {} : { cause }) });

const unescaped: Readonly<Record<string, string>> = { S: '^', T: '&', R: '~', F: '|', E: '\\' };

/** Text of a component: HL7 escapes are read, anything else stays as it is. */
const textOf = (component: string | undefined): string =>
  (component ?? '').replace(/\\([STRFE])\\/g, (whole, letter: string) => unescaped[letter] ?? whole);

/** The components of a value, still escaped. */
const componentsOf = (value: string): readonly string[] => value.split('^');

/** OID of an assigning authority `&oid&ISO`; undefined when there is none. */
const authorityOf = (component: string | undefined): string | undefined => {
  const oid = component?.split('&')[1];
  return oid === undefined || oid === '' ? undefined : oid;
};

/** CX, CXi: `value^^^&OID&ISO^type`. */
export const decodeCx = (value: string): IssuedIdentifier & { readonly type: string } => {
  const components = componentsOf(value);
  const issuerOid = authorityOf(components[3]);
  return {
    value: textOf(components[0]),
    ...(issuerOid === undefined ? {} : { issuerOid }),
    type: components[4] ?? '',
  };
};

/** The patient whose record it is. @throws dmp/metadata-invalid */
export const decodeInsCx = (value: string): InsIdentifier => {
  const { value: matricule, issuerOid } = decodeCx(value);
  try {
    return parseInsIdentifier(matricule, issuerOid ?? '');
  } catch (cause) {
    throw invalidMetadata('patientId is no INS', cause);
  }
};

/** The local identifier (IPP); undefined where the INS stands in its place. */
export const decodeSourcePatientId = (value: string | undefined): IssuedIdentifier | undefined => {
  if (value === undefined) return undefined;
  const { type: _, ...identifier } = decodeCx(value);
  if (identifier.value === '' || isInsOid(identifier.issuerOid ?? '')) return undefined;
  return identifier;
};

/** XCN: `id^family^given^^^^^^&OID&ISO^D^^^IDNPS`; a device stands as `^U^^^EI`. @throws dmp/metadata-invalid */
export const decodeXcn = (value: string, what: string): HealthProfessional => {
  const [id, family, given] = componentsOf(value).map(textOf);
  if (id === undefined || id === '') throw invalidMetadata(`${what} has no identifier`);
  return { id, familyName: family ?? '', givenName: given ?? '' };
};

/** XON: `name^^^^^&OID&ISO^IDNST^^^id`. @throws dmp/metadata-invalid */
export const decodeXon = (value: string): HealthOrganization => {
  const components = componentsOf(value).map(textOf);
  const id = components[9] ?? '';
  if (id === '') throw invalidMetadata('authorInstitution has no identifier');
  return { id, name: components[0] ?? '' };
};

/** authorSpecialty: `G15_10/SM44^label^OID`; undefined for another coding. */
export const decodeSpecialty = (value: string | undefined): CodedConcept | undefined => {
  const [code = '', displayName = '', codeSystem = ''] = (value === undefined ? [] : componentsOf(value)).map(textOf);
  return codeSystem === oids.authorSpecialties && code !== '' ? { code, displayName, codeSystem } : undefined;
};

/** Who the patient is, as far as metadata say; absent where they do not. */
export interface PatientTraits {
  readonly birthFamilyName?: string;
  readonly firstBirthGivenName?: string;
  readonly birthDate?: string;
  readonly sex?: Sex;
  readonly birthPlace?: string;
}

const sexes: Readonly<Record<string, Sex>> = { M: 'M', F: 'F', U: 'U' };

/** The values of sourcePatientInfo: `PID-5|FAMILY^Given^^^^^L`, `PID-7|19900101`, `PID-8|F`, `PID-11|^^^^^^BDL^^75056`. */
export const decodeSourcePatientInfo = (values: readonly string[]): PatientTraits => {
  const fields = new Map<string, readonly string[]>();
  for (const value of values) {
    const bar = value.indexOf('|');
    const field = value.slice(0, bar);
    if (bar > 0 && !fields.has(field)) fields.set(field, componentsOf(value.slice(bar + 1)).map(textOf));
  }
  const filled = (field: string, position: number): string | undefined => fields.get(field)?.[position] || undefined;
  const birthFamilyName = filled('PID-5', 0);
  const firstBirthGivenName = filled('PID-5', 1);
  const birthDate = filled('PID-7', 0);
  const sex = sexes[filled('PID-8', 0) ?? ''];
  const birthPlace = filled('PID-11', 6) === 'BDL' ? filled('PID-11', 8) : undefined;
  return {
    ...(birthFamilyName === undefined ? {} : { birthFamilyName }),
    ...(firstBirthGivenName === undefined ? {} : { firstBirthGivenName }),
    ...(birthDate === undefined ? {} : { birthDate }),
    ...(sex === undefined ? {} : { sex }),
    ...(birthPlace === undefined ? {} : { birthPlace }),
  };
};

/** DTM in UTC, of any precision, as it stands. @throws dmp/metadata-invalid */
export const checkedDtm = (value: string, what: string): string => {
  if (/^[0-9]{4,14}$/.test(value)) {
    try {
      parseHl7Timestamp(value);
      return value;
    } catch {
      // Told below.
    }
  }
  throw invalidMetadata(`${what} is no time`);
};

/** A DTM as a point in time: what was not written is its first moment. @throws dmp/metadata-invalid */
export const decodeXdsTime = (value: string, what: string): number => {
  const { year, month = 1, day = 1, hour = 0, minute = 0, second = 0 } = parseHl7Timestamp(checkedDtm(value, what));
  return Date.UTC(year, month - 1, day, hour, minute, second);
};
