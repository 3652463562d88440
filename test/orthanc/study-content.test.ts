import { describe, expect, it } from 'vitest';
import { buildStudyContent, type StudyRow } from '../../plugin/orthanc/study-content.ts';
import { parseStudyInstanceUid } from '../../plugin/standards/index.ts';

const uid = parseStudyInstanceUid('2.25.1');
const instance = (number: string, sopInstanceUid: string) => ({
  orthancId: `id-${sopInstanceUid}`,
  sopClassUid: '1.2.840.10008.5.1.4.1.1.2',
  tags: { SOPInstanceUID: sopInstanceUid, ...(number === '' ? {} : { InstanceNumber: number }) },
});
const row = (change: Partial<StudyRow> = {}): StudyRow => ({
  orthancId: 'study',
  lastUpdate: '',
  tags: { StudyInstanceUID: uid, PatientID: 'IPP-0001' },
  series: [{ orthancId: 'series', tags: { SeriesInstanceUID: '2.25.2' }, instances: [instance('1', '2.25.3')] }],
  ...change,
});

describe('content of a study', () => {
  it('orders instances by number, those without number last, then by UID: both readers give one order', () => {
    const instances = [
      instance('', '2.25.9'),
      instance('10', '2.25.5'),
      instance('2', '2.25.8'),
      instance('2', '2.25.7'),
    ];
    const study = buildStudyContent(
      uid,
      row({ series: [{ orthancId: 's', tags: { SeriesInstanceUID: '2.25.2' }, instances }] }),
    );
    expect(study.series[0]?.instances.map(({ sopInstanceUid }) => sopInstanceUid)).toEqual([
      '2.25.7',
      '2.25.8',
      '2.25.5',
      '2.25.9',
    ]);
  });

  it('reads LastUpdate as UTC, from which the stability of a study is told', () => {
    expect(buildStudyContent(uid, row({ lastUpdate: '20260105T101530' })).lastUpdateUtcMs).toBe(
      Date.UTC(2026, 0, 5, 10, 15, 30),
    );
    expect(buildStudyContent(uid, row({ lastUpdate: 'yesterday' }))).not.toHaveProperty('lastUpdateUtcMs');
  });

  it("gives '' for what the index does not have", () => {
    const study = buildStudyContent(uid, row());
    expect(study).toMatchObject({ accessionNumber: '', patientName: '', patientId: 'IPP-0001' });
    expect(study.series[0]).toMatchObject({ modality: '', seriesNumber: '', bodyPartExamined: '' });
    expect(study.series[0]?.instances[0]).toMatchObject({ instanceNumber: '1', numberOfFrames: '' });
  });

  const broken: [string, StudyRow][] = [
    ['another study than asked', row({ tags: { StudyInstanceUID: '2.25.11' } })],
    ['a study without UID', row({ tags: {} })],
    ['no series', row({ series: [] })],
    ['a series without UID', row({ series: [{ orthancId: 's', tags: {}, instances: [instance('1', '2.25.3')] }] })],
    [
      'a series without instance',
      row({ series: [{ orthancId: 's', tags: { SeriesInstanceUID: '2.25.2' }, instances: [] }] }),
    ],
    [
      'an instance without SOP class',
      row({
        series: [
          {
            orthancId: 's',
            tags: { SeriesInstanceUID: '2.25.2' },
            instances: [{ ...instance('1', '2.25.3'), sopClassUid: '' }],
          },
        ],
      }),
    ],
  ];
  it.each(broken)('refuses %s: a study with a hole is never taken for an answer (D1)', (_what, study) => {
    expect(() => buildStudyContent(uid, study)).toThrow(expect.objectContaining({ code: 'orthanc/answer-invalid' }));
  });
});
