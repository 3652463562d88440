/** The audit of image requests (DB.SO.106, DB.CS.144; decision A6): written before anything leaves, never lost, never changed. */
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import {
  type Audit,
  type AuditEntry,
  type AuditResult,
  type AuditStore,
  createAudit,
  loadAuditPage,
} from '../../plugin/audit/index.ts';
import { DrimboxError } from '../../plugin/errors.ts';
import type { Store } from '../../plugin/store/index.ts';
import { openTestStore, type TestStore } from '../fixtures/store/index.ts';

let opened: TestStore;
let store: Store;
beforeAll(async () => {
  opened = await openTestStore();
  ({ store } = opened);
}, 60_000);
afterAll(() => opened.close());

let now = Date.UTC(2026, 2, 12, 10);
const started: Audit[] = [];
beforeEach(async () => {
  now = Date.UTC(2026, 2, 12, 10);
  await store.knex.raw('TRUNCATE audit RESTART IDENTITY');
});
afterEach(async () => {
  for (const audit of started.splice(0)) await audit.stop();
});

let warnings: object[] = [];
const log = { warn: (fields: object): number => warnings.push(fields) };
const open = (options: Partial<Parameters<typeof createAudit>[0]> = {}): Audit => {
  warnings = [];
  const audit = createAudit({ store, clock: () => now, log, ...options });
  started.push(audit);
  return audit;
};

/** Invented identities: INS under the test OID. */
const entry: AuditEntry = {
  transaction: 'wado-rs',
  correlationId: 'c-1',
  address: '192.0.2.7',
  peerSubject: 'CN=db.exemple.fr,O=EXEMPLE',
  peerEntry: 'EXEMPLE-1',
  actorNationalId: '899700000001',
  actorClient: 'exemple-client',
  patient: { value: '199017512345657', oid: '1.2.250.1.213.1.4.10' },
  studyInstanceUid: '1.2.250.1.999999.2.1',
  seriesInstanceUid: '1.2.250.1.999999.2.1.1',
  kosSopInstanceUid: '1.2.250.1.999999.2.9',
  level: 'series',
  accept: 'multipart/related; type="application/dicom"',
};
const stranger: AuditEntry = { transaction: 'wado-rs', correlationId: 'c', address: '203.0.113.9' };
const served: AuditResult = {
  outcome: 'served',
  httpStatus: 200,
  objects: 3,
  bytes: 5_000_000_000,
  syntaxes: { '1.2.840.10008.1.2.4.80': 2, '1.2.840.10008.1.2.1': 1 },
  firstByteMs: 12,
};
const refused: AuditResult = { outcome: 'refused', httpStatus: 403, reasonCode: 'hl7/sender-not-allowed' };

const lines = async () => (await loadAuditPage(store.knex, {}, 10_000)).lines;

describe('a transaction', () => {
  test('is on the disk as under way before begin resolves, and says everything of facts/spec.md b.17 when it is finished', async () => {
    const audit = open();
    const handle = await audit.begin(entry);
    expect(await lines()).toMatchObject([{ outcome: 'under-way', study: entry.studyInstanceUid }]);
    now += 1_500;
    await audit.finish(handle, served);
    expect(await lines()).toEqual([
      {
        id: 1,
        at: '2026-03-12T10:00:00.000Z',
        finishedAt: '2026-03-12T10:00:01.500Z',
        transaction: 'wado-rs',
        outcome: 'served',
        httpStatus: 200,
        correlation: 'c-1',
        address: '192.0.2.7',
        peer: 'CN=db.exemple.fr,O=EXEMPLE',
        peerEntry: 'EXEMPLE-1',
        professional: '899700000001',
        client: 'exemple-client',
        ins: '199017512345657',
        insOid: '1.2.250.1.213.1.4.10',
        study: '1.2.250.1.999999.2.1',
        series: '1.2.250.1.999999.2.1.1',
        manifest: '1.2.250.1.999999.2.9',
        level: 'series',
        accept: 'multipart/related; type="application/dicom"',
        objects: 3,
        bytes: 5_000_000_000,
        syntaxes: { '1.2.840.10008.1.2.4.80': 2, '1.2.840.10008.1.2.1': 1 },
        firstByteMs: 12,
        durationMs: 1_500,
        count: 1,
      },
    ]);
  });

  test.each(['partial', 'failed', 'cancelled'] as const)('may end as %s, with its reason', async (outcome) => {
    const audit = open();
    await audit.finish(await audit.begin(entry), { outcome, httpStatus: 206, reasonCode: 'orthanc/timeout' });
    expect(await lines()).toMatchObject([{ outcome, reason: 'orthanc/timeout', objects: 0, bytes: 0 }]);
  });

  test('of a hostile requester is kept: U+0000, half characters, line ends and endless texts do not fail the row', async () => {
    const audit = open();
    await audit.finish(
      await audit.begin({
        ...entry,
        studyInstanceUid: 'x\u0000y\uD800',
        accept: `a\r\nforged\u202E${'é'.repeat(100_000)}`,
      }),
      served,
    );
    const [line] = await lines();
    expect(line?.study).toBe('x y\uFFFD');
    expect(line?.accept).toMatch(/^a forged é+$/);
    expect(line?.accept?.length).toBeLessThanOrEqual(1_000);
  });

  test('of a hundred at once are one row each, with few transactions (group commit)', async () => {
    let transactions = 0;
    const counting: AuditStore = {
      ...store,
      transaction: (work) => {
        transactions += 1;
        return store.transaction(work);
      },
    };
    const audit = open({ store: counting });
    const handles = await Promise.all(
      Array.from({ length: 100 }, (_, at) => audit.begin({ ...entry, correlationId: `c-${at}` })),
    );
    await Promise.all(handles.map((handle) => audit.finish(handle, served)));
    expect(new Set(handles.map(({ id }) => id)).size).toBe(100);
    const kept = await lines();
    expect(kept.map(({ correlation }) => correlation)).toEqual(Array.from({ length: 100 }, (_, at) => `c-${at}`));
    expect(kept.every(({ outcome }) => outcome === 'served')).toBe(true);
    expect(transactions).toBeLessThan(10);
  });
});

describe('the rows', () => {
  const change = (sql: string): Promise<unknown> => Promise.resolve(store.knex.raw(sql));

  test('that are finished can neither be changed nor deleted, whoever tries (append-only)', async () => {
    const audit = open();
    await audit.finish(await audit.begin(entry), served);
    await expect(change(`UPDATE audit SET outcome = 'refused'`)).rejects.toThrow('append-only');
    await expect(change(`UPDATE audit SET actor_national_id = 'other'`)).rejects.toThrow('append-only');
    await expect(change('DELETE FROM audit')).rejects.toThrow('append-only');
    // As a backup writes it back.
    await change('UPDATE audit SET count = count');
    expect(await lines()).toMatchObject([{ outcome: 'served', professional: '899700000001' }]);
  });

  test('that are finished are not finished again', async () => {
    const audit = open();
    const handle = await audit.begin(entry);
    await audit.finish(handle, served);
    await audit.finish(handle, refused);
    expect(await lines()).toMatchObject([{ outcome: 'served' }]);
  });
});

/** A store whose database can be taken away. */
const fragile = () => {
  const state = { isAway: false };
  const breaking: AuditStore = {
    ...store,
    transaction: (work) =>
      state.isAway ? Promise.reject(new DrimboxError('store/unavailable')) : store.transaction(work),
  };
  return { state, store: breaking };
};

describe('without the database', () => {
  test('nothing begins: audit/unavailable, so that nothing is served unwritten (503)', async () => {
    const { state, store: breaking } = fragile();
    state.isAway = true;
    await expect(open({ store: breaking }).begin(entry)).rejects.toMatchObject({
      code: 'audit/unavailable',
      httpStatus: 503,
    });
    expect(await lines()).toEqual([]);
  });

  test('an end is kept and written later, and the log names nobody', async () => {
    const { state, store: breaking } = fragile();
    const audit = open({ store: breaking });
    const handle = await audit.begin(entry);
    state.isAway = true;
    await audit.finish(handle, served);
    expect(await lines()).toMatchObject([{ outcome: 'under-way' }]);
    expect(warnings).toEqual([{ code: 'audit/unavailable', audit: 1 }]);
    state.isAway = false;
    await audit.stop();
    expect(await lines()).toMatchObject([{ outcome: 'served', objects: 3 }]);
  });

  test('a refusal is kept and written later, whole or counted: none is lost', async () => {
    const { state, store: breaking } = fragile();
    const audit = open({
      store: breaking,
      limits: { rowsPerAddress: 2, rowsOfStrangers: 9, rowsPerPerson: 9, countedKeys: 9 },
    });
    state.isAway = true;
    for (let at = 0; at < 5; at += 1) {
      await expect(audit.record(stranger, refused)).rejects.toMatchObject({ code: 'audit/unavailable' });
    }
    state.isAway = false;
    await audit.stop();
    expect((await lines()).map(({ count }) => count).toSorted((a, b) => a - b)).toEqual([1, 1, 3]);
  });

  test('a database that hangs does not hold the request: refused after the time, and closed when its row comes after all', async () => {
    let release: () => void = () => undefined;
    const hanging = new Promise<void>((resolve) => {
      release = resolve;
    });
    let isFirst = true;
    const slow: AuditStore = {
      ...store,
      transaction: async (work) => {
        if (isFirst) await hanging;
        isFirst = false;
        return store.transaction(work);
      },
    };
    const audit = open({ store: slow, beginTimeoutMs: 20 });
    await expect(audit.begin(entry)).rejects.toMatchObject({ code: 'audit/unavailable' });
    release();
    await audit.stop();
    expect(await lines()).toMatchObject([{ outcome: 'failed', reason: 'audit/unavailable', httpStatus: 503 }]);
  });

  test('one row that the database refuses does not take its neighbours with it', async () => {
    const audit = open();
    const poisoned = { ...entry, transaction: null } as unknown as AuditEntry;
    const outcomes = await Promise.allSettled([audit.begin(entry), audit.begin(poisoned), audit.begin(entry)]);
    expect(outcomes.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'fulfilled']);
    expect(outcomes[1]).toMatchObject({ reason: { code: 'audit/unavailable' } });
    expect(await lines()).toHaveLength(2);
  });
});

describe('after a process that was killed', () => {
  test('what it left under way is closed as interrupted at the next start', async () => {
    await open().begin(entry);
    now += 60_000;
    await open().start();
    expect(await lines()).toMatchObject([{ outcome: 'interrupted', finishedAt: '2026-03-12T10:01:00.000Z' }]);
  });

  test('what another living sidecar serves on the same PostgreSQL stays under way; its lease decides', async () => {
    const shared: AuditStore = { ...store, kind: 'postgres' };
    const first = open({ store: shared });
    const handle = await first.begin(entry);
    now += 240_000;
    await open({ store: shared }).start();
    expect(await lines()).toMatchObject([{ outcome: 'under-way' }]);
    now += 120_000;
    await open({ store: shared }).start();
    expect(await lines()).toMatchObject([{ outcome: 'interrupted' }]);
    // It was alive after all: the truth is written over the guess.
    await first.finish(handle, served);
    expect(await lines()).toMatchObject([{ outcome: 'served' }]);
  });

  test('rows that this process serves are never closed by itself', async () => {
    const audit = open();
    await audit.begin(entry);
    now += 3_600_000;
    await audit.start();
    expect(await lines()).toMatchObject([{ outcome: 'under-way' }]);
  });
});

describe('retention', () => {
  const day = 86_400_000;

  test('by default names for good', async () => {
    const audit = open();
    await audit.finish(await audit.begin(entry), served);
    now += 20_000 * day;
    await audit.start();
    expect(await lines()).toMatchObject([{ professional: '899700000001' }]);
  });

  test('erases whom and what a row names, keeps its time, outcome and figures, and leaves younger rows', async () => {
    const audit = open({ options: { retentionDays: 200 } });
    await audit.finish(await audit.begin(entry), served);
    now += 150 * day;
    await audit.finish(await audit.begin(entry), served);
    now += 51 * day;
    await audit.start();
    const [old, young] = await lines();
    expect(old).toEqual({
      id: 1,
      at: '2026-03-12T10:00:00.000Z',
      finishedAt: '2026-03-12T10:00:00.000Z',
      transaction: 'wado-rs',
      outcome: 'served',
      httpStatus: 200,
      level: 'series',
      objects: 3,
      bytes: 5_000_000_000,
      syntaxes: served.syntaxes,
      firstByteMs: 12,
      durationMs: 0,
      count: 1,
      erasedAt: new Date(now).toISOString(),
    });
    expect(young).toMatchObject({ professional: '899700000001', ins: '199017512345657' });
  });
});
