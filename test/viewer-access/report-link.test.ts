/** What a link in a report may look like, and what it may not. All values are invented. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { encodeReportLink, parseReportLink, type ReportLink } from '../../plugin/viewer-access/index.ts';

const study = '1.2.250.1.999999.30.1';
const series = '1.2.250.1.999999.30.1.2';
const root = '1.2.250.1.999999.20.1';
const query = (changes: Readonly<Record<string, string | undefined>> = {}): string =>
  Object.entries({ requestType: 'STUDY', studyUID: study, accessionNumber: 'ACN-1', idCDA: root, ...changes })
    .flatMap(([name, value]) => (value === undefined ? [] : [`${name}=${encodeURIComponent(value)}`]))
    .join('&');
const linkOf = (text: string): ReportLink => {
  const parsed = parseReportLink(text);
  if (parsed.kind !== 'link') throw new Error(parsed.fault);
  return parsed.link;
};
const plain: ReportLink = { studyInstanceUid: study, accessionNumber: 'ACN-1', reportId: { root } };
const malformed = (fault: string) => ({ kind: 'malformed', fault });

describe('the link of a report (DB.VI-SO.07, DB.VI-SO.08)', () => {
  test('has four parameters, in any order', () => {
    expect(linkOf(query())).toEqual(plain);
    expect(linkOf(query().split('&').toReversed().join('&'))).toEqual(plain);
  });

  test.each([
    `REQUESTTYPE=study&STUDYUID=${study}&ACCESSIONNUMBER=ACN-1&IDCDA=${root}`,
    `requesttype=Study&studyInstanceUID=${study}&AccessionNumber=ACN-1&idcda=${root}`,
    `requestType=STUDY&StudyInstanceUID=${study}&accessionNumber=+ACN-1%20&idCDA=${root}&viewerType=x&utm=%3Cb%3E`,
  ])('names are read whatever their case or alias; others are left alone: %s', (text) => {
    expect(linkOf(text)).toEqual(plain);
  });

  test.each([
    [`${root}_CR-1`, { root, extension: 'CR-1' }],
    [`${root}/CR-1`, { root, extension: 'CR-1' }],
    [`${root}_CR_1/2`, { root, extension: 'CR_1/2' }],
    [`${root}/CR_1`, { root, extension: 'CR_1' }],
    [`${root}_`, { root }],
    ['a5f5e5d0-0000-4000-8000-00000000000f', { root: 'a5f5e5d0-0000-4000-8000-00000000000f' }],
  ])('the id of the report is kept whole: root, root_ext or root/ext (E6): %s', (idCDA, reportId) => {
    expect(linkOf(query({ idCDA })).reportId).toEqual(reportId);
  });

  test('may name a series, at either level', () => {
    for (const requestType of ['SERIES', 'STUDY']) {
      expect(linkOf(query({ requestType, seriesUID: series }))).toEqual({ ...plain, seriesInstanceUid: series });
      expect(linkOf(query({ requestType, SeriesInstanceUID: series })).seriesInstanceUid).toBe(series);
    }
  });

  test.each(['requestType', 'studyUID', 'accessionNumber', 'idCDA'])('is refused without %s', (name) => {
    expect(parseReportLink(query({ [name]: undefined }))).toEqual(malformed('parameter-missing'));
    expect(parseReportLink(query({ [name]: ' ' }))).toEqual(malformed('parameter-missing'));
  });

  test.each([
    [`&studyUID=${study}`],
    [`&StudyInstanceUID=${study}`],
    ['&ACCESSIONNUMBER=ACN-1'],
    [`&idcda=${root}`],
    ['&requestType=STUDY'],
    [`&seriesUID=${series}&SeriesInstanceUID=${series}`],
  ])('is refused when a parameter stands twice, under another name too: %s', (more) => {
    expect(parseReportLink(query() + more)).toEqual(malformed('parameter-repeated'));
  });

  test.each([
    ['a request of another kind', { requestType: 'PATIENT' }],
    ['SERIES without a series', { requestType: 'SERIES' }],
    ['a study that is no UID', { studyUID: '1.2.03' }],
    ['a series that is no UID', { seriesUID: '../1' }],
    ['a report id without a root', { idCDA: '_CR-1' }],
    ['a report id that is neither OID nor UUID', { idCDA: 'CR-1' }],
    ['a root in base64', { idCDA: Buffer.from(root).toString('base64') }],
    ['a line end in a value', { accessionNumber: 'ACN\r\n1' }],
    ['a zero byte', { accessionNumber: 'ACN\u00001' }],
    ['a line separator of Unicode', { idCDA: `${root}_a\u2028b` }],
    ['what turns the direction of a text', { accessionNumber: 'ACN\u202E1' }],
    ['an accession number beyond 64 characters', { accessionNumber: 'A'.repeat(65) }],
    ['an extension beyond 128 characters', { idCDA: `${root}_${'x'.repeat(129)}` }],
    ['a root beyond 128 characters', { idCDA: `1${'.1'.repeat(70)}` }],
  ])('is refused with %s', (_, changes) => {
    expect(parseReportLink(query(changes))).toEqual(malformed('value-invalid'));
  });

  test('is refused when it is too long, has too many fields, or is wrongly encoded', () => {
    expect(parseReportLink(`${query()}&x=${'y'.repeat(2_048)}`)).toEqual(malformed('too-long'));
    expect(parseReportLink(query() + '&a=b'.repeat(29))).toEqual(malformed('too-long'));
    for (const text of ['&accessionNumber=%E9', '&idCDA=%', '&%ZZ=1']) {
      expect(parseReportLink(query({ accessionNumber: undefined, idCDA: undefined }) + text)).toEqual(
        malformed('encoding-invalid'),
      );
    }
  });

  test('a name of every object is no parameter', () => {
    expect(linkOf(`${query()}&__proto__=x&constructor=y&toString=z`)).toEqual(plain);
  });

  test('is written in one way and read back the same', () => {
    const oid = fc.array(fc.nat(99_999), { minLength: 1, maxLength: 8 }).map((arcs) => `1.2.${arcs.join('.')}`);
    const word = fc.string({ minLength: 1, maxLength: 40, unit: fc.constantFrom(...'AZaz09-_/.+&=%é#? '.split('')) });
    const trimmed = word.map((text) => text.trim()).filter((text) => text !== '');
    const links = fc.record(
      {
        studyInstanceUid: oid,
        accessionNumber: trimmed,
        reportId: fc.oneof(fc.record({ root: oid }), fc.record({ root: oid, extension: trimmed })),
        seriesInstanceUid: oid,
      },
      { requiredKeys: ['studyInstanceUid', 'accessionNumber', 'reportId'] },
    );
    fc.assert(
      fc.property(links, (link) => {
        expect(linkOf(encodeReportLink(link))).toEqual(link);
      }),
    );
  });

  test('whatever stands in an address, reading it never throws', () => {
    const field = fc.tuple(fc.constantFrom('studyUID', 'idCDA', 'x', ''), fc.string({ unit: 'binary' }));
    fc.assert(
      fc.property(fc.array(field, { maxLength: 6 }), fc.string(), (fields, rest) => {
        const text = fields.map(([name, value]) => `${name}=${value}`).join('&') + rest;
        expect(['link', 'malformed']).toContain(parseReportLink(text).kind);
      }),
    );
  });
});
