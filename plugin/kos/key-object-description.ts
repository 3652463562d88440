/**
 * The free text (113012) that every DRIMbox parses back: what was examined, the act, one line per series.
 *
 * ```
 * Examen : Scanner thoracique
 * Acte = Scanographie du thorax
 * Série-1.2.250.1.999999.1.1 : CT @ CHEST : Axial 1 mm
 * Série-1.2.250.1.999999.1.2 : PR @  : Annotations
 * ```
 * Others find the modality by splitting at `Série-`, then at ` : `, then at a space: separators stay exactly so even
 * around nothing, every line ends with LF, and no label may look like one of them.
 *
 * @see facts/spec.md b.3 (text template) · facts/poc.md §1.4
 */
import { cleanText, codeText } from './attribute-values.ts';

export interface DescribedSeries {
  readonly seriesInstanceUid: string;
  readonly modality: string;
  readonly bodyPartExamined: string;
  readonly seriesDescription: string;
}

export interface KeyObjectDescription {
  readonly studyDescription: string;
  readonly actDisplayName: string;
  readonly series: readonly DescribedSeries[];
}

/** A label on one line that holds neither of the marks a reader looks for. */
const label = (text: string): string =>
  cleanText(text)
    .replace(/(S[ée]rie)-/gi, '$1 -')
    .replace(/(Acte *)=/gi, '$1-');

export const buildDescription = ({ studyDescription, actDisplayName, series }: KeyObjectDescription): string =>
  [
    `Examen : ${label(studyDescription)}`,
    `Acte = ${label(actDisplayName)}`,
    ...series.map(
      (one) =>
        `Série-${one.seriesInstanceUid} : ${codeText(one.modality)} @ ${codeText(one.bodyPartExamined)} : ${label(one.seriesDescription)}`,
    ),
    '',
  ].join('\n');

/** `é` may have been lost to a wrong character set; some write `Serie-`, some end the modality at `:`. */
const seriesLine = /^S.{1,2}rie-([0-9.]+) *:([^@:]*)(?:@([^:]*))?:?(.*)$/u;

/** Reads what any DRIMbox wrote; lines it does not know are passed over. */
export const parseDescription = (text: string): KeyObjectDescription => {
  let studyDescription = '';
  let actDisplayName = '';
  const series: DescribedSeries[] = [];
  for (const line of text.split(/\r\n|\n|\r/)) {
    const found = seriesLine.exec(line);
    if (found !== null) {
      const [, seriesInstanceUid = '', modality = '', bodyPartExamined = '', description = ''] = found;
      series.push({
        seriesInstanceUid,
        modality: modality.trim(),
        bodyPartExamined: bodyPartExamined.trim(),
        seriesDescription: description.trim(),
      });
    } else if (line.startsWith('Examen :')) studyDescription = line.slice('Examen :'.length).trim();
    else if (line.startsWith('Acte =')) actDisplayName = line.slice('Acte ='.length).replace(/^ *: /, '').trim();
  }
  return { studyDescription, actDisplayName, series };
};
