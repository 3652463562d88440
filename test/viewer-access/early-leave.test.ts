/**
 * A browser that resets its request while it is still found out who asks: over HTTP/2 its leaving is told once, before anybody
 * listens. Its place, its files and its row in the audit are given back all the same. Real TLS and HTTP/2; invented images.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import {
  createZipAnswer,
  type DownloadEnd,
  type Examination,
  type ViewerListener,
  type ViewerListenerPorts,
} from '../../plugin/viewer-access/index.ts';
import { buildCtStudy, type InventedInstance } from '../fixtures/dicom/index.ts';
import { outlineOf } from '../fixtures/renditions/judges.ts';
import { type DicomWebBench, startDicomWebBench } from '../fixtures/viewer-access/dicomweb-bench.ts';
import { type Http2Browser, openHttp2Browser } from '../fixtures/viewer-access/http2-browser.ts';
import { buildViewedInstances, viewedSeries, viewedStudyUid } from '../fixtures/viewer-access/viewed-images.ts';
import { createZipStore, type ZipStore } from '../fixtures/viewer-access/zip-store.ts';
import { ports as zipPorts, study } from '../fixtures/viewer-access/zip-taking.ts';
import { makeCa } from '../peers/ca/make-ca.ts';
import type { TestCa } from '../peers/ca/test-ca.ts';
import { cookieOf, grantOf, makeStaticFolder, makeWorld, startEntry, type Traits } from './faked-entry.ts';

type Ports = Parameters<NonNullable<Parameters<typeof startEntry>[4]>>[0];
type Changes = Partial<Omit<ViewerListenerPorts<Traits>, 'tls' | 'staticFolder'>>;

/** Everybody waits at it while it is closed. */
const createGate = () => {
  let open = (): void => undefined;
  let tellReached = (): void => undefined;
  let opened = Promise.resolve();
  let reached = Promise.resolve();
  return {
    shut: (): void => {
      opened = new Promise((resolve) => (open = resolve));
      reached = new Promise((resolve) => (tellReached = resolve));
    },
    pass: (): Promise<void> => {
      tellReached();
      return opened;
    },
    reached: () => reached,
    open: () => open(),
  };
};

const folder = mkdtempSync(join(tmpdir(), 'drimbox-leave-'));
const built = makeStaticFolder();
let ca: TestCa;
let instances: readonly InventedInstance[];
beforeAll(async () => {
  ca = await makeCa(folder);
  instances = buildViewedInstances();
}, 60_000);
afterAll(() => {
  rmSync(folder, { recursive: true });
  built.remove();
});

const { ct } = viewedSeries;
const series = `/studies/${viewedStudyUid}/series/${ct}`;
const root = `/examen/${grantOf(1)}`;
const gate = createGate();

let listener: ViewerListener;
let browser: Http2Browser;
/** @param where  who waits at the gate */
const start = async (change: (faked: Ports) => Changes, where?: 'loadGrant' | 'checkGrant'): Promise<void> => {
  listener = await startEntry(ca, built.folder, makeWorld(), {}, (faked) => ({
    ...(where === 'checkGrant' ? { checkGrant: (...asked) => gate.pass().then(() => faked.checkGrant(...asked)) } : {}),
    ...(where === 'loadGrant'
      ? {
          sessions: {
            ...faked.sessions,
            loadGrant: (...asked) => gate.pass().then(() => faked.sessions.loadGrant(...asked)),
          },
        }
      : {}),
    ...change(faked),
  }));
  browser = openHttp2Browser(listener.port, cookieOf('camille'));
};
afterEach(async () => {
  await browser.close();
  await listener.close(0);
});

/** Asks, and is gone when the gate opens. */
const askAndLeave = async (path: string): Promise<void> => {
  gate.shut();
  const stream = browser.begin(path);
  await gate.reached();
  await browser.leave(stream);
  gate.open();
};

describe('an image whose browser leaves early', () => {
  let bench: DicomWebBench;
  /** One place, and nobody waits: a place that is not given back is missed by the next one who asks. */
  const narrow = { requests: 1, requestsPerSession: 1, waiting: 0, idleSeconds: 1 };
  const shown =
    () =>
    ({ examination }: Ports): Changes => ({
      examination: {
        ...examination,
        dicomWeb: (open, request, response) =>
          bench.service.answer({ request, response, viewed: bench.viewed, rootPath: `${open.basePath}/dicomweb` }),
        preview: (open, request, response) =>
          bench.previews.answer({ request, response, viewed: bench.viewed, rootPath: open.basePath }, ct),
      },
    });
  afterEach(() => bench.stop());

  describe.each(['loadGrant', 'checkGrant'] as const)('during %s', (where) => {
    test.each([
      ['frames', `/dicomweb${series}/instances/${ct}.1/frames/1`],
      ['metadata', `/dicomweb${series}/metadata`],
      ['object', `/dicomweb${series}/instances/${ct}.1`],
      ['preview', '/apercu/1.jpg'],
    ])('gives its place back (%s)', async (kind, path) => {
      bench = await startDicomWebBench(instances, narrow);
      await start(shown(), where);
      await askAndLeave(root + path);
      await expect
        .poll(() => bench.told, { timeout: 5_000 })
        .toMatchObject([{ kind, code: 'viewer-access/images-cancelled', bytes: 0 }]);
      expect((await browser.ask(root + path)).headers[':status']).toBe(200);
      expect(bench.study.openFiles()).toBe(0);
    });
  });

  test('in the middle, while its file is opened, closes it and gives its place back', async () => {
    bench = await startDicomWebBench(instances, narrow, (store) => ({
      ...store,
      open: (...asked) => gate.pass().then(() => store.open(...asked)),
    }));
    await start(shown());
    for (const rest of [`${series}/instances/${ct}.1/frames/1`, `${series}/instances/${ct}.1`]) {
      bench.told.length = 0;
      await askAndLeave(`${root}/dicomweb${rest}`);
      await expect
        .poll(() => bench.told, { timeout: 5_000 })
        .toMatchObject([{ code: 'viewer-access/images-cancelled' }]);
      expect((await browser.ask(`${root}/dicomweb${rest}`)).headers[':status']).toBe(200);
      await expect.poll(() => bench.study.openFiles()).toBe(0);
    }
  });

  test('or takes nothing any more is left, although its connection lives', async () => {
    const [slice] = instances.filter(({ seriesInstanceUid }) => seriesInstanceUid === ct);
    const small = slice?.bytes ?? Buffer.alloc(0);
    const outline = outlineOf(small);
    // 20 MB of pixels: more than any buffer between us and who takes nothing.
    const side = 3_200;
    const header = Buffer.from(small.subarray(0, outline.scanEnd));
    for (const tag of [0x00280010, 0x00280011]) {
      header.writeUInt16LE(side, outline.elements.get(tag)?.valueOffset ?? 0);
    }
    const pixel = Buffer.from('e07f10004f57000000000000', 'hex');
    pixel.writeUInt32LE(side * side * 2, 8);
    const bytes = Buffer.concat([header, pixel, Buffer.alloc(side * side * 2)]);
    bench = await startDicomWebBench([{ ...(slice as InventedInstance), bytes }], narrow);
    await start(shown());
    for (const rest of [`${series}/instances/${ct}.1/frames/1`, `${series}/instances/${ct}.1`]) {
      bench.told.length = 0;
      browser.begin(`${root}/dicomweb${rest}`);
      await expect
        .poll(() => bench.told, { timeout: 8_000 })
        .toMatchObject([{ code: 'viewer-access/images-cancelled' }]);
      await expect.poll(() => bench.study.openFiles()).toBe(0);
    }
  }, 30_000);
});

describe('a download whose browser leaves early', () => {
  let stored: ZipStore;
  let ends: DownloadEnd[];
  let begun: number;
  let waitsInAudit = false;
  const wide = buildCtStudy({ instancesPerSeries: 4, size: 1_300, study });
  beforeEach(() => {
    stored = createZipStore(wide, { pieceBytes: 65_536 });
    ends = [];
    begun = 0;
    waitsInAudit = false;
  });

  /** @param idleMs  of the download */
  const download = (idleMs = 30_000, waitsInPlan = false) => {
    const zip = createZipAnswer<Traits>({
      ...zipPorts(stored),
      images: {
        ...stored.store,
        find: (uid) => (waitsInPlan ? gate.pass() : Promise.resolve()).then(() => stored.store.find(uid)),
      },
      monotonic: () => performance.now(),
      idleMs,
      begin: async () => {
        begun += 1;
        if (waitsInAudit) await gate.pass();
        return (end) => {
          ends.push(end);
          return Promise.resolve();
        };
      },
    });
    return ({ examination }: Ports): Changes => ({
      examination: {
        ...examination,
        archive: (open: Examination<Traits>, ...rest) =>
          zip.answer({ ...open, manifest: { ...open.manifest, ...stored.manifest } }, ...rest),
      },
    });
  };
  const path = `${root}/images.zip`;

  test.each(['loadGrant', 'checkGrant'] as const)('during %s begins nothing', async (where) => {
    await start(download(), where);
    await askAndLeave(path);
    // The next one is whole: it came after it.
    const { body, headers } = await browser.ask(path);
    expect(Number(headers['content-length'])).toBe(body.length);
    await expect.poll(() => ends).toMatchObject([{ outcome: 'served', httpStatus: 200, bytes: body.length }]);
    expect([begun, stored.figures.openFiles]).toEqual([1, 0]);
  });

  test('while it is planned begins nothing', async () => {
    await start(download(30_000, true));
    await askAndLeave(path);
    const { rstCode } = await browser.ask(path);
    expect(rstCode).toBe(0);
    await expect.poll(() => ends).toMatchObject([{ outcome: 'served' }]);
    expect([begun, stored.figures.openFiles]).toEqual([1, 0]);
  });

  test('while its row in the audit is written has an end there', async () => {
    waitsInAudit = true;
    await start(download());
    await askAndLeave(path);
    await expect.poll(() => ends).toEqual([{ bytes: 0, objects: 0, outcome: 'cancelled', httpStatus: 200 }]);
    expect([stored.opens, stored.figures.openFiles]).toEqual([[], 0]);
  });

  test('in the middle closes its files', async () => {
    await start(download());
    const stream = browser.begin(path);
    await expect.poll(() => stored.figures.openFiles).toBeGreaterThan(0);
    await browser.leave(stream);
    await expect.poll(() => ends).toMatchObject([{ outcome: 'cancelled', httpStatus: 200 }]);
    await expect.poll(() => stored.figures.openFiles).toBe(0);
  });

  test('or takes nothing any more is left, although its connection lives', async () => {
    await start(download(200));
    browser.begin(path);
    await expect.poll(() => ends, { timeout: 5_000 }).toMatchObject([{ outcome: 'cancelled' }]);
    await expect.poll(() => stored.figures.openFiles).toBe(0);
  });

  test('or that breaks off on our side is not taken for the whole', async () => {
    stored.faults.set(wide[2]?.sopInstanceUid ?? '', { breaksAtStream: 3 });
    await start(download());
    const { rstCode, headers } = await browser.ask(path);
    expect([headers[':status'], rstCode]).toEqual([200, 2]);
    await expect.poll(() => ends).toMatchObject([{ outcome: 'partial', reason: 'orthanc/answer-invalid' }]);
  });
});
