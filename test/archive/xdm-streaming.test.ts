/** Any number of studies: what leaves is forgotten. */
import { mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { exportXdm } from '../../plugin/archive/index.ts';
import { buildManifest } from '../../plugin/kos/index.ts';
import { openZip } from '../../plugin/archive/xdm-zip-reader.ts';
import { inventContent, inventInstances, inventManifestSeries, sopClass } from '../fixtures/kos/invented-manifest.ts';
import { createBench, makeSigningIdentity } from '../fixtures/publication/index.ts';
import { openTestStore, type TestStore } from '../fixtures/store/index.ts';
import { inventedSender, publishStudy } from '../fixtures/xdm/index.ts';

let opened: TestStore;
let folder: string;
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'drimbox-xdm-'));
  opened = await openTestStore();
}, 60_000);
afterAll(async () => {
  await opened.close();
  rmSync(folder, { recursive: true, force: true });
});

const studies = 2_000;
const mebibyte = 1024 * 1024;

setFlagsFromString('--expose-gc');
const collectGarbage = runInNewContext('gc') as () => void;

/** What this process holds in objects and buffers. Not `external`: the embedded database's own memory is in it, and grows. */
const heldBytes = (): number => {
  collectGarbage();
  collectGarbage();
  const { heapUsed, arrayBuffers } = process.memoryUsage();
  return heapUsed + arrayBuffers;
};

test('2,000 studies of 90 MB are exported in the memory of a few (issue item 7)', async () => {
  const { knex } = opened.store;
  const bench = createBench(opened.store, makeSigningIdentity());
  await publishStudy(bench, 1);
  const series = [inventManifestSeries(1, { instances: inventInstances(1, sopClass.ct, 120) })];
  const kos = buildManifest(inventContent({ series }), {
    ...{ sopInstanceUid: '2.25.1', seriesInstanceUid: '2.25.2', createdAtUtcMs: bench.now(), timeZone: 'Europe/Paris' },
    ...{ instanceNumber: 1, manufacturer: 'Exemple', softwareVersion: '1', implementationClassUid: '2.25.3' },
  });
  await knex('submission').update({ kos });
  // The same study again and again, under other identifiers: the archive is what is measured, not its content.
  const columns = (table: string): Promise<Record<string, unknown>> => knex(table).columnInfo();
  const copied = async (table: string, replaced: Readonly<Record<string, string>>): Promise<void> => {
    const names = Object.keys(await columns(table)).filter((name) => !(name in replaced) && name !== 'id');
    const targets = [...Object.keys(replaced), ...names].join(', ');
    const sources = [...Object.values(replaced), ...names].join(', ');
    await knex.raw(
      `INSERT INTO ${table} (${targets}) SELECT ${sources} FROM ${table}, generate_series(1, ${studies - 1}) AS n`,
    );
  };
  await copied('study', { study_uid: `study_uid || '.' || n`, published_submission_id: 'n + 1' });
  // A hole for the metadata's own identifier: every copy describes the same manifest.
  await knex.raw('DROP INDEX submission_document');
  await copied('submission', { study_uid: `study_uid || '.' || n` });
  const total = studies * (kos.length + 20_000);
  expect(total).toBeGreaterThan(80 * mebibyte);

  const path = join(folder, 'large.zip');
  const held: number[] = [];
  const result = await exportXdm(knex, {
    path,
    sender: inventedSender,
    clock: () => bench.now(),
    progressEvery: 250,
    report: () => {
      held.push(heldBytes());
    },
  });
  expect(result).toMatchObject({ exported: studies, leftOut: {} });
  const [after250 = Number.NaN] = held;
  expect(held.length).toBeGreaterThanOrEqual(studies / 250);
  expect(Math.max(...held) - after250).toBeLessThan(24 * mebibyte);
  expect(statSync(path).size).toBeGreaterThan(studies * kos.length);
  const zip = await openZip(path);
  let files = 0;
  for await (const _ of zip.entries()) files += 1;
  zip.close();
  expect(files).toBe(2 + 4 * studies);
}, 120_000);
