/** The download as the listener gives it: what is announced, what is written down and when, and whoever leaves. All invented. */
import { createServer, request as httpRequest, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import type { ServedManifest } from '../../plugin/archive/index.ts';
import { asDrimboxError, DrimboxError } from '../../plugin/errors.ts';
import {
  createZipAnswer,
  type DownloadEnd,
  type Examination,
  type ZipAnswer,
} from '../../plugin/viewer-access/index.ts';
import type { ImageStore } from '../../plugin/wado/index.ts';
import { buildCtStudy } from '../fixtures/dicom/index.ts';
import { extract, unzipFindings } from '../fixtures/viewer-access/zip-judges.ts';
import { createZipStore, type ZipStore } from '../fixtures/viewer-access/zip-store.ts';
import { imagesOf, mixed, ports, spliced, study } from '../fixtures/viewer-access/zip-taking.ts';

/** How often each piece of memory was given back. */
const countReturns = (store: ImageStore) => {
  const counts: number[] = [];
  const counted = <Piece extends { readonly giveBack: () => void }>(piece: Piece): Piece => {
    const at = counts.push(0) - 1;
    const giveBack = (): void => {
      counts[at] = (counts[at] ?? 0) + 1;
      piece.giveBack();
    };
    return { ...piece, giveBack };
  };
  const images: ImageStore = {
    find: (...given) => store.find(...given),
    open: async (...given) => {
      const file = await store.open(...given);
      const { whole } = file;
      return {
        ...file,
        ...(whole === undefined ? {} : { whole: { ...whole, keep: () => counted(whole.keep()) } }),
        stream: async function* (...range) {
          for await (const piece of file.stream(...range)) yield counted(piece);
        },
      };
    },
  };
  return { images, counts };
};

interface Site {
  readonly url: string;
  readonly zip: ZipAnswer<never>;
  readonly examination: (grant?: string) => Examination<never>;
  /** What was written down, in order; `sent` stands for the head of an answer. */
  readonly noted: string[];
  readonly ends: DownloadEnd[];
  readonly failures: string[];
  readonly returns: readonly number[];
}

const servers: Server[] = [];
afterEach(() => {
  for (const server of servers.splice(0)) {
    server.closeAllConnections();
    server.close();
  }
});

interface SiteOptions {
  readonly begin?: () => Promise<void>;
  readonly idleMs?: number;
  /** Whether the examination is still open when the download asks. */
  readonly isOpen?: () => boolean;
  readonly recheckMs?: number;
  readonly monotonic?: () => number;
}

/** The grant is the first part of the path, as the listener would have read it. */
const startSite = async (
  stored: ZipStore,
  { begin, idleMs = 30_000, isOpen = () => true, recheckMs, monotonic = () => performance.now() }: SiteOptions = {},
): Promise<Site> => {
  const noted: string[] = [];
  const ends: DownloadEnd[] = [];
  const failures: string[] = [];
  const { images, counts } = countReturns(stored.store);
  let uids = 0;
  const zip = createZipAnswer<never>({
    ...ports(stored),
    monotonic,
    images,
    newUid: () => `2.25.${(uids += 1)}`,
    idleMs,
    ...(recheckMs === undefined ? {} : { recheckMs }),
    begin: async () => {
      noted.push('begun');
      await begin?.();
      return (end) => {
        noted.push('ended');
        ends.push(end);
        return Promise.resolve();
      };
    },
  });
  const examination = (grant = 'one'): Examination<never> => ({
    session: {
      id: '1',
      viewer: { kind: 'professional', nationalId: '899999999901' },
      name: '',
      idleEndsAtUtcMs: 0,
      endsAtUtcMs: 0,
      situationsToChoose: [],
    },
    manifest: stored.manifest as ServedManifest,
    kosSopInstanceUid: '2.25.9',
    browser: { host: 'vi1.exemple', origin: 'https://vi1.exemple', address: '192.0.2.1', correlationId: 'c' },
    basePath: `/examen/${grant}`,
    number: 1,
    isStillOpen: () => Promise.resolve(isOpen()),
  });
  const server = createServer((request, response) => {
    const grant = /^\/([^/?]+)/.exec(request.url ?? '')?.[1];
    const writeHead = response.writeHead.bind(response) as (...given: readonly unknown[]) => unknown;
    response.writeHead = ((...given: readonly unknown[]) => {
      noted.push('sent');
      return writeHead(...given);
    }) as typeof response.writeHead;
    zip.answer(examination(grant), request, response).catch((error: unknown) => {
      failures.push(asDrimboxError(error).code);
      if (response.headersSent || response.destroyed) response.destroy();
      else response.writeHead(asDrimboxError(error).httpStatus).end();
    });
  });
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve);
  });
  servers.push(server);
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/one`;
  return { url, zip, examination, noted, ends, failures, returns: counts };
};

const bytesOf = async (answer: Response): Promise<Buffer> => Buffer.from(await answer.arrayBuffer());

const isCut = (answer: Response): Promise<boolean> =>
  answer.arrayBuffer().then(
    () => false,
    () => true,
  );

describe('a download', () => {
  it('is as long as it is announced, and as the page said before', async () => {
    const stored = createZipStore(mixed);
    const { url, zip, examination, ends, returns } = await startSite(stored);
    const answer = await fetch(url);
    const archive = await bytesOf(answer);
    expect(answer.status).toBe(200);
    expect(Number(answer.headers.get('content-length'))).toBe(archive.length);
    expect(await zip.sizeOf(examination())).toBe(archive.length);
    expect(unzipFindings(archive).status).toBe(0);
    expect(ends).toEqual([{ bytes: archive.length, objects: mixed.length, outcome: 'served', httpStatus: 200 }]);
    expect(stored.figures).toMatchObject({ openFiles: 0, lentBytes: 0 });
    expect(returns.length).toBeGreaterThan(0);
    expect(returns.every((times) => times === 1)).toBe(true);
  });

  it('has its row in the audit before the first byte', async () => {
    const { url, noted } = await startSite(createZipStore(mixed));
    await bytesOf(await fetch(url));
    await expect.poll(() => noted).toEqual(['begun', 'sent', 'ended']);
  });

  it('does not begin without its row in the audit', async () => {
    const stored = createZipStore(mixed);
    const begin = (): Promise<void> => Promise.reject(new DrimboxError('audit/unavailable'));
    const { url, ends, failures } = await startSite(stored, { begin });
    const answer = await fetch(url);
    expect([answer.status, answer.headers.get('content-type')]).toEqual([503, null]);
    expect((await bytesOf(answer)).length).toBe(0);
    expect([failures, ends, stored.opens]).toEqual([['audit/unavailable'], [], []]);
  });

  it('of one series has that series alone; the series of another study is not found', async () => {
    const stored = createZipStore(mixed);
    const { url, noted, failures } = await startSite(stored);
    const [series = ''] = stored.manifest.series.keys();
    const wanted = mixed.filter(({ seriesInstanceUid }) => seriesInstanceUid === series);
    const images = imagesOf(extract(await bytesOf(await fetch(`${url}?serie=${series}`))));
    expect(images.map((image) => image.toString('base64'))).toEqual(
      wanted.map((one) => spliced(one, stored).toString('base64')),
    );
    noted.length = 0;
    for (const other of ['1.2.250.1.999999.404', '', '..', `${series}.1`]) {
      expect((await fetch(`${url}?serie=${other}`)).status).toBe(404);
    }
    expect(new Set(failures)).toEqual(new Set(['viewer-access/image-not-found']));
    // Nothing was given: nothing to write down.
    expect(noted).not.toContain('begun');
  });

  it('asked for by HEAD reads no image and counts none as given', async () => {
    const stored = createZipStore(mixed);
    const { url, ends, zip, examination } = await startSite(stored);
    const answer = await fetch(url, { method: 'HEAD' });
    expect(Number(answer.headers.get('content-length'))).toBe(await zip.sizeOf(examination()));
    await expect.poll(() => ends).toEqual([{ bytes: 0, objects: 0, outcome: 'served', httpStatus: 200 }]);
    expect(stored.opens).toEqual([]);
  });

  it('goes on with the same archive, and not with that of another grant', async () => {
    const stored = createZipStore(mixed);
    const { url, ends } = await startSite(stored);
    const first = await fetch(url);
    const etag = first.headers.get('etag') ?? '';
    const archive = await bytesOf(first);
    const headers = { Range: 'bytes=1000-', 'If-Range': etag };
    const rest = await fetch(url, { headers });
    expect(rest.status).toBe(206);
    expect((await bytesOf(rest)).equals(archive.subarray(1000))).toBe(true);
    const part = { bytes: archive.length - 1000, outcome: 'served', httpStatus: 206 };
    await expect.poll(() => ends.at(-1)).toMatchObject(part);
    const last = await fetch(url, { headers: { ...headers, Range: `bytes=${archive.length - 10}-` } });
    await bytesOf(last);
    await expect.poll(() => ends.at(-1)).toEqual({ bytes: 10, objects: 0, outcome: 'served', httpStatus: 206 });
    const elsewhere = await fetch(url.replace('/one', '/two'), { headers });
    expect([elsewhere.status, elsewhere.headers.get('etag') === etag]).toEqual([200, false]);
    await bytesOf(elsewhere);
    const behind = await fetch(url, { headers: { Range: `bytes=${archive.length}-`, 'If-Range': etag } });
    expect(behind.status).toBe(416);
    expect((await bytesOf(behind)).length).toBe(0);
    const reason = 'viewer-access/range-unsatisfiable';
    const refused = { bytes: 0, objects: 0, outcome: 'refused', httpStatus: 416, reason };
    await expect.poll(() => ends.at(-1)).toEqual(refused);
  });

  it('whose images are not all there is written down as partial', async () => {
    const stored = createZipStore(mixed);
    stored.faults.set(mixed[1]?.sopInstanceUid ?? '', { openFails: 'orthanc/not-found' });
    const { url, ends } = await startSite(stored);
    const archive = await bytesOf(await fetch(url));
    const end = { bytes: archive.length, outcome: 'partial', httpStatus: 200 };
    await expect.poll(() => ends).toMatchObject([end]);
  });
});

describe('a download that ends early', () => {
  /** Takes the head and no more. */
  const takeNothing = (url: string, sockets: (() => void)[]): Promise<number> =>
    new Promise((resolve, reject) => {
      const call = httpRequest(url, (answer) => {
        answer.pause();
        answer.on('error', () => undefined);
        resolve(Number(answer.headers['content-length']));
      });
      call.on('error', reject);
      sockets.push(() => call.destroy());
      call.end();
    });

  /** More than the sockets of both sides hold, and each image more than is read at once. */
  const wide = buildCtStudy({ instancesPerSeries: 8, size: 1_300, study });

  it('because its taker left closes every file, and no memory is given back twice', async () => {
    const stored = createZipStore(wide, { pieceBytes: 65_536 });
    const { url, ends, failures, returns } = await startSite(stored);
    const leave: (() => void)[] = [];
    const announced = await takeNothing(url, leave);
    expect(announced).toBeGreaterThan(20_000_000);
    await expect.poll(() => returns.length).toBeGreaterThan(1);
    expect(ends).toEqual([]);
    for (const one of leave) one();
    await expect.poll(() => ends.length).toBe(1);
    expect(ends[0]).toMatchObject({ outcome: 'cancelled', httpStatus: 200 });
    expect(ends[0]?.bytes).toBeGreaterThan(0);
    expect(ends[0]?.bytes).toBeLessThan(announced);
    await expect.poll(() => stored.figures.openFiles).toBe(0);
    expect(Math.max(...returns)).toBe(1);
    expect(failures).toEqual([]);
  });

  it('because its taker takes nothing any more is left, and written down', async () => {
    const stored = createZipStore(wide, { pieceBytes: 65_536 });
    const { url, ends } = await startSite(stored, { idleMs: 100 });
    const leave: (() => void)[] = [];
    const announced = await takeNothing(url, leave);
    await expect.poll(() => ends.length, { timeout: 5_000 }).toBe(1);
    expect(ends[0]).toMatchObject({ outcome: 'cancelled', httpStatus: 200 });
    expect(ends[0]?.bytes).toBeLessThan(announced);
    await expect.poll(() => stored.figures.openFiles).toBe(0);
    for (const one of leave) one();
  });

  it('because the PACS fails is cut, and what had left is written down', async () => {
    const stored = createZipStore(wide, { pieceBytes: 65_536 });
    const broken = wide[3]?.sopInstanceUid ?? '';
    stored.faults.set(broken, { breaksAtStream: 3 });
    const { url, ends, failures } = await startSite(stored);
    const answer = await fetch(url);
    expect(answer.status).toBe(200);
    expect(await isCut(answer)).toBe(true);
    await expect.poll(() => ends.length).toBe(1);
    expect(ends[0]).toMatchObject({ outcome: 'partial', reason: 'orthanc/answer-invalid', objects: 3 });
    expect(ends[0]?.bytes).toBeGreaterThan(0);
    await expect.poll(() => failures).toEqual(['orthanc/answer-invalid']);
  });

  it('because the examination was closed meanwhile is cut (E5)', async () => {
    const stored = createZipStore(wide, { pieceBytes: 65_536 });
    let asked = 0;
    const isOpen = (): boolean => (asked += 1) < 3;
    const { url, ends, failures } = await startSite(stored, { isOpen, recheckMs: 0 });
    // Perhaps before its head has left.
    const isEnded = await fetch(url).then(isCut, () => true);
    expect(isEnded).toBe(true);
    await expect.poll(() => ends.length).toBe(1);
    expect(ends[0]).toMatchObject({ outcome: 'partial', reason: 'viewer-access/link-refused', objects: 0 });
    await expect.poll(() => failures).toEqual(['viewer-access/link-refused']);
    await expect.poll(() => stored.figures.openFiles).toBe(0);
    expect(asked).toBe(3);
  });

  it('and is open all along is asked about, and whole', async () => {
    const stored = createZipStore(mixed);
    let asked = 0;
    const isOpen = (): boolean => (asked += 1) > 0;
    const { url, ends } = await startSite(stored, { isOpen, recheckMs: 0 });
    await bytesOf(await fetch(url));
    await expect.poll(() => ends.at(-1)?.outcome).toBe('served');
    expect(asked).toBeGreaterThan(mixed.length);
  });

  it('asks again by a clock that nobody sets: the clock on the wall may stand still', async () => {
    const stored = createZipStore(mixed);
    let asked = 0;
    let nowMs = 0;
    const isOpen = (): boolean => (asked += 1) > 0;
    // Ten seconds later at each look; the wall clock of this bench never moves.
    const monotonic = (): number => (nowMs += 10_000);
    const { url, ends } = await startSite(stored, { isOpen, monotonic, recheckMs: 15_000 });
    await bytesOf(await fetch(url));
    await expect.poll(() => ends.at(-1)?.outcome).toBe('served');
    expect(asked).toBeGreaterThan(0);
  });

  it('because a stored file has changed begins again as another archive', async () => {
    const stored = createZipStore(wide, { pieceBytes: 65_536 });
    stored.faults.set(wide[5]?.sopInstanceUid ?? '', { endsAtStream: 4 });
    const { url, failures } = await startSite(stored);
    const first = await fetch(url);
    const etag = first.headers.get('etag') ?? '';
    expect(await isCut(first)).toBe(true);
    await expect.poll(() => failures).toEqual(['viewer-access/download-changed']);
    const again = await fetch(url, { headers: { Range: 'bytes=100-', 'If-Range': etag } });
    expect([again.status, again.headers.get('etag') === etag]).toEqual([200, false]);
    expect(unzipFindings(await bytesOf(again)).status).toBe(0);
  });
});
