/** Backup and restore of the archive (DB.SO.24): on the embedded store, on PostgreSQL, and from one to the other. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest';
import {
  archiveTables,
  type BackupProgress,
  endRestoreDoubt,
  isUnsureAfterRestore,
  loadJournal,
  loadMarker,
  passingTables,
  restoreBackup,
  restoredMarker,
  saveBackup,
  saveEvents,
  saveMarker,
  unsureAfterRestore,
  verifyBackup,
} from '../../plugin/archive/index.ts';
import {
  appliedMigrations,
  applyMigrations,
  knownMigrations,
  openStore,
  type Store,
} from '../../plugin/store/index.ts';
import { buildExamination } from '../fixtures/examination.ts';
import { createBench, makeSigningIdentity, pacsStudy } from '../fixtures/publication/index.ts';
import { openTestStore, type TestStore } from '../fixtures/store/index.ts';
import { type Postgres, startPostgres } from '../peers/postgres/index.ts';
import { killWhileLoading } from './restoring-process.ts';

const signing = makeSigningIdentity();
const clock = (): number => Date.UTC(2026, 2, 13, 8);
const silent = { report: () => undefined, signal: new AbortController().signal };

let opened: TestStore;
let postgres: Postgres;
let folder: string;
let databases = 0;
beforeAll(async () => {
  postgres = await startPostgres();
  opened = await openTestStore();
}, 60_000);
afterAll(async () => {
  await opened.close();
  await postgres.kill();
});
beforeEach(async () => {
  await opened.empty();
  folder = await mkdtemp(join(tmpdir(), 'drimbox-backup-'));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

const file = (name = 'archive.backup'): string => join(folder, name);

const closing: Store[] = [];
afterEach(async () => {
  for (const store of closing.splice(0)) await store.close();
});

const openNew = async (kind: Store['kind']): Promise<Store> => {
  databases += 1;
  const url = kind === 'postgres' ? await postgres.createDatabase(`drimbox_${databases}`) : 'embedded';
  const store = await openStore({ url, folder: join(folder, `store-${databases}`), asIs: true, create: true });
  closing.push(store);
  return store;
};

/** Study 1 published and replaced, 2 held, 3 waiting, 4 refused, 5 published, 6 with an order that waits; a refused message. */
const fill = async (store: Store): Promise<ReturnType<typeof createBench>> => {
  const bench = createBench(store, signing);
  for (const number of [1, 2, 3, 4, 5, 6]) {
    await bench.take(buildExamination({ number }).message);
    if (number !== 3) bench.pacs.put(pacsStudy(number, number === 2 ? { identity: { patientId: 'X' } } : {}));
    if (number === 4) bench.dmp.order({ on: 'register', how: 'refused', code: 'dmp/refused' });
    if (number === 6) bench.dmp.order({ on: 'register', how: 'fails', code: 'dmp/unreachable' });
    bench.advance(1000);
    await bench.look(buildExamination({ number }).studyInstanceUid);
  }
  bench.pacs.put(pacsStudy(1, { instancesPerSeries: 4 }));
  await bench.look(buildExamination({ number: 1 }).studyInstanceUid);
  await bench.take(Buffer.from('MSH|^~\\&|nonsense'));
  return bench;
};

/** Every value of every table, as PostgreSQL writes it. */
const contentOf = async (store: Store): Promise<Record<string, readonly unknown[]>> => {
  const content: Record<string, readonly unknown[]> = {};
  for (const { name } of archiveTables) {
    const found: { rows: { row: string }[] } = await store.knex.raw(
      `SELECT row_to_json(t)::text AS row FROM ${name} t ORDER BY 1`,
    );
    content[name] = found.rows.map(({ row }) => JSON.parse(row) as unknown);
  }
  return content;
};

const save = (store: Store, path = file()) => saveBackup({ store, clock, software: 'DRIMbox 0.0.1', ...silent }, path);
const restore = (store: Store, path = file()) => restoreBackup({ store, clock, ...silent }, path);

/** What a restoration changes on purpose: the marks of decision C8, and the marks of the backup itself. */
const withoutMarks = (content: Record<string, readonly unknown[]>): Record<string, readonly unknown[]> => {
  const dropped = [
    'look_due_at_utc_ms',
    'look_number',
    'sent_at_utc_ms',
    'first_sent_at_utc_ms',
    'next_attempt_at_utc_ms',
  ];
  const strip = (row: unknown): unknown =>
    Object.fromEntries(Object.entries(row as object).filter(([name]) => !dropped.includes(name)));
  return {
    ...Object.fromEntries(Object.entries(content).map(([table, rows]) => [table, rows.map(strip)])),
    marker: [],
    event: (content['event'] ?? []).filter((row) => !(row as { name: string }).name.startsWith('archive/')),
  };
};

describe('backup and restore (DB.SO.24)', () => {
  test.each([
    ['embedded', 'embedded'],
    ['embedded', 'postgres'],
    ['postgres', 'postgres'],
    ['postgres', 'embedded'],
  ] as const)(
    '%s → %s: every table is the same, byte for byte',
    async (from, to) => {
      const source = from === 'embedded' ? opened.store : await openNew('postgres');
      if (from === 'postgres') await (await openStore({ url: postgres.url(`drimbox_${databases}`), folder })).close();
      await fill(source);
      const before = await contentOf(source);
      const summary = await save(source);
      const target = await openNew(to);
      const restored = await restore(target);
      const after = await contentOf(target);
      expect(withoutMarks(after)).toEqual(withoutMarks(before));
      for (const { name } of archiveTables) expect([name, summary.rows[name]]).toEqual([name, before[name]?.length]);
      for (const table of ['message', 'report', 'study', 'submission', 'answer', 'event', 'alert'])
        expect([table, before[table]?.length ?? 0]).not.toEqual([table, 0]);
      expect(restored).toMatchObject({ openOrders: 1, software: 'DRIMbox 0.0.1', rows: summary.rows });
      await expectWorking(target);
    },
    60_000,
  );

  const expectWorking = async (store: Store): Promise<void> => {
    const bench = createBench(store, signing, { startAtUtcMs: clock(), owner: 'sidecar-9' });
    const { studyInstanceUid, message } = buildExamination({ number: 77 });
    bench.pacs.put(pacsStudy(77));
    expect((await bench.take(message)).code).toBe('AA');
    expect((await bench.look(studyInstanceUid)).study.state).toBe('published');
  };

  test('decides every table that the migrations make, kept or passing, none before one that it refers to', async () => {
    const { knex } = opened.store;
    const names = archiveTables.map(({ name }) => name);
    const tables: { rows: { name: string }[] } = await knex.raw(
      `SELECT relname AS name FROM pg_class WHERE relkind = 'r' AND relnamespace = current_schema()::regnamespace`,
    );
    const made = tables.rows.map(({ name }) => name).filter((name) => !name.startsWith('knex_migrations'));
    expect([...names, ...passingTables].toSorted()).toEqual(made.toSorted());
    const references: { rows: { child: string; parent: string }[] } = await knex.raw(
      `SELECT conrelid::regclass::text AS child, confrelid::regclass::text AS parent FROM pg_constraint
       WHERE contype = 'f' AND conrelid <> confrelid`,
    );
    expect(references.rows.length).toBeGreaterThan(5);
    const order = [...names, ...passingTables];
    for (const { child, parent } of references.rows) expect(order.indexOf(parent)).toBeLessThan(order.indexOf(child));
    // Nothing that is kept hangs on what is not.
    expect(
      references.rows.filter(({ child, parent }) => names.includes(child) && passingTables.includes(parent)),
    ).toEqual([]);
  });

  test('is one instant of an archive that others write to meanwhile, and deletes nothing that it relies on', async () => {
    const { store } = opened;
    for (const { name, isKept } of archiveTables) {
      if (isKept !== true) continue;
      await store.knex.raw(
        `CREATE OR REPLACE FUNCTION keep_rows() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'deleted'; END $$`,
      );
      await store.knex.raw(`CREATE TRIGGER keep BEFORE DELETE ON ${name} FOR EACH ROW EXECUTE FUNCTION keep_rows()`);
    }
    const bench = await fill(store);
    let isWriting = true;
    let written = 0;
    const writing = (async () => {
      for (let number = 10; isWriting; number += 1) {
        const { message, studyInstanceUid } = buildExamination({ number });
        bench.pacs.put(pacsStudy(number));
        await bench.take(message);
        await bench.look(studyInstanceUid);
        bench.pacs.put(pacsStudy(1, { instancesPerSeries: 5 + number }));
        await bench.look(buildExamination({ number: 1 }).studyInstanceUid);
        written += 1;
        // The fakes answer at once: without a rest nothing else would ever get its turn.
        await sleep(5);
      }
    })();
    let atTheEnd: Record<string, readonly unknown[]> | undefined;
    const watched: Store = {
      ...store,
      transaction: (work) =>
        store.transaction(async (trx) => {
          atTheEnd ??= await contentOf({ ...store, knex: trx });
          return work(trx);
        }),
    };
    const writtenAt = new Set<number>();
    const report = (progress: BackupProgress): void => {
      if (progress.step === 'write') writtenAt.add(written);
    };
    await saveBackup({ store: watched, clock, software: 'x', report, signal: silent.signal }, file());
    isWriting = false;
    await writing;
    for (const { name } of archiveTables) await store.knex.raw(`DROP TRIGGER IF EXISTS keep ON ${name}`);
    expect(atTheEnd?.['submission']?.length).toBeGreaterThan(6);
    const target = await openNew('embedded');
    await restore(target);
    expect(withoutMarks(await contentOf(target))).toEqual(withoutMarks(atTheEnd ?? {}));
    // It did change between two pages.
    expect(writtenAt.size).toBeGreaterThan(1);
  }, 60_000);

  test('an older backup gets the migrations that came after it', async () => {
    const old = await openNew('postgres');
    await applyMigrations(old.knex, ['0001-source.ts']);
    await old.knex('study').insert({
      study_uid: '1.2.250.1.999999.2.1',
      state: 'published',
      first_report_at_utc_ms: 1,
      images_deadline_at_utc_ms: 1,
      updated_at_utc_ms: 1,
    });
    await save(old);
    expect((await verifyBackup(file(), silent.report, silent.signal)).header.migrations).toEqual(['0001-source.ts']);
    const target = await openNew('embedded');
    await restore(target);
    expect(await appliedMigrations(target.knex)).toEqual(await knownMigrations());
    expect(await target.knex('study').first('study_uid', 'absent_since_utc_ms')).toEqual({
      study_uid: '1.2.250.1.999999.2.1',
      absent_since_utc_ms: null,
    });
    await expectWorking(target);
  }, 60_000);

  test('a store that was only started, never used, is empty enough; its own marks are replaced', async () => {
    await fill(opened.store);
    await save(opened.store);
    const started = await openStore({ url: 'embedded', folder: join(folder, 'started') });
    closing.push(started);
    await saveMarker(started.knex, 'orthanc-hook', 'other', 1);
    await saveEvents(started.knex, 1, [{ name: 'sweep/finished' }]);
    await restore(started);
    expect(await loadMarker(started.knex, 'orthanc-hook')).toBeUndefined();
    expect((await loadJournal(started.knex, { limit: 1_000 })).map(({ name }) => name)).not.toContain('sweep/finished');
    await expectWorking(started);
  }, 60_000);

  test('a store that holds an archive is left as it is: store/not-empty', async () => {
    await fill(opened.store);
    await save(opened.store);
    const before = await contentOf(opened.store);
    await expect(restore(opened.store)).rejects.toMatchObject({ code: 'store/not-empty', httpStatus: 409 });
    expect(await contentOf(opened.store)).toEqual(before);
  });
});

describe('after a restoration the DMP may know more than the archive (C8)', () => {
  test('open orders count as sent, published studies get a look, unpublished ones are unsure, the journal says so', async () => {
    await fill(opened.store);
    await save(opened.store);
    const target = await openNew('embedded');
    const uidOf = (number: number): string => buildExamination({ number }).studyInstanceUid;
    expect(await restore(target)).toMatchObject({ openOrders: 1, looks: 3 });
    const at = clock();
    const open: object = await target.knex('submission').where('state', 'open').first('*');
    // It had left once before: since when is kept.
    const firstSent = { first_sent_at_utc_ms: Date.UTC(2026, 2, 12, 10, 0, 6) };
    expect(open).toMatchObject({ study_uid: uidOf(6), sent_at_utc_ms: at, next_attempt_at_utc_ms: null, ...firstSent });
    const due: string[] = await target.knex('study').where('look_due_at_utc_ms', '<=', at).pluck('study_uid');
    for (const number of [1, 5, 6]) expect(due).toContain(uidOf(number));
    const unsure = await Promise.all(
      [1, 2, 3, 4, 5, 6].map((number) => isUnsureAfterRestore(target.knex, uidOf(number))),
    );
    expect(unsure).toEqual([false, true, true, true, false, true]);
    await endRestoreDoubt(target.knex, uidOf(2));
    expect(await isUnsureAfterRestore(target.knex, uidOf(2))).toBe(false);
    expect(JSON.parse((await loadMarker(target.knex, restoredMarker))?.value ?? '')).toEqual({
      backupAt: new Date(at).toISOString(),
    });
    expect((await loadJournal(target.knex, { limit: 1 }))[0]).toMatchObject({
      name: 'archive/restored',
      detail: { openOrders: 1, unsureStudies: 4 },
    });
    expect(unsureAfterRestore).toBe('publication/restored-unsure');
  }, 60_000);

  test('an order that had arrived meanwhile is recognised, not sent again', async () => {
    const bench = await fill(opened.store);
    await save(opened.store);
    const { studyInstanceUid } = buildExamination({ number: 6 });
    bench.advance(3_600_000);
    expect((await bench.lookWhenDue(studyInstanceUid)).study.state).toBe('published');
    const target = await openNew('embedded');
    await restore(target);
    const again = createBench(target, signing, {
      pacs: bench.pacs,
      dmp: bench.dmp,
      startAtUtcMs: clock(),
      owner: 'sidecar-2',
    });
    const held = bench.dmp.documents().length;
    expect((await again.look(studyInstanceUid)).study.state).toBe('published');
    expect(bench.dmp.documents()).toHaveLength(held);
  }, 60_000);
});

describe('a restoration that is killed (kill -9)', () => {
  test.each(['embedded', 'postgres'] as const)(
    'leaves a store that is as empty as before: %s',
    async (kind) => {
      await fill(opened.store);
      // Large enough to be killed half-way.
      await opened.store.knex.raw(
        `INSERT INTO message (received_at_utc_ms, peer_address, sender_application, sender_facility, control_id, message_type, content_sha256, raw, outcome)
       SELECT 1, '', '', '', i::text, '', i::text, convert_to(repeat(md5(i::text), 16000), 'UTF8'), 'accepted' FROM generate_series(1, 40) i`,
      );
      await save(opened.store);
      databases += 1;
      const place = join(folder, 'killed');
      const url = kind === 'postgres' ? await postgres.createDatabase(`drimbox_${databases}`) : 'embedded';
      const killed = await killWhileLoading(url, place, file());
      expect(killed).toBeGreaterThan(0);
      const store = await vi.waitFor(() => openStore({ url, folder: place, asIs: true, create: true }), {
        timeout: 30_000,
      });
      closing.push(store);
      expect(await store.knex.schema.hasTable('study')).toBe(false);
      await restore(store);
      expect(await store.knex('message').count()).toEqual([{ count: 47 }]);
    },
    120_000,
  );
});
