import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Alterations, deleteEntry, getDocuments, submit, testExistence } from './dmp-client/dmp-test-client.ts';
import type { SubmissionFacts } from './dmp-client/example-facts.ts';
import { content } from './dmp-client/refusal-rows.ts';
import { openTestSetting, structureOf, type TestSetting } from './dmp-client/test-setting.ts';

let setting: TestSetting;
beforeAll(async () => {
  setting = await openTestSetting({
    patients: [
      { ins: '199017512345657', state: 'open' },
      { ins: '199017512345758', state: 'open' },
      { ins: '299017512345766', state: 'closed' },
    ],
  });
}, 60_000);
afterAll(() => setting.close());

const entryUuidOf = (uniqueId: string): string =>
  setting.standIn.entries().find((entry) => entry.uniqueId === uniqueId)?.entryUuid ?? '';

const other: SubmissionFacts['patient'] = {
  ins: '199017512345758',
  oid: '1.2.250.1.213.1.4.10',
  family: 'PAT-AUTRE',
  given: 'CAMILLE',
};

describe('DMP stand-in: what the state of its registry refuses', () => {
  it('refuses a patient without record, and one whose record is closed', async () => {
    const unknown = { ...other, ins: '199017512345859' };
    expect((await submit(setting.newFacts({ patient: unknown }), setting.target)).text).toContain(
      'errorCode="XDSUnknownPatientId"',
    );
    const closed = { ...other, ins: '299017512345766' };
    expect((await submit(setting.newFacts({ patient: closed }), setting.target)).text).toContain(
      'errorCode="DMPClosed"',
    );
  });

  it('refuses the very same bytes a second time: the client must ask before sending again (C2)', async () => {
    const facts = setting.newFacts();
    await submit(facts, setting.target);
    expect((await submit(facts, setting.target)).text).toContain('errorCode="XDSDuplicateUniqueIdInRegistry"');
  });

  it.each([
    ['kosUniqueId', 'the document'],
    ['setUniqueId', 'the set'],
    ['signatureUniqueId', 'the signature'],
  ] as const)('refuses a submission whose %s is taken: %s', async (key, _what) => {
    const first = setting.newFacts();
    await submit(first, setting.target);
    await submit({ ...setting.newFacts(), [key]: first[key] }, setting.target);
    expect(setting.lastLine().rules).toEqual(['registry/duplicate']);
  });

  it('refuses a replacement of nothing, of what was replaced, of another patient’s document', async () => {
    const first = setting.newFacts();
    await submit(first, setting.target);
    const replacesEntryUuid = entryUuidOf(first.kosUniqueId);
    const rulesOf = async (changes: Partial<SubmissionFacts>): Promise<readonly string[]> => {
      await submit(setting.newFacts(changes), setting.target);
      return setting.lastLine().rules;
    };
    expect(await rulesOf({ replacesEntryUuid: 'urn:uuid:00000000-0000-4000-8000-000000000000' })).toEqual([
      'registry/replaced-unknown',
    ]);
    expect(await rulesOf({ replacesEntryUuid: 'DocumentKOS' })).toEqual(['association/replaces']);
    expect(await rulesOf({ replacesEntryUuid, patient: other })).toEqual(['registry/replaced-patient']);
    expect(await rulesOf({ replacesEntryUuid: entryUuidOf(first.signatureUniqueId) })).toEqual([
      'registry/replaced-status',
    ]);
    expect(await rulesOf({ replacesEntryUuid })).toEqual([]);
    expect(await rulesOf({ replacesEntryUuid })).toEqual(['registry/replaced-status']);
  });

  it('keeps structures apart: neither replacement nor deletion of another one’s document', async () => {
    const first = setting.newFacts();
    await submit(first, setting.target);
    const client = setting.targetOf(structureOf(setting.ca, '1990000002'));
    const entryUuid = entryUuidOf(first.kosUniqueId);
    const mine = { structureId: '1990000002', structureName: 'CABINET EXEMPLE' };
    await submit(setting.newFacts({ ...mine, replacesEntryUuid: entryUuid }), client);
    expect(setting.lastLine().rules).toEqual(['registry/replaced-structure']);
    await deleteEntry(entryUuid, setting.newFacts(mine), client);
    expect(setting.lastLine().rules).toEqual(['update/structure']);
  });

  it('refuses a deletion of another patient, of a wrong status, of nothing, and a second one', async () => {
    const facts = setting.newFacts();
    await submit(facts, setting.target);
    const entryUuid = entryUuidOf(facts.kosUniqueId);
    const rulesOf = async (
      uuid: string,
      changes: Partial<SubmissionFacts>,
      alter: Alterations = {},
    ): Promise<readonly string[]> => {
      await deleteEntry(uuid, setting.newFacts(changes), setting.target, alter);
      return setting.lastLine().rules;
    };
    expect(await rulesOf(entryUuid, { patient: other })).toEqual(['update/patient']);
    expect(await rulesOf(entryUuid, {}, content('StatusType:Approved', 'StatusType:Deprecated'))).toEqual([
      'update/original-status',
    ]);
    expect(await rulesOf(entryUuid, {}, content('StatusType:Deleted', 'StatusType:Archived'))).toEqual([
      'update/forbidden',
    ]);
    expect(
      await rulesOf(entryUuid, {}, content('AssociationType:UpdateAvailabilityStatus', 'AssociationType:RPLC')),
    ).toEqual(['update/association']);
    expect(await rulesOf('urn:uuid:00000000-0000-4000-8000-000000000000', {})).toEqual(['update/unknown']);
    expect(await rulesOf(entryUuid, {})).toEqual([]);
    expect(await rulesOf(entryUuid, {})).toEqual(['update/unknown']);
  });

  it.each([
    ['FindDocuments', content('5c4f972b-d56b-40ac-a5fc-c8ca9b40b9d4', '14d4debf-8f97-4251-9a74-a90016b0af0d')],
    ['whole metadata (LeafClass)', content('returnType="ObjectRef"', 'returnType="LeafClass"')],
    ['a query by entryUUID', content('$XDSDocumentEntryUniqueId', '$XDSDocumentEntryEntryUUID')],
  ])('refuses %s in indirect mode (C7)', async (_name, alter) => {
    const answer = await getDocuments('2.25.1', setting.newFacts(), setting.target, alter);
    expect(answer.text).toContain('soap:DMPForbidden');
    expect(setting.lastLine().rules).toEqual(['query/forbidden']);
  });

  it('refuses another request in the Body of a query or of a deletion, and another charset', async () => {
    const rulesOf = (): readonly string[] => setting.lastLine().rules;
    const otherQuery = { content: (text: string) => text.replaceAll('query:AdhocQueryRequest', 'query:Autre') };
    await getDocuments('2.25.1', setting.newFacts(), setting.target, otherQuery);
    expect(rulesOf()).toEqual(['query/form']);
    const otherUpdate = { content: (text: string) => text.replaceAll('lcm:SubmitObjectsRequest', 'lcm:Autre') };
    await deleteEntry('urn:uuid:x', setting.newFacts(), setting.target, otherUpdate);
    expect(rulesOf()).toEqual(['update/form']);
    const latin = { contentType: () => 'application/soap+xml; charset=ISO-8859-1' };
    expect((await getDocuments('2.25.1', setting.newFacts(), setting.target, latin)).status).toBe(415);
    expect(rulesOf()).toEqual(['http/charset']);
  });

  it('refuses a uniqueId that is not in a list', async () => {
    await getDocuments('2.25.1', setting.newFacts(), setting.target, content(/\('([^']*)'\)/, "'$1'"));
    expect(setting.lastLine().rules).toEqual(['query/parameter']);
  });

  it('does not tell one patient’s document under the VIHF of another', async () => {
    const facts = setting.newFacts();
    await submit(facts, setting.target);
    const answer = await getDocuments(facts.kosUniqueId, setting.newFacts({ patient: other }), setting.target);
    expect(answer.text).toContain('errorCode="XDSPatientIdDoesNotMatch"');
  });

  it('tells a closed record and an unknown patient in the existence test, and refuses another patient than the VIHF’s', async () => {
    const closed = await testExistence(
      setting.newFacts({ patient: { ...other, ins: '299017512345766' } }),
      setting.target,
    );
    expect(closed.text).toContain('<statusCode code="terminated"/>');
    const unknown = await testExistence(
      setting.newFacts({ patient: { ...other, ins: '199017512345859' } }),
      setting.target,
    );
    expect(unknown.text).toContain('<queryResponseCode code="NF"/>');
    await testExistence(
      setting.newFacts(),
      setting.target,
      content('extension="199017512345657"', 'extension="199017512345758"'),
    );
    expect(setting.lastLine().rules).toEqual(['existence/patient']);
    await testExistence(setting.newFacts(), setting.target, content('TEST_EXST', 'AUTRE'));
    expect(setting.lastLine().rules).toEqual(['existence/form']);
  });
});
