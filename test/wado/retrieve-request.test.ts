import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { parseResource, parseRetrieveHeaders } from '../../plugin/wado/index.ts';

const study = '1.2.250.1.999999.1.1';
const series = '1.2.250.1.999999.1.1.1';
const instance = '1.2.250.1.999999.1.1.1.1';
const kos = '1.2.250.1.999999.9.1';
const base = '/dcm4chee-arc/aets/SERVEUR_WADO/rs';
const code = (value: string) => expect.objectContaining({ code: value });
const parse = (target: string, basePaths: readonly string[] = [base]) => parseResource(target, basePaths);

describe('the address of a retrieve', () => {
  test.each([
    [`/studies/${study}`, { level: 'study', isMetadata: false, studyInstanceUid: study }],
    [`/studies/${study}/metadata`, { level: 'study', isMetadata: true, studyInstanceUid: study }],
    [
      `/studies/${study}/series/${series}`,
      { level: 'series', isMetadata: false, studyInstanceUid: study, seriesInstanceUid: series },
    ],
    [
      `/studies/${study}/series/${series}/metadata`,
      { level: 'series', isMetadata: true, studyInstanceUid: study, seriesInstanceUid: series },
    ],
    [
      `/studies/${study}/series/${series}/instances/${instance}`,
      {
        level: 'instance',
        isMetadata: false,
        studyInstanceUid: study,
        seriesInstanceUid: series,
        sopInstanceUid: instance,
      },
    ],
    [
      `/studies/${study}/series/${series}/instances/${instance}/metadata`,
      {
        level: 'instance',
        isMetadata: true,
        studyInstanceUid: study,
        seriesInstanceUid: series,
        sopInstanceUid: instance,
      },
    ],
  ])('%s names its level', (path, resource) => {
    expect(parse(base + path)).toEqual({ ...resource, basePath: base });
  });

  test('may be a whole URL, as the national sample writes it (RFC 9112 3.2.2)', () => {
    expect(parse(`https://db9.exemple.invalid:8443${base}/studies/${study}?x=1`)).toMatchObject({ level: 'study' });
    expect(() => parse('https://db9.exemple.invalid')).toThrow(code('wado/resource-unknown'));
  });

  test('stands under one of several base paths, the longest that fits (E9)', () => {
    const paths = ['/', '/old/', '/old/rs', base];
    expect(parse(`/studies/${study}`, paths).basePath).toBe('/');
    expect(parse(`/old/studies/${study}`, paths).basePath).toBe('/old/');
    expect(parse(`/old/rs/studies/${study}`, paths).basePath).toBe('/old/rs');
    expect(parse(`/studies/${study}`, ['']).basePath).toBe('');
    for (const path of [`/older/studies/${study}`, `/ol/studies/${study}`, `/OLD/studies/${study}`]) {
      expect(() => parse(path, ['/old', base]), path).toThrow(code('wado/resource-unknown'));
    }
    expect(() => parse(`/studies/${study}`, [])).toThrow(code('wado/resource-unknown'));
  });

  test('may be percent-encoded and may end in one slash; the query is ignored', () => {
    expect(parse(`${base}/%73tudies/${study.replaceAll('.', '%2E')}/?_=1&charset=utf-8`)).toMatchObject({
      level: 'study',
      studyInstanceUid: study,
    });
  });

  test.each([
    '',
    '/',
    '*',
    'studies',
    `studies/${study}`,
    base,
    `${base}/`,
    `${base}/studies`,
    `${base}/studies/`,
    `${base}/series`,
    `${base}/instances/${instance}`,
    `${base}/studies/${study}/series`,
    `${base}/studies/${study}/instances`,
    `${base}/studies/${study}/instances/${instance}`,
    `${base}/studies/${study}/rendered`,
    `${base}/studies/${study}/thumbnail`,
    `${base}/studies/${study}/metadata/metadata`,
    `${base}/studies/${study}/series/${series}/instances/${instance}/frames/1`,
    `${base}/studies/${study}/series/${series}/instances/${instance}/rendered`,
    `${base}/studies/${study}/series/${series}/instances/${instance}/bulkdata/7FE00010`,
    `${base}/studies/${study}//`,
    `${base}//studies/${study}`,
    `/${base}/studies/${study}`,
    `${base}/x/../studies/${study}`,
    `${base}/./studies/${study}`,
    `${base}/studies/${study}/series/${series}/..`,
    `${base}/studies%2F${study}`,
    `${base}/Studies/${study}`,
    `${base}/studies/${study}#x/series`,
    `${base}/studies/%`,
    `${base}/studies/%zz`,
    `${base}/studies/%ff`,
    `${base}\\studies\\${study}`,
    `${base}/studies/${study}/${'x'.repeat(2048)}`,
    `${base}/studies/${study}?${'x'.repeat(2048)}`,
    '/q/health',
  ])('"%s" is no resource of ours: 404', (target) => {
    expect(() => parse(target)).toThrow(code('wado/resource-unknown'));
  });

  test.each([
    `${base}/studies/metadata`,
    `${base}/studies/x`,
    `${base}/studies/1..2`,
    `${base}/studies/1.02`,
    `${base}/studies/${study}%00`,
    `${base}/studies/${study}%0d%0a`,
    `${base}/studies/%2e%2e`,
    `${base}/studies/${study}%2Fseries%2F${series}`,
    `${base}/studies/1.${'2'.repeat(63)}`,
    `${base}/studies/${study},${study}`,
    `${base}/studies/*`,
    `${base}/studies/${study}/series/*`,
    `${base}/studies/${study}/series/${series}/instances/*`,
    `${base}/studies//series/${series}`,
    `${base}/studies/١.٢`,
  ])('"%s" has a UID that is none: 400', (target) => {
    expect(() => parse(target)).toThrow(code('standards/uid-invalid'));
  });

  test('does not take acceptable types from the query: said, not ignored, for it would be served in another syntax', () => {
    const asked = `${base}/studies/${study}?accept=application%2Fdicom`;
    expect(() => parse(asked)).toThrow(code('wado/query-unsupported'));
    expect(() => parse(asked.replace('accept', 'x=1&%61ccept'))).toThrow(code('wado/query-unsupported'));
    // PS3.18 8.3.3.1: the name is case-sensitive, and what is not known is ignored.
    expect(parse(asked.replace('accept', 'Accept')).level).toBe('study');
  });

  test('never throws but ours, and gives only UIDs', () => {
    const piece = fc.oneof(
      fc.constantFrom('/', '//', '?', '#', '%', '%2f', '%2e', '..', '.', 'studies', 'series', 'instances', 'metadata'),
      fc.constantFrom(base, study, 'https://x', 'accept=', '&', '\\', '\u0000', '\u00e9'),
      fc.string({ maxLength: 5 }),
    );
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 12 }), fc.boolean(), (pieces, isRooted) => {
        try {
          const found = parse(`${isRooted ? `${base}/studies/${study}/` : ''}${pieces.join('')}`);
          for (const uid of [found.studyInstanceUid, found.seriesInstanceUid, found.sopInstanceUid]) {
            expect(uid ?? study).toMatch(/^[0-9.]{1,64}$/);
          }
        } catch (error) {
          expect(error).toMatchObject({
            code: expect.stringMatching(/^(wado\/resource-unknown|wado\/query-unsupported|standards\/uid-invalid)$/),
          });
        }
      }),
      { numRuns: 2000 },
    );
  });
});

describe('the headers of a retrieve', () => {
  const withKos = (...kosHeaders: string[]) => ['Accept', '*/*', ...kosHeaders];

  test('name the manifest that the requester holds, in any case and order of names', () => {
    for (const headers of [
      ['Accept', '*/*', 'KOS-SOPInstanceUID', kos],
      ['kos-sopinstanceuid', ` ${kos}\t`, 'ACCEPT', '*/*'],
    ]) {
      expect(parseRetrieveHeaders(headers)).toEqual({
        kosSopInstanceUid: kos,
        accept: [{ mediaType: '*/*', weight: 1000 }],
      });
    }
  });

  test('are those of a national request: one comma list, no Situation', () => {
    const text = readFileSync(new URL('../fixtures/wado/request-national-series.txt', import.meta.url), 'latin1');
    const [line = '', ...fields] = text.trim().split(/\r?\n/);
    const rawHeaders = fields.flatMap((field) => [
      field.slice(0, field.indexOf(':')),
      field.slice(field.indexOf(':') + 2),
    ]);
    expect(parse(line.split(' ')[1] ?? '')).toMatchObject({ level: 'series', seriesInstanceUid: series });
    const read = parseRetrieveHeaders(rawHeaders);
    expect(read.kosSopInstanceUid).toBe(kos);
    expect(read.accept).toHaveLength(10);
    expect(parseRetrieveHeaders([...rawHeaders, 'Situation', 'whatever']).accept).toEqual(read.accept);
  });

  test('join several Accept fields in order', () => {
    const headers = ['accept', 'application/dicom;q=0.5', 'KOS-SOPInstanceUID', kos, 'Accept', '*/*;q=0.1, a/b'];
    expect(parseRetrieveHeaders(headers).accept.map(({ mediaType }) => mediaType)).toEqual([
      'application/dicom',
      '*/*',
      'a/b',
    ]);
    expect(parseRetrieveHeaders(['KOS-SOPInstanceUID', kos]).accept).toEqual([]);
  });

  test('without the manifest, or with two, or with another text, are refused with 400', () => {
    expect(() => parseRetrieveHeaders(withKos())).toThrow(code('wado/kos-header-missing'));
    for (const headers of [
      ['KOS-SOPInstanceUID', kos, 'kos-sopinstanceuid', kos],
      ['KOS-SOPInstanceUID', kos, 'KOS-SOPInstanceUID', '1.2'],
      ['KOS-SOPInstanceUID', `${kos}, ${kos}`],
      ['KOS-SOPInstanceUID', ''],
      ['KOS-SOPInstanceUID', `"${kos}"`],
      ['KOS-SOPInstanceUID', `${kos}\u0000`],
      ['KOS-SOPInstanceUID', '1.02'],
    ]) {
      expect(() => parseRetrieveHeaders(withKos(...headers)), headers.join()).toThrow(code('wado/kos-header-invalid'));
    }
  });

  test('take no header value for a header name', () => {
    expect(() => parseRetrieveHeaders(['X', 'KOS-SOPInstanceUID', 'Y', kos])).toThrow(code('wado/kos-header-missing'));
  });

  test('with an Accept that is no list of media ranges are refused with 400', () => {
    expect(() => parseRetrieveHeaders(['Accept', 'q=2', 'KOS-SOPInstanceUID', kos])).toThrow(
      code('wado/accept-invalid'),
    );
  });
});
