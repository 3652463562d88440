/** From a change of a published study to the DMP: an image deleted in Orthanc, a report that hides it; and looks per second. */
import { buildExamination, type Examination } from '../../test/fixtures/examination.ts';
import { startPostgres, type Postgres } from '../../test/peers/postgres/index.ts';
import { startSite, waitFor, type Site } from '../../test/peers/site/index.ts';
import { judge, milliseconds, percentile, type BenchSettings, type Figure } from './figures.ts';
import { sendLoad } from './message-load.ts';

const versionsOf = async (site: Site, uid: string) =>
  (await site.dmp.entries()).filter((entry) => entry.kind === 'kos' && entry.studyInstanceUid === uid);

/** When the study's manifest of that version came to the registry, milliseconds since 1970. */
const arrivalOf = (site: Site, uid: string, version: number): Promise<number> =>
  waitFor(`version ${version}`, async () => (await versionsOf(site, uid))[version - 1]?.receivedAtUtcMs, 60_000);

const publish = async (site: Site, first: number, count: number): Promise<readonly Examination[]> => {
  const examinations = Array.from({ length: count }, (_, index) =>
    buildExamination({ number: first + index, instancesPerSeries: 3, cda: { pdfBytes: 181_000 } }),
  );
  await site.orthanc.storeFiles(examinations.flatMap(({ instances }) => instances.map(({ bytes }) => bytes)));
  const messages = examinations.map(({ message }) => message);
  await sendLoad(site, messages, 4);
  for (const { studyInstanceUid } of examinations) await arrivalOf(site, studyInstanceUid, 1);
  return examinations;
};

const deleteOneImage = async (site: Site, { instances }: Examination): Promise<number> => {
  const { text } = await site.orthanc.call('POST', '/tools/find', {
    Level: 'Instance',
    Query: { SOPInstanceUID: instances[0]?.sopInstanceUid ?? '' },
  });
  const [id = ''] = JSON.parse(text) as string[];
  const at = Date.now();
  await site.orthanc.remove('instances', id);
  return at;
};

const measureDeletions = async (site: Site, examinations: readonly Examination[]): Promise<readonly Figure[]> => {
  const delays: number[] = [];
  for (const examination of examinations) {
    const at = await deleteOneImage(site, examination);
    delays.push((await arrivalOf(site, examination.studyInstanceUid, 2)) - at);
  }
  const what = 'image deleted in Orthanc → replaced in the registry';
  return [
    judge(`${what}: p50`, percentile(delays, 0.5), milliseconds),
    judge(`${what}: p95`, percentile(delays, 0.95), milliseconds),
  ];
};

const measureReplacements = async (site: Site, numbers: readonly number[]): Promise<readonly Figure[]> => {
  const delays: number[] = [];
  for (const number of numbers) {
    const { message, studyInstanceUid } = buildExamination({
      number,
      instancesPerSeries: 3,
      cda: { pdfBytes: 181_000 },
      message: { action: 'replace', controlId: `HIDE${number}`, flags: { INVISIBLE_PATIENT: 'Y' } },
    });
    const { acknowledgedAtUtcMs } = await sendLoad(site, [message], 1);
    delays.push((await arrivalOf(site, studyInstanceUid, 3)) - (acknowledgedAtUtcMs[0] ?? Number.NaN));
  }
  const what = 'hiding report acknowledged → replaced in the registry';
  return [
    judge(`${what}: p50`, percentile(delays, 0.5), milliseconds),
    judge(`${what}: p95`, percentile(delays, 0.95), milliseconds),
  ];
};

/** Every study looked at once more, nothing to do: what a hint costs that changes nothing. */
const measureLooks = async (postgres: Postgres, count: number): Promise<Figure> => {
  const query = (sql: string) => postgres.run(sql, 'drimbox');
  const from = performance.now();
  await query(`UPDATE study SET look_due_at_utc_ms = 1, look_number = look_number + 1`);
  await waitFor(
    'every look',
    async () => {
      const [row] = await query(`SELECT count(*)::int AS due FROM study WHERE look_due_at_utc_ms IS NOT NULL`);
      return row?.['due'] === 0 ? true : undefined;
    },
    120_000,
  );
  const perSecond = (count * 1000) / (performance.now() - from);
  return judge('studies reconciled, nothing changed', perSecond, (value) => `${value.toFixed(1)}/s`);
};

export const measureUpdates = async ({ isQuick, orthanc }: BenchSettings): Promise<readonly Figure[]> => {
  const postgres = await startPostgres({ durable: true });
  try {
    const store = await postgres.createDatabase('drimbox');
    const site = await startSite({
      store,
      orthanc: { version: orthanc },
      section: { Publication: { StabilitySeconds: 0 } },
    });
    try {
      const count = isQuick ? 5 : 20;
      const examinations = await publish(site, 1, count);
      const deletions = await measureDeletions(site, examinations);
      const replacements = await measureReplacements(
        site,
        examinations.map((_, index) => index + 1),
      );
      const further = isQuick ? 20 : 180;
      await publish(site, 1000, further);
      return [...deletions, ...replacements, await measureLooks(postgres, count + further)];
    } finally {
      await site.stop();
    }
  } finally {
    await postgres.kill();
  }
};
