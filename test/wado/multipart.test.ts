import { api } from 'dicomweb-client';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { transferSyntaxes as ts, type TransferSyntaxUid } from '../../plugin/standards/index.ts';
import {
  buildMultipartContentType,
  drawBoundary,
  encodeMultipartEnd,
  encodePartHead,
  parseAccept,
  chooseSyntax,
  PayloadForm,
} from '../../plugin/wado/index.ts';

const boundary = drawBoundary(() => Uint8Array.from({ length: 16 }, (_, place) => place * 17));

interface Part {
  readonly transferSyntax: TransferSyntaxUid;
  readonly bytes: Buffer;
}

const encode = (parts: readonly Part[]): Buffer =>
  Buffer.concat([
    ...parts.flatMap(({ transferSyntax, bytes }, place) => [
      encodePartHead(boundary, { place, transferSyntax }),
      bytes,
    ]),
    encodeMultipartEnd(boundary),
  ]);

/** RFC 2046, nothing tolerated: every byte of the body is accounted for. */
const parseStrictly = (contentType: string, body: Buffer) => {
  const asked = /boundary=([0-9A-Za-z'()+_,\-./:=?]{1,70})$/.exec(contentType)?.[1] ?? '';
  const text = body.toString('latin1');
  const delimiter = `--${asked}`;
  if (!text.startsWith(`${delimiter}\r\n`)) throw new Error('does not start with the delimiter');
  if (!text.endsWith(`\r\n${delimiter}--\r\n`)) throw new Error('does not end with the close delimiter');
  const inner = text.slice(delimiter.length + 2, -(delimiter.length + 6));
  return inner.split(`\r\n${delimiter}\r\n`).map((part) => {
    const end = part.indexOf('\r\n\r\n');
    const headers = new Map(
      part
        .slice(0, end)
        .split('\r\n')
        .map((line): [string, string] => {
          const [, name = '', value = ''] = /^([A-Za-z-]+): ([\x20-\x7e]+)$/.exec(line) ?? [];
          return [name, value];
        }),
    );
    return { headers, bytes: Buffer.from(part.slice(end + 4), 'latin1') };
  });
};

const ct = { transferSyntax: ts.explicitVrLittleEndian, bytes: Buffer.from('\0\0DICM first', 'latin1') };
const compressed = { transferSyntax: ts.jpegLsLossless, bytes: Buffer.from('second\r\n--\r\n\r\n') };

describe('a multipart answer', () => {
  test('says its parts in the words of the national sample', () => {
    expect(buildMultipartContentType(boundary, [ts.explicitVrLittleEndian, ts.explicitVrLittleEndian])).toBe(
      'multipart/related;start="<1@00112233-4455-6677-8899-aabbccddeeff>";transfer-syntax=1.2.840.10008.1.2.1;' +
        'type="application/dicom"; boundary=00112233-4455-6677-8899-aabbccddeeff',
    );
  });

  test('names no transfer syntax for the whole when the parts differ (PS3.18 8.7.9)', () => {
    expect(buildMultipartContentType(boundary, [ts.explicitVrLittleEndian, ts.jpegLsLossless])).not.toContain('syntax');
  });

  test('is, byte for byte, what RFC 2046 says', () => {
    expect(encode([ct, compressed]).toString('latin1')).toBe(
      [
        `--${boundary}`,
        `Content-ID: <1@${boundary}>`,
        'Content-Type: application/dicom;transfer-syntax=1.2.840.10008.1.2.1',
        '',
        '\0\0DICM first',
        `--${boundary}`,
        `Content-ID: <2@${boundary}>`,
        'Content-Type: application/dicom;transfer-syntax=1.2.840.10008.1.2.4.80',
        '',
        'second\r\n--\r\n\r\n',
        `--${boundary}--`,
        '',
      ].join('\r\n'),
    );
  });

  test('may tell where a part stands and how long it is', () => {
    const head = {
      place: 0,
      transferSyntax: ts.jpegLsLossless,
      contentLocation: 'https://db9.exemple.invalid/a?b=c',
      contentLengthBytes: 12,
    };
    const [part] = parseStrictly(
      `boundary=${boundary}`,
      Buffer.concat([encodePartHead(boundary, head), Buffer.from('x'), encodeMultipartEnd(boundary)]),
    );
    expect(part?.headers.get('Content-Location')).toBe('https://db9.exemple.invalid/a?b=c');
    expect(part?.headers.get('Content-Length')).toBe('12');
  });

  test.each(['a b', 'a\r\nX-Forged: 1', 'a\u0000', 'é', ''])(
    'never forges a header line from a location: %j',
    (contentLocation) => {
      expect(() => encodePartHead(boundary, { place: 0, transferSyntax: ts.jpegLsLossless, contentLocation })).toThrow(
        expect.objectContaining({ code: 'general/internal' }),
      );
    },
  );

  const parts = fc.array(
    fc.record<Part>({
      transferSyntax: fc.constantFrom(ts.explicitVrLittleEndian, ts.jpegLsLossless, ts.jpegBaseline),
      bytes: fc
        .oneof(
          fc.uint8Array({ maxLength: 300 }).map((bytes) => Buffer.from(bytes)),
          fc
            .array(fc.constantFrom('\r\n', '--', boundary.slice(0, -1), '\r\n\r\n', 'Content-Type: '), { maxLength: 9 })
            .map((all) => Buffer.from(all.join(''))),
        )
        .filter((bytes) => bytes.length > 0),
    }),
    { minLength: 1, maxLength: 6 },
  );

  test('gives back each part and its syntax, whatever the bytes', () => {
    fc.assert(
      fc.property(parts, (sent) => {
        const contentType = buildMultipartContentType(
          boundary,
          sent.map(({ transferSyntax }) => transferSyntax),
        );
        const read = parseStrictly(contentType, encode(sent));
        expect(read.map(({ bytes }) => bytes)).toEqual(sent.map(({ bytes }) => bytes));
        expect(read.map(({ headers }) => headers.get('Content-Type'))).toEqual(
          sent.map(({ transferSyntax }) => `application/dicom;transfer-syntax=${transferSyntax}`),
        );
        const ids = read.map(({ headers }) => headers.get('Content-ID') ?? '');
        expect(new Set(ids).size).toBe(sent.length);
        expect(contentType).toContain(`start="${ids[0] ?? 'none'}"`);
      }),
    );
  });
});

describe('a boundary', () => {
  test('is 128 bits of the random source, as hexadecimal digits and dashes: no quoting needed', () => {
    expect(boundary).toBe('00112233-4455-6677-8899-aabbccddeeff');
    expect(drawBoundary((size) => new Uint8Array(size).fill(255))).toBe('ffffffff-ffff-ffff-ffff-ffffffffffff');
    expect(() => drawBoundary(() => new Uint8Array(8))).toThrow(expect.objectContaining({ code: 'general/internal' }));
  });
});

/** What dicomweb-client needs of XMLHttpRequest: one exchange, answered at once by `answer`. */
const exchange = (answer: (accept: string) => { contentType: string; body: Buffer }) => {
  const headers = new Map<string, string>();
  const sent = { url: '' };
  const request = {
    readyState: 0,
    status: 0,
    response: new ArrayBuffer(0),
    responseType: '',
    contentType: '',
    onreadystatechange: () => {},
    open: (_: string, url: string) => {
      sent.url = url;
    },
    setRequestHeader: (name: string, value: string) => headers.set(name.toLowerCase(), value),
    getResponseHeader: () => request.contentType,
    getAllResponseHeaders: () => '',
    send: () => {
      const { contentType, body } = answer(headers.get('accept') ?? '');
      Object.assign(request, { readyState: 4, status: 200, contentType, response: Uint8Array.from(body).buffer });
      request.onreadystatechange();
    },
  };
  return { request, sent };
};

describe('the client that viewers use (npm dicomweb-client)', () => {
  const options = { studyInstanceUID: '1.2.3', seriesInstanceUID: '1.2.3.4' };
  const retrieve = async (answer: (accept: string) => { contentType: string; body: Buffer }, headers: object = {}) => {
    const { request, sent } = exchange(answer);
    const client = new api.DICOMwebClient({ url: 'http://x/rs', verbose: false, headers } as never);
    const parts: unknown = await client.retrieveSeries({ ...options, request: { instance: request } });
    return { parts: (parts as ArrayBuffer[]).map((part) => Buffer.from(part)), url: sent.url };
  };

  test('reads our parts back, in order', async () => {
    const sent = [ct, compressed, ct];
    const { parts, url } = await retrieve(() => ({
      contentType: buildMultipartContentType(boundary, []),
      body: encode(sent),
    }));
    expect(url).toBe('http://x/rs/studies/1.2.3/series/1.2.3.4');
    expect(parts).toEqual(sent.map(({ bytes }) => bytes));
  });

  test('sends an Accept that leads to what it asks for', async () => {
    const accepts: string[] = [];
    const answer = (accept: string) => {
      accepts.push(accept);
      return { contentType: buildMultipartContentType(boundary, []), body: encode([ct]) };
    };
    await retrieve(answer);
    // The client has no working option for another one (0.11.3 refuses its own media type): viewers set the header.
    await retrieve(answer, { Accept: 'multipart/related; type=application/dicom; transfer-syntax=*' });
    const part = { storedSyntax: ts.jpegLsLossless, isLossyStored: false, canProduce: () => true };
    expect(accepts.map((accept) => chooseSyntax(parseAccept([accept]), part, PayloadForm.multipart))).toEqual([
      { kind: 'produce', transferSyntax: ts.explicitVrLittleEndian },
      { kind: 'as-stored', transferSyntax: ts.jpegLsLossless },
    ]);
  });
});
