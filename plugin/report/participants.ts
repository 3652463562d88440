/**
 * Professionals and structures: authors, legal authenticator, custodian, performers.
 *
 * Only national identifiers count (PS_IdNat, Struct_IdNat): a professional or a structure without one is left out.
 *
 * @see CI-SIS "Structuration minimale" · facts/cisis.md 2.2 · decision A3 (who signs is decided elsewhere)
 */
import { type HealthOrganization, type HealthProfessional, oids } from '../standards/index.ts';
import { attribute, type CdaElement, children, descend, first, isNull, only, textOf } from './cda-element.ts';
import { conceptOf } from './concepts.ts';
import { extensionUnder } from './identifiers.ts';
import type { Warn } from './warnings.ts';

/** A professional, the structure on whose behalf they acted, or both. */
export interface Participant {
  readonly person?: HealthProfessional;
  readonly organization?: HealthOrganization;
}

/** Authors that are identified, in document order; devices and anonymous authors are left out. */
export const parseAuthors = (document: CdaElement, warn: Warn): readonly Participant[] => {
  const authors = descend(document, 'author', 'assignedAuthor').map(participantOf);
  const identified = authors.filter(isIdentified);
  if (identified.length < authors.length) warn('author-unidentified');
  return identified;
};

/** @throws report/field-invalid — more than one */
export const parseLegalAuthenticator = (document: CdaElement, warn: Warn): Participant | undefined => {
  const authenticator = only(document, 'legalAuthenticator');
  const entity =
    authenticator === undefined || isNull(authenticator) ? undefined : only(authenticator, 'assignedEntity');
  if (entity === undefined) {
    warn('legal-authenticator-missing');
    return undefined;
  }
  const participant = participantOf(entity);
  const { person, organization } = participant;
  if (!person?.familyName || !person.givenName || organization === undefined) warn('legal-authenticator-incomplete');
  return isIdentified(participant) ? participant : undefined;
};

export const parseCustodian = (document: CdaElement): HealthOrganization | undefined =>
  organizationOf(first(document, 'custodian', 'assignedCustodian', 'representedCustodianOrganization'));

/** @param at an organization element; undefined when it has no national identifier */
export const organizationOf = (at: CdaElement | undefined): HealthOrganization | undefined => {
  const id = at === undefined ? undefined : extensionUnder(at, oids.healthOrganizations);
  return at === undefined || id === undefined ? undefined : { id, name: textOf(first(at, 'name')) ?? '' };
};

const isIdentified = (participant: Participant): boolean =>
  participant.person !== undefined || participant.organization !== undefined;

/** @param entity assignedAuthor or assignedEntity */
const participantOf = (entity: CdaElement): Participant => {
  const person = personOf(entity);
  const organization = organizationOf(first(entity, 'representedOrganization'));
  return { ...(person === undefined ? {} : { person }), ...(organization === undefined ? {} : { organization }) };
};

const personOf = (entity: CdaElement): HealthProfessional | undefined => {
  const id = extensionUnder(entity, oids.healthProfessionals);
  if (id === undefined) return undefined;
  const name = first(entity, 'assignedPerson', 'name');
  const code = first(entity, 'code');
  const specialty = code === undefined ? undefined : conceptOf(code);
  return {
    id,
    familyName: professionalName(name, 'family'),
    givenName: professionalName(name, 'given'),
    ...(specialty === undefined ? {} : { specialty }),
  };
};

/** The name used at work: the first that is not a birth name, else the first; `''` when there is none. */
const professionalName = (name: CdaElement | undefined, part: 'family' | 'given'): string => {
  const parts = name === undefined ? [] : children(name, part).filter((at) => textOf(at) !== undefined);
  const current = parts.find((at) => attribute(at, 'qualifier') !== 'BR');
  return textOf(current ?? parts[0]) ?? '';
};
