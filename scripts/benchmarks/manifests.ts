/** Content of a study and its manifest, by SQL and by REST, on an Orthanc whose index is in PostgreSQL. */
import { randomUUID } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { buildManifest, selectManifestInstances, type ManifestContent } from '../../plugin/kos/index.ts';
import {
  createOrthancClient,
  createRestStudyIndex,
  createSqlStudyIndex,
  orthancOptions,
  type StudyContent,
  type StudyIndex,
} from '../../plugin/orthanc/index.ts';
import { parseStudyInstanceUid } from '../../plugin/standards/index.ts';
import { inventedOrganization, inventedPatient } from '../../test/fixtures/report/build-cda.ts';
import { buildLargeCtStudy } from '../../test/fixtures/dicom/index.ts';
import { startOrthanc } from '../../test/peers/orthanc/index.ts';
import { startPostgres } from '../../test/peers/postgres/index.ts';
import { judge, median, milliseconds, type BenchSettings, type Figure } from './figures.ts';

const contentOf = (study: StudyContent): ManifestContent => ({
  patient: {
    ins: inventedPatient.ins[0] as ManifestContent['patient']['ins'],
    birthFamilyName: inventedPatient.birthFamilyName,
    firstBirthGivenName: inventedPatient.firstBirthGivenName,
    birthGivenNames: inventedPatient.birthGivenNames,
    birthDate: inventedPatient.birthDate,
    sex: inventedPatient.sex,
    birthPlace: inventedPatient.birthPlace,
  },
  institution: inventedOrganization,
  study: {
    studyInstanceUid: study.studyInstanceUid,
    studyDate: study.studyDate,
    studyTime: study.studyTime,
    studyId: study.studyId,
    studyDescription: study.studyDescription,
    referringPhysicianName: study.referringPhysicianName,
  },
  orders: [{ accessionNumber: { value: study.accessionNumber, issuerOid: '1.2.250.1.999999.1.2' } }],
  actDisplayName: 'Scanner',
  series: selectManifestInstances(study.series, []),
  retrieveUrlBase: 'https://db.exemple.invalid/drimbox',
});

const stamp = () => ({
  sopInstanceUid: `2.25.${BigInt(`0x${randomUUID().replaceAll('-', '')}`)}`,
  seriesInstanceUid: `2.25.${BigInt(`0x${randomUUID().replaceAll('-', '')}`)}`,
  createdAtUtcMs: Date.now(),
  timeZone: 'Europe/Paris',
  instanceNumber: 1,
  manufacturer: 'EXEMPLE',
  softwareVersion: '0.0.0',
  implementationClassUid: '2.25.1',
});

interface Timing {
  readonly contentMs: number;
  readonly encodingMs: number;
  readonly totalMs: number;
}

const timeOnce = async (index: StudyIndex, uid: string, instanceCount: number): Promise<Timing> => {
  const from = performance.now();
  const found = await index.lookup(parseStudyInstanceUid(uid));
  if (found.kind !== 'found') throw new Error(`the study is ${found.kind}`);
  const between = performance.now();
  buildManifest(contentOf(found.study), stamp());
  const to = performance.now();
  const count = found.study.series.reduce((sum, series) => sum + series.instances.length, 0);
  if (count !== instanceCount) throw new Error(`${count} instances instead of ${instanceCount}`);
  return { contentMs: between - from, encodingMs: to - between, totalMs: to - from };
};

/** Medians after one look that warms everything up, as a look at a study is never the first of a process. */
const timeReader = async (index: StudyIndex, uid: string, instances: number, rounds: number): Promise<Timing> => {
  await timeOnce(index, uid, instances);
  const timings: Timing[] = [];
  for (let round = 0; round < rounds; round += 1) timings.push(await timeOnce(index, uid, instances));
  return {
    contentMs: median(timings.map(({ contentMs }) => contentMs)),
    encodingMs: median(timings.map(({ encodingMs }) => encodingMs)),
    totalMs: median(timings.map(({ totalMs }) => totalMs)),
  };
};

const figuresOf = (instances: number, sql: Timing, rest: Timing): readonly Figure[] => {
  const what = `manifest of ${instances.toLocaleString('en')} instances`;
  const detail = ({ contentMs, encodingMs }: Timing): string =>
    ` (content ${milliseconds(contentMs)}, encoding ${milliseconds(encodingMs)})`;
  const bySql = judge(`${what} by SQL`, sql.totalMs, milliseconds, instances === 2000 ? { below: 150 } : undefined);
  const byRest = judge(`${what} by REST`, rest.totalMs, milliseconds);
  return [
    { ...bySql, measured: bySql.measured + detail(sql) },
    { ...byRest, measured: byRest.measured + detail(rest) },
    judge(`${what}: content, REST ÷ SQL`, rest.contentMs / sql.contentMs, (value) => `${value.toFixed(1)} times`, {
      atLeast: 10,
    }),
  ];
};

/** Reader role as an administrator would make it. */
const readerSql = `
  CREATE ROLE drimbox_reader LOGIN; ALTER ROLE drimbox_reader SET default_transaction_read_only = on;
  GRANT USAGE ON SCHEMA public TO drimbox_reader;
  GRANT SELECT ON resources, maindicomtags, dicomidentifiers, metadata, globalproperties TO drimbox_reader;
  ANALYZE;`;

export const measureManifests = async (settings: BenchSettings): Promise<readonly Figure[]> => {
  const sizes = settings.isQuick ? [200, 2000] : [200, 2000, 10_000];
  const folder = mkdtempSync(join(tmpdir(), 'drimbox-bench-'));
  const secretFile = join(folder, 'secret');
  writeFileSync(secretFile, 'invented-secret-of-the-bench', { mode: 0o600 });
  const postgres = await startPostgres();
  const orthanc = await startOrthanc({
    version: settings.orthanc,
    index: { postgresUrl: await postgres.createDatabase('orthanc') },
  });
  try {
    const studies = sizes.map((instanceCount, at) => buildLargeCtStudy({ instanceCount, number: at + 1 }));
    for (const study of studies) {
      console.log(`bench: storing ${study.length} instances`);
      await orthanc.storeFiles(study.map(({ bytes }) => bytes));
    }
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
    const figures: Figure[] = [];
    for (const study of studies) {
      const uid = study[0]?.studyInstanceUid ?? '';
      const rounds = study.length > 5000 ? 3 : 7;
      figures.push(
        ...figuresOf(
          study.length,
          await timeReader(sql, uid, study.length, rounds),
          await timeReader(createRestStudyIndex(client), uid, study.length, rounds),
        ),
      );
    }
    await Promise.all([sql.close(), client.close()]);
    return figures;
  } finally {
    await orthanc.discard();
    await postgres.kill();
    rmSync(folder, { recursive: true, force: true });
  }
};
