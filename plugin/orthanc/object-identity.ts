/**
 * Whose image a stored object says it is: what the check of images against a report compares (decision A4).
 */
import type { TagTree } from './answers.ts';

/** Values are as DICOM has them; '' when absent. */
export interface ObjectIdentity {
  readonly studyInstanceUid: string;
  readonly seriesInstanceUid: string;
  readonly sopInstanceUid: string;
  readonly patientId: string;
  readonly issuerOfPatientId: string;
  /** OID of that issuer (IssuerOfPatientIDQualifiersSequence, type ISO). */
  readonly issuerOfPatientIdOid: string;
  /** OtherPatientIDsSequence, then the retired OtherPatientIDs (without issuer). */
  readonly otherPatientIds: readonly { readonly id: string; readonly issuer: string; readonly issuerOid: string }[];
  readonly patientName: string;
  readonly patientBirthName: string;
  readonly birthDate: string;
  readonly sex: string;
  readonly accessionNumber: string;
  /** IssuerOfAccessionNumberSequence: UniversalEntityID of type ISO. */
  readonly accessionIssuerOid: string;
  /** LocalNamespaceEntityID of the same sequence. */
  readonly accessionIssuer: string;
  readonly specificCharacterSet: string;
}

/** Tags read here whose values can be long: without asking, Orthanc leaves out what passes 256 bytes. */
export const identityTags = ['0008-0050', '0010-0010', '0010-0020', '0010-0021', '0010-1000', '0010-1005'] as const;

export const textOf = (tree: TagTree | undefined, tag: string): string => {
  const value = tree?.[tag];
  return typeof value === 'string' ? value.trim() : '';
};

export const itemsOf = (tree: TagTree | undefined, tag: string): readonly TagTree[] => {
  const value = tree?.[tag];
  return Array.isArray(value) ? (value as readonly TagTree[]) : [];
};

const oidOf = (item: TagTree | undefined): string => {
  const type = textOf(item, '0040,0033');
  return type === 'ISO' || type === '' ? textOf(item, '0040,0032') : '';
};

const issuerOidOf = (tree: TagTree): string => oidOf(itemsOf(tree, '0010,0024')[0]);

/** @see PS3.3 C.2.2 (Patient Identification), C.4.10 / C.7.2.1 (accession number), C.12.1 (SOP Common) */
export const buildObjectIdentity = (tree: TagTree): ObjectIdentity => {
  const accessionIssuer = itemsOf(tree, '0008,0051')[0];
  return {
    studyInstanceUid: textOf(tree, '0020,000d'),
    seriesInstanceUid: textOf(tree, '0020,000e'),
    sopInstanceUid: textOf(tree, '0008,0018'),
    patientId: textOf(tree, '0010,0020'),
    issuerOfPatientId: textOf(tree, '0010,0021'),
    issuerOfPatientIdOid: issuerOidOf(tree),
    otherPatientIds: [
      ...itemsOf(tree, '0010,1002').map((item) => ({
        id: textOf(item, '0010,0020'),
        issuer: textOf(item, '0010,0021'),
        issuerOid: issuerOidOf(item),
      })),
      ...textOf(tree, '0010,1000')
        .split('\\')
        .map((id) => ({ id: id.trim(), issuer: '', issuerOid: '' })),
    ].filter(({ id }) => id !== ''),
    patientName: textOf(tree, '0010,0010'),
    patientBirthName: textOf(tree, '0010,1005'),
    birthDate: textOf(tree, '0010,0030'),
    sex: textOf(tree, '0010,0040'),
    accessionNumber: textOf(tree, '0008,0050'),
    accessionIssuerOid: oidOf(accessionIssuer),
    accessionIssuer: textOf(accessionIssuer, '0040,0031'),
    specificCharacterSet: textOf(tree, '0008,0005'),
  };
};
