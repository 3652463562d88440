/**
 * A series of 600 CT slices (512², 315 MB) as another DRIMbox fetches it: first byte, whole series, memory; beside Orthanc's own
 * DICOMweb plugin on the same Orthanc. curl is the client, in a process of its own.
 */
import { execFile } from 'node:child_process';
import { randomBytes, randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { createServer, type RequestListener, type Server } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import { mkdtemp, rm } from 'node:fs/promises';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createAudit } from '../../plugin/audit/index.ts';
import {
  createOrthancClient,
  createRestStudyIndex,
  createStoredFiles,
  orthancOptions,
} from '../../plugin/orthanc/index.ts';
import { createTranscoder, renditionOptions } from '../../plugin/renditions/index.ts';
import { parseStudyInstanceUid } from '../../plugin/standards/index.ts';
import {
  createAdmission,
  createImageServing,
  createMetadataServing,
  createOrthancImages,
  createRetrieveService,
  createWorkshop,
} from '../../plugin/wado/index.ts';
import { buildCtInstance, inventedSeries } from '../../test/fixtures/dicom/index.ts';
import { buildExamination, examinationStudy } from '../../test/fixtures/examination.ts';
import { createBench, makeSigningIdentity, pacsStudy } from '../../test/fixtures/publication/index.ts';
import { openTestStore, type TestStore } from '../../test/fixtures/store/index.ts';
import { makeCa } from '../../test/peers/ca/make-ca.ts';
import { type OrthancPeer, startOrthanc } from '../../test/peers/orthanc/index.ts';
import { type BenchSettings, type Figure, judge, median, milliseconds } from './figures.ts';

const sliceCount = 600;
const anySyntax = 'multipart/related; type="application/dicom"; transfer-syntax=*';
const only = (uid: string): string => `multipart/related; type="application/dicom"; transfer-syntax=${uid}`;

interface Fetched {
  readonly firstByteMs: number;
  readonly totalMs: number;
  readonly bytes: number;
}

const fetchByCurl = (url: string, headers: readonly string[]): Promise<Fetched> =>
  new Promise((resolve, reject) => {
    const format = '%{http_code} %{time_starttransfer} %{time_total} %{size_download}';
    const parameters = ['-sk', '-o', '/dev/null', '-w', format, ...headers.flatMap((one) => ['-H', one]), url];
    execFile('curl', parameters, (error, stdout) => {
      const [status, first, total, bytes] = stdout.split(' ').map(Number);
      if (error !== null || status !== 200) reject(new Error(`curl: ${stdout} ${error?.message ?? ''}`));
      else resolve({ firstByteMs: (first ?? 0) * 1000, totalMs: (total ?? 0) * 1000, bytes: bytes ?? 0 });
    });
  });

const megabytesPerSecond = (value: number): string => `${Math.round(value)} MB/s`;
const speedOf = ({ bytes, totalMs }: Fetched): number => bytes / 1000 / totalMs;

const listen = (server: Server): Promise<number> =>
  new Promise((resolve) => {
    server.listen(0, '127.0.0.1', () => resolve((server.address() as AddressInfo).port));
  });

/** The slices in Orthanc, and their manifest in an archive, as after a publication. */
const publish = async (opened: TestStore, orthanc: OrthancPeer) => {
  const study = examinationStudy(1);
  const series = inventedSeries(study, 1, 'CT');
  for (let from = 0; from < sliceCount; from += 50) {
    const some = Array.from({ length: 50 }, (_, at) => buildCtInstance(study, series, from + at + 1, 512).bytes);
    await orthanc.storeFiles(some);
  }
  const client = createOrthancClient(orthancOptions.parse({ url: orthanc.url, hook: { secretFile: '/dev/null' } }));
  const found = await createRestStudyIndex(client).lookup(parseStudyInstanceUid(study.studyInstanceUid));
  if (found.kind !== 'found') throw new Error(`the study is ${found.kind}`);
  const bench = createBench(opened.store, makeSigningIdentity());
  const [identity] = pacsStudy(1).identities.values();
  if (identity === undefined) throw new Error('no identity');
  const first = found.study.series[0]?.instances[0]?.orthancId ?? '';
  bench.pacs.put({ study: found.study, identities: new Map([[first, identity]]), keyObjects: new Map() });
  await bench.take(buildExamination().message);
  const { state, reasonCode } = (await bench.look(study.studyInstanceUid)).study;
  if (state !== 'published') throw new Error(`the study is ${state} ${reasonCode ?? ''}`);
  const [{ document_uid: kosUid }] = await opened.store.knex('submission').select('document_uid');
  const path = `/studies/${study.studyInstanceUid}/series/${series.seriesInstanceUid}`;
  return { client, path, kosUid: kosUid as string };
};

const serviceOn = (
  opened: TestStore,
  orthanc: OrthancPeer,
  client: Awaited<ReturnType<typeof publish>>['client'],
  threads: number,
) => {
  const folder = join(orthanc.folder, 'storage');
  const transcoder = createTranscoder({ ...renditionOptions.parse({}), threads });
  const monotonic = (): number => performance.now();
  const log = { warn: () => undefined };
  const ports = {
    images: createOrthancImages(client, createStoredFiles(client, { folder, clock: monotonic })),
    workshop: createWorkshop({ transcoder }),
    monotonic,
    randomBytes,
    ahead: Math.max(4, threads * 2),
    retrieveUrlBase: 'https://db.exemple.invalid',
  };
  const answer = createRetrieveService({
    store: opened.store,
    audit: createAudit({ store: opened.store, clock: Date.now, log }),
    gate: {
      identifyPeer: () => Promise.resolve({ kind: 'accepted', known: { key: 'bench', subject: 'CN=bench' } }),
      identifyProfessional: () =>
        Promise.resolve({ kind: 'accepted', known: { nationalId: '899900000099', clientId: 'bench' } }),
    },
    admission: createAdmission({ total: 32, perPeer: 32, maxQueued: 32, queueTimeoutMs: 60_000 }, monotonic),
    images: ports.images,
    serveImages: createImageServing(ports),
    serveMetadata: createMetadataServing(ports),
    basePaths: ['/'],
    monotonic,
    newCorrelationId: randomUUID,
    keepEvents: () => undefined,
    log,
  });
  const listener: RequestListener = (request, response) => void answer(request, response);
  return { listener, close: () => transcoder.close() };
};

const repeat = async (times: number, work: () => Promise<Fetched>): Promise<readonly Fetched[]> => {
  const all: Fetched[] = [];
  for (let time = 0; time < times; time += 1) all.push(await work());
  return all;
};

const compare = async (
  name: string,
  rounds: number,
  ours: () => Promise<Fetched>,
  theirs: () => Promise<Fetched>,
): Promise<readonly Figure[]> => {
  const cold = await ours();
  const [our, their] = [await repeat(rounds, ours), await repeat(rounds, theirs)];
  const firstByte = (all: readonly Fetched[]): number => median(all.map(({ firstByteMs }) => firstByteMs));
  const speed = (all: readonly Fetched[]): number => median(all.map(speedOf));
  const ratio = (value: number): string => value.toFixed(2);
  return [
    judge(`${name}: first byte, ours, nothing remembered`, cold.firstByteMs, milliseconds),
    judge(`${name}: first byte, ours`, firstByte(our), milliseconds),
    judge(`${name}: first byte, DICOMweb plugin`, firstByte(their), milliseconds),
    judge(`${name}: first byte, ours ÷ plugin`, firstByte(our) / firstByte(their), ratio, { below: 0.2 }),
    judge(`${name}: ours`, speed(our), megabytesPerSecond),
    judge(`${name}: bytes, ours`, our[0]?.bytes ?? 0, String),
    judge(`${name}: bytes, plugin`, their[0]?.bytes ?? 0, String),
    judge(`${name}: DICOMweb plugin`, speed(their), megabytesPerSecond),
    judge(`${name}: throughput, ours ÷ plugin`, speed(our) / speed(their), ratio, { atLeast: 1.5 }),
  ];
};

const many = async (name: string, clients: number, ours: () => Promise<Fetched>): Promise<readonly Figure[]> => {
  let most = 0;
  const watch = setInterval(() => {
    most = Math.max(most, process.memoryUsage().rss);
  }, 100);
  const from = performance.now();
  const all = await Promise.all(Array.from({ length: clients }, ours));
  const seconds = (performance.now() - from) / 1000;
  clearInterval(watch);
  const bytes = all.reduce((sum, one) => sum + one.bytes, 0);
  return [
    judge(`${name}: ${clients} clients`, bytes / 1e6 / seconds, megabytesPerSecond),
    judge(`${name}: ${clients} clients, first byte`, median(all.map((one) => one.firstByteMs)), milliseconds),
    // The bench is the server, its fixtures and its embedded database.
    judge(`${name}: ${clients} clients, memory`, most / 2 ** 20, (value) => `${Math.round(value)} MB`, { below: 500 }),
  ];
};

export const measureImages = async ({ isQuick, orthanc: version }: BenchSettings): Promise<readonly Figure[]> => {
  const rounds = isQuick ? 2 : 5;
  const opened = await openTestStore();
  const orthanc = await startOrthanc({ version, dicomWeb: true });
  const caFolder = await mkdtemp(join(tmpdir(), 'drimbox-bench-ca-'));
  const figures: Figure[] = [];
  try {
    const { client, path, kosUid } = await publish(opened, orthanc);
    const service = serviceOn(opened, orthanc, client, 2);
    const plain = createServer(service.listener);
    const { server: credential } = await makeCa(caFolder);
    const tls = createTlsServer(
      { cert: readFileSync(credential.certificateFile), key: readFileSync(credential.keyFile) },
      service.listener,
    );
    const [port, tlsPort] = [await listen(plain), await listen(tls)];
    const headers = (accept: string): readonly string[] => [`Accept: ${accept}`, `KOS-SOPInstanceUID: ${kosUid}`];
    const ours = (accept = anySyntax) => fetchByCurl(`http://127.0.0.1:${port}${path}`, headers(accept));
    const oursByTls = () => fetchByCurl(`https://127.0.0.1:${tlsPort}${path}`, headers(anySyntax));
    const theirs = () => fetchByCurl(`${orthanc.url}/dicom-web${path}`, [`Accept: ${anySyntax}`]);
    figures.push(...(await compare('600 slices, HTTP', rounds, () => ours(), theirs)));
    const byTls = await repeat(rounds, oursByTls);
    figures.push(judge('600 slices, TLS', median(byTls.map(speedOf)), megabytesPerSecond, { atLeast: 150 }));
    figures.push(...(await many('600 slices, HTTP', isQuick ? 4 : 20, () => ours())));
    const syntaxes = { 'JPEG-LS': '1.2.840.10008.1.2.4.80', 'JPEG lossless': '1.2.840.10008.1.2.4.70' } as const;
    for (const [name, uid] of Object.entries(syntaxes)) {
      const made = await ours(only(uid));
      figures.push(
        judge(`${name}, 2 threads: slices/s`, (sliceCount * 1000) / made.totalMs, (value) => value.toFixed(0)),
      );
      figures.push(judge(`${name}: first byte`, made.firstByteMs, milliseconds));
    }
    plain.close();
    tls.close();
    await service.close();
  } finally {
    await orthanc.discard();
    await opened.close();
    await rm(caFolder, { recursive: true, force: true });
  }
  return figures;
};
