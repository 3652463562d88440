/**
 * Series of CT slices (512², 525 kB each) as another DRIMbox fetches them: first byte, whole series, memory; beside Orthanc's own
 * DICOMweb plugin on the same Orthanc, with its index in SQLite and in PostgreSQL. The server and its client (curl) are processes
 * of their own.
 */
import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { createInterface } from 'node:readline';
import { buildCtInstance, inventedSeries } from '../../test/fixtures/dicom/index.ts';
import { examinationStudy } from '../../test/fixtures/examination.ts';
import { makeCa, type TestCa } from '../../test/peers/ca/make-ca.ts';
import { type OrthancPeer, startOrthanc } from '../../test/peers/orthanc/index.ts';
import { startPostgres } from '../../test/peers/postgres/index.ts';
import { type BenchSettings, type Figure, judge, median, milliseconds } from './figures.ts';
import type { ImageServerOrder, ImageServerReady } from './image-server.ts';
import { mebibytes, processorMs, residentMebibytes } from './process-figures.ts';
import { publishStudies } from './published-studies.ts';

const project = resolve(import.meta.dirname, '../..');
const threads = 2;
const clientCount = 20;
const anySyntax = 'multipart/related; type="application/dicom"; transfer-syntax=*';
const only = (uid: string): string => `multipart/related; type="application/dicom"; transfer-syntax=${uid}`;
/** What every DRIMbox sends, as the national sample has it. */
const nationalAccept = readFileSync(join(project, 'test/fixtures/wado/accept-national-lossless.txt'), 'utf8').trim();

interface Fetched {
  readonly firstByteMs: number;
  readonly totalMs: number;
  readonly bytes: number;
}

const fetchByCurl = (url: string, headers: readonly string[], options: readonly string[] = []): Promise<Fetched> =>
  new Promise((done, reject) => {
    const format = '%{http_code} %{time_starttransfer} %{time_total} %{size_download}';
    const heads = headers.flatMap((one) => ['-H', one]);
    const parameters = ['-s', '-o', '/dev/null', '-w', format, ...options, ...heads, url];
    execFile('curl', parameters, (error, stdout) => {
      const [status, first, total, bytes] = stdout.split(' ').map(Number);
      if (error !== null || status !== 200) reject(new Error(`curl: ${stdout} ${error?.message ?? ''}`));
      else done({ firstByteMs: (first ?? 0) * 1000, totalMs: (total ?? 0) * 1000, bytes: bytes ?? 0 });
    });
  });

const megabytesPerSecond = (value: number): string => `${Math.round(value)} MB/s`;
const perSecond = (value: number): string => `${Math.round(value)} /s`;
const ratio = (value: number): string => value.toFixed(2);
const speedOf = ({ bytes, totalMs }: Fetched): number => bytes / 1000 / totalMs;
const firstByteOf = (all: readonly Fetched[]): number => median(all.map(({ firstByteMs }) => firstByteMs));
const medianSpeed = (all: readonly Fetched[]): number => median(all.map(speedOf));

const repeat = async (times: number, work: () => Promise<Fetched>): Promise<readonly Fetched[]> => {
  const all: Fetched[] = [];
  for (let time = 0; time < times; time += 1) all.push(await work());
  return all;
};

// The server ---------------------------------------------------------------------------------------------------------

interface ImageServer extends ImageServerReady {
  readonly pid: number;
  stop(): Promise<void>;
}

const startImageServer = async (order: ImageServerOrder): Promise<ImageServer> => {
  const program = join(import.meta.dirname, 'image-server.ts');
  // As scripts/drimbox starts the service.
  const child = spawn(process.execPath, ['--max-semi-space-size=8', ...profiling(), program, JSON.stringify(order)], {
    stdio: ['pipe', 'pipe', 'inherit'],
    env: {
      ...process.env,
      MALLOC_ARENA_MAX: '2',
      MALLOC_MMAP_THRESHOLD_: '1048576',
      MALLOC_TRIM_THRESHOLD_: '1048576',
    },
  });
  const ended = once(child, 'exit');
  for await (const line of createInterface({ input: child.stdout })) {
    if (!line.startsWith('{')) continue;
    const stop = async (): Promise<void> => {
      child.stdin.end();
      await ended;
    };
    return { ...(JSON.parse(line) as ImageServerReady), pid: child.pid ?? 0, stop };
  }
  throw new Error('the server of images has not started: what it printed says why');
};

/** `DRIMBOX_BENCH_PROFILE=FOLDER`: where the processor's time goes, for Chromium's developer tools. */
const profiling = (): readonly string[] => {
  const folder = process.env['DRIMBOX_BENCH_PROFILE'];
  return folder === undefined ? [] : ['--cpu-prof', `--cpu-prof-dir=${folder}`];
};

// What is measured ---------------------------------------------------------------------------------------------------

interface Site {
  /** Of the index: SQLite or PostgreSQL. */
  readonly name: string;
  readonly rounds: number;
  readonly orthanc: OrthancPeer;
  readonly server: ImageServer;
  readonly ca: TestCa;
}

interface Study {
  readonly number: number;
  readonly slices: number;
  readonly path: string;
  readonly kosUid: string;
}

const ours = ({ server }: Site, { path, kosUid }: Study, accept = anySyntax): Promise<Fetched> =>
  fetchByCurl(`http://127.0.0.1:${server.port}${path}`, [`Accept: ${accept}`, `KOS-SOPInstanceUID: ${kosUid}`]);

const theirs = ({ orthanc }: Site, { path }: Study, accept = anySyntax): Promise<Fetched> =>
  fetchByCurl(`${orthanc.url}/dicom-web${path}`, [`Accept: ${accept}`]);

const oursByMutualTls = ({ server, ca }: Site, { path, kosUid }: Study): Promise<Fetched> => {
  const [credential] = Object.values(ca.structures);
  if (credential === undefined) throw new Error('the authority certified nobody');
  const { certificateFile, keyFile } = credential.authCli;
  return fetchByCurl(
    `https://127.0.0.1:${server.tlsPort}${path}`,
    [`Accept: ${anySyntax}`, `KOS-SOPInstanceUID: ${kosUid}`],
    ['--cacert', ca.chainFile, '--cert', certificateFile, '--key', keyFile],
  );
};

/** Both in turn, so that what disturbs one disturbs the other. */
const compareAsStored = async (site: Site, study: Study): Promise<readonly Figure[]> => {
  const name = `${site.name}, ${study.slices} slices`;
  const cold = await ours(site, study);
  await theirs(site, study);
  const our: Fetched[] = [];
  const their: Fetched[] = [];
  const startedMs = processorMs(site.server.pid);
  for (let round = 0; round < site.rounds; round += 1) {
    our.push(await ours(site, study));
    their.push(await theirs(site, study));
  }
  const bytes = our.reduce((sum, one) => sum + one.bytes, 0);
  const processor = (processorMs(site.server.pid) - startedMs) / (bytes / 1e6);
  return [
    judge(`${name}: first byte, ours, nothing remembered`, cold.firstByteMs, milliseconds),
    judge(`${name}: first byte, ours`, firstByteOf(our), milliseconds),
    judge(`${name}: first byte, plugin`, firstByteOf(their), milliseconds),
    judge(`${name}: first byte, ours ÷ plugin`, firstByteOf(our) / firstByteOf(their), ratio, { below: 0.2 }),
    judge(`${name}: ours`, medianSpeed(our), megabytesPerSecond),
    judge(`${name}: plugin`, medianSpeed(their), megabytesPerSecond),
    judge(`${name}: throughput, ours ÷ plugin`, medianSpeed(our) / medianSpeed(their), ratio, { atLeast: 1.5 }),
    judge(`${name}: processor, ours, per MB`, processor, (value) => `${value.toFixed(2)} ms`),
  ];
};

/**
 * The request as DRIMboxes send it: JPEG lossless is the best both could make of it; the plugin of 1.10.1 takes the last
 * syntax instead, as stored.
 */
const compareNational = async (site: Site, study: Study): Promise<readonly Figure[]> => {
  const name = `${site.name}, ${study.slices} slices, national request`;
  const made = await ours(site, study, nationalAccept);
  const kept = await repeat(site.rounds, () => ours(site, study, nationalAccept));
  const their = await theirs(site, study, nationalAccept);
  const slices = ({ totalMs }: Fetched): number => (study.slices * 1000) / totalMs;
  return [
    judge(`${name}: first byte, ours, made now`, made.firstByteMs, milliseconds),
    judge(`${name}: first byte, ours, kept`, firstByteOf(kept), milliseconds),
    judge(`${name}: first byte, plugin`, their.firstByteMs, milliseconds),
    judge(`${name}: slices, ours, made now`, slices(made), perSecond),
    judge(`${name}: slices, ours, kept`, median(kept.map(slices)), perSecond),
    judge(`${name}: slices, plugin`, slices(their), perSecond),
    judge(`${name}: throughput, ours made now ÷ plugin`, slices(made) / slices(their), ratio),
    judge(`${name}: ours, kept`, medianSpeed(kept), megabytesPerSecond),
  ];
};

const measureTranscoding = async (site: Site, study: Study): Promise<readonly Figure[]> => {
  const asStored = await repeat(site.rounds, () => ours(site, study));
  const syntaxes = { 'JPEG-LS': '1.2.840.10008.1.2.4.80', 'JPEG 2000': '1.2.840.10008.1.2.4.90' } as const;
  const wanted = { 'JPEG-LS': 60 * threads, 'JPEG 2000': 15 * threads } as const;
  const slicesPerSecond = ({ totalMs }: Fetched): number => (study.slices * 1000) / totalMs;
  const slicesOf = (all: readonly Fetched[]): number => median(all.map(slicesPerSecond));
  const figures: Figure[] = [];
  for (const name of ['JPEG-LS', 'JPEG 2000'] as const) {
    const made = await ours(site, study, only(syntaxes[name]));
    const kept = await repeat(site.rounds, () => ours(site, study, only(syntaxes[name])));
    const slices = slicesPerSecond(made);
    figures.push(
      judge(`${name}, ${threads} threads: slices`, slices, perSecond, { atLeast: wanted[name] }),
      judge(`${name}: first byte, made now`, made.firstByteMs, milliseconds),
      judge(`${name}: kept, slices`, slicesOf(kept), perSecond),
      judge(`${name}: kept ÷ as stored, slices`, slicesOf(kept) / slicesOf(asStored), ratio, { atLeast: 0.8 }),
    );
  }
  return figures;
};

const measureMany = async (site: Site, study: Study): Promise<readonly Figure[]> => {
  const ways = { HTTP: ours, 'mutual TLS': oursByMutualTls } as const;
  const figures: Figure[] = [];
  for (const [name, fetch] of Object.entries(ways)) {
    let most = 0;
    const watch = setInterval(() => {
      most = Math.max(most, residentMebibytes(site.server.pid));
    }, 50);
    const from = performance.now();
    const all = await Promise.all(Array.from({ length: clientCount }, () => fetch(site, study)));
    const seconds = (performance.now() - from) / 1000;
    clearInterval(watch);
    const bytes = all.reduce((sum, one) => sum + one.bytes, 0);
    const what = `${site.name}, ${study.slices} slices, ${clientCount} clients, ${name}`;
    figures.push(
      judge(what, bytes / 1e6 / seconds, megabytesPerSecond),
      judge(`${what}: first byte`, firstByteOf(all), milliseconds),
      judge(`${what}: memory of the server`, most, mebibytes, { below: 500 }),
    );
  }
  const from = performance.now();
  const plugin = await Promise.all(Array.from({ length: clientCount }, () => theirs(site, study)));
  const bytes = plugin.reduce((sum, one) => sum + one.bytes, 0);
  const what = `${site.name}, ${study.slices} slices, ${clientCount} clients, plugin`;
  figures.push(
    judge(what, bytes / 1000 / (performance.now() - from), megabytesPerSecond),
    judge(`${what}: first byte`, firstByteOf(plugin), milliseconds),
  );
  return figures;
};

const measureMetadata = async (site: Site, study: Study): Promise<readonly Figure[]> => {
  const { server, orthanc } = site;
  const headers = ['Accept: application/dicom+json', `KOS-SOPInstanceUID: ${study.kosUid}`];
  const our = await repeat(3, () => fetchByCurl(`http://127.0.0.1:${server.port}${study.path}/metadata`, headers));
  const their = await repeat(3, () => fetchByCurl(`${orthanc.url}/dicom-web${study.path}/metadata`, headers));
  const total = (all: readonly Fetched[]): number => median(all.map(({ totalMs }) => totalMs));
  const name = `${site.name}, ${study.slices} slices, metadata`;
  return [judge(`${name}: ours`, total(our), milliseconds), judge(`${name}: plugin`, total(their), milliseconds)];
};

// Sites --------------------------------------------------------------------------------------------------------------

const storeStudy = async (orthanc: OrthancPeer, number: number, slices: number): Promise<string> => {
  const study = examinationStudy(number);
  const series = inventedSeries(study, 1, 'CT');
  for (let from = 0; from < slices; from += 50) {
    await orthanc.storeFiles(
      Array.from({ length: 50 }, (_, at) => buildCtInstance(study, series, from + at + 1, 512).bytes),
    );
  }
  return `/studies/${study.studyInstanceUid}/series/${series.seriesInstanceUid}`;
};

const measureSite = async (
  { isQuick, orthanc: version }: BenchSettings,
  postgres: { readonly indexUrl: string; readonly storeUrl: string } | undefined,
): Promise<readonly Figure[]> => {
  const index = postgres === undefined ? {} : { index: { postgresUrl: postgres.indexUrl } };
  const orthanc = await startOrthanc({ version, dicomWeb: true, ...index });
  const folder = await mkdtemp(join(tmpdir(), 'drimbox-bench-'));
  try {
    const ca = await makeCa(folder);
    const [structure] = Object.values(ca.structures);
    if (structure === undefined) throw new Error('the authority certified nobody');
    const sizes = isQuick ? [600] : [600, 1300];
    const paths: string[] = [];
    for (const [at, slices] of sizes.entries()) paths.push(await storeStudy(orthanc, at + 1, slices));
    const store = { url: postgres?.storeUrl ?? 'embedded', folder: join(folder, 'store') };
    await mkdir(store.folder);
    const numbers = sizes.map((_, at) => at + 1);
    const kosUids = await publishStudies(store, orthanc.url, numbers);
    const server = await startImageServer({
      orthancUrl: orthanc.url,
      orthancFolder: orthanc.folder,
      ...(postgres === undefined ? {} : { indexUrl: postgres.indexUrl }),
      store,
      threads,
      cacheFolder: join(folder, 'renditions'),
      tls: { ...structure.ssl, authorityFile: ca.chainFile },
    });
    try {
      const name = postgres === undefined ? 'SQLite' : 'PostgreSQL';
      const site = { name, rounds: isQuick ? 3 : 7, orthanc, server, ca };
      const studies = sizes.map(
        (slices, at): Study => ({
          number: at + 1,
          slices,
          path: paths[at] ?? '',
          kosUid: kosUids[at] ?? '',
        }),
      );
      const figures: Figure[] = [];
      for (const study of studies) figures.push(...(await compareAsStored(site, study)));
      const [study] = studies;
      if (study === undefined) throw new Error('no study');
      const byTls = await repeat(site.rounds, () => oursByMutualTls(site, study));
      figures.push(
        judge(`${name}, mutual TLS: ours`, medianSpeed(byTls), megabytesPerSecond, { atLeast: 150 }),
        judge(`${name}, mutual TLS: first byte, handshake included`, firstByteOf(byTls), milliseconds),
        ...(await measureMany(site, study)),
        ...(await measureMetadata(site, study)),
        ...(await compareNational(site, study)),
      );
      if (postgres === undefined) figures.push(...(await measureTranscoding(site, study)));
      return figures;
    } finally {
      await server.stop();
    }
  } finally {
    await orthanc.discard();
    await rm(folder, { recursive: true, force: true });
  }
};

export const measureImages = async (settings: BenchSettings): Promise<readonly Figure[]> => {
  const figures = [...(await measureSite(settings, undefined))];
  const postgres = await startPostgres();
  try {
    const indexUrl = await postgres.createDatabase('orthanc');
    figures.push(...(await measureSite(settings, { indexUrl, storeUrl: await postgres.createDatabase('drimbox') })));
  } finally {
    await postgres.kill();
  }
  return figures;
};
