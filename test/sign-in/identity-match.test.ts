/**
 * Who signed in with FranceConnect+ is the patient, or not: dates, sex, places, the record, and whatever comes (DB.VI-SO.114, DB.VI-SO.152, decision E7).
 * All persons are invented; INS under the test OID.
 */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type ArchivedTraits, type CivilTraits, matchIdentity, MismatchReason } from '../../plugin/sign-in/index.ts';
import { archived, type Claims, person, type RecordChanges, verdictOf } from '../fixtures/sign-in/civil-person.ts';

describe('the birth date', () => {
  test.each<[string, string]>([
    ['1985-03-21', '19850321'],
    ['1985-03-00', '19850301'],
    ['1985-03-01', '19850300'],
    ['1985-03-00', '19850300'],
    ['1985-00-00', '19850101'],
    ['1985-00-00', '19850000'],
    ['1985-01-01', '19850000'],
    ['2000-02-29', '20000229'],
  ])('%s is %s: 00 and 01 are both presumed', (birthDate, known) => {
    expect(verdictOf({ birthDate }, { birthDate: known })).toBe('match');
  });

  test.each<[string, string]>([
    ['1985-03-21', '19850322'],
    ['1985-03-21', '19850421'],
    ['1985-03-21', '19840321'],
    ['1985-03-00', '19850321'],
    ['1985-00-00', '19850321'],
    ['1985-00-00', '19850301'],
    ['1985-03-21', '19850000'],
    ['1985-03-21', '19850300'],
    ['1985-12-03', '19850312'],
  ])('%s is not %s: a presumed date stands for no other one', (birthDate, known) => {
    expect(verdictOf({ birthDate }, { birthDate: known })).toEqual(['birth-date-differs']);
  });

  test.each([
    '',
    '1985',
    '1985-03',
    '1985-00-21',
    '1985-13-01',
    '1985-02-30',
    '0000-00-00',
    '19850321',
    '1985-3-21',
    ' 1985-03-21',
  ])('of FranceConnect+ that is no date is missing: «%s»', (birthDate) => {
    expect(verdictOf({ birthDate })).toEqual(['birth-date-missing']);
  });

  test.each(['', '1985', '198503', '19850021', '19851301', '19850230', '00000000', '1985-03-21', '198503210000'])(
    'of the archive that is no date is missing: «%s»',
    (birthDate) => {
      expect(verdictOf({}, { birthDate })).toEqual(['birth-date-missing']);
      expect(verdictOf({ birthDate }, { birthDate })).toEqual(['birth-date-missing']);
    },
  );
});

describe('the sex', () => {
  test.each<[CivilTraits['gender'], 'M' | 'F' | 'U', string | readonly string[]]>([
    ['female', 'F', 'match'],
    ['male', 'M', 'match'],
    ['female', 'M', ['sex-differs']],
    ['male', 'F', ['sex-differs']],
    ['unspecified', 'F', ['sex-missing']],
    ['unspecified', 'M', ['sex-missing']],
    ['unspecified', 'U', ['sex-missing']],
    ['female', 'U', ['sex-missing']],
    ['male', 'U', ['sex-missing']],
  ])('%s and %s: %s', (gender, sex, expected) => {
    expect(verdictOf({ gender }, { sex })).toEqual(expected);
  });
});

describe('the place of birth', () => {
  test.each<[string, string, string, string]>([
    ['in France', '75112', '99100', '75112'],
    ['in Corsica', '2A004', '99100', '2A004'],
    ['in Corsica, small letter', '2b033', '99100', '2B033'],
    ['in Corsica before 1976', '20004', '99100', '20004'],
    ['in Corsica, the code of before 1976 and that of since', '20004', '99100', '2A004'],
    ['in Corsica, the other way round', '2B033', '99100', '20033'],
    ['overseas department', '97105', '99100', '97105'],
    ['overseas collectivity', '98818', '99100', '98818'],
    ['abroad', '', '99109', '99109'],
    ['in Monaco', '', '99138', '99138'],
  ])('%s: the same code', (_case, birthPlace, birthCountry, known) => {
    expect(verdictOf({ birthPlace, birthCountry }, { birthPlace: known })).toBe('match');
  });

  test.each<[string, string, string, string]>([
    ['another commune', '75112', '99100', '75113'],
    ['the two parts of Corsica', '2A004', '99100', '2B004'],
    ['another commune of Corsica', '20004', '99100', '2A005'],
    ['Corsica is not Aude or Aisne', '20004', '99100', '02004'],
    ['an Indian Ocean twin number', '97411', '99100', '97611'],
    ['abroad, not in France', '75112', '99100', '99109'],
    ['in France, not abroad', '', '99109', '75112'],
    ['another country', '', '99109', '99110'],
  ])('%s: denied', (_case, birthPlace, birthCountry, known) => {
    expect(verdictOf({ birthPlace, birthCountry }, { birthPlace: known })).toEqual(['birth-place-differs']);
  });

  test.each<[string, string, string, string]>([
    ['no code at all', '', '', '75112'],
    ['France without a commune', '', '99100', '75112'],
    ['France without a commune, and France in the archive', '', '99100', '99100'],
    ['a commune without a country', '75112', '', '75112'],
    ['a commune in a foreign country', '75112', '99109', '75112'],
    ['a commune in a foreign country, which the archive names', '75112', '99109', '99109'],
    ['no code in the archive', '75112', '99100', ''],
    ['unknown on both sides', '99999', '99100', '99999'],
    ['unknown country on both sides', '', '99999', '99999'],
    ['no place on both sides', '00000', '99100', '00000'],
    ['a name instead of a code', 'PARIS', '99100', 'PARIS'],
    ['a postal code with a letter', '7511A', '99100', '7511A'],
    ['a country as commune', '99109', '99100', '99109'],
    ['no INSEE code', '', 'FRA', 'FRA'],
  ])('%s: missing, denied', (_case, birthPlace, birthCountry, known) => {
    expect(verdictOf({ birthPlace, birthCountry }, { birthPlace: known })).toEqual(['birth-place-missing']);
  });
});

describe('the record', () => {
  const { birthPlace: _place, ...withoutPlace } = archived;
  test('without a birth place is denied, also where the person has none', () => {
    const patient = { manifest: withoutPlace, reports: [withoutPlace] };
    expect(matchIdentity(person, patient)).toEqual({ kind: 'mismatch', reasons: ['birth-place-missing'] });
  });

  test.each(['PROV', 'DOUTE', 'FICTIF', 'VIDE', 'VALI~DOUTE', 'vali'])(
    'of identity status %s is not qualified',
    (status) => {
      expect(verdictOf({}, { identityStatus: status })).toEqual(['ins-not-qualified']);
    },
  );

  test('qualified, or of a sender that says no status (A2), is compared', () => {
    expect([verdictOf({}, { identityStatus: 'VALI' }), verdictOf({}, { identityStatus: '' })]).toEqual([
      'match',
      'match',
    ]);
  });

  test.each<[string, unknown]>([
    ['no INS', undefined],
    ['no matricule', { value: '', oid: '1.2.250.1.213.1.4.10' }],
    ['a local identifier', { value: 'IPP-0042', oid: '1.2.250.1.999999.1.1' }],
  ])('with %s is not qualified', (_case, ins) => {
    expect(verdictOf({}, { ins: ins as never })).toEqual(['ins-not-qualified']);
  });

  test('must match in the manifest and in every report, and be of one INS', () => {
    const match = (manifest: RecordChanges, ...reports: RecordChanges[]) =>
      matchIdentity(person, {
        manifest: { ...archived, ...manifest },
        reports: reports.map((report) => ({ ...archived, ...report })),
      });
    expect(match({}, {}, {})).toEqual({ kind: 'match' });
    expect(match({})).toEqual({ kind: 'mismatch', reasons: ['records-differ'] });
    expect(match({ birthDate: '19850322' }, {})).toEqual({ kind: 'mismatch', reasons: ['birth-date-differs'] });
    expect(match({}, { birthDate: '19850322' })).toEqual({ kind: 'mismatch', reasons: ['birth-date-differs'] });
    expect(match({}, {}, { sex: 'M' })).toEqual({ kind: 'mismatch', reasons: ['sex-differs'] });
    const other = { ins: { value: '285037512345692', oid: '1.2.250.1.213.1.4.10' } } as const;
    expect(match({}, other)).toEqual({ kind: 'mismatch', reasons: ['records-differ'] });
    expect(match(other, {})).toEqual({ kind: 'mismatch', reasons: ['records-differ'] });
    expect(match({}, {}, { ins: { ...archived.ins, oid: '1.2.250.1.213.1.4.11' } })).toMatchObject({
      kind: 'mismatch',
    });
  });
});

describe('a mismatch', () => {
  test('names every row that failed, once, in the order of the table, and no trait', () => {
    const verdict = matchIdentity(
      { ...person, birthName: 'X', firstGivenName: 'Y', birthDate: '1970-01-02', gender: 'male', birthPlace: '13001' },
      { manifest: archived, reports: [archived, archived] },
    );
    expect(verdict).toEqual({
      kind: 'mismatch',
      reasons: ['birth-name-differs', 'given-name-differs', 'birth-date-differs', 'sex-differs', 'birth-place-differs'],
    });
  });
});

/** Pieces that names are made of, and pieces that break them. */
const wild = fc.oneof(
  fc.string({ unit: 'binary', maxLength: 20 }),
  fc.constantFrom(
    'EXEMPLE',
    "D'EXEMPLE",
    'Marie-Louise',
    '',
    ' ',
    '1985-03-21',
    '19850321',
    '75112',
    '99100',
    '2A004',
    '\ud800',
  ),
);
const wildGender = fc.constantFrom<CivilTraits['gender']>('male', 'female', 'unspecified');
const civilTraits = fc.record(
  {
    birthName: wild,
    givenNames: wild,
    firstGivenName: wild,
    birthDate: wild,
    gender: wildGender,
    birthPlace: wild,
    birthCountry: wild,
  },
  { requiredKeys: ['birthName', 'givenNames', 'birthDate', 'gender', 'birthPlace', 'birthCountry'] },
);
const archivedTraits = fc.record(
  {
    ins: fc.constant(archived.ins),
    birthFamilyName: wild,
    firstBirthGivenName: wild,
    birthDate: wild,
    sex: fc.constantFrom<'M' | 'F' | 'U'>('M', 'F', 'U'),
    birthPlace: wild,
  },
  { requiredKeys: ['ins', 'birthFamilyName', 'firstBirthGivenName', 'birthDate', 'sex'] },
) as fc.Arbitrary<ArchivedTraits>;

describe('whatever the texts', () => {
  test('it never throws, and says only reasons of the closed list', () => {
    const known = new Set<string>(Object.values(MismatchReason));
    fc.assert(
      fc.property(civilTraits, archivedTraits, (traits, one) => {
        const verdict = matchIdentity(traits, { manifest: one, reports: [one] });
        if (verdict.kind === 'match') return true;
        return verdict.reasons.length > 0 && verdict.reasons.every((reason) => known.has(reason));
      }),
    );
  });

  test('a record of an older version without a trait, or a claim of another type, denies and does not throw', () => {
    for (const key of Object.keys(archived).filter((one) => one !== 'usedFamilyName' && one !== 'birthGivenNames')) {
      for (const value of [undefined, null, 7, {}, []]) {
        expect([key, verdictOf({}, { [key]: value } as RecordChanges)]).not.toEqual([key, 'match']);
      }
    }
    for (const key of ['birthName', 'firstGivenName', 'birthDate', 'gender', 'birthPlace', 'birthCountry']) {
      for (const value of [null, 7, {}, []]) {
        expect([key, verdictOf({ [key]: value } as Claims)]).not.toEqual([key, 'match']);
      }
    }
  });

  test('any one trait empty on either side denies', () => {
    for (const key of ['birthName', 'firstGivenName', 'birthDate', 'birthPlace', 'birthCountry'] as const) {
      expect(verdictOf({ [key]: '' })).toHaveLength(1);
    }
    for (const key of ['birthFamilyName', 'firstBirthGivenName', 'birthDate', 'birthPlace'] as const) {
      expect(verdictOf({}, { [key]: '' })).toHaveLength(1);
    }
  });

  test('the same name on both sides matches whatever the spelling, and the sides may change places', () => {
    const letter = fc.constantFrom(...'ABCDEFGHIJKLMNOPQRSTUVWXYZ'.split(''));
    const word = fc.array(letter, { minLength: 1, maxLength: 8 }).map((letters) => letters.join(''));
    const separator = fc.constantFrom(' ', '-', '--', "'", '’', ' - ', '\u00a0', '–');
    const spelled = fc
      .array(fc.tuple(word, separator, separator, fc.boolean()), { minLength: 1, maxLength: 4 })
      .map((parts) => ({
        one: parts.map(([text, between]) => text + between).join(''),
        two: parts.map(([text, , between, small]) => (small ? text.toLowerCase() : text) + between).join(''),
      }));
    fc.assert(
      fc.property(spelled, spelled, ({ one, two }, other) => {
        expect(verdictOf({ birthName: one }, { birthFamilyName: two })).toBe('match');
        expect(verdictOf({ birthName: one }, { birthFamilyName: other.one })).toEqual(
          verdictOf({ birthName: other.one }, { birthFamilyName: one }),
        );
      }),
    );
  });

  test('one letter more, less or other never matches', () => {
    fc.assert(
      fc.property(
        fc.constantFrom('birthFamilyName', 'firstBirthGivenName'),
        fc.nat(6),
        fc.constantFrom('A', 'B', 'C', 'X', 'Y', 'Z'),
        (key, at, letter) => {
          const name = archived[key];
          const place = at % name.length;
          for (const changed of [
            name.slice(0, place) + letter + name.slice(place),
            name.slice(0, place) + name.slice(place + 1),
            name.slice(0, place) + letter + name.slice(place + 1),
          ]) {
            if (changed !== name) expect(verdictOf({}, { [key]: changed })).not.toBe('match');
          }
        },
      ),
    );
  });
});
