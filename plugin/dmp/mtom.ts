/**
 * Multipart packaging: encodes a request whose documents travel beside the envelope (MTOM), decodes an answer that comes
 * as multipart.
 *
 * @see XOP 1.0 · SOAP MTOM · RFC 2387 (multipart/related) · RFC 2046 §5.1 (boundaries) · facts/spec.md b.4.2
 */
import { DrimboxError } from '../errors.ts';

export type TransferEncoding = 'binary' | 'base64';

export interface MtomPart {
  /** Content-ID without angle brackets. */
  readonly contentId: string;
  readonly bytes: Uint8Array;
  readonly transferEncoding: TransferEncoding;
}

export interface MultipartMessage {
  readonly contentType: string;
  readonly body: Uint8Array;
}

const rootContentId = '0.1';
/** As the publication sample writes it; not the SOAP action. */
const rootAction = 'DocumentRepository_ProvideAndRegisterDocumentSet-b';

const encodePart = (headers: readonly string[], bytes: Uint8Array): Buffer =>
  Buffer.concat([Buffer.from(`${headers.join('\r\n')}\r\n\r\n`, 'latin1'), bytes]);

/**
 * @param boundary  must occur in no part: made from a fresh UUID
 * @throws dmp/value-invalid — the boundary occurs in a part
 */
export const encodeMtom = (
  envelope: string,
  parts: readonly MtomPart[],
  action: string,
  boundary: string,
): MultipartMessage => {
  const root = encodePart(
    [
      `Content-Type: application/xop+xml; charset=UTF-8; type="application/soap+xml"; action="${rootAction}"`,
      'Content-Transfer-Encoding: binary',
      `Content-ID: <${rootContentId}>`,
    ],
    Buffer.from(envelope, 'utf8'),
  );
  const others = parts.map(({ contentId, bytes, transferEncoding }) =>
    encodePart(
      [
        'Content-Type: application/octet-stream',
        `Content-Transfer-Encoding: ${transferEncoding}`,
        `Content-ID: <${contentId}>`,
      ],
      transferEncoding === 'binary' ? bytes : encodeBase64Lines(bytes),
    ),
  );
  const all = [root, ...others];
  if (all.some((part) => part.includes(boundary))) {
    throw new DrimboxError('dmp/value-invalid', { detail: 'the MIME boundary occurs in a part' });
  }
  const delimiter = Buffer.from(`--${boundary}\r\n`, 'latin1');
  const lineEnd = Buffer.from('\r\n', 'latin1');
  return {
    contentType:
      `multipart/related; boundary="${boundary}"; type="application/xop+xml"; start="<${rootContentId}>"; ` +
      `start-info="application/soap+xml"; action="${action}"`,
    body: Buffer.concat([
      ...all.flatMap((part) => [delimiter, part, lineEnd]),
      Buffer.from(`--${boundary}--\r\n`, 'latin1'),
    ]),
  };
};

const encodeBase64Lines = (bytes: Uint8Array): Buffer =>
  Buffer.from(
    (
      Buffer.from(bytes)
        .toString('base64')
        .match(/.{1,76}/g) ?? []
    ).join('\r\n'),
    'latin1',
  );

/** A part of a decoded message; header names in lower case, bytes after the transfer encoding is undone. */
export interface DecodedPart {
  readonly headers: ReadonlyMap<string, string>;
  readonly bytes: Uint8Array;
}

const parameterOf = (header: string, name: string): string | undefined => {
  const found = new RegExp(`;\\s*${name}\\s*=\\s*(?:"((?:[^"\\\\]|\\\\.)*)"|([^;\\s]+))`, 'i').exec(header);
  return found?.[1]?.replace(/\\(.)/g, '$1') ?? found?.[2];
};

export const mediaTypeOf = (contentType: string): string => (contentType.split(';')[0] ?? '').trim().toLowerCase();
export const charsetOf = (contentType: string): string | undefined => parameterOf(contentType, 'charset');
export const isMultipart = (contentType: string): boolean => mediaTypeOf(contentType).startsWith('multipart/');

const invalid = (detail: string): DrimboxError => new DrimboxError('dmp/answer-invalid', { detail });

const splitParts = (body: Buffer, boundary: string): Buffer[] => {
  const delimiter = Buffer.from(`--${boundary}`, 'latin1');
  const starts: number[] = [];
  for (let at = body.indexOf(delimiter); at >= 0; at = body.indexOf(delimiter, at + delimiter.length)) {
    // A whole line, or a longer boundary that starts alike would cut here.
    const rest = body.subarray(at + delimiter.length, at + delimiter.length + 80).toString('latin1');
    if ((at === 0 || body[at - 1] === 0x0a) && /^(?:--|[ \t]*\r?\n)/.test(rest)) starts.push(at);
  }
  const parts: Buffer[] = [];
  let isClosed = false;
  for (const [index, at] of starts.entries()) {
    const after = at + delimiter.length;
    if (body[after] === 0x2d) {
      isClosed = true;
      break;
    }
    const end = starts[index + 1];
    if (end === undefined) break;
    const lineEnd = body.indexOf('\n', after) + 1;
    // The line end before a delimiter belongs to the delimiter.
    const last = body[end - 2] === 0x0d ? end - 2 : end - 1;
    if (lineEnd > 0 && lineEnd <= end) parts.push(body.subarray(lineEnd, Math.max(lineEnd, last)));
  }
  if (!isClosed) throw invalid('multipart answer without its closing boundary');
  return parts;
};

const decodePart = (part: Buffer): DecodedPart => {
  const separator = /\r?\n\r?\n/.exec(part.subarray(0, 8192).toString('latin1'));
  if (separator === null) throw invalid('part without a header');
  const headers = new Map<string, string>();
  for (const line of part
    .subarray(0, separator.index)
    .toString('latin1')
    .replace(/\r?\n[ \t]+/g, ' ')
    .split(/\r?\n/)) {
    const colon = line.indexOf(':');
    if (colon > 0) headers.set(line.slice(0, colon).trim().toLowerCase(), line.slice(colon + 1).trim());
  }
  const raw = part.subarray(separator.index + separator[0].length);
  const isBase64 = headers.get('content-transfer-encoding')?.toLowerCase() === 'base64';
  return { headers, bytes: isBase64 ? Buffer.from(raw.toString('latin1'), 'base64') : raw };
};

const withoutBrackets = (contentId: string): string => contentId.replace(/^<(.*)>$/, '$1');
const contentIdOf = (part: DecodedPart): string => withoutBrackets(part.headers.get('content-id') ?? '');

/**
 * Every part of a multipart message, the root first (named by `start`, else the first).
 *
 * @throws dmp/answer-invalid — no boundary, not closed (cut off), no part, no such root
 */
export const decodeMultipart = (contentType: string, body: Uint8Array): readonly [DecodedPart, ...DecodedPart[]] => {
  const boundary = parameterOf(contentType, 'boundary');
  if (boundary === undefined || boundary === '') throw invalid('multipart answer without a boundary');
  const parts = splitParts(Buffer.from(body.buffer, body.byteOffset, body.byteLength), boundary).map(decodePart);
  const start = parameterOf(contentType, 'start');
  const root = start === undefined ? parts[0] : parts.find((part) => contentIdOf(part) === withoutBrackets(start));
  if (root === undefined) throw invalid('multipart answer without its root part');
  return [root, ...parts.filter((part) => part !== root)];
};
