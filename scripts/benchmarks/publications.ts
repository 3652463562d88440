/** From the report's AA to the manifest in the registry of the stand-in, whose checks run on the same processors. */
import { startPostgres } from '../../test/peers/postgres/index.ts';
import { startSite, waitFor, type Site } from '../../test/peers/site/index.ts';
import { buildExamination } from '../../test/fixtures/examination.ts';
import { judge, milliseconds, percentile, type BenchSettings, type Figure } from './figures.ts';
import { sendLoad } from './message-load.ts';

/** When each study's manifest was registered, milliseconds since 1970; waits until all are. */
const publishedAt = (site: Site, uids: readonly string[]): Promise<readonly number[]> =>
  waitFor(
    'all manifests',
    async () => {
      const entries = (await site.dmp.entries()).filter(({ kind }) => kind === 'kos');
      const byStudy = new Map(entries.map((entry) => [entry.studyInstanceUid, entry.receivedAtUtcMs]));
      const times = uids.flatMap((uid) => byStudy.get(uid) ?? []);
      return times.length === uids.length ? times : undefined;
    },
    180_000,
  );

const examinationsFrom = (first: number, count: number) =>
  Array.from({ length: count }, (_, index) =>
    buildExamination({ number: first + index, instancesPerSeries: 3, cda: { pdfBytes: 181_000 } }),
  );

/** One report at a time: the next one when the manifest of the last is there. */
const measureSingly = async (site: Site, count: number): Promise<Figure> => {
  const delays: number[] = [];
  for (const examination of examinationsFrom(1, count)) {
    await site.orthanc.storeFiles(examination.instances.map(({ bytes }) => bytes));
    const { acknowledgedAtUtcMs } = await sendLoad(site, [examination.message], 1);
    const [at = Number.NaN] = await publishedAt(site, [examination.studyInstanceUid]);
    delays.push(at - (acknowledgedAtUtcMs[0] ?? Number.NaN));
  }
  return judge('report acknowledged → in the registry, one at a time: p50', percentile(delays, 0.5), milliseconds);
};

const measureTogether = async (site: Site, count: number): Promise<readonly Figure[]> => {
  const examinations = examinationsFrom(1000, count);
  await site.orthanc.storeFiles(examinations.flatMap(({ instances }) => instances.map(({ bytes }) => bytes)));
  const from = Date.now();
  const uids = examinations.map(({ studyInstanceUid }) => studyInstanceUid);
  const { acknowledgedAtUtcMs } = await sendLoad(
    site,
    examinations.map(({ message }) => message),
    10,
  );
  const times = await publishedAt(site, uids);
  const delays = times.map((at, index) => at - (acknowledgedAtUtcMs[index] ?? Number.NaN));
  const perSecond = (count * 1000) / (Math.max(...times) - from);
  return [
    judge(`${count} reports at once, → in the registry: p95`, percentile(delays, 0.95), milliseconds),
    judge(`${count} reports at once: published`, perSecond, (value) => `${value.toFixed(1)}/s`),
  ];
};

export const measurePublications = async ({ isQuick, orthanc }: BenchSettings): Promise<readonly Figure[]> => {
  const postgres = await startPostgres({ durable: true });
  try {
    const site = await startSite({
      store: await postgres.createDatabase('drimbox'),
      orthanc: { version: orthanc },
      section: { Publication: { StabilitySeconds: 0 } },
    });
    try {
      return [await measureSingly(site, isQuick ? 5 : 15), ...(await measureTogether(site, isQuick ? 40 : 150))];
    } finally {
      await site.stop();
    }
  } finally {
    await postgres.kill();
  }
};
