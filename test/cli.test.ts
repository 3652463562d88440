import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from 'vitest';
import { type RunCommand, runStoreCommand, startControl, storeCommandNames } from '../plugin/admin/index.ts';
import { parseManifest } from '../plugin/kos/index.ts';
import type { Store } from '../plugin/store/index.ts';
import { buildExamination } from './fixtures/examination.ts';
import { createBench, makeSigningIdentity, pacsStudy } from './fixtures/publication/index.ts';
import { buildCda } from './fixtures/report/build-cda.ts';
import { openTestStore, type TestStore } from './fixtures/store/index.ts';

// Each command is a process of its own: on a busy machine it starts slowly.
vi.setConfig({ testTimeout: 60_000 });

const command = fileURLToPath(new URL('../plugin/cli.ts', import.meta.url));

interface Outcome {
  readonly status: number;
  readonly out: string;
  readonly error: string;
}

const runIn = (cwd: string | undefined, ...words: readonly string[]): Promise<Outcome> =>
  new Promise((resolve) => {
    execFile(process.execPath, [command, ...words], { encoding: 'utf8', cwd }, (failure, out, error) => {
      resolve({ status: failure === null ? 0 : Number(failure.code), out, error });
    });
  });

const drimbox = (...words: readonly string[]): Promise<Outcome> => runIn(undefined, ...words);

let folder: string;
const file = (name: string): string => join(folder, name);
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'drimbox-cli-'));
  await writeFile(file('oru.hl7'), buildExamination({ number: 1 }).message);
  await writeFile(file('cda.xml'), buildCda());
  await writeFile(file('broken.xml'), '<ClinicalDocument');
});
afterAll(() => rm(folder, { recursive: true, force: true }));

describe('drimbox, without configuration', () => {
  test('without a command, or asked for help, says what it can do', async () => {
    for (const words of [[], ['help'], ['--help']]) {
      const { status, out } = await drimbox(...words);
      expect(status).toBe(0);
      expect(out).toContain('drimbox archive show UID');
    }
  });

  test('help names every command, and fits a terminal of 120 columns', async () => {
    const { out } = await drimbox('help');
    expect(storeCommandNames.length).toBeGreaterThan(12);
    for (const name of [
      ...storeCommandNames,
      'serve',
      'doctor',
      'restore',
      'backup verify',
      'kos build',
      'report read',
    ])
      expect(out).toContain(`drimbox ${name}`);
    for (const line of out.split('\n')) expect(line.length).toBeLessThanOrEqual(120);
  });

  test.each([
    [['burn']],
    [['archive2', 'list']],
    [['report', 'read']],
    [['report', 'read', '--out']],
    [['kos', 'build']],
    [['archive', 'list', '--config']],
    [['journal', '--format', 'pdf']],
    [['backup', 'verify']],
    [['restore']],
  ])('%j is a wrong command: status 2, cli/usage', async (words) => {
    const { status, out, error } = await drimbox(...words);
    expect([status, out]).toEqual([2, '']);
    expect(error).toMatch(/^cli\/usage: Commande incorrecte\./);
  });

  test('a file that is not there is cli/file-unreadable, status 1', async () => {
    const { status, error } = await drimbox('report', 'read', file('absent.xml'));
    expect(status).toBe(1);
    expect(error).toMatch(/^cli\/file-unreadable: /);
  });

  test('reads a message and a report; says why another is refused', async () => {
    const read = async (name: string): Promise<unknown> =>
      JSON.parse((await drimbox('report', 'read', file(name))).out);
    expect(await read('oru.hl7')).toMatchObject({ kind: 'report', action: 'initial', sentToDmp: true });
    expect(await read('cda.xml')).toMatchObject({ kind: 'document', level: 1 });
    expect(await read('broken.xml')).toMatchObject({
      kind: 'refused',
      code: 'report/xml-invalid',
      ack: { code: 'AE' },
    });
  });

  test('a manifest that is none is kos/unreadable, status 1', async () => {
    const { status, error } = await drimbox('kos', 'read', file('cda.xml'));
    expect([status, error.split(':')[0]]).toEqual([1, 'kos/unreadable']);
  });

  test('a configuration that is not there is told with its path, status 1', async () => {
    const { status, error } = await drimbox('archive', 'list', '--config', file('absent.json'));
    expect(status).toBe(1);
    expect(error).toMatch(/^config\//);
    expect(error).toContain('absent.json');
  });
});

describe('drimbox, while a sidecar holds the embedded database', () => {
  const uid = buildExamination({ number: 1 }).studyInstanceUid;
  let configuration: string;
  let opened: TestStore;
  const closing: (() => Promise<void>)[] = [];
  const answer = async (run: RunCommand): Promise<void> => {
    const control = await startControl(opened.folder, run);
    closing.push(() => control.close());
  };
  const answerAsUsual = (): Promise<void> =>
    answer((words, report, signal) => runStoreCommand({ store: opened.store, clock: () => 0 }, words, report, signal));
  afterEach(async () => {
    for (const close of closing.splice(0)) await close();
  });

  beforeAll(async () => {
    opened = await openTestStore();
    const bench = createBench(opened.store, makeSigningIdentity());
    bench.pacs.put(pacsStudy(1));
    await bench.take(buildExamination({ number: 1 }).message);
    await bench.look(uid);
    const keys = ['hook', 'ca.pem', 'auth.pem', 'auth.key', 'sign.pem', 'sign.key'];
    for (const key of keys) await writeFile(file(key), 'EXEMPLE', { mode: 0o600 });
    configuration = file('drimbox.json');
    await writeFile(
      configuration,
      JSON.stringify({
        DrimBox: {
          Environment: 'test',
          RetrieveUrlBase: 'https://db999.exemple.fr/drimbox',
          Store: { Folder: opened.folder },
          Orthanc: { Hook: { SecretFile: file('hook') } },
          Hl7: { Listeners: [{ Port: 2575 }] },
          Dmp: {
            BaseUrl: 'https://dmp.exemple.fr/services',
            CaFile: file('ca.pem'),
            SourceId: '1.2.250.1.999999.1',
            Lps: { HomologationNumber: 'EXEMPLE-0000' },
            Structures: [
              {
                Id: '1990000001',
                Name: 'CENTRE HOSPITALIER EXEMPLE',
                AuthCertificateFile: file('auth.pem'),
                AuthKeyFile: file('auth.key'),
                SignCertificateFile: file('sign.pem'),
                SignKeyFile: file('sign.key'),
              },
            ],
          },
        },
      }),
    );
  }, 60_000);
  afterAll(() => opened.close());

  test('asks it, and gives its answer or its error', async () => {
    await answerAsUsual();
    const listed = await drimbox('archive', 'list', '--config', configuration);
    expect(JSON.parse(listed.out)).toMatchObject([{ studyInstanceUid: uid, state: 'published' }]);
    const absent = await drimbox('archive', 'show', '1.2.3', '--config', configuration);
    expect([absent.status, absent.error.split(':')[0]]).toEqual([1, 'archive/not-found']);
  });

  test('writes the manifest to a file of its user alone', async () => {
    await answerAsUsual();
    const out = file('KOS.dcm');
    const { status } = await drimbox('archive', 'kos', uid, '--out', out, '--config', configuration);
    expect(status).toBe(0);
    expect((await stat(out)).mode & 0o777).toBe(0o600);
    expect(parseManifest(await readFile(out))).toMatchObject({ studyInstanceUid: uid });
  });

  test('prints the journal as it comes, or writes it to a new file', async () => {
    await answerAsUsual();
    const text = await drimbox('journal', '--study', uid, '--config', configuration);
    expect([text.status, text.error]).toEqual([0, '']);
    expect(text.out).toContain('KOS publié dans le DMP');
    const out = file('journal.csv');
    const words = ['journal', '--format', 'csv', '--study', uid, '--out', out, '--config', configuration];
    expect(JSON.parse((await drimbox(...words)).out)).toMatchObject({
      file: out,
      lines: text.out.trimEnd().split('\n').length,
    });
    expect((await readFile(out)).subarray(0, 3)).toEqual(Buffer.of(0xef, 0xbb, 0xbf));
    const again = await drimbox(...words);
    expect([again.status, again.error.split(':')[0]]).toEqual([1, 'archive/file-exists']);
  });

  test('has a backup written by it, relative to where the command was typed; the command checks it', async () => {
    await answerAsUsual();
    const made = await runIn(folder, 'backup', 'archive.backup', '--config', configuration);
    expect([made.status, JSON.parse(made.out)]).toMatchObject([
      0,
      { file: file('archive.backup'), rows: { submission: 1 } },
    ]);
    expect((await stat(file('archive.backup'))).mode & 0o777).toBe(0o600);
    const verified = await runIn(folder, 'backup', 'verify', 'archive.backup');
    expect(JSON.parse(verified.out)).toMatchObject({ file: file('archive.backup'), rows: { study: 1 } });
    const damaged = file('damaged.backup');
    await writeFile(damaged, (await readFile(file('archive.backup'))).subarray(0, 500));
    const { status, error } = await drimbox('backup', 'verify', damaged);
    expect([status, error.split(':')[0]]).toEqual([1, 'archive/backup-unreadable']);
  });

  test('a command that is killed leaves no half backup: the sidecar notices and removes it', async () => {
    const begun = Promise.withResolvers<void>();
    const finished = Promise.withResolvers<unknown>();
    await answer((words, report, signal) => {
      const store: Store = {
        ...opened.store,
        // The last part of the backup waits until whoever asked has gone.
        transaction: async (work) => {
          begun.resolve();
          if (!signal.aborted) await once(signal, 'abort');
          return opened.store.transaction(work);
        },
      };
      const work = runStoreCommand({ store, clock: () => 0 }, words, report, signal);
      work.then(finished.resolve, finished.resolve);
      return work;
    });
    const child = spawn(process.execPath, [command, 'backup', file('half.backup'), '--config', configuration]);
    await begun.promise;
    expect((await readdir(folder)).filter((name) => name.startsWith('half'))).toHaveLength(1);
    child.kill('SIGKILL');
    expect(await finished.promise).toMatchObject({ code: 'archive/interrupted' });
    expect((await readdir(folder)).filter((name) => name.startsWith('half'))).toEqual([]);
  });

  test('a restoration beside it is refused: store/locked', async () => {
    await answerAsUsual();
    const { status, error } = await drimbox('restore', file('archive.backup'), '--config', configuration);
    expect([status, error.split(':')[0]]).toEqual([1, 'store/locked']);
  });

  test('prints nothing but the result on standard output, whatever a command tells meanwhile', async () => {
    await answer((_words, report) => {
      report({ done: 1 });
      return Promise.resolve({ done: true });
    });
    const { out } = await drimbox('archive', 'status', '--config', configuration);
    expect(JSON.parse(out)).toEqual({ done: true });
  });

  test('that does not answer is cli/sidecar-unreachable, status 1', async () => {
    const { status, error } = await drimbox('archive', 'list', '--config', configuration);
    expect([status, error.split(':')[0]]).toEqual([1, 'cli/sidecar-unreachable']);
  });
});
