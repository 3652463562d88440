/** The examinations of a crash test: which images come before the report and which after it. */
import { buildExamination, type Examination } from '../fixtures/examination.ts';
import type { Choices } from './seeded-choices.ts';

export interface Case {
  readonly number: number;
  readonly examination: Examination;
  /**
   * `growing`: the first image before the report, the others some time after it. A manifest of the first image alone may
   * have been published by then: it is replaced.
   */
  readonly images: 'before' | 'after' | 'growing';
}

export const instancesPerStudy = 2;

export const buildCaseLoad = (count: number, choices: Choices): readonly Case[] =>
  Array.from({ length: count }, (_, index) => {
    const number = index + 1;
    const images = choices.pick(['before', 'before', 'after', 'after', 'growing'] as const);
    // One in five is a whole report of 330 kB: a kill often meets it half-way.
    const pdfBytes = choices.chance(0.2) ? 180_000 : 300;
    const form = choices.chance(0.3) ? 'MDM' : 'ORU';
    const examination = buildExamination({ number, instancesPerSeries: instancesPerStudy, form, cda: { pdfBytes } });
    return { number, examination, images };
  });
