/** Rules that every registry object obeys, whatever it is. @see ebRIM 3.0 · rim.xsd · IHE ITI TF-3 §4.2 */
import type { FixedCode } from './code-tables.ts';
import { type Classification, classified, type RegistryObject } from './ebrim.ts';
import { type Findings, registryCodes } from './findings.ts';
import { parseDtm, parseInstitutionValue, parsePersonValue } from './value-forms.ts';

const metadata = registryCodes.repositoryMetadata;

/** Order of the children in rim.xsd. */
const childNames: readonly string[] = [
  'Slot',
  'Name',
  'Description',
  'VersionInfo',
  'Classification',
  'ExternalIdentifier',
];

export interface FormContext {
  /** Whether what only the schema forbids is refused, or tolerated as a DMP was seen to do. */
  readonly strictForm: boolean;
  readonly nowMs: number;
  /** How far in the future a date may be. */
  readonly maxSkewMs: number;
}

const isOrdered = (names: readonly string[]): boolean => {
  const ranks = names.map((name) => childNames.indexOf(name));
  return ranks.every((rank, index) => rank >= 0 && rank >= (ranks[index - 1] ?? 0));
};

export const checkForm = (object: RegistryObject, context: FormContext, findings: Findings): void => {
  if (object.id === '') findings.registry('object/id', metadata, 'id missing');
  if (object.repeatedSlots.length > 0)
    findings.registry('object/slot-repeated', metadata, `${object.id}: ${object.repeatedSlots[0]} twice`);
  if (!isOrdered(object.childOrder)) {
    const text = `${object.id}: children not in the order of rim.xsd`;
    if (context.strictForm) findings.registry('object/child-order', metadata, text);
    else findings.tolerate('object/child-order', text);
  }
  const strays = [
    ...object.classifications.map((each) => each.classifiedObject),
    ...object.externalIdentifiers.map((each) => each.registryObject),
  ].filter((target) => target !== object.id);
  if (strays.length > 0)
    findings.registry('object/belongs', metadata, `${object.id}: classifiedObject or registryObject names another`);
};

/** A slot with exactly one value. @returns '' when it is not so */
export const checkSingleSlot = (object: RegistryObject, name: string, findings: Findings): string => {
  const values = object.slots.get(name);
  if (values?.length === 1 && values[0] !== undefined && values[0] !== '') return values[0];
  findings.registry(`slot/${name}`, metadata, `${object.id}: slot ${name} must have one value`);
  return '';
};

/** A UTC date in a slot, not in the future. */
export const checkDateSlot = (
  object: RegistryObject,
  name: string,
  context: FormContext,
  findings: Findings,
): number | undefined => {
  const text = checkSingleSlot(object, name, findings);
  if (text === '') return undefined;
  const utcMs = parseDtm(text);
  if (utcMs === undefined) findings.registry(`slot/${name}`, metadata, `${object.id}: ${name} is not a date`);
  else if (utcMs > context.nowMs + context.maxSkewMs) {
    findings.registry(`slot/${name}-future`, metadata, `${object.id}: ${name} is in the future (UTC expected)`);
  }
  return utcMs;
};

export const checkOnlyKnownSlots = (object: RegistryObject, known: readonly string[], findings: Findings): void => {
  for (const name of object.slots.keys()) {
    if (!known.includes(name)) findings.tolerate('slot/unknown', `${object.id}: slot ${name}`);
  }
};

/** One classification of a scheme, with code, codingScheme and display name. */
export const checkCode = (
  object: RegistryObject,
  scheme: string,
  name: string,
  findings: Findings,
): Classification | undefined => {
  const [found, ...others] = classified(object, scheme);
  const isComplete = found !== undefined && found.code !== '' && found.codingScheme !== '' && found.displayName !== '';
  if (isComplete && others.length === 0) return found;
  findings.registry(`code/${name}`, metadata, `${object.id}: ${name} must be given once, with scheme and name`);
  return undefined;
};

export const checkFixedCode = (
  object: RegistryObject,
  scheme: string,
  name: string,
  expected: FixedCode,
  findings: Findings,
): void => {
  const found = checkCode(object, scheme, name, findings);
  if (found !== undefined && (found.code !== expected.code || found.codingScheme !== expected.codingScheme)) {
    findings.registry(`code/${name}`, metadata, `${object.id}: ${name} ${found.code} not expected`);
  }
};

/** Author classifications. @returns structures named by authorInstitution */
export const checkAuthors = (object: RegistryObject, scheme: string, findings: Findings): string[] => {
  const authors = classified(object, scheme);
  if (authors.length === 0) findings.registry('author/missing', metadata, `${object.id}: author missing`);
  const structures: string[] = [];
  for (const author of authors) {
    const persons = author.slots.get('authorPerson') ?? [];
    if (persons.length !== 1 || parsePersonValue(persons[0] ?? '') === undefined) {
      findings.registry('author/person', metadata, `${object.id}: authorPerson missing or malformed`);
    }
    const institutions = (author.slots.get('authorInstitution') ?? []).map(parseInstitutionValue);
    if (institutions.length === 0 || institutions.includes(undefined)) {
      findings.registry('author/institution', metadata, `${object.id}: authorInstitution missing or malformed`);
    }
    structures.push(...institutions.flatMap((institution) => (institution === undefined ? [] : [institution.id])));
  }
  return structures;
};

/** An external identifier of a scheme, once, with the name the standard gives it. @returns '' when it is not so */
export const checkIdentifier = (object: RegistryObject, scheme: string, name: string, findings: Findings): string => {
  const [found, ...others] = object.externalIdentifiers.filter((each) => each.scheme === scheme);
  if (found !== undefined && others.length === 0 && found.value !== '' && found.name === name) return found.value;
  findings.registry(`identifier/${name}`, metadata, `${object.id}: ${name} must be given once, under that name`);
  return '';
};
