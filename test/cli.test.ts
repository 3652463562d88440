import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { runStoreCommand, startControl } from '../plugin/admin/index.ts';
import { parseManifest } from '../plugin/kos/index.ts';
import { buildExamination } from './fixtures/examination.ts';
import { createBench, makeSigningIdentity, pacsStudy } from './fixtures/publication/index.ts';
import { buildCda } from './fixtures/report/build-cda.ts';
import { openTestStore } from './fixtures/store/index.ts';

// Each command is a process of its own: on a busy machine it starts slowly.
vi.setConfig({ testTimeout: 60_000 });

const command = fileURLToPath(new URL('../plugin/cli.ts', import.meta.url));

interface Outcome {
  readonly status: number;
  readonly out: string;
  readonly error: string;
}

const drimbox = (...words: readonly string[]): Promise<Outcome> =>
  new Promise((resolve) => {
    execFile(process.execPath, [command, ...words], { encoding: 'utf8' }, (failure, out, error) => {
      resolve({ status: failure === null ? 0 : Number(failure.code), out, error });
    });
  });

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

  test.each([
    [['burn']],
    [['archive2', 'list']],
    [['report', 'read']],
    [['report', 'read', '--out']],
    [['kos', 'build']],
    [['archive', 'list', '--config']],
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
  let close: () => Promise<void>;
  let startAnswering: () => Promise<{ close(): Promise<void> }>;

  beforeAll(async () => {
    const opened = await openTestStore();
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
    startAnswering = () =>
      startControl(opened.folder, (words) => runStoreCommand({ store: opened.store, clock: () => 0 }, words));
    close = () => opened.close();
  }, 60_000);
  afterAll(() => close());

  test('asks it, and gives its answer or its error', async () => {
    const control = await startAnswering();
    const listed = await drimbox('archive', 'list', '--config', configuration);
    expect(JSON.parse(listed.out)).toMatchObject([{ studyInstanceUid: uid, state: 'published' }]);
    const absent = await drimbox('archive', 'show', '1.2.3', '--config', configuration);
    expect([absent.status, absent.error.split(':')[0]]).toEqual([1, 'archive/not-found']);
    await control.close();
  });

  test('writes the manifest to a file of its user alone', async () => {
    const control = await startAnswering();
    const out = file('KOS.dcm');
    const { status } = await drimbox('archive', 'kos', uid, '--out', out, '--config', configuration);
    expect(status).toBe(0);
    expect((await stat(out)).mode & 0o777).toBe(0o600);
    expect(parseManifest(await readFile(out))).toMatchObject({ studyInstanceUid: uid });
    await control.close();
  });

  test('that does not answer is cli/sidecar-unreachable, status 1', async () => {
    const { status, error } = await drimbox('archive', 'list', '--config', configuration);
    expect([status, error.split(':')[0]]).toEqual([1, 'cli/sidecar-unreachable']);
  });
});
