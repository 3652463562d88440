import { type HealthOrganization, type HealthProfessional, oids } from '../standards/index.ts';
import type { Hl7Message } from './hl7-message.ts';
import type { Repetition, Segment } from './segment.ts';

/** Who sends the document: the PRT with PRT-4.1 `SB` that follows it. */
export interface SendingParty {
  readonly person?: HealthProfessional;
  /** `idType`: XON-7, `FINEG`, `FINEJ`, `IDNST`, … */
  readonly organization?: HealthOrganization & { readonly idType?: string };
  /** `prt-several`, `prt-person-authority`, `prt-organization-authority` */
  readonly warnings: readonly string[];
}

/** PS_IdNat: a bare RPPS of 11 digits gets its prefix `8`. */
const psIdNat = (id: string): string => (/^[0-9]{11}$/.test(id) ? `8${id}` : id);

const isOtherAuthority = (oid: string, expected: string): boolean => oid !== '' && oid !== expected;

/** XCN: .1 id, .2 family, .3 given, .9 authority. */
const parsePerson = (person: Repetition): HealthProfessional => ({
  id: psIdNat(person.value(1)),
  familyName: person.value(2),
  givenName: person.value(3),
});

/** XON: .1 name, .6 authority, .7 kind of id, .10 id (.3 before HL7 2.5). */
const parseOrganization = (organization: Repetition): HealthOrganization & { readonly idType?: string } => {
  const idType = organization.value(7);
  const id = organization.value(10) || organization.value(3);
  return { id, name: organization.value(1), ...(idType === '' ? {} : { idType }) };
};

/** PRT of the document: those after its OBX and before the next one. */
const participationsOf = (message: Hl7Message, observation: Segment): readonly Segment[] => {
  const following = message.segments.slice(observation.position + 1);
  const end = following.findIndex((segment) => segment.name === 'OBX');
  return following.slice(0, end < 0 ? following.length : end).filter((segment) => segment.name === 'PRT');
};

/**
 * Reads the sender of a document. Person and structure come from one PRT, the first: a person of one with the structure
 * of another would sign for a place that is not theirs. An identifier under another authority than the national one is
 * left out with a warning.
 *
 * @param observation  the OBX of the document
 * @see facts/cisis.md 1.3 (PRT) · decision A3
 */
export const parseSendingParty = (message: Hl7Message, observation: Segment): SendingParty => {
  const [sender, another] = participationsOf(message, observation).filter((prt) => prt.value(4) === 'SB');
  if (sender === undefined) return { warnings: [] };
  const warnings = another === undefined ? [] : ['prt-several'];
  const person = sender.repetitions(5).find((candidate) => candidate.value(1) !== '');
  const organization = sender.repetitions(8)[0];
  const isForeignPerson = isOtherAuthority(person?.value(9, 2) ?? '', oids.healthProfessionals);
  const isForeignOrganization = isOtherAuthority(organization?.value(6, 2) ?? '', oids.healthOrganizations);
  if (isForeignPerson) warnings.push('prt-person-authority');
  if (isForeignOrganization) warnings.push('prt-organization-authority');
  const parsed = organization === undefined ? undefined : parseOrganization(organization);
  return {
    ...(person === undefined || isForeignPerson ? {} : { person: parsePerson(person) }),
    ...(parsed === undefined || parsed.id === '' || isForeignOrganization ? {} : { organization: parsed }),
    warnings,
  };
};
