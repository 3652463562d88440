/**
 * Reads a multipart/related body to the byte: what lies between the line break after the headers and the line break before
 * the next boundary is the part, whatever it holds.
 *
 * ```
 * --boundary CRLF  headers CRLF  CRLF  bytes CRLF  --boundary CRLF … --boundary-- [CRLF]
 * ```
 * Lines end in CRLF; a bare LF ends nothing.
 *
 * @see RFC 2046 §5.1 · RFC 2387
 */
export interface MimePart {
  /** Names in lower case. */
  readonly headers: ReadonlyMap<string, string>;
  /** As transmitted, transfer encoding not undone. */
  readonly bytes: Buffer;
}

/** What is wrong with the body; the text is for the answer. */
export class MimeError extends Error {
  override readonly name = 'MimeError';
}

const boundaryPattern = /^[0-9A-Za-z'()+_,./:=? -]{0,69}[0-9A-Za-z'()+_,./:=?-]$/;
const maxHeaderBytes = 16_384;
const crlf = Buffer.from('\r\n');

const parseHeaders = (text: string): Map<string, string> => {
  const headers = new Map<string, string>();
  const unfolded = text.replaceAll(/\r\n[ \t]+/g, ' ');
  for (const line of unfolded.split('\r\n')) {
    if (line === '') continue;
    const found = /^([!#$%&'*+.^_`|~0-9A-Za-z-]+):[ \t]*([^\r\n]*?)[ \t]*$/.exec(line);
    const name = found?.[1]?.toLowerCase();
    if (name === undefined || headers.has(name)) throw new MimeError('malformed or repeated part header');
    headers.set(name, found?.[2] ?? '');
  }
  return headers;
};

const parsePart = (chunk: Buffer): MimePart => {
  if (chunk.subarray(0, 2).equals(crlf)) return { headers: new Map(), bytes: chunk.subarray(2) };
  const end = chunk.subarray(0, maxHeaderBytes).indexOf('\r\n\r\n');
  if (end < 0) throw new MimeError('part without end of headers');
  return { headers: parseHeaders(chunk.toString('latin1', 0, end + 2)), bytes: chunk.subarray(end + 4) };
};

/** @throws MimeError */
export const parseMimeParts = (body: Buffer, boundary: string): MimePart[] => {
  if (!boundaryPattern.test(boundary)) throw new MimeError('boundary missing or malformed');
  const first = Buffer.from(`--${boundary}`);
  const next = Buffer.from(`\r\n--${boundary}`);
  let start: number;
  if (body.subarray(0, first.length).equals(first)) start = first.length;
  else if (body.subarray(0, next.length).equals(next)) start = next.length;
  else throw new MimeError('body does not begin with its boundary');
  const parts: MimePart[] = [];
  for (;;) {
    const tail = body.subarray(start, start + 2).toString('latin1');
    if (tail === '--') break;
    if (tail !== '\r\n') throw new MimeError('boundary line does not end in CRLF');
    const end = body.indexOf(next, start + 2);
    // An empty part body: headers, empty line, boundary share line breaks
    if (end < 0) throw new MimeError('closing boundary missing');
    parts.push(parsePart(body.subarray(start + 2, end)));
    start = end + next.length;
  }
  if (
    body
      .subarray(start + 2)
      .toString('latin1')
      .trim() !== ''
  )
    throw new MimeError('bytes after the closing boundary');
  if (parts.length === 0) throw new MimeError('no part');
  return parts;
};

/** Undoes the Content-Transfer-Encoding. @throws MimeError */
export const decodePart = (part: MimePart): Buffer => {
  const encoding = (part.headers.get('content-transfer-encoding') ?? '7bit').toLowerCase();
  if (encoding === 'base64') {
    const text = part.bytes.toString('latin1').replaceAll(/\s+/g, '');
    if (!/^(?:[0-9A-Za-z+/]{4})*(?:[0-9A-Za-z+/]{2}==|[0-9A-Za-z+/]{3}=)?$/.test(text))
      throw new MimeError('invalid base64');
    return Buffer.from(text, 'base64');
  }
  if (encoding === '7bit' && part.bytes.some((byte) => byte > 127)) throw new MimeError('8-bit bytes in a 7bit part');
  if (['binary', '8bit', '7bit'].includes(encoding)) return part.bytes;
  throw new MimeError('unknown transfer encoding');
};
