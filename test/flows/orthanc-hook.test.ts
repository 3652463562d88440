import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer as createTcpServer, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import { createOrthancClient, orthancIdOfInstance, orthancOptions } from '../../plugin/orthanc/index.ts';
import { type HookListener, idsOf, startHookListener } from '../fixtures/orthanc/hook-listener.ts';
import { buildInstance, buildSeries } from '../fixtures/orthanc/studies.ts';
import {
  isOrthancHere,
  type OrthancPeer,
  type OrthancVersion,
  startOrthanc,
  startSilentSidecar,
} from '../peers/orthanc/index.ts';
import { findFreePort } from '../peers/postgres/index.ts';

const folder = mkdtempSync(join(tmpdir(), 'drimbox-hook-'));
const secretFile = join(folder, 'secret');
const secret = 'an-invented-secret-0123456789';
writeFileSync(secretFile, `${secret}\n`);
afterAll(() => rmSync(folder, { recursive: true }));

const eventually = { timeout: 10_000, interval: 50 };
const uid = '2.25.999999.1';

/** One version a run: `scripts/test` has 1.10, `scripts/test --orthanc 1.12` the other. */
const versions: OrthancVersion[] = [process.env['DRIMBOX_TEST_ORTHANC'] === '1.12' ? '1.12' : '1.10'];
describe.each(versions)('hook in Orthanc %s', (version) => {
  if (!isOrthancHere(version)) {
    it.skip(`Orthanc ${version} is not on this machine`, () => undefined);
    return;
  }

  describe('with a sidecar that answers', () => {
    let sidecar: HookListener;
    let orthanc: OrthancPeer;
    beforeAll(async () => {
      sidecar = await startHookListener({ secret });
      orthanc = await startOrthanc({
        version,
        hook: { host: '127.0.0.1', port: sidecar.port, secretFile },
        users: { béa: 'sésame' },
      });
    });
    afterAll(async () => {
      await orthanc.discard();
      await sidecar.close();
    });
    afterEach(async () => {
      // Orthanc tells of deletions a moment after them: the next test must not hear those of this one.
      const patients = await orthanc.getJson<string[]>('/patients');
      await orthanc.removeEverything();
      await vi.waitFor(async () => {
        expect(idsOf(sidecar, 'deleted patient')).toEqual(expect.arrayContaining(patients));
        expect(await orthanc.getJson('/drimbox-hook')).toMatchObject({ pending: 0 });
      }, eventually);
      sidecar.forget();
    });

    it('tells of stored instances by their study, once or twice for a whole series', async () => {
      const [first] = await orthanc.storeFiles(buildSeries(uid, `${uid}.1`, 40));
      await vi.waitFor(() => expect(idsOf(sidecar, 'stored study')).toEqual([first?.studyId]), eventually);
      await sleep(700);
      expect(sidecar.heard()).toEqual(['stored study']);
      expect(sidecar.batches.length).toBeLessThan(20);
      sidecar.forget();
      await orthanc.storeFile(buildInstance({ study: uid, series: `${uid}.2`, instance: `${uid}.2.1` }));
      await vi.waitFor(() => expect(idsOf(sidecar, 'stored study')).toEqual([first?.studyId]), eventually);
    });

    it('tells of a deleted instance by the id that the archive can compute from its UIDs', async () => {
      const [first] = await orthanc.storeFiles(buildSeries(uid, `${uid}.1`, 2));
      await orthanc.remove('instances', first?.instanceId ?? '');
      await vi.waitFor(() => expect(idsOf(sidecar, 'deleted instance')).toEqual([first?.instanceId]), eventually);
      const computed = [1, 2].map((number) => orthancIdOfInstance('IPP-0001', uid, `${uid}.1`, `${uid}.1.${number}`));
      expect(computed).toContain(first?.instanceId);
      expect(sidecar.heard()).not.toContain('deleted study');
    });

    it.each(['series', 'studies', 'patients'] as const)(
      'tells of deleted %s, which Orthanc never logs in /changes',
      async (level) => {
        const [first] = await orthanc.storeFiles([
          ...buildSeries(uid, `${uid}.1`, 2),
          buildInstance({ study: `${uid}.9`, series: `${uid}.9.1`, instance: `${uid}.9.1.1` }),
        ]);
        const id = { series: first?.seriesId, studies: first?.studyId, patients: first?.patientId }[level] ?? '';
        const what = { series: 'deleted series', studies: 'deleted study', patients: 'deleted patient' }[level];
        await orthanc.remove(level, id);
        await vi.waitFor(() => expect(idsOf(sidecar, what)).toContain(id), eventually);
      },
    );

    it('gives the mark of the database with every batch and over REST; it survives a restart (D2)', async () => {
      await orthanc.storeFile(buildInstance({ study: uid, series: `${uid}.1`, instance: `${uid}.1.1` }));
      await vi.waitFor(() => expect(sidecar.batches.length).toBeGreaterThan(0), eventually);
      const { database } = await orthanc.getJson<{ database: string }>('/drimbox-hook');
      expect(database).toMatch(/^[0-9a-f-]{36}$/);
      expect(sidecar.batches[0]?.database).toBe(database);
      await orthanc.kill();
      orthanc = await orthanc.restart();
      expect(await orthanc.getJson('/drimbox-hook')).toMatchObject({ database });
      const passwordFile = join(folder, 'password');
      writeFileSync(passwordFile, 'sésame');
      const options = orthancOptions.parse({ url: orthanc.url, username: 'béa', passwordFile, hook: { secretFile } });
      const client = createOrthancClient(options);
      expect(await client.databaseIdentity()).toMatchObject({ marker: database });
      await client.close();
    });

    it('relays GET and POST of /drimbox/… with query, body and the user whose password Orthanc checked (F1)', async () => {
      expect(await orthanc.call('GET', '/drimbox/studies/caf%C3%A9/status?a=x%26y')).toEqual({
        status: 200,
        text: '{"text":"KOS publié"}',
      });
      expect(await orthanc.call('POST', '/drimbox/reconcile', { motif: 'é' })).toEqual({
        status: 202,
        text: '{"text":"KOS publié"}',
      });
      const [get, post] = sidecar.relayed.slice(-2);
      expect(get).toMatchObject({ method: 'GET', path: 'studies/café/status', user: 'béa' });
      expect([...(get?.query ?? [])]).toEqual([['a', 'x&y']]);
      expect(post).toMatchObject({ method: 'POST', path: 'reconcile', user: 'béa' });
      expect(Buffer.from(post?.body ?? []).toString()).toBe('{"motif":"é"}');
    });

    it('relays an error of the sidecar with its status and code', async () => {
      const { status, text } = await orthanc.call('GET', '/drimbox/unknown');
      expect([status, JSON.parse(text)['code']]).toEqual([404, 'orthanc/not-found']);
    });

    it('answers 405 to what the sidecar does not take', async () => {
      expect((await orthanc.call('DELETE', '/drimbox/status')).status).toBe(405);
    });

    it('lets nobody in whom Orthanc does not know', async () => {
      const answer = await fetch(`${orthanc.url}/drimbox/status`, { headers: { 'x-drimbox-user': 'admin' } });
      expect(answer.status).toBe(401);
    });

    it('adds its line to Orthanc Explorer', async () => {
      expect((await orthanc.call('GET', '/plugins/explorer.js')).text).toContain('drimbox-status');
    });
  });

  it('tells of its start at once, with the mark of the database, when nothing has changed (D2)', async () => {
    const sidecar = await startHookListener({ secret });
    const hook = { host: '127.0.0.1', port: sidecar.port, secretFile };
    let orthanc = await startOrthanc({ version, hook });
    await vi.waitFor(() => expect(sidecar.batches.length).toBe(1), eventually);
    const { database } = await orthanc.getJson<{ database: string }>('/drimbox-hook');
    expect(sidecar.batches).toEqual([{ database, dropped: 0, hints: [], started: true }]);
    await orthanc.storeFile(buildInstance({ study: uid, series: `${uid}.1`, instance: `${uid}.1.1` }));
    await vi.waitFor(() => expect(sidecar.heard()).toEqual(['stored study']), eventually);
    expect(sidecar.batches.slice(1).filter(({ started }) => started === true)).toEqual([]);
    sidecar.forget();
    await orthanc.kill();
    orthanc = await orthanc.restart();
    await vi.waitFor(() => expect(sidecar.batches[0]).toMatchObject({ database, started: true }), eventually);
    await orthanc.discard();
    await sidecar.close();
  });

  it('tells of its start later when the sidecar was not there, once', async () => {
    const port = await findFreePort();
    const orthanc = await startOrthanc({ version, hook: { host: '127.0.0.1', port, secretFile } });
    await vi.waitFor(
      async () => expect(await orthanc.getJson('/drimbox-hook')).toMatchObject({ failures: 1 }),
      eventually,
    );
    const sidecar = await startHookListener({ secret, port });
    await vi.waitFor(() => expect(sidecar.batches.map(({ started }) => started)).toEqual([true]), eventually);
    await sleep(700);
    expect(sidecar.batches.length).toBe(1);
    await orthanc.discard();
    await sidecar.close();
  });

  it('names no user where Orthanc checks no password: a header alone is worth nothing (F1)', async () => {
    const sidecar = await startHookListener({ secret });
    const orthanc = await startOrthanc({ version, hook: { host: '127.0.0.1', port: sidecar.port, secretFile } });
    const claimed = { authorization: `Basic ${Buffer.from('admin:x').toString('base64')}`, 'x-drimbox-user': 'admin' };
    await fetch(`${orthanc.url}/drimbox/status`, { headers: claimed });
    await orthanc.discard();
    await sidecar.close();
    expect(sidecar.relayed.length).toBe(1);
    expect(sidecar.relayed[0]).not.toHaveProperty('user');
  });

  it.skipIf(!existsSync('/usr/bin/chromium'))(
    'shows the answer on the study page of Orthanc Explorer, as text and never as HTML',
    async () => {
      const sidecar = await startHookListener({ secret, text: '<b>KOS</b> publié' });
      const orthanc = await startOrthanc({ version, hook: { host: '127.0.0.1', port: sidecar.port, secretFile } });
      const { studyId } = await orthanc.storeFile(
        buildInstance({ study: uid, series: `${uid}.1`, instance: `${uid}.1.1` }),
      );
      const profile = mkdtempSync(join(folder, 'chromium-'));
      const options = [
        '--headless',
        '--no-sandbox',
        '--disable-gpu',
        `--user-data-dir=${profile}`,
        '--virtual-time-budget=10000',
      ];
      const page = `${orthanc.url}/app/explorer.html#study?uuid=${studyId}`;
      const { stdout } = await promisify(execFile)('/usr/bin/chromium', [...options, '--dump-dom', page], {
        timeout: 60_000,
      });
      await orthanc.discard();
      await sidecar.close();
      expect(sidecar.relayed.map(({ path }) => path)).toContain(`studies/${studyId}/status`);
      const line = /<p class="drimbox-status"[^>]*>(.*?)<\/p>/.exec(stdout)?.[1];
      expect(line).toBe('DRIM-M&nbsp;: &lt;b&gt;KOS&lt;/b&gt; publié');
    },
  );

  it('with a hung sidecar storing is not delayed, a relayed call ends in 504, and SIGTERM ends Orthanc in seconds', async () => {
    const sidecar = await startSilentSidecar();
    const orthanc = await startOrthanc({ version, hook: { host: '127.0.0.1', port: sidecar.port, secretFile } });
    const tookMs: number[] = [];
    for (let study = 1; study <= 60; study += 1) {
      const from = performance.now();
      await orthanc.storeFile(
        buildInstance({ study: `2.25.${study}`, series: `2.25.${study}.1`, instance: `2.25.${study}.1.1` }),
      );
      tookMs.push(performance.now() - from);
    }
    const relayed = await orthanc.call('GET', '/drimbox/status');
    const threads = Number(/^Threads:\s+(\d+)/m.exec(readFileSync(`/proc/${orthanc.pid}/status`, 'utf8'))?.[1]);
    await orthanc.storeFile(buildInstance({ study: uid, series: `${uid}.1`, instance: `${uid}.1.1` }));
    const stopMs = await orthanc.stop({ forceAfterMs: 60_000 });
    await sidecar.close();
    expect([relayed.status, JSON.parse(relayed.text)['code']]).toEqual([504, 'orthanc/sidecar-timeout']);
    // Told inline, each would wait 1.5 s and the stop 90 s.
    expect(tookMs.toSorted((a, b) => a - b)[30]).toBeLessThan(500);
    expect(stopMs).toBeLessThan(15_000);
    expect(threads).toBeLessThan(120);
    expect(orthanc.exitStatus()).toBe(0);
  });

  it('with something else on the port of the sidecar calls end in 502, never in what it said', async () => {
    const stranger = createTcpServer((socket) => {
      socket.on('error', () => undefined);
      socket.end('SSH-2.0-OpenSSH_9.2\r\n');
    });
    stranger.listen(0, '127.0.0.1');
    await once(stranger, 'listening');
    const { port } = stranger.address() as AddressInfo;
    const orthanc = await startOrthanc({ version, hook: { host: '127.0.0.1', port, secretFile } });
    const { status, text } = await orthanc.call('GET', '/drimbox/status');
    await orthanc.stop();
    stranger.close();
    expect([status, JSON.parse(text)['code']]).toEqual([502, 'orthanc/sidecar-failed']);
  });

  it('with a sidecar that has another secret calls end in 502, and changes are kept', async () => {
    const sidecar = await startHookListener({ secret: 'another-invented-secret-01234' });
    const orthanc = await startOrthanc({ version, hook: { host: '127.0.0.1', port: sidecar.port, secretFile } });
    const { status, text } = await orthanc.call('GET', '/drimbox/status');
    await orthanc.storeFile(buildInstance({ study: uid, series: `${uid}.1`, instance: `${uid}.1.1` }));
    await vi.waitFor(
      async () => expect(await orthanc.getJson('/drimbox-hook')).toMatchObject({ pending: 1, sent: 0 }),
      eventually,
    );
    await orthanc.discard();
    await sidecar.close();
    expect([status, JSON.parse(text)['code'], sidecar.batches]).toEqual([502, 'orthanc/sidecar-failed', []]);
  });

  it('with a sidecar that is not there calls end in 503, and what happened meanwhile is told when it is back', async () => {
    const port = await findFreePort();
    const orthanc = await startOrthanc({ version, hook: { host: '127.0.0.1', port, secretFile } });
    const stored = await orthanc.storeFile(buildInstance({ study: uid, series: `${uid}.1`, instance: `${uid}.1.1` }));
    await orthanc.remove('studies', stored.studyId);
    const { status, text } = await orthanc.call('GET', '/drimbox/status');
    expect([status, JSON.parse(text)['code']]).toEqual([503, 'orthanc/sidecar-unreachable']);
    const sidecar = await startHookListener({ secret, port });
    await vi.waitFor(
      () => expect(sidecar.heard()).toEqual(expect.arrayContaining(['stored study', 'deleted study'])),
      eventually,
    );
    await orthanc.stop();
    await sidecar.close();
    // A callback that Python had freed crashed the 5.0 plugin here.
    expect(orthanc.exitStatus()).toBe(0);
  });

  it.each([
    ['no DrimBox section', {}],
    ['a DrimBox section without secret', { DrimBox: { Orthanc: { Hook: { Port: 1 } } } }],
    ['a DrimBox section that is no section', { DrimBox: { Orthanc: 3 } }],
  ])(
    'with %s Orthanc starts all the same, and its log says that the hook is not loaded',
    async (_what, configuration) => {
      const hook = { host: '127.0.0.1', port: 1, secretFile };
      const orthanc = await startOrthanc({ version, hook, configuration: { DrimBox: {}, ...configuration } });
      const answer = await orthanc.call('GET', '/drimbox/status');
      const log = orthanc.log();
      await orthanc.discard();
      expect(answer.status).toBe(404);
      expect(log).toContain('DRIMbox: hook NOT loaded');
    },
  );
});
