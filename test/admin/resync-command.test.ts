/** `drimbox resync` on a real store: what it starts, what it tells while the work goes on, what it shows at the end. */
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest';
import { type Report, resyncCommand, type ResyncPorts, type ResyncView } from '../../plugin/admin/index.ts';
import type { ComparisonRun } from '../../plugin/archive/index.ts';
import { DrimboxError } from '../../plugin/errors.ts';
import { stepRun } from '../../plugin/publication/index.ts';
import {
  archiveStudies,
  type ComparisonBench,
  createComparisonBench,
  emptyComparisons,
  found,
  inventedContents,
  withoutOneImage,
} from '../fixtures/comparison/index.ts';
import { openTestStore, type TestStore } from '../fixtures/store/index.ts';

vi.setConfig({ testTimeout: 30_000 });

let opened: TestStore;
let bench: ComparisonBench;
const contents = inventedContents(6);
const uidAt = (index: number): string => contents[index]?.studyInstanceUid ?? '';

beforeAll(async () => {
  opened = await openTestStore();
}, 60_000);
afterAll(() => opened.close());
beforeEach(async () => {
  await opened.empty();
  await emptyComparisons(opened.store.knex);
  bench = createComparisonBench(opened.store);
  await archiveStudies(
    opened.store.knex,
    contents.map((content) => ({ content })),
  );
  const [first, , ...others] = contents;
  if (first === undefined) throw new Error('no contents');
  bench.pacs.set(first.studyInstanceUid, found(withoutOneImage(first)));
  for (const content of others) bench.pacs.set(content.studyInstanceUid, found(content));
});

const ask = (words: readonly string[], ports: Partial<ResyncPorts> = {}, report: Report = () => undefined) =>
  resyncCommand({ store: opened.store, clock: () => bench.now(), pollMs: 5, ...ports }, ['resync', ...words], report);

/** The sidecar beside the command: works on what is asked for, step by step, and makes the looks. */
const workBeside = async (command: Promise<ResyncView>): Promise<ResyncView> => {
  let isDone = false;
  const ended = command.finally(() => {
    isDone = true;
  });
  let run: ComparisonRun | undefined;
  while (!isDone) {
    if (run?.leaseToken === undefined) run = await bench.lease();
    if (run !== undefined) ({ run } = await stepRun(bench.ports, run));
    bench.advance(1_000);
    await bench.makeLooks();
    await sleep(10);
  }
  return ended;
};

const expectedFigures = { archived: 6, withoutExam: 1, toUpdate: 1, upToDate: 4, unreadable: 0 };

describe('drimbox resync (DB.SO.28, DB.SO.88)', () => {
  test('compares, shows what would be done, and does nothing of it', async () => {
    let wakes = 0;
    const told: object[] = [];
    const view = await workBeside(ask([], { wakeComparison: () => (wakes += 1) }, (progress) => told.push(progress)));
    expect(view).toMatchObject({
      phase: 'compared',
      applied: false,
      compared: 6,
      total: 6,
      looks: { wanted: 2, asked: 0, looked: 0 },
      figures: expectedFigures,
      held: 0,
      findings: {
        changed: { count: 1, studies: [uidAt(0)] },
        'without-exam': { count: 1, studies: [uidAt(1)] },
      },
    });
    expect(view.next).toContain('drimbox resync --apply');
    expect(view).not.toHaveProperty('list');
    expect(wakes).toBe(1);
    expect(told[0]).toMatchObject({ phase: 'comparing', compared: '0/0' });
    expect((await opened.store.knex('study').whereNotNull('look_due_at_utc_ms')).length).toBe(0);
  });

  test('--apply has everything looked at, tells how far it is, and the five figures at the end', async () => {
    const told: object[] = [];
    const view = await workBeside(ask(['--apply'], {}, (progress) => told.push(progress)));
    expect(view).toMatchObject({
      phase: 'finished',
      applied: true,
      looks: { wanted: 2, asked: 2, looked: 2 },
      figures: { archived: 6, withoutExam: 1, toUpdate: 0, upToDate: 5, archivedAfter: 6 },
    });
    expect(view.finishedAt).toBeDefined();
    expect(told.length).toBeGreaterThan(1);
  });

  test('--list gives every finding as CSV, without identities (A6)', async () => {
    const view = await workBeside(ask(['--list', 'OUT.csv']));
    expect(view.list).toBe(
      [
        'study_instance_uid,finding,looked,state,reason',
        `${uidAt(0)},changed,false,published,`,
        `${uidAt(1)},without-exam,false,published,`,
        '',
      ].join('\n'),
    );
  });

  test('shows the first 100 studies of each finding, and counts them all', async () => {
    await opened.empty();
    const many = inventedContents(130);
    await archiveStudies(
      opened.store.knex,
      many.map((content) => ({ content })),
    );
    bench.pacs.clear();
    const view = await workBeside(ask(['--list', 'OUT.csv']));
    expect(view.findings['without-exam']?.count).toBe(130);
    expect(view.findings['without-exam']?.studies).toHaveLength(100);
    expect(view.list?.split('\n')).toHaveLength(132);
  });

  test('--status tells without waiting; while the PACS is down it says so', async () => {
    await bench.requestResync(false);
    bench.onQuestion(() => {
      throw new DrimboxError('orthanc/unreachable');
    });
    const run = await bench.lease();
    if (run === undefined) throw new Error('nothing to work on');
    await bench.work(run, ({ figures }) => figures.paused !== null);
    const view = await ask(['--status']);
    expect(view).toMatchObject({ phase: 'comparing', compared: 0, total: 6, pausedBy: 'orthanc/unreachable' });
    expect(view.next).toContain('--stop');
  });

  test('--stop ends it, for whoever waits for it too', async () => {
    const waiting = ask([]);
    await vi.waitFor(async () => expect((await ask(['--status'])).phase).toBe('comparing'));
    const stopped = await ask(['--stop']);
    expect(stopped).toMatchObject({ phase: 'stopped' });
    expect(await waiting).toMatchObject({ run: stopped.run, phase: 'stopped' });
    expect(await bench.lease()).toBeUndefined();
  });

  test('is joined by whoever asks again: after a cut connection, or a second administrator', async () => {
    const gone = new AbortController();
    const first = ask([], { signal: gone.signal, pollMs: 60_000 });
    await vi.waitFor(async () => expect((await ask(['--status'])).phase).toBe('comparing'));
    gone.abort();
    const { run, phase } = await first;
    expect(phase).toBe('comparing');
    expect(await workBeside(ask([]))).toMatchObject({ run, phase: 'compared' });
  });

  test.each([[['--status']], [['--stop']]])('%j before any resynchronisation: archive/not-found', async (words) => {
    await expect(ask(words)).rejects.toMatchObject({ code: 'archive/not-found' });
  });

  test.each([[['--apply', '--stop']], [['--force']], [['--list']], [['--list', '--apply']]])(
    '%j is cli/usage, and nothing is started',
    async (words) => {
      await expect(ask(words)).rejects.toMatchObject({ code: 'cli/usage' });
      expect(await opened.store.knex('comparison_run')).toEqual([]);
    },
  );
});
