/**
 * The comparison of the whole archive with the PACS: 10,000 archived studies on an Orthanc whose index is in PostgreSQL, by SQL;
 * fewer by REST. The studies are rows written straight into Orthanc's index, as its plugin would write them: a peer for the bench,
 * nobody can open their images. The archive holds what the comparison reads of it, and nothing of the DMP.
 */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { leaseRun, requestSweepRun, RunPhase } from '../../plugin/archive/index.ts';
import {
  createOrthancClient,
  createRestStudyIndex,
  createSqlStudyIndex,
  orthancOptions,
  type StudyIndex,
} from '../../plugin/orthanc/index.ts';
import { contentFingerprint, publicationOptions, stepRun } from '../../plugin/publication/index.ts';
import { parseStudyInstanceUid, type StudyInstanceUid } from '../../plugin/standards/index.ts';
import { openStore, type Store } from '../../plugin/store/index.ts';
import { archiveStudies, emptyComparisons } from '../../test/fixtures/comparison/index.ts';
import { startOrthanc } from '../../test/peers/orthanc/index.ts';
import { type Postgres, startPostgres } from '../../test/peers/postgres/index.ts';
import { judge, type BenchSettings, type Figure } from './figures.ts';

const seriesPerStudy = 2;
const instancesPerSeries = 20;
const uidRoot = '1.2.250.1.999999.77';
const uidOf = (number: number): StudyInstanceUid => parseStudyInstanceUid(`${uidRoot}.${number}`);

/** Rows as Orthanc's PostgreSQL plugin writes them; resource types 0–3, ids of their own range. Its triggers only count. */
const inventStudies = (count: number): string => {
  const uuid = (what: string) =>
    `regexp_replace(encode(sha224(convert_to(${what}, 'UTF8')), 'hex'), '^(.{8})(.{8})(.{8})(.{8})(.{8}).*$', '\\1-\\2-\\3-\\4-\\5')`;
  const tag = (table: string, of: string, rows: readonly (readonly [number, number, string])[]): string =>
    `INSERT INTO ${table} (id, taggroup, tagelement, value) ${rows
      .map(([group, element, value]) => `SELECT internalid, ${group}, ${element}, ${value} FROM ${of}`)
      .join(' UNION ALL ')};`;
  return `
    SET session_replication_role = replica;
    CREATE TEMPORARY TABLE study_row AS
      SELECT n, 1000000 + n AS internalid, '${uidRoot}.' || n AS uid FROM generate_series(1, ${count}) n;
    CREATE TEMPORARY TABLE series_row AS
      SELECT s.n * 10 + k AS n, 10000000 + s.n * 10 + k AS internalid, s.internalid AS parent, s.uid || '.' || k AS uid, k
      FROM study_row s, generate_series(1, ${seriesPerStudy}) k;
    CREATE TEMPORARY TABLE instance_row AS
      SELECT 100000000 + s.n * 100 + i AS internalid, s.internalid AS parent, s.uid || '.' || i AS uid, i
      FROM series_row s, generate_series(1, ${instancesPerSeries}) i;
    INSERT INTO resources (internalid, resourcetype, publicid, parentid) VALUES (999999, 0, ${uuid(`'patient'`)}, NULL);
    INSERT INTO resources (internalid, resourcetype, publicid, parentid)
      SELECT internalid, 1, ${uuid('uid')}, 999999 FROM study_row
      UNION ALL SELECT internalid, 2, ${uuid('uid')}, parent FROM series_row
      UNION ALL SELECT internalid, 3, ${uuid('uid')}, parent FROM instance_row;
    INSERT INTO maindicomtags (id, taggroup, tagelement, value) VALUES (999999, 16, 16, 'EXEMPLE^CAMILLE'), (999999, 16, 32, 'IPP-0042');
    ${tag('maindicomtags', 'study_row', [
      [8, 32, `'20260312'`],
      [8, 48, `'101500'`],
      [8, 80, `'ACC-' || n`],
      [8, 4144, `'Scanner invente'`],
      [32, 13, 'uid'],
      [32, 16, `'1'`],
      [16, 16, `'EXEMPLE^CAMILLE'`],
      [16, 32, `'IPP-0042'`],
      [16, 48, `'19850321'`],
      [16, 64, `'F'`],
    ])}
    ${tag('dicomidentifiers', 'study_row', [
      [32, 13, 'uid'],
      [8, 80, `'ACC-' || n`],
      [8, 32, `'20260312'`],
    ])}
    ${tag('maindicomtags', 'series_row', [
      [8, 96, `'CT'`],
      [8, 4158, `'Serie inventee'`],
      [32, 14, 'uid'],
      [32, 17, 'k::text'],
    ])}
    ${tag('dicomidentifiers', 'series_row', [[32, 14, 'uid']])}
    ${tag('maindicomtags', 'instance_row', [
      [8, 24, 'uid'],
      [32, 19, 'i::text'],
    ])}
    ${tag('dicomidentifiers', 'instance_row', [[8, 24, 'uid']])}
    INSERT INTO attachedfiles (id, filetype, uuid, compressedsize, uncompressedsize, compressiontype, uncompressedhash, compressedhash)
      SELECT internalid, 1, gen_random_uuid()::text, 1000, 1000, 1, repeat('0', 32), repeat('0', 32) FROM instance_row;
    INSERT INTO metadata (id, type, value) SELECT internalid, 7, '20260312T101530' FROM study_row;
    INSERT INTO metadata (id, type, value) SELECT internalid, 10, '1.2.840.10008.5.1.4.1.1.2' FROM instance_row;
    ANALYZE;`;
};

/** Reader role as an administrator would make it. */
const readerSql = `
  CREATE ROLE drimbox_reader LOGIN; ALTER ROLE drimbox_reader SET default_transaction_read_only = on;
  GRANT USAGE ON SCHEMA public TO drimbox_reader;
  GRANT SELECT ON resources, maindicomtags, dicomidentifiers, metadata, globalproperties TO drimbox_reader;`;

/** What was published of each study is what the PACS has. */
const archiveAll = async (store: Store, index: StudyIndex, count: number): Promise<void> => {
  for (let from = 1; from <= count; from += 100) {
    const uids = Array.from({ length: Math.min(100, count - from + 1) }, (_, at) => uidOf(from + at));
    const answers = [...(await index.lookupMany(uids)).values()];
    await archiveStudies(
      store.knex,
      answers.map((answer) => {
        if (answer.kind !== 'found') throw new Error(`an invented study is ${answer.kind}`);
        return { content: answer.study, fingerprint: contentFingerprint(answer.study) };
      }),
    );
  }
};

interface Comparison {
  readonly perSecond: number;
  readonly found: Readonly<Record<string, number>>;
}

/** One sweep, to the last look that it asks for; looks are only asked for. */
const compare = async (store: Store, index: StudyIndex): Promise<Comparison> => {
  await emptyComparisons(store.knex);
  const ports = {
    store,
    index,
    clock: Date.now,
    owner: 'bench',
    log: { info: () => undefined, warn: () => undefined, error: () => undefined },
    emit: () => undefined,
    options: publicationOptions.parse({}),
    site: {
      environment: 'test' as const,
      timeZone: 'Europe/Paris',
      retrieveUrlBase: 'https://db.exemple.invalid/drimbox',
      software: { name: 'DRIMbox', manufacturer: 'EXEMPLE', version: '0.0.0' },
      implementationClassUid: '2.25.1',
    },
    wakeLooks: () => undefined,
  };
  const now = Date.now();
  await store.transaction((trx) => requestSweepRun(trx, { atUtcMs: now }));
  const lease = { token: 'bench', nowUtcMs: now, untilUtcMs: now + 3_600_000 };
  let run = await store.transaction((trx) => leaseRun(trx, lease));
  const from = performance.now();
  while (run !== undefined && run.phase === RunPhase.comparing) ({ run } = await stepRun(ports, run));
  if (run === undefined) throw new Error('the run was not leased');
  const perSecond = (run.total * 1000) / (performance.now() - from);
  return { perSecond, found: run.figures.found };
};

const perSecondText = (value: number): string => `${value.toFixed(value < 100 ? 1 : 0)} studies/s`;
const minutesText = (value: number): string => `${value.toFixed(value < 10 ? 1 : 0)} min`;

const figuresOf = (
  how: string,
  count: number,
  comparison: Comparison,
  limit?: { readonly below: number },
): readonly Figure[] => {
  const { perSecond, found } = comparison;
  if (found['unchanged'] !== count) throw new Error(`found ${JSON.stringify(found)} instead of ${count} unchanged`);
  const images = seriesPerStudy * instancesPerSeries;
  return [
    judge(`comparison by ${how}, ${count.toLocaleString('en')} studies of ${images} images`, perSecond, perSecondText),
    judge(`comparison by ${how}: 100,000 studies, extrapolated`, 100_000 / perSecond / 60, minutesText, limit),
  ];
};

const measureWith = async (
  postgres: Postgres,
  store: Store,
  settings: BenchSettings,
  secretFile: string,
): Promise<readonly Figure[]> => {
  const [bySqlCount, byRestCount] = settings.isQuick ? [2000, 100] : [10_000, 300];
  const orthanc = await startOrthanc({
    version: settings.orthanc,
    index: { postgresUrl: await postgres.createDatabase('orthanc') },
  });
  try {
    console.log(`bench: writing ${bySqlCount} invented studies into Orthanc's index`);
    await postgres.run(inventStudies(bySqlCount), 'orthanc');
    await postgres.run(readerSql, 'orthanc');
    const options = orthancOptions.parse({ url: orthanc.url, timeoutMs: 120_000, hook: { secretFile } });
    const client = createOrthancClient(options);
    const sql = createSqlStudyIndex(
      { indexUrl: postgres.url('orthanc', 'drimbox_reader'), timeoutMs: 120_000 },
      {
        readSopClassUid: () => Promise.reject(new Error('no SOP class in the index')),
        log: { warn: () => undefined },
      },
    );
    await archiveAll(store, sql, bySqlCount);
    await store.knex.raw('ANALYZE');
    const bySql = await compare(store, sql);
    // Fewer by REST: what is retired is not compared.
    await store.knex.raw(
      `UPDATE study SET state = 'retired' WHERE study_uid NOT IN (SELECT study_uid FROM study ORDER BY study_uid LIMIT ?)`,
      [byRestCount],
    );
    const byRest = await compare(store, createRestStudyIndex(client));
    await Promise.all([sql.close(), client.close()]);
    return [
      // A night.
      ...figuresOf('SQL', bySqlCount, bySql, { below: 8 * 60 }),
      ...figuresOf('REST', byRestCount, byRest),
      judge('comparison: SQL ÷ REST', bySql.perSecond / byRest.perSecond, (value) => `${value.toFixed(1)} times`),
    ];
  } finally {
    await orthanc.discard();
  }
};

export const measureComparison = async (settings: BenchSettings): Promise<readonly Figure[]> => {
  const folder = mkdtempSync(join(tmpdir(), 'drimbox-bench-'));
  const secretFile = join(folder, 'secret');
  writeFileSync(secretFile, 'invented-secret-of-the-bench', { mode: 0o600 });
  const postgres = await startPostgres();
  try {
    const store = await openStore({ url: await postgres.createDatabase('drimbox'), folder });
    try {
      return await measureWith(postgres, store, settings, secretFile);
    } finally {
      await store.close();
    }
  } finally {
    await postgres.kill();
    rmSync(folder, { recursive: true, force: true });
  }
};
