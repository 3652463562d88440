import { describe, expect, test } from 'vitest';
import { resolvePerson } from '../../plugin/publication/index.ts';
import { type CdaOverrides, inventedOrganization, inventedProfessional } from '../fixtures/report/build-cda.ts';
import type { MessageSender } from '../peers/ris/index.ts';
import { readReport, readTransmission } from './reading.ts';

const resolve = (cda: CdaOverrides, sender: MessageSender | null, first: 'cda' | 'prt') =>
  resolvePerson(readReport(cda), readTransmission({ sender }), first);

const cdaPerson = '899999999901';
const prtPerson = '899900000001';
const noStructure = { person: inventedProfessional };

/** Person and structure always come together: a person of one source never signs for the structure of the other. */
const table: readonly (readonly [
  string,
  CdaOverrides,
  MessageSender | null,
  'cda' | 'prt',
  readonly [source: string, person: string, structure: string] | 'unresolved',
])[] = [
  ['report first', {}, {}, 'cda', ['cda', cdaPerson, '1999999991']],
  ['message first, where the RIS is configured so', {}, {}, 'prt', ['prt', prtPerson, '999900019']],
  ['no legal authenticator: the message', { legalAuthenticator: null }, {}, 'cda', ['prt', prtPerson, '999900019']],
  [
    'no structure in it: the message, for both',
    { legalAuthenticator: noStructure },
    {},
    'cda',
    ['prt', prtPerson, '999900019'],
  ],
  ['no PRT: the report, though the message goes first', {}, null, 'prt', ['cda', cdaPerson, '1999999991']],
  ['PRT without structure: the report, for both', {}, { organizationId: '' }, 'prt', ['cda', cdaPerson, '1999999991']],
  ['PRT without person: the report, for both', {}, { personId: '' }, 'prt', ['cda', cdaPerson, '1999999991']],
  ['neither', { legalAuthenticator: null }, null, 'cda', 'unresolved'],
  ['half of each is nothing', { legalAuthenticator: noStructure }, { personId: '' }, 'cda', 'unresolved'],
  [
    'half of each is nothing, the other way round',
    { legalAuthenticator: null },
    { organizationId: '' },
    'prt',
    'unresolved',
  ],
];

describe('person and structure of a submission (A3)', () => {
  test.each(table)('%s', (_title, cda, sender, first, expected) => {
    const resolved = resolve(cda, sender, first);
    const said =
      resolved.kind === 'resolved' ? [resolved.source, resolved.person.id, resolved.organization.id] : resolved.kind;
    expect(said).toEqual(expected);
  });

  test('the message gives no profession: it is that of the same person in the report', () => {
    const author = {
      person: { ...inventedProfessional, id: prtPerson },
      organization: inventedOrganization,
    };
    const resolved = resolve({ author }, {}, 'prt');
    expect(resolved).toMatchObject({ person: { id: prtPerson, specialty: { code: 'G15_10/SM44' } } });
  });

  test('the profession of somebody else is not taken', () => {
    const resolved = resolve({}, {}, 'prt');
    expect(resolved).toMatchObject({ kind: 'resolved', person: { id: prtPerson } });
    expect(resolved).not.toHaveProperty('person.specialty');
  });

  test('a structure of the message carries nothing but its identifier and name', () => {
    const resolved = resolve({}, {}, 'prt');
    expect(resolved.kind === 'resolved' && resolved.organization).toEqual({ id: '999900019', name: 'Centre Exemple' });
  });
});
