/** What was told of which alert by which channel, on both stores. */
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import {
  claimChannel,
  clearAlerts,
  dropChannelLease,
  loadAlertNotices,
  loadAlerts,
  loadChannelState,
  loadDueNotices,
  markAlertSeen,
  raiseAlert,
  releaseChannel,
  saveFailedNotices,
  saveToldNotices,
} from '../../plugin/archive/index.ts';
import { openTestStore, type TestStore } from '../fixtures/store/index.ts';
import { type Postgres, startPostgres } from '../peers/postgres/index.ts';

let postgres: Postgres;
beforeAll(async () => {
  postgres = await startPostgres();
}, 120_000);
afterAll(() => postgres.stop());

describe.each(['embedded', 'postgres'] as const)('notices, store %s', (kind) => {
  let opened: TestStore;
  beforeAll(async () => {
    opened = await openTestStore(kind === 'postgres' ? await postgres.createDatabase('notices') : undefined);
  }, 60_000);
  afterAll(() => opened.close());
  beforeEach(() => opened.empty());

  const raise = (subject: string, atUtcMs = 1000) =>
    raiseAlert(opened.store.knex, { code: 'dmp/unreachable', subject, detail: 'x' }, atUtcMs);
  const due = (remindBeforeUtcMs?: number, channel = 'email', limit = 100) =>
    loadDueNotices(opened.store.knex, {
      channel,
      limit,
      ...(remindBeforeUtcMs === undefined ? {} : { remindBeforeUtcMs }),
    });
  const kinds = async (remindBeforeUtcMs?: number, channel = 'email') =>
    (await due(remindBeforeUtcMs, channel)).map((one) => `${one.alertId} ${one.kind}`);
  const tell = async (atUtcMs: number, channel = 'email') =>
    saveToldNotices(opened.store.knex, { channel, notices: await due(undefined, channel), atUtcMs });

  test('an open alert is due once for each channel, the oldest first', async () => {
    await raise('1.2.1');
    await raise('1.2.2', 2000);
    expect(await due()).toEqual([
      {
        alertId: 1,
        kind: 'raised',
        code: 'dmp/unreachable',
        subject: '1.2.1',
        count: 1,
        raisedAtUtcMs: 1000,
        lastAtUtcMs: 1000,
      },
      expect.objectContaining({ alertId: 2, raisedAtUtcMs: 2000 }),
    ]);
    expect(await due(undefined, 'email', 1)).toHaveLength(1);
    await tell(3000);
    expect(await kinds()).toEqual([]);
    expect(await kinds(undefined, 'webhook')).toEqual(['1 raised', '2 raised']);
  });

  test('what was told and is over since is due once more; what was over before is not told at all (G3)', async () => {
    const { knex } = opened.store;
    await raise('1.2.1');
    await tell(2000);
    await raise('1.2.2');
    await clearAlerts(knex, '1.2.1', 4000);
    await clearAlerts(knex, '1.2.2', 5000);
    expect(await due()).toEqual([expect.objectContaining({ alertId: 1, kind: 'cleared', clearedAtUtcMs: 4000 })]);
    await tell(6000);
    expect(await kinds()).toEqual([]);
    expect((await loadAlertNotices(knex, [1])).get(1)).toEqual([
      { channel: 'email', sentAtUtcMs: 2000, clearedToldAtUtcMs: 6000, failedAttempts: 0, dueAtUtcMs: 2000 },
    ]);
  });

  test('an alert that comes back is another one', async () => {
    await raise('1.2.1');
    await tell(2000);
    await clearAlerts(opened.store.knex, '1.2.1', 3000);
    await raise('1.2.1', 4000);
    expect(await kinds()).toEqual(['1 cleared', '2 raised']);
  });

  test('a reminder is due for what was told before a moment, is open and was not seen; it starts the time again', async () => {
    await raise('1.2.1');
    await raise('1.2.2');
    await tell(2000);
    expect(await kinds(1999)).toEqual([]);
    expect(await kinds(2000)).toEqual(['1 reminder', '2 reminder']);
    expect(await kinds()).toEqual([]);
    await markAlertSeen(opened.store.knex, 2, 2500);
    const reminders = await due(2000);
    await saveToldNotices(opened.store.knex, { channel: 'email', notices: reminders, atUtcMs: 5000 });
    expect(await kinds(4999)).toEqual([]);
    expect(await kinds(5000)).toEqual(['1 reminder']);
  });

  test('a failed attempt is counted and leaves the alert due; success forgets it', async () => {
    const { knex } = opened.store;
    await raise('1.2.1');
    const failed = { channel: 'email', notices: await due(), error: 'notification/timeout: ETIMEDOUT' };
    await saveFailedNotices(knex, { ...failed, dueAtUtcMs: 9000 });
    await saveFailedNotices(knex, { ...failed, dueAtUtcMs: 9500 });
    expect((await loadAlertNotices(knex, [1])).get(1)).toEqual([
      { channel: 'email', failedAttempts: 2, lastError: 'notification/timeout: ETIMEDOUT', dueAtUtcMs: 9500 },
    ]);
    expect(await kinds()).toEqual(['1 raised']);
    await tell(10_000);
    expect((await loadAlertNotices(knex, [1])).get(1)).toEqual([
      { channel: 'email', failedAttempts: 0, sentAtUtcMs: 10_000, dueAtUtcMs: 10_000 },
    ]);
  });

  test('a failed reminder or end leaves when it was told', async () => {
    const { knex } = opened.store;
    await raise('1.2.1');
    await tell(2000);
    const reminders = await due(2000);
    await saveFailedNotices(knex, { channel: 'email', notices: reminders, error: 'x', dueAtUtcMs: 9000 });
    expect(await kinds()).toEqual([]);
    expect(await kinds(2000)).toEqual(['1 reminder']);
  });

  test('an alert about a channel is told by the others only', async () => {
    await raiseAlert(
      opened.store.knex,
      { code: 'notification/unreachable', subject: 'email', detail: 'messages in a row that did not leave: 3' },
      1000,
    );
    expect(await kinds()).toEqual([]);
    expect(await kinds(undefined, 'webhook')).toEqual(['1 raised']);
  });

  test('10,000 due alerts are marked by one statement', async () => {
    const { knex } = opened.store;
    await knex.raw(
      `INSERT INTO alert (code, subject, detail, count, raised_at_utc_ms, last_at_utc_ms)
       SELECT 'dmp/unreachable', '1.2.' || n, '', 1, n, n FROM generate_series(1, 10000) n`,
    );
    await saveToldNotices(knex, { channel: 'email', notices: await due(undefined, 'email', 10_000), atUtcMs: 5 });
    expect(await kinds()).toEqual([]);
    expect(await loadAlerts(knex)).toHaveLength(10_000);
  });

  describe('a channel', () => {
    const claim = (token: string, nowUtcMs: number, channel = 'email') =>
      opened.store.transaction((trx) => claimChannel(trx, { channel, token, nowUtcMs, untilUtcMs: nowUtcMs + 1000 }));

    test('is taken by one process at a time, until it is given back or its lease ends', async () => {
      expect(await claim('a', 5000)).toEqual({ notBeforeUtcMs: 0, failures: 0 });
      expect(await claim('b', 5500)).toBeUndefined();
      expect(await claim('b', 5500, 'webhook')).toBeDefined();
      expect(await claim('b', 6000)).toMatchObject({ token: 'a' });
    });

    test('taken by two processes at the same moment: one has it', async () => {
      const claims = await Promise.all(['a', 'b', 'c', 'd'].map((token) => claim(token, 5000)));
      expect(claims.filter((state) => state !== undefined)).toHaveLength(1);
    });

    test('is given back by who has it, with its rest, failures and last error', async () => {
      const { store } = opened;
      await claim('a', 5000);
      await claim('b', 6000);
      const state = { notBeforeUtcMs: 9000, failures: 2, lastError: 'notification/timeout' };
      const release = (token: string) =>
        store.transaction((trx) => releaseChannel(trx, { channel: 'email', token, state, atUtcMs: 6500 }));
      expect(await release('a')).toBe(false);
      expect(await loadChannelState(store.knex, 'email')).toMatchObject({ token: 'b', failures: 0 });
      expect(await release('b')).toBe(true);
      expect(await loadChannelState(store.knex, 'email')).toEqual(state);
      expect(await claim('c', 8999)).toBeUndefined();
      expect(await claim('c', 9000)).toEqual(state);
    });

    test('a rest that lies far ahead was written while the clock was wrong: it holds up nothing', async () => {
      await claim('a', 5000 + 365 * 86_400_000);
      expect(await claim('b', 5000)).toBeDefined();
    });

    test('the lease of a killed process can be dropped; a rest stays', async () => {
      const { store } = opened;
      await claim('a', 5000);
      await store.transaction((trx) => dropChannelLease(trx, 'email', 5100));
      expect(await claim('b', 5100)).toBeDefined();
      const state = { notBeforeUtcMs: 9000, failures: 1 };
      await store.transaction((trx) => releaseChannel(trx, { channel: 'email', token: 'b', state, atUtcMs: 5200 }));
      await store.transaction((trx) => dropChannelLease(trx, 'email', 5300));
      expect(await claim('c', 5300)).toBeUndefined();
    });
  });
});
