/**
 * The data elements of a manifest: PS3.6 keyword, tag, value representation.
 *
 * @see PS3.6 table 6-1 and PS3.7 table E.1-1, edition 2026c · compared with another dictionary in a test
 */

export type ValueRepresentation =
  | 'CS'
  | 'DA'
  | 'IS'
  | 'LO'
  | 'LT'
  | 'OB'
  | 'PN'
  | 'SH'
  | 'SQ'
  | 'TM'
  | 'UI'
  | 'UL'
  | 'UR'
  | 'UT';

export interface DataElement {
  /** Group and element number: (gggg,eeee) is 0xggggeeee. */
  readonly tag: number;
  readonly vr: ValueRepresentation;
}

export const dataElements = {
  FileMetaInformationGroupLength: { tag: 0x00020000, vr: 'UL' },
  FileMetaInformationVersion: { tag: 0x00020001, vr: 'OB' },
  MediaStorageSOPClassUID: { tag: 0x00020002, vr: 'UI' },
  MediaStorageSOPInstanceUID: { tag: 0x00020003, vr: 'UI' },
  TransferSyntaxUID: { tag: 0x00020010, vr: 'UI' },
  ImplementationClassUID: { tag: 0x00020012, vr: 'UI' },
  ImplementationVersionName: { tag: 0x00020013, vr: 'SH' },
  SpecificCharacterSet: { tag: 0x00080005, vr: 'CS' },
  InstanceCreationDate: { tag: 0x00080012, vr: 'DA' },
  InstanceCreationTime: { tag: 0x00080013, vr: 'TM' },
  SOPClassUID: { tag: 0x00080016, vr: 'UI' },
  SOPInstanceUID: { tag: 0x00080018, vr: 'UI' },
  StudyDate: { tag: 0x00080020, vr: 'DA' },
  SeriesDate: { tag: 0x00080021, vr: 'DA' },
  ContentDate: { tag: 0x00080023, vr: 'DA' },
  StudyTime: { tag: 0x00080030, vr: 'TM' },
  SeriesTime: { tag: 0x00080031, vr: 'TM' },
  ContentTime: { tag: 0x00080033, vr: 'TM' },
  AccessionNumber: { tag: 0x00080050, vr: 'SH' },
  IssuerOfAccessionNumberSequence: { tag: 0x00080051, vr: 'SQ' },
  Modality: { tag: 0x00080060, vr: 'CS' },
  Manufacturer: { tag: 0x00080070, vr: 'LO' },
  InstitutionName: { tag: 0x00080080, vr: 'LO' },
  ReferringPhysicianName: { tag: 0x00080090, vr: 'PN' },
  CodeValue: { tag: 0x00080100, vr: 'SH' },
  CodingSchemeDesignator: { tag: 0x00080102, vr: 'SH' },
  CodeMeaning: { tag: 0x00080104, vr: 'LO' },
  MappingResource: { tag: 0x00080105, vr: 'CS' },
  TimezoneOffsetFromUTC: { tag: 0x00080201, vr: 'SH' },
  StudyDescription: { tag: 0x00081030, vr: 'LO' },
  ReferencedStudySequence: { tag: 0x00081110, vr: 'SQ' },
  ReferencedPerformedProcedureStepSequence: { tag: 0x00081111, vr: 'SQ' },
  ReferencedSeriesSequence: { tag: 0x00081115, vr: 'SQ' },
  ReferencedSOPClassUID: { tag: 0x00081150, vr: 'UI' },
  ReferencedSOPInstanceUID: { tag: 0x00081155, vr: 'UI' },
  RetrieveURL: { tag: 0x00081190, vr: 'UR' },
  ReferencedSOPSequence: { tag: 0x00081199, vr: 'SQ' },
  PatientName: { tag: 0x00100010, vr: 'PN' },
  PatientID: { tag: 0x00100020, vr: 'LO' },
  IssuerOfPatientID: { tag: 0x00100021, vr: 'LO' },
  TypeOfPatientID: { tag: 0x00100022, vr: 'CS' },
  IssuerOfPatientIDQualifiersSequence: { tag: 0x00100024, vr: 'SQ' },
  PatientBirthDate: { tag: 0x00100030, vr: 'DA' },
  PatientSex: { tag: 0x00100040, vr: 'CS' },
  OtherPatientNames: { tag: 0x00101001, vr: 'PN' },
  OtherPatientIDsSequence: { tag: 0x00101002, vr: 'SQ' },
  PatientComments: { tag: 0x00104000, vr: 'LT' },
  SoftwareVersions: { tag: 0x00181020, vr: 'LO' },
  StudyInstanceUID: { tag: 0x0020000d, vr: 'UI' },
  SeriesInstanceUID: { tag: 0x0020000e, vr: 'UI' },
  StudyID: { tag: 0x00200010, vr: 'SH' },
  SeriesNumber: { tag: 0x00200011, vr: 'IS' },
  InstanceNumber: { tag: 0x00200013, vr: 'IS' },
  NumberOfFrames: { tag: 0x00280008, vr: 'IS' },
  RequestedProcedureDescription: { tag: 0x00321060, vr: 'LO' },
  RequestedProcedureCodeSequence: { tag: 0x00321064, vr: 'SQ' },
  OrderPlacerIdentifierSequence: { tag: 0x00400026, vr: 'SQ' },
  UniversalEntityID: { tag: 0x00400032, vr: 'UT' },
  UniversalEntityIDType: { tag: 0x00400033, vr: 'CS' },
  RequestedProcedureID: { tag: 0x00401001, vr: 'SH' },
  PlacerOrderNumberImagingServiceRequest: { tag: 0x00402016, vr: 'LO' },
  FillerOrderNumberImagingServiceRequest: { tag: 0x00402017, vr: 'LO' },
  RelationshipType: { tag: 0x0040a010, vr: 'CS' },
  ValueType: { tag: 0x0040a040, vr: 'CS' },
  ConceptNameCodeSequence: { tag: 0x0040a043, vr: 'SQ' },
  ContinuityOfContent: { tag: 0x0040a050, vr: 'CS' },
  TextValue: { tag: 0x0040a160, vr: 'UT' },
  ReferencedRequestSequence: { tag: 0x0040a370, vr: 'SQ' },
  CurrentRequestedProcedureEvidenceSequence: { tag: 0x0040a375, vr: 'SQ' },
  ContentTemplateSequence: { tag: 0x0040a504, vr: 'SQ' },
  ContentSequence: { tag: 0x0040a730, vr: 'SQ' },
  TemplateIdentifier: { tag: 0x0040db00, vr: 'CS' },
  RetrieveLocationUID: { tag: 0x0040e011, vr: 'UI' },
} as const satisfies Record<string, DataElement>;

export const transferSyntaxes = {
  implicitVrLittleEndian: '1.2.840.10008.1.2',
  explicitVrLittleEndian: '1.2.840.10008.1.2.1',
} as const;
