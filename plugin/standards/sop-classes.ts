/**
 * What kind of reference a SOP class gets in a Key Object Selection document.
 *
 * @see PS3.4 annex B.5 (SOP classes), PS3.3 C.17.3 (value types), edition 2026c
 */

/** Value type of a reference in the content tree. */
export const ReferenceValueType = { image: 'IMAGE', composite: 'COMPOSITE', waveform: 'WAVEFORM' } as const;
export type ReferenceValueType = (typeof ReferenceValueType)[keyof typeof ReferenceValueType];

export const sopClasses = {
  keyObjectSelection: '1.2.840.10008.5.1.4.1.1.88.59',
  rtDose: '1.2.840.10008.5.1.4.1.1.481.2',
  rtImage: '1.2.840.10008.5.1.4.1.1.481.1',
} as const;

/** Roots (a class or everything under it) whose objects are waveforms. */
const waveformRoots = ['1.2.840.10008.5.1.4.1.1.9'];

/** Roots whose objects are neither images nor waveforms. */
const compositeRoots = [
  '1.2.840.10008.5.1.4.1.1.11', // presentation states
  '1.2.840.10008.5.1.4.1.1.66', // registration, fiducials, raw data, segmentations handled below
  '1.2.840.10008.5.1.4.1.1.67', // real world value mapping
  '1.2.840.10008.5.1.4.1.1.68', // surface scans
  '1.2.840.10008.5.1.4.1.1.78', // ophthalmic measurements
  '1.2.840.10008.5.1.4.1.1.79',
  '1.2.840.10008.5.1.4.1.1.80',
  '1.2.840.10008.5.1.4.1.1.88', // structured reports, key objects
  '1.2.840.10008.5.1.4.1.1.90', // content assessment
  '1.2.840.10008.5.1.4.1.1.104', // encapsulated documents
  '1.2.840.10008.5.1.4.1.1.200', // CT/XA protocols, inventories
  '1.2.840.10008.5.1.4.1.1.201',
  '1.2.840.10008.5.1.4.1.1.481', // radiotherapy, images apart
  '1.2.840.10008.5.1.4.34', // RT beams delivery, unified procedure step
  '1.2.840.10008.5.1.4.43',
  '1.2.840.10008.5.1.4.44',
  '1.2.840.10008.5.1.4.45',
];

/** Image classes under a root of the list above. */
const imagesUnderCompositeRoots: ReadonlySet<string> = new Set([
  '1.2.840.10008.5.1.4.1.1.66.4', // Segmentation
  '1.2.840.10008.5.1.4.1.1.66.7', // Label Map Segmentation
  '1.2.840.10008.5.1.4.1.1.66.8', // Height Map Segmentation
  '1.2.840.10008.5.1.4.1.1.481.1', // RT Image
  '1.2.840.10008.5.1.4.1.1.481.2', // RT Dose
  '1.2.840.10008.5.1.4.1.1.481.23', // Enhanced RT Image
  '1.2.840.10008.5.1.4.1.1.481.24', // Enhanced Continuous RT Image
]);

const isUnder = (uid: string, root: string): boolean => uid === root || uid.startsWith(`${root}.`);

/** Decision C3: KOS, PR, SR, PDF… are COMPOSITE, waveforms WAVEFORM, the rest IMAGE. */
export const referenceValueType = (sopClassUid: string): ReferenceValueType => {
  if (imagesUnderCompositeRoots.has(sopClassUid)) return ReferenceValueType.image;
  if (waveformRoots.some((root) => isUnder(sopClassUid, root))) return ReferenceValueType.waveform;
  if (compositeRoots.some((root) => isUnder(sopClassUid, root))) return ReferenceValueType.composite;
  return ReferenceValueType.image;
};

/** Titles (CID 7010/7011, DCM) of the key object documents that decide what a manifest holds. */
export const keyObjectTitles = {
  manifest: '113030',
  rejectedForQuality: '113001',
  rejectedForSafety: '113037',
  incorrectWorklistEntry: '113038',
  dataRetentionExpired: '113039',
} as const;

export const isRejectionTitle = (code: string): boolean =>
  code === keyObjectTitles.rejectedForQuality ||
  code === keyObjectTitles.rejectedForSafety ||
  code === keyObjectTitles.incorrectWorklistEntry ||
  code === keyObjectTitles.dataRetentionExpired;
