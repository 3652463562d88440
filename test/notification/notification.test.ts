/** The worker as a whole: two sidecars on one PostgreSQL, channels that hang, real servers at the other end. */
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { clearAlerts, loadAlertNotices, loadChannelState, raiseAlert } from '../../plugin/archive/index.ts';
import { alertsOptions, createChannels, startNotification } from '../../plugin/notification/index.ts';
import { createRounds } from '../../plugin/notification/rounds.ts';
import { openTestStore, type TestStore } from '../fixtures/store/index.ts';
import { startMailServer } from '../peers/mail/index.ts';
import { type Postgres, startPostgres } from '../peers/postgres/index.ts';
import { startWebhook } from '../peers/webhook/index.ts';
import { recordingChannel, roundBench } from './bench.ts';
import { nowUtcMs, studyUid } from './invented.ts';

const minuteMs = 60_000;

describe('two sidecars on one PostgreSQL', () => {
  let postgres: Postgres;
  let stores: readonly TestStore[];
  beforeAll(async () => {
    postgres = await startPostgres();
    const url = await postgres.createDatabase('drimbox');
    stores = [await openTestStore(url), await openTestStore(url)];
  }, 120_000);
  afterAll(async () => {
    for (const opened of stores) await opened.close();
    await postgres.stop();
  });

  test('tell each alert once, whoever comes first', async () => {
    let now = nowUtcMs;
    const clock = (): number => now;
    const channels = stores.map(() => recordingChannel());
    const workers = stores.flatMap(({ store }, index) => {
      const channel = channels[index];
      return channel === undefined ? [] : [createRounds({ ...roundBench(store).ports, clock }, channel)];
    });
    const first = stores[0]?.store.knex;
    if (first === undefined) throw new Error('no store');
    const never = new AbortController().signal;
    for (let step = 0; step < 12; step += 1) {
      const subject = studyUid(step);
      await raiseAlert(first, { code: 'dmp/unreachable', subject, detail: '' }, now);
      if (step >= 6) await clearAlerts(first, studyUid(step - 6), now);
      await Promise.all(workers.flatMap((worker) => [worker.run(never), worker.run(never)]));
      now += minuteMs;
    }
    const told = channels.flatMap(({ digests }) =>
      digests.flatMap(({ groups }) =>
        groups.flatMap(({ kind, subjects }) => subjects.map(({ alertId }) => `${kind} ${alertId}`)),
      ),
    );
    const numbers = (length: number) => Array.from({ length }, (_, index) => index + 1);
    expect(told.toSorted()).toEqual(
      [...numbers(12).map((id) => `raised ${id}`), ...numbers(6).map((id) => `cleared ${id}`)].toSorted(),
    );
    // At most one message a minute, of both together.
    expect(channels.reduce((sum, { digests }) => sum + digests.length, 0)).toBe(12);
  });
});

describe('the worker', () => {
  let opened: TestStore;
  beforeAll(async () => {
    opened = await openTestStore();
  }, 60_000);
  afterAll(() => opened.close());

  test('a channel that hangs holds up no other, and a stop does not wait for it', async () => {
    await opened.empty();
    const bench = roundBench(opened.store);
    const [email, webhook] = [recordingChannel('email'), recordingChannel('webhook')];
    email.hang(true);
    const worker = await startNotification({ ...bench.ports, channels: [email, webhook] }, 20);
    await bench.raise('1.2.1');
    await expect.poll(() => webhook.told()).toEqual(['raised 1']);
    const before = performance.now();
    await worker.stop();
    expect(performance.now() - before).toBeLessThan(6_000);
    expect(email.digests).toEqual([]);
    expect(await loadChannelState(opened.store.knex, 'email')).not.toHaveProperty('token');
  });

  test('a store that fails is logged once and does not end it', async () => {
    await opened.empty();
    const bench = roundBench(opened.store);
    let isAway = true;
    const knex = new Proxy(opened.store.knex, {
      apply: (target, self, args) => {
        if (isAway) throw Object.assign(new Error('values of a row'), { code: 'ECONNREFUSED' });
        return Reflect.apply(target, self, args) as unknown;
      },
    });
    const email = recordingChannel();
    const store = { ...opened.store, knex };
    const worker = await startNotification({ ...bench.ports, store, channels: [email] }, 10);
    await bench.raise('1.2.1');
    await sleep(100);
    isAway = false;
    await expect.poll(() => email.told()).toEqual(['raised 1']);
    await worker.stop();
    expect(bench.lines.filter(({ level }) => level === 'warn')).toEqual([
      { level: 'warn', message: 'alerts not looked at', fields: { channel: 'email', code: 'store/unavailable' } },
    ]);
  });

  test('the lease of a process that was killed is dropped at the start of the embedded store', async () => {
    await opened.empty();
    const bench = roundBench(opened.store);
    const hanging = recordingChannel();
    hanging.hang(true);
    await bench.raise('1.2.1');
    void createRounds(bench.ports, hanging).run(new AbortController().signal);
    await expect.poll(async () => (await loadChannelState(opened.store.knex, 'email')).token).toBeDefined();
    const email = recordingChannel();
    const worker = await startNotification({ ...bench.ports, channels: [email] }, 20);
    await expect.poll(() => email.told()).toEqual(['raised 1']);
    await worker.stop();
  });

  test('without a channel there is nothing to run', async () => {
    const { ports } = roundBench(opened.store);
    const channels = createChannels(alertsOptions.parse({}), {
      clock: Date.now,
      newUuid: () => '',
      loadSecret: () => '',
    });
    expect(channels).toEqual([]);
    await (await startNotification({ ...ports, channels })).stop();
  });

  test('mail and webhook arrive, and hold nothing of what the detail of an alert quotes (A6)', async () => {
    await opened.empty();
    const [mail, hook] = [await startMailServer(), await startWebhook()];
    const bench = roundBench(opened.store);
    const options = alertsOptions.parse({
      email: { smtpUrl: `smtp://127.0.0.1:${mail.port}`, from: 'drimbox@exemple.fr', to: ['pacs@exemple.fr'] },
      webhook: { url: hook.url },
    });
    const channels = createChannels(options, { clock: bench.ports.clock, newUuid: () => 'uuid', loadSecret: () => '' });
    const quoted = 'codeContext: patient EXEMPLE Camille, INS 199017512345657\r\nBcc: autre@exemple.fr\r\n\r\nx';
    await bench.raise(studyUid(1), 'dmp/refused', quoted);
    const worker = await startNotification({ ...bench.ports, channels }, 20);
    await expect.poll(() => [mail.mails.length, hook.posts.length]).toEqual([1, 1]);
    await worker.stop();
    const told = `${JSON.stringify([...(mail.mails[0]?.headers ?? [])])}${mail.mails[0]?.text}${hook.posts[0]?.body}`;
    expect(told).toContain(studyUid(1));
    expect(told).not.toMatch(/EXEMPLE Camille|199017512345657|codeContext|autre@exemple/);
    expect(mail.mails[0]?.to).toEqual(['pacs@exemple.fr']);
    expect(JSON.stringify(bench.lines)).not.toContain('@exemple.fr');
    const notices = (await loadAlertNotices(opened.store.knex, [1])).get(1);
    expect(notices?.map(({ channel, failedAttempts }) => `${channel} ${failedAttempts}`)).toEqual([
      'email 0',
      'webhook 0',
    ]);
    await mail.stop();
    await hook.stop();
  });

  test('a server that greylists or is down gets the same alerts later, once', async () => {
    await opened.empty();
    const [mail, hook] = [await startMailServer(), await startWebhook()];
    mail.set({ kind: 'greylist', times: 1 });
    hook.answer({ status: 500 }, { status: 503 });
    const bench = roundBench(opened.store);
    const options = alertsOptions.parse({
      email: { smtpUrl: `smtp://127.0.0.1:${mail.port}`, from: 'drimbox@exemple.fr', to: ['pacs@exemple.fr'] },
      webhook: { url: hook.url },
    });
    const ports = { clock: bench.ports.clock, newUuid: () => 'uuid', loadSecret: () => '' };
    const rounds = createChannels(options, ports).map((channel) => createRounds(bench.ports, channel));
    await bench.raise(studyUid(1));
    for (let minute = 0; minute < 8; minute += 1) {
      for (const one of rounds) await one.run(new AbortController().signal);
      bench.advance(minuteMs);
    }
    expect(mail.mails).toHaveLength(1);
    expect(hook.posts).toHaveLength(3);
    await mail.stop();
    await hook.stop();
  });
});
