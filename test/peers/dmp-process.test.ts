import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { request } from 'node:http';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { createInterface } from 'node:readline';
import { afterEach, beforeAll, describe, expect, it } from 'vitest';
import { makeCa, type TestCa } from './ca/make-ca.ts';
import type { LogLine, RegistryEntry } from './dmp/index.ts';
import { submit, type TestTarget } from './dmp-client/dmp-test-client.ts';
import { exampleFacts } from './dmp-client/example-facts.ts';
import { createTestAgent } from './dmp-client/soap-client.ts';
import { structureOf, testCaFolder } from './dmp-client/test-setting.ts';

let ca: TestCa;
beforeAll(async () => {
  ca = await makeCa(testCaFolder);
}, 60_000);

const children: ChildProcess[] = [];
afterEach(() => {
  for (const child of children.splice(0)) child.kill('SIGKILL');
});

interface Running {
  readonly target: TestTarget;
  readonly control: <Content>(method: string, path: string, body?: unknown) => Promise<Content>;
  readonly child: ChildProcess;
  readonly port: string;
}

const call = <Content>(url: string, method: string, body: unknown): Promise<Content> =>
  new Promise((done, failed) => {
    const sent = request(url, { method }, (response) => {
      const chunks: Buffer[] = [];
      response.on('data', (chunk: Buffer) => chunks.push(chunk));
      response.on('end', () => done(JSON.parse(Buffer.concat(chunks).toString()) as Content));
    });
    sent.on('error', failed);
    sent.end(body === undefined ? undefined : JSON.stringify(body));
  });

const start = async (folder: string, port = '0'): Promise<Running> => {
  const main = resolve(import.meta.dirname, 'dmp/main.ts');
  const child = spawn(
    process.execPath,
    [main, '--folder', folder, '--ca', testCaFolder, '--port', port, '--no-schemas'],
    {
      stdio: ['ignore', 'pipe', 'inherit'],
    },
  );
  children.push(child);
  const ended = once(child, 'exit').then(() => {
    throw new Error('the stand-in ended before it listened');
  });
  const [line] = await Promise.race([
    once(createInterface({ input: child.stdout }), 'line') as Promise<[string]>,
    ended,
  ]);
  ended.catch(() => undefined);
  const { baseUrl, controlUrl } = JSON.parse(line) as { baseUrl: string; controlUrl: string };
  const credentials = structureOf(ca, '1990000001');
  const agent = createTestAgent({ rootCertificateFile: ca.rootCertificateFile, authCli: credentials.authCli });
  return {
    target: { baseUrl, agent, credentials },
    control: (method, path, body) => call(`${controlUrl}${path}`, method, body),
    child,
    port: new URL(baseUrl).port,
  };
};

describe('DMP stand-in as its own process', () => {
  it('survives kill -9: what it took is there when it starts again on the same port', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'dmp-process-'));
    const first = await start(folder);
    await submit(exampleFacts(1), first.target);
    first.child.kill('SIGKILL');
    await once(first.child, 'exit');
    const second = await start(folder, first.port);
    expect(await second.control<RegistryEntry[]>('GET', '/entries')).toHaveLength(2);
    expect((await submit(exampleFacts(1), second.target)).text).toContain('XDSDuplicateUniqueIdInRegistry');
    rmSync(folder, { recursive: true, force: true, maxRetries: 5 });
  }, 30_000);

  it('is driven over its control port: failures, entries, log', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'dmp-process-'));
    const { target, control, child } = await start(folder);
    await control('POST', '/faults', { fault: { kind: 'http', status: 503 }, times: 1 });
    expect((await submit(exampleFacts(1), target)).status).toBe(503);
    await control('POST', '/faults', { fault: { kind: 'down' } });
    await expect(submit(exampleFacts(1), target)).rejects.toMatchObject({ code: 'ECONNREFUSED' });
    await control('DELETE', '/faults');
    expect((await submit(exampleFacts(1), target)).text).toContain('ResponseStatusType:Success');
    const lines = await control<LogLine[]>('GET', '/log');
    expect(lines.map(({ transaction, outcome, fault }) => [transaction, outcome, fault])).toEqual([
      ['provideAndRegister', 'refused', 'http'],
      ['provideAndRegister', 'accepted', undefined],
    ]);
    expect(await control('POST', '/faults', { fault: { kind: 'autre' } })).toMatchObject({
      error: expect.stringContaining('fault.kind') as string,
    });
    child.kill('SIGTERM');
    expect(await once(child, 'exit')).toEqual([0, null]);
    rmSync(folder, { recursive: true, force: true });
  }, 30_000);
});
