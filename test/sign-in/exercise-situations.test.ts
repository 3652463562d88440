/** Situations of exercise out of what Pro Santé Connect says (DB.VI-SO.115). Persons and structures are invented. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { findSituation, parseExerciseSituations } from '../../plugin/sign-in/index.ts';

const hospital = {
  codeModeExercice: 'S',
  codeSecteurDactivite: 'SA01',
  numeroFinessSite: '999999991',
  numeroFinessetablissementJuridique: '999999992',
  numeroSiretSite: '99999999900011',
  raisonSocialeSite: "Centre d'imagerie Exemple",
};
const office = { codeModeExercice: 'L', codeSecteurDactivite: 'SA07' };
const radiologist = {
  codeProfession: '10',
  codeCategorieProfessionnelle: 'C',
  codeTypeSavoirFaire: 'S',
  codeSavoirFaire: 'SM44',
  nomDexercice: 'RADIO',
  activities: [hospital, office],
};

const userinfo = (...exercices: unknown[]) => ({ sub: 'x', SubjectRefPro: { exercices } });
const labels = (claims: unknown): string[] => parseExerciseSituations(claims).map(({ label }) => label);
const of = (exercise: object): string[] => labels(userinfo({ codeProfession: '10', ...exercise }));
const at = (activity: object): string[] => of({ activities: [activity] });

describe('a situation of exercise', () => {
  test('is one activity of one exercise, in the order of the answer', () => {
    expect(parseExerciseSituations(userinfo(radiologist, { codeProfession: '60' }))).toEqual([
      {
        key: expect.stringMatching(/^[\w-]{22}$/),
        professionCode: '10',
        categoryCode: 'C',
        knowHowCode: 'SM44',
        sectorCode: 'SA01',
        structureId: '1999999991',
        label: "Médecin – Radio-diagnostic (SM) – Centre d'imagerie Exemple",
      },
      {
        key: expect.any(String),
        professionCode: '10',
        categoryCode: 'C',
        knowHowCode: 'SM44',
        sectorCode: 'SA07',
        label: 'Médecin – Radio-diagnostic (SM) – Cabinet individuel',
      },
      { key: expect.any(String), professionCode: '60', categoryCode: '', label: 'Infirmier' },
    ]);
  });

  test.each<[string, object, string]>([
    ['a code without label is shown as the code', { codeProfession: '999', codeSavoirFaire: 'ZZ99' }, '999 – ZZ99'],
    [
      'a property of every object is no label',
      { codeProfession: 'constructor', codeSavoirFaire: 'toString' },
      'constructor – toString',
    ],
    ['in training', { codeCategorieProfessionnelle: 'E' }, 'Médecin en formation'],
    ['in training, where no label says so', { codeProfession: '60', codeCategorieProfessionnelle: 'E' }, 'Infirmier'],
    ['a number for a code', { codeProfession: 60 }, 'Infirmier'],
    ['activities of another shape', { activities: 'none' }, 'Médecin'],
  ])('%s', (_case, exercise, label) => {
    expect(of(exercise)).toEqual([label]);
  });

  test.each<[string, object, string]>([
    ['a sector without label', { codeSecteurDactivite: 'SA99' }, 'Médecin – SA99'],
    ['a name of business', { enseigneCommercialeSite: 'IMAGERIE' }, 'Médecin – IMAGERIE'],
    ['a structure without name or sector', { numeroSiretSite: '99999999900011' }, 'Médecin – 399999999900011'],
    [
      'characters that turn or hide text',
      { raisonSocialeSite: 'CLI\u202eNIQUE\u0000 \u200b A\ud800' },
      'Médecin – CLI NIQUE A\ufffd',
    ],
    ['a name without end', { raisonSocialeSite: 'C'.repeat(5000) }, `Médecin – ${'C'.repeat(120)}`],
  ])('at %s', (_case, activity, label) => {
    expect(at(activity)).toEqual([label]);
  });

  test.each<[object, string | undefined]>([
    [{ numeroFinessSite: '999999991', numeroSiretSite: '9' }, '1999999991'],
    [{ numeroFinessetablissementJuridique: '999999992' }, '1999999992'],
    [{ numeroFinessSite: '', numeroSiretSite: '99999999900011' }, '399999999900011'],
    [{ identifiantTechniqueDeLaStructure: 'R10100000000000' }, 'R10100000000000'],
    [{ identifiantTechniqueDeLaStructure: 'R 1' }, undefined],
    [{}, undefined],
  ])('%j is of structure %s (Struct_IdNat)', (activity, structureId) => {
    const [situation] = parseExerciseSituations(userinfo({ codeProfession: '10', activities: [activity] }));
    expect(situation?.structureId).toBe(structureId);
  });

  test('of a pharmacist shows the section of the order', () => {
    expect(labels(userinfo({ codeProfession: '21', activities: [{ codeSectionPharmacien: 'A' }] }))).toEqual([
      "Pharmacien titulaire d'officine",
    ]);
    expect(labels(userinfo({ codeProfession: '10', activities: [{ codeSectionPharmacien: 'A' }] }))).toEqual([
      'Médecin',
    ]);
  });

  test('has a key that stays when the answer is ordered otherwise or a structure is renamed, and differs from all others', () => {
    const keys = (claims: unknown): string[] => parseExerciseSituations(claims).map(({ key }) => key);
    const renamed = { ...radiologist, activities: [office, { ...hospital, raisonSocialeSite: 'AUTRE NOM' }] };
    expect(keys(userinfo(renamed)).toReversed()).toEqual(keys(userinfo(radiologist)));
    const all = keys(
      userinfo(
        radiologist,
        { ...radiologist, codeProfession: '21' },
        { ...radiologist, codeCategorieProfessionnelle: 'M' },
        { ...radiologist, codeSavoirFaire: 'SM26' },
        { ...radiologist, activities: [{ ...hospital, numeroFinessSite: '999999993' }] },
        { ...radiologist, activities: [{ ...hospital, codeSecteurDactivite: 'SA05' }] },
        { ...radiologist, activities: [{ raisonSocialeSite: 'A' }, { raisonSocialeSite: 'B' }] },
      ),
    );
    expect(new Set(all).size).toBe(all.length);
    expect(all).toHaveLength(12);
  });

  test('that comes twice is offered once', () => {
    expect(parseExerciseSituations(userinfo(radiologist, radiologist))).toHaveLength(2);
    expect(labels(userinfo(radiologist, { codeProfession: '60' }, radiologist))[0]).toContain('Radio-diagnostic');
  });

  test('is found by its key among those offered', () => {
    const situations = parseExerciseSituations(userinfo(radiologist));
    expect(findSituation(situations, situations[1]?.key ?? '')).toBe(situations[1]);
    expect(findSituation(situations, '')).toBeUndefined();
  });
});

describe('without SubjectRefPro', () => {
  test('the claims beside it tell one situation', () => {
    const claims = {
      SubjectRole: ['10^1.2.250.1.213.1.1.5.5', 'SM44^1.2.250.1.71.4.2.5'],
      Secteur_Activite: 'SA05^1.2.250.1.71.4.2.4',
      SubjectOrganization: 'CENTRE EXEMPLE',
      SubjectOrganizationID: '1999999991',
    };
    expect(parseExerciseSituations(claims)).toEqual([
      {
        key: expect.any(String),
        professionCode: '10',
        categoryCode: '',
        knowHowCode: 'SM44',
        sectorCode: 'SA05',
        structureId: '1999999991',
        label: 'Médecin – Radio-diagnostic (SM) – CENTRE EXEMPLE',
      },
    ]);
    expect(labels({ ...claims, SubjectRole: '60^1.2.250.1.213.1.1.5.5', SubjectOrganization: 7 })).toEqual([
      'Infirmier – Centre de santé',
    ]);
    expect(labels({ ...claims, SubjectRefPro: { exercices: [] } })).toHaveLength(1);
  });

  test.each([
    undefined,
    null,
    '',
    7,
    [],
    {},
    { SubjectRole: [] },
    { SubjectRefPro: null },
    userinfo({}),
    userinfo(null, 7),
  ])('%j tells none', (claims) => {
    expect(parseExerciseSituations(claims)).toEqual([]);
  });
});

describe('whatever comes', () => {
  test('it never throws and stays small', () => {
    fc.assert(
      fc.property(fc.anything(), fc.anything(), (activity, exercise) => {
        const claims = userinfo({ codeProfession: '10', activities: [activity, activity] }, exercise);
        expect(parseExerciseSituations(claims).length).toBeLessThanOrEqual(64);
        expect(parseExerciseSituations(exercise).length).toBeLessThanOrEqual(64);
      }),
    );
    const many = Array.from({ length: 500 }, (_, number) => ({ ...radiologist, codeSavoirFaire: `ZZ${number}` }));
    expect(parseExerciseSituations(userinfo(...many))).toHaveLength(64);
  });
});
