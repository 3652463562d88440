/**
 * Which part of the archive a request asks for, and the head of the answer.
 *
 * A part is given only to who proves by If-Range that the rest is of this very archive: parts of two archives, made of the same
 * images at two times, do not fit together. Who cannot begins again.
 *
 * @see RFC 9110 §13.1.5 (If-Range), §14 (Range)
 */
import type { ExaminationZip } from './examination-zip.ts';
import type { ByteRange } from './image-entry.ts';

export interface RangeHeaders {
  readonly range?: string | undefined;
  readonly ifRange?: string | undefined;
}

export type RangeChoice =
  | { readonly kind: 'whole' }
  | { readonly kind: 'part'; readonly range: ByteRange }
  /** It begins behind the end. */
  | { readonly kind: 'unsatisfiable' };

type Sized = Pick<ExaminationZip, 'etag' | 'sizeBytes'>;

const oneRange = /^bytes=(\d{0,15})-(\d{0,15})$/;

/** Several ranges, other units and what is malformed get the whole, as the RFC allows. */
export const chooseRange = ({ range, ifRange }: RangeHeaders, { etag, sizeBytes }: Sized): RangeChoice => {
  const [, first = '', last = ''] = oneRange.exec(range?.trim() ?? '') ?? [];
  if (first + last === '' || ifRange?.trim() !== etag) return { kind: 'whole' };
  if (first === '') {
    const length = Math.min(Number(last), sizeBytes);
    return length === 0
      ? { kind: 'unsatisfiable' }
      : { kind: 'part', range: { start: sizeBytes - length, end: sizeBytes } };
  }
  const start = Number(first);
  const end = last === '' ? sizeBytes : Math.min(Number(last) + 1, sizeBytes);
  if (last !== '' && Number(last) < start) return { kind: 'whole' };
  return start >= sizeBytes ? { kind: 'unsatisfiable' } : { kind: 'part', range: { start, end } };
};

export interface ZipAnswerHead {
  readonly status: 200 | 206 | 416;
  readonly headers: Readonly<Record<string, string | number>>;
}

/** @param fileName  ASCII, without quotes; names nobody */
export const buildZipHead = (choice: RangeChoice, { etag, sizeBytes }: Sized, fileName: string): ZipAnswerHead => {
  if (choice.kind === 'unsatisfiable') return { status: 416, headers: { 'Content-Range': `bytes */${sizeBytes}` } };
  const headers = {
    'Content-Type': 'application/zip',
    'Content-Disposition': `attachment; filename="${fileName}"`,
    'Accept-Ranges': 'bytes',
    'Cache-Control': 'private, no-store',
    ETag: etag,
  };
  if (choice.kind === 'whole') return { status: 200, headers: { ...headers, 'Content-Length': sizeBytes } };
  const { start, end } = choice.range;
  return {
    status: 206,
    headers: {
      ...headers,
      'Content-Length': end - start,
      'Content-Range': `bytes ${start}-${end - 1}/${sizeBytes}`,
    },
  };
};
