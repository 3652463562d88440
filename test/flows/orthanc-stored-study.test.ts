/** A study of a real Orthanc, found by two questions and opened file after file, as WADO-RS does. Everything is invented. */
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  createOrthancClient,
  createStoredFiles,
  lookUpStoredStudy,
  type OrthancClient,
  orthancIdOfInstance,
  orthancOptions,
  type StoredFiles,
} from '../../plugin/orthanc/index.ts';
import { parseStudyInstanceUid } from '../../plugin/standards/index.ts';
import { buildInstance, buildSeries } from '../fixtures/orthanc/studies.ts';
import { isOrthancHere, type OrthancPeer, type OrthancVersion, startOrthanc } from '../peers/orthanc/index.ts';
import { type Postgres, startPostgres } from '../peers/postgres/index.ts';

const none = new AbortController().signal;
const large = parseStudyInstanceUid('2.25.999999.83');
const accented = parseStudyInstanceUid('2.25.999999.84');
const twice = parseStudyInstanceUid('2.25.999999.85');

const idsOf = async (client: OrthancClient, count: number): Promise<string[]> => {
  const study = await lookUpStoredStudy(client, large);
  if (study.kind !== 'found') throw new Error(study.kind);
  const [series] = study.series;
  return Array.from({ length: count }, (_, at) => {
    const id = orthancIdOfInstance(study.patientId, large, `${large}.1`, `${large}.1.${at + 1}`);
    expect(series?.instanceIds.has(id)).toBe(true);
    return id;
  });
};

/** As the service does: four at a time, the names of those that follow given. */
const readAll = async (files: StoredFiles, ids: readonly string[]): Promise<Map<string, Buffer>> => {
  const read = new Map<string, Buffer>();
  const waiting = ids.entries();
  const work = async (): Promise<void> => {
    for (const [place, id] of waiting) {
      const file = await files.open(id, ids.slice(place + 1, place + 301), none);
      read.set(id, await file.readAll());
      await file.close();
    }
  };
  await Promise.all([work(), work(), work(), work()]);
  return read;
};

/** Files under a folder that this process holds open. */
const countOpenFiles = (): number => readdirSync('/proc/self/fd').length;

let postgres: Postgres;
beforeAll(async () => {
  postgres = await startPostgres();
});
afterAll(() => postgres.kill());

const versions: OrthancVersion[] = [process.env['DRIMBOX_TEST_ORTHANC'] === '1.12' ? '1.12' : '1.10'];
describe.each(versions)('Orthanc %s', (version) => {
  if (!isOrthancHere(version)) {
    it.skip(`Orthanc ${version} is not on this machine`, () => undefined);
    return;
  }
  describe.each(['SQLite', 'PostgreSQL'] as const)('index %s', (index) => {
    let orthanc: OrthancPeer;
    let client: OrthancClient;
    let folder: string;
    beforeAll(async () => {
      const place =
        index === 'SQLite'
          ? {}
          : { index: { postgresUrl: await postgres.createDatabase(`study_${version.replace('.', '_')}`) } };
      orthanc = await startOrthanc({ version, ...place, configuration: { OverwriteInstances: true } });
      client = createOrthancClient(
        orthancOptions.parse({ url: orthanc.url, timeoutMs: 30_000, hook: { secretFile: '/nowhere' } }),
      );
      folder = join(orthanc.folder, 'storage');
      await orthanc.storeFiles(buildSeries(large, `${large}.1`, 300));
    }, 120_000);
    afterAll(async () => {
      await client.close();
      await orthanc.discard();
    });

    it('names and sizes of files come with the answer about the instances', async () => {
      const answers = await client.listInstances((await idsOf(client, 300)).slice(0, 250));
      expect(answers.length).toBe(250);
      for (const { FileUuid, FileSize, Metadata } of answers) {
        expect(FileUuid).toMatch(/^[0-9a-f-]{36}$/);
        expect(FileSize).toBeGreaterThan(0);
        expect(Metadata.TransferSyntax).toBe('1.2.840.10008.1.2.1');
      }
    });

    it.each(['folder', 'REST'])(
      '300 files by %s are those of /instances/{id}/file, for a handful of questions',
      async (way) => {
        const ids = await idsOf(client, 300);
        let questions = 0;
        const counted = {
          ...client,
          listInstances: (asked: readonly string[]) => {
            questions += 1;
            return client.listInstances(asked);
          },
        };
        const files = createStoredFiles(counted, { folder: way === 'folder' ? folder : undefined, clock: Date.now });
        const before = countOpenFiles();
        const read = await readAll(files, ids);
        expect(read.size).toBe(300);
        expect(questions).toBeLessThanOrEqual(6);
        for (const [id, bytes] of [...read].filter((_, at) => at % 30 === 0)) {
          const answer = await fetch(`${orthanc.url}/instances/${id}/file`);
          expect(bytes.equals(Buffer.from(await answer.arrayBuffer()))).toBe(true);
        }
        // Sockets to Orthanc are kept for a moment; 300 forgotten files would be seen.
        expect(countOpenFiles()).toBeLessThan(before + 50);
      },
    );

    it('one that is deleted while the others are read: orthanc/not-found, the others come', async () => {
      const ids = await idsOf(client, 300);
      let nowMs = 0;
      const files = createStoredFiles(client, { folder, clock: () => nowMs });
      const victim = ids.at(-1) ?? '';
      // Its place is remembered.
      await (await files.open(victim, ids, none)).close();
      await orthanc.remove('instances', victim);
      // By Orthanc's own word when it is read, or when it is asked again.
      const atOnce = await files.open(victim, [], none);
      await expect(atOnce.readAll()).rejects.toMatchObject({ code: 'orthanc/not-found' });
      nowMs += 1_000;
      await expect(files.open(victim, [], none)).rejects.toMatchObject({ code: 'orthanc/not-found' });
      expect((await readAll(files, ids.slice(0, 50))).size).toBe(50);
      await orthanc.storeFile(buildInstance({ study: large, series: `${large}.1`, instance: `${large}.1.300` }));
    });

    it('one that is replaced under its own id has another revision a second later: no rendition of the former one leaves', async () => {
      const shape = { study: large, series: `${large}.1`, instance: `${large}.1.1` };
      const [id = ''] = await idsOf(client, 1);
      let nowMs = 0;
      const files = createStoredFiles(client, { folder, clock: () => nowMs });
      const former = await files.open(id, [], none);
      await former.close();
      const bytes = buildInstance({ ...shape, elements: [['7FE00010', 'OW', new Uint8Array(32).fill(7)]] });
      expect((await orthanc.storeFile(bytes)).instanceId).toBe(id);
      nowMs += 1_000;
      const now = await files.open(id, [], none);
      expect([now.source, now.uuid === former.uuid]).toEqual(['folder', false]);
      expect((await now.readAll()).equals(bytes)).toBe(true);
      await now.close();
    });

    it('ids follow from what the index says of a patient, accents and empty numbers too', async () => {
      const shape = { study: accented, series: `${accented}.1`, instance: `${accented}.1.1` };
      for (const patientId of ['IPP-ÉÀ', '', ' IPP 12 ']) {
        const stored = await orthanc.storeFile(buildInstance({ ...shape, patientId }));
        const found = await lookUpStoredStudy(client, accented);
        if (found.kind !== 'found') throw new Error(found.kind);
        expect(found.series[0]).toMatchObject({ seriesInstanceUid: shape.series, modality: 'CT' });
        expect(found.series[0]?.instanceIds).toEqual(new Set([stored.instanceId]));
        expect(orthancIdOfInstance(found.patientId, accented, shape.series, shape.instance)).toBe(stored.instanceId);
        await orthanc.remove('studies', stored.studyId);
      }
    });

    it('a study that is not there is absent, one of two patients is duplicated (A5)', async () => {
      expect(await lookUpStoredStudy(client, twice)).toEqual({ kind: 'absent' });
      for (const patientId of ['IPP-1', 'IPP-2']) {
        await orthanc.storeFiles(buildSeries(twice, `${twice}.1`, 1, { patientId }));
      }
      expect(await lookUpStoredStudy(client, twice)).toEqual({ kind: 'duplicated' });
    });
  });
});
