import { afterEach, describe, expect, it } from 'vitest';
import {
  createTranscoder,
  renditionOptions,
  type Transcoder,
  type TranscoderOptions,
  type TranscodingOutcome,
} from '../../plugin/renditions/index.ts';
import { transferSyntaxes as syntax } from '../../plugin/standards/index.ts';
import { expectedNative } from '../fixtures/renditions/expectations.ts';
import { inventedFile } from '../fixtures/renditions/images.ts';
import { decoders, pixelsOf } from '../fixtures/renditions/judges.ts';

const transcoders: Transcoder[] = [];
const open = (options: Partial<TranscoderOptions> = {}): Transcoder => {
  const transcoder = createTranscoder({ ...renditionOptions.parse(options), threads: options.threads ?? 2 });
  transcoders.push(transcoder);
  return transcoder;
};
afterEach(async () => {
  await Promise.all(transcoders.splice(0).map((transcoder) => transcoder.close()));
});

const slice = { bitsStored: 12, rows: 64, columns: 64 } as const;
const render = (transcoder: Transcoder, file: Buffer, to: string): Promise<TranscodingOutcome> =>
  transcoder.render({ byteLength: file.length, load: () => Promise.resolve(file), to });
const broken = (): Buffer => {
  const file = inventedFile(slice);
  return file.subarray(0, file.length - 1000);
};

describe('the transcoder (DB.SO.46, DB.SO.121)', () => {
  it('makes renditions in threads of its own that other decoders read', async () => {
    const transcoder = open();
    for (const to of [syntax.jpegLsLossless, syntax.jpegLosslessSv1, syntax.jpeg2000Lossless]) {
      const outcome = await render(transcoder, inventedFile(slice), to);
      if (outcome.kind !== 'made') throw new Error(outcome.kind);
      expect(pixelsOf(decoders.gdcm(outcome.bytes))).toEqual(expectedNative(slice));
    }
  });

  it('a broken image costs its own part only', async () => {
    const transcoder = open();
    const files = [inventedFile(slice), broken(), inventedFile(slice), broken(), inventedFile(slice)];
    const outcomes = await Promise.all(files.map((file) => render(transcoder, file, syntax.jpegLsLossless)));
    expect(outcomes.map(({ kind }) => kind)).toEqual(['made', 'failed', 'made', 'failed', 'made']);
  });

  it('a codec that trapped is not used again: its thread is replaced, the answers stay right', async () => {
    const transcoder = open({ threads: 1 });
    const made = await render(transcoder, inventedFile(slice), syntax.jpegLsLossless);
    if (made.kind !== 'made') throw new Error(made.kind);
    const trap = Buffer.from(made.bytes);
    // In the middle of the entropy-coded pixels: the end marker stays.
    trap.fill(0, trap.length - 1500, trap.length - 600);
    const outcome = await render(transcoder, trap, syntax.explicitVrLittleEndian);
    expect(outcome).toEqual({ kind: 'failed', code: 'renditions/decode-failed' });
    const next = await render(transcoder, inventedFile(slice), syntax.jpegLosslessSv1);
    expect(next.kind).toBe('made');
  });

  it('reads a file when its turn comes: memory is bounded by the budget, not by who asks', async () => {
    const file = inventedFile({ bitsStored: 12, rows: 512, columns: 512 });
    const transcoder = open({ maxQueuedBytes: 2 ** 20 });
    const held: number[] = [];
    const load = (): Promise<Buffer> => {
      held.push(transcoder.counts().heldBytes);
      return Promise.resolve(Buffer.from(file));
    };
    const one = () => transcoder.render({ byteLength: file.length, load, to: syntax.jpegLsLossless });
    const outcomes = await Promise.all(Array.from({ length: 8 }, one));
    expect(outcomes.every(({ kind }) => kind === 'made')).toBe(true);
    // 0.5 MB a file, twice that held: one at a time.
    expect(held).toEqual(Array.from({ length: 8 }, () => 2 * file.length));
    expect(transcoder.counts()).toEqual({ running: 0, waiting: 0, heldBytes: 0 });
  });

  it('ends a conversion that takes too long (renditions/timeout) and gives its bytes back', async () => {
    const file = inventedFile({ bitsStored: 16, rows: 3000, columns: 3000 });
    const transcoder = open({ threads: 1, timeoutMs: 100 });
    expect(await render(transcoder, file, syntax.jpeg2000Lossless)).toEqual({
      kind: 'failed',
      code: 'renditions/timeout',
    });
    expect(transcoder.counts().heldBytes).toBe(0);
  });

  it('a client that went away is not read for', async () => {
    const transcoder = open();
    let isRead = false;
    const load = (): Promise<Buffer> => {
      isRead = true;
      return Promise.resolve(inventedFile(slice));
    };
    const job = { byteLength: 1000, load, to: syntax.jpegLsLossless, signal: AbortSignal.abort() };
    expect(await transcoder.render(job)).toEqual({ kind: 'cancelled' });
    expect(isRead).toBe(false);
  });

  it('passes on that a file could not be read, and gives its bytes back', async () => {
    const transcoder = open();
    const job = { byteLength: 1000, load: () => Promise.reject(new Error('gone')), to: syntax.jpegLsLossless };
    await expect(transcoder.render(job)).rejects.toThrow('gone');
    expect(transcoder.counts().heldBytes).toBe(0);
  });

  it('leaves nothing running once closed', async () => {
    const transcoder = open();
    const jobs = [1, 2, 3, 4].map(() => render(transcoder, inventedFile(slice), syntax.jpeg2000Lossless));
    await transcoder.close();
    for (const outcome of await Promise.all(jobs)) expect(outcome.kind).toBe('cancelled');
    expect(await render(transcoder, inventedFile(slice), syntax.jpegLsLossless)).toEqual({ kind: 'cancelled' });
  });
});

describe('its options', () => {
  it('have defaults, and refuse what is not known', () => {
    expect(renditionOptions.parse({})).toMatchObject({ timeoutMs: 60_000, lossyQuality: 90 });
    expect(renditionOptions.safeParse({ thread: 2 }).success).toBe(false);
    expect(renditionOptions.safeParse({ threads: 0 }).success).toBe(false);
  });
});
