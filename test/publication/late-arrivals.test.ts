import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { buildExamination, type ExaminationOptions } from '../fixtures/examination.ts';
import { type Bench, createBench, makeSigningIdentity, pacsStudy } from '../fixtures/publication/index.ts';
import { openTestStore, type TestStore } from '../fixtures/store/index.ts';

let opened: TestStore;
let bench: Bench;
const signing = makeSigningIdentity();
beforeAll(async () => {
  opened = await openTestStore();
}, 60_000);
afterAll(() => opened.close());
const uid = buildExamination({ number: 1 }).studyInstanceUid;
const rootOf = (document: number): string => `1.2.250.1.999999.20.${document}`;
const take = async (options: ExaminationOptions = {}): Promise<void> => {
  expect((await bench.take(buildExamination(options).message)).text).toContain('MSA|AA|');
};
beforeEach(async () => {
  await opened.empty();
  bench = createBench(opened.store, signing);
  bench.pacs.put(pacsStudy(1));
  await take();
});

const replacement: ExaminationOptions = {
  cda: { documentId: { root: rootOf(2) }, replaces: [{ root: rootOf(1) }] },
  message: { action: 'replace', controlId: 'EX2' },
};
const deletion: ExaminationOptions = { message: { action: 'delete', controlId: 'EX3' } };
const sent = (): readonly string[] => bench.dmp.calls.map(({ kind }) => kind);
const standing = () => bench.dmp.documents().filter(({ state }) => state === 'approved');

interface OrderRow {
  readonly state: string;
  readonly document_uid: string;
}
const order = async (id: number): Promise<OrderRow> => opened.store.knex('submission').where({ id }).first();

describe('an order that was given up after it had left, and arrives after all', () => {
  const lost = { on: 'register', how: 'fails', code: 'dmp/timeout', taken: true } as const;
  const notYet = { on: 'find', how: 'fails', code: 'dmp/document-unknown' } as const;

  test('is found before anything else is sent, taken for what is published, and replaced: never twice', async () => {
    bench.dmp.order(lost, notYet);
    await bench.look(uid);
    await take(replacement);
    bench.advance(5000);
    await bench.look(uid);
    expect(await order(1)).toMatchObject({ state: 'accepted' });
    expect(await bench.study(uid)).toMatchObject({ state: 'published', publishedSubmissionId: 1 });
    expect((await bench.lookWhenDue(uid)).study.state).toBe('published');
    expect(await order(2)).toMatchObject({ kind: 'replace', state: 'accepted' });
    expect(standing().map(({ uniqueId }) => uniqueId)).toEqual([(await order(2)).document_uid]);
    expect((await bench.journal()).filter(({ name }) => name === 'dmp/late-arrival')).toHaveLength(1);
  });

  test('of a replacement took the place of what was published: it is not deleted, or nothing would be left', async () => {
    await bench.look(uid);
    await take(replacement);
    bench.dmp.order({ ...lost });
    await bench.look(uid);
    // The DMP has it, and has not said so yet when a deletion makes it unwanted.
    bench.dmp.order(notYet);
    await take({ message: { action: 'delete', controlId: 'EX4' }, cda: { documentId: { root: rootOf(2) } } });
    await take({ cda: { documentId: { root: rootOf(3) } }, message: { controlId: 'EX5' } });
    bench.advance(60_000);
    await bench.look(uid);
    expect(await order(2)).toMatchObject({ kind: 'replace', state: 'accepted' });
    for (let looks = 0; looks < 3; looks += 1) await bench.lookWhenDue(uid);
    expect((await bench.study(uid)).state).toBe('published');
    expect(standing()).toHaveLength(1);
    const [one] = standing();
    const head: { document_uid: string }[] = await opened.store
      .knex('submission')
      .join('study', 'study.published_submission_id', 'submission.id')
      .select('document_uid');
    expect(head).toEqual([{ document_uid: one?.uniqueId }]);
  });

  test('is found when nothing is wanted any more: the DMP is asked again a minute, ten, an hour and a day later', async () => {
    bench.dmp.order({ ...lost, taken: false });
    await bench.look(uid);
    const sentAt = bench.now();
    await take(deletion);
    bench.advance(5000);
    const checks: number[] = [];
    for (let looks = 0; looks < 8; looks += 1) {
      const { nextAtUtcMs } = await bench.lookWhenDue(uid);
      if (nextAtUtcMs === undefined) break;
      checks.push((nextAtUtcMs - sentAt) / 60_000);
    }
    expect(checks).toEqual([1, 10, 60, 1440]);
    expect((await bench.study(uid)).state).toBe('retired');
    expect(sent()).toEqual(['register', 'find', 'find', 'find', 'find', 'find']);
  });

  test('is taken out when the late question finds it', async () => {
    bench.dmp.order(lost, notYet);
    await bench.look(uid);
    await take(deletion);
    bench.advance(5000);
    await bench.look(uid);
    expect(standing()).toHaveLength(1);
    for (let looks = 0; looks < 3; looks += 1) await bench.lookWhenDue(uid);
    expect(standing()).toEqual([]);
    expect((await bench.study(uid)).state).toBe('retired');
  });
});
