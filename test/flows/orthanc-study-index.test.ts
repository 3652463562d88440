import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  createOrthancClient,
  createRestStudyIndex,
  createSqlStudyIndex,
  type OrthancClient,
  orthancOptions,
  type StudyIndex,
} from '../../plugin/orthanc/index.ts';
import { parseStudyInstanceUid } from '../../plugin/standards/index.ts';
import type { Element } from '../fixtures/orthanc/dicom-file.ts';
import { richStudyFiles } from '../fixtures/orthanc/rich-study.ts';
import { buildInstance, buildSeries, enhancedCt } from '../fixtures/orthanc/studies.ts';
import { isOrthancHere, type OrthancPeer, type OrthancVersion, startOrthanc } from '../peers/orthanc/index.ts';
import { type Postgres, startPostgres } from '../peers/postgres/index.ts';

const roleSql = readFileSync(resolve(import.meta.dirname, '../../orthanc-config/read-only-role.sql'), 'utf8');
const clientOf = (url: string): OrthancClient =>
  createOrthancClient(orthancOptions.parse({ url, timeoutMs: 30_000, hook: { secretFile: '/nowhere' } }));

const rich = parseStudyInstanceUid('2.25.999999.10');
const twice = parseStudyInstanceUid('2.25.999999.20');
const large = parseStudyInstanceUid('2.25.999999.30');

const fill = async (orthanc: OrthancPeer): Promise<void> => {
  await orthanc.storeFiles(richStudyFiles(rich));
  await orthanc.storeFiles(buildSeries(twice, `${twice}.1`, 2));
  await orthanc.storeFiles(buildSeries(twice, `${twice}.1`, 1, { patientId: 'IPP-0002' }));
  for (const series of [1, 2, 3]) await orthanc.storeFiles(buildSeries(large, `${large}.${series}`, 200));
  // The same patient under another name: the study keeps the name that its own images carry.
  await orthanc.storeFile(
    buildInstance({
      study: '2.25.999999.40',
      series: '2.25.1',
      instance: '2.25.2',
      elements: [['00100010', 'PN', 'AUTRE^NOM']],
    }),
  );
};

let postgres: Postgres;
beforeAll(async () => {
  postgres = await startPostgres();
});
afterAll(() => postgres.kill());

/** One version a run: `scripts/test` has 1.10, `scripts/test --orthanc 1.12` the other. */
const versions: OrthancVersion[] = [process.env['DRIMBOX_TEST_ORTHANC'] === '1.12' ? '1.12' : '1.10'];
describe.each(versions)('index of Orthanc %s', (version) => {
  if (!isOrthancHere(version)) {
    it.skip(`Orthanc ${version} is not on this machine`, () => undefined);
    return;
  }
  const database = `orthanc_${version.replace('.', '_')}`;
  let onPostgres: OrthancPeer;
  let onSqlite: OrthancPeer;
  let client: OrthancClient;
  let sqliteClient: OrthancClient;
  let sql: StudyIndex & { close(): Promise<void> };
  let readers: Record<'rest on PostgreSQL' | 'SQL' | 'rest on SQLite', StudyIndex>;

  const sqlIndex = (indexUrl: string, timeoutMs = 30_000) =>
    createSqlStudyIndex(
      { indexUrl, timeoutMs },
      { log: { warn: () => undefined }, readSopClassUid: (id) => client.readSopClassUid(id) },
    );

  beforeAll(async () => {
    const postgresUrl = await postgres.createDatabase(database);
    [onPostgres, onSqlite] = await Promise.all([
      startOrthanc({ version, index: { postgresUrl } }),
      startOrthanc({ version }),
    ]);
    await Promise.all([fill(onPostgres), fill(onSqlite)]);
    await postgres.run(roleSql, database);
    client = clientOf(onPostgres.url);
    sqliteClient = clientOf(onSqlite.url);
    sql = sqlIndex(postgres.url(database, 'drimbox_reader'));
    readers = {
      'rest on PostgreSQL': createRestStudyIndex(client),
      SQL: sql,
      'rest on SQLite': createRestStudyIndex(sqliteClient),
    };
  }, 120_000);
  afterAll(async () => {
    await Promise.all([client.close(), sqliteClient.close(), sql.close()]);
    await Promise.all([onPostgres.discard(), onSqlite.discard()]);
  });

  const names = ['rest on PostgreSQL', 'SQL', 'rest on SQLite'] as const;

  it('says the same of a rich study whichever reader is asked', async () => {
    const [first, second, third] = await Promise.all(names.map((name) => readers[name].lookup(rich)));
    expect(second).toEqual(first);
    if (first?.kind !== 'found' || third?.kind !== 'found') throw new Error('not found');
    // The two Orthancs took it at different moments.
    expect({ ...third.study, lastUpdateUtcMs: first.study.lastUpdateUtcMs }).toEqual(first.study);
    expect(first.study.series.map(({ seriesNumber, instances }) => [seriesNumber, instances.length])).toEqual([
      ['-2', 1],
      ['1', 12],
      ['1', 1],
      ['10', 2],
      ['', 2],
    ]);
    expect(first.study).toMatchObject({
      referringPhysicianName: "D'ARTÉMISE^ÉLÉONORE",
      studyDate: '20260105',
      studyId: 'ETUDE-1',
    });
    expect(first.study.series[1]?.instances.map(({ instanceNumber }) => instanceNumber)).toEqual(
      Array.from({ length: 12 }, (_, index) => String(index + 1)),
    );
    expect(first.study.series[3]).toMatchObject({
      seriesDescription: 'Œdème “β” 注',
      instances: [{ sopClassUid: enhancedCt, numberOfFrames: '3' }, { numberOfFrames: '3' }],
    });
    expect(first.study.series[4]).toMatchObject({
      modality: 'OT',
      seriesDescription: '',
      bodyPartExamined: '',
      instances: [
        { sopInstanceUid: `${rich}.3.1`, instanceNumber: '', numberOfFrames: '' },
        { sopInstanceUid: `${rich}.3.2`, instanceNumber: '' },
      ],
    });
  });

  it.each(names)(
    '%s: a StudyInstanceUID under two PatientIDs is duplicated, with both Orthanc studies (A5)',
    async (name) => {
      const ids = (await client.findStudies(twice)).map(({ ID }) => ID).toSorted();
      expect(ids.length).toBe(2);
      expect(await readers[name].lookup(twice)).toEqual({ kind: 'duplicated', orthancIds: ids });
    },
  );

  it.each(names)(
    '%s: a study that is not there is absent, even when another UID starts or ends alike',
    async (name) => {
      for (const text of ['2.25.1234', rich.slice(0, -1), `${rich}.1`, `1.${rich}`]) {
        expect(await readers[name].lookup(parseStudyInstanceUid(text))).toEqual({ kind: 'absent' });
      }
    },
  );

  it('says the same of many studies at once as of each, whichever reader is asked', async () => {
    const other = parseStudyInstanceUid('2.25.999999.40');
    const absent = [parseStudyInstanceUid(rich.slice(0, -1)), parseStudyInstanceUid(`${rich}.1`)];
    const asked = [rich, absent[0] ?? rich, twice, large, other, absent[1] ?? rich, rich];
    for (const name of names) {
      const index = readers[name];
      const answers = await index.lookupMany(asked);
      expect([...answers.keys()].toSorted()).toEqual([...new Set(asked)].toSorted());
      for (const uid of asked) expect([uid, answers.get(uid)]).toEqual([uid, await index.lookup(uid)]);
      expect([...answers.values()].map(({ kind }) => kind).toSorted()).toEqual([
        'absent',
        'absent',
        'duplicated',
        'found',
        'found',
        'found',
      ]);
    }
    const [rest, bySql] = [await readers['rest on PostgreSQL'].lookupMany(asked), await sql.lookupMany(asked)];
    for (const uid of asked) expect(bySql.get(uid)).toEqual(rest.get(uid));
  });

  it('asks PostgreSQL as often for many studies as for one, in one transaction: a sweep is cheap', async () => {
    const role = 'drimbox_counted';
    await postgres.run(
      `CREATE ROLE ${role} LOGIN IN ROLE drimbox_reader; ALTER ROLE ${role} SET log_statement = 'all'`,
      database,
    );
    const index = sqlIndex(postgres.url(database, role));
    const countStatements = async (read: () => Promise<unknown>): Promise<number> => {
      const before = postgres.log().length;
      await read();
      return (
        postgres
          .log()
          .slice(before)
          .match(/LOG: {2}(statement|execute <unnamed>):/g)?.length ?? 0
      );
    };
    await index.lookup(rich);
    const forOne = await countStatements(() => index.lookup(rich));
    const forMany = await countStatements(() =>
      index.lookupMany([rich, twice, large, parseStudyInstanceUid('2.25.7')]),
    );
    const forNone = await countStatements(() => index.lookupMany([]));
    await index.close();
    // BEGIN, studies, series, instances, COMMIT.
    expect([forOne, forMany, forNone]).toEqual([5, 5, 0]);
  });

  it.each(names)('%s: the patient is the one that the images of this study name', async (name) => {
    const found = await readers[name].lookup(parseStudyInstanceUid('2.25.999999.40'));
    expect(found).toMatchObject({ kind: 'found', study: { patientId: 'IPP-0001', patientName: 'AUTRE^NOM' } });
  });

  it('is at least ten times faster by SQL than by REST on PostgreSQL (design §9)', async () => {
    const bestOf3 = async (index: StudyIndex): Promise<number> => {
      const tookMs: number[] = [];
      for (let round = 0; round < 3; round += 1) {
        const from = performance.now();
        await index.lookup(large);
        tookMs.push(performance.now() - from);
      }
      return Math.min(...tookMs);
    };
    const restMs = await bestOf3(readers['rest on PostgreSQL']);
    const sqlMs = await bestOf3(readers.SQL);
    expect(restMs / sqlMs).toBeGreaterThan(10);
  });

  it('reads the SOP class in the stored file where the index has none, by both readers', async () => {
    const uid = parseStudyInstanceUid('2.25.999999.50');
    await onPostgres.storeFiles(buildSeries(uid, `${uid}.1`, 2));
    await postgres.run(
      `DELETE FROM metadata WHERE type = 10 AND id = (SELECT id FROM maindicomtags WHERE value = '${uid}.1.2')`,
      database,
    );
    const [byRest, bySql] = [await readers['rest on PostgreSQL'].lookup(uid), await sql.lookup(uid)];
    expect(bySql).toEqual(byRest);
    expect(bySql).toMatchObject({
      study: { series: [{ instances: [{}, { sopClassUid: '1.2.840.10008.5.1.4.1.1.2' }] }] },
    });
  });

  it('reads who an image belongs to, however it is written (A4)', async () => {
    const oid = (value: string): Element => [
      '00100024',
      'SQ',
      [
        [
          ['00400032', 'UT', value],
          ['00400033', 'CS', 'ISO'],
        ],
      ],
    ];
    // 123 characters of two bytes each: longer than what Orthanc gives without being asked.
    const longName = `${'É'.repeat(62)}^${'è'.repeat(62)}=${'Ø'.repeat(60)}`;
    const stored = await onSqlite.storeFile(
      buildInstance({
        study: '2.25.999999.60',
        series: '2.25.1',
        instance: '2.25.3',
        charset: 'utf8',
        patientId: 'IPP-É',
        elements: [
          ['00100010', 'PN', longName],
          ['00100021', 'LO', 'HOPITAL'],
          oid('1.2.250.1.999999.1'),
          [
            '00101002',
            'SQ',
            [[['00100020', 'LO', '199017512345657'], ['00100021', 'LO', 'INS'], oid('1.2.250.1.213.1.4.10')]],
          ],
          ['00101005', 'PN', 'NAISSANCE^ZOÉ'],
          [
            '00080051',
            'SQ',
            [
              [
                ['00400031', 'UT', 'RIS'],
                ['00400032', 'UT', '1.2.250.1.999999.2'],
                ['00400033', 'CS', 'ISO'],
              ],
            ],
          ],
        ],
      }),
    );
    expect(await sqliteClient.readObjectIdentity(stored.instanceId)).toEqual({
      studyInstanceUid: '2.25.999999.60',
      seriesInstanceUid: '2.25.1',
      sopInstanceUid: '2.25.3',
      patientId: 'IPP-É',
      issuerOfPatientId: 'HOPITAL',
      issuerOfPatientIdOid: '1.2.250.1.999999.1',
      otherPatientIds: [{ id: '199017512345657', issuer: 'INS', issuerOid: '1.2.250.1.213.1.4.10' }],
      patientName: longName,
      patientBirthName: 'NAISSANCE^ZOÉ',
      birthDate: '19751231',
      sex: 'F',
      accessionNumber: 'ACC-001',
      accessionIssuer: 'RIS',
      accessionIssuerOid: '1.2.250.1.999999.2',
      specificCharacterSet: 'ISO_IR 192',
    });
  });

  it('reads a rejection note: title and what it rejects (C3)', async () => {
    const found = await sql.lookup(rich);
    const note = found.kind === 'found' ? found.study.series.find(({ modality }) => modality === 'KO') : undefined;
    expect(await client.readKeyObject(note?.instances[0]?.orthancId ?? '')).toEqual({
      sopInstanceUid: `${rich}.5.1`,
      studyInstanceUid: rich,
      titleCode: '113001',
      references: [`${rich}.1.3`, `${rich}.1.4`],
    });
  });

  it('finds a control study, the study of a series or an instance, and says who it is (D1, D2)', async () => {
    const control = await client.findControlStudy();
    expect(await sql.lookup(control?.studyInstanceUid ?? rich)).not.toEqual({ kind: 'absent' });
    const [study] = await client.findStudies(rich);
    const [series] = await client.listSeries(study?.ID ?? '');
    expect(await client.resolveStudyOf('study', study?.ID ?? '')).toBe(rich);
    expect(await client.resolveStudyOf('series', series?.ID ?? '')).toBe(rich);
    expect(await client.resolveStudyOf('instance', series?.Instances[0] ?? '')).toBe(rich);
    expect(await client.resolveStudyOf('study', '0'.repeat(8).concat('-00000000'.repeat(4)))).toBeUndefined();
    expect((await client.system()).version.startsWith(version)).toBe(true);
    expect((await client.statistics()).studies).toBeGreaterThan(4);
    const before = await client.databaseIdentity();
    await onPostgres.storeFile(buildInstance({ study: '2.25.999999.70', series: '2.25.1', instance: '2.25.4' }));
    expect((await client.databaseIdentity()).lastChange).toBeGreaterThan(before.lastChange);
    expect(before).not.toHaveProperty('marker');
  });

  it('has a number of changes that never goes backwards: stored, deleted, all deleted, log emptied, killed (D2)', async () => {
    const seen: number[] = [];
    for (const index of ['sqlite', { postgresUrl: await postgres.createDatabase(`${database}_changes`) }] as const) {
      let orthanc = await startOrthanc({ version, index });
      const note = async (): Promise<void> => {
        const asked = clientOf(orthanc.url);
        seen.push((await asked.databaseIdentity()).lastChange);
        await asked.close();
      };
      const before = seen.length;
      await note();
      await orthanc.storeFiles(buildSeries(rich, `${rich}.1`, 2));
      const [last] = await orthanc.storeFiles(buildSeries(twice, `${twice}.1`, 2, { patientId: 'IPP-0002' }));
      await note();
      await orthanc.remove('studies', last?.studyId ?? '');
      await note();
      // What `/changes?last` calls the last change went backwards here.
      const [told, counted] = [(await orthanc.getJson<{ Last: number }>('/changes?last')).Last, seen.at(-1) ?? 0];
      expect(told).toBeLessThan(counted);
      await orthanc.removeEverything();
      await note();
      await orthanc.call('DELETE', '/changes');
      await note();
      await orthanc.kill();
      orthanc = await orthanc.restart();
      await note();
      await orthanc.discard();
      const steps = seen.slice(before);
      expect(steps).toEqual(steps.toSorted((a, b) => a - b));
      expect(steps[1]).toBeGreaterThan(steps[0] ?? 0);
    }
  });

  it('is read by a role that can write nothing', async () => {
    const role = new pg.Client({ connectionString: postgres.url(database, 'drimbox_reader') });
    await role.connect();
    await expect(role.query('DELETE FROM resources')).rejects.toThrow();
    await role.query('SET default_transaction_read_only = off');
    await expect(role.query('DELETE FROM resources')).rejects.toMatchObject({ code: '42501' });
    await expect(role.query('SELECT * FROM attachedfiles')).rejects.toMatchObject({ code: '42501' });
    await role.end();
  });
});
