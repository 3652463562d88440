/** In whose name an order goes: the VIHF, the author of the set and of its entries, and whose certificates sign. */
import type { ArchivedReport, NewOrder, OrderHead } from '../archive/index.ts';
import { automatonRole, rolesFromSpecialty, type DmpStructure } from '../dmp/index.ts';
import { DrimboxError } from '../errors.ts';
import {
  oids,
  structIdNat,
  type CodedConcept,
  type HealthOrganization,
  type HealthProfessional,
} from '../standards/index.ts';
import type { WantedManifest } from './observation.ts';
import { resolvePerson } from './person.ts';
import type { PublicationPorts } from './ports.ts';

/** Role of the structure, for a professional whose speciality the report does not give. */
const configuredSpecialty = (structure: DmpStructure): CodedConcept | undefined =>
  structure.options.role === undefined
    ? undefined
    : { code: structure.options.role, codeSystem: oids.authorSpecialties, displayName: '' };

/** What the report says of the person, else what the structure is configured with, else the automaton (decision A7). */
const rolesOf = (person: HealthProfessional, structure: DmpStructure): readonly CodedConcept[] => {
  const roles = rolesFromSpecialty(person.specialty);
  const configured = configuredSpecialty(structure);
  return roles[0] === automatonRole && configured !== undefined ? rolesFromSpecialty(configured) : roles;
};

export interface SubmittingParty {
  readonly sender: NewOrder['sender'];
  readonly person: HealthProfessional;
  readonly organization: HealthOrganization;
  readonly structure: DmpStructure;
}

/**
 * An imported archive carries no VIHF: role and sector come from the configuration of the structure (decision A7).
 *
 * @throws publication/sender-incomplete — neither there: nothing may leave
 */
const complete = (sender: NewOrder['sender'], structure: DmpStructure): NewOrder['sender'] => {
  const configured = configuredSpecialty(structure);
  const roles = sender.roles.length > 0 || configured === undefined ? sender.roles : rolesFromSpecialty(configured);
  const sector = sender.sector === '' ? (structure.options.sector ?? '') : sender.sector;
  if (roles.length > 0 && sector !== '') return { ...sender, roles, sector };
  throw new DrimboxError('publication/sender-incomplete', {
    detail: `set Role and Sector of structure ${structure.options.id} in Dmp.Structures`,
  });
};

/**
 * Of the report (decisions A3, A7).
 *
 * @throws publication/sender-incomplete
 */
export const partyOfReport = (ports: PublicationPorts, wanted: WantedManifest): SubmittingParty => {
  const { structure, person, archived, organization, visibility } = wanted;
  const { secretConnection } = ports.dmpSettings;
  const roles = rolesOf(person, structure);
  // Of an imported report nobody knows the profession: the automaton must not pass for it.
  const isImported = archived.messageId === undefined;
  const sender = {
    structureId: structIdNat(organization.id),
    sector: archived.report.facilityType?.code ?? structure.options.sector ?? '',
    person,
    roles: isImported && roles[0] === automatonRole ? [] : roles,
    ins: archived.report.patient.ins,
    ...(visibility.secretConnection && secretConnection !== undefined ? { secretConnection } : {}),
  };
  return { person, organization, structure, sender: isImported ? complete(sender, structure) : sender };
};

/**
 * Of an archived submission, whatever the configuration would make of its report today: an update that no report caused goes
 * in the name of who published (facts/spec.md b.4.1).
 *
 * @throws publication/person-unresolved, publication/structure-unconfigured, publication/sender-incomplete
 */
export const partyOfSubmission = (
  ports: PublicationPorts,
  published: OrderHead,
  archived: ArchivedReport,
): SubmittingParty => {
  const { sender } = published;
  const structure = ports.dmp.structureFor(sender.structureId);
  if (structure === undefined) {
    throw new DrimboxError('publication/structure-unconfigured', {
      detail: `no certificates for structure ${sender.structureId}, which published, in Dmp.Structures`,
    });
  }
  for (const source of ['cda', 'prt'] as const) {
    const named = resolvePerson(archived.report, archived.transmission, source);
    if (named.kind !== 'resolved' || structIdNat(named.organization.id) !== sender.structureId) continue;
    const person = 'familyName' in sender.person ? sender.person : named.person;
    return { sender: complete(sender, structure), person, organization: named.organization, structure };
  }
  throw new DrimboxError('publication/person-unresolved', {
    detail: 'the archived report no longer names who published',
  });
};
