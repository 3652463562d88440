/** Pictures for people, documents, videos, values by reference, whole files. Invented images. */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type FrameCodecs, loadFrameCodecs } from '../../plugin/renditions/index.ts';
import { parseRange } from '../../plugin/viewer-access/dicomweb/answer.ts';
import {
  drawPicture,
  findPercentileWindow,
  shrinkPicture,
} from '../../plugin/viewer-access/dicomweb/picture-drawing.ts';
import { fromTheMiddle } from '../../plugin/viewer-access/dicomweb/picture-serving.ts';
import { createPictureThreads } from '../../plugin/viewer-access/dicomweb/picture-threads.ts';
import { imageOf, inventedSamples } from '../fixtures/renditions/images.ts';
import { outlineOf } from '../fixtures/renditions/judges.ts';
import { type DicomWebBench, splitFrames, startDicomWebBench } from '../fixtures/viewer-access/dicomweb-bench.ts';
import {
  buildViewedInstances,
  colourPixels,
  ctPixels,
  pdfBytes,
  videoBytes,
  viewedSeries,
  viewedStudyUid,
} from '../fixtures/viewer-access/viewed-images.ts';

let bench: DicomWebBench;
let codecs: FrameCodecs;
beforeAll(async () => {
  codecs = await loadFrameCodecs();
  bench = await startDicomWebBench(buildViewedInstances());
}, 60_000);
afterAll(() => bench.stop());

const study = `/studies/${viewedStudyUid}`;
const objectPath = (series: string, number = 1): string => `${study}/series/${series}/instances/${series}.${number}`;

/** Height and width by the frame header, samples by the codec. */
const decodeJpeg = (bytes: Buffer) => {
  const at = bytes.indexOf(Buffer.from([0xff, 0xc0]));
  const [rows, columns, samples] = [
    bytes.readUInt16BE(at + 5),
    bytes.readUInt16BE(at + 7),
    bytes[at + 9] === 3 ? 3 : 1,
  ];
  const image = imageOf({
    ...{ rows, columns, samplesPerPixel: samples as 1 | 3, bitsAllocated: 8 as const },
    photometricInterpretation: samples === 3 ? 'YBR_FULL_422' : 'MONOCHROME2',
  });
  return { rows, columns, samples, pixels: codecs.decode(bytes, image, '1.2.840.10008.1.2.4.50').bytes };
};

const getPicture = async (path: string) => {
  const answer = await bench.ask(path, { Accept: 'image/jpeg' });
  expect([answer.status, answer.headers['content-type']]).toEqual([200, 'image/jpeg']);
  return decodeJpeg(answer.body);
};

const codeOf = (body: Buffer): unknown => (JSON.parse(body.toString()) as { code: string }).code;

describe('rendered images show the values through their window', () => {
  const grey = (value: number, low: number, high: number): number =>
    Math.min(255, Math.max(0, Math.round(((value - low) * 255) / (high - low))));

  test.each([
    ['of the header: 40/400 after rescale', '', 40 - 200, 40 + 200 - 1],
    ['that is asked for', '&window=500,1000,linear', 0, 999],
    ['that is asked for, exact', '&window=500,1000,linear-exact', 0, 1000],
  ])('%s', async (_title, query, low, high) => {
    const { rows, columns, pixels } = await getPicture(
      `${objectPath(viewedSeries.ct, 2)}/rendered?quality=100${query}`,
    );
    expect([rows, columns]).toEqual([32, 48]);
    const stored = Buffer.from(ctPixels(2));
    let worst = 0;
    for (let index = 0; index < rows * columns; index += 1) {
      const expected = grey(stored.readInt16LE(2 * index) - 1024, low, high);
      worst = Math.max(worst, Math.abs((pixels[index] ?? 0) - expected));
    }
    // What the best quality of JPEG changes.
    expect(worst).toBeLessThanOrEqual(6);
  });

  test('colours stay, also out of JPEG, RLE and a palette', async () => {
    for (const [series, frame] of [
      [viewedSeries.ultrasound, 2],
      [viewedSeries.rle, 3],
      [viewedSeries.jpeg, 1],
    ] as const) {
      const { pixels } = await getPicture(`${objectPath(series)}/frames/${frame}/rendered?quality=100`);
      const expected = colourPixels(4).subarray((frame - 1) * 2304, frame * 2304);
      const mean = pixels.reduce((sum, one, index) => sum + Math.abs(one - (expected[index] ?? 0)), 0) / pixels.length;
      expect(mean).toBeLessThan(8);
    }
    const { pixels } = await getPicture(`${objectPath(viewedSeries.palette)}/rendered?quality=100`);
    const corner = (at: number) => [...pixels.subarray(3 * at, 3 * at + 3)];
    expect(corner(0)[0]).toBeLessThan(20);
    expect(corner(255)[0]).toBeGreaterThan(235);
    expect(corner(0)[1]).toBeGreaterThan(235);
  });

  test('MONOCHROME1 is shown inverted, values without a window by their percentiles', () => {
    const image = imageOf({ rows: 10, columns: 100, photometricInterpretation: 'MONOCHROME1' });
    const words = Uint16Array.from({ length: 1000 }, (_, index) => index);
    const look = { slope: 1, intercept: 0 };
    const frame = new Uint8Array(words.buffer);
    expect(findPercentileWindow(frame, image, look)).toEqual({ low: 10, high: 989 });
    const { bytes } = drawPicture(frame, image, 'MONOCHROME1', look);
    expect([bytes[0], bytes[999]]).toEqual([255, 0]);
    const flat = findPercentileWindow(new Uint8Array(2000), image, look);
    expect(flat.high).toBeGreaterThan(flat.low);
  });

  test('padding is black and does not stretch the window', () => {
    const image = imageOf({ rows: 1, columns: 4, pixelRepresentation: 1 });
    const frame = new Uint8Array(Int16Array.of(-2000, 0, 100, 100).buffer);
    const look = { slope: 1, intercept: 0, padding: { first: -2000, last: -2000 } };
    expect([...drawPicture(frame, image, 'MONOCHROME2', look).bytes]).toEqual([0, 0, 255, 255]);
  });

  test('a smaller picture has the mean of what it stands for, and never grows', () => {
    const drawn = {
      rows: 2,
      columns: 4,
      samplesPerPixel: 1 as const,
      bytes: Uint8Array.of(0, 100, 10, 10, 100, 200, 10, 10),
    };
    expect(shrinkPicture(drawn, 2)).toEqual({ rows: 1, columns: 2, samplesPerPixel: 1, bytes: Uint8Array.of(100, 10) });
    expect(shrinkPicture(drawn, 100)).toBe(drawn);
  });

  test.each(['quality=0', 'quality=x', 'window=1', 'window=1,0', 'window=1,2,3', 'viewport=0,5', 'viewport=a,b'])(
    'a wish that is none: %s is 400',
    async (query) => {
      const answer = await bench.ask(`${objectPath(viewedSeries.ct)}/rendered?${query}`);
      expect([answer.status, codeOf(answer.body)]).toEqual([400, 'viewer-access/image-request-invalid']);
    },
  );

  test('thumbnails and viewports are as small as asked', async () => {
    const thumbnail = await getPicture(`${objectPath(viewedSeries.ct)}/thumbnail?viewport=24,24`);
    expect([thumbnail.rows, thumbnail.columns]).toEqual([16, 24]);
    expect((await getPicture(`${study}/series/${viewedSeries.ct}/thumbnail`)).columns).toBe(48);
    expect((await getPicture(`${study}/thumbnail`)).columns).toBe(48);
  });

  test('a picture is drawn once, then a 304', async () => {
    const path = `${objectPath(viewedSeries.mr)}/thumbnail`;
    const first = await bench.ask(path);
    const etag = String(first.headers['etag']);
    expect((await bench.ask(path, { 'If-None-Match': etag })).status).toBe(304);
    expect(bench.service.desk.pictures.figures().pictures).toBeGreaterThan(0);
    bench.service.dropStudy(viewedStudyUid);
    expect(bench.service.desk.pictures.figures()).toEqual({ pictures: 0, bytes: 0 });
  });
});

describe('preview of a series', () => {
  test('is its middle image, by place or by UID', async () => {
    const byPlace = await bench.askPreview('1');
    const byUid = await bench.askPreview(viewedSeries.ct);
    expect(byPlace.headers['content-type']).toBe('image/jpeg');
    expect(byPlace.body.equals(byUid.body)).toBe(true);
    const middle = await bench.ask(`${objectPath(viewedSeries.ct, 3)}/rendered?quality=80&viewport=512,512`);
    expect(byPlace.body.equals(middle.body)).toBe(true);
  });

  test('where the middle one is broken, its neighbour stands for it', async () => {
    bench.service.dropStudy(viewedStudyUid);
    bench.study.faults.set(`${viewedSeries.ct}.3`, { bytes: Buffer.alloc(3_000) });
    const answer = await bench.askPreview('1');
    bench.study.faults.clear();
    const neighbour = await bench.ask(`${objectPath(viewedSeries.ct, 4)}/rendered?quality=80&viewport=512,512`);
    expect(answer.body.equals(neighbour.body)).toBe(true);
  });

  test('a report has none; another series is not found', async () => {
    const report = await bench.askPreview(viewedSeries.report);
    expect([report.status, codeOf(report.body)]).toEqual([406, 'viewer-access/image-not-displayable']);
    for (const series of ['99', '0', '2.25.8.1', 'x']) expect((await bench.askPreview(series)).status).toBe(404);
  });

  test('may be drawn before anybody asks', async () => {
    bench.service.dropStudy(viewedStudyUid);
    await bench.previews.prefill(bench.viewed, new AbortController().signal);
    expect(bench.service.desk.pictures.figures().pictures).toBeGreaterThanOrEqual(9);
  });

  test('goes outwards from the middle', () => {
    expect(fromTheMiddle([1, 2, 3, 4, 5])).toEqual([3, 4, 2, 5, 1]);
    expect(fromTheMiddle([1, 2])).toEqual([1, 2]);
    expect(fromTheMiddle([])).toEqual([]);
  });
});

describe('documents and videos', () => {
  test('a PDF is shown whole, without the padding of its value', async () => {
    const answer = await bench.ask(`${objectPath(viewedSeries.pdf)}/rendered`);
    expect([answer.headers['content-type'], answer.headers['content-disposition']]).toEqual([
      'application/pdf',
      'inline',
    ]);
    expect(answer.body.equals(pdfBytes)).toBe(true);
  });

  test('what calls itself HTML never runs under our name', async () => {
    const path = objectPath(viewedSeries.html);
    const bulk = await bench.ask(`${path}/bulkdata/00420011`);
    expect([
      bulk.headers['content-type'],
      bulk.headers['content-disposition'],
      bulk.headers['x-content-type-options'],
    ]).toEqual(['application/octet-stream', 'attachment', 'nosniff']);
    expect((await bench.ask(`${path}/rendered`)).status).toBe(406);
  });

  test('a video comes in parts, as players ask (RFC 9110 §14)', async () => {
    const path = `${objectPath(viewedSeries.video)}/rendered`;
    const whole = await bench.ask(path);
    expect([whole.status, whole.headers['content-type'], whole.headers['accept-ranges']]).toEqual([
      200,
      'video/mp4',
      'bytes',
    ]);
    expect(whole.body.equals(videoBytes)).toBe(true);
    const part = await bench.ask(path, { Range: 'bytes=100-199' });
    expect([part.status, part.headers['content-range']]).toEqual([206, 'bytes 100-199/5000']);
    expect(part.body.equals(videoBytes.subarray(100, 200))).toBe(true);
    const beyond = await bench.ask(path, { Range: 'bytes=9000-' });
    expect([beyond.status, beyond.headers['content-range'], codeOf(beyond.body)]).toEqual([
      416,
      'bytes */5000',
      'viewer-access/range-unsatisfiable',
    ]);
    const stale = await bench.ask(path, { Range: 'bytes=0-1', 'If-Range': '"old"' });
    expect(stale.status).toBe(200);
  });

  test('ranges are read strictly; what is not understood asks for the whole', () => {
    expect(['bytes=0-0', 'bytes=-3', 'bytes=5-', 'bytes=2-100'].map((one) => parseRange(one, 10))).toEqual([
      { kind: 'part', range: { start: 0, end: 1 } },
      { kind: 'part', range: { start: 7, end: 10 } },
      { kind: 'part', range: { start: 5, end: 10 } },
      { kind: 'part', range: { start: 2, end: 10 } },
    ]);
    for (const one of ['bytes=', 'bytes=-', 'items=0-1', 'bytes=5-2', 'bytes=0-1,3-4', undefined]) {
      expect(parseRange(one, 10)).toEqual({ kind: 'whole' });
    }
    expect(['bytes=10-', 'bytes=-0'].map((one) => parseRange(one, 10))).toEqual([
      { kind: 'unsatisfiable' },
      { kind: 'unsatisfiable' },
    ]);
  });

  test('pixel data by reference, as one part of multipart where only that is accepted', async () => {
    const answer = await bench.ask(`${objectPath(viewedSeries.ct, 4)}/bulkdata/7FE00010`, {
      Accept: 'multipart/related; type="application/octet-stream"',
    });
    const [part] = splitFrames(answer.headers['content-type'], answer.body);
    expect(part?.bytes.equals(ctPixels(4))).toBe(true);
    const single = await bench.ask(`${objectPath(viewedSeries.ct, 4)}/pixeldata?accept=video/mp4`);
    expect(single.body.equals(ctPixels(4))).toBe(true);
    expect((await bench.ask(`${objectPath(viewedSeries.extendedTable)}/bulkdata/7FE00010`)).status).toBe(406);
    expect((await bench.ask(`${objectPath(viewedSeries.ct)}/bulkdata/00420011`)).status).toBe(404);
  });
});

describe('whole files', () => {
  test('with the INS of the manifest, and a DICOM reader that is not ours reads them', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'drimbox-object-'));
    try {
      for (const series of [viewedSeries.report, viewedSeries.pdf, viewedSeries.ct]) {
        const answer = await bench.ask(objectPath(series), { Accept: 'application/dicom' });
        expect([answer.status, answer.headers['cache-control']]).toEqual([200, 'no-store']);
        expect(outlineOf(answer.body).otherPatientIds?.items[0]?.id).toBe('199017512345657');
        const file = join(folder, 'object.dcm');
        writeFileSync(file, answer.body);
        expect(execFileSync('dcmdump', [file], { encoding: 'utf8' })).toContain(`${series}.1`);
        expect(readFileSync(file).length).toBe(Number(answer.headers['content-length']));
      }
    } finally {
      rmSync(folder, { recursive: true });
    }
  });

  test('one file for a link that a person follows', async () => {
    const answer = await bench.ask(objectPath(viewedSeries.ct), { Accept: 'text/html,*/*;q=0.8' });
    expect([answer.status, answer.headers['content-disposition']]).toEqual([200, 'attachment; filename="image.dcm"']);
    expect(answer.headers['content-type']).toContain('application/dicom');
    expect(outlineOf(answer.body).sopInstanceUid).toBe(`${viewedSeries.ct}.1`);
  });

  test('as OHIF asks for segmentations: multipart', async () => {
    const answer = await bench.ask(objectPath(viewedSeries.report), {
      Accept: 'multipart/related; type="application/dicom"',
    });
    expect(answer.headers['content-type']).toContain('multipart/related');
    expect(answer.body.toString('latin1')).toContain('/examen/jeton-invente/dicomweb/studies/2.25.7/');
  });
});

describe('threads that draw', () => {
  const draw = {
    kind: 'draw' as const,
    image: imageOf({}),
    from: '1.2.840.10008.1.2.1',
    look: { slope: 1, intercept: 0 },
  };
  const task = { ...draw, frame: inventedSamples({}), maxSide: 64, quality: 80 };

  test('a broken frame costs its own picture only', async () => {
    const threads = createPictureThreads({ threads: 1, timeoutMs: 20_000 });
    try {
      const { signal } = new AbortController();
      const broken = { ...task, from: '1.2.840.10008.1.2.4.50', frame: Buffer.alloc(100, 1) };
      const [first, second] = await Promise.allSettled([threads.run(broken, signal), threads.run(task, signal)]);
      expect(first).toMatchObject({ status: 'rejected', reason: { code: 'renditions/decode-failed' } });
      expect(second?.status).toBe('fulfilled');
    } finally {
      await threads.close();
    }
  });

  test('who goes away is not waited for; a thread that takes too long is ended', async () => {
    const threads = createPictureThreads({ threads: 1, timeoutMs: 1 });
    const { signal } = new AbortController();
    await expect(threads.run(task, signal)).rejects.toMatchObject({ code: 'renditions/timeout' });
    await expect(threads.run(task, AbortSignal.abort())).rejects.toMatchObject({
      code: 'viewer-access/images-cancelled',
    });
    await threads.close();
    await expect(threads.run(task, signal)).rejects.toMatchObject({ code: 'viewer-access/images-cancelled' });
  });
});
