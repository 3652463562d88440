import { describe, expect, test } from 'vitest';
import { type ArchivedStudy, StudyState } from '../../plugin/archive/index.ts';
import { errorTable } from '../../plugin/errors.ts';
import { describeStudy } from '../../plugin/publication/index.ts';

const study = (changes: Partial<ArchivedStudy>): ArchivedStudy => ({
  studyInstanceUid: '1.2.250.1.999999.2.1',
  state: 'new',
  firstReportAtUtcMs: 0,
  imagesDeadlineAtUtcMs: 0,
  updatedAtUtcMs: 0,
  lookNumber: 1,
  reportNumber: 1,
  failedLooks: 0,
  ...changes,
});

describe('status of a study in Orthanc Explorer', () => {
  test.each(Object.values(StudyState))('%s has a French sentence of its own', (state) => {
    const { text, ...rest } = describeStudy(study({ state }));
    expect(rest).toEqual({ state });
    expect(text.length).toBeGreaterThan(4);
    const others = Object.values(StudyState).filter((other) => other !== state);
    expect(others.map((other) => describeStudy(study({ state: other })).text)).not.toContain(text);
  });

  test('a reason is given with its code and its fixed public text, never its detail', () => {
    const described = describeStudy(
      study({ state: 'held', reasonCode: 'publication/images-mismatch', reasonDetail: 'series 1.2.3' }),
    );
    expect(described.reason).toBe('publication/images-mismatch');
    expect(described.text).toBe(`retenu, rien n’est envoyé — ${errorTable['publication/images-mismatch'].publicText}`);
    expect(JSON.stringify(described)).not.toContain('1.2.3');
  });
});
