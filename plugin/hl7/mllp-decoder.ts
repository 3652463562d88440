import { DrimboxError } from '../errors.ts';
import { createFrameBuffer } from './frame-buffer.ts';
import { carriageReturn, endBlock, lineFeed, startBlock } from './mllp-frame.ts';

/** What came out of the bytes pushed. A fault is the last thing a decoder says. */
export type MllpEvent =
  | { readonly kind: 'frame'; readonly frame: Uint8Array }
  /** `head`: the first bytes of the frame at fault, enough to read MSH; empty for bytes outside a frame. */
  | { readonly kind: 'fault'; readonly error: DrimboxError; readonly head: Uint8Array };

export interface MllpDecoder {
  push(chunk: Uint8Array): readonly MllpEvent[];
  /** Bytes of a frame that has begun and not ended. */
  pendingBytes(): number;
  /** Blank bytes met outside frames. */
  ignoredBytes(): number;
  /** Frames given up because their sender began again (`<SB>MSH` inside a frame). */
  restartedFrames(): number;
}

type State = 'outside' | 'inside' | 'after-end-block' | 'faulted';

const headBytes = 4096;
const space = 0x20;
const tab = 0x09;
const endBlockBytes = Buffer.of(endBlock);
const restart = Buffer.from([startBlock, 0x4d, 0x53, 0x48]); // <SB>MSH

const isBlank = (byte: number): boolean =>
  byte === carriageReturn || byte === lineFeed || byte === space || byte === tab;

/**
 * Cuts a TCP stream into HL7 messages, wherever TCP cut it.
 *
 * ```
 *            <SB>                    <EB>                      <CR> or <LF>: frame
 *  outside ───────▶ inside ─────────────────▶ after-end-block ────────────────────▶ outside
 *  blanks ↺        bytes ↺   ◀───────────────  <SB>: frame, next one begins
 *                              any other byte: <EB> was content
 * ```
 * - Blanks (CR, LF, space, tab) between frames are skipped and counted; any other byte there is a fault.
 * - `<SB>MSH` inside a frame: the sender gave the frame up and began again, so what came before is dropped. It was never
 *   acknowledged. Joining both would mix two patients. A `<SB>` before anything else is content (a soft line break of
 *   word processors).
 * - A frame over `maxFrameBytes` is a fault before more than that is held; each byte is copied at most three times.
 *
 * @param options  `maxFrameBytes`: content of one frame, without its three framing bytes
 * @see mllp-frame.ts
 */
export const createMllpDecoder = (options: { readonly maxFrameBytes: number }): MllpDecoder => {
  const content = createFrameBuffer(options.maxFrameBytes);
  let state: State = 'outside';
  let ignored = 0;
  let restarted = 0;
  let events: MllpEvent[] = [];

  const fail = (error: DrimboxError, head: Uint8Array): void => {
    events.push({ kind: 'fault', error, head });
    content.take();
    state = 'faulted';
  };

  const append = (bytes: Uint8Array): void => {
    if (content.append(bytes)) return;
    const detail = `frame over ${options.maxFrameBytes} bytes`;
    const head = Buffer.concat([content.head(headBytes), bytes.subarray(0, headBytes)]).subarray(0, headBytes);
    fail(new DrimboxError('hl7/frame-too-large', { detail }), head);
  };

  const endFrame = (): void => {
    const whole = content.take();
    const begin = whole.lastIndexOf(restart) + 1;
    if (begin > 0) restarted += 1;
    events.push({ kind: 'frame', frame: whole.subarray(begin) });
    state = 'outside';
  };

  /** Each step looks from `at` on and says from where the next one looks. */
  const outside = (chunk: Buffer, at: number): number => {
    const byte = chunk[at] as number;
    if (byte === startBlock) state = 'inside';
    else if (isBlank(byte)) ignored += 1;
    else {
      const detail = `byte 0x${byte.toString(16).padStart(2, '0')} outside a frame`;
      fail(new DrimboxError('hl7/frame-invalid', { detail }), new Uint8Array(0));
    }
    return at + 1;
  };

  const inside = (chunk: Buffer, at: number): number => {
    const end = chunk.indexOf(endBlock, at);
    if (end < 0) {
      append(chunk.subarray(at));
      return chunk.length;
    }
    state = 'after-end-block';
    append(chunk.subarray(at, end));
    return end + 1;
  };

  const afterEndBlock = (chunk: Buffer, at: number): number => {
    const byte = chunk[at] as number;
    if (byte === carriageReturn || byte === lineFeed) {
      endFrame();
      return at + 1;
    }
    if (byte === startBlock) {
      endFrame();
      return at;
    }
    if (byte !== endBlock) state = 'inside';
    append(endBlockBytes);
    return byte === endBlock ? at + 1 : at;
  };

  const faulted = (chunk: Buffer): number => chunk.length;

  const steps = { outside, inside, 'after-end-block': afterEndBlock, faulted };

  return {
    push(bytes) {
      const chunk = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
      events = [];
      let at = 0;
      while (at < chunk.length) at = steps[state](chunk, at);
      return events;
    },
    pendingBytes: () => (state === 'outside' || state === 'faulted' ? 0 : content.length() + 1),
    ignoredBytes: () => ignored,
    restartedFrames: () => restarted,
  };
};
