/**
 * Professionals who do not exist: names say EXEMPLE, numbers are in ranges nobody has.
 *
 * @see facts/identity.md 1.5 (shape of scope_all)
 */
export interface Persona {
  /** How tests call it, and what the login page shows first. */
  readonly key: string;
  /** SubjectNameID and preferred_username; undefined for an account without a national identity. */
  readonly nationalId?: string;
  readonly givenName: string;
  readonly familyName: string;
  /** SubjectRole; undefined when PSC does not give it. */
  readonly role?: string;
  readonly professionCode?: string;
  readonly organizationId?: string;
  /** Exercises beside the first one. */
  readonly otherExercises?: readonly Readonly<Record<string, unknown>>[];
}

const profession = (code: string) => ({ role: `${code}^1.2.250.1.213.1.1.5.5`, professionCode: code });

export const personas = {
  doctor: {
    key: 'doctor',
    nationalId: '899000000011',
    givenName: 'Camille',
    familyName: 'EXEMPLE',
    ...profession('10'),
    organizationId: '1990000001',
  },
  radiologist: {
    key: 'radiologist',
    nationalId: '899000000029',
    givenName: 'Dominique',
    familyName: 'EXEMPLE-RADIO',
    ...profession('10'),
    organizationId: '1990000002',
  },
  pharmacist: {
    key: 'pharmacist',
    nationalId: '899000000037',
    givenName: 'Claude',
    familyName: 'EXEMPLE-PHARMA',
    ...profession('21'),
  },
  /** A test identity as the EDIT tool gives them. */
  edit: {
    key: 'edit',
    nationalId: 'ANS20990101000001',
    givenName: 'Alix',
    familyName: 'EXEMPLE-EDIT',
    ...profession('60'),
  },
  /** Practises in two clinics, and as a pharmacist. */
  several: {
    key: 'several',
    nationalId: '899000000052',
    givenName: 'Maxence',
    familyName: 'EXEMPLE-PLURIEL',
    ...profession('10'),
    organizationId: '1990000001',
    otherExercises: [
      {
        codeProfession: '10',
        codeCategorieProfessionnelle: 'C',
        codeTypeSavoirFaire: 'S',
        codeSavoirFaire: 'SM44',
        activities: [
          {
            ...{ codeModeExercice: 'L', codeSecteurDactivite: 'SA07', numeroFinessSite: '990000002' },
            raisonSocialeSite: 'CABINET EXEMPLE',
          },
        ],
      },
      {
        codeProfession: '21',
        codeCategorieProfessionnelle: 'C',
        activities: [
          { codeSectionPharmacien: 'A', codeSecteurDactivite: 'SA33', raisonSocialeSite: 'PHARMACIE EXEMPLE' },
        ],
      },
    ],
  },
  withoutRole: { key: 'withoutRole', nationalId: '899000000045', givenName: 'Sacha', familyName: 'EXEMPLE-SANS-ROLE' },
  withoutIdentity: {
    key: 'withoutIdentity',
    givenName: 'Inconnu',
    familyName: 'EXEMPLE-SANS-IDENTITE',
    ...profession('10'),
  },
} as const satisfies Record<string, Persona>;
export type PersonaKey = keyof typeof personas;

const realmId = '00000000-0000-4000-8000-00000exemple';

/** Keycloak's subject of a federated user. */
export const subjectOf = (persona: Persona): string => `f:${realmId}:${persona.nationalId ?? persona.key}`;

export const personaOfSubject = (subject: string): Persona | undefined =>
  Object.values(personas).find((persona) => subjectOf(persona) === subject);

const activity = (persona: Persona) => ({
  codeModeExercice: 'S',
  codeSecteurDactivite: 'SA01',
  numeroFinessSite: persona.organizationId?.slice(1),
  raisonSocialeSite: 'CLINIQUE EXEMPLE',
});

/** Userinfo of scope_all, `sub` not included. */
export const claimsOf = (persona: Persona): Readonly<Record<string, unknown>> => ({
  given_name: persona.givenName,
  family_name: persona.familyName,
  Secteur_Activite: 'SA01^1.2.250.1.71.4.2.4',
  ...(persona.organizationId === undefined ? {} : { SubjectOrganizationID: persona.organizationId }),
  ...(persona.role === undefined ? {} : { SubjectRole: [persona.role] }),
  ...(persona.nationalId === undefined
    ? {}
    : {
        SubjectNameID: persona.nationalId,
        preferred_username: persona.nationalId,
        otherIds: [{ identifiant: persona.nationalId, origine: 'RPPS', qualite: 1 }],
      }),
  PSI_Locale: '1.2.250.1.213.1.3.1.1',
  UITVersion: '1.0',
  ...(persona.professionCode === undefined
    ? {}
    : {
        SubjectRefPro: {
          codeCivilite: 'M',
          exercices: [
            {
              codeProfession: persona.professionCode,
              codeCategorieProfessionnelle: 'C',
              nomDexercice: persona.familyName,
              prenomDexercice: persona.givenName,
              activities: [activity(persona)],
            },
            ...(persona.otherExercises ?? []),
          ],
        },
      }),
});
