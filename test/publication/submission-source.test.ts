import { describe, expect, test } from 'vitest';
import { DrimboxError } from '../../plugin/errors.ts';
import {
  contentTypeOf,
  submissionMetadataOf,
  type SubmissionSource,
} from '../../plugin/publication/submission-source.ts';
import { type CdaOverrides, type CdaStudy } from '../fixtures/report/build-cda.ts';
import { pacsStudy } from '../fixtures/publication/index.ts';
import { readReport, readTransmission } from './reading.ts';

const ids = {
  documentUniqueId: '1.2.250.1.999999.50.1',
  submissionSetUniqueId: '1.2.250.1.999999.50.2',
  signatureUniqueId: '1.2.250.1.999999.50.3',
  atUtcMs: Date.UTC(2026, 2, 12, 10, 0, 0),
};
const person = { id: '899777777701', familyName: 'PRT', givenName: 'Paul' };

const source = (cda: CdaOverrides = {}, changes: Partial<SubmissionSource> = {}): SubmissionSource => {
  const report = readReport(cda);
  const [reported] = report.studies;
  if (reported === undefined) throw new Error('the invented report has a study');
  const { study } = pacsStudy(1);
  return {
    report,
    transmission: readTransmission(),
    reported,
    order: report.orders[0],
    person,
    organization: { id: '750803447', name: 'Centre' },
    visibility: readTransmission().visibility,
    study,
    series: study.series,
    timeZone: 'Europe/Paris',
    sourceId: '1.2.250.1.999999.60',
    senderContentType: undefined,
    defaultContentType: '07',
    ...changes,
  };
};
const metadata = (cda: CdaOverrides = {}, changes: Partial<SubmissionSource> = {}) =>
  submissionMetadataOf(source(cda, changes), ids);
const withSeries = (...modalities: readonly string[]): Partial<SubmissionSource> => ({
  series: modalities.flatMap((modality) => pacsStudy(1, { modality }).study.series),
});
const study = (changes: Partial<CdaStudy>): CdaOverrides => ({ studies: [changes] });

describe('metadata of a submission (facts/cisis.md §3, C5)', () => {
  test('everything from its place', () => {
    expect(metadata()).toMatchObject({
      patient: { ins: { value: '285037512345691' } },
      legalAuthenticator: { id: '899999999901' },
      facilityType: { code: 'SA08' },
      practiceSetting: { code: 'AMBULATOIRE' },
      confidentiality: { code: 'N' },
      studyInstanceUid: '1.2.250.1.999999.10.1',
      order: { accessionNumber: { value: 'ACC0001' }, placerOrderNumber: { value: 'DEM-0001' } },
      sourceId: '1.2.250.1.999999.60',
      documentUniqueId: ids.documentUniqueId,
      submissionSetUniqueId: ids.submissionSetUniqueId,
      signatureUniqueId: ids.signatureUniqueId,
      documentCreatedAtUtcMs: ids.atUtcMs,
      submittedAtUtcMs: ids.atUtcMs,
    });
  });

  test('author is the person of A3, its structure as Struct_IdNat', () => {
    expect(metadata().author).toEqual({ person, organization: { id: '1750803447', name: 'Centre' } });
  });

  test('a report without legal authenticator is answered for by the person of A3', () => {
    expect(metadata({ legalAuthenticator: null }).legalAuthenticator).toEqual(person);
  });

  test('a report without order has none', () => {
    expect(metadata({}, { order: undefined }).order).toEqual({});
  });
});

describe('modalities (C5): PACS first, report second', () => {
  test.each([
    ['of the PACS, though the report says another', study({ modalities: ['MR'] }), withSeries('CT'), ['CT']],
    ['each once', {}, withSeries('CT', 'CT', 'MR'), ['CT', 'MR']],
    ['those of the table only', {}, withSeries('CT', 'KO', 'PR', 'SR'), ['CT']],
    [
      'of the report, when the PACS names none of the table',
      study({ modalities: ['MR'] }),
      withSeries('KO', ''),
      ['MR'],
    ],
    ['none, when nobody names one', study({ modalities: [] }), withSeries(''), []],
  ])('%s', (_title, cda, changes, expected) => {
    expect(metadata(cda, changes).modalities.map(({ code }) => code)).toEqual(expected);
  });

  test('regions are those of the report, each once', () => {
    expect(metadata(study({ regions: ['774007', '774007'] })).regions.map(({ code }) => code)).toEqual(['774007']);
  });
});

describe('times are UTC (C4)', () => {
  const noTimes = { start: '', stop: '' };
  test.each([
    ['of the exam in the report, with its offset', {}, {}, '20260312081500'],
    [
      'of the exam in the report, without offset: the zone of the site',
      { start: '20260712101500' },
      {},
      '20260712081500',
    ],
    ['of the PACS, when the report gives none', noTimes, {}, '20240115091530'],
    ['of the PACS in summer time', noTimes, { studyDate: '20240715', studyTime: '101530' }, '20240715081530'],
    ['of the PACS, a date alone', noTimes, { studyDate: '20240115', studyTime: '' }, '20240115'],
    ['of the report itself, when nobody gives the exam’s', noTimes, { studyDate: '', studyTime: '' }, '20260312091500'],
    ['of the report, when the PACS date is none', noTimes, { studyDate: '2024', studyTime: '1' }, '20260312091500'],
  ])('start %s', (_title, times, pacs, expected) => {
    const changes = { study: { ...pacsStudy(1).study, ...pacs } };
    expect(metadata(study(times), changes).serviceStartUtc).toBe(expected);
  });

  test('stop is left out when the report gives none', () => {
    expect(metadata().serviceStopUtc).toBe('20260312083000');
    expect(metadata(study({ stop: '' }))).not.toHaveProperty('serviceStopUtc');
  });
});

describe('contentTypeCode', () => {
  const of = (patientClass?: string, senderContentType?: string, defaultContentType = '07'): string =>
    contentTypeOf({ patientClass, senderContentType, defaultContentType }).code;

  test('is that of the patient class (PV1-2), else of the sender, else of the site', () => {
    const byClass = of('I', '04');
    expect(byClass).not.toBe('04');
    expect(of('I')).toBe(byClass);
    expect(of('Z', '04')).toBe('04');
    expect(of(undefined, '04')).toBe('04');
    expect(of()).toBe('07');
  });

  test('outside the table is no code to send', () => {
    expect(() => of(undefined, '99')).toThrow(DrimboxError);
    expect(() => of(undefined, '99')).toThrow(/report\/field-invalid/);
  });
});

describe('what the DMP wants and the report does not say', () => {
  const without = (changes: object): (() => unknown) => {
    const complete = source();
    return () => submissionMetadataOf({ ...complete, ...changes }, ids);
  };
  const { facilityType: _facility, ...noFacility } = readReport();
  const { practiceSetting: _setting, ...noSetting } = readReport();

  test.each([
    ['facility type', without({ report: noFacility }), 'healthCareFacility/code'],
    [
      'practice setting',
      without({ report: noSetting, reported: { ...source().reported, practiceSetting: undefined } }),
      'standardIndustryClassCode',
    ],
  ])('%s: report/field-missing, which holds the study', (_title, build, location) => {
    let error: unknown;
    try {
      build();
    } catch (thrown) {
      error = thrown;
    }
    expect(error).toMatchObject({ code: 'report/field-missing', context: { location } });
  });
});
