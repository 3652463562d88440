/** Labels typed from the national value set, against the value set itself. */
import { existsSync, readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import {
  knowHowLabels,
  pharmacistSectionLabels,
  professionLabels,
  trainingProfessionLabels,
} from '../../plugin/standards/index.ts';

const file = new URL('../../../shared/data/valuesets/JDV_J01_XdsAuthorSpecialty_CISIS.xml', import.meta.url);
const isThere = existsSync(file);
if (!isThere) console.log('skipped: ../shared/data/valuesets is not here');

/** `G15_10/SM44` → the label of our tables, put together as the value set does. */
const ourLabel = (code: string): string | undefined => {
  const [, table = '', profession = '', part] = /^(?:(G15|G16)_)?([0-9]+)(?:\/([0-9A-Z]+))?$/.exec(code) ?? [];
  if (table === 'G16') return trainingProfessionLabels[profession];
  if (part === undefined) return professionLabels[profession];
  return /^[A-Z]{1,2}$/.test(part)
    ? pharmacistSectionLabels[part]
    : `${professionLabels[profession]} - ${knowHowLabels[part]}`;
};

test.skipIf(!isThere)('professions and know-how say what JDV_J01 says, and leave nothing out', () => {
  const rows = [
    ...readFileSync(file, 'utf8').matchAll(/<Concept code="([^"]*)"\s+codeSystem="[^"]*"\s+displayName="([^"]*)"/g),
  ];
  // The others are no professions: software, devices, the patient.
  const professions = rows.filter(([, code = '']) => /^(G1[56]_)?[0-9]/.test(code));
  expect(professions).toHaveLength(389);
  const differing = professions.filter(
    ([, code = '', label = '']) => ourLabel(code) !== label.replaceAll('&apos;', "'").replaceAll('&amp;', '&'),
  );
  expect(differing.map(([, code]) => code)).toEqual([]);
});
