/**
 * What is remarkable in an accepted report: a closed list, so that the journal can name it without quoting the report.
 *
 * A remark on one study is written `code:n`, n being the position of the serviceEvent (from 1).
 */

/** code → what it means */
export const reportWarnings = {
  'charset-misdeclared': 'declared as a one-byte charset, but the bytes are UTF-8: read as UTF-8',
  'characters-lost': 'an earlier conversion lost characters (U+FFFD)',
  'title-missing': 'no title',
  'language-missing': 'no language code: fr-FR is assumed',
  'confidentiality-unknown': 'a confidentiality code other than N, R, V of HL7',
  'set-id-invalid': 'setId is neither an OID nor a UUID: ignored',
  'version-invalid': 'versionNumber is not a number: ignored',
  'replaced-document-invalid': 'a replaced document (RPLC) without a usable id: ignored',
  'ins-several': 'an INS-NIR and an INS-NIA, or the same number under two kinds: the first kind is taken',
  'local-id-several': 'several local patient identifiers: the first is the IPP',
  'given-names-missing': 'no list of birth given names: the first birth given name is taken',
  'given-names-differ': 'the list of birth given names does not begin with the first birth given name',
  'birth-place-invalid': 'the birth place is not a code of 5 characters: ignored',
  'author-unidentified': 'an author without national identifier, neither person nor structure',
  'legal-authenticator-missing': 'no legal authenticator',
  'legal-authenticator-incomplete': 'the legal authenticator lacks its person, its names or its structure',
  'facility-type-missing': 'no type of facility',
  'facility-type-unknown': 'a type of facility outside JDV_J02',
  'practice-setting-missing': 'no practice setting',
  'practice-setting-unknown': 'a practice setting outside JDV_J04',
  'order-incomplete': 'an order without placer order number or without accession number',
  'order-id-several': 'an order with several numbers of one kind: the first is taken',
  'study-id-ignored': 'an id of a serviceEvent that is not a study (extension, UUID or no root)',
  'study-repeated': 'a study named by several serviceEvents: merged',
  'study-time-invalid': 'a start or stop time that is no HL7 timestamp: ignored',
  'modality-missing': 'no modality',
  'modality-unknown': 'a modality outside JDV_ModaliteAcquisition: kept',
  'modality-read-as-mr': 'modality RM read as MR',
  'region-unknown': 'a region outside JDV_RegionAnatomique: kept',
  'region-in-code': 'the region stands where the act should (old samples)',
  'performer-missing': 'no performing structure',
} as const;
export type ReportWarning = keyof typeof reportWarnings;

/** @param position of the serviceEvent, from 1, for a remark on one study */
export type Warn = (warning: ReportWarning, position?: number) => void;

/** Collects remarks, each once, in the order they were made. */
export const createWarningList = (): { warn: Warn; list: () => readonly string[] } => {
  const found = new Set<string>();
  return {
    warn: (warning, position) => {
      found.add(position === undefined ? warning : `${warning}:${position}`);
    },
    list: () => [...found],
  };
};
