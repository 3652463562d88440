/**
 * A look that ends with a time that is not a whole number of milliseconds: PostgreSQL refuses it as a bigint, the look could
 * not be given back, and the study would be looked at again for ever, each time its lease ends.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { startLooks } from '../../plugin/publication/index.ts';
import { buildExamination } from '../fixtures/examination.ts';
import { createBench, makeSigningIdentity, pacsStudy } from '../fixtures/publication/index.ts';
import { openTestStore, type TestStore } from '../fixtures/store/index.ts';
import { type Postgres, startPostgres } from '../peers/postgres/index.ts';

const signing = makeSigningIdentity();
const hour = 3_600_000;
const uid = buildExamination({ number: 1 }).studyInstanceUid;

describe.each(['embedded', 'postgres'] as const)('a time to look again that is no whole number, store %s', (kind) => {
  let postgres: Postgres | undefined;
  let opened: TestStore;
  beforeAll(async () => {
    postgres = kind === 'postgres' ? await startPostgres() : undefined;
    opened = await openTestStore(await postgres?.createDatabase('due_times'));
  }, 120_000);
  afterAll(async () => {
    await opened.close();
    await postgres?.stop();
  });
  beforeEach(() => opened.empty());

  test('of a sweep, a tenth of what was waited for: the worker gives the study back', async () => {
    const bench = createBench(opened.store, signing);
    await bench.take(buildExamination({ number: 1 }).message);
    bench.advance(2 * hour + 1);
    const looks = await startLooks(bench.ports);
    try {
      for (let turns = 0; turns < 1000; turns += 1) {
        const { lookDueAtUtcMs = 0 } = await bench.study(uid);
        if (lookDueAtUtcMs > bench.now() || bench.logged.length > 0) break;
        await sleep(10);
      }
    } finally {
      await looks.stop();
    }
    expect(bench.logged).toEqual([]);
    expect(await bench.study(uid)).toMatchObject({
      state: 'waiting-for-images',
      lookDueAtUtcMs: bench.now() + Math.ceil((2 * hour + 1) / 10),
    });
    const leases: (string | null)[] = await opened.store.knex('study').pluck('lease_token');
    expect(leases).toEqual([null]);
  });

  test('of a deletion that waits for a fraction of a minute: given back, never before the delay is over (D1)', async () => {
    const bench = createBench(opened.store, signing, { options: { deletionDelayMinutes: 1 / 7 } });
    for (const number of [1, 9]) {
      bench.pacs.put(pacsStudy(number));
      await bench.take(buildExamination({ number, message: { controlId: `EX${number}` } }).message);
      await bench.look(buildExamination({ number }).studyInstanceUid);
    }
    bench.pacs.remove(uid);
    const { study } = await bench.look(uid);
    expect(study.lookDueAtUtcMs).toBe(bench.now() + Math.ceil(60_000 / 7));
    expect((await bench.lookWhenDue(uid)).study.state).toBe('images-gone');
  });
});
