/**
 * A thread that decodes, draws and codes single frames. Started by `picture-threads.ts`, never imported. It answers each task
 * once; after a codec erred its memory is not to be trusted: it says so and takes no other image.
 */
import { parentPort } from 'node:worker_threads';
import type { ImageAttributes } from '../../dicom-file/index.ts';
import { asDrimboxError, DrimboxError } from '../../errors.ts';
import { decodedPhotometric, type FrameCodecs, loadFrameCodecs, type WorkerAnswer } from '../../renditions/index.ts';
import { transferSyntaxes } from '../../standards/index.ts';
import { drawPicture, shrinkPicture } from './picture-drawing.ts';
import type { PictureAnswer, PictureTask } from './picture-task.ts';

const codecs = await loadFrameCodecs();

/** Colour by pixel → colour by plane: decoded frames keep the layout that the metadata tells. */
const separatePlanes = (frame: Uint8Array, { samplesPerPixel, bitsAllocated }: ImageAttributes): Uint8Array => {
  const bytesASample = bitsAllocated / 8;
  const pixels = frame.length / (samplesPerPixel * bytesASample);
  const target = new Uint8Array(frame.length);
  for (let pixel = 0; pixel < pixels; pixel += 1) {
    for (let sample = 0; sample < samplesPerPixel; sample += 1) {
      for (let byte = 0; byte < bytesASample; byte += 1) {
        const from = (pixel * samplesPerPixel + sample) * bytesASample + byte;
        target[(sample * pixels + pixel) * bytesASample + byte] = frame[from] ?? 0;
      }
    }
  }
  return target;
};

const eightBits = (image: ImageAttributes, samplesPerPixel: number): ImageAttributes => ({
  ...image,
  samplesPerPixel,
  photometricInterpretation: samplesPerPixel === 3 ? 'RGB' : 'MONOCHROME2',
  planarConfiguration: 0,
  bitsAllocated: 8,
  bitsStored: 8,
  highBit: 7,
  pixelRepresentation: 0,
});

const run = (task: PictureTask): Uint8Array => {
  const { frame, image, from } = task;
  const { bytes } = codecs.decode(frame, image, from);
  if (bytes.length !== (image.rows * image.columns * image.samplesPerPixel * image.bitsAllocated) / 8) {
    throw new DrimboxError('renditions/decode-failed', { detail: 'another length than the frame has' });
  }
  switch (task.kind) {
    case 'decode':
      return image.samplesPerPixel > 1 && image.planarConfiguration === 1 ? separatePlanes(bytes, image) : bytes;
    case 'code':
      return task.to === transferSyntaxes.jpegBaseline
        ? codecs.encodeLossy(bytes, eightBits(image, image.samplesPerPixel), task.quality)
        : codecs.encode(bytes, image, task.to);
    case 'draw': {
      const drawn = drawPicture(bytes, image, decodedPhotometric(image, from), task.look);
      const small = shrinkPicture(drawn, task.maxSide);
      const { rows, columns, samplesPerPixel } = small;
      return encodeJpeg(small.bytes, { ...eightBits(image, samplesPerPixel), rows, columns }, task.quality);
    }
  }
};

/** Noise in colours loses more than the codec's own check allows; the best quality may still be good enough. */
const encodeJpeg = (bytes: Uint8Array, image: ImageAttributes, quality: number): Uint8Array => {
  const encode: FrameCodecs['encodeLossy'] = (...rest) => codecs.encodeLossy(...rest);
  try {
    return encode(bytes, image, quality);
  } catch (error) {
    if (quality === 100 || asDrimboxError(error).code !== 'renditions/encode-failed') throw error;
    return encode(bytes, image, 100);
  }
};

/** Memory of its own, so that the other thread may take it. */
const own = (bytes: Uint8Array): Uint8Array<ArrayBuffer> =>
  bytes.buffer instanceof ArrayBuffer && bytes.byteLength === bytes.buffer.byteLength
    ? new Uint8Array(bytes.buffer)
    : new Uint8Array(bytes);

/** WebAssembly memory grows and never shrinks: after a frame this large a new thread costs less. */
const largeBytes = 2 ** 26;

const post = (answer: WorkerAnswer<PictureAnswer>, transfer: readonly ArrayBuffer[]): void =>
  parentPort?.postMessage(answer, transfer);

parentPort?.on('message', (task: PictureTask) => {
  try {
    const bytes = own(run(task));
    const isSpent = Math.max(bytes.length, task.frame.length) > largeBytes;
    post({ answer: { kind: 'made', bytes }, isSpent }, [bytes.buffer]);
  } catch (error) {
    const { code, cause } = asDrimboxError(error);
    const isOfCodec = code === 'renditions/decode-failed' || code === 'renditions/encode-failed';
    const isSpent = (isOfCodec && cause !== undefined) || code === 'general/internal';
    post({ answer: { kind: 'failed', code }, isSpent }, []);
  }
});
