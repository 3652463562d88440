/**
 * Writes an answer no faster than it is taken, and leaves a browser that takes nothing any more.
 *
 * `Cache-Control: private, no-cache` with a strong ETag: a browser may keep an image, but asks before it shows it again, so
 * that grant and flags are looked at each time (decision E5) and an image that did not change costs a 304. Nothing is
 * `immutable` and nothing has a `max-age`: a withdrawn study would stay visible for as long.
 *
 * @see RFC 9110 §8.8.3 (ETag), §13.1.2 (If-None-Match), §14 (Range) · RFC 9111 §5.2
 */
import { createHash } from 'node:crypto';
import type { ServerResponse } from 'node:http';
import { createAnswerWriter as createWriter } from '../../wado/index.ts';

export interface AnswerWriter {
  /** Aborted when the browser goes away before the end. */
  readonly signal: AbortSignal;
  readonly bytes: () => number;
  /** Bytes that somebody else wrote. */
  count(bytes: number): void;
  /** Resolves when more may be written; rejects when the browser is gone. */
  write(bytes: Uint8Array): Promise<void>;
  /** Resolves when everything was handed over; rejects when the browser is gone. */
  end(): Promise<void>;
}

export interface AnswerTerms {
  /** A browser that takes nothing for so long is left. */
  readonly idleMs: number;
  /** Monotonic, milliseconds. */
  readonly clock: () => number;
}

/** Of a frame at once: a slow line takes a little now and then, and is no idle one. */
const sliceBytes = 1024 * 1024;

export const createAnswerWriter = (response: ServerResponse, terms: AnswerTerms): AnswerWriter => {
  const writer = createWriter(response, terms);
  let counted = 0;
  return {
    signal: writer.signal,
    bytes: () => writer.bytes() + counted,
    count: (more) => {
      counted += more;
    },
    write: async (piece) => {
      for (let at = 0; at < piece.length; at += sliceBytes) await writer.write([piece.subarray(at, at + sliceBytes)]);
    },
    end: () => writer.end(),
  };
};

/** Of what decides every byte of an answer. */
export const buildEtag = (...parts: readonly (string | number)[]): string =>
  `"${createHash('sha256').update(parts.join('\n')).digest('base64url').slice(0, 27)}"`;

/** Whether the browser has it already. @param field  `If-None-Match`; weak tags compare alike (RFC 9110 §13.1.2) */
export const hasEtag = (field: string | undefined, etag: string): boolean =>
  field !== undefined && field.split(',').some((one) => one.trim() === '*' || one.trim().replace(/^W\//, '') === etag);

export const cacheHeaders = { 'Cache-Control': 'private, no-cache', 'X-Content-Type-Options': 'nosniff' } as const;

/** `end` is one past the last byte. */
export interface ByteRange {
  readonly start: number;
  readonly end: number;
}

export type RangeReading =
  | { readonly kind: 'whole' }
  | { readonly kind: 'part'; readonly range: ByteRange }
  | { readonly kind: 'unsatisfiable' };

/**
 * One range of bytes; anything else asks for the whole (RFC 9110 §14.2: what is not understood is ignored).
 *
 * @param field  `Range`
 */
export const parseRange = (field: string | undefined, sizeBytes: number): RangeReading => {
  const match = /^bytes=(\d{0,15})-(\d{0,15})$/.exec(field?.trim() ?? '');
  const [, first = '', last = ''] = match ?? [];
  if (match === null || (first === '' && last === '')) return { kind: 'whole' };
  const start = first === '' ? Math.max(0, sizeBytes - Number(last)) : Number(first);
  const end = first === '' || last === '' ? sizeBytes : Math.min(sizeBytes, Number(last) + 1);
  if (first !== '' && last !== '' && Number(last) < Number(first)) return { kind: 'whole' };
  return start >= end ? { kind: 'unsatisfiable' } : { kind: 'part', range: { start, end } };
};
