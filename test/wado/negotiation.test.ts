import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import {
  parseTransferSyntaxUid,
  transferSyntaxes as ts,
  type TransferSyntaxUid,
} from '../../plugin/standards/index.ts';
import {
  buildNotAcceptableBody,
  buildPartialWarning,
  chooseForAnswer,
  chooseMetadataType,
  chooseSyntax,
  type NegotiablePart,
  PayloadForm,
  parseAccept,
  RetrieveLevel,
} from '../../plugin/wado/index.ts';

const national = (kind: string) =>
  parseAccept([readFileSync(new URL(`../fixtures/wado/accept-national-${kind}.txt`, import.meta.url), 'utf8').trim()]);

const mpeg4 = parseTransferSyntaxUid('1.2.840.10008.1.2.4.102');
const privateSyntax = parseTransferSyntaxUid('1.2.250.1.999999.7');

/** What our codecs make of a usual image; test/renditions shows that they do. */
const usual: readonly TransferSyntaxUid[] = [
  ts.explicitVrLittleEndian,
  ts.jpegLosslessSv1,
  ts.jpegLsLossless,
  ts.jpeg2000Lossless,
  ts.jpegBaseline,
];
const partOf = (
  storedSyntax: TransferSyntaxUid,
  more: { isLossyStored?: boolean; isTooLongForExplicit?: boolean; produces?: readonly TransferSyntaxUid[] } = {},
): NegotiablePart => ({
  storedSyntax,
  isLossyStored: more.isLossyStored ?? false,
  ...(more.isTooLongForExplicit === undefined ? {} : { isTooLongForExplicit: more.isTooLongForExplicit }),
  canProduce: (uid) => (more.produces ?? usual).includes(uid),
});

const dicom = (rest = ''): string => `multipart/related; type="application/dicom"${rest}`;
const choose = (header: string, part: NegotiablePart) =>
  chooseSyntax(parseAccept([header]), part, PayloadForm.multipart);
const syntax = (uid: TransferSyntaxUid, q?: string): string =>
  dicom(`;transfer-syntax=${uid}${q === undefined ? '' : `;q=${q}`}`);
const asStored = (transferSyntax: TransferSyntaxUid) => ({ kind: 'as-stored', transferSyntax });
const produce = (transferSyntax: TransferSyntaxUid) => ({ kind: 'produce', transferSyntax });

describe('the syntax of a part, for the national requests', () => {
  test.each([
    ['lossless', ts.explicitVrLittleEndian, produce(ts.jpegLosslessSv1)],
    ['lossless', ts.jpegLosslessSv1, asStored(ts.jpegLosslessSv1)],
    ['lossless', ts.jpegLsLossless, produce(ts.jpegLosslessSv1)],
    ['lossless', ts.implicitVrLittleEndian, produce(ts.jpegLosslessSv1)],
    ['lossless', mpeg4, asStored(mpeg4)],
    ['lossy', ts.explicitVrLittleEndian, produce(ts.jpegBaseline)],
    ['lossy', ts.jpegBaseline, asStored(ts.jpegBaseline)],
    ['lossy', ts.jpegExtended, asStored(ts.jpegExtended)],
    ['lossy', ts.jpegLosslessSv1, produce(ts.jpegBaseline)],
    ['lossy', mpeg4, asStored(mpeg4)],
  ])('%s request, stored %s: the best weight that can be reached', (kind, stored, expected) => {
    expect(chooseSyntax(national(kind), partOf(stored), PayloadForm.multipart)).toEqual(expected);
  });

  test('lossless request, pixels that cannot be compressed: as stored, not lossy, though lossy weighs more (E8)', () => {
    const uncompressible = partOf(ts.explicitVrLittleEndian, { produces: [ts.jpegBaseline] });
    expect(chooseSyntax(national('lossless'), uncompressible, PayloadForm.multipart)).toEqual(
      asStored(ts.explicitVrLittleEndian),
    );
    const bigEndian = partOf(ts.explicitVrBigEndian, { produces: [ts.jpegBaseline, ts.explicitVrLittleEndian] });
    expect(chooseSyntax(national('lossless'), bigEndian, PayloadForm.multipart)).toEqual(
      produce(ts.explicitVrLittleEndian),
    );
  });
});

describe('the syntax of a part', () => {
  const ct = partOf(ts.explicitVrLittleEndian);

  test('without transfer-syntax is Explicit VR Little Endian (PS3.18 8.7.8.2)', () => {
    expect(choose(dicom(), ct)).toEqual(asStored(ts.explicitVrLittleEndian));
    expect(choose(dicom(), partOf(ts.jpegLsLossless))).toEqual(produce(ts.explicitVrLittleEndian));
    expect(choose('multipart/related', partOf(ts.jpegLsLossless))).toEqual(produce(ts.explicitVrLittleEndian));
    expect(choose('multipart/*', partOf(ts.jpegLsLossless))).toEqual(produce(ts.explicitVrLittleEndian));
    expect(choose('*/*', partOf(ts.jpegLsLossless))).toEqual(produce(ts.explicitVrLittleEndian));
  });

  test('without transfer-syntax is the stored one where only that exists: lossy, or too long (PS3.18 8.7.3)', () => {
    expect(choose(dicom(), partOf(ts.jpegBaseline, { isLossyStored: true }))).toEqual(asStored(ts.jpegBaseline));
    expect(choose('*/*', partOf(mpeg4, { isLossyStored: true }))).toEqual(asStored(mpeg4));
    expect(choose(dicom(), partOf(ts.jpegLsLossless, { isTooLongForExplicit: true }))).toEqual(
      asStored(ts.jpegLsLossless),
    );
    // Named, it is meant.
    expect(choose(syntax(ts.explicitVrLittleEndian), partOf(ts.jpegBaseline, { isLossyStored: true }))).toEqual(
      produce(ts.explicitVrLittleEndian),
    );
  });

  test('of a wildcard is the stored one, Explicit VR Little Endian where that may not travel, and never lossy', () => {
    const any = dicom(';transfer-syntax=*');
    expect(choose(any, partOf(ts.jpegLsLossless))).toEqual(asStored(ts.jpegLsLossless));
    expect(choose(any, partOf(privateSyntax))).toEqual(asStored(privateSyntax));
    expect(choose(any, partOf(ts.implicitVrLittleEndian))).toEqual(produce(ts.explicitVrLittleEndian));
    expect(choose(any, partOf(ts.explicitVrBigEndian, { produces: [ts.jpegLsLossless] }))).toEqual(
      produce(ts.jpegLsLossless),
    );
    expect(choose(any, partOf(ts.explicitVrBigEndian, { produces: [ts.jpegBaseline] }))).toMatchObject({
      kind: 'unacceptable',
    });
  });

  test('that is named goes before what a wildcard of the same weight allows', () => {
    expect(
      choose(`${dicom(';transfer-syntax=*')}, ${syntax(ts.jpeg2000Lossless)}`, partOf(ts.implicitVrLittleEndian)),
    ).toEqual(produce(ts.jpeg2000Lossless));
  });

  test('is the stored one when its weight is the best that can be reached, and no work is done for equal weights', () => {
    expect(choose(`${syntax(ts.jpegLsLossless)}, ${syntax(ts.explicitVrLittleEndian)}`, ct)).toEqual(
      asStored(ts.explicitVrLittleEndian),
    );
    expect(choose(`${syntax(ts.jpegLsLossless, '1')}, ${syntax(ts.explicitVrLittleEndian, '0.999')}`, ct)).toEqual(
      produce(ts.jpegLsLossless),
    );
    // The best weight is for what we cannot make.
    expect(choose(`${syntax(ts.htj2kLossless)}, ${syntax(ts.explicitVrLittleEndian, '0.001')}`, ct)).toEqual(
      asStored(ts.explicitVrLittleEndian),
    );
  });

  test('at equal weight, not stored: lossless first, then JPEG-LS, JPEG lossless, JPEG 2000, Explicit VR Little Endian', () => {
    const order = [
      ts.jpegLsLossless,
      ts.jpegLosslessSv1,
      ts.jpeg2000Lossless,
      ts.explicitVrLittleEndian,
      ts.jpegBaseline,
    ];
    for (let skipped = 0; skipped < order.length; skipped += 1) {
      const asked = order
        .slice(skipped)
        .reverse()
        .map((uid) => syntax(uid, '0.5'));
      expect(choose(asked.join(), partOf(ts.rleLossless))).toEqual(produce(order[skipped]!));
    }
  });

  test('is lossy only for who ranks lossy above the lossless ones (E8), or has nothing else', () => {
    const ask = (lossy: string, lossless: string) =>
      choose(`${syntax(ts.jpegBaseline, lossy)}, ${syntax(ts.jpegLsLossless, lossless)}`, ct);
    expect(ask('0.9', '0.8')).toEqual(produce(ts.jpegBaseline));
    expect(ask('0.8', '0.8')).toEqual(produce(ts.jpegLsLossless));
    expect(ask('0.8', '0.9')).toEqual(produce(ts.jpegLsLossless));
    expect(choose(syntax(ts.jpegBaseline, '0.1'), ct)).toEqual(produce(ts.jpegBaseline));
  });

  test('that is excluded by q=0 is never sent, even stored, even under a wildcard', () => {
    const any = dicom(';transfer-syntax=*');
    expect(choose(`${any}, ${syntax(ts.explicitVrLittleEndian, '0')}`, ct)).toEqual(produce(ts.jpegLsLossless));
    expect(choose(`${any}, multipart/*;transfer-syntax=${ts.jpegLsLossless};q=0`, partOf(ts.jpegLsLossless))).toEqual(
      produce(ts.explicitVrLittleEndian),
    );
    expect(choose(syntax(ts.explicitVrLittleEndian, '0.000'), ct)).toMatchObject({ kind: 'unacceptable' });
    expect(choose(`${syntax(ts.jpegLsLossless)}, ${syntax(ts.jpegLsLossless, '0')}`, ct)).toMatchObject({
      kind: 'unacceptable',
    });
  });

  test('is weighed by the range that names it most precisely (RFC 9110 12.5.1)', () => {
    expect(choose(`${syntax(ts.explicitVrLittleEndian, '0.4')}, */*;q=0`, ct)).toEqual(
      asStored(ts.explicitVrLittleEndian),
    );
    expect(choose(`${dicom(';q=0')}, */*`, ct)).toMatchObject({ kind: 'unacceptable' });
    expect(
      choose(
        `${dicom(';transfer-syntax=*;q=0.9')}, ${syntax(ts.explicitVrLittleEndian, '0.1')}, ${syntax(ts.jpegLsLossless, '0.5')}`,
        ct,
      ),
    ).toEqual(produce(ts.jpegLosslessSv1));
  });

  test('is never Implicit VR Little Endian nor Big Endian, stored or asked for (PS3.18 8.7.3)', () => {
    for (const uid of [ts.implicitVrLittleEndian, ts.explicitVrBigEndian]) {
      const part = partOf(uid, { produces: [...usual, ts.implicitVrLittleEndian, ts.explicitVrBigEndian] });
      expect(choose(syntax(uid), part)).toMatchObject({ kind: 'unacceptable' });
      expect(choose(`${syntax(uid)}, ${syntax(ts.jpeg2000Lossless, '0.1')}`, part)).toEqual(
        produce(ts.jpeg2000Lossless),
      );
    }
  });

  test('is never made from a video nor a video', () => {
    const makesAll = { produces: [...usual, mpeg4] };
    expect(choose(syntax(ts.explicitVrLittleEndian), partOf(mpeg4, makesAll))).toEqual({
      kind: 'unacceptable',
      available: [mpeg4],
    });
    expect(choose(syntax(mpeg4), partOf(ts.explicitVrLittleEndian, makesAll))).toMatchObject({ kind: 'unacceptable' });
  });

  test('when refused comes with what could be sent, stored first', () => {
    expect(choose('text/html', partOf(ts.rleLossless))).toEqual({
      kind: 'unacceptable',
      available: [
        ts.rleLossless,
        ts.jpegLsLossless,
        ts.jpegLosslessSv1,
        ts.jpeg2000Lossless,
        ts.explicitVrLittleEndian,
        ts.jpegBaseline,
      ],
    });
  });
});

describe('the answer', () => {
  const { instance, series } = RetrieveLevel;
  const ct = partOf(ts.explicitVrLittleEndian);
  const plan = (header: string, parts: readonly NegotiablePart[] = [ct], level: RetrieveLevel = series) =>
    chooseForAnswer(parseAccept([header]), level, parts);

  test('is 200 with each part in its own syntax, in the order given (PS3.18 8.7.8.2 note 1)', () => {
    const compressed = partOf(ts.jpegLsLossless);
    expect(plan(`${syntax(ts.jpegLsLossless)}, ${syntax(ts.explicitVrLittleEndian)}`, [ct, compressed, ct])).toEqual({
      kind: 'complete',
      form: 'multipart',
      chosen: [
        { part: ct, choice: asStored(ts.explicitVrLittleEndian) },
        { part: compressed, choice: asStored(ts.jpegLsLossless) },
        { part: ct, choice: asStored(ts.explicitVrLittleEndian) },
      ],
    });
  });

  test('is 206 when some parts cannot be sent in anything accepted', () => {
    const film = partOf(mpeg4, { isLossyStored: true });
    expect(plan(syntax(ts.jpegLosslessSv1), [film, ct])).toEqual({
      kind: 'partial',
      form: 'multipart',
      chosen: [{ part: ct, choice: produce(ts.jpegLosslessSv1) }],
      left: [film],
    });
  });

  test('is 406 with the media types that would do, when no part can be sent', () => {
    const film = partOf(mpeg4);
    expect(
      plan(syntax(ts.htj2k), [film, partOf(ts.explicitVrLittleEndian, { produces: [ts.jpegLsLossless] })]),
    ).toEqual({
      kind: 'unacceptable',
      code: 'wado/not-acceptable',
      available: [syntax(mpeg4), syntax(ts.explicitVrLittleEndian), syntax(ts.jpegLsLossless)].map((type) =>
        type.replace(';transfer', '; transfer'),
      ),
    });
  });

  test('is 406 without Accept, and for media types that are not made', () => {
    for (const header of [
      '',
      'multipart/related; type="application/dicom+xml"',
      'multipart/related; type="application/octet-stream"; transfer-syntax=*',
      'image/jpeg',
      'application/dicom+json',
      // Several instances do not fit one application/dicom payload.
      'application/dicom; transfer-syntax=*',
      'application/*',
    ]) {
      expect(plan(header), header).toMatchObject({ kind: 'unacceptable', code: 'wado/not-acceptable' });
    }
  });

  test('for one instance is multipart, unless application/dicom is ranked above it or is all that is accepted', () => {
    const one = (header: string) => plan(header, [ct], instance);
    expect(one('application/dicom')).toMatchObject({ kind: 'complete', form: 'single' });
    expect(one('application/*')).toMatchObject({ kind: 'complete', form: 'single' });
    expect(one('*/*')).toMatchObject({ kind: 'complete', form: 'multipart' });
    expect(one(`application/dicom, ${dicom()}`)).toMatchObject({ form: 'multipart' });
    expect(one(`application/dicom, ${dicom(';q=0.9')}`)).toMatchObject({ form: 'single' });
    expect(one(`application/dicom;q=0.9, ${dicom()}`)).toMatchObject({ form: 'multipart' });
    expect(one(`application/dicom;q=0, */*`)).toMatchObject({ form: 'multipart' });
    // No lossy rendition when a lossless one weighs as much in the other form (E8).
    expect(one(`application/dicom;q=0.9, ${syntax(ts.jpegBaseline, '0.9')}`)).toMatchObject({ form: 'single' });
    expect(one(`application/dicom;q=0.5, ${syntax(ts.jpegBaseline, '0.9')}`)).toMatchObject({ form: 'multipart' });
    expect(one('text/plain')).toMatchObject({
      available: expect.arrayContaining([
        'multipart/related; type="application/dicom"; transfer-syntax=1.2.840.10008.1.2.1',
        'application/dicom; transfer-syntax=1.2.840.10008.1.2.1',
      ]),
    });
  });

  test('is never planned for no part: an empty multipart is not sent', () => {
    expect(() => plan('*/*', [])).toThrow(expect.objectContaining({ code: 'general/internal' }));
  });

  test('in words: one media type a line for a 406, a Warning for a 206', () => {
    expect(buildNotAcceptableBody(['a/b; c=d', 'e/f'])).toBe(
      'Not acceptable. Available media types:\r\na/b; c=d\r\ne/f\r\n',
    );
    expect(buildPartialWarning(2, 40)).toBe('299 - "2 of 40 instances are not in this answer"');
  });
});

describe('the media type of metadata', () => {
  test.each([
    ['application/dicom+json', 'application/dicom+json'],
    ['*/*', 'application/dicom+json'],
    ['application/*;q=0.1', 'application/dicom+json'],
    ['application/json', 'application/json'],
    ['application/json;q=0.9, application/dicom+json', 'application/dicom+json'],
    ['application/json, application/dicom+json', 'application/dicom+json'],
    ['application/json, application/dicom+json;q=0.9', 'application/json'],
    ['multipart/related; type="application/dicom+xml", application/dicom+json;q=0.2', 'application/dicom+json'],
    ['application/dicom+json;q=0, application/json', 'application/json'],
  ])('%s: %s', (header, contentType) => {
    expect(chooseMetadataType(parseAccept([header]))).toEqual({ kind: 'json', contentType });
  });

  test.each([
    '',
    'multipart/related; type="application/dicom+xml"',
    'application/dicom',
    'application/dicom+json;q=0, */*',
    'application/dicom+json;q=0, application/dicom+json',
  ])('%s: 406, for only DICOM JSON is made', (header) => {
    expect(chooseMetadataType(parseAccept([header]))).toEqual({
      kind: 'unacceptable',
      code: 'wado/not-acceptable',
      available: ['application/dicom+json'],
    });
  });
});
