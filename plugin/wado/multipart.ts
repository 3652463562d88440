/**
 * The bytes around the parts of a multipart/related answer.
 *
 * ```
 * --<boundary> CRLF
 * Content-ID: <1@boundary> CRLF
 * Content-Type: application/dicom;transfer-syntax=<uid> CRLF
 * CRLF
 * …file… CRLF
 * --<boundary>-- CRLF
 * ```
 * Parts are never searched for the boundary: it is 128 random bits drawn for this answer, so no stored file can hold it
 * but by a chance of 2⁻¹²⁸ for each place.
 *
 * @see RFC 2046 §5.1.1 · RFC 2387 · PS3.18 §8.6.1.2 · facts/spec.md b.5.2 (the national sample)
 */
import { DrimboxError } from '../errors.ts';
import type { TransferSyntaxUid } from '../standards/index.ts';

/** 8-4-4-4-12 hexadecimal digits. */
export type Boundary = string;

/**
 * @param randomBytes  a cryptographic source; asked for 16 bytes
 * @throws general/internal  the source gave another length
 */
export const drawBoundary = (randomBytes: (size: number) => Uint8Array): Boundary => {
  const hex = Buffer.from(randomBytes(16)).toString('hex');
  if (hex.length !== 32) throw new DrimboxError('general/internal', { detail: 'random source of a wrong length' });
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join('-');
};

const contentId = (boundary: Boundary, place: number): string => `<${place + 1}@${boundary}>`;

/**
 * `Content-Type` of the answer, in the words and order of the national sample.
 *
 * @param transferSyntaxes  of all parts; the parameter `transfer-syntax` stands only when they have one in common (PS3.18
 *   §8.7.9: it shall say how the parts are encoded)
 */
export const buildMultipartContentType = (
  boundary: Boundary,
  transferSyntaxes: readonly TransferSyntaxUid[],
): string => {
  const [first, ...others] = new Set(transferSyntaxes);
  const syntax = first === undefined || others.length > 0 ? '' : `transfer-syntax=${first};`;
  return `multipart/related;start="${contentId(boundary, 0)}";${syntax}type="application/dicom"; boundary=${boundary}`;
};

export const buildPartContentType = (transferSyntax: TransferSyntaxUid): string =>
  `application/dicom;transfer-syntax=${transferSyntax}`;

export interface PartHead {
  /** 0 for the first part of the answer. */
  readonly place: number;
  readonly transferSyntax: TransferSyntaxUid;
  /** URL of the instance. */
  readonly contentLocation?: string;
  readonly contentLengthBytes?: number;
}

const printable = /^[\x21-\x7e]+$/;

/**
 * What stands between the end of the part before and the first byte of this one.
 *
 * @throws general/internal  a URL with white space or control characters: it would forge header lines
 */
export const encodePartHead = (boundary: Boundary, head: PartHead): Buffer => {
  const { place, transferSyntax, contentLocation, contentLengthBytes } = head;
  if (contentLocation !== undefined && !printable.test(contentLocation)) {
    throw new DrimboxError('general/internal', { detail: 'Content-Location is not a URL' });
  }
  const lines = [
    `${place === 0 ? '' : '\r\n'}--${boundary}`,
    `Content-ID: ${contentId(boundary, place)}`,
    `Content-Type: ${buildPartContentType(transferSyntax)}`,
    ...(contentLengthBytes === undefined ? [] : [`Content-Length: ${contentLengthBytes}`]),
    ...(contentLocation === undefined ? [] : [`Content-Location: ${contentLocation}`]),
    '\r\n',
  ];
  return Buffer.from(lines.join('\r\n'), 'latin1');
};

/** After the last byte of the last part. An answer without a part has no multipart body: it is a 404, 406 or 410. */
export const encodeMultipartEnd = (boundary: Boundary): Buffer => Buffer.from(`\r\n--${boundary}--\r\n`, 'latin1');
