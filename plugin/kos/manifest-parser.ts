/**
 * Reads a manifest, ours or another DRIMbox's.
 *
 * @see facts/spec.md b.3 · PS3.3 A.35.4 · PS3.16 TID 2010
 */
import { isRejectionTitle, sopClasses, type HealthOrganization, type ReferenceValueType } from '../standards/index.ts';
import { dataElements, type DataElement } from './data-elements.ts';
import { readDicomFile, unreadable, valueEnd, type DicomFile, type DicomItem } from './dataset-reader.ts';
import { parseDescription, type DescribedSeries } from './key-object-description.ts';
import type { Manifest, ManifestIssuedId, ManifestRequest, ReadManifestSeries } from './manifest.ts';
import { createTextDecoder } from './text-decoder.ts';

const defaultMaxBytes = 64 * 1024 * 1024;
const emptyItem: DicomItem = new Map();

const isAscii = ({ vr }: DataElement): boolean => vr === 'UI' || vr === 'IS' || vr === 'CS';
const itemsOf = (item: DicomItem, { tag }: DataElement): readonly DicomItem[] => item.get(tag)?.items ?? [];

/** Reads the values of one file's items. */
interface ValueReader {
  text(item: DicomItem, element: DataElement): string;
  texts(item: DicomItem, element: DataElement): readonly string[];
  items(item: DicomItem, element: DataElement): readonly DicomItem[];
  first(item: DicomItem, element: DataElement): DicomItem;
}

const createValueReader = ({ bytes, dataset }: DicomFile): ValueReader => {
  const raw = (item: DicomItem, { tag }: DataElement, decode: ReturnType<typeof createTextDecoder>): string => {
    const found = item.get(tag);
    return found === undefined ? '' : decode(bytes, found.start, valueEnd(bytes, found));
  };
  const decodeAscii = createTextDecoder('');
  const decodeText = createTextDecoder(raw(dataset, dataElements.SpecificCharacterSet, decodeAscii));
  const text: ValueReader['text'] = (item, element) =>
    isAscii(element) ? raw(item, element, decodeAscii).trimStart() : raw(item, element, decodeText);
  return {
    text,
    items: itemsOf,
    texts: (item, element) => {
      const joined = text(item, element);
      return joined === '' ? [] : joined.split('\\').map((one) => one.trimEnd());
    },
    first: (item, element) => itemsOf(item, element)[0] ?? emptyItem,
  };
};

/**
 * @param file     a whole DICOM file in Implicit or Explicit VR Little Endian
 * @param limits   default: 64 MiB
 * @throws kos/unreadable — not DICOM, cut, not a Key Object Selection, a rejection note, or naming no instance
 */
export const parseManifest = (file: Uint8Array, limits: { readonly maxBytes?: number } = {}): Manifest => {
  const dicomFile = readDicomFile(file, limits.maxBytes ?? defaultMaxBytes);
  const { dataset } = dicomFile;
  const read = createValueReader(dicomFile);
  const root = (element: DataElement): string => read.text(dataset, element);
  checkIsManifest(read, dataset);
  const description = readDescription(read, dataset);
  const described = parseDescription(description);
  const title = read.first(dataset, dataElements.ConceptNameCodeSequence);
  return {
    transferSyntaxUid: dicomFile.transferSyntaxUid,
    specificCharacterSet: root(dataElements.SpecificCharacterSet),
    sopInstanceUid: root(dataElements.SOPInstanceUID),
    seriesInstanceUid: root(dataElements.SeriesInstanceUID),
    studyInstanceUid: root(dataElements.StudyInstanceUID),
    seriesNumber: root(dataElements.SeriesNumber),
    instanceNumber: root(dataElements.InstanceNumber),
    contentDate: root(dataElements.ContentDate),
    contentTime: root(dataElements.ContentTime),
    timezoneOffsetFromUtc: root(dataElements.TimezoneOffsetFromUTC),
    manufacturer: root(dataElements.Manufacturer),
    softwareVersions: root(dataElements.SoftwareVersions),
    institution: parseInstitution(root(dataElements.InstitutionName)),
    title: {
      code: read.text(title, dataElements.CodeValue),
      codingScheme: read.text(title, dataElements.CodingSchemeDesignator),
      meaning: read.text(title, dataElements.CodeMeaning),
    },
    study: {
      studyDate: root(dataElements.StudyDate),
      studyTime: root(dataElements.StudyTime),
      studyId: root(dataElements.StudyID),
      studyDescription: root(dataElements.StudyDescription),
      referringPhysicianName: root(dataElements.ReferringPhysicianName),
    },
    patient: readPatient(read, dataset),
    requests: read.items(dataset, dataElements.ReferencedRequestSequence).map((item) => readRequest(read, item)),
    actDisplayName: described.actDisplayName,
    series: readSeries(read, dataset, described.series),
    description,
  };
};

const checkIsManifest = (read: ValueReader, dataset: DicomItem): void => {
  if (read.text(dataset, dataElements.SOPClassUID) !== sopClasses.keyObjectSelection) {
    throw unreadable('not a Key Object Selection document');
  }
  for (const element of [dataElements.SOPInstanceUID, dataElements.StudyInstanceUID]) {
    if (read.text(dataset, element) === '') throw unreadable('without SOPInstanceUID or StudyInstanceUID');
  }
  const title = read.first(dataset, dataElements.ConceptNameCodeSequence);
  if (isRejectionTitle(read.text(title, dataElements.CodeValue))) throw unreadable('a rejection note');
  // The last element of every manifest: without it the file was cut between two elements.
  if (!dataset.has(dataElements.ContentSequence.tag)) throw unreadable('without content');
};

const readPatient = (read: ValueReader, dataset: DicomItem): Manifest['patient'] => ({
  ...readIssuedId(read, dataset),
  name: read.text(dataset, dataElements.PatientName),
  birthDate: read.text(dataset, dataElements.PatientBirthDate),
  sex: read.text(dataset, dataElements.PatientSex),
  birthPlace: read.text(dataset, dataElements.PatientComments),
  otherNames: read.texts(dataset, dataElements.OtherPatientNames),
  otherIds: read.items(dataset, dataElements.OtherPatientIDsSequence).map((item) => readIssuedId(read, item)),
});

const readIssuedId = (read: ValueReader, item: DicomItem): ManifestIssuedId => ({
  id: read.text(item, dataElements.PatientID),
  issuer: read.text(item, dataElements.IssuerOfPatientID).trim(),
  issuerOid: readIssuerOid(read, item, dataElements.IssuerOfPatientIDQualifiersSequence),
});

const readIssuerOid = (read: ValueReader, item: DicomItem, sequence: DataElement): string =>
  read.text(read.first(item, sequence), dataElements.UniversalEntityID).trim();

const readRequest = (read: ValueReader, item: DicomItem): ManifestRequest => ({
  studyInstanceUid: read.text(item, dataElements.StudyInstanceUID),
  accessionNumber: read.text(item, dataElements.AccessionNumber),
  accessionIssuerOid: readIssuerOid(read, item, dataElements.IssuerOfAccessionNumberSequence),
  placerOrderNumber: read.text(item, dataElements.PlacerOrderNumberImagingServiceRequest),
  placerIssuerOid: readIssuerOid(read, item, dataElements.OrderPlacerIdentifierSequence),
});

/** `name^^^^^^^^^id`; a name without carets has no id. */
const parseInstitution = (text: string): HealthOrganization => {
  const components = text.split('^');
  return { name: components[0] ?? '', id: components[9] ?? '' };
};

const readDescription = (read: ValueReader, dataset: DicomItem): string => {
  for (const item of read.items(dataset, dataElements.ContentSequence)) {
    if (read.text(item, dataElements.ValueType) === 'TEXT') return read.text(item, dataElements.TextValue);
  }
  return '';
};

const readValueTypes = (read: ValueReader, dataset: DicomItem): ReadonlyMap<string, ReferenceValueType> => {
  const valueTypes = new Map<string, ReferenceValueType>();
  for (const item of read.items(dataset, dataElements.ContentSequence)) {
    const valueType = read.text(item, dataElements.ValueType);
    if (valueType !== 'IMAGE' && valueType !== 'COMPOSITE' && valueType !== 'WAVEFORM') continue;
    const reference = read.first(item, dataElements.ReferencedSOPSequence);
    valueTypes.set(read.text(reference, dataElements.ReferencedSOPInstanceUID), valueType);
  }
  return valueTypes;
};

const readSeries = (
  read: ValueReader,
  dataset: DicomItem,
  described: readonly DescribedSeries[],
): readonly ReadManifestSeries[] => {
  const valueTypes = readValueTypes(read, dataset);
  const descriptions = new Map(described.map((one) => [one.seriesInstanceUid, one]));
  const readInstance = (item: DicomItem): ReadManifestSeries['instances'][number] => {
    const sopInstanceUid = read.text(item, dataElements.ReferencedSOPInstanceUID);
    return {
      sopClassUid: read.text(item, dataElements.ReferencedSOPClassUID),
      sopInstanceUid,
      instanceNumber: read.text(item, dataElements.InstanceNumber),
      numberOfFrames: read.text(item, dataElements.NumberOfFrames),
      valueType: valueTypes.get(sopInstanceUid) ?? '',
    };
  };
  const series = read.items(dataset, dataElements.CurrentRequestedProcedureEvidenceSequence).flatMap((study) =>
    read.items(study, dataElements.ReferencedSeriesSequence).map((item) => {
      const seriesInstanceUid = read.text(item, dataElements.SeriesInstanceUID);
      const {
        modality = '',
        bodyPartExamined = '',
        seriesDescription = '',
      } = descriptions.get(seriesInstanceUid) ?? {};
      return {
        studyInstanceUid: read.text(study, dataElements.StudyInstanceUID),
        seriesInstanceUid,
        modality,
        bodyPartExamined,
        seriesDescription,
        seriesNumber: read.text(item, dataElements.SeriesNumber),
        retrieveUrl: read.text(item, dataElements.RetrieveURL).trim(),
        retrieveLocationUid: read.text(item, dataElements.RetrieveLocationUID),
        instances: read.items(item, dataElements.ReferencedSOPSequence).map(readInstance),
      };
    }),
  );
  if (!series.some((one) => one.instances.length > 0)) throw unreadable('names no instance');
  return series;
};
