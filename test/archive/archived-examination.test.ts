/** What a manifest says of its examination, kept as content or as bytes alone. All invented. */
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import {
  type ArchivedExamination,
  createLoadArchivedExamination,
  createLoadServing,
  loadManifestFiles,
} from '../../plugin/archive/index.ts';
import { buildManifest, type ManifestContent } from '../../plugin/kos/index.ts';
import { inventContent, inventStamp } from '../fixtures/kos/invented-manifest.ts';
import { type Bench, createBench, makeSigningIdentity } from '../fixtures/publication/index.ts';
import { openTestStore, type TestStore } from '../fixtures/store/index.ts';
import { publishStudy } from '../fixtures/xdm/index.ts';

let opened: TestStore;
let bench: Bench;
const signing = makeSigningIdentity();
beforeAll(async () => {
  opened = await openTestStore();
}, 60_000);
afterAll(() => opened.close());
beforeEach(async () => {
  await opened.empty();
  bench = createBench(opened.store, signing);
});

const load = (submissionId = 1): Promise<ArchivedExamination | undefined> =>
  createLoadArchivedExamination(opened.store.knex)(submissionId);

const importOne = async (kos: Uint8Array): Promise<void> => {
  const given = { environment: 'test', clock: () => 0 } as const;
  const files = [{ name: 'un.dcm', read: () => Promise.resolve(kos) }];
  expect(await loadManifestFiles(opened.store, files, given)).toMatchObject([{ outcome: 'loaded' }]);
};
const imported = async (content: ManifestContent): Promise<ArchivedExamination | undefined> => {
  await importOne(buildManifest(content, inventStamp()));
  return load();
};

describe('a published manifest', () => {
  test('tells the patient of its report, and each series that it opens, in its order', async () => {
    const uid = await publishStudy(bench, 1, {}, { seriesCount: 2, instancesPerSeries: 3 });
    const { document_uid } = await opened.store.knex('submission').first('document_uid');
    const serving = await createLoadServing(opened.store.knex)(document_uid);
    if (serving.kind !== 'served') throw new Error(serving.why);
    const examination = await load(serving.manifest.submissionId);
    expect(examination?.patient).toMatchObject({
      ins: serving.manifest.ins,
      birthFamilyName: 'EXEMPLE',
      firstBirthGivenName: 'CAMILLE',
      birthDate: '19850321',
      sex: 'F',
    });
    expect(examination?.series.map(({ seriesInstanceUid }) => seriesInstanceUid)).toEqual([
      ...serving.manifest.series.keys(),
    ]);
    expect(examination?.series).toMatchObject([
      { seriesInstanceUid: `${uid}.1`, modality: 'CT', description: 'Série 1', frames: 3, seriesNumber: '1' },
      { seriesInstanceUid: `${uid}.2`, description: 'Série 2', frames: 3 },
    ]);
  });

  test('that never was tells nothing', async () => {
    expect(await load(404)).toBeUndefined();
  });
});

describe('an imported manifest', () => {
  test('tells from its bytes what a published one does', async () => {
    const content = inventContent();
    const examination = await imported(content);
    const { ins, birthFamilyName, firstBirthGivenName, birthGivenNames, usedFamilyName, birthDate, sex, birthPlace } =
      content.patient;
    expect(examination).toMatchObject({
      patient: {
        ...{ ins, birthFamilyName, firstBirthGivenName, birthGivenNames, usedFamilyName },
        ...{ birthDate, sex, birthPlace },
      },
      study: { date: '20240115', description: 'Scanner thoracique injecté', institution: 'Hôpital Exemple' },
    });
    expect(examination?.series.map(({ seriesInstanceUid }) => seriesInstanceUid)).toEqual(
      content.series.map(({ seriesInstanceUid }) => seriesInstanceUid),
    );
    // 2 CT of one frame, a loop of 40, then an object without frames in each.
    expect(examination?.series.map(({ frames }) => frames)).toEqual([2, 40, 1, 1, 1, 1, 1]);
    expect(examination?.series[0]?.sopClassUids).toEqual(['1.2.840.10008.5.1.4.1.1.2']);
  });

  test('shows the INS it was imported under, not a local number that stands first', async () => {
    await importOne(buildManifest(inventContent(), inventStamp()));
    const ins = { value: '199017512345657', oid: '1.2.250.1.213.1.4.10' };
    const sender = JSON.stringify({ structureId: '', sector: '', person: {}, roles: [], ins });
    await opened.store.knex('submission').update({ sender });
    expect((await load())?.patient.ins).toEqual(ins);
  });

  test('without given names of birth takes no name in use for them', async () => {
    const { usedGivenName: _, ...patient } = inventContent().patient;
    const examination = await imported(inventContent({ patient: { ...patient, birthGivenNames: '' } }));
    expect(examination?.patient).toMatchObject({ birthGivenNames: 'AMÉLIE', usedFamilyName: 'MODÈLE' });
  });

  test('without a name in use, a place of birth or a whole date says nothing of them', async () => {
    const { usedFamilyName: _u, usedGivenName: _g, birthPlace: _p, ...patient } = inventContent().patient;
    const examination = await imported(inventContent({ patient: { ...patient, birthDate: '19750000', sex: 'U' } }));
    expect(examination?.patient).not.toHaveProperty('usedFamilyName');
    expect(examination?.patient).not.toHaveProperty('birthPlace');
    expect(examination?.patient).toMatchObject({ birthDate: '', sex: '' });
  });

  test('is called by its act when its study has no name', async () => {
    const content = inventContent();
    const examination = await imported({ ...content, study: { ...content.study, studyDescription: '' } });
    expect(examination?.study.description).toBe('Scanographie du thorax');
  });

  test('whose bytes are damaged is an error, not an examination without a patient', async () => {
    await importOne(buildManifest(inventContent(), inventStamp()));
    await opened.store.knex('submission').update({ kos: Buffer.from('DICM') });
    await expect(load()).rejects.toMatchObject({ code: expect.stringMatching(/^kos\//) });
  });
});
