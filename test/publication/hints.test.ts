import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { DrimboxError } from '../../plugin/errors.ts';
import type { ChangeBatch, ChangeHint } from '../../plugin/orthanc/index.ts';
import { takeHints } from '../../plugin/publication/index.ts';
import { buildExamination } from '../fixtures/examination.ts';
import { type Bench, createBench, makeSigningIdentity, pacsStudy } from '../fixtures/publication/index.ts';
import { openTestStore, type TestStore } from '../fixtures/store/index.ts';

let opened: TestStore;
let bench: Bench;
const signing = makeSigningIdentity();
beforeAll(async () => {
  opened = await openTestStore();
}, 60_000);
afterAll(() => opened.close());

const uidOf = (number: number): string => buildExamination({ number }).studyInstanceUid;
const orthancIdOf = (number: number): string => pacsStudy(number).study.orthancId;
const due = async (number: number): Promise<boolean> => (await bench.study(uidOf(number))).lookDueAtUtcMs !== undefined;

/** Study 1 published, 2 waiting for its images (never found), 3 retired; nothing is due. */
beforeEach(async () => {
  await opened.empty();
  bench = createBench(opened.store, signing);
  bench.pacs.put(pacsStudy(1));
  for (const number of [1, 2, 3]) await bench.take(buildExamination({ number }).message);
  await bench.take(buildExamination({ number: 3, message: { action: 'delete', controlId: 'D' } }).message);
  for (const number of [1, 2, 3]) await bench.look(uidOf(number));
  await opened.store.knex('study').update({ look_due_at_utc_ms: null });
});

const hint = (number: number, changes: Partial<ChangeHint> = {}): ChangeHint => ({
  change: 'stored',
  level: 'study',
  orthancId: orthancIdOf(number),
  orthancStudyId: orthancIdOf(number),
  atUtcMs: 0,
  ...changes,
});
const take = (batch: Partial<ChangeBatch>): Promise<number> =>
  takeHints({ ...bench.ports, orthanc: bench.pacs.orthanc }, { hints: [], dropped: 0, ...batch });

describe('changes that the hook tells', () => {
  test('of a study that was looked at make it due, without a question to Orthanc about it', async () => {
    const before = await bench.study(uidOf(1));
    await take({ hints: [hint(1, { change: 'deleted' })] });
    expect(await bench.study(uidOf(1))).toMatchObject({
      lookDueAtUtcMs: bench.now(),
      lookNumber: before.lookNumber + 1,
    });
  });

  test('of a study whose report waits for it make it due, by its UID', async () => {
    bench.pacs.put(pacsStudy(2));
    expect(await take({ hints: [hint(2)] })).toBe(1);
    expect([await due(1), await due(2)]).toEqual([false, true]);
  });

  test('of a study that no report names are none of our business', async () => {
    bench.pacs.put(pacsStudy(9));
    expect(await take({ hints: [hint(9)] })).toBe(0);
    expect(await opened.store.knex('study')).toHaveLength(3);
  });

  test('of a study that is gone since are no error', async () => {
    expect(await take({ hints: [hint(8)] })).toBe(0);
  });

  test('of a deleted series or instance make the study due that held it (DB.SO.27)', async () => {
    const [series] = pacsStudy(1).study.series;
    for (const orthancId of [series?.orthancId ?? '', series?.instances[1]?.orthancId ?? '']) {
      await opened.store.knex('study').update({ look_due_at_utc_ms: null });
      const { orthancStudyId: _, ...gone } = hint(1, { change: 'deleted', level: 'instance', orthancId });
      expect(await take({ hints: [gone] })).toBe(1);
      expect([await due(1), await due(2)]).toEqual([true, false]);
    }
  });

  test('of a deleted twin make the study due that is held for it (A5)', async () => {
    bench.pacs.put(pacsStudy(1));
    bench.pacs.double(uidOf(1));
    expect((await bench.look(uidOf(1))).study.reasonCode).toBe('publication/study-duplicated');
    await opened.store.knex('study').update({ look_due_at_utc_ms: null });
    // The second of the two studies that the fake PACS has then.
    expect(await take({ hints: [hint(2, { change: 'deleted' })] })).toBe(1);
    expect(await due(1)).toBe(true);
  });

  test('hurry nothing that is looked at soon anyway: images arrive one by one', async () => {
    const soon = bench.now() + 30_000;
    bench = createBench(opened.store, signing, { options: { stabilitySeconds: 60 }, pacs: bench.pacs });
    await opened.store.knex('study').update({ look_due_at_utc_ms: soon });
    expect(await take({ hints: [hint(1)] })).toBe(1);
    expect((await bench.study(uidOf(1))).lookDueAtUtcMs).toBe(soon);
    await opened.store.knex('study').update({ look_due_at_utc_ms: soon + 60_000 });
    await take({ hints: [hint(1)] });
    expect((await bench.study(uidOf(1))).lookDueAtUtcMs).toBe(bench.now());
  });

  test('during a look make the study due at once again: what that look read may be old', async () => {
    bench = createBench(opened.store, signing, { options: { stabilitySeconds: 60 }, pacs: bench.pacs });
    bench.pacs.onLookup(async () => {
      await take({ hints: [hint(1)] });
    });
    expect((await bench.look(uidOf(1))).study.lookDueAtUtcMs).toBe(bench.now());
  });

  test('decide nothing: the look asks the PACS', async () => {
    await take({ hints: [hint(1, { change: 'deleted' })] });
    expect((await bench.look(uidOf(1))).study.state).toBe('published');
  });

  test.each([{ dropped: 3 }, { started: true }] as const)(
    'that nobody told (%o) call for a comparison of the whole archive',
    async (batch) => {
      expect(await take(batch)).toBe(0);
      const runs = await opened.store.knex('comparison_run').whereNull('finished_at_utc_ms').select('purpose');
      expect(runs).toEqual([{ purpose: 'sweep' }]);
    },
  );

  test('in great number ask Orthanc nothing: whatever waits is looked at', async () => {
    bench.pacs.failWith(new DrimboxError('orthanc/timeout'));
    const hints = Array.from({ length: 60 }, (_, index) => hint(100 + index));
    expect(await take({ hints })).toBe(1);
    expect([await due(1), await due(2)]).toEqual([false, true]);
  });

  test('are not taken while Orthanc does not answer: the hook keeps them and tells them again', async () => {
    bench.pacs.failWith(new DrimboxError('orthanc/timeout'));
    await expect(take({ hints: [hint(2)] })).rejects.toMatchObject({ code: 'orthanc/timeout' });
  });
});
