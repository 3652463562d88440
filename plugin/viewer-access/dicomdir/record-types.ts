/**
 * The type of directory record that stands for an object, by its SOP class.
 *
 * @see PS3.3 F.4 (table F.4-1), F.5 · PS3.4 annex B.5, edition 2024d
 */

export const RecordType = {
  image: 'IMAGE',
  rtDose: 'RT DOSE',
  rtStructureSet: 'RT STRUCTURE SET',
  rtPlan: 'RT PLAN',
  rtTreatRecord: 'RT TREAT RECORD',
  presentation: 'PRESENTATION',
  waveform: 'WAVEFORM',
  srDocument: 'SR DOCUMENT',
  keyObjectDocument: 'KEY OBJECT DOC',
  spectroscopy: 'SPECTROSCOPY',
  rawData: 'RAW DATA',
  registration: 'REGISTRATION',
  fiducial: 'FIDUCIAL',
  encapsulatedDocument: 'ENCAP DOC',
  valueMap: 'VALUE MAP',
  stereometric: 'STEREOMETRIC',
  measurement: 'MEASUREMENT',
  surface: 'SURFACE',
  surfaceScan: 'SURFACE SCAN',
  tract: 'TRACT',
  assessment: 'ASSESSMENT',
  radiotherapy: 'RADIOTHERAPY',
  annotation: 'ANNOTATION',
  /** No type of the standard fits. */
  private: 'PRIVATE',
} as const;
export type RecordType = (typeof RecordType)[keyof typeof RecordType];

const storageRoot = '1.2.840.10008.5.1.4.1.1.';

/** After `storageRoot`: a class, or all those under it; the longest one that fits decides. */
const typesUnderStorageRoot: Readonly<Record<string, RecordType>> = {
  '4.2': RecordType.spectroscopy,
  '9': RecordType.waveform,
  '11': RecordType.presentation,
  '66': RecordType.rawData,
  '66.1': RecordType.registration,
  '66.2': RecordType.fiducial,
  '66.3': RecordType.registration,
  '66.4': RecordType.image,
  '66.5': RecordType.surface,
  '66.6': RecordType.tract,
  '66.7': RecordType.image,
  '66.8': RecordType.image,
  '67': RecordType.valueMap,
  '68': RecordType.surfaceScan,
  '77.1.5.3': RecordType.stereometric,
  '78': RecordType.measurement,
  '79': RecordType.measurement,
  '80': RecordType.measurement,
  '88': RecordType.srDocument,
  '88.59': RecordType.keyObjectDocument,
  '90': RecordType.assessment,
  '91': RecordType.annotation,
  '104': RecordType.encapsulatedDocument,
  '131': RecordType.presentation,
  '200': RecordType.private,
  '201': RecordType.private,
  '481': RecordType.radiotherapy,
  '481.1': RecordType.image,
  '481.2': RecordType.rtDose,
  '481.3': RecordType.rtStructureSet,
  '481.4': RecordType.rtTreatRecord,
  '481.5': RecordType.rtPlan,
  '481.6': RecordType.rtTreatRecord,
  '481.7': RecordType.rtTreatRecord,
  '481.8': RecordType.rtPlan,
  '481.9': RecordType.rtTreatRecord,
  '481.23': RecordType.image,
  '481.24': RecordType.image,
};

/** Every other storage class of the standard is that of an image; a class outside the standard has a private record. */
export const recordTypeOf = (sopClassUid: string): RecordType => {
  if (!sopClassUid.startsWith(storageRoot)) return RecordType.private;
  const arcs = sopClassUid.slice(storageRoot.length).split('.');
  for (let count = arcs.length; count > 0; count -= 1) {
    const type = typesUnderStorageRoot[arcs.slice(0, count).join('.')];
    if (type !== undefined) return type;
  }
  return RecordType.image;
};
