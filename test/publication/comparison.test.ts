import { describe, expect, test } from 'vitest';
import { decide, type Decision, type Past, type Published, type Wanted } from '../../plugin/publication/index.ts';

const ofFirst = { kind: 'manifest', fingerprint: 'a', record: 'patient-1', reportKey: '1.2.1' } as const;

/** Reports and PACS together: what they call for. The DMP holds content `a` of report 1 for patient 1, if anything. */
const wanted = {
  'the same content': ofFirst,
  'other content, same report': { ...ofFirst, fingerprint: 'b' },
  'a new report or flag': { ...ofFirst, fingerprint: 'b', reportKey: '1.2.2' },
  'another patient': { ...ofFirst, fingerprint: 'b', reportKey: '1.2.2', record: 'patient-2' },
  'only reports of another patient': { kind: 'misfiled' },
  'no report any more': { kind: 'nothing' },
  'not destined to the DMP': { kind: 'not-destined' },
  'no image in the PACS': { kind: 'no-images' },
  'images still arriving': { kind: 'wait' },
  'a rule that does not hold': { kind: 'hold', code: 'publication/images-mismatch' },
} as const satisfies Record<string, Wanted>;
type WantedName = keyof typeof wanted;

const held = {
  nothing: { kind: 'nothing' },
  'our manifest': { ...ofFirst, documentUid: '1.2.3', origin: 'order' },
  'an imported one': { ...ofFirst, documentUid: '1.2.3', origin: 'xdm' },
  'one from a file': { ...ofFirst, fingerprint: 'f', reportKey: undefined, documentUid: '1.2.3', origin: 'file' },
} as const satisfies Record<string, Published>;
type HeldName = keyof typeof held;

const past = {
  'no past': { isWithdrawn: false },
  withdrawn: { isWithdrawn: true },
  'refused with content b': {
    isWithdrawn: false,
    refused: { kind: 'replace', fingerprint: 'b', documentUid: '1.2.9' },
  },
  'deletion refused': { isWithdrawn: false, refused: { kind: 'delete', fingerprint: '', documentUid: '1.2.3' } },
  'another deletion refused': {
    isWithdrawn: false,
    refused: { kind: 'delete', fingerprint: '', documentUid: '1.2.4' },
  },
} as const satisfies Record<string, Past>;

/** The decisions in the order of `past`, as letters. */
const letters: Readonly<Record<string, Decision>> = {
  '.': { kind: 'none' },
  P: { kind: 'publish' },
  R: { kind: 'replace', cause: 'report' },
  r: { kind: 'replace', cause: 'pacs' },
  D: { kind: 'delete', cause: 'report' },
  d: { kind: 'delete', cause: 'pacs' },
  c: { kind: 'delete', cause: 'correction' },
};

/** Written by hand from decisions B6–B8, C1, C8 and D: a cell that changes is a decision that changes. */
const table: Readonly<Record<WantedName, Readonly<Record<HeldName, string>>>> = {
  'the same content': {
    nothing: 'P.PPP',
    'our manifest': '.....',
    'an imported one': '.....',
    'one from a file': 'R.RRR',
  },
  'other content, same report': {
    nothing: 'P..PP',
    'our manifest': 'r..rr',
    'an imported one': 'r..rr',
    'one from a file': 'R..RR',
  },
  'a new report or flag': {
    nothing: 'P..PP',
    'our manifest': 'R..RR',
    'an imported one': 'R..RR',
    'one from a file': 'R..RR',
  },
  'another patient': {
    nothing: 'P..PP',
    'our manifest': 'ccc.c',
    'an imported one': 'ccc.c',
    'one from a file': 'R..RR',
  },
  'only reports of another patient': {
    nothing: '.....',
    'our manifest': 'ccc.c',
    'an imported one': 'ccc.c',
    'one from a file': '.....',
  },
  'no report any more': {
    nothing: '.....',
    'our manifest': 'DDD.D',
    'an imported one': 'DDD.D',
    'one from a file': '.....',
  },
  'not destined to the DMP': {
    nothing: '.....',
    'our manifest': '.....',
    'an imported one': '.....',
    'one from a file': '.....',
  },
  'no image in the PACS': {
    nothing: '.....',
    'our manifest': 'ddd.d',
    'an imported one': 'ddd.d',
    'one from a file': '.....',
  },
  'images still arriving': {
    nothing: '.....',
    'our manifest': '.....',
    'an imported one': '.....',
    'one from a file': '.....',
  },
  'a rule that does not hold': {
    nothing: '.....',
    'our manifest': '.....',
    'an imported one': '.....',
    'one from a file': '.....',
  },
};

const cells = (Object.keys(wanted) as WantedName[]).flatMap((want) =>
  (Object.keys(held) as HeldName[]).flatMap((have) =>
    Object.entries(past).map(
      ([before, values], at) => [want, have, before, values, table[want][have].charAt(at)] as const,
    ),
  ),
);

describe('decision from wanted and published (design §4, decisions B6–B8, C1, C8, D; DB.SO.27)', () => {
  test.each(cells)('wanted: %s · the DMP has: %s · %s', (want, have, _before, values, letter) => {
    expect(decide(wanted[want], held[have], values)).toEqual(letters[letter]);
  });

  test('never deletes but for the want of a report, of images, or of the right patient', () => {
    const deleting = cells.filter(([, , , , letter]) => 'Ddc'.includes(letter)).map(([want]) => want);
    expect([...new Set(deleting)].toSorted()).toEqual([
      'another patient',
      'no image in the PACS',
      'no report any more',
      'only reports of another patient',
    ]);
  });
});
