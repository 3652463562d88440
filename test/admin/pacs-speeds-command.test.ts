/** What was measured is kept and can be compared (DB.SO.155, DB.SO.156). UIDs and figures are invented. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import {
  askSidecar,
  keepPacsSpeed,
  type MeasuredPacsSpeed,
  runStoreCommand,
  startControl,
} from '../../plugin/admin/index.ts';
import { type KeptPacsSpeed, loadPacsSpeeds, PacsReader, savePacsSpeed } from '../../plugin/archive/index.ts';
import { DrimboxError } from '../../plugin/errors.ts';
import { parseStudyInstanceUid } from '../../plugin/standards/index.ts';
import { openTestStore, type TestStore } from '../fixtures/store/index.ts';

const jpegLs = '1.2.840.10008.1.2.4.80';
const startUtcMs = Date.UTC(2026, 10, 21, 12);

let opened: TestStore;
let nowMs = startUtcMs;
beforeAll(async () => {
  opened = await openTestStore();
}, 60_000);
afterAll(() => opened.close());
beforeEach(async () => {
  await opened.empty();
  nowMs = startUtcMs;
});

const run = (words: readonly string[]): Promise<unknown> =>
  runStoreCommand({ store: opened.store, clock: () => nowMs }, words);
const history = (...more: readonly string[]): Promise<unknown> => run(['pacs', 'speed', ...more, '--history']);

const measured = (changes: Partial<MeasuredPacsSpeed> = {}): MeasuredPacsSpeed => ({
  kind: 'measured',
  studyInstanceUid: parseStudyInstanceUid('2.25.999999.1'),
  objects: 1300,
  bytes: 209_580_000,
  listMs: 60,
  firstImageMs: 80.25,
  totalMs: 2_000.75,
  megabytesPerSecond: 104.75,
  readInFolder: 1300,
  transferSyntaxes: { [jpegLs]: 1300 },
  failures: {},
  ...changes,
});

describe('a measure of the PACS', () => {
  test('is kept with its day, and shown with the others, the latest first', async () => {
    expect(await keepPacsSpeed(measured(), run)).toEqual({ kept: true });
    nowMs += 3_600_000;
    expect(await keepPacsSpeed(measured({ firstImageMs: 40, totalMs: 1_000, readInFolder: 0 }), run)).toEqual({
      kept: true,
    });
    expect(await history()).toEqual({
      summary: {
        measures: 2,
        firstImageMs: { median: 60.1, least: 40, most: 80.3 },
        megabytesPerSecond: { median: 157.2, least: 104.8, most: 209.6 },
      },
      speeds: [
        {
          at: '2026-11-21T13:00:00.000Z',
          studyInstanceUid: '2.25.999999.1',
          reader: 'rest',
          images: 1300,
          bytes: 209_580_000,
          transferSyntaxes: { [jpegLs]: 1300 },
          firstImageMs: 40,
          totalMs: 1000,
          megabytesPerSecond: 209.6,
        },
        {
          at: '2026-11-21T12:00:00.000Z',
          studyInstanceUid: '2.25.999999.1',
          reader: 'folder',
          images: 1300,
          bytes: 209_580_000,
          transferSyntaxes: { [jpegLs]: 1300 },
          firstImageMs: 80.3,
          totalMs: 2000.8,
          megabytesPerSecond: 104.8,
        },
      ],
    });
  });

  test('that could not read everything says so, and is left out of the summary', async () => {
    const broken = measured({
      objects: 1200,
      readInFolder: 1100,
      transferSyntaxes: { [jpegLs]: 1200 },
      failures: { 'orthanc/answer-invalid': 99, 'orthanc/not-found': 1 },
    });
    await keepPacsSpeed(broken, run);
    expect(await history()).toEqual({
      speeds: [expect.objectContaining({ reader: 'both', images: 1300, unread: 100 })],
    });
  });

  test.each([
    [[10, 30, 20], { median: 20, least: 10, most: 30 }],
    [[10, 20, 30, 40], { median: 25, least: 10, most: 40 }],
    [[7], { median: 7, least: 7, most: 7 }],
  ])('the middle of first images %j is %j', async (firstImages, spread) => {
    for (const firstImageMs of firstImages) await keepPacsSpeed(measured({ firstImageMs }), run);
    expect(await history()).toMatchObject({ summary: { firstImageMs: spread } });
  });

  test('is found by its study, and by how many are wanted', async () => {
    for (const number of [1, 2, 2])
      await keepPacsSpeed(measured({ studyInstanceUid: parseStudyInstanceUid(`2.25.999999.${number}`) }), run);
    expect(await history('2.25.999999.2')).toMatchObject({ speeds: [{}, {}] });
    expect(await history('2.25.999999.3')).toEqual({ speeds: [] });
    expect(await run(['pacs', 'speed', '--history', '--limit', '1'])).toMatchObject({
      summary: { measures: 1 },
      speeds: [{ studyInstanceUid: '2.25.999999.2' }],
    });
  });

  test('is kept through the running sidecar when that one holds the store, its UID and its figures unchanged', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'drimbox-speed-'));
    const control = await startControl(folder, run);
    try {
      expect(await keepPacsSpeed(measured(), (words) => askSidecar(folder, words))).toEqual({ kept: true });
    } finally {
      await control.close();
      await rm(folder, { recursive: true });
    }
    expect(await loadPacsSpeeds(opened.store.knex, { limit: 9 })).toEqual([
      {
        atUtcMs: startUtcMs,
        studyInstanceUid: '2.25.999999.1',
        reader: 'folder',
        images: 1300,
        bytes: 209_580_000,
        firstImageMs: 80.25,
        totalMs: 2_000.75,
        transferSyntaxes: { [jpegLs]: 1300 },
      },
    ]);
  });

  test.each([
    [new DrimboxError('store/unavailable'), 'store/unavailable'],
    [new DrimboxError('cli/sidecar-unreachable'), 'cli/sidecar-unreachable'],
    [new Error('secret of a driver'), 'general/internal'],
  ])('that cannot be kept is told with its reason, and nothing of the measure is lost: %s', async (failure, code) => {
    const answer = await keepPacsSpeed(measured(), () => Promise.reject(failure));
    expect(answer).toMatchObject({ kept: false, notKept: { code, reason: expect.stringMatching(/\.$/) } });
    expect(JSON.stringify(answer)).not.toContain('driver');
  });

  test.each([
    [['--history', '--limit', '0'], 'cli/usage'],
    [['--history', '--limit', '1001'], 'cli/usage'],
    [['--history', '--fast'], 'cli/usage'],
    [['2.25.1', '2.25.2', '--history'], 'cli/usage'],
    [['../1', '--history'], 'standards/uid-invalid'],
    [[], 'cli/usage'],
    [['--keep', '{'], 'cli/usage'],
    [['--keep', '{"bytes":-1}'], 'cli/usage'],
  ] as const)('%j: %s', async (words, code) => {
    await expect(run(['pacs', 'speed', ...words])).rejects.toMatchObject({ code });
    expect(await history()).toEqual({ speeds: [] });
  });

  test('the oldest are forgotten: there are never more than so many', async () => {
    const speed = (at: number): KeptPacsSpeed => ({
      atUtcMs: at,
      studyInstanceUid: '2.25.999999.1',
      reader: PacsReader.folder,
      images: 1,
      bytes: 1,
      firstImageMs: 1,
      totalMs: 1,
      transferSyntaxes: {},
    });
    for (let at = 1; at <= 7; at += 1) await opened.store.transaction((trx) => savePacsSpeed(trx, speed(at), 5));
    const left = await loadPacsSpeeds(opened.store.knex, { limit: 100 });
    expect(left.map(({ atUtcMs }) => atUtcMs)).toEqual([7, 6, 5, 4, 3]);
  });

  test('a thousand are kept when nobody says otherwise', async () => {
    const { knex } = opened.store;
    await knex.raw(
      `INSERT INTO pacs_speed (at_utc_ms, study_uid, reader, images, bytes, first_image_ms, total_ms, syntaxes)
       SELECT n, '2.25.999999.1', 'folder', 1, 1, 1, 1, '{}' FROM generate_series(1, 1200) n`,
    );
    await keepPacsSpeed(measured(), run);
    expect(await knex('pacs_speed').count('* as count').min('at_utc_ms as least').first()).toEqual({
      count: 1000,
      least: 202,
    });
  });
});
