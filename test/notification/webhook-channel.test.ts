/** Alerts to a monitoring system over a real socket. */
import { afterEach, beforeAll, describe, expect, test } from 'vitest';
import { DrimboxError } from '../../plugin/errors.ts';
import { alertsOptions, type WebhookOptions } from '../../plugin/notification/options.ts';
import { createWebhookChannel } from '../../plugin/notification/webhook-channel.ts';
import { makeCa, type TestCa } from '../peers/ca/make-ca.ts';
import { findFreePort } from '../peers/postgres/index.ts';
import { isSignedBy, startWebhook, type Webhook } from '../peers/webhook/index.ts';
import { digestOf, notice, nowUtcMs } from './invented.ts';

let ca: TestCa;
beforeAll(async () => {
  ca = await makeCa('.cache/ca-notification');
}, 60_000);

let webhook: Webhook | undefined;
afterEach(async () => {
  await webhook?.stop();
  webhook = undefined;
});

const secret = 'EXEMPLE-SECRET';
const signal = new AbortController().signal;
const digest = digestOf([notice(1)]);

const channelTo = (url: string, changes: Partial<WebhookOptions> = {}) => {
  const options = alertsOptions.parse({ webhook: { url, ...changes } });
  if (options.webhook === undefined) throw new Error('no webhook');
  return createWebhookChannel(
    options.webhook,
    { clock: () => nowUtcMs, loadSecret: () => secret },
    { connectTimeoutMs: 1_500, answerTimeoutMs: 1_000 },
  );
};

const start = async (options: Parameters<typeof startWebhook>[0] = {}): Promise<Webhook> => {
  webhook = await startWebhook(options);
  return webhook;
};

const failureOf = async (work: Promise<unknown>): Promise<DrimboxError> => {
  const error: unknown = await work.then(
    () => new Error('it was sent'),
    (cause: unknown) => cause,
  );
  if (!(error instanceof DrimboxError)) throw error;
  return error;
};

describe('a POST that is taken', () => {
  test('is JSON, signed with its time when there is a secret', async () => {
    const { url, posts } = await start();
    await channelTo(url, { secretFile: '/secrets/webhook' }).send(digest, signal);
    const [post] = posts;
    expect(post).toMatchObject({ method: 'POST', path: '/drimbox?from=test' });
    expect(post?.headers).toMatchObject({
      'content-type': 'application/json; charset=utf-8',
      'x-drimbox-timestamp': String(nowUtcMs / 1000),
    });
    expect(JSON.parse(post?.body ?? '')).toMatchObject({ version: 1, alerts: [{ code: 'dmp/unreachable' }] });
    expect(post !== undefined && isSignedBy(post, secret)).toBe(true);
    expect(post !== undefined && isSignedBy(post, 'autre')).toBe(false);
  });

  test('carries no signature without a secret', async () => {
    const { url, posts } = await start();
    await channelTo(url).send(digest, signal);
    expect(Object.keys(posts[0]?.headers ?? {}).filter((name) => name.startsWith('x-drimbox'))).toEqual([]);
  });

  test('goes over HTTPS, the certificate verified by the configured authorities', async () => {
    const { url, posts } = await start({ credential: ca.server });
    await channelTo(url, { caFile: ca.rootCertificateFile }).send(digest, signal);
    expect(posts).toHaveLength(1);
  });

  test.each([200, 201, 202, 204])('is taken when the answer is %i, whatever it says', async (status) => {
    const hook = await start();
    hook.answer({ status, ...(status === 204 ? { bodyBytes: 0 } : { bodyBytes: 5_000_000 }) });
    expect(await channelTo(hook.url).send(digest, signal)).toEqual({ refusedRecipients: 0 });
  });
});

describe('a POST that is not taken says why', () => {
  test.each([400, 401, 404, 429, 500, 503])('HTTP %i', async (status) => {
    const hook = await start();
    hook.answer({ status });
    const error = await failureOf(channelTo(hook.url).send(digest, signal));
    expect({ code: error.code, detail: error.detail }).toEqual({
      code: 'notification/refused',
      detail: `HTTP ${status}`,
    });
  });

  test.each([301, 302, 303, 307, 308])('redirect %i: it is not followed', async (status) => {
    const [hook, elsewhere] = [await start(), await startWebhook()];
    hook.answer({ status, location: elsewhere.url });
    const error = await failureOf(channelTo(hook.url).send(digest, signal));
    expect({ code: error.code, detail: error.detail }).toEqual({
      code: 'notification/refused',
      detail: `HTTP ${status}`,
    });
    expect(elsewhere.posts).toEqual([]);
    await elsewhere.stop();
  });

  test('no answer in time', async () => {
    const hook = await start();
    hook.answer('hang');
    const error = await failureOf(channelTo(hook.url).send(digest, signal));
    expect(error).toMatchObject({ code: 'notification/timeout', retry: 'ambiguous' });
  });

  test('the connection is cut', async () => {
    const hook = await start();
    hook.answer('cut');
    expect((await failureOf(channelTo(hook.url).send(digest, signal))).code).toBe('notification/unreachable');
  });

  test('nobody listens', async () => {
    const url = `http://127.0.0.1:${await findFreePort()}/`;
    const error = await failureOf(channelTo(url).send(digest, signal));
    expect({ code: error.code, detail: error.detail }).toEqual({
      code: 'notification/unreachable',
      detail: 'ECONNREFUSED',
    });
  });

  test('a certificate of an authority that is not ours: nothing is posted', async () => {
    const { url, posts } = await start({ credential: ca.server });
    for (const changes of [{}, { caFile: ca.negative.rogueRootCertificateFile }]) {
      expect((await failureOf(channelTo(url, changes).send(digest, signal))).code).toBe('notification/tls-refused');
    }
    expect(posts).toEqual([]);
  });

  test('a certificate of another name than the one asked', async () => {
    const { url, posts } = await start({ credential: ca.server, host: '127.0.0.2' });
    const error = await failureOf(channelTo(url, { caFile: ca.rootCertificateFile }).send(digest, signal));
    expect(error).toMatchObject({ code: 'notification/tls-refused', detail: 'ERR_TLS_CERT_ALTNAME_INVALID' });
    expect(posts).toEqual([]);
  });
});

test('the check of the doctor connects, verifies the certificate and posts nothing', async () => {
  const { url, posts } = await start({ credential: ca.server });
  await channelTo(url, { caFile: ca.rootCertificateFile }).checkReachable();
  expect((await failureOf(channelTo(url).checkReachable())).code).toBe('notification/tls-refused');
  expect(posts).toEqual([]);
  await webhook?.stop();
  expect((await failureOf(channelTo(url).checkReachable())).code).toBe('notification/unreachable');
});
