import { readFileSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { createFileSource, createHttpsSource, type WhitelistSource } from '../../plugin/trust/index.ts';
import { makeWhitelistAuthority, type WhitelistAuthority } from '../fixtures/trust/whitelist-authority.ts';
import { startWhitelistServer, type WhitelistServer } from '../fixtures/trust/whitelist-server.ts';

const dayMs = 86_400_000;
const clock = (): number => 1_000_000;

let ca: WhitelistAuthority;
let server: WhitelistServer;
beforeAll(async () => {
  ca = await makeWhitelistAuthority();
  // Valid by the real clock, which TLS reads.
  const validity = { notBeforeUtcMs: Date.now() - dayMs, notAfterUtcMs: Date.now() + 30 * dayMs };
  server = await startWhitelistServer(await ca.issue('server', { profile: 'ssl', issuer: ca.root, validity }));
}, 60_000);
afterAll(async () => {
  await server.stop();
  await ca.remove();
});
beforeEach(() => server.misbehave(undefined));

const httpsSource = (more: Partial<Parameters<typeof createHttpsSource>[0]> = {}): WhitelistSource =>
  createHttpsSource(
    {
      url: server.url,
      authoritiesPem: readFileSync(ca.root.certificateFile, 'utf8'),
      timeoutMs: 20_000,
      maxBytes: 1_000_000,
      ...more,
    },
    clock,
  );

describe('a source of the whitelist (DB.CS.147)', () => {
  test('gives the bytes and what names them, then that nothing has changed', async () => {
    server.serve('list');
    const { signal } = new AbortController();
    const fetched = await httpsSource().fetch(undefined, signal);
    expect(fetched).toMatchObject({ kind: 'content', bytes: Buffer.from('list'), confirmedAtUtcMs: 1_000_000 });
    const validator = fetched.kind === 'content' ? fetched.validator : '';
    expect(await httpsSource().fetch(validator, signal)).toEqual({ kind: 'unchanged', confirmedAtUtcMs: 1_000_000 });
  });
});

describe('a source that misbehaves', () => {
  const fetchOnce = (source: WhitelistSource) => source.fetch(undefined, new AbortController().signal);
  const flood = 'x'.repeat(64 * 1024);

  test('more than MaxBytes, announced or not: trust/whitelist-too-large, cut early', async () => {
    const source = httpsSource({ maxBytes: 100_000 });
    server.misbehave((_, response) => response.writeHead(200, { 'content-length': 10_000_000 }).write('x'));
    await expect(fetchOnce(source)).rejects.toMatchObject({ code: 'trust/whitelist-too-large' });
    server.misbehave((_, response) => {
      const pour = (): void => {
        if (!response.destroyed && response.write(flood)) setImmediate(pour);
        else response.once('drain', pour);
      };
      pour();
    });
    await expect(fetchOnce(source)).rejects.toMatchObject({ code: 'trust/whitelist-too-large' });
    const file = join(ca.folder, 'large.xml');
    await writeFile(file, flood.repeat(2));
    await expect(fetchOnce(createFileSource(file, 100_000, clock))).rejects.toMatchObject({
      code: 'trust/whitelist-too-large',
    });
  });

  test.each([
    ['a redirect', 302, { location: 'https://127.0.0.1/' }],
    ['no content', 204, {}],
    ['a compressed answer', 200, { 'content-encoding': 'gzip' }],
    ['"not modified" without having been asked', 304, {}],
  ] as const)('%s: trust/whitelist-unreachable', async (_, status, headers) => {
    server.misbehave((request, response) => response.writeHead(status, headers).end());
    await expect(fetchOnce(httpsSource())).rejects.toMatchObject({ code: 'trust/whitelist-unreachable' });
  });

  test('silent: given up after the time-out', async () => {
    server.misbehave(() => undefined);
    const fetched = fetchOnce(httpsSource({ timeoutMs: 300 }));
    await expect(fetched).rejects.toMatchObject({ code: 'trust/whitelist-unreachable', detail: 'no answer in 300 ms' });
  });

  test('a server of another authority: trust/whitelist-unreachable', async () => {
    const other = httpsSource({ authoritiesPem: readFileSync(ca.intermediate.certificateFile, 'utf8') });
    await expect(fetchOnce(other)).rejects.toMatchObject({ code: 'trust/whitelist-unreachable' });
  });

  test('no such file, no such server: trust/whitelist-unreachable, the cause by its code only', async () => {
    await expect(fetchOnce(createFileSource(join(ca.folder, 'none'), 1000, clock))).rejects.toMatchObject({
      code: 'trust/whitelist-unreachable',
      detail: 'ENOENT',
    });
    await expect(fetchOnce(httpsSource({ url: 'https://127.0.0.1:1/' }))).rejects.toMatchObject({
      detail: 'ECONNREFUSED',
    });
  });
});
