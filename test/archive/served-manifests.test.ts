/** What a manifest's UID opens, and when it stops opening: at once, before any look at the study. */
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { createLoadServing, type LoadServing, type Serving } from '../../plugin/archive/index.ts';
import { buildExamination, type ExaminationOptions } from '../fixtures/examination.ts';
import { type Bench, createBench, makeSigningIdentity, pacsStudy } from '../fixtures/publication/index.ts';
import { openTestStore, type TestStore } from '../fixtures/store/index.ts';

let opened: TestStore;
let bench: Bench;
let loadServing: LoadServing;
const signing = makeSigningIdentity();
beforeAll(async () => {
  opened = await openTestStore();
}, 60_000);
afterAll(() => opened.close());
beforeEach(async () => {
  await opened.empty();
  bench = createBench(opened.store, signing);
  loadServing = createLoadServing(opened.store.knex);
});

const uid = buildExamination().studyInstanceUid;
const rootOf = (document: number): string => `1.2.250.1.999999.20.${document}`;
const take = async (options: ExaminationOptions = {}): Promise<void> => {
  expect((await bench.take(buildExamination(options).message)).text).toContain('MSA|AA|');
};
const publish = async (): Promise<void> => {
  bench.pacs.put(pacsStudy(1));
  await take();
  expect((await bench.look(uid)).study.state).toBe('published');
};
const replacement = (flags: Readonly<Record<string, string>> = {}): ExaminationOptions => ({
  cda: { documentId: { root: rootOf(2) }, replaces: [{ root: rootOf(1) }] },
  message: { action: 'replace', controlId: 'EX2', flags },
});
const uidOfOrder = async (number: number): Promise<string> => {
  const rows: { document_uid: string }[] = await opened.store.knex('submission').orderBy('id').select('document_uid');
  return rows[number]?.document_uid ?? '';
};
const serving = async (order = 0): Promise<Serving> => loadServing(await uidOfOrder(order));
const refusal = (why: string) => ({ kind: 'refused', why });

describe('what a manifest opens', () => {
  test('the objects that it names, in the record it stands in (E1)', async () => {
    await publish();
    const served = await serving();
    expect(served).toMatchObject({
      kind: 'served',
      manifest: {
        studyInstanceUid: uid,
        ins: bench.dmp.calls[0]?.vihf.ins,
        structureId: bench.dmp.calls[0]?.vihf.structureId ?? expect.any(String),
        restrictions: { maskedFromProfessionals: false, invisibleToPatient: false, invisibleToRepresentatives: false },
      },
    });
    if (served.kind !== 'served') throw new Error('not served');
    const named = [...served.manifest.series.values()].flat();
    expect(named.length).toBeGreaterThan(0);
    expect(served.manifest.orthancStudyId).toMatch(/^[0-9a-f-]+$/);
    expect(served.manifest.authorIds).toEqual([expect.stringMatching(/^[0-9]+$/)]);
  });

  test('nothing, when nobody ever made it (E2)', async () => {
    await publish();
    expect(await loadServing('2.25.1')).toEqual(refusal('unknown'));
    expect(await loadServing("' OR 1=1 --")).toEqual(refusal('unknown'));
  });

  test('nothing before its bytes have left; from then on the DMP may hold it', async () => {
    bench.pacs.put(pacsStudy(1));
    await take();
    bench.dmp.order({ on: 'register', how: 'fails', code: 'dmp/timeout' });
    await bench.look(uid);
    expect(await serving()).toMatchObject({ kind: 'served' });
    await opened.store.knex('submission').update({ sent_at_utc_ms: null });
    expect(await serving()).toEqual({ ...refusal('not-current'), reasonCode: 'dmp/timeout' });
  });

  test('nothing any more, once another one took its place (E2)', async () => {
    await publish();
    await take(replacement());
    expect(await serving(0)).toMatchObject({ kind: 'served' });
    await bench.look(uid);
    expect(await serving(0)).toEqual(refusal('not-current'));
    expect(await serving(1)).toMatchObject({ kind: 'served' });
  });

  test('nothing from the moment its report is deleted, before the DMP knows (B7, design §4)', async () => {
    await publish();
    await take({ message: { action: 'delete', controlId: 'EX3' } });
    expect(await serving()).toEqual(refusal('report-gone'));
    await bench.look(uid);
    expect(await serving()).toEqual(refusal('not-current'));
  });

  test('nothing from the moment a report names another patient (B7)', async () => {
    await publish();
    await opened.store
      .knex('report')
      .update({ header: opened.store.knex.raw(`jsonb_set(header, '{patient,ins,value}', '"299017512345678"')`) });
    expect(await serving()).toEqual(refusal('report-gone'));
  });

  test('nothing while the study is held, and why is known (A4, A5)', async () => {
    await publish();
    await opened.store.knex('study').update({ state: 'held', reason_code: 'publication/study-duplicated' });
    expect(await serving()).toEqual({ ...refusal('held'), reasonCode: 'publication/study-duplicated' });
  });

  test('nothing once somebody took it out of the DMP (C8)', async () => {
    await publish();
    await opened.store.knex('study').update({ withdrawn_at_utc_ms: 1, state: 'withdrawn' });
    expect(await serving()).toEqual(refusal('not-current'));
  });

  test.each([
    ['MASQUE_PS', 'maskedFromProfessionals'],
    ['INVISIBLE_PATIENT', 'invisibleToPatient'],
    ['INVISIBLE_REP_LEGAUX', 'invisibleToRepresentatives'],
  ])('under the restriction %s as soon as a report says so, before any look (E5)', async (flag, restriction) => {
    await publish();
    await take(replacement({ [flag]: 'Y' }));
    expect(await serving()).toMatchObject({ kind: 'served', manifest: { restrictions: { [restriction]: true } } });
  });
});
