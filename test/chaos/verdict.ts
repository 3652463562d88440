/** What must be true when all is quiet again, read in the registry of the stand-in and in the tables of the archive. */
import { expect } from 'vitest';
import { parseManifest } from '../../plugin/kos/index.ts';
import { openStore, type Store, type StoreOptions } from '../../plugin/store/index.ts';
import type { RegistryEntry } from '../peers/dmp/registry.ts';
import type { StandInProcess } from '../peers/site/index.ts';
import type { Case } from './case-load.ts';

const approvedIn = (entries: readonly RegistryEntry[]): readonly RegistryEntry[] =>
  entries.filter(({ kind, status }) => kind === 'kos' && status === 'Approved');

const imagesOf = (kos: Uint8Array): readonly string[] =>
  parseManifest(kos)
    .series.flatMap(({ instances }) => instances.map(({ sopInstanceUid }) => sopInstanceUid))
    .toSorted();

/** Whether the latest manifest of every study is as large as it must become: a growing study is published again. */
export const isComplete = async (dmp: StandInProcess, cases: readonly Case[]): Promise<boolean> => {
  const byStudy = Map.groupBy(approvedIn(await dmp.entries()), (entry) => entry.studyInstanceUid);
  for (const { images, examination } of cases) {
    const [entry] = byStudy.get(examination.studyInstanceUid) ?? [];
    if (entry === undefined) return false;
    if (images !== 'growing') continue;
    if (imagesOf(await dmp.documentOf(entry.entryUuid)).length < examination.instances.length) return false;
  }
  return true;
};

/** The registry: one approved manifest per study, with exactly the images of the PACS, and nothing else but what it replaced. */
export const checkRegistry = async (dmp: StandInProcess, cases: readonly Case[]): Promise<readonly RegistryEntry[]> => {
  const manifests = (await dmp.entries()).filter(({ kind }) => kind === 'kos');
  const byStudy = Map.groupBy(manifests, (entry) => entry.studyInstanceUid);
  const wrong: string[] = [];
  for (const { number, images, examination } of cases) {
    const entries = byStudy.get(examination.studyInstanceUid) ?? [];
    const [approved, ...others] = approvedIn(entries);
    if (approved === undefined || others.length > 0) {
      wrong.push(`study ${number} (${images}): ${others.length + (approved === undefined ? 0 : 1)} approved manifests`);
      continue;
    }
    // Only a study that grew after its publication may have an older manifest, and each must have been replaced.
    const replaced = entries.filter((entry) => entry !== approved);
    if (replaced.length > 0 && images !== 'growing')
      wrong.push(`study ${number} (${images}): ${replaced.length} older`);
    for (const old of replaced) {
      if (!entries.some((entry) => entry.replaces === old.entryUuid)) wrong.push(`study ${number}: not replaced`);
    }
    const expected = examination.instances.map(({ sopInstanceUid }) => sopInstanceUid).toSorted();
    const named = imagesOf(await dmp.documentOf(approved.entryUuid));
    if (named.join() !== expected.join()) wrong.push(`study ${number} (${images}): images ${named.join()}`);
  }
  expect(wrong).toEqual([]);
  expect(byStudy.size).toBe(cases.length);
  return manifests;
};

interface Row {
  readonly [column: string]: string | number | null;
}

const rowsOf = async (store: Store, sql: string): Promise<readonly Row[]> => {
  const { rows }: { rows: Row[] } = await store.knex.raw(sql);
  return rows;
};

const checkTables = async (
  store: Store,
  cases: readonly Case[],
  manifests: readonly RegistryEntry[],
): Promise<void> => {
  const messages = await rowsOf(store, `SELECT control_id, outcome FROM message ORDER BY id`);
  expect(messages.filter(({ outcome }) => outcome !== 'accepted')).toEqual([]);
  expect(messages.map(({ control_id }) => String(control_id)).toSorted()).toEqual(
    cases.map(({ examination }) => examination.controlId).toSorted(),
  );
  expect(await rowsOf(store, `SELECT state, count(*)::int AS count FROM report GROUP BY state`)).toEqual([
    { state: 'current', count: cases.length },
  ]);
  expect(
    await rowsOf(store, `SELECT state, reason_code, count(*)::int AS count FROM study GROUP BY state, reason_code`),
  ).toEqual([{ state: 'published', reason_code: null, count: cases.length }]);
  expect(
    await rowsOf(
      store,
      `SELECT study_uid FROM study WHERE lease_until_utc_ms IS NOT NULL OR published_submission_id IS NULL`,
    ),
  ).toEqual([]);
  expect(await rowsOf(store, `SELECT id, study_uid FROM submission WHERE state IN ('open', 'refused')`)).toEqual([]);
  // What the DMP took and what the archive says that it took are the same documents.
  const accepted = await rowsOf(store, `SELECT document_uid FROM submission WHERE state = 'accepted'`);
  expect(accepted.map(({ document_uid }) => String(document_uid)).toSorted()).toEqual(
    manifests.map(({ uniqueId }) => uniqueId).toSorted(),
  );
  expect(await rowsOf(store, `SELECT code, subject, detail FROM alert WHERE cleared_at_utc_ms IS NULL`)).toEqual([]);
  // Each publication is told and counted once (statistics, decision G5).
  const told = await rowsOf(
    store,
    `SELECT count(*)::int AS count FROM event WHERE name IN ('dmp/published', 'dmp/replaced')`,
  );
  expect(told).toEqual([{ count: manifests.length }]);
  const received = await rowsOf(store, `SELECT count(*)::int AS count FROM event WHERE name = 'hl7/message-accepted'`);
  expect(received).toEqual([{ count: cases.length }]);
};

/** The archive, opened after the sidecar has ended. */
export const checkArchive = async (
  options: StoreOptions,
  cases: readonly Case[],
  manifests: readonly RegistryEntry[],
): Promise<void> => {
  const store = await openStore(options);
  try {
    await checkTables(store, cases, manifests);
  } finally {
    await store.close();
  }
};
