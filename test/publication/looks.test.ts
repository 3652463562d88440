/**
 * The worker on a real store. Timers stand still unless a test moves them, so that what happens is what was asked for and
 * not what a poll found.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest';
import { loadAlerts, requestLook } from '../../plugin/archive/index.ts';
import { DrimboxError } from '../../plugin/errors.ts';
import { type Looks, startLooks } from '../../plugin/publication/index.ts';
import { buildExamination } from '../fixtures/examination.ts';
import {
  type Bench,
  type BenchOptions,
  createBench,
  makeSigningIdentity,
  pacsStudy,
} from '../fixtures/publication/index.ts';
import { openTestStore, type TestStore } from '../fixtures/store/index.ts';

vi.setConfig({ testTimeout: 30_000 });

let opened: TestStore;
let bench: Bench;
const started: Looks[] = [];
const gates: (() => void)[] = [];
const signing = makeSigningIdentity();
const uidOf = (number: number): string => buildExamination({ number }).studyInstanceUid;
const newBench = (options: BenchOptions = {}): Bench => createBench(opened.store, signing, options);

beforeAll(async () => {
  opened = await openTestStore();
}, 60_000);
afterAll(() => opened.close());
beforeEach(async () => {
  await opened.empty();
  bench = newBench();
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'setInterval', 'clearInterval'] });
});
afterEach(async () => {
  bench.pacs.onLookup(undefined);
  for (const open of gates.splice(0)) open();
  for (const looks of started.splice(0)) await looks.stop();
  vi.useRealTimers();
});

const start = async (on: Bench = bench): Promise<Looks> => {
  const looks = await startLooks(on.ports);
  started.push(looks);
  return looks;
};
const until = async (what: string, isTrue: () => Promise<boolean> | boolean): Promise<void> => {
  for (let turns = 0; turns < 2000; turns += 1) {
    if (await isTrue()) return;
    await sleep(10);
  }
  throw new Error(`${what} never happened`);
};
const stateOf = async (number: number): Promise<string> => (await bench.study(uidOf(number))).state;
const isPublished = (number: number) => async () => (await stateOf(number)) === 'published';
const isIdle = async (): Promise<boolean> =>
  (await opened.store.knex('study').whereNotNull('lease_token')).length === 0;
const receive = async (number: number): Promise<void> => {
  bench.pacs.put(pacsStudy(number));
  expect((await bench.take(buildExamination({ number }).message)).code).toBe('AA');
};
/** Lookups stop here until the gate opens. */
const closeGate = (on: Bench = bench): { open: () => void; waiting: () => number } => {
  let waiting = 0;
  let open: () => void = () => undefined;
  const opens = new Promise<void>((resolve) => {
    open = resolve;
  });
  gates.push(open);
  on.pacs.onLookup(async () => {
    waiting += 1;
    await opens;
  });
  return { open, waiting: () => waiting };
};
const registrations = (): number => bench.dmp.calls.filter(({ kind }) => kind === 'register').length;

describe('the worker', () => {
  test('looks at what is due when it starts, and gives it back', async () => {
    await receive(1);
    await start();
    await until('publication', isPublished(1));
    await until('the end of the look', isIdle);
    expect(await bench.study(uidOf(1))).not.toHaveProperty('lookDueAtUtcMs');
  });

  test('starts at once when it is woken', async () => {
    const looks = await start();
    await receive(1);
    looks.wake();
    await until('publication', isPublished(1));
  });

  test('finds by itself what became due: nobody has to wake it', async () => {
    await start();
    await receive(1);
    await until('publication', async () => {
      await vi.advanceTimersByTimeAsync(1_000);
      return isPublished(1)();
    });
  });

  test('looks at a study again when it is due, not before', async () => {
    expect((await bench.take(buildExamination({ number: 1 }).message)).code).toBe('AA');
    const looks = await start();
    await until('waiting', async () => (await stateOf(1)) === 'waiting-for-images');
    await until('the end of the look', isIdle);
    bench.pacs.put(pacsStudy(1));
    bench.advance(10 * 60_000 - 1);
    looks.wake();
    await sleep(50);
    expect(bench.pacs.lookups()).toBe(1);
    bench.advance(1);
    looks.wake();
    await until('publication', isPublished(1));
  });

  test('looks at so many studies at once and no more', async () => {
    bench = newBench({ options: { parallelLooks: 2 } });
    for (const number of [1, 2, 3, 4, 5]) await receive(number);
    const gate = closeGate();
    await start();
    await until('two looks', () => gate.waiting() === 2);
    await sleep(50);
    expect(gate.waiting()).toBe(2);
    gate.open();
    await until('five publications', () => registrations() === 5);
  });

  test('makes every unfinished study due when it starts: configuration or PACS may have changed', async () => {
    bench.pacs.put(pacsStudy(1, { identity: { patientId: 'X' } }));
    await bench.take(buildExamination({ number: 1 }).message);
    expect((await bench.look(uidOf(1))).study.state).toBe('held');
    bench.pacs.put(pacsStudy(1));
    await start();
    await until('publication', isPublished(1));
  });
});

describe('a hint that comes during a look', () => {
  test('makes another look', async () => {
    await receive(1);
    const gate = closeGate();
    await start();
    await until('the look', () => gate.waiting() === 1);
    await requestLook(opened.store.knex, uidOf(1), bench.now());
    gate.open();
    await until('another look', () => bench.pacs.lookups() >= 2);
    await until('the end', async () => (await isIdle()) && (await isPublished(1)()));
    expect(registrations()).toBe(1);
    expect(await bench.study(uidOf(1))).not.toHaveProperty('lookDueAtUtcMs');
  });

  test('makes another look at once, though the first one concluded that there is time', async () => {
    await bench.take(buildExamination({ number: 1 }).message);
    const gate = closeGate();
    await start();
    await until('the look', () => gate.waiting() === 1);
    await requestLook(opened.store.knex, uidOf(1), bench.now());
    gate.open();
    await until('another look', () => bench.pacs.lookups() === 2);
    await until('the end', isIdle);
    expect(await bench.study(uidOf(1))).toMatchObject({
      state: 'waiting-for-images',
      lookDueAtUtcMs: bench.now() + 10 * 60_000,
    });
  });

  test('may be a report: what the look was about to send does not leave', async () => {
    await receive(1);
    const gate = closeGate();
    await start();
    await until('the look', () => gate.waiting() === 1);
    await bench.take(buildExamination({ number: 1, message: { action: 'delete', controlId: 'D' } }).message);
    gate.open();
    await until('the end', async () => (await stateOf(1)) === 'retired');
    expect(registrations()).toBe(0);
  });
});

describe('two workers on one store', () => {
  const second = (options: BenchOptions = {}): Bench =>
    newBench({ owner: 'sidecar-2', pacs: bench.pacs, dmp: bench.dmp, ...options });

  test('look at each study once, whoever gets it', async () => {
    const looks = [await start(), await start(second())];
    for (const number of [1, 2, 3, 4, 5, 6]) await receive(number);
    for (const one of looks) one.wake();
    await until('six publications', () => registrations() === 6);
    await until('the end', isIdle);
    expect(bench.pacs.lookups()).toBe(6);
    expect(bench.dmp.documents()).toHaveLength(6);
  });

  test('never look at one study at once: the lease holds while its holder prolongs it', async () => {
    const looks = [await start(), await start(second())];
    await receive(1);
    const gate = closeGate();
    looks[0]?.wake();
    await until('the look', () => gate.waiting() === 1);
    const before: { lease_until_utc_ms: number }[] = await opened.store.knex('study');
    bench.advance(25_000);
    await vi.advanceTimersByTimeAsync(10_000);
    await until('a longer lease', async () => {
      const after: { lease_until_utc_ms: number }[] = await opened.store.knex('study');
      return Number(after[0]?.lease_until_utc_ms) > Number(before[0]?.lease_until_utc_ms);
    });
    looks[1]?.wake();
    await sleep(50);
    expect(gate.waiting()).toBe(1);
  });

  test('take a study over when its lease ends: who held it sends nothing and writes nothing', async () => {
    const late = second({ startAtUtcMs: bench.now() + 31_000 });
    const looks = [await start(), await start(late)];
    await receive(1);
    const gate = closeGate();
    looks[0]?.wake();
    await until('the first look', () => gate.waiting() === 1);
    bench.pacs.onLookup(undefined);
    looks[1]?.wake();
    await until('publication', isPublished(1));
    expect(registrations()).toBe(1);
    const settled = await opened.store.knex('submission');
    gate.open();
    await until('the end of the first look', () => bench.logged.some(({ text }) => text === 'look given up'));
    expect(registrations()).toBe(1);
    expect(await opened.store.knex('submission')).toEqual(settled);
    expect(await stateOf(1)).toBe('published');
  });
});

describe('a look that fails', () => {
  test('for the PACS is told, counted (statistic 20), and made again later, each time later', async () => {
    await receive(1);
    bench.pacs.failWith(new DrimboxError('orthanc/timeout'));
    const looks = await start();
    const delays: number[] = [];
    for (let failures = 1; failures <= 5; failures += 1) {
      await until(
        'a failed look',
        async () => (await isIdle()) && (await bench.study(uidOf(1))).failedLooks === failures,
      );
      const { lookDueAtUtcMs = 0, state } = await bench.study(uidOf(1));
      expect(state).toBe('new');
      delays.push((lookDueAtUtcMs - bench.now()) / 1000);
      bench.advance(lookDueAtUtcMs - bench.now());
      if (failures < 5) looks.wake();
    }
    expect(delays).toEqual([5, 10, 20, 40, 80]);
    const errors = (await bench.journal()).filter(({ name }) => name === 'study/pacs-error');
    expect(errors).toHaveLength(5);
    expect(errors[0]).toMatchObject({ errorCode: 'orthanc/timeout', statistic: 20, studyInstanceUid: uidOf(1) });
    expect(await loadAlerts(opened.store.knex)).toMatchObject([
      { code: 'orthanc/timeout', subject: uidOf(1), count: 1 },
    ]);
    bench.pacs.failWith(undefined);
    looks.wake();
    await until('publication', isPublished(1));
    await until('the end', isIdle);
    expect(await loadAlerts(opened.store.knex)).toEqual([]);
    expect((await bench.study(uidOf(1))).failedLooks).toBe(0);
  });

  test('for a fault of ours is told without its text, and does not stop the worker (A6)', async () => {
    await receive(1);
    await receive(2);
    bench.pacs.onLookup(() => {
      bench.pacs.onLookup(undefined);
      return Promise.reject(new TypeError('values of a row'));
    });
    await start();
    await until('the other publication', () => registrations() === 1);
    await until('the end', isIdle);
    const [told] = (await bench.journal()).filter(({ name }) => name === 'study/look-failed');
    expect(told).toMatchObject({ errorCode: 'general/internal' });
    expect(told).not.toHaveProperty('statistic');
    expect(JSON.stringify([bench.logged, bench.told])).not.toContain('values of a row');
    expect(bench.logged).toMatchObject([{ level: 'error', text: 'look failed' }]);
    expect(JSON.stringify(bench.logged)).toContain('TypeError');
  });
});

describe('stop', () => {
  test('begins no new look and waits for the one under way', async () => {
    bench = newBench({ options: { parallelLooks: 1 } });
    await receive(1);
    await receive(2);
    const gate = closeGate();
    const looks = await start();
    await until('the look', () => gate.waiting() === 1);
    let isStopped = false;
    const stopping = looks.stop().then(() => {
      isStopped = true;
    });
    await sleep(50);
    expect(isStopped).toBe(false);
    gate.open();
    await stopping;
    expect(registrations()).toBe(1);
    expect(await isIdle()).toBe(true);
  });

  test('waits a short while only, and gives the study back: the next sidecar takes it up', async () => {
    await receive(1);
    const gate = closeGate();
    const looks = await start();
    await until('the look', () => gate.waiting() === 1);
    const stopping = looks.stop();
    await vi.advanceTimersByTimeAsync(5_000);
    await stopping;
    expect(await isIdle()).toBe(true);
    gate.open();
    await until('the end of the look', () => bench.logged.some(({ text }) => text === 'look given up'));
    expect(registrations()).toBe(0);
    bench.pacs.onLookup(undefined);
    await start();
    await until('publication', isPublished(1));
  });
});
