/**
 * Frames of images that were made in JPEG-LS before, for another DRIMbox or ahead: given to the viewer as they are, when they
 * are of that very object; never anything else. Invented images.
 */
import { createHash } from 'node:crypto';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { type FrameCodecs, loadFrameCodecs, renderFile } from '../../plugin/renditions/index.ts';
import { transferSyntaxes } from '../../plugin/standards/index.ts';
import type { Workshop } from '../../plugin/wado/index.ts';
import type { InventedInstance } from '../fixtures/dicom/index.ts';
import { renderLimits } from '../fixtures/renditions/expectations.ts';
import { imageOf } from '../fixtures/renditions/images.ts';
import { type DicomWebBench, splitFrames, startDicomWebBench } from '../fixtures/viewer-access/dicomweb-bench.ts';
import {
  buildViewedInstances,
  ctOptions,
  ctPixels,
  viewedSeries,
  viewedStudyUid,
} from '../fixtures/viewer-access/viewed-images.ts';

const { jpegLsLossless, jpegBaseline } = transferSyntaxes;
const { ct, mr, ultrasound } = viewedSeries;
const slowLine = { Accept: 'multipart/related; type=application/octet-stream; transfer-syntax=*', Downlink: '1.5' };

type WantedRendition = Parameters<Workshop['findMade']>[0];

let codecs: FrameCodecs;
let instances: readonly InventedInstance[];
let bench: DicomWebBench;
const wanted: WantedRendition[] = [];
let made: Buffer | undefined;
const workshop: Workshop = {
  canProduce: () => false,
  findMade: (order) => {
    wanted.push(order);
    return Promise.resolve(made);
  },
  produce: () => Promise.reject(new Error('the viewer makes frames, no files')),
};
beforeAll(async () => {
  codecs = await loadFrameCodecs();
  instances = buildViewedInstances();
  bench = await startDicomWebBench(instances, {}, undefined, workshop);
}, 60_000);
afterAll(() => bench.stop());
beforeEach(() => {
  wanted.length = 0;
  made = undefined;
});

const bytesOf = (sopInstanceUid: string): Buffer => {
  const found = instances.find((one) => one.sopInstanceUid === sopInstanceUid);
  if (found === undefined) throw new Error(`no ${sopInstanceUid}`);
  return found.bytes;
};

/** The whole file in JPEG-LS, as the workshop makes it. */
const makeFile = (sopInstanceUid: string, file = bytesOf(sopInstanceUid)): Buffer => {
  const outcome = renderFile(codecs, file, jpegLsLossless, renderLimits);
  if (outcome.kind === 'failed') throw new Error(outcome.code);
  return Buffer.from(outcome.bytes);
};

const ask = (sopInstanceUid: string, headers: Record<string, string> = slowLine) => {
  const series = sopInstanceUid.replace(/\.\d+$/, '');
  return bench.ask(`/studies/${viewedStudyUid}/series/${series}/instances/${sopInstanceUid}/frames/1`, headers);
};

const expectSlice = async (answer: ReturnType<typeof ask>, slice: number): Promise<Buffer> => {
  const { status, headers, body } = await answer;
  expect(status).toBe(200);
  const [part] = splitFrames(headers['content-type'], body);
  expect(part?.contentType).toBe(`application/octet-stream;transfer-syntax=${jpegLsLossless}`);
  const { bytes } = codecs.decode(part?.bytes ?? new Uint8Array(), imageOf(ctOptions), jpegLsLossless);
  expect(Buffer.from(bytes).equals(ctPixels(slice))).toBe(true);
  return part?.bytes ?? Buffer.alloc(0);
};

describe('a frame that was made before', () => {
  test('leaves as it was made, and is asked for by all that it hangs on: study, object, file, syntax', async () => {
    made = makeFile(`${ct}.1`);
    const frame = await expectSlice(ask(`${ct}.1`), 1);
    expect(made.includes(frame)).toBe(true);
    const file = bytesOf(`${ct}.1`);
    expect(wanted).toEqual([
      {
        studyInstanceUid: viewedStudyUid,
        sopInstanceUid: `${ct}.1`,
        revision: createHash('sha256').update(file).digest('hex'),
        sizeBytes: file.length,
        transferSyntax: jpegLsLossless,
      },
    ]);
  });

  test('is not made again: another picture in the made file is what leaves', async () => {
    // Of that very object, as a file that nobody could have made from the stored one.
    const changed = Buffer.from(bytesOf(`${ct}.1`));
    changed.writeUInt8((changed.at(-2) ?? 0) ^ 1, changed.length - 2);
    made = makeFile(`${ct}.1`, changed);
    const { headers, body } = await ask(`${ct}.1`);
    const [part] = splitFrames(headers['content-type'], body);
    const { bytes } = codecs.decode(part?.bytes ?? new Uint8Array(), imageOf(ctOptions), jpegLsLossless);
    expect(Buffer.from(bytes).equals(ctPixels(1))).toBe(false);
    expect(Buffer.from(bytes).subarray(0, -2).equals(ctPixels(1).subarray(0, -2))).toBe(true);
  });

  test('is looked for again under the new file, when the stored one is another', async () => {
    made = makeFile(`${ct}.3`);
    await ask(`${ct}.3`);
    const changed = Buffer.from(bytesOf(`${ct}.3`));
    changed[changed.length - 1] = (changed.at(-1) ?? 0) ^ 1;
    bench.study.faults.set(`${ct}.3`, { bytes: changed });
    await ask(`${ct}.3`);
    bench.study.faults.clear();
    const [before, after] = wanted.map(({ revision }) => revision);
    expect([before === after, wanted.length]).toEqual([false, 2]);
  });

  test.each([
    ['of another slice', () => makeFile(`${ct}.2`)],
    ['of another series', () => makeFile(`${mr}.1`)],
    ['that says it is of another study', () => renamed(makeFile(`${ct}.1`), viewedStudyUid)],
    ['in another transfer syntax', () => bytesOf(`${ct}.1`)],
  ])('%s never leaves: the frame is made from the stored file (E1)', async (_, build) => {
    made = build();
    await expectSlice(ask(`${ct}.1`), 1);
    expect(wanted).toHaveLength(1);
    expect(bench.study.openFiles()).toBe(0);
  });

  test('is made from the stored file when there is none', async () => {
    await expectSlice(ask(`${ct}.1`), 1);
    expect(wanted).toHaveLength(1);
  });

  test.each([0, 100, 300, 600])('that is cut after %i bytes is made anew', async (length) => {
    made = makeFile(`${ct}.1`).subarray(0, length);
    await expectSlice(ask(`${ct}.1`), 1);
    expect(wanted).toHaveLength(1);
  });

  test('that is cut in its pixels gives no part of an image', async () => {
    const whole = makeFile(`${ct}.1`);
    for (const length of [whole.length - 9, whole.length - 40, whole.length - 200]) {
      made = whole.subarray(0, length);
      await expectSlice(ask(`${ct}.1`), 1);
    }
  });

  test('is not looked for where frames leave as stored, with loss, or are several', async () => {
    made = makeFile(`${ct}.1`);
    await ask(`${ct}.1`, { Accept: slowLine.Accept, Downlink: '60' });
    await ask(`${ultrasound}.1`);
    const lossy = await startDicomWebBench(instances, { slowLine: 'lossy' }, undefined, workshop);
    try {
      const path = `/studies/${viewedStudyUid}/series/${ultrasound}/instances/${ultrasound}.1/frames/1`;
      const { headers, body } = await lossy.ask(path, slowLine);
      expect(splitFrames(headers['content-type'], body)[0]?.contentType).toContain(jpegBaseline);
    } finally {
      await lossy.stop();
    }
    expect(wanted).toEqual([]);
  });
});

/** The same file under another StudyInstanceUID of the same length. */
const renamed = (file: Buffer, uid: string): Buffer => {
  const copy = Buffer.from(file);
  for (let at = copy.indexOf(uid); at >= 0; at = copy.indexOf(uid, at + 1)) {
    const next = copy.toString('latin1', at + uid.length, at + uid.length + 1);
    if (!/[0-9.]/.test(next)) copy.write(`${uid.slice(0, -1)}${(Number(uid.at(-1)) + 1) % 10}`, at, 'latin1');
  }
  return copy;
};
