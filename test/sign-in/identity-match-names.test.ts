/**
 * Who signed in with FranceConnect+ is the patient, or not: the names (DB.VI-SO.114, DB.VI-SO.152, decision E7).
 * All persons are invented; INS under the test OID.
 */
import { describe, expect, test } from 'vitest';
import { matchIdentity } from '../../plugin/sign-in/index.ts';
import { patientOf, person, textVerdictOf, verdictOf } from '../fixtures/sign-in/civil-person.ts';

describe('the person is the patient when all five traits match', () => {
  test('and nothing else is said of a match', () => {
    expect(matchIdentity(person, patientOf({}))).toEqual({ kind: 'match' });
  });

  test.each<[string, string, string]>([
    ['accents', 'Éxémplè', 'EXEMPLE'],
    ['accents as separate marks', 'Exemple\u0301', 'EXEMPLE'],
    ['a cedilla and a tilde', 'François-Muñoz', 'FRANCOIS MUNOZ'],
    ['ligatures œ and æ', 'Œuf-Lætitia', 'OEUF LAETITIA'],
    ['small and capital ligatures', 'cœur-ÆGIR', 'COEUR AEGIR'],
    ['typographic ligatures', 'Saﬁx', 'SAFIX'],
    ['ß', 'Weiß', 'WEISS'],
    ['the straight apostrophe', "D'EXEMPLE", 'D EXEMPLE'],
    ['the typographic apostrophe', 'D’EXEMPLE', "D'EXEMPLE"],
    ['the opening quote', 'D‘EXEMPLE', "D'EXEMPLE"],
    ['the modifier apostrophe', 'DʼEXEMPLE', "D'EXEMPLE"],
    ['the acute accent used as apostrophe', 'D´EXEMPLE', "D'EXEMPLE"],
    ['the grave accent used as apostrophe', 'D`EXEMPLE', "D'EXEMPLE"],
    ['the prime', 'D′EXEMPLE', "D'EXEMPLE"],
    ['the full-width apostrophe', 'D＇EXEMPLE', "D'EXEMPLE"],
    ['a hyphen and a space', 'EXEMPLE-MODELE', 'EXEMPLE MODELE'],
    ['a double hyphen (double name of 2005)', 'EXEMPLE--MODELE', 'EXEMPLE MODELE'],
    ['a double hyphen and one hyphen', 'EXEMPLE--MODELE', 'EXEMPLE-MODELE'],
    ['the non-breaking hyphen', 'EXEMPLE\u2011MODELE', 'EXEMPLE-MODELE'],
    ['the en dash', 'EXEMPLE–MODELE', 'EXEMPLE-MODELE'],
    ['the minus sign', 'EXEMPLE−MODELE', 'EXEMPLE-MODELE'],
    ['runs of spaces, a no-break space, spaces around', '  EXEMPLE \u00a0 MODELE ', 'EXEMPLE MODELE'],
    ['case', 'exemple', 'Exemple'],
  ])('birth name: %s', (_case, claimed, known) => {
    expect(verdictOf({ birthName: claimed }, { birthFamilyName: known })).toBe('match');
    expect(verdictOf({ birthName: known }, { birthFamilyName: claimed })).toBe('match');
  });

  test.each<[string, string, string]>([
    ['another name', 'EXEMPLES', 'EXEMPLE'],
    ['the used name is never the birth name', 'EXEMPLE-MODELE', 'EXEMPLE'],
    ['half of a double name', 'EXEMPLE', 'EXEMPLE--MODELE'],
    ['halves the other way round', 'MODELE EXEMPLE', 'EXEMPLE MODELE'],
    ['merged words: LEGOFFE is not LE GOFFE', 'LEGOFFE', 'LE GOFFE'],
    ['merged at the apostrophe: DEXEMPLE is not D’EXEMPLE', 'DEXEMPLE', 'D’EXEMPLE'],
    ['É is no EE', 'Éxemple', 'EEXEMPLE'],
  ])('birth name differs: %s', (_case, claimed, known) => {
    expect(verdictOf({ birthName: claimed }, { birthFamilyName: known })).toEqual(['birth-name-differs']);
    expect(verdictOf({ birthName: known }, { birthFamilyName: claimed })).toEqual(['birth-name-differs']);
  });

  test.each<[string, string]>([
    ['empty', ''],
    ['spaces', ' \u00a0 '],
    ['apostrophes and hyphens alone', "-'--’"],
    ['a lost character', 'EX\ufffdMPLE'],
    ['a question mark in its place', 'EX?MPLE'],
    ['a digit', 'EXEMPLE 2'],
    ['a bracket', 'EXEMPLE (MODELE)'],
    ['another script, whose letters would vanish', 'ПРИМЕР'],
    ['one letter of another script', 'ЕXEMPLE'],
    ['a letter that French civil status does not have', 'EXEMPŁE'],
    ['a soft hyphen', 'EXEM\u00adPLE'],
    ['a zero-width space', 'EXEM\u200bPLE'],
    ['half a character', 'EXEMPLE\ud800'],
    ['far too long', 'E'.repeat(513)],
  ])(
    'birth name without a normal form is a missing one, on either side, and two such are not equal: %s',
    (_case, name) => {
      expect(verdictOf({ birthName: name })).toEqual(['birth-name-missing']);
      expect(verdictOf({}, { birthFamilyName: name })).toEqual(['birth-name-missing']);
      expect(verdictOf({ birthName: name }, { birthFamilyName: name })).toEqual(['birth-name-missing']);
    },
  );
});

describe('the first given name', () => {
  test.each<[string, string, string]>([
    ['simple', 'Camille', 'CAMILLE'],
    ['compound, hyphen and space', 'Marie-Louise', 'MARIE LOUISE'],
    ['compound, as the RNIPP writes it', 'MARIE LOUISE', 'MARIE-LOUISE'],
    ['with an apostrophe', "Ma'éva", 'MA EVA'],
  ])('exact (rnipp_given_name_array[0]): %s', (_case, first, known) => {
    expect(verdictOf({ firstGivenName: first }, { firstBirthGivenName: known })).toBe('match');
  });

  test.each<[string, string, string]>([
    ['twins: the same in all but the given name', 'CHARLIE', 'CAMILLE'],
    ['Marie is not Marie-Louise', 'MARIE', 'MARIE-LOUISE'],
    ['Marie-Louise is not Marie', 'MARIE-LOUISE', 'MARIE'],
    ['the second given name is not the first', 'INES', 'CAMILLE'],
    ['all of them are not the first', 'CAMILLE INES', 'CAMILLE'],
    ['merged: JEANPAUL is not JEAN-PAUL', 'JEANPAUL', 'JEAN-PAUL'],
    ['initial', 'C', 'CAMILLE'],
  ])('exact, and it differs: %s', (_case, first, known) => {
    expect(verdictOf({ firstGivenName: first }, { firstBirthGivenName: known })).toEqual(['given-name-differs']);
  });

  test('exact, the rest of the list does not count', () => {
    expect(verdictOf({ givenNames: 'ANOTHER LIST' }, { birthGivenNames: 'ZOE' })).toBe('match');
  });

  test('an exact one that is empty is not looked for in the text', () => {
    expect(verdictOf({ firstGivenName: '', givenNames: 'CAMILLE' })).toEqual(['given-name-missing']);
  });

  test.each<[string, string]>([
    ['Camille', 'CAMILLE'],
    ['Marie-Louise', 'MARIE LOUISE'],
    [' Camille ', 'CAMILLE'],
  ])('from a text with one name, %s: that name', (text, known) => {
    expect(textVerdictOf(text, known)).toBe('match');
    expect(textVerdictOf(text, 'ZOE')).toEqual(['given-name-differs']);
  });

  test.each<[string, string]>([
    ['Marie Louise', 'MARIE'],
    ['Marie Louise', 'MARIE LOUISE'],
    ['Marie-Louise Claire', 'MARIE-LOUISE'],
    ['Camille Inès', 'CAMILLE'],
    ['Camille\u00a0Inès', 'CAMILLE'],
    ['Camille\tInès', 'CAMILLE'],
  ])('from a text with several, %s against %s: where the first ends is not known, denied (E7)', (text, known) => {
    expect(textVerdictOf(text, known)).toEqual(['given-name-undecidable']);
  });

  test.each(['Marie, Louise', '', '   ', 'Camille/Inès', 'C4mille'])(
    'from a text that is no names, «%s»: denied',
    (text) => {
      expect(textVerdictOf(text, 'MARIE')).toEqual(['given-name-missing']);
      expect(verdictOf({ firstGivenName: text })).toEqual(['given-name-missing']);
      expect(verdictOf({}, { firstBirthGivenName: text })).toEqual(['given-name-missing']);
    },
  );
});
