/** Reads a mail as a mail program would: shares no code with what wrote it. */

export interface ParsedMail {
  /** Unfolded and decoded, by name in lower case; several of one name in order. */
  readonly headers: ReadonlyMap<string, readonly string[]>;
  readonly text: string;
}

const decodeQuoted = (text: string, isHeader: boolean): Buffer => {
  const joined = isHeader ? text.replaceAll('_', ' ') : text.replaceAll(/=\r\n/g, '');
  const bytes = joined.replaceAll(/=([0-9A-F]{2})/gi, (_, hex: string) =>
    String.fromCharCode(Number.parseInt(hex, 16)),
  );
  return Buffer.from(bytes, 'latin1');
};

/** RFC 2047 */
const decodeWords = (text: string): string =>
  text
    .replaceAll(/(\?=)\s+(=\?)/g, '$1$2')
    .replaceAll(/=\?utf-8\?([qb])\?([^?]*)\?=/gi, (_, encoding: string, word: string) =>
      encoding.toLowerCase() === 'q'
        ? decodeQuoted(word, true).toString('latin1')
        : Buffer.from(word, 'base64').toString('latin1'),
    );

const decodeHeader = (text: string): string => Buffer.from(decodeWords(text), 'latin1').toString('utf8');

export const parseMail = (raw: Buffer): ParsedMail => {
  const whole = raw.toString('latin1');
  const end = whole.indexOf('\r\n\r\n');
  const headers = new Map<string, string[]>();
  for (const line of whole
    .slice(0, end)
    .replaceAll(/\r\n[ \t]+/g, ' ')
    .split('\r\n')) {
    const colon = line.indexOf(':');
    const name = line.slice(0, colon).toLowerCase();
    headers.set(name, [...(headers.get(name) ?? []), decodeHeader(line.slice(colon + 1).trim())]);
  }
  const body = whole.slice(end + 4);
  const encoding = headers.get('content-transfer-encoding')?.[0]?.toLowerCase();
  const bytes =
    encoding === 'quoted-printable'
      ? decodeQuoted(body, false)
      : encoding === 'base64'
        ? Buffer.from(body, 'base64')
        : Buffer.from(body, 'latin1');
  return { headers, text: bytes.toString('utf8').replaceAll('\r\n', '\n') };
};
