/** A table: what is held, what is asked, what is answered. Invented UIDs and identifiers. */
import { describe, expect, test } from 'vitest';
import type { ServedManifest, Serving } from '../../plugin/archive/index.ts';
import { errorTable } from '../../plugin/errors.ts';
import { checkPossession } from '../../plugin/wado/possession.ts';

const manifest: ServedManifest = {
  submissionId: 1,
  studyInstanceUid: '1.2.3',
  ins: { value: '185037512345698', oid: '1.2.250.1.213.1.4.10' },
  structureId: '1990000001',
  series: new Map([
    ['1.2.3.1', [{ sopInstanceUid: '1.2.3.1.1', sopClassUid: '1.2.840.10008.5.1.4.1.1.2' }]],
    [
      '1.2.3.2',
      [
        { sopInstanceUid: '1.2.3.2.2', sopClassUid: '1.2.840.10008.5.1.4.1.1.2' },
        { sopInstanceUid: '1.2.3.2.1', sopClassUid: '1.2.840.10008.5.1.4.1.1.2' },
      ],
    ],
  ]),
  restrictions: { maskedFromProfessionals: false, invisibleToPatient: false, invisibleToRepresentatives: false },
  authorIds: ['899900000015'],
};
const served: Serving = { kind: 'served', manifest };
const masked: Serving = {
  kind: 'served',
  manifest: { ...manifest, restrictions: { ...manifest.restrictions, maskedFromProfessionals: true } },
};
const invisible: Serving = {
  kind: 'served',
  manifest: { ...manifest, restrictions: { ...manifest.restrictions, invisibleToPatient: true } },
};
const someone = '899900000099';
const study = { studyInstanceUid: '1.2.3' };

describe('possession of the manifest (DB.SO.85, E1, E2, E5)', () => {
  test('opens what the path asks for of what the manifest names, in its order', () => {
    const uidsOf = (wanted: Parameters<typeof checkPossession>[1]): readonly string[] => {
      const possession = checkPossession(served, wanted, someone);
      return possession.kind === 'held' ? possession.instances.map((one) => one.sopInstanceUid) : [possession.code];
    };
    expect(uidsOf(study)).toEqual(['1.2.3.1.1', '1.2.3.2.2', '1.2.3.2.1']);
    expect(uidsOf({ ...study, seriesInstanceUid: '1.2.3.2' })).toEqual(['1.2.3.2.2', '1.2.3.2.1']);
    expect(uidsOf({ ...study, seriesInstanceUid: '1.2.3.2', sopInstanceUid: '1.2.3.2.1' })).toEqual(['1.2.3.2.1']);
    expect(uidsOf({ ...study, seriesInstanceUid: '1.2.3.1', sopInstanceUid: '1.2.3.2.1' })).toEqual([
      'wado/not-referenced',
    ]);
  });

  test.each([
    ['an unknown manifest', { kind: 'refused', why: 'unknown' }, study, 'wado/kos-unknown'],
    ['a replaced or deleted manifest', { kind: 'refused', why: 'not-current' }, study, 'wado/kos-not-current'],
    ['a held study', { kind: 'refused', why: 'held' }, study, 'wado/study-held'],
    ['a report that was deleted', { kind: 'refused', why: 'report-gone' }, study, 'wado/report-gone'],
    ['the manifest of another study', served, { studyInstanceUid: '1.2.4' }, 'wado/study-mismatch'],
    ['a series that it does not name', served, { ...study, seriesInstanceUid: '1.2.3.9' }, 'wado/not-referenced'],
    ['a report masked from professionals', masked, study, 'wado/masked'],
  ] as const)('%s opens nothing, and the peer cannot tell which it was', (_, serving, wanted, code) => {
    expect(checkPossession(serving, wanted, someone)).toEqual({ kind: 'refused', code });
    const { httpStatus, publicText } = errorTable[code];
    expect([httpStatus, publicText]).toEqual([404, errorTable['wado/kos-unknown'].publicText]);
  });

  test('a mask does not hide from an author of the report; what is invisible to the patient is not to professionals', () => {
    expect(checkPossession(masked, study, '899900000015').kind).toBe('held');
    expect(checkPossession(masked, study, '').kind).toBe('refused');
    expect(checkPossession(invisible, study, someone).kind).toBe('held');
  });
});
