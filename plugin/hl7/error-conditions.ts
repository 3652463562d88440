/**
 * What ERR-3 and ERR-5 may say, in the words of the profile.
 *
 * @see IG "Transmission de document(s) CDA en HL7v2" error-codes: messageErrorCondition (HL70357),
 *      applicationErrorCondition (HL70533, given there as indicative)
 */

/** ERR-3.1 → ERR-3.2 */
export const messageErrorConditions: Readonly<Record<number, string>> = {
  0: 'Message accepted',
  100: 'Segment sequence error',
  101: 'Required field missing',
  102: 'Data type error',
  103: 'Table value not found',
  198: 'Non-conformant cardinality',
  199: 'Other HL7 error',
  200: 'Unsupported message type',
  201: 'Unsupported event code',
  202: 'Unsupported processing id',
  203: 'Unsupported version',
  207: 'Application error',
};

/** ERR-5.1 → ERR-5.2, without accents so that every charset can hold it. */
export const applicationErrorConditions: Readonly<Record<number, string>> = {
  900: 'Version du document incorrecte',
  901: 'Auteur non autorise a remplacer ou supprimer un document',
  902: 'Identifiant patient inconnu',
  903: 'INS non present dans le document',
  904: "L'INS ne correspond pas exactement",
  905: "L'INS transmis n'est pas complet",
  906: 'Autre erreur',
};
