/** The audit on PostgreSQL, and through a backup: the same rows, and append-only still. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { restoreBackup, saveBackup } from '../../plugin/archive/index.ts';
import { type AuditEntry, type AuditResult, createAudit, loadAuditPage } from '../../plugin/audit/index.ts';
import { openStore, type Store } from '../../plugin/store/index.ts';
import { type Postgres, startPostgres } from '../peers/postgres/index.ts';

let postgres: Postgres;
let folder: string;
let store: Store;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'drimbox-audit-'));
  postgres = await startPostgres();
  store = await openStore({ url: await postgres.createDatabase('drimbox_audit'), folder });
}, 60_000);
afterAll(async () => {
  await store.close();
  await postgres.kill();
  await rm(folder, { recursive: true, force: true });
});

/** Invented identities: INS under the test OID. */
const entry: AuditEntry = {
  transaction: 'wado-rs',
  correlationId: 'c-1',
  address: '2001:db8::7',
  peerSubject: 'CN=db.exemple.fr,O=EXEMPLE',
  actorNationalId: '899700000001',
  patient: { value: '199017512345657', oid: '1.2.250.1.213.1.4.10' },
  studyInstanceUid: '1.2.250.1.999999.2.1',
};
const served: AuditResult = {
  outcome: 'served',
  httpStatus: 200,
  objects: 1,
  bytes: 6_000_000_000,
  syntaxes: { '1.2': 1 },
};
const refused: AuditResult = { outcome: 'refused', httpStatus: 403, reasonCode: 'hl7/sender-not-allowed' };
const limits = { rowsPerAddress: 1, rowsOfStrangers: 9, rowsPerPerson: 9, countedKeys: 9 };
const dayMs = 86_400_000;

const shownOf = async (db: Store) =>
  (await loadAuditPage(db.knex, {}, 100)).lines.map(({ outcome, count, professional }) => [
    outcome,
    count,
    professional,
  ]);

describe('the audit on PostgreSQL', () => {
  test('begins, ends, counts, closes what a killed process left, erases after the retention; nothing is deleted', async () => {
    let now = Date.UTC(2026, 2, 12, 10);
    const open = (options?: { retentionDays: number }) =>
      createAudit({
        store,
        clock: () => now,
        log: { warn: () => undefined },
        limits,
        ...(options === undefined ? {} : { options }),
      });
    const audit = open();
    await audit.finish(await audit.begin(entry), served);
    await audit.begin(entry);
    const { actorNationalId: _, ...stranger } = entry;
    await Promise.all(Array.from({ length: 8 }, () => audit.record(stranger, refused)));
    expect(await shownOf(store)).toEqual([
      ['served', 1, '899700000001'],
      ['under-way', 1, '899700000001'],
      ['refused', 1, undefined],
      ['refused', 7, undefined],
    ]);
    now += 600_000;
    const next = open();
    await next.start();
    expect((await shownOf(store))[1]).toEqual(['interrupted', 1, '899700000001']);
    await next.stop();
    await expect(Promise.resolve(store.knex.raw('DELETE FROM audit'))).rejects.toThrow('append-only');
    now += 400 * dayMs;
    const last = open({ retentionDays: 365 });
    await last.start();
    await last.stop();
    expect(await shownOf(store)).toEqual([
      ['served', 1, undefined],
      ['interrupted', 1, undefined],
      ['refused', 1, undefined],
      ['refused', 7, undefined],
    ]);
    expect((await loadAuditPage(store.knex, {}, 1)).lines[0]).toMatchObject({ bytes: 6_000_000_000, objects: 1 });
  });

  test('goes through a backup into another store, and is append-only there (DB.SO.24)', async () => {
    const file = join(folder, 'archive.backup');
    const silent = { report: () => undefined, signal: new AbortController().signal };
    const before = (await loadAuditPage(store.knex, {}, 100)).lines;
    await saveBackup({ store, clock: () => 0, software: 'DRIMbox 0.0.1', ...silent }, file);
    const target = await openStore({ url: 'embedded', folder: join(folder, 'target'), asIs: true, create: true });
    try {
      await restoreBackup({ store: target, clock: () => 0, ...silent }, file);
      expect((await loadAuditPage(target.knex, {}, 100)).lines).toEqual(before);
      expect(before.length).toBeGreaterThan(3);
      await expect(Promise.resolve(target.knex.raw(`UPDATE audit SET outcome = 'served'`))).rejects.toThrow(
        'append-only',
      );
      const audit = createAudit({ store: target, clock: () => 1, log: { warn: () => undefined } });
      await audit.finish(await audit.begin(entry), served);
      expect((await shownOf(target)).at(-1)).toEqual(['served', 1, '899700000001']);
    } finally {
      await target.close();
    }
  }, 60_000);
});
