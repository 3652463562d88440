/**
 * Invented people: the patient of test/fixtures/examination.ts (EXEMPLE Camille), and those who must not be taken for her.
 *
 * @see facts/identity.md 3.3 (claims), 3.4 (comparison)
 */
export interface CivilPersona {
  /** How tests call it; what the login page sends. */
  readonly key: string;
  /** Of the login page: what this persona is there to show. */
  readonly shows: string;
  readonly familyName: string;
  /** Separated by spaces, as France Connect sends them. */
  readonly givenNames: string;
  /** `rnipp_given_name_array`. */
  readonly givenNameArray: readonly string[];
  readonly birthDate: string;
  readonly gender: 'male' | 'female' | 'unspecified';
  /** COG of the commune; '' when born abroad. */
  readonly birthPlace: string;
  readonly birthCountry: string;
  /** The used name. */
  readonly usedName?: string;
  /** [eidas2] Level of the means of identification. */
  readonly level?: 'eidas1' | 'eidas2' | 'eidas3';
  /** [true] Whether the claims of the RNIPP are given. */
  readonly hasRnipp?: boolean;
  /** What the identity provider says where the RNIPP says otherwise. */
  readonly plain?: Readonly<Record<string, unknown>>;
}

const camille = {
  familyName: 'EXEMPLE',
  givenNames: 'Camille Inès',
  givenNameArray: ['Camille', 'Inès'],
  birthDate: '1985-03-21',
  gender: 'female',
  birthPlace: '75112',
  birthCountry: '99100',
} as const satisfies Partial<CivilPersona>;

export const civilPersonas = {
  camille: { ...camille, key: 'camille', shows: 'la patiente de l’examen d’exemple' },
  camilleMarried: {
    ...camille,
    key: 'camilleMarried',
    shows: 'la même, avec un nom d’usage et la carte la plus sûre',
    usedName: 'EXEMPLE-MODÈLE',
    level: 'eidas3',
  },
  camilleAccents: {
    ...camille,
    key: 'camilleAccents',
    shows: 'la même, écrite autrement par le fournisseur d’identité',
    familyName: 'Éxemple',
    givenNames: 'CAMILLE INES',
    givenNameArray: ['CAMILLE', 'INES'],
  },
  camilleRectified: {
    ...camille,
    key: 'camilleRectified',
    shows: 'la même, dont le fournisseur d’identité se trompe et que le RNIPP redresse',
    plain: { family_name: 'EXAMPLE', given_name: 'Kamille', birthdate: '1985-03-12', birthplace: '75056' },
  },
  camilleWithoutRnipp: {
    ...camille,
    key: 'camilleWithoutRnipp',
    shows: 'la même sans les données du RNIPP : plusieurs prénoms en un seul texte',
    hasRnipp: false,
  },
  twin: {
    ...camille,
    key: 'twin',
    shows: 'sa jumelle : seul le prénom diffère',
    givenNames: 'Charlotte Inès',
    givenNameArray: ['Charlotte', 'Inès'],
  },
  otherBirthName: {
    ...camille,
    key: 'otherBirthName',
    shows: 'une autre, dont le nom d’usage est son nom de naissance',
    familyName: 'MODÈLE',
    usedName: 'EXEMPLE',
  },
  otherBirthDate: { ...camille, key: 'otherBirthDate', shows: 'un autre jour de naissance', birthDate: '1985-03-12' },
  presumedDate: { ...camille, key: 'presumedDate', shows: 'une date de naissance présumée', birthDate: '1985-00-00' },
  otherGender: { ...camille, key: 'otherGender', shows: 'un homme', gender: 'male' },
  unspecifiedGender: { ...camille, key: 'unspecifiedGender', shows: 'un sexe non précisé', gender: 'unspecified' },
  otherBirthPlace: { ...camille, key: 'otherBirthPlace', shows: 'née ailleurs', birthPlace: '69123' },
  corsican: { ...camille, key: 'corsican', shows: 'née en Corse', birthPlace: '2A004' },
  bornAbroad: { ...camille, key: 'bornAbroad', shows: 'née à l’étranger', birthPlace: '', birthCountry: '99109' },
  lowLevel: { ...camille, key: 'lowLevel', shows: 'la patiente, par un moyen trop faible', level: 'eidas1' },
} as const satisfies Record<string, CivilPersona>;
export type CivilPersonaKey = keyof typeof civilPersonas;

export const allCivilPersonas: readonly CivilPersona[] = Object.values(civilPersonas);

export const civilPersonaOf = (key: string): CivilPersona | undefined =>
  allCivilPersonas.find((persona) => persona.key === key);

export const civilClaimsOf = (persona: CivilPersona): Readonly<Record<string, unknown>> => ({
  family_name: persona.familyName,
  given_name: persona.givenNames,
  birthdate: persona.birthDate,
  gender: persona.gender,
  birthplace: persona.birthPlace,
  birthcountry: persona.birthCountry,
  email: 'camille@exemple.fr',
  ...(persona.usedName === undefined ? {} : { preferred_username: persona.usedName }),
  ...(persona.hasRnipp === false
    ? {}
    : {
        rnipp_family_name: persona.familyName.toUpperCase(),
        rnipp_given_name: persona.givenNames.toUpperCase(),
        rnipp_given_name_array: persona.givenNameArray.map((name) => name.toUpperCase()),
        rnipp_birthdate: persona.birthDate.replaceAll('-00', '-01'),
        rnipp_gender: persona.gender,
        rnipp_birthplace: persona.birthPlace,
        rnipp_birthcountry: persona.birthCountry,
      }),
  ...persona.plain,
});
