import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { decodeMultipart, encodeMtom } from '../../plugin/dmp/mtom.ts';
import { multipart } from '../fixtures/dmp/answers.ts';
import { sampleKos } from '../fixtures/dmp/sample-metadata.ts';

const invalid = expect.objectContaining({ code: 'dmp/answer-invalid' });
const part = (contentId: string, bytes: Uint8Array, transferEncoding: 'binary' | 'base64' = 'binary') => ({
  contentId,
  bytes,
  transferEncoding,
});
const errorOf = (act: () => unknown): unknown => {
  try {
    return act();
  } catch (error) {
    return error;
  }
};

describe('encoding a request (facts b.4.2)', () => {
  it('is the message of the specification, byte for byte', () => {
    const { contentType, body } = encodeMtom(
      '<e/>',
      [part('0.3', Buffer.from('<s/>')), part('0.2', Buffer.from('KOS'), 'base64')],
      'urn:a',
      'B',
    );
    expect(contentType).toBe(
      'multipart/related; boundary="B"; type="application/xop+xml"; start="<0.1>"; start-info="application/soap+xml"; action="urn:a"',
    );
    expect(Buffer.from(body).toString('latin1')).toBe(
      [
        '--B',
        'Content-Type: application/xop+xml; charset=UTF-8; type="application/soap+xml"; action="DocumentRepository_ProvideAndRegisterDocumentSet-b"',
        'Content-Transfer-Encoding: binary',
        'Content-ID: <0.1>',
        '',
        '<e/>',
        '--B',
        'Content-Type: application/octet-stream',
        'Content-Transfer-Encoding: binary',
        'Content-ID: <0.3>',
        '',
        '<s/>',
        '--B',
        'Content-Type: application/octet-stream',
        'Content-Transfer-Encoding: base64',
        'Content-ID: <0.2>',
        '',
        'S09T',
        '--B--',
        '',
      ].join('\r\n'),
    );
  });

  it('refuses a boundary that stands in a part: the reader would cut there', () => {
    expect(errorOf(() => encodeMtom('<e/>', [part('0.2', Buffer.from('x--MIME--'))], 'urn:a', 'MIME'))).toEqual(
      expect.objectContaining({ code: 'dmp/value-invalid' }),
    );
  });

  it.each(['binary', 'base64'] as const)('gives back the same bytes (%s)', (encoding) => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), (bytes) => {
        const { contentType, body } = encodeMtom('<e/>', [part('0.2', bytes, encoding)], 'urn:a', 'uuid-of-a-boundary');
        const [root, kos] = decodeMultipart(contentType, body);
        expect(Buffer.from(root.bytes).toString()).toBe('<e/>');
        expect(Buffer.from(kos?.bytes ?? []).equals(Buffer.from(bytes))).toBe(true);
      }),
      { numRuns: 200 },
    );
  });

  it('keeps bytes that look like line ends and boundaries', () => {
    const { contentType, body } = encodeMtom('<e/>', [part('0.2', sampleKos)], 'urn:a', 'uuid-of-a-boundary');
    expect(Buffer.from(decodeMultipart(contentType, body)[1]?.bytes ?? []).equals(sampleKos)).toBe(true);
  });
});

describe('decoding an answer', () => {
  const { contentType, body } = multipart('<e/>');

  it('finds the root by "start", else takes the first part', () => {
    expect(Buffer.from(decodeMultipart(contentType, body)[0].bytes).toString()).toBe('<e/>');
    const other = Buffer.from('--b\r\nContent-ID: <x>\r\n\r\none\r\n--b\r\nContent-ID: <y>\r\n\r\ntwo\r\n--b--');
    expect(Buffer.from(decodeMultipart('multipart/related; boundary=b; start="<y>"', other)[0].bytes).toString()).toBe(
      'two',
    );
    expect(Buffer.from(decodeMultipart('multipart/related; boundary=b', other)[0].bytes).toString()).toBe('one');
  });

  it('takes bare line feeds and a boundary that begins another', () => {
    const text = Buffer.from('--b\nContent-ID: <x>\n\n--bc\none\n--b--\n');
    expect(Buffer.from(decodeMultipart('multipart/related; boundary=b', text)[0].bytes).toString()).toBe('--bc\none');
  });

  it('refuses an answer cut at any byte: half an answer is no verdict', () => {
    for (let length = 0; length < body.length; length += 1) {
      expect(
        errorOf(() => decodeMultipart(contentType, body.subarray(0, length))),
        `cut at ${length}`,
      ).toEqual(invalid);
    }
  });

  it('refuses an answer without boundary or without its root', () => {
    expect(errorOf(() => decodeMultipart('multipart/related', body))).toEqual(invalid);
    expect(errorOf(() => decodeMultipart(contentType.replace('root@', 'other@'), body))).toEqual(invalid);
  });

  it('never throws an error that is not ours', () => {
    fc.assert(
      fc.property(fc.string(), fc.uint8Array(), (type, bytes) => {
        const read = errorOf(() => decodeMultipart(`multipart/related; ${type}; boundary=b`, bytes));
        if (read instanceof Error) expect(read).toEqual(invalid);
      }),
      { numRuns: 300 },
    );
  });
});
