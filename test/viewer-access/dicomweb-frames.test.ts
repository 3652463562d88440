/** Frames as the viewer gets them: their pixels are the stored ones, whatever the image was stored in. Invented images. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { loadFrameCodecs, type FrameCodecs } from '../../plugin/renditions/index.ts';
import { startDicomWebBench, splitFrames, type DicomWebBench } from '../fixtures/viewer-access/dicomweb-bench.ts';
import {
  buildViewedInstances,
  colourPixels,
  crOptions,
  ctOptions,
  ctPixels,
  extendedFrames,
  fragmentedFrames,
  mrOptions,
  palettePixels,
  viewedSeries,
  viewedStudyUid,
} from '../fixtures/viewer-access/viewed-images.ts';
import { imageOf, inventedSamples } from '../fixtures/renditions/images.ts';

/** As OHIF asks. */
const ohif = { Accept: 'multipart/related; type=application/octet-stream; transfer-syntax=*' };
const explicit = '1.2.840.10008.1.2.1';

let bench: DicomWebBench;
let codecs: FrameCodecs;
beforeAll(async () => {
  codecs = await loadFrameCodecs();
  bench = await startDicomWebBench(buildViewedInstances());
}, 60_000);
afterAll(() => bench.stop());

const framesPath = (series: string, frames: string, number = 1): string =>
  `/studies/${viewedStudyUid}/series/${series}/instances/${series}.${number}/frames/${frames}`;

const getFrames = async (path: string, headers: Record<string, string> = ohif) => {
  const answer = await bench.ask(path, headers);
  expect([answer.status, answer.isComplete]).toEqual([200, true]);
  return splitFrames(answer.headers['content-type'], answer.body);
};

const frameOf = (pixels: Uint8Array, number: number, frames: number): Buffer => {
  const length = pixels.length / frames;
  return Buffer.from(pixels.subarray((number - 1) * length, number * length));
};

describe('frames of native images leave as they are stored, by offset', () => {
  test('CT, signed 16 bits: each slice its own pixels', async () => {
    for (const slice of [1, 3, 5]) {
      const [part, ...others] = await getFrames(framesPath(viewedSeries.ct, '1', slice));
      expect(others).toEqual([]);
      expect(part?.contentType).toBe(`application/octet-stream;transfer-syntax=${explicit}`);
      expect(part?.bytes.equals(ctPixels(slice))).toBe(true);
    }
  });

  test.each([
    ['MR of 12 bits', viewedSeries.mr, inventedSamples(mrOptions)],
    ['CR, MONOCHROME1', viewedSeries.cr, inventedSamples(crOptions)],
    ['palette', viewedSeries.palette, palettePixels],
    ['implicit VR', viewedSeries.implicit, inventedSamples(mrOptions)],
    ['big endian, turned round', viewedSeries.bigEndian, inventedSamples(mrOptions)],
    ['deflated, inflated', viewedSeries.deflated, inventedSamples(mrOptions)],
  ])('%s', async (_title, series, pixels) => {
    const [part] = await getFrames(framesPath(series, '1'));
    expect(part?.contentType).toBe(`application/octet-stream;transfer-syntax=${explicit}`);
    expect(part?.bytes.equals(pixels)).toBe(true);
  });

  test('several frames of a colour loop, in the order asked', async () => {
    const parts = await getFrames(framesPath(viewedSeries.ultrasound, '3,1,4'));
    expect(parts.map(({ bytes }) => bytes)).toEqual([3, 1, 4].map((one) => frameOf(colourPixels(), one, 4)));
  });
});

describe('encoded frames', () => {
  test('RLE is decoded to the layout that the metadata tells', async () => {
    const metadata = await bench.ask(`/studies/${viewedStudyUid}/series/${viewedSeries.rle}/metadata`);
    const [dataset] = JSON.parse(metadata.body.toString()) as Record<string, { Value: unknown[] }>[];
    const isByPlane = dataset?.['00280006']?.Value[0] === 1;
    const parts = await getFrames(framesPath(viewedSeries.rle, '2'));
    expect(parts[0]?.contentType).toBe(`application/octet-stream;transfer-syntax=${explicit}`);
    const native = frameOf(colourPixels(), 2, 4);
    const pixels = native.length / 3;
    const byPlane = Buffer.from(
      native.map((_, index) => native[(index % pixels) * 3 + Math.floor(index / pixels)] ?? 0),
    );
    expect(parts[0]?.bytes.equals(isByPlane ? byPlane : native)).toBe(true);
  });

  test('JPEG leaves as it is stored, and decodes to the picture', async () => {
    const [part] = await getFrames(framesPath(viewedSeries.jpeg, '1'));
    expect(part?.contentType).toBe('application/octet-stream;transfer-syntax=1.2.840.10008.1.2.4.50');
    const image = imageOf({
      rows: 24,
      columns: 32,
      samplesPerPixel: 3,
      bitsAllocated: 8,
      photometricInterpretation: 'YBR_FULL_422',
    });
    const { bytes } = codecs.decode(part?.bytes ?? new Uint8Array(), image, '1.2.840.10008.1.2.4.50');
    const native = colourPixels(1);
    const meanError =
      bytes.reduce((sum, sample, index) => sum + Math.abs(sample - (native[index] ?? 0)), 0) / bytes.length;
    expect(meanError).toBeLessThan(10);
  });

  test('JPEG whose colours would change when decoded is not given decoded: 406', async () => {
    const answer = await bench.ask(framesPath(viewedSeries.jpeg, '1'), {
      Accept: 'multipart/related; type="application/octet-stream"',
    });
    expect([answer.status, JSON.parse(answer.body.toString())]).toMatchObject([406, { code: 'wado/not-acceptable' }]);
  });

  test.each([
    ['a basic offset table', viewedSeries.basicTable],
    ['no table, by the code streams', viewedSeries.withoutTable],
  ])('frames in several fragments, with %s', async (_title, series) => {
    const parts = await getFrames(framesPath(series, '2,3,1,2'));
    const frames = fragmentedFrames.map((fragments) => Buffer.concat(fragments));
    expect(parts.map(({ bytes }) => bytes)).toEqual([frames[1], frames[2], frames[0], frames[1]]);
  });

  test('frames of an extended offset table', async () => {
    const parts = await getFrames(framesPath(viewedSeries.extendedTable, '3,1'));
    expect(parts.map(({ bytes }) => bytes)).toEqual([extendedFrames[2], extendedFrames[0]]);
  });

  test('a video has no frames to give', async () => {
    const answer = await bench.ask(framesPath(viewedSeries.video, '1'), ohif);
    expect([answer.status, JSON.parse(answer.body.toString())]).toMatchObject([
      406,
      { code: 'viewer-access/image-not-displayable' },
    ]);
  });
});

describe('what a browser accepts', () => {
  test('one frame without multipart, when it wants that', async () => {
    const answer = await bench.ask(framesPath(viewedSeries.ct, '1'), {
      Accept: 'application/octet-stream; transfer-syntax=*',
    });
    expect(answer.headers['content-type']).toBe(`application/octet-stream;transfer-syntax=${explicit}`);
    expect(answer.body.equals(ctPixels(1))).toBe(true);
  });

  test('the type of image where that is asked for', async () => {
    const [part] = await getFrames(framesPath(viewedSeries.jpeg, '1'), {
      Accept: 'multipart/related; type="image/jpeg"; transfer-syntax=*',
    });
    expect(part?.contentType).toBe('image/jpeg;transfer-syntax=1.2.840.10008.1.2.4.50');
  });

  test('a syntax that is excluded never leaves', async () => {
    const accept =
      'multipart/related; type=application/octet-stream; transfer-syntax=*, application/octet-stream; transfer-syntax=1.2.840.10008.1.2.4.50; q=0';
    expect((await bench.ask(framesPath(viewedSeries.jpeg, '1'), { Accept: accept })).status).toBe(406);
  });

  test('an Accept that is none is a request that is wrong: 400', async () => {
    expect((await bench.ask(framesPath(viewedSeries.ct, '1'), { Accept: 'x;q=7' })).status).toBe(400);
  });

  test('the same frame again costs a 304, and nothing is kept unasked (E5)', async () => {
    const first = await bench.ask(framesPath(viewedSeries.ct, '1', 2), ohif);
    expect(first.headers['cache-control']).toBe('private, no-cache');
    const etag = String(first.headers['etag']);
    expect(etag).toMatch(/^"[\w-]{27}"$/);
    const again = await bench.ask(framesPath(viewedSeries.ct, '1', 2), { ...ohif, 'If-None-Match': etag });
    expect([again.status, again.body.length]).toEqual([304, 0]);
    const other = await bench.ask(framesPath(viewedSeries.ct, '1', 3), { ...ohif, 'If-None-Match': etag });
    expect(other.status).toBe(200);
  });
});

describe('slow lines', () => {
  const slow = { ...ohif, Downlink: '1.5' };

  test('grey frames leave as JPEG-LS, exact to the bit', async () => {
    for (const [series, options, pixels] of [
      [viewedSeries.ct, ctOptions, ctPixels(1)],
      [viewedSeries.mr, mrOptions, inventedSamples(mrOptions)],
    ] as const) {
      const [part] = await getFrames(framesPath(series, '1'), slow);
      expect(part?.contentType).toBe('application/octet-stream;transfer-syntax=1.2.840.10008.1.2.4.80');
      const { bytes, isLossy } = codecs.decode(
        part?.bytes ?? new Uint8Array(),
        imageOf(options),
        '1.2.840.10008.1.2.4.80',
      );
      expect([isLossy, Buffer.from(bytes).equals(pixels)]).toEqual([false, true]);
    }
  });

  test('with loss, where that is configured: 8 bits only, and said so; more bits stay exact (E8)', async () => {
    const lossy = await startDicomWebBench(bench.study.instances, { slowLine: 'lossy' });
    try {
      const colour = await lossy.ask(framesPath(viewedSeries.ultrasound, '2'), { ...ohif, 'Save-Data': 'on' });
      const [part] = splitFrames(colour.headers['content-type'], colour.body);
      expect(part?.contentType).toBe('application/octet-stream;transfer-syntax=1.2.840.10008.1.2.4.50');
      expect(colour.headers['x-drimbox-lossy']).toBe('1');
      const grey = await lossy.ask(framesPath(viewedSeries.ct, '1'), slow);
      const [exact] = splitFrames(grey.headers['content-type'], grey.body);
      expect(exact?.contentType).toBe('application/octet-stream;transfer-syntax=1.2.840.10008.1.2.4.80');
    } finally {
      await lossy.stop();
    }
  });

  test('10 Mb/s is the most that browsers tell: it is not a fast line', async () => {
    const [part] = await getFrames(framesPath(viewedSeries.ct, '1'), { ...ohif, Downlink: '10', ECT: '4g' });
    expect(part?.contentType).toContain('1.2.840.10008.1.2.4.80');
  });

  test('a fast line gets what is stored: a browser that tells nothing, or 10 Mb/s where a site takes that for fast', async () => {
    const [part] = await getFrames(framesPath(viewedSeries.ct, '1'), ohif);
    expect(part?.contentType).toContain(explicit);
    const fast = await startDicomWebBench(bench.study.instances, { slowBelowMegabitsPerSecond: 8 });
    try {
      const told = { ...ohif, Downlink: '10', ECT: '4g' };
      const { headers, body } = await fast.ask(framesPath(viewedSeries.ct, '1'), told);
      expect(splitFrames(headers['content-type'], body)[0]?.contentType).toContain(explicit);
    } finally {
      await fast.stop();
    }
  });
});

describe('what does not fit is refused', () => {
  test.each(['0', '2', '1,5', '01', '1,,2', 'x', '-1', '99999999999'])('frame %s', async (frames) => {
    expect((await bench.ask(framesPath(viewedSeries.ct, frames), ohif)).status).toBe(404);
  });

  test('no file stays open', () => {
    expect(bench.study.openFiles()).toBe(0);
  });
});
