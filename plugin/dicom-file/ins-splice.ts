/**
 * Adds the INS to an image that leaves, by adding bytes: one item of OtherPatientIDsSequence, the same as the one the
 * manifest has. What the sequence held stays, byte for byte; a number that is already there is not doubled.
 *
 * ```
 * (0010,1002) SQ
 *   item  (0010,0020) matricule · (0010,0021) ASIP-SANTE-INS-NIR · (0010,0022) TEXT
 *         (0010,0024) SQ  item  (0040,0032) OID of the INS · (0040,0033) ISO
 * ```
 * @see PS3.3 C.2.2 · PS3.5 §7.5 · facts/spec.md b.3, b.5.2, question 10
 */
import { DrimboxError } from '../errors.ts';
import { insOids, parseInsIdentifier, type InsIdentifier } from '../standards/index.ts';
import { encodeElement, encodeHeader, encodeItem } from './element-encoder.ts';
import { buildFilePlan, type FilePlan, type FileSegment } from './file-plan.ts';
import type { DicomFileOutline, OtherPatientIdsPlace } from './outline.ts';
import type { DatasetEncoding } from './transfer-syntax.ts';

const groupLengthTag = 0x00100000;
const otherPatientIdsTag = 0x00101002;

const buildInsItem = (encoding: DatasetEncoding, ins: InsIdentifier): Buffer => {
  const element = (tag: number, vr: string, text: string): Buffer => encodeElement(encoding, tag, vr, text);
  const issuer = encodeItem(encoding, [element(0x00400032, 'UT', ins.oid), element(0x00400033, 'CS', 'ISO')]);
  return encodeItem(encoding, [
    element(0x00100020, 'LO', ins.value),
    element(0x00100021, 'LO', insOids[ins.oid].issuer),
    element(0x00100022, 'CS', 'TEXT'),
    encodeElement(encoding, 0x00100024, 'SQ', issuer),
  ]);
};

/** Two numbers of one kind are two patients: nobody may get such a file. */
const checkContradiction = (outline: DicomFileOutline, ins: InsIdentifier): void => {
  const said = [...(outline.otherPatientIds?.items ?? [])];
  if (outline.patientId !== undefined) said.push({ id: outline.patientId, issuerOids: outline.patientIdIssuerOids });
  if (said.every(({ id, issuerOids }) => id === ins.value || id === '' || !issuerOids.includes(ins.oid))) return;
  throw new DrimboxError('dicom-file/identity-mismatch', {
    detail: 'the file has another INS under the same OID',
    context: { sopInstanceUid: outline.sopInstanceUid },
  });
};

/** A header with its length field alone changed. */
const patchedLength = (place: OtherPatientIdsPlace, encoding: DatasetEncoding, added: number): FileSegment => {
  const length = place.end - place.valueOffset + added;
  const header = encodeHeader(encoding, otherPatientIdsTag, place.vr, length);
  return { kind: 'bytes', bytes: header };
};

/** Where the new bytes go, and what they replace. */
interface Splice {
  readonly start: number;
  /** One past the last byte of the source that `segments` stand for. */
  readonly end: number;
  readonly segments: readonly FileSegment[];
  readonly addedBytes: number;
}

const spliceExisting = (place: OtherPatientIdsPlace, encoding: DatasetEncoding, item: Buffer): Splice => {
  const { start, end, valueOffset, appendOffset, isUndefinedLength } = place;
  const before: FileSegment[] = isUndefinedLength
    ? [{ kind: 'copy', start, end: appendOffset }]
    : [patchedLength(place, encoding, item.length), { kind: 'copy', start: valueOffset, end: appendOffset }];
  const after: FileSegment = { kind: 'copy', start: appendOffset, end };
  return { start, end, segments: [...before, { kind: 'bytes', bytes: item }, after], addedBytes: item.length };
};

const spliceNew = ({ otherPatientIdsInsertOffset: at, encoding }: DicomFileOutline, item: Buffer): Splice => {
  const bytes = Buffer.concat([encodeHeader(encoding, otherPatientIdsTag, 'SQ', item.length), item]);
  return { start: at, end: at, segments: [{ kind: 'bytes', bytes }], addedBytes: bytes.length };
};

/** (0010,0000) says how long the rest of its group is. */
const spliceGroupLength = (outline: DicomFileOutline, addedBytes: number): readonly Splice[] => {
  const place = outline.elements.get(groupLengthTag);
  if (place === undefined || outline.patientGroupLength === undefined) return [];
  const length = outline.patientGroupLength + addedBytes;
  const bytes = encodeElement(outline.encoding, groupLengthTag, 'UL', [length % 0x100000000]);
  return [{ start: place.start, end: place.end, segments: [{ kind: 'bytes', bytes }], addedBytes: 0 }];
};

/**
 * Plans the file with the INS added: ranges to copy from the source, and new bytes. Planning it again for its own result
 * changes nothing. The file meta information stays as it is.
 *
 * @throws dicom-file/identity-mismatch when the file says another INS of the same kind; standards/ins-invalid
 */
export const planInsSplice = (outline: DicomFileOutline, ins: InsIdentifier): FilePlan => {
  const parsed = parseInsIdentifier(ins.value, ins.oid);
  checkContradiction(outline, parsed);
  const { otherPatientIds: place, fileLength } = outline;
  const whole: FileSegment = { kind: 'copy', start: 0, end: fileLength };
  if (place?.items.some(({ id, issuerOids }) => id === parsed.value && issuerOids.includes(parsed.oid))) {
    return buildFilePlan([whole]);
  }
  const item = buildInsItem(place?.itemEncoding ?? outline.encoding, parsed);
  const splice = place === undefined ? spliceNew(outline, item) : spliceExisting(place, outline.encoding, item);
  const splices = [...spliceGroupLength(outline, splice.addedBytes), splice].toSorted((a, b) => a.start - b.start);
  const segments: FileSegment[] = [];
  let offset = 0;
  for (const { start, end, segments: own } of splices) {
    segments.push({ kind: 'copy', start: offset, end: start }, ...own);
    offset = end;
  }
  return buildFilePlan([...segments, { kind: 'copy', start: offset, end: fileLength }]);
};
