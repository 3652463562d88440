/** Stored files of a real Orthanc, in its folder and by its REST API: the bytes that were sent are the bytes that are read. */
import { readFileSync, rmSync, statSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { LentMemory } from '../../plugin/lent-memory.ts';
import {
  createFileIndexWithFallback,
  createOrthancClient,
  createRestFileIndex,
  createSqlFileIndex,
  createStoredFiles,
  type FileIndex,
  measurePacsSpeed,
  type OrthancClient,
  orthancOptions,
  probeStorage,
  type StoredFile,
} from '../../plugin/orthanc/index.ts';
import { parseStudyInstanceUid } from '../../plugin/standards/index.ts';
import { buildInstance, buildSeries, type InstanceShape } from '../fixtures/orthanc/studies.ts';
import { isOrthancHere, type OrthancPeer, type OrthancVersion, startOrthanc } from '../peers/orthanc/index.ts';
import { type Postgres, startPostgres } from '../peers/postgres/index.ts';

const roleSql = readFileSync(resolve(import.meta.dirname, '../../orthanc-config/read-only-role.sql'), 'utf8');
const filesGrant = 'GRANT SELECT (id, filetype, uuid, uncompressedsize) ON attachedfiles TO drimbox_reader';
const none = new AbortController().signal;
const clientOf = (url: string): OrthancClient =>
  createOrthancClient(orthancOptions.parse({ url, timeoutMs: 30_000, hook: { secretFile: '/nowhere' } }));

const study = '2.25.999999.80';
const mebibyte = 1024 * 1024;
/** Pixels that do not shrink much, so that compression is seen and not everything. */
const noise = (bytes: number, seed: number): Uint8Array => {
  let state = seed + 1;
  return Uint8Array.from({ length: bytes }, () => {
    state = (state * 1_103_515_245 + 12_345) % 2_147_483_648;
    return (state >> 12) & 0x7f;
  });
};
const shapeOf = (number: number, pixelBytes = 50_000): InstanceShape => ({
  study,
  series: `${study}.1`,
  instance: `${study}.1.${number}`,
  elements: [
    ['00200013', 'IS', String(number)],
    ['7FE00010', 'OW', noise(pixelBytes, number)],
  ],
});

interface Stored {
  readonly id: string;
  readonly bytes: Buffer;
}
const storeSome = async (orthanc: OrthancPeer, count: number, from = 1, pixelBytes = 50_000): Promise<Stored[]> => {
  const stored: Stored[] = [];
  for (let number = from; number < from + count; number += 1) {
    const bytes = buildInstance(shapeOf(number, pixelBytes));
    stored.push({ id: (await orthanc.storeFile(bytes)).instanceId, bytes });
  }
  return stored;
};

const gather = async (pieces: AsyncIterable<LentMemory>): Promise<Buffer> => {
  const kept: Uint8Array[] = [];
  for await (const { bytes } of pieces) kept.push(bytes);
  return Buffer.concat(kept);
};
const expectSame = async (file: StoredFile, bytes: Buffer): Promise<void> => {
  expect(file.sizeBytes).toBe(bytes.length);
  expect(file.transferSyntaxUid).toBe('1.2.840.10008.1.2.1');
  expect((await file.readAll()).equals(bytes)).toBe(true);
  expect((await file.readPrefix(300)).equals(bytes.subarray(0, 300))).toBe(true);
  const [start, end] = [bytes.length - 2_000, bytes.length - 1];
  expect((await gather(file.stream({ start, end }, none))).equals(bytes.subarray(start, end))).toBe(true);
  expect((await gather(file.stream({ start: 0, end: bytes.length }, none))).equals(bytes)).toBe(true);
  await file.close();
};

let postgres: Postgres;
beforeAll(async () => {
  postgres = await startPostgres();
});
afterAll(() => postgres.kill());

const versions: OrthancVersion[] = [process.env['DRIMBOX_TEST_ORTHANC'] === '1.12' ? '1.12' : '1.10'];
describe.each(versions)('stored files of Orthanc %s', (version) => {
  if (!isOrthancHere(version)) {
    it.skip(`Orthanc ${version} is not on this machine`, () => undefined);
    return;
  }
  const running: (() => Promise<void>)[] = [];
  afterAll(async () => {
    for (const end of running.splice(0).toReversed()) await end();
  });
  const start = async (options: Parameters<typeof startOrthanc>[0]) => {
    const orthanc = await startOrthanc({ version, ...options });
    const client = clientOf(orthanc.url);
    running.push(async () => {
      await client.close();
      await orthanc.discard();
    });
    const folder = join(orthanc.folder, 'storage');
    const files = (where: string | undefined = folder, index?: FileIndex) =>
      createStoredFiles(client, { folder: where, clock: Date.now, index });
    const pathOf = async (id: string): Promise<string> => {
      const { FileUuid: uuid } = await orthanc.getJson<{ FileUuid: string }>(`/instances/${id}`);
      return join(folder, uuid.slice(0, 2), uuid.slice(2, 4), uuid);
    };
    return { orthanc, client, folder, files, pathOf };
  };
  type Site = Awaited<ReturnType<typeof start>>;

  describe.each(['SQLite', 'PostgreSQL'] as const)('index %s', (index) => {
    const database = `files_${version.replace('.', '_')}`;
    let site: Site;
    let stored: Stored[];
    beforeAll(async () => {
      const place = index === 'SQLite' ? {} : { index: { postgresUrl: await postgres.createDatabase(database) } };
      site = await start(place);
      stored = await storeSome(site.orthanc, 20);
    }, 60_000);

    it('are the bytes that were sent, read in the folder or by REST', async () => {
      expect(await probeStorage(site.client, site.folder)).toEqual({ kind: 'folder', looked: 8, readable: 8 });
      const ids = stored.map(({ id }) => id);
      const [direct, byRest] = [site.files(), createStoredFiles(site.client, { clock: Date.now })];
      for (const { id, bytes } of stored) {
        const [one, other] = [await direct.open(id, ids, none), await byRest.open(id, ids, none)];
        expect([one.source, other.source, one.uuid]).toEqual(['folder', 'orthanc', other.uuid]);
        await expectSame(one, bytes);
        await expectSame(other, bytes);
      }
    });

    it('in another folder than Orthanc’s are read by REST', async () => {
      expect(await probeStorage(site.client, '/var/tmp')).toEqual({ kind: 'rest', reason: 'not-there' });
      const [first] = stored;
      const file = await site.files('/var/tmp').open(first?.id ?? '', [], none);
      expect(file.source).toBe('orthanc');
      await expectSame(file, first?.bytes ?? Buffer.alloc(0));
    });

    it('deleted while they are read leave whole, or fail by an error of ours; afterwards they are gone', async () => {
      const [one, other] = await storeSome(site.orthanc, 2, 100, 20 * mebibyte);
      if (one === undefined || other === undefined) throw new Error('not stored');
      const file = await site.files().open(one.id, [], none);
      const byRest = await createStoredFiles(site.client, { clock: Date.now }).open(other.id, [], none);
      const [head, restHead] = [await file.readPrefix(1_000), await byRest.readPrefix(1_000)];
      await site.orthanc.remove('instances', one.id);
      await site.orthanc.remove('instances', other.id);
      const tail = await gather(file.stream({ start: 1_000, end: file.sizeBytes }, none));
      expect(Buffer.concat([head, tail]).equals(one.bytes)).toBe(true);
      await file.close();
      expect(restHead.equals(other.bytes.subarray(0, 1_000))).toBe(true);
      await expect(byRest.readAll()).rejects.toMatchObject({ code: 'orthanc/not-found' });
      await expect(site.files().open(one.id, [], none)).rejects.toMatchObject({ code: 'orthanc/not-found' });
    });

    it('deleted in the middle of a REST answer: whole, or an error of ours', async () => {
      const [one] = await storeSome(site.orthanc, 1, 110, 20 * mebibyte);
      if (one === undefined) throw new Error('not stored');
      const file = await createStoredFiles(site.client, { clock: Date.now }).open(one.id, [], none);
      const kept: Uint8Array[] = [];
      for await (const { bytes: piece } of file.stream({ start: 0, end: file.sizeBytes }, none)) {
        if (kept.length === 0) await site.orthanc.remove('instances', one.id);
        kept.push(piece);
      }
      expect(Buffer.concat(kept).equals(one.bytes)).toBe(true);
    });

    it('lost on the disk: an error of ours, never other bytes', async () => {
      const [one] = await storeSome(site.orthanc, 1, 120);
      if (one === undefined) throw new Error('not stored');
      rmSync(await site.pathOf(one.id));
      // Orthanc may still have it in memory.
      const file = await site.files().open(one.id, [], none);
      expect(file.source).toBe('orthanc');
      const outcome: unknown = await file.readAll().catch((error: unknown) => error);
      if (Buffer.isBuffer(outcome)) expect(outcome.equals(one.bytes)).toBe(true);
      else expect(outcome).toMatchObject({ code: 'orthanc/answer-invalid' });
      await site.orthanc.remove('instances', one.id);
    });

    it('a study is measured: objects, bytes, first image, throughput (DB.SO.102)', async () => {
      const ports = { client: site.client, files: site.files(), monotonic: () => performance.now() };
      const speed = await measurePacsSpeed(parseStudyInstanceUid(study), ports, none);
      expect(speed).toMatchObject({
        kind: 'measured',
        objects: 20,
        readInFolder: 20,
        bytes: stored.reduce((sum, { bytes }) => sum + bytes.length, 0),
        transferSyntaxes: { '1.2.840.10008.1.2.1': 20 },
        failures: {},
      });
      if (speed.kind !== 'measured') return;
      expect(speed.listMs).toBeLessThanOrEqual(speed.firstImageMs);
      expect(speed.firstImageMs).toBeLessThanOrEqual(speed.totalMs);
      expect(await measurePacsSpeed(parseStudyInstanceUid('2.25.7'), ports, none)).toEqual({ kind: 'absent' });
    });

    if (index === 'SQLite') return;

    describe('their names', () => {
      const url = (): string => postgres.url(database, 'drimbox_reader');
      it('are the same read in the tables and by REST, for those that are there', async () => {
        await postgres.run(`${roleSql}; ${filesGrant}`, database);
        const tables = createSqlFileIndex({ indexUrl: url(), timeoutMs: 10_000 }, { log: { warn: () => undefined } });
        const asked = [...stored.map(({ id }) => id), '0'.repeat(8).concat('-00000000'.repeat(4))];
        const byTables = await tables.listFiles(asked);
        expect(byTables.size).toBe(20);
        expect(byTables).toEqual(await createRestFileIndex(site.client).listFiles(asked));
        expect(await tables.listFiles([])).toEqual(new Map());
        const [first] = stored;
        await expectSame(
          await site.files(site.folder, tables).open(first?.id ?? '', asked, none),
          first?.bytes as Buffer,
        );
        await tables.close();
      });

      it('are asked by REST where the role may not read them, as one granted before could not', async () => {
        await postgres.run(`${roleSql}; REVOKE ALL ON attachedfiles FROM drimbox_reader`, database);
        await postgres.run(
          'REVOKE SELECT (id, filetype, uuid, uncompressedsize) ON attachedfiles FROM drimbox_reader',
          database,
        );
        const warnings: unknown[] = [];
        const log = { warn: (fields: unknown) => void warnings.push(fields) };
        const tables = createSqlFileIndex({ indexUrl: url(), timeoutMs: 10_000 }, { log });
        const [first] = stored;
        await expect(tables.listFiles([first?.id ?? ''])).rejects.toMatchObject({ code: 'orthanc/refused' });
        const both = createFileIndexWithFallback(tables, createRestFileIndex(site.client), { log, clock: Date.now });
        expect((await both.listFiles([first?.id ?? ''])).size).toBe(1);
        expect(warnings).toEqual([expect.objectContaining({ code: 'orthanc/refused' })]);
        await tables.close();
      });
    });
  });

  it('that Orthanc compresses are read by REST, and one by one where only some are', async () => {
    const site = await start({ configuration: { StorageCompression: true } });
    const stored = await storeSome(site.orthanc, 4);
    expect(await probeStorage(site.client, site.folder)).toEqual({ kind: 'rest', reason: 'compressed' });
    await site.orthanc.call('POST', `/instances/${stored[1]?.id}/attachments/dicom/uncompress`);
    expect(await probeStorage(site.client, site.folder)).toEqual({ kind: 'folder', looked: 4, readable: 1 });
    const files = site.files();
    const sources: string[] = [];
    for (const { id, bytes } of stored) {
      expect(statSync(await site.pathOf(id)).size === bytes.length).toBe(id === stored[1]?.id);
      const file = await files.open(id, [], none);
      sources.push(file.source);
      await expectSame(file, bytes);
    }
    expect(sources).toEqual(['orthanc', 'folder', 'orthanc', 'orthanc']);
    // Its head is what the folder's reader knows it by.
    const head = readFileSync(await site.pathOf(stored[0]?.id ?? '')).subarray(0, 10);
    expect(head.readBigUInt64LE(0)).toBe(BigInt(stored[0]?.bytes.length ?? 0));
    expect([(head[8] ?? 0) % 16, head.readUInt16BE(8) % 31]).toEqual([8, 0]);
  });

  it('that Orthanc keeps in PostgreSQL are read by REST', async () => {
    const url = new URL(await postgres.createDatabase(`storage_${version.replace('.', '_')}`));
    const plugins = ['Index', 'Storage'].map((name) => `/usr/share/orthanc/plugins/libOrthancPostgreSQL${name}.so`);
    const site = await start({
      configuration: {
        Plugins: plugins,
        PostgreSQL: {
          EnableIndex: true,
          EnableStorage: true,
          Host: url.hostname,
          Port: Number(url.port),
          Database: url.pathname.slice(1),
          Username: url.username,
          Password: '',
          Lock: false,
        },
      },
    });
    const [one] = await storeSome(site.orthanc, 1);
    expect(await probeStorage(site.client, site.folder)).toEqual({ kind: 'rest', reason: 'storage-plugin' });
    await expectSame(await site.files().open(one?.id ?? '', [], none), one?.bytes as Buffer);
  });

  it('replaced under their own id (OverwriteInstances) are read as they are now, at once', async () => {
    const site = await start({ configuration: { OverwriteInstances: true } });
    const [before] = await storeSome(site.orthanc, 1);
    let nowMs = 0;
    const files = createStoredFiles(site.client, { folder: site.folder, clock: () => nowMs });
    await expectSame(await files.open(before?.id ?? '', [], none), before?.bytes as Buffer);
    const bytes = buildInstance({ ...shapeOf(1), elements: [['7FE00010', 'OW', noise(50_000, 77)]] });
    await site.orthanc.storeFile(bytes);
    nowMs += 1_000;
    const after = await files.open(before?.id ?? '', [], none);
    expect([after.source, after.uuid]).toEqual(['folder', (await site.pathOf(before?.id ?? '')).slice(-36)]);
    await expectSame(after, bytes);
  });

  it('of an empty Orthanc: nothing to look at, and nothing is found', async () => {
    const site = await start({});
    expect(await probeStorage(site.client, site.folder)).toEqual({ kind: 'empty' });
    const id = '0'.repeat(8).concat('-00000000'.repeat(4));
    await expect(site.files().open(id, [], none)).rejects.toMatchObject({ code: 'orthanc/not-found' });
    await site.orthanc.storeFiles(buildSeries('2.25.999999.81', '2.25.999999.81.1', 1));
    expect(await probeStorage(site.client, site.folder)).toEqual({ kind: 'folder', looked: 1, readable: 1 });
  });
});
