/**
 * Builds the manifest (KOS) that lists the images of one study.
 *
 * @see PS3.3 A.35.4 · PS3.16 TID 2010 · IHE RAD TF, RAD-68 · facts/spec.md b.3 · decisions C1–C4
 */
import { referenceValueType, sopClasses } from '../standards/index.ts';
import { descriptiveText, integerText, uidText } from './attribute-values.ts';
import { dataElements as element, transferSyntaxes, type DataElement } from './data-elements.ts';
import { CharacterSet, createDatasetWriter, type DatasetWriter } from './dataset-writer.ts';
import { buildDescription } from './key-object-description.ts';
import type { ManifestContent, ManifestInstance, ManifestSeries, ManifestStamp } from './manifest.ts';
import { fitManifestValues, type IssuerValues, type ManifestValues, type RequestValues } from './manifest-values.ts';
import { localDateTime, timeZoneOffset } from './time-zone-offset.ts';

export interface ManifestBuildOptions {
  /**
   * Writes SeriesNumber in the evidence of each series, InstanceNumber and NumberOfFrames in that of each instance,
   * as the national samples do, though PS3.3 does not foresee them there. Default: true.
   */
  readonly writeNonStandardEvidence?: boolean;
}

/** Series number that the national samples give every manifest. */
const manifestSeriesNumber = '59';
/** ISO 8859-1 where every text fits, else UTF-8. */
const characterSets = [CharacterSet.latin1, CharacterSet.utf8] as const;

/**
 * @param content  the study, the patient and the requests; series without instance are left out
 * @param stamp    own UIDs and time: the same arguments give the same bytes
 * @returns        a DICOM file, Explicit VR Little Endian
 * @throws         kos/study-empty, kos/value-invalid
 */
export const buildManifest = (
  content: ManifestContent,
  stamp: ManifestStamp,
  options: ManifestBuildOptions = {},
): Uint8Array => {
  const values = fitManifestValues(content);
  const description = buildDescription({
    studyDescription: content.study.studyDescription,
    actDisplayName: content.actDisplayName,
    series: values.series,
  });
  const isEvidenceNumbered = options.writeNonStandardEvidence ?? true;
  let bytes: Uint8Array = new Uint8Array();
  for (const characterSet of characterSets) {
    const writer = createDatasetWriter(characterSet, filePreamble());
    writeFileMeta(writer, stamp);
    writeGeneral(writer, values, stamp, characterSet);
    writePatient(writer, values);
    writeIdentification(writer, values, stamp);
    writeDocument(writer, values, description, isEvidenceNumbered);
    bytes = writer.bytes();
    if (writer.isFaithful()) break;
  }
  return bytes;
};

const filePreamble = (): Uint8Array => {
  const preamble = Buffer.alloc(132);
  preamble.write('DICM', 128, 'latin1');
  return preamble;
};

const writeFileMeta = (writer: DatasetWriter, stamp: ManifestStamp): void => {
  writer.binary(element.FileMetaInformationGroupLength, new Uint8Array(4));
  const start = writer.position();
  writer.binary(element.FileMetaInformationVersion, Uint8Array.of(0, 1));
  writer.value(element.MediaStorageSOPClassUID, sopClasses.keyObjectSelection);
  writer.value(element.MediaStorageSOPInstanceUID, uidText(stamp.sopInstanceUid, 'SOPInstanceUID'));
  writer.value(element.TransferSyntaxUID, transferSyntaxes.explicitVrLittleEndian);
  writer.value(element.ImplementationClassUID, uidText(stamp.implementationClassUid, 'ImplementationClassUID'));
  const versionName = `DRIMBOX_${stamp.softwareVersion}`.replace(/[^\x20-\x5b\x5d-\x7e]/g, '_');
  writer.value(element.ImplementationVersionName, descriptiveText(versionName, 16));
  writer.patchUint32(start - 4, writer.position() - start);
};

const writeGeneral = (writer: DatasetWriter, values: ManifestValues, stamp: ManifestStamp, set: CharacterSet): void => {
  const offset = timeZoneOffset(stamp.timeZone, values.studyDate, values.studyTime, stamp.createdAtUtcMs);
  const created = localDateTime(stamp.createdAtUtcMs, offset);
  writer.value(element.SpecificCharacterSet, set);
  writer.value(element.InstanceCreationDate, created.date);
  writer.value(element.InstanceCreationTime, created.time);
  writer.value(element.SOPClassUID, sopClasses.keyObjectSelection);
  writer.value(element.SOPInstanceUID, stamp.sopInstanceUid);
  writer.value(element.StudyDate, values.studyDate);
  writer.value(element.SeriesDate, created.date);
  writer.value(element.ContentDate, created.date);
  writer.value(element.StudyTime, values.studyTime);
  writer.value(element.SeriesTime, created.time);
  writer.value(element.ContentTime, created.time);
  // The accession numbers are in the requests: there may be several.
  writer.value(element.AccessionNumber, '');
  writer.value(element.Modality, 'KO');
  writer.value(element.Manufacturer, descriptiveText(stamp.manufacturer, 64));
  writer.value(element.InstitutionName, values.institutionName);
  writer.value(element.ReferringPhysicianName, values.referringPhysicianName);
  writer.value(element.TimezoneOffsetFromUTC, offset);
  writer.value(element.StudyDescription, values.studyDescription);
  writer.sequence(element.ReferencedPerformedProcedureStepSequence);
};

const writeIssuer = (writer: DatasetWriter, sequence: DataElement, issuer: IssuerValues | undefined): void => {
  if (issuer === undefined) return;
  writer.sequence(sequence, () => {
    writer.item(() => {
      writer.value(element.UniversalEntityID, issuer.id);
      writer.value(element.UniversalEntityIDType, issuer.type);
    });
  });
};

const writePatient = (writer: DatasetWriter, values: ManifestValues): void => {
  const insIssuer = { id: values.insOid, type: 'ISO' } as const;
  writer.value(element.PatientName, values.patientName);
  writer.value(element.PatientID, values.insValue);
  writer.value(element.IssuerOfPatientID, values.insIssuer);
  writeIssuer(writer, element.IssuerOfPatientIDQualifiersSequence, insIssuer);
  writer.value(element.PatientBirthDate, values.birthDate);
  writer.value(element.PatientSex, values.sex);
  if (values.otherNames.length > 0) writer.value(element.OtherPatientNames, values.otherNames.join('\\'));
  writer.sequence(element.OtherPatientIDsSequence, () => {
    writer.item(() => {
      writer.value(element.PatientID, values.insValue);
      writer.value(element.IssuerOfPatientID, values.insIssuer);
      writer.value(element.TypeOfPatientID, 'TEXT');
      writeIssuer(writer, element.IssuerOfPatientIDQualifiersSequence, insIssuer);
    });
  });
  if (values.birthPlace !== '') writer.value(element.PatientComments, values.birthPlace);
};

const writeIdentification = (writer: DatasetWriter, values: ManifestValues, stamp: ManifestStamp): void => {
  writer.value(element.SoftwareVersions, descriptiveText(stamp.softwareVersion, 64));
  writer.value(element.StudyInstanceUID, values.studyInstanceUid);
  writer.value(element.SeriesInstanceUID, uidText(stamp.seriesInstanceUid, 'SeriesInstanceUID'));
  writer.value(element.StudyID, values.studyId);
  writer.value(element.SeriesNumber, manifestSeriesNumber);
  writer.value(element.InstanceNumber, integerText(`${stamp.instanceNumber}`));
};

const writeDocument = (
  writer: DatasetWriter,
  values: ManifestValues,
  description: string,
  isEvidenceNumbered: boolean,
): void => {
  writer.value(element.ValueType, 'CONTAINER');
  writeConceptName(writer, '113030', 'Manifest');
  writer.value(element.ContinuityOfContent, 'SEPARATE');
  writer.sequence(element.ReferencedRequestSequence, () => {
    for (const request of values.requests) writer.item(() => writeRequest(writer, values.studyInstanceUid, request));
  });
  writer.sequence(element.CurrentRequestedProcedureEvidenceSequence, () => {
    writer.item(() => writeEvidence(writer, values, isEvidenceNumbered));
  });
  writer.sequence(element.ContentTemplateSequence, () => {
    writer.item(() => {
      writer.value(element.MappingResource, 'DCMR');
      writer.value(element.TemplateIdentifier, '2010');
    });
  });
  writer.sequence(element.ContentSequence, () => {
    for (const { instances } of values.series) for (const instance of instances) writeReference(writer, instance);
    writer.item(() => {
      writer.value(element.RelationshipType, 'CONTAINS');
      writer.value(element.ValueType, 'TEXT');
      writeConceptName(writer, '113012', 'Key Object Description');
      writer.value(element.TextValue, description);
    });
  });
};

const writeConceptName = (writer: DatasetWriter, code: string, meaning: string): void => {
  writer.sequence(element.ConceptNameCodeSequence, () => {
    writer.item(() => {
      writer.value(element.CodeValue, code);
      writer.value(element.CodingSchemeDesignator, 'DCM');
      writer.value(element.CodeMeaning, meaning);
    });
  });
};

const writeRequest = (writer: DatasetWriter, studyInstanceUid: string, request: RequestValues): void => {
  writer.value(element.AccessionNumber, request.accessionNumber);
  writeIssuer(writer, element.IssuerOfAccessionNumberSequence, request.accessionIssuer);
  writer.sequence(element.ReferencedStudySequence);
  writer.value(element.StudyInstanceUID, studyInstanceUid);
  writer.value(element.RequestedProcedureDescription, '');
  writer.sequence(element.RequestedProcedureCodeSequence);
  writeIssuer(writer, element.OrderPlacerIdentifierSequence, request.placerIssuer);
  writer.value(element.RequestedProcedureID, '');
  writer.value(element.PlacerOrderNumberImagingServiceRequest, request.placerOrderNumber);
  writer.value(element.FillerOrderNumberImagingServiceRequest, '');
};

const writeEvidence = (writer: DatasetWriter, values: ManifestValues, isNumbered: boolean): void => {
  const studyUrl = `${values.retrieveUrlBase}/studies/${values.studyInstanceUid}/series/`;
  const writeSeries = ({ seriesInstanceUid, seriesNumber, instances }: ManifestSeries): void => {
    writer.value(element.RetrieveURL, studyUrl + seriesInstanceUid);
    writer.sequence(element.ReferencedSOPSequence, () => {
      for (const instance of instances) writer.item(() => writeInstance(instance));
    });
    writer.value(element.SeriesInstanceUID, seriesInstanceUid);
    if (isNumbered) writer.value(element.SeriesNumber, integerText(seriesNumber));
  };
  const writeInstance = ({ sopClassUid, sopInstanceUid, instanceNumber, numberOfFrames }: ManifestInstance): void => {
    writer.value(element.ReferencedSOPClassUID, uidText(sopClassUid, 'SOPClassUID'));
    writer.value(element.ReferencedSOPInstanceUID, uidText(sopInstanceUid, 'SOPInstanceUID'));
    if (!isNumbered) return;
    writer.value(element.InstanceNumber, integerText(instanceNumber));
    const frames = integerText(numberOfFrames);
    if (frames !== '') writer.value(element.NumberOfFrames, frames);
  };
  writer.sequence(element.ReferencedSeriesSequence, () => {
    for (const series of values.series) writer.item(() => writeSeries(series));
  });
  writer.value(element.StudyInstanceUID, values.studyInstanceUid);
};

const writeReference = (writer: DatasetWriter, { sopClassUid, sopInstanceUid }: ManifestInstance): void => {
  writer.item(() => {
    writer.sequence(element.ReferencedSOPSequence, () => {
      writer.item(() => {
        writer.value(element.ReferencedSOPClassUID, sopClassUid);
        writer.value(element.ReferencedSOPInstanceUID, sopInstanceUid);
      });
    });
    writer.value(element.RelationshipType, 'CONTAINS');
    writer.value(element.ValueType, referenceValueType(sopClassUid));
  });
};
