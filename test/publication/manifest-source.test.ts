import { describe, expect, test } from 'vitest';
import { manifestContentOf } from '../../plugin/publication/manifest-source.ts';
import { inventedOrganization } from '../fixtures/report/build-cda.ts';
import { pacsStudy } from '../fixtures/publication/index.ts';
import { readReport } from './reading.ts';

const report = readReport();
const { study } = pacsStudy(1, { seriesCount: 2 });
const [reported] = report.studies;
const [order] = report.orders;
if (reported === undefined) throw new Error('the invented report has a study');
const content = (changes: Partial<Parameters<typeof manifestContentOf>[0]> = {}) =>
  manifestContentOf({
    report,
    reported,
    order,
    organization: inventedOrganization,
    study,
    series: study.series,
    retrieveUrlBase: 'https://db-exemple.invalid/wado',
    ...changes,
  });

describe('content of a manifest (facts/spec.md b.3): who says what', () => {
  test('the report says who the patient is, never the PACS', () => {
    const renamed = { ...study, patientName: 'AUTRE^NOM', patientId: 'X', patientBirthDate: '19000101' };
    expect(content({ study: renamed }).patient).toEqual(report.patient);
  });

  test('the PACS says what the study is', () => {
    expect(content().study).toEqual({
      studyInstanceUid: study.studyInstanceUid,
      studyDate: '20240115',
      studyTime: '101530',
      studyId: 'ETU1',
      studyDescription: 'Scanner thoracique injecté',
      referringPhysicianName: 'MÉDECIN^Noël',
    });
  });

  test('lists the series it is given, with their instances and nothing of Orthanc', () => {
    const { series } = content({ series: study.series.slice(1) });
    expect(series).toEqual([
      {
        seriesInstanceUid: `${study.studyInstanceUid}.2`,
        modality: 'CT',
        seriesNumber: '2',
        seriesDescription: 'Série 2',
        bodyPartExamined: 'CHEST',
        instances: [1, 2].map((number) => ({
          sopClassUid: '1.2.840.10008.5.1.4.1.1.2',
          sopInstanceUid: `${study.studyInstanceUid}.2.${number}`,
          instanceNumber: `${number}`,
          numberOfFrames: '',
        })),
      },
    ]);
  });

  test('names the order that was paired, or none, the structure of A3 and the act', () => {
    expect(content()).toMatchObject({
      orders: [order],
      institution: inventedOrganization,
      actDisplayName: 'Scanner de la tête',
      retrieveUrlBase: 'https://db-exemple.invalid/wado',
    });
    const { act: _act, ...actless } = reported;
    expect(content({ order: undefined, reported: actless })).toMatchObject({ orders: [], actDisplayName: '' });
  });
});
