/** Is the received document the KOS that its metadata say? @see facts/spec.md b.3 · PS3.3 A.35.4 */
import {
  type DicomDataset,
  DicomInvalid,
  type DicomFile,
  itemsOfTag,
  readDicomFile,
  textOfTag,
} from './dicom-reader.ts';
import { slotOf } from './ebrim.ts';
import type { KosEntry } from './document-entry-rules.ts';
import { type Findings, registryCodes } from './findings.ts';
import type { FormContext } from './object-rules.ts';
import { parseDtm } from './value-forms.ts';
import type { Vihf } from './vihf.ts';

const keyObjectSelection = '1.2.840.10008.5.1.4.1.1.88.59';

/** `YYYYMMDD`, `HHMMSS[.F]` and `±HHMM` to milliseconds UTC, whole seconds. */
const utcOf = (date: string, time: string, offset: string): number | undefined => {
  const local = parseDtm(`${date}${time.slice(0, 6)}`);
  const found = /^([+-])(\d\d)(\d\d)$/.exec(offset);
  if (local === undefined || found === null) return undefined;
  const minutes = Number(found[2]) * 60 + Number(found[3]);
  return local - (found[1] === '-' ? -1 : 1) * minutes * 60_000;
};

const checkCreation = (dataset: DicomDataset, entry: KosEntry, strictForm: boolean, findings: Findings): void => {
  const offset = textOfTag(dataset, '00080201');
  const created = utcOf(textOfTag(dataset, '00080012'), textOfTag(dataset, '00080013'), offset);
  if (offset === '') findings.tolerate('kos/time-zone', 'TimezoneOffsetFromUTC absent: creation time not compared');
  else if (created === undefined || created !== parseDtm(slotOf(entry.object, 'creationTime'))) {
    const text = 'creationTime is not the InstanceCreationDate and Time in UTC';
    if (strictForm) findings.registry('kos/creation-time', registryCodes.repositoryMetadata, text);
    else findings.tolerate('kos/creation-time', text);
  }
};

const countInstances = (dataset: DicomDataset, studyInstanceUid: string): number => {
  const studies = itemsOfTag(dataset, '0040A375').filter((study) => textOfTag(study, '0020000D') === studyInstanceUid);
  const series = studies.flatMap((study) => itemsOfTag(study, '00081115'));
  return series.flatMap((each) => itemsOfTag(each, '00081199')).filter((each) => textOfTag(each, '00081155') !== '')
    .length;
};

/** Reports to `findings` what the bytes and the metadata disagree upon. */
export const checkKosDocument = (
  bytes: Buffer,
  entry: KosEntry,
  vihf: Vihf,
  context: FormContext,
  findings: Findings,
): void => {
  const refuse = (rule: string, text: string): void => findings.registry(rule, registryCodes.repositoryMetadata, text);
  let file: DicomFile;
  try {
    file = readDicomFile(bytes);
  } catch (error) {
    if (!(error instanceof DicomInvalid)) throw error;
    refuse('kos/unreadable', `document is not a DICOM file: ${error.message}`);
    return;
  }
  const { meta, dataset } = file;
  if (textOfTag(dataset, '00080016') !== keyObjectSelection || textOfTag(meta, '00020002') !== keyObjectSelection) {
    refuse('kos/class', 'document is not a Key Object Selection');
  }
  if (textOfTag(dataset, '00080018') !== entry.uniqueId || textOfTag(meta, '00020003') !== entry.uniqueId) {
    refuse('kos/unique-id', 'uniqueId is not the SOPInstanceUID');
  }
  if (textOfTag(dataset, '00100020') !== vihf.patient.ins) refuse('kos/patient', 'PatientID is not the INS');
  const qualifiers = itemsOfTag(dataset, '00100024')[0];
  if (qualifiers !== undefined && textOfTag(qualifiers, '00400032') !== vihf.patient.oid) {
    refuse('kos/patient-issuer', 'IssuerOfPatientIDQualifiers is not the INS OID');
  } else if (qualifiers === undefined)
    findings.tolerate('kos/patient-issuer', 'IssuerOfPatientIDQualifiersSequence absent');
  const studyInstanceUid = entry.references.find(({ kind }) => kind === 'studyInstanceUid')?.id ?? '';
  if (textOfTag(dataset, '0020000D') !== studyInstanceUid)
    refuse('kos/study', 'StudyInstanceUID is not the one of referenceIdList');
  if (textOfTag(itemsOfTag(dataset, '0040A043')[0], '00080100') !== '113030')
    refuse('kos/title', 'document title is not Manifest');
  if (countInstances(dataset, studyInstanceUid) === 0)
    refuse('kos/evidence', 'the manifest references no instance of the study');
  if (itemsOfTag(dataset, '0040A730').length === 0) refuse('kos/content', 'empty content');
  checkCreation(dataset, entry, context.strictForm, findings);
};
