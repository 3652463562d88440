/** When a message leaves, what is in it, and what happens when it does not leave. */
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import {
  clearAlerts,
  loadAlertNotices,
  loadAlerts,
  loadChannelState,
  markAlertSeen,
} from '../../plugin/archive/index.ts';
import { createRounds, retryAfterMs } from '../../plugin/notification/rounds.ts';
import type { Store } from '../../plugin/store/index.ts';
import { openTestStore, type TestStore } from '../fixtures/store/index.ts';
import { recordingChannel, refused, type RecordingChannel, roundBench, type RoundBench, unreachable } from './bench.ts';
import { nowUtcMs } from './invented.ts';

const minuteMs = 60_000;
const hourMs = 60 * minuteMs;
const never = new AbortController().signal;

let opened: TestStore;
beforeAll(async () => {
  opened = await openTestStore();
}, 60_000);
afterAll(() => opened.close());

let bench: RoundBench;
let email: RecordingChannel;
let run: () => Promise<void>;
beforeEach(async () => {
  await opened.empty();
  bench = roundBench(opened.store);
  email = recordingChannel();
  const rounds = createRounds(bench.ports, email);
  run = () => rounds.run(never);
});

const clear = (subject: string) => clearAlerts(opened.store.knex, subject, bench.ports.clock());
/** Passes at each step of time. */
const runEvery = async (stepMs: number, times: number): Promise<void> => {
  for (let step = 0; step < times; step += 1) {
    bench.advance(stepMs);
    await run();
  }
};

describe('when a message leaves', () => {
  test('the first at once; then at most one a minute, with all that is due by then (G3)', async () => {
    await bench.raise('1.2.1');
    await run();
    expect(email.told()).toEqual(['raised 1']);
    await bench.raise('1.2.2');
    await runEvery(10_000, 5);
    await bench.raise('1.2.3');
    expect(email.digests).toHaveLength(1);
    await runEvery(10_000, 1);
    expect(email.told()).toEqual(['raised 1', 'raised 2 3']);
  });

  test('a storm of 200 studies during 10 minutes is 11 messages', async () => {
    for (let second = 0; second < 600; second += 6) {
      for (let each = 0; each < 2; each += 1) await bench.raise(`1.2.${second}.${each}`);
      await runEvery(6_000, 1);
    }
    await runEvery(6_000, 10);
    expect(email.digests).toHaveLength(11);
    expect(email.digests.reduce((sum, { groups }) => sum + (groups[0]?.count ?? 0), 0)).toBe(200);
  });

  test('nothing due, no message, and nothing written', async () => {
    await runEvery(minuteMs, 3);
    expect(email.digests).toEqual([]);
    expect(await opened.store.knex('marker').count('* as count').first()).toMatchObject({ count: 0 });
  });

  test('alerts older than the channel that are still open are told once', async () => {
    await bench.raise('1.2.1');
    bench.advance(30 * 24 * hourMs);
    await run();
    await runEvery(minuteMs, 5);
    expect(email.told()).toEqual(['raised 1']);
  });

  test('an alert raised and cleared before it was told is not told at all', async () => {
    await bench.raise('1.2.1');
    await clear('1.2.1');
    await runEvery(minuteMs, 2);
    expect(email.digests).toEqual([]);
  });

  test('what was told and is over is told once more', async () => {
    await bench.raise('1.2.1');
    await run();
    bench.advance(hourMs);
    await clear('1.2.1');
    await run();
    await runEvery(minuteMs, 3);
    expect(email.told()).toEqual(['raised 1', 'cleared 1']);
    expect(email.digests[1]?.groups[0]?.subjects[0]?.clearedAtUtcMs).toBe(nowUtcMs + hourMs);
  });

  test('happening again is not a new message', async () => {
    await bench.raise('1.2.1');
    await run();
    await bench.raise('1.2.1');
    await runEvery(minuteMs, 3);
    expect(email.told()).toEqual(['raised 1']);
  });
});

describe('reminders', () => {
  test('an alert that stays open and unseen is told again every day, with those that are nearly due', async () => {
    await bench.raise('1.2.1');
    await run();
    bench.advance(2 * hourMs);
    await bench.raise('1.2.2');
    await run();
    bench.advance(22 * hourMs - 1);
    await run();
    expect(email.told()).toEqual(['raised 1', 'raised 2']);
    bench.advance(1);
    await run();
    expect(email.told().slice(2)).toEqual(['reminder 1 2']);
    await runEvery(hourMs, 24);
    expect(email.told().slice(3)).toEqual(['reminder 1 2']);
  });

  test('none for what an administrator has seen', async () => {
    await bench.raise('1.2.1');
    await run();
    await markAlertSeen(opened.store.knex, 1, bench.ports.clock());
    await runEvery(24 * hourMs, 3);
    expect(email.told()).toEqual(['raised 1']);
  });

  test('RemindHours 0: none', async () => {
    const rounds = createRounds({ ...bench.ports, remindHours: 0 }, email);
    await bench.raise('1.2.1');
    await rounds.run(never);
    bench.advance(1_000 * hourMs);
    await rounds.run(never);
    expect(email.told()).toEqual(['raised 1']);
  });
});

describe('when it does not leave', () => {
  test('it is tried again after 1, 2, 4 … 60 minutes, and all that came meanwhile goes with it', async () => {
    expect([1, 2, 3, 6, 7, 8, 100].map((failures) => retryAfterMs(failures) / minuteMs)).toEqual([
      1, 2, 4, 32, 60, 60, 60,
    ]);
    email.fail(refused);
    await bench.raise('1.2.1');
    await run();
    expect(await loadChannelState(opened.store.knex, 'email')).toMatchObject({
      failures: 1,
      notBeforeUtcMs: nowUtcMs + minuteMs,
      lastError: 'notification/refused: RCPT TO 451 4.7.1',
    });
    await bench.raise('1.2.2');
    await runEvery(minuteMs, 2);
    expect((await loadChannelState(opened.store.knex, 'email')).failures).toBe(2);
    email.fail(undefined);
    await runEvery(minuteMs, 1);
    expect(email.told()).toEqual(['raised 1 2']);
    expect(await loadChannelState(opened.store.knex, 'email')).toMatchObject({ failures: 0 });
  });

  test('the list of alerts shows the last error of each notice, and no longer once it is sent', async () => {
    email.fail(unreachable);
    await bench.raise('1.2.1');
    await run();
    const noticeOf = async () => (await loadAlertNotices(opened.store.knex, [1])).get(1)?.[0];
    expect(await noticeOf()).toMatchObject({
      failedAttempts: 1,
      lastError: 'notification/unreachable: ECONNREFUSED',
      dueAtUtcMs: nowUtcMs + minuteMs,
    });
    email.fail(undefined);
    await runEvery(minuteMs, 1);
    expect(await noticeOf()).not.toHaveProperty('lastError');
  });

  test('it is logged once per change, and again when it works', async () => {
    await bench.raise('1.2.1');
    email.fail(refused);
    await runEvery(hourMs, 4);
    email.fail(unreachable);
    await runEvery(hourMs, 3);
    email.fail(undefined);
    await runEvery(hourMs, 1);
    expect(
      bench.lines.map(
        ({ level, message, fields }) =>
          `${level} ${message} ${'code' in fields && typeof fields.code === 'string' ? fields.code : ''}`,
      ),
    ).toEqual([
      'warn alerts not sent notification/refused',
      'warn alerts not sent notification/unreachable',
      'info alerts are sent again ',
      'info alerts sent ',
    ]);
  });

  test('an error nobody foresaw is one too, and says nothing of its text', async () => {
    email.fail(new TypeError('pacs@exemple.fr'));
    await bench.raise('1.2.1');
    await run();
    expect((await loadChannelState(opened.store.knex, 'email')).lastError).toBe('general/internal');
    expect(JSON.stringify(bench.lines)).not.toContain('@exemple.fr');
    expect(JSON.stringify(bench.lines)).toContain('TypeError');
  });

  test('after three failures the channel is an alert itself, told by the other one, and over with the first success', async () => {
    const webhook = recordingChannel('webhook');
    const others = createRounds(bench.ports, webhook);
    email.fail(refused);
    await bench.raise('1.2.1');
    await runEvery(hourMs, 2);
    expect(await loadAlerts(opened.store.knex)).toHaveLength(1);
    await runEvery(hourMs, 2);
    expect(await loadAlerts(opened.store.knex)).toMatchObject([
      { id: 1 },
      { id: 2, code: 'notification/refused', subject: 'email', count: 2 },
    ]);
    await others.run(never);
    expect(webhook.told()).toEqual(['raised 1, raised 2']);
    email.fail(undefined);
    await runEvery(hourMs, 1);
    expect(email.told()).toEqual(['raised 1']);
    await others.run(never);
    expect(webhook.told()[1]).toBe('cleared 2');
    expect(await loadAlerts(opened.store.knex)).toMatchObject([{ id: 1 }]);
  });

  test('another reason is another alert of the channel', async () => {
    email.fail(refused);
    await bench.raise('1.2.1');
    await runEvery(hourMs, 3);
    email.fail(unreachable);
    await runEvery(hourMs, 1);
    expect((await loadAlerts(opened.store.knex)).map(({ code }) => code)).toEqual([
      'dmp/unreachable',
      'notification/unreachable',
    ]);
  });

  test('recipients that are refused while others are served: told, with an alert and a remark', async () => {
    email.refuse(1);
    await bench.raise('1.2.1');
    await run();
    await runEvery(minuteMs, 1);
    expect(email.told()).toEqual(['raised 1']);
    expect(await loadAlerts(opened.store.knex)).toMatchObject([
      { id: 1 },
      { code: 'notification/recipient-refused', subject: 'email', detail: 'recipients refused: 1' },
    ]);
    expect((await loadAlertNotices(opened.store.knex, [1])).get(1)).toMatchObject([
      { lastError: 'notification/recipient-refused', failedAttempts: 0 },
    ]);
    email.refuse(0);
    await bench.raise('1.2.2');
    await runEvery(minuteMs, 1);
    expect(await loadAlerts(opened.store.knex)).toMatchObject([{ id: 1 }, { subject: '1.2.2' }]);
  });
});

describe('what is promised outlives a crash', () => {
  test('killed between the claim and the sending: another process sends when the lease ends', async () => {
    email.hang(true);
    await bench.raise('1.2.1');
    const killed = run();
    // Nothing of the killed process happens any more: its sending never ends.
    await expect.poll(async () => (await loadChannelState(opened.store.knex, 'email')).token).toBeDefined();
    const next = recordingChannel();
    const rounds = createRounds(bench.ports, next);
    await rounds.run(never);
    expect(next.digests).toEqual([]);
    bench.advance(3 * minuteMs);
    await rounds.run(never);
    expect(next.told()).toEqual(['raised 1']);
    void killed;
  });

  test('a stop cuts what hangs and gives the channel back: the next start sends at once', async () => {
    email.hang(true);
    await bench.raise('1.2.1');
    const stop = new AbortController();
    const stopped = createRounds(bench.ports, email).run(stop.signal);
    await expect.poll(async () => (await loadChannelState(opened.store.knex, 'email')).token).toBeDefined();
    stop.abort();
    await stopped;
    expect(await loadChannelState(opened.store.knex, 'email')).toEqual({ failures: 0, notBeforeUtcMs: 0 });
    email.hang(false);
    await run();
    expect(email.told()).toEqual(['raised 1']);
    expect(bench.lines.filter(({ level }) => level === 'warn')).toEqual([]);
  });

  test('a database that is away when the message has left: noted later, not sent twice', async () => {
    let away = 0;
    const store: Store = {
      ...opened.store,
      transaction: (work) => {
        away -= 1;
        return away >= 0 && away < 2
          ? Promise.reject(new Error('Connection terminated'))
          : opened.store.transaction(work);
      },
    };
    const rounds = createRounds({ ...bench.ports, store }, email);
    await bench.raise('1.2.1');
    // The claim passes, then two notes do not.
    away = 3;
    await expect(rounds.run(never)).rejects.toThrow('terminated');
    await expect(rounds.run(never)).rejects.toThrow('terminated');
    await rounds.run(never);
    bench.advance(10 * minuteMs);
    await rounds.run(never);
    expect(email.told()).toEqual(['raised 1']);
    expect((await loadAlertNotices(opened.store.knex, [1])).get(1)).toMatchObject([{ sentAtUtcMs: nowUtcMs }]);
  });
});
