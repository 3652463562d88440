import { describe, expect, test } from 'vitest';
import { parseImagingReport } from '../../plugin/report/index.ts';
import { buildCda, buildCdaText, inventedOrder } from '../fixtures/report/build-cda.ts';
import { parseText, refusalOf, spoil } from '../fixtures/report/refusal.ts';

const event = '/ClinicalDocument/documentationOf/serviceEvent';
const text = buildCdaText();
const studyId = '<id root="1.2.250.1.999999.10.1"/>';
const uidsOf = (document: string) => parseText(document).studies.map((study) => study.studyInstanceUid);

describe('which ids are studies (decision B4)', () => {
  test('one serviceEvent each: several studies, in document order', () => {
    const report = parseImagingReport(
      buildCda({ studies: [{ uids: ['2.25.3'] }, { uids: ['2.25.1'] }, { uids: ['2.25.2'] }] }),
    );
    expect(report.studies.map((study) => study.studyInstanceUid)).toEqual(['2.25.3', '2.25.1', '2.25.2']);
  });

  test('several ids in one serviceEvent: several studies with the same act', () => {
    const report = parseImagingReport(
      buildCda({ studies: [{ uids: ['2.25.106', '2.25.107'] }], orders: [inventedOrder, inventedOrder] }),
    );
    const [first, second, ...others] = report.studies;
    expect(others).toEqual([]);
    expect(second).toEqual({ ...first, studyInstanceUid: '2.25.107' });
    expect(report.orders).toHaveLength(2);
  });

  test('keeps arcs above 32 and 64 bits exactly', () => {
    const uid = '1.2.250.1.925.994044785528.27.18446744073709551617.340282366920938';
    expect(uid.length).toBeGreaterThan(64);
    const fitting = uid.slice(0, 64);
    expect(uidsOf(spoil(text, '1.2.250.1.999999.10.1', fitting))).toEqual([fitting]);
    expect(refusalOf(spoil(text, '1.2.250.1.999999.10.1', uid))).toEqual({
      code: 'report/field-invalid',
      location: `${event}/id/@root`,
    });
  });

  test.each(['studyInstanceUID', 'StudyInstanceUID', ''])('takes the extension %j for a study', (extension) => {
    expect(uidsOf(spoil(text, studyId, `<id root="2.25.5" extension="${extension}"/>`))).toEqual(['2.25.5']);
  });

  test.each([
    ['another extension', '<id root="2.25.5" extension="EXAM-1"/>'],
    ['a UUID', '<id root="AAAAAAAA-BBBB-4CCC-8DDD-EEEEEEEEEEEE"/>'],
    ['an empty id', '<id/>'],
  ])('does not take %s for a study', (_, other) => {
    const report = parseText(spoil(text, studyId, `${other}${studyId}`));
    expect(report.studies.map((study) => study.studyInstanceUid)).toEqual(['1.2.250.1.999999.10.1']);
    expect(report.warnings).toEqual(['study-id-ignored:1']);
    expect(refusalOf(spoil(text, studyId, other))).toEqual({ code: 'report/study-missing', location: `${event}/id` });
  });

  test('skips null ids and serviceEvents without id, without a remark', () => {
    const screening =
      '<documentationOf><serviceEvent><code code="Z13.9" codeSystem="2.16.840.1.113883.6.3"/></serviceEvent></documentationOf>';
    const nulls = spoil(text, studyId, `<id nullFlavor="UNK"/>${studyId}`);
    const report = parseText(spoil(nulls, '<documentationOf>', `${screening}<documentationOf>`));
    expect(report).toMatchObject({ studies: [{ studyInstanceUid: '1.2.250.1.999999.10.1' }], warnings: [] });
  });

  test('refuses a report without any study', () => {
    const expected = { code: 'report/study-missing', location: `${event}/id` };
    expect(refusalOf(spoil(text, studyId, ''))).toEqual(expected);
    expect(refusalOf(text.replace(/<documentationOf>.*<\/documentationOf>/s, ''))).toEqual(expected);
  });

  test.each([
    ['letters', '<id root="1.2.abc"/>', '/@root'],
    ['a leading zero', '<id root="1.2.03"/>', '/@root'],
    ['an empty arc', '<id root="1..2"/>', '/@root'],
    ['65 characters', `<id root="2.25.${'1'.repeat(60)}"/>`, '/@root'],
  ])('refuses a malformed UID (%s) even beside a good one: a study would be lost silently', (_, id, attribute) => {
    expect(refusalOf(spoil(text, studyId, `${studyId}${id}`))).toEqual({
      code: 'report/field-invalid',
      location: `${event}/id[2]${attribute}`,
    });
  });

  test('refuses the extension studyInstanceUID without a root', () => {
    expect(refusalOf(spoil(text, studyId, '<id extension="studyInstanceUID"/>'))).toMatchObject({
      code: 'report/field-missing',
    });
  });

  test('names a study once: acts of several serviceEvents are united', () => {
    const report = parseImagingReport(
      buildCda({
        studies: [
          { uids: ['2.25.1', '2.25.1'], modalities: ['CT'], regions: ['774007'], start: '20260312' },
          { uids: ['2.25.1'], modalities: ['PT', 'CT'], regions: ['67734004'], start: '20260313' },
        ],
      }),
    );
    expect(report.studies).toHaveLength(1);
    expect(report.studies[0]?.modalities.map(({ code }) => code)).toEqual(['CT', 'PT']);
    expect(report.studies[0]?.regions.map(({ code }) => code)).toEqual(['774007', '67734004']);
    expect(report.studies[0]?.start).toBe('20260312');
    expect(report.warnings).toEqual(['study-repeated:2']);
  });

  test('refuses more than 500 serviceEvents', () => {
    const studies = Array.from({ length: 501 }, (_, i) => ({ uids: [`2.25.${i}`] }));
    expect(refusalOf(buildCda({ studies: studies.slice(0, 500) }))).toBe('accepted');
    expect(refusalOf(buildCda({ studies }))).toMatchObject({ code: 'report/field-invalid' });
  });
});

describe('codes of the act', () => {
  test('reads act, CCAM, modality and region, with the labels of the value sets', () => {
    const study = parseImagingReport(buildCda({ studies: [{ modalities: ['MR', 'MR'], regions: ['61685007'] }] }))
      .studies[0];
    expect(study).toMatchObject({
      act: { code: '24727-0', displayName: 'Scanner de la tête' },
      ccamAct: { code: 'ACQH004', displayName: 'Scanographie du crâne' },
      modalities: [{ code: 'MR', codeSystem: '1.2.840.10008.2.16.4', displayName: 'Résonance magnétique' }],
      regions: [{ code: '61685007', codeSystem: '2.16.840.1.113883.6.96', displayName: 'membre inférieur' }],
    });
  });

  test.each(['1.2.250.1.213.2.5', '1.2.250.1.215.300.1'])('knows CCAM by %s', (codeSystem) => {
    const study = parseImagingReport(
      buildCda({ studies: [{ ccamAct: { code: 'ZCQH001', codeSystem, displayName: '' } }] }),
    );
    expect(study.studies[0]?.ccamAct).toEqual({ code: 'ZCQH001', codeSystem, displayName: '' });
  });

  test('reads RM as MR with a remark: it is the French order of the letters', () => {
    expect(parseImagingReport(buildCda({ studies: [{ modalities: ['RM'] }] }))).toMatchObject({
      studies: [{ modalities: [{ code: 'MR' }] }],
      warnings: ['modality-read-as-mr:1'],
    });
  });

  test('keeps a modality or region it does not know, with a remark that does not quote it', () => {
    expect(
      parseImagingReport(buildCda({ studies: [{}, { uids: ['2.25.1'], modalities: ['ZZ'], regions: ['123456'] }] })),
    ).toMatchObject({
      studies: [{}, { modalities: [{ code: 'ZZ' }], regions: [{ code: '123456' }] }],
      warnings: ['modality-unknown:2', 'region-unknown:2'],
    });
  });

  test('says when there is no modality: the PACS has it', () => {
    expect(parseImagingReport(buildCda({ studies: [{ modalities: [] }] })).warnings).toEqual(['modality-missing:1']);
  });

  test.each([
    ['1.2.250.1.213.2.5', '69536005'],
    ['2.16.840.1.113883.6.96', '774007'],
  ])('takes a region in the place of the act (code system %s, old samples) for a region', (codeSystem, code) => {
    const act = { code, codeSystem, displayName: 'Tete' };
    const report = parseImagingReport(buildCda({ studies: [{ act, regions: [] }] }));
    expect(report.studies[0]?.regions).toMatchObject([{ code, codeSystem: '2.16.840.1.113883.6.96' }]);
    expect(report.studies[0]).not.toHaveProperty('act');
    expect(report.warnings).toContain('region-in-code:1');
  });

  test('ignores translations that are neither: a laterality is not a region', () => {
    const other =
      '<translation code="7771000" codeSystem="2.16.840.1.113883.6.96"/><translation code="36235-0" codeSystem="2.16.840.1.113883.6.1"/>';
    const first = parseText(spoil(text, '<translation code="CT"', `${other}<translation code="CT"`)).studies[0];
    expect(first).toEqual(parseText(text).studies[0]);
  });
});

describe('times', () => {
  const interval = '<low value="20260312091500+0100"/><high value="20260312093000+0100"/>';
  const timesOf = (by: string) => {
    const { studies, warnings } = parseText(spoil(text, `<effectiveTime>${interval}</effectiveTime>`, by));
    return { start: studies[0]?.start, stop: studies[0]?.stop, warnings };
  };

  test('are kept as sent', () => {
    const sent = '<effectiveTime><low value="2026"/><high value="202603120930"/></effectiveTime>';
    expect(timesOf(sent)).toEqual({ start: '2026', stop: '202603120930', warnings: [] });
  });

  test('a single point in time is the start', () => {
    expect(timesOf('<effectiveTime value="20260312"/>')).toEqual({ start: '20260312', stop: undefined, warnings: [] });
  });

  test('are left out where null, and with a remark where malformed', () => {
    const sent = '<effectiveTime><low value="12/03/2026"/><high nullFlavor="UNK"/></effectiveTime>';
    expect(timesOf(sent)).toEqual({ start: undefined, stop: undefined, warnings: ['study-time-invalid:1'] });
    expect(timesOf('')).toEqual({ start: undefined, stop: undefined, warnings: [] });
  });
});

describe('performer', () => {
  test('is the first performing structure with a national identifier, with its practice setting', () => {
    const anonymous = '<performer typeCode="PRF"><assignedEntity><id nullFlavor="UNK"/></assignedEntity></performer>';
    const study = parseText(spoil(text, '<performer', `${anonymous}<performer`)).studies[0];
    expect(study).toMatchObject({ performer: { id: '1999999991' }, practiceSetting: { code: 'AMBULATOIRE' } });
  });

  test('may be absent, with a remark', () => {
    const without = parseText(text.replace(/<performer.*<\/performer>/s, ''));
    expect(without.studies[0]).not.toHaveProperty('performer');
    expect(without.warnings).toEqual(['performer-missing:1', 'practice-setting-missing']);
  });
});
