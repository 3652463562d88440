/**
 * The patient of the report: INS, local identifiers and birth traits.
 *
 * @see CI-SIS "Structuration minimale", recordTarget · référentiel INS · facts/cisis.md 2.2 · decision A2
 */
import { DrimboxError } from '../errors.ts';
import {
  type InsIdentifier,
  type IssuedIdentifier,
  insOids,
  isInsOid,
  type PatientIdentity,
  parseInsIdentifier,
  type Sex,
} from '../standards/index.ts';
import {
  attribute,
  type CdaElement,
  children,
  fieldInvalid,
  first,
  isNull,
  required,
  requiredAttribute,
  textOf,
} from './cda-element.ts';
import { issuedIdentifierOf } from './identifiers.ts';
import { parsePatientNames } from './patient-names.ts';
import type { Warn } from './warnings.ts';

/** Arc of the national identifiers (INS, and the older INS-C): never a local identifier. */
const nationalArc = '1.2.250.1.213.1.4.';

/** The definitive number before the provisional one; production before test, though both together are refused. */
const insPreference = [
  '1.2.250.1.213.1.4.8',
  '1.2.250.1.213.1.4.9',
  '1.2.250.1.213.1.4.10',
  '1.2.250.1.213.1.4.11',
] as const satisfies readonly (keyof typeof insOids)[];

export interface ReportedPatient {
  readonly identity: PatientIdentity;
  /** Every local identifier, the IPP first. */
  readonly localIds: readonly IssuedIdentifier[];
}

/**
 * @param document ClinicalDocument
 * @throws report/ins-missing, report/field-missing, report/field-invalid, standards/ins-invalid
 */
export const parsePatient = (document: CdaElement, warn: Warn): ReportedPatient => {
  const role = required(document, 'recordTarget', 'patientRole');
  const ins = parseIns(role, warn);
  const localIds = parseLocalIds(role, warn);
  const patient = required(role, 'patient');
  const birthPlace = parseBirthPlace(patient, warn);
  const [ipp] = localIds;
  return {
    localIds,
    identity: {
      ins,
      ...(ipp === undefined ? {} : { ipp }),
      ...parsePatientNames(patient, warn),
      birthDate: parseBirthDate(required(patient, 'birthTime')),
      sex: parseSex(required(patient, 'administrativeGenderCode')),
      ...(birthPlace === undefined ? {} : { birthPlace }),
    },
  };
};

/**
 * Two numbers of one kind, or of two environments, leave open who the patient is: refused. An INS-NIR beside an
 * INS-NIA is one patient whose provisional number was kept: the INS-NIR is taken.
 */
const parseIns = (role: CdaElement, warn: Warn): InsIdentifier => {
  const found = children(role, 'id').flatMap((id) => insOf(id) ?? []);
  const kinds = insPreference.map((oid) => found.filter((ins) => ins.oid === oid)).filter((group) => group.length > 0);
  const chosen = kinds[0]?.[0];
  const location = `${role.path}/id`;
  if (chosen === undefined) throw new DrimboxError('report/ins-missing', { context: { location }, detail: location });
  if (kinds.some((group) => group.some((ins) => ins.value !== group[0]?.value))) {
    throw fieldInvalid(location, 'two INS of one kind');
  }
  if (new Set(found.map((ins) => insOids[ins.oid].environment)).size > 1) {
    throw fieldInvalid(location, 'INS of production and of test');
  }
  if (kinds.length > 1) warn('ins-several');
  return chosen;
};

const insOf = (id: CdaElement): InsIdentifier | undefined => {
  const root = attribute(id, 'root');
  if (isNull(id) || root === undefined || !isInsOid(root)) return undefined;
  const value = requiredAttribute(id, 'extension');
  try {
    return parseInsIdentifier(value, root);
  } catch (cause) {
    const location = `${id.path}/@extension`;
    throw new DrimboxError('standards/ins-invalid', { cause, context: { location }, detail: location });
  }
};

const parseLocalIds = (role: CdaElement, warn: Warn): readonly IssuedIdentifier[] => {
  const ids = children(role, 'id')
    .filter((id) => !(attribute(id, 'root') ?? '').startsWith(nationalArc))
    .flatMap((id) => issuedIdentifierOf(id) ?? []);
  if (ids.length > 1) warn('local-id-several');
  return ids;
};

/** Day or month may be `00` (unknown); the time of birth is dropped. */
const birthDatePattern = /^(?<date>[12]\d{3}(?:0\d|1[0-2])(?:[0-2]\d|3[01]))(?:\d{0,6}(?:\.\d+)?)?(?:[+-]\d{4})?$/;

const parseBirthDate = (birthTime: CdaElement): string => {
  const date = birthDatePattern.exec(requiredAttribute(birthTime, 'value'))?.groups?.['date'];
  if (date === undefined) throw fieldInvalid(`${birthTime.path}/@value`, 'not a date');
  return date;
};

const sexOfCode: Readonly<Record<string, Sex>> = { M: 'M', F: 'F', U: 'U', UN: 'U' };

const parseSex = (gender: CdaElement): Sex => {
  const code = requiredAttribute(gender, 'code');
  const sex = Object.hasOwn(sexOfCode, code) ? sexOfCode[code] : undefined;
  if (sex === undefined) throw fieldInvalid(`${gender.path}/@code`, 'not M, F or UN');
  return sex;
};

/** INSEE code of a commune (2A004, 51215) or of a country (99…). */
const birthPlacePattern = /^(?:[0-9]{2}|2[AB])[0-9]{3}$/;

const parseBirthPlace = (patient: CdaElement, warn: Warn): string | undefined => {
  const code = textOf(first(patient, 'birthplace', 'place', 'addr', 'county'));
  if (code === undefined || birthPlacePattern.test(code)) return code;
  warn('birth-place-invalid');
  return undefined;
};
