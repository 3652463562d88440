/**
 * What a site installs: a release is made of this checkout, unpacked elsewhere and run there, with nothing of the checkout and no
 * npm in reach. A real Orthanc and the stand-ins of the national services stand around it.
 */
import { execFile, execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { Agent, fetch } from 'undici';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { softwareVersion } from '../../plugin/main.ts';
import { runDrimbox, type SidecarProcess, startSidecar } from '../peers/site/index.ts';
import { isSiteHere } from './flow-site.ts';
import { startVisitedSite, type VisitedSite } from './visited-site.ts';

const run = promisify(execFile);
const project = resolve(import.meta.dirname, '../..');
const isCheckout = existsSync(join(project, '.git'));
/** Node.js and the tools of the system; no npm. */
const bareEnv = (folder: string): Record<string, string> => ({
  PATH: `${join(folder, 'bin')}:/usr/bin:/bin`,
  HOME: folder,
});

describe.skipIf(!isCheckout || !isSiteHere)('a release', { timeout: 300_000 }, () => {
  const folder = mkdtempSync(join(tmpdir(), 'drimbox-release-'));
  const tree = join(folder, `drimbox-orthanc-${softwareVersion}`);
  const archive = `${tree}.tar.gz`;
  const launcher = join(tree, 'scripts/drimbox');
  let site: VisitedSite;
  let released: SidecarProcess;
  let agent: Agent;
  /** Before anything ran in it. */
  let unpacked: readonly string[];

  beforeAll(async () => {
    await run(join(project, 'scripts/release'), ['--trial', '--out', folder]);
    execFileSync('tar', ['--extract', '--file', archive, '--directory', folder]);
    unpacked = readdirSync(tree).toSorted();
    mkdirSync(join(folder, 'bin'));
    writeFileSync(join(folder, 'bin/node'), `#!/bin/sh\nexec '${process.execPath}' "$@"\n`, { mode: 0o755 });
    site = await startVisitedSite();
    const { flow } = site;
    await flow.site.sidecar().stop();
    const { configFile, env } = flow.site;
    released = await startSidecar({ folder, configFile, env: { ...env, ...bareEnv(folder) }, launcher });
    agent = new Agent({ connect: { ca: readFileSync(flow.site.ca.chainFile) } });
  }, 300_000);
  afterAll(async () => {
    await released?.stop();
    await agent?.destroy();
    await site?.stop();
    rmSync(folder, { recursive: true, force: true });
  });

  const get = (path: string, headers: Readonly<Record<string, string>> = {}) =>
    fetch(`${site.visitors.origin}${path}`, { dispatcher: agent, headers });

  it('holds what runs, says what it is, and can be compared with its sums', () => {
    expect(unpacked).toEqual([
      ...['.npmrc', 'README.md', 'SHA256SUMS', 'migrations', 'node_modules', 'orthanc-config', 'package-lock.json'],
      ...['package.json', 'plugin', 'release.json', 'scripts', 'viewer'],
    ]);
    for (const tool of ['vite', 'vitest', 'typescript', 'oidc-provider', 'playwright-core', 'react']) {
      expect(existsSync(join(tree, 'node_modules', tool)), tool).toBe(false);
    }
    const release = JSON.parse(readFileSync(join(tree, 'release.json'), 'utf8')) as Record<string, string>;
    expect(release).toMatchObject({ version: softwareVersion, commit: expect.stringMatching(/^[0-9a-f]{40}$/) });
    execFileSync('sha256sum', ['--check', '--quiet', 'SHA256SUMS'], { cwd: tree });
    execFileSync('sha256sum', ['--check', '--quiet', `${archive}.sha256`], { cwd: dirname(archive) });
    writeFileSync(join(tree, 'README.md'), 'EXEMPLE');
    expect(() =>
      execFileSync('sha256sum', ['--check', '--quiet', 'SHA256SUMS'], { cwd: tree, stdio: 'pipe' }),
    ).toThrow();
  });

  it('sets up without fetching anything', async () => {
    const { stdout } = await run(join(tree, 'scripts/setup'), ['--runtime'], { env: bareEnv(folder) });
    expect(stdout.trim().split('\n')).toEqual([
      expect.stringMatching(/^setup: Node\.js [0-9.]+: already there$/),
      'setup: npm packages: already there',
      'setup: viewer/dist: already there',
      'setup: ready',
    ]);
  });

  it('tells its state, and serves the viewer: page, scripts, compressed, for a year', async () => {
    const health = await get('/q/health');
    expect([health.status, ((await health.json()) as { status: string }).status]).toEqual([200, 'UP']);
    const served = JSON.parse(readFileSync(join(tree, 'viewer/dist/served.json'), 'utf8')) as {
      ahead: readonly string[];
      files: readonly { path: string; bytes: number; brotliBytes?: number }[];
    };
    const bundle = served.ahead.find((path) => path.includes('app.bundle')) ?? '';
    const answer = await get(`/visionneuse/${bundle}`, { 'accept-encoding': 'br' });
    expect(answer.status).toBe(200);
    expect(answer.headers.get('content-encoding')).toBe('br');
    expect(answer.headers.get('cache-control')).toContain('immutable');
    const { bytes } = served.files.find(({ path }) => path === bundle) ?? {};
    expect((await answer.arrayBuffer()).byteLength).toBe(bytes);
    const link = await get('/IHEInvokeImageDisplay?requestType=STUDY&studyUID=2.25.1&accessionNumber=A&idCDA=2.25.2');
    expect([link.status, await link.text()]).toEqual([200, expect.stringContaining('FranceConnect')]);
  });

  it('its doctor finds the viewer well', async () => {
    const { configFile, env } = site.flow.site;
    const words = ['doctor', '--json'];
    const { stdout } = await runDrimbox(words, { configFile, env: { ...env, ...bareEnv(folder) }, launcher });
    const { results } = JSON.parse(stdout) as { results: { name: string; state: string; details?: string[] }[] };
    for (const name of ['viewer-files', 'viewer-names', 'sign-in-psc', 'sign-in-franceconnect', 'dmp-reachable']) {
      expect(results.find((one) => one.name === name)).toMatchObject({ state: 'ok' });
    }
    expect(results.find(({ name }) => name === 'viewer-files')?.details).toEqual([`Dossier : ${tree}/viewer/dist`]);
  });

  it('loads nothing of the checkout', () => {
    const maps = readFileSync(`/proc/${released.pid}/cmdline`, 'utf8');
    expect(maps).toContain(`${tree}/plugin/cli.ts`);
    expect(maps).not.toContain(`${project}/plugin`);
  });
});
