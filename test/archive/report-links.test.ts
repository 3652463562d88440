/** What the link of a report leads to, on the archive itself: versions, studies, the manifest that stands. Invented data. */
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import {
  createFindStandingManifest,
  createLoadReportLink,
  type FindStandingManifest,
  type LoadReportLink,
} from '../../plugin/archive/index.ts';
import { buildExamination, type ExaminationOptions, examinationPatient } from '../fixtures/examination.ts';
import { type Bench, createBench, makeSigningIdentity, pacsStudy } from '../fixtures/publication/index.ts';
import { openTestStore, type TestStore } from '../fixtures/store/index.ts';

let opened: TestStore;
let bench: Bench;
let loadReportLink: LoadReportLink;
let findStandingManifest: FindStandingManifest;
const signing = makeSigningIdentity();
beforeAll(async () => {
  opened = await openTestStore();
}, 60_000);
afterAll(() => opened.close());
beforeEach(async () => {
  await opened.empty();
  bench = createBench(opened.store, signing);
  loadReportLink = createLoadReportLink(opened.store.knex);
  findStandingManifest = createFindStandingManifest(opened.store.knex);
});

const { studyInstanceUid } = buildExamination();
const rootOf = (document: number): string => `1.2.250.1.999999.20.${document}`;
const take = async (options: ExaminationOptions = {}): Promise<void> => {
  expect((await bench.take(buildExamination(options).message)).text).toContain('MSA|AA|');
};
const publish = async (): Promise<void> => {
  bench.pacs.put(pacsStudy(1));
  await take();
  expect((await bench.look(studyInstanceUid)).study.state).toBe('published');
};
const replacement = (document: number, replaced: number, controlId = `EX-${document}`): ExaminationOptions => ({
  cda: { documentId: { root: rootOf(document) }, replaces: [{ root: rootOf(replaced) }] },
  message: { action: 'replace', controlId },
});
const deletion = (document: number): ExaminationOptions => ({
  cda: { documentId: { root: rootOf(document) } },
  message: { action: 'delete', controlId: `DEL-${document}` },
});
const load = (document: number, uid = studyInstanceUid) =>
  loadReportLink({ studyInstanceUid: uid, documentKey: rootOf(document) });
const statesOf = async (document: number): Promise<readonly string[]> =>
  (await load(document)).reports.map(({ documentKey, state }) => `${documentKey.split('.').at(-1)} ${state}`);

describe('what a link leads to', () => {
  test('the report, its patient and orders, its study and the manifest that stands', async () => {
    await publish();
    const kos = await findStandingManifest(studyInstanceUid);
    expect(kos).toMatch(/^[0-9.]+$/);
    const { reports, studies } = await load(1);
    const patient = { birthFamilyName: examinationPatient.birthFamilyName, birthDate: examinationPatient.birthDate };
    expect(reports).toMatchObject([
      {
        id: 1,
        documentKey: rootOf(1),
        state: 'current',
        studies: [studyInstanceUid],
        patient,
        ins: reports[0]?.patient.ins,
      },
    ]);
    const accessionNumber = reports[0]?.orders[0]?.accessionNumber?.value;
    expect(accessionNumber).toBeTruthy();
    expect(studies).toMatchObject([
      { studyInstanceUid, kosSopInstanceUid: kos, accessionNumbers: [accessionNumber], manifestPatient: patient },
    ]);
  });

  test('nothing for an unknown document, a part of its id, or a study it does not name', async () => {
    await publish();
    for (const documentKey of ['2.25.1', rootOf(1).slice(0, -1), `${rootOf(1)}^CR`, "' OR 1=1 --", '%']) {
      expect((await loadReportLink({ studyInstanceUid, documentKey })).reports).toEqual([]);
    }
    expect(await load(1, '1.2.250.1.999999.30.77')).toEqual({
      reports: [],
      studies: [{ studyInstanceUid: '1.2.250.1.999999.30.77', accessionNumbers: [] }],
    });
  });

  test('a report without a published manifest leads to no manifest', async () => {
    await take();
    expect((await load(1)).studies).toEqual([{ studyInstanceUid, accessionNumbers: [] }]);
    expect(await findStandingManifest(studyInstanceUid)).toBeUndefined();
  });

  test('the current version, from every version before it (E6)', async () => {
    await publish();
    await take(replacement(2, 1));
    await take(replacement(3, 2));
    for (const document of [1, 2, 3]) {
      expect(await statesOf(document)).toEqual(['1 replaced', '2 replaced', '3 current']);
    }
  });

  test('the current version, from a rival that it overtook', async () => {
    await publish();
    await take(replacement(2, 1));
    await take(replacement(3, 1));
    expect(await statesOf(2)).toEqual(['1 replaced', '2 replaced', '3 current']);
  });

  test('the current version, when what it replaces never came under that id', async () => {
    await publish();
    await take(replacement(2, 99));
    expect(await statesOf(1)).toEqual(['1 replaced', '2 current']);
    await take(replacement(3, 2));
    expect(await statesOf(1)).toEqual(['1 replaced', '2 replaced', '3 current']);
  });

  test('no current version, once it was deleted', async () => {
    await publish();
    await take(replacement(2, 1));
    await take(deletion(2));
    expect(await statesOf(1)).toEqual(['1 replaced', '2 deleted']);
    expect(await statesOf(2)).toEqual(['1 replaced', '2 deleted']);
  });

  test('not to the replacement that is about another patient (B7)', async () => {
    await publish();
    await take(replacement(2, 1));
    await opened.store.knex('report').where('document_key', rootOf(2)).update({ ins_value: '290031234567869' });
    expect(await statesOf(1)).toEqual(['1 replaced']);
  });

  test('to no other report of the same study', async () => {
    await publish();
    await take({ cda: { documentId: { root: rootOf(5) } }, message: { controlId: 'EX5' } });
    expect(await statesOf(1)).toEqual(['1 current']);
    expect(await statesOf(5)).toEqual(['5 current']);
  });

  test('to the other studies of the current version', async () => {
    const other = buildExamination({ number: 2 }).studyInstanceUid;
    await publish();
    await take({
      cda: {
        documentId: { root: rootOf(2) },
        replaces: [{ root: rootOf(1) }],
        studies: [{ uids: [studyInstanceUid] }, { uids: [other] }],
      },
      message: { action: 'replace', controlId: 'EX2' },
    });
    const { reports, studies } = await load(1);
    expect(reports.at(-1)).toMatchObject({ state: 'current', studies: [studyInstanceUid, other] });
    expect(studies.map((study) => study.studyInstanceUid).toSorted()).toEqual([studyInstanceUid, other].toSorted());
  });

  test('to the manifest that left last, and to none once it is out of the DMP', async () => {
    await publish();
    const first = await findStandingManifest(studyInstanceUid);
    await take(replacement(2, 1));
    expect(await findStandingManifest(studyInstanceUid)).toBe(first);
    await bench.look(studyInstanceUid);
    const second = await findStandingManifest(studyInstanceUid);
    expect(second).not.toBe(first);
    expect((await load(1)).studies).toMatchObject([{ kosSopInstanceUid: second }]);
    await take(deletion(2));
    await bench.look(studyInstanceUid);
    expect(await findStandingManifest(studyInstanceUid)).toBeUndefined();
  });
});
