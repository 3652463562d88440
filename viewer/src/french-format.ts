/** Dates, sizes and names as a French reader expects them. */

/** `1985-03-21` → `21/03/1985`; a month or a year alone stays one. */
export const formatDate = (date: string): string => date.split('-').toReversed().join('/');

/** In units of 1,000, as browsers and operating systems show downloads. */
export const formatBytes = (bytes: number): string => {
  const units = ['octets', 'ko', 'Mo', 'Go'];
  let value = bytes;
  let unit = 0;
  while (value >= 999.5 && unit < units.length - 1) {
    value /= 1_000;
    unit += 1;
  }
  const digits = unit === 0 || value >= 10 ? 0 : 1;
  return `${value.toLocaleString('fr-FR', { maximumFractionDigits: digits })}\u00a0${units[unit]}`;
};

export const formatCount = (count: number, one: string, several: string): string =>
  `${count.toLocaleString('fr-FR')}\u00a0${count > 1 ? several : one}`;

export const sexLabels = { female: 'Féminin', male: 'Masculin', unknown: 'Non précisé' } as const;

const modalityLabels: Readonly<Record<string, string>> = {
  CT: 'Scanner',
  MR: 'IRM',
  US: 'Échographie',
  IVUS: 'Échographie intravasculaire',
  CR: 'Radiographie',
  DX: 'Radiographie',
  RG: 'Radiographie',
  MG: 'Mammographie',
  IO: 'Radiographie dentaire',
  PX: 'Radiographie panoramique',
  BMD: 'Ostéodensitométrie',
  NM: 'Scintigraphie',
  PT: 'TEP',
  XA: 'Angiographie',
  RF: 'Radioscopie',
  ES: 'Endoscopie',
  XC: 'Photographie',
  GM: 'Microscopie',
  SM: 'Microscopie',
  OP: 'Ophtalmologie',
  OPT: 'Tomographie de l’œil (OCT)',
  OCT: 'Tomographie optique (OCT)',
  OT: 'Autre',
  SR: 'Rapport structuré',
  DOC: 'Document',
  PR: 'Présentation',
  KO: 'Sélection d’images',
  ECG: 'Électrocardiogramme',
  SEG: 'Segmentation',
  REG: 'Recalage',
  RTSTRUCT: 'Contours de radiothérapie',
  RTDOSE: 'Dose de radiothérapie',
  RTPLAN: 'Plan de radiothérapie',
  RTIMAGE: 'Image de radiothérapie',
};

/** The code itself where there is no usual word. */
export const labelModality = (code: string): string => modalityLabels[code] ?? code;

/** The INS names places by their code: a number alone is no place to a reader. */
export const labelBirthPlace = (place: string): string =>
  /^\d[\dAB]\d{3}$/.test(place) ? 'Lieu de naissance (Insee)' : 'Lieu de naissance';

/** Codes that stand for something else than images: PS3.3 C.7.3.1.1.1. */
const otherModalities: ReadonlySet<string> = new Set([
  ...['SR', 'DOC', 'PR', 'KO', 'ECG', 'HD', 'EEG', 'EMG', 'EPS', 'RESP', 'AU', 'PLAN', 'FID', 'REG', 'SEG', 'RWV'],
  ...['RTSTRUCT', 'RTPLAN', 'RTRECORD', 'STAIN', 'TEXTUREMAP', 'M3D', 'ASMT', 'ANN', 'BDUS'],
]);

export const isImageModality = (code: string): boolean => !otherModalities.has(code);
