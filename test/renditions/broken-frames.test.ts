import fc from 'fast-check';
import { beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { readFrames } from '../../plugin/dicom-file/index.ts';
import { DrimboxError } from '../../plugin/errors.ts';
import { type FrameCodecs, loadFrameCodecs } from '../../plugin/renditions/index.ts';
import { decodeRle } from '../../plugin/renditions/rle-decoder.ts';
import { imageOf, inventedFile, inventedSamples } from '../fixtures/renditions/images.ts';
import { convertWith, outlineOf } from '../fixtures/renditions/judges.ts';

const syntaxes = {
  'JPEG lossless': '1.2.840.10008.1.2.4.70',
  'JPEG-LS': '1.2.840.10008.1.2.4.80',
  'JPEG 2000': '1.2.840.10008.1.2.4.90',
} as const;
const names = Object.keys(syntaxes) as (keyof typeof syntaxes)[];
const image = imageOf({ bitsStored: 12 });
const samples = inventedSamples({ bitsStored: 12 });

let codecs: FrameCodecs;
let frames: Record<keyof typeof syntaxes, Uint8Array>;
const reload = async (): Promise<void> => {
  codecs = await loadFrameCodecs();
};
beforeAll(async () => {
  await reload();
  frames = Object.fromEntries(
    names.map((name) => [name, codecs.encode(samples, image, syntaxes[name])]),
  ) as typeof frames;
});
// A codec that failed is not used again, here as in the service.
beforeEach(reload);

const failureOf = (work: () => unknown): DrimboxError | undefined => {
  try {
    work();
    return undefined;
  } catch (error) {
    if (error instanceof DrimboxError) return error;
    throw error;
  }
};

const decode = (name: keyof typeof syntaxes, frame: Uint8Array, of = image) => codecs.decode(frame, of, syntaxes[name]);
const marker = (frame: Uint8Array, code: number): number => Buffer.from(frame).indexOf(Buffer.from([0xff, code]));
const patched = (frame: Uint8Array, offset: number, bytes: readonly number[]): Uint8Array => {
  const copy = frame.slice();
  copy.set(bytes, offset);
  return copy;
};

describe('a broken frame is never sent as an image', () => {
  it.each(names)(
    '%s: cut at every byte, it is refused: a decoder would fill in the rest (renditions/decode-failed)',
    async (name) => {
      const frame = frames[name];
      for (let length = 0; length < frame.length - 2; length += length < 200 ? 1 : 37) {
        const failure = failureOf(() => decode(name, frame.subarray(0, length)));
        expect(failure?.code, `${length} of ${frame.length}`).toBe('renditions/decode-failed');
        if (failure?.cause !== undefined) await reload();
      }
    },
  );

  it.each(['JPEG lossless', 'JPEG-LS'] as const)(
    '%s: cut and closed with an end marker, it is refused: the decoder would fill it with grey',
    async (name) => {
      const frame = frames[name];
      for (let length = 200; length < frame.length - 8; length += 41) {
        const closed = Buffer.concat([frame.subarray(0, length), Buffer.from([0xff, 0xd9])]);
        expect(failureOf(() => decode(name, closed))?.code, String(length)).toBe('renditions/decode-failed');
        await reload();
      }
    },
  );

  it('JPEG baseline and extended: cut and closed with an end marker, they are refused', async () => {
    for (const [option, bits] of [
      ['+eb', 8],
      ['+ee', 12],
    ] as const) {
      const file = convertWith(
        'dcmcjpeg',
        [option],
        inventedFile(bits === 8 ? { bitsAllocated: 8 } : { bitsStored: 12 }),
      );
      const outline = outlineOf(file);
      const [whole = Buffer.alloc(0)] = [...readFrames(outline, file)];
      const decodeWhole = (frame: Uint8Array) =>
        codecs.decode(frame, outline.image ?? image, outline.transferSyntaxUid);
      expect(decodeWhole(whole).isLossy).toBe(true);
      for (const share of [0.6, 0.8, 0.95]) {
        const closed = Buffer.concat([whole.subarray(0, Math.floor(whole.length * share)), Buffer.from([0xff, 0xd9])]);
        expect(failureOf(() => decodeWhole(closed))?.code, `${option} ${share}`).toBe('renditions/decode-failed');
        await reload();
      }
    }
  });

  it.each(names)('%s: a size that the attributes do not say is refused before pixels are allocated', (name) => {
    const sizeOffset = {
      'JPEG lossless': marker(frames[name], 0xc3) + 5,
      'JPEG-LS': marker(frames[name], 0xf7) + 5,
      'JPEG 2000': marker(frames[name], 0x51) + 6,
    }[name];
    const size = name === 'JPEG 2000' ? [0, 0, 0xff, 0xff, 0, 0, 0xff, 0xff] : [0xff, 0xff, 0xff, 0xff];
    const bomb = patched(frames[name], sizeOffset, size);
    const before = process.memoryUsage().external;
    const failure = failureOf(() => decode(name, bomb));
    expect(failure?.code).toBe('renditions/decode-failed');
    expect(failure?.cause).toBeUndefined();
    expect(process.memoryUsage().external - before).toBeLessThan(2 ** 24);
  });

  it.each(names)('%s: other rows, columns, samples or depth than the attributes say are another image', (name) => {
    for (const other of [{ rows: 25 }, { columns: 31 }, { samplesPerPixel: 3 }, { bitsAllocated: 8, bitsStored: 8 }]) {
      const failure = failureOf(() => decode(name, frames[name], { ...image, ...other }));
      expect(failure?.code).toBe('renditions/decode-failed');
      expect(failure?.cause).toBeUndefined();
    }
  });

  it.each(names)('%s: another code stream under its name is refused', (name) => {
    for (const other of names.filter((each) => each !== name)) {
      expect(failureOf(() => decode(name, frames[other]))?.code).toBe('renditions/decode-failed');
    }
  });

  it('JPEG 2000: more tiles than a code stream can number are refused', () => {
    const at = marker(frames['JPEG 2000'], 0x51);
    const tiny = patched(frames['JPEG 2000'], at + 22, [0, 0, 0, 1, 0, 0, 0, 1]);
    expect(failureOf(() => decode('JPEG 2000', tiny))?.code).toBe('renditions/decode-failed');
  });

  it('JPEG 2000: a code stream in JP2 boxes is found', () => {
    const box = (type: string, body: Uint8Array): Buffer => {
      const header = Buffer.alloc(8);
      header.writeUInt32BE(8 + body.length);
      header.write(type, 4, 'latin1');
      return Buffer.concat([header, body]);
    };
    const signature = box('jP  ', Buffer.from('0d0a870a', 'hex'));
    const boxed = Buffer.concat([signature, box('jp2h', Buffer.alloc(5)), box('jp2c', frames['JPEG 2000'])]);
    expect(decode('JPEG 2000', boxed).bytes).toEqual(samples);
    expect(failureOf(() => decode('JPEG 2000', boxed.subarray(0, -1)))?.code).toBe('renditions/decode-failed');
    expect(failureOf(() => decode('JPEG 2000', signature))?.code).toBe('renditions/decode-failed');
  });

  it('JPEG 2000: signed samples of unsigned attributes are refused where a sign would become half the range', () => {
    const signed = { ...image, pixelRepresentation: 1 };
    const encoded = codecs.encode(
      inventedSamples({ bitsStored: 12, pixelRepresentation: 1 }),
      signed,
      syntaxes['JPEG 2000'],
    );
    expect(failureOf(() => codecs.decode(encoded, image, syntaxes['JPEG 2000']))?.detail).toBe(
      'signed against attributes',
    );
  });

  it.each(names)('%s: whatever bytes are wrong, the failure is ours and the next frame decodes', async (name) => {
    const frame = frames[name];
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.tuple(fc.nat(frame.length - 1), fc.nat(255)), { minLength: 1, maxLength: 6 }),
        async (changes) => {
          const wrong = frame.slice();
          for (const [at, value] of changes) wrong[at] = value;
          const failure = failureOf(() => decode(name, wrong));
          if (failure?.cause !== undefined) await reload();
          expect(decode(name, frame).bytes).toEqual(samples);
        },
      ),
      { numRuns: 60 },
    );
  });

  it.each(names)('%s: rubbish is refused', (name) => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 400 }), (rubbish) => {
        expect(failureOf(() => decode(name, rubbish))?.code).toBe('renditions/decode-failed');
      }),
      { numRuns: 100 },
    );
  });
});

describe('RLE (PS3.5 annex G)', () => {
  const header = (offsets: readonly number[]): Buffer => {
    const bytes = Buffer.alloc(64);
    bytes.writeUInt32LE(offsets.length);
    for (const [index, offset] of offsets.entries()) bytes.writeUInt32LE(offset, 4 + 4 * index);
    return bytes;
  };

  it('unpacks literals and runs, most significant byte first, and ignores the control byte 128 and padding', () => {
    const high = Buffer.from([1, 0x12, 0x34, 128, 0xff, 0x56]); // two literals, nothing, 0x56 twice
    const low = Buffer.from([0xfd, 0x9a, 0, 0]); // 0x9a four times, padding
    const frame = Buffer.concat([header([64, 64 + high.length]), high, low]);
    expect(Buffer.from(decodeRle(frame, 4, 1, 2)).toString('hex')).toBe('9a129a349a569a56');
  });

  it('refuses what ends before its pixels, has another number of segments, or segments out of order', () => {
    const whole = Buffer.concat([header([64]), Buffer.from([0xfd, 7])]);
    expect([...decodeRle(whole, 4, 1, 1)]).toEqual([7, 7, 7, 7]);
    expect(failureOf(() => decodeRle(whole, 5, 1, 1))?.code).toBe('renditions/decode-failed');
    expect(failureOf(() => decodeRle(whole, 4, 1, 2))?.code).toBe('renditions/decode-failed');
    expect(failureOf(() => decodeRle(whole.subarray(0, 65), 4, 1, 1))?.code).toBe('renditions/decode-failed');
    expect(failureOf(() => decodeRle(whole.subarray(0, 40), 4, 1, 1))?.code).toBe('renditions/decode-failed');
    const backwards = Buffer.concat([header([66, 64]), Buffer.from([0xfd, 7, 0xfd, 7])]);
    expect(failureOf(() => decodeRle(backwards, 4, 1, 2))?.code).toBe('renditions/decode-failed');
  });

  it('never throws but ours', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), fc.nat(50), fc.constantFrom(1, 2, 4), (rubbish, pixels, bytes) => {
        const failure = failureOf(() => decodeRle(rubbish, pixels, 1, bytes));
        expect(failure === undefined || failure.code === 'renditions/decode-failed').toBe(true);
      }),
    );
  });
});
