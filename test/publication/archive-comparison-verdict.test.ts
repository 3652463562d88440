/** One archived study against one answer of the PACS: every combination that matters, and the five figures. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type ComparedStudy, Finding, manifestObject, StudyState } from '../../plugin/archive/index.ts';
import { DrimboxError } from '../../plugin/errors.ts';
import type { StudyContent, StudyLookupOfMany } from '../../plugin/orthanc/index.ts';
import { contentFingerprint, judgeStudy, needsManifest } from '../../plugin/publication/index.ts';
import {
  countManifest,
  type FiguresByStructure,
  moveManifests,
  totalOf,
} from '../../plugin/publication/archive-comparison-verdict.ts';
import { pacsStudy } from '../fixtures/publication/index.ts';

const { study: content } = pacsStudy(1, { instancesPerSeries: 3 });
const { study: fewer } = pacsStudy(1, { instancesPerSeries: 2 });
const { study: more } = pacsStudy(1, { instancesPerSeries: 4 });
const { study: otherClass } = pacsStudy(1, { instancesPerSeries: 3 });
const corrected: StudyContent = { ...content, patientId: 'IPP-0043' };
const stored: StudyContent = { ...content, lastUpdateUtcMs: 5 };
const fingerprint = contentFingerprint(content);

const objectsOf = (of: StudyContent): ReadonlySet<string> =>
  new Set(
    of.series.flatMap((series) =>
      series.instances.map((one) => manifestObject(series.seriesInstanceUid, one.sopInstanceUid, one.sopClassUid)),
    ),
  );
const objects = objectsOf(content);
const found = (study: StudyContent): StudyLookupOfMany => ({ kind: 'found', study });
const absent: StudyLookupOfMany = { kind: 'absent' };
const duplicated: StudyLookupOfMany = { kind: 'duplicated', orthancIds: ['a', 'b'] };
const failed: StudyLookupOfMany = { kind: 'failed', error: new DrimboxError('orthanc/answer-invalid') };

const published: ComparedStudy = {
  studyInstanceUid: content.studyInstanceUid,
  state: 'published',
  contentFingerprint: fingerprint,
  published: { submissionId: 1, structureId: '1' },
};
const { contentFingerprint: _, ...imported } = published;
const { published: __, ...unpublished } = published;
const { contentFingerprint: ___, ...neverSeen } = unpublished;

describe('a published study (DB.SO.30)', () => {
  test.each<[string, ComparedStudy, StudyLookupOfMany, Finding, boolean]>([
    ['as the last look saw it', published, found(content), 'unchanged', false],
    ['an image was deleted', published, found(fewer), 'changed', true],
    ['an image came', published, found(more), 'changed', true],
    ['the same images, another patient id: only a look can judge', published, found(corrected), 'touched', true],
    ['the same images, stored again', published, found(stored), 'touched', true],
    ['no image left', published, absent, 'without-exam', true],
    ['no image left, as the last look saw', { ...published, absentSinceUtcMs: 1 }, absent, 'without-exam', false],
    ['images back as they were', { ...published, absentSinceUtcMs: 1 }, found(content), 'touched', true],
    ['images back, one less', { ...published, absentSinceUtcMs: 1 }, found(fewer), 'changed', true],
    ['several studies in the PACS', published, duplicated, 'duplicated', true],
    [
      'several studies, as the last look saw',
      { ...published, state: 'held', reasonCode: 'publication/study-duplicated' },
      duplicated,
      'duplicated',
      false,
    ],
    [
      'no longer several',
      { ...published, state: 'held', reasonCode: 'publication/study-duplicated' },
      found(content),
      'touched',
      true,
    ],
    ['no answer is never an absence (D1)', published, failed, 'unreadable', true],
    ['imported, the PACS has what it names', imported, found(content), 'unchanged', false],
    ['imported, an image is missing', imported, found(fewer), 'changed', true],
    ['imported, an image more: a rejected one, perhaps', imported, found(more), 'changed', true],
    ['imported, no image left', imported, absent, 'without-exam', true],
    ['held for another reason, as seen', { ...published, state: 'held' }, found(content), 'unchanged', false],
  ])('%s', (_title, study, lookup, finding, isNews) => {
    expect(judgeStudy(study, lookup, objects)).toEqual({ finding, isNews });
  });

  test('another SOP class of the same object is another content (C1)', () => {
    const changed = {
      ...otherClass,
      series: otherClass.series.map((series) => ({
        ...series,
        instances: series.instances.map((one) => ({ ...one, sopClassUid: '1.2.840.10008.5.1.4.1.1.4' })),
      })),
    };
    expect(judgeStudy(imported, found(changed), objects).finding).toBe('changed');
  });

  test('an imported manifest whose content is not known is looked at', () => {
    expect(judgeStudy(imported, found(content), new Set())).toEqual({ finding: 'changed', isNews: true });
    expect(judgeStudy(imported, found(content))).toEqual({ finding: 'changed', isNews: true });
  });
});

describe('a study of which the DMP holds nothing', () => {
  const of = (state: StudyState, seen = true): ComparedStudy => ({ ...(seen ? unpublished : neverSeen), state });
  test.each<[string, ComparedStudy, StudyLookupOfMany, Finding]>([
    ['waits for images, none there', of('waiting-for-images', false), absent, 'unchanged'],
    ['waits for images, they came unheard', of('waiting-for-images', false), found(content), 'changed'],
    ['waits for images, the same came back', of('waiting-for-images'), found(content), 'changed'],
    ['failed for want of images', { ...of('failed'), reasonCode: 'publication/study-not-found' }, absent, 'unchanged'],
    [
      'failed, and they came',
      { ...of('failed'), reasonCode: 'publication/study-not-found' },
      found(content),
      'changed',
    ],
    ['images gone for good', of('images-gone'), absent, 'unchanged'],
    ['images gone, and back', of('images-gone'), found(content), 'changed'],
    ['held, as seen', of('held'), found(content), 'unchanged'],
    ['held, the images changed', of('held'), found(fewer), 'changed'],
    ['held, the images left', of('held'), absent, 'changed'],
    ['held before the PACS was ever asked', of('held', false), absent, 'unchanged'],
    ['withdrawn, no image', of('withdrawn'), absent, 'unchanged'],
    ['withdrawn, as seen', of('withdrawn'), found(content), 'unchanged'],
    ['refused by the DMP, the images changed', { ...of('failed'), reasonCode: 'dmp/refused' }, found(more), 'changed'],
    ['several', of('waiting-for-images', false), duplicated, 'duplicated'],
    ['no answer', of('waiting-for-images', false), failed, 'unreadable'],
  ])('%s', (_title, study, lookup, finding) => {
    expect(judgeStudy(study, lookup)).toEqual({ finding, isNews: finding !== 'unchanged' });
  });
});

test('the manifest is read only where the fingerprint says nothing or something else', () => {
  expect(needsManifest(published, found(content))).toBe(false);
  expect(needsManifest(published, found(fewer))).toBe(true);
  expect(needsManifest(imported, found(content))).toBe(true);
  expect(needsManifest(unpublished, found(fewer))).toBe(false);
  for (const lookup of [absent, duplicated, failed]) expect(needsManifest(published, lookup)).toBe(false);
});

test('whatever the state, a failed answer changes nothing and an absence without manifest deletes nothing (D1)', () => {
  for (const state of Object.values(StudyState)) {
    for (const study of [published, imported, unpublished, neverSeen]) {
      expect(judgeStudy({ ...study, state }, failed).finding).toBe('unreadable');
      const { finding } = judgeStudy({ ...study, state }, absent);
      expect(finding === 'without-exam').toBe(study === published || study === imported);
    }
  }
});

describe('the figures (facts/spec.md b.14 #33–37, DB.SO.88)', () => {
  const findings = fc.constantFrom(...Object.values(Finding));
  const counted = (list: readonly (readonly [string, Finding])[]): FiguresByStructure =>
    list.reduce<FiguresByStructure>((figures, [structure, finding]) => countManifest(figures, structure, finding), {});

  test('every archived manifest is in exactly one column, by structure and in all', () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.constantFrom('1', '2', '3'), findings)), (list) => {
        const figures = counted(list);
        for (const one of [...Object.values(figures), totalOf(figures)]) {
          expect(one.withoutExam + one.toUpdate + one.upToDate + one.unreadable).toBe(one.archived);
        }
        expect(totalOf(figures).archived).toBe(list.length);
      }),
    );
  });

  test('what the looks decided moves manifests, and loses none', () => {
    fc.assert(
      fc.property(fc.array(findings, { minLength: 1 }), fc.integer({ min: -50, max: 50 }), (list, move) => {
        const before = counted(list.map((finding) => ['1', finding] as const));
        const after = moveManifests(before, '1', move)['1'];
        expect(after === undefined ? 0 : after.toUpdate + after.upToDate).toBe(
          (before['1']?.toUpdate ?? 0) + (before['1']?.upToDate ?? 0),
        );
        expect(Math.min(after?.toUpdate ?? 0, after?.upToDate ?? 0)).toBeGreaterThanOrEqual(0);
      }),
    );
    expect(moveManifests({}, '1', 3)).toEqual({});
  });

  test('"touched" counts as up to date and "duplicated" as to update, until a look says otherwise', () => {
    const figures = counted([
      ['1', 'touched'],
      ['1', 'duplicated'],
      ['1', 'changed'],
    ]);
    expect(figures['1']).toEqual({ archived: 3, withoutExam: 0, toUpdate: 2, upToDate: 1, unreadable: 0 });
    expect(moveManifests(figures, '1', -1)['1']).toMatchObject({ toUpdate: 1, upToDate: 2 });
    expect(moveManifests(figures, '1', 1)['1']).toMatchObject({ toUpdate: 3, upToDate: 0 });
  });
});
