/**
 * DICOMDIR: the directory of a file-set with one patient, one study, its series and their objects.
 *
 * Keys and records follow the Basic Directory IOD, with those that the general purpose profiles ask for (STD-GEN-USB-JPEG and
 * its like). As the objects stay in the syntax they are stored in, a file-set with other syntaxes (JPEG-LS, HTJ2K, video) is of
 * an augmented profile: no general purpose profile names every syntax.
 *
 * Its length is known before the files are read: each record has the most room it may need, and what is left over is Data Set
 * Trailing Padding, which every reader must pass over.
 *
 * @see PS3.3 F.3.2.2 (offsets), F.4, F.5 · PS3.10 §7.2 (trailing padding), §8.2 (file ids), §8.6 (DICOMDIR) · PS3.11 annex J
 */
import { DrimboxError } from '../../errors.ts';
import { type DatasetElement, encodeElement, encodeElements, encodeItemHeader } from './explicit-dataset.ts';
import {
  type FileRecord,
  maxFileRecordBytes,
  maxPatientBytes,
  maxSeriesBytes,
  maxStudyBytes,
} from './directory-record.ts';
import { RecordType, recordTypeOf } from './record-types.ts';

export interface DirectoryFile {
  /** `DICOM/PA000000/ST000000/SE000000/IM000000`: up to eight parts of up to eight of A–Z, 0–9 and _. */
  readonly path: string;
  /** As the manifest has it. */
  readonly sopClassUid: string;
  readonly record: FileRecord;
}

export interface Directory {
  readonly fileSetUid: string;
  readonly implementationClassUid: string;
  /** Files that are in the set, by series; a series without any is left out. */
  readonly series: readonly (readonly DirectoryFile[])[];
}

/** What is known of the files before any is read. */
export type ForeseenFile = Pick<DirectoryFile, 'path' | 'sopClassUid'> & { readonly storedBytes: number };

/** UID that says what a private record is: an object of a class outside the standard, without keys of its own. */
const privateRecordUid = '2.25.245110926334874911637283049411882634191';
const directoryClassUid = '1.2.840.10008.1.3.10';
const explicitLittleEndianUid = '1.2.840.10008.1.2.1';

const text = (tag: number, vr: string, value: string): DatasetElement => ({
  tag,
  vr,
  content: Buffer.from(value, 'latin1'),
});

const unsigned = (tag: number, vr: 'UL' | 'US', value: number): DatasetElement => {
  const content = Buffer.alloc(vr === 'UL' ? 4 : 2);
  content.writeUIntLE(value, 0, content.length);
  return { tag, vr, content };
};

interface DirectoryRecord {
  readonly type: string;
  readonly reference: readonly DatasetElement[];
  readonly keys: Buffer;
  readonly lower: readonly DirectoryRecord[];
}

const recordItem = ({ type, reference, keys }: DirectoryRecord, next: number, lower: number): Buffer => {
  const head = encodeElements([
    unsigned(0x00041400, 'UL', next),
    unsigned(0x00041410, 'US', 0xffff),
    unsigned(0x00041420, 'UL', lower),
    text(0x00041430, 'CS', type),
    ...reference,
  ]);
  return Buffer.concat([encodeItemHeader(head.length + keys.length), head, keys]);
};

const recordBytes = (record: DirectoryRecord): number => recordItem(record, 0, 0).length;
const treeBytes = (record: DirectoryRecord): number =>
  record.lower.reduce((sum, one) => sum + treeBytes(one), recordBytes(record));

/** Each record is followed by those below it, then by the next of its level. */
const encodeRecords = (records: readonly DirectoryRecord[], start: number): readonly Buffer[] => {
  let offset = start;
  return records.flatMap((record, index) => {
    const lowerOffset = offset + recordBytes(record);
    const end = offset + treeBytes(record);
    const item = recordItem(
      record,
      index === records.length - 1 ? 0 : end,
      record.lower.length === 0 ? 0 : lowerOffset,
    );
    offset = end;
    return [item, ...encodeRecords(record.lower, lowerOffset)];
  });
};

const leafRecord = ({ path, sopClassUid, record }: DirectoryFile): DirectoryRecord => {
  const type = recordTypeOf(sopClassUid);
  return {
    type,
    reference: [
      ...(type === RecordType.private ? [text(0x00041432, 'UI', privateRecordUid)] : []),
      text(0x00041500, 'CS', path.replaceAll('/', '\\')),
      text(0x00041510, 'UI', record.sopClassUid),
      text(0x00041511, 'UI', record.sopInstanceUid),
      text(0x00041512, 'UI', record.transferSyntaxUid),
    ],
    keys: record.keys,
    lower: [],
  };
};

const upperRecord = (type: string, keys: Buffer, lower: readonly DirectoryRecord[]): DirectoryRecord => ({
  type,
  reference: [],
  keys,
  lower,
});

const buildTree = (series: Directory['series']): readonly DirectoryRecord[] => {
  const present = series.filter(({ length }) => length > 0);
  const first = present[0]?.[0]?.record;
  if (first === undefined) return [];
  const records = present.map((files) =>
    upperRecord('SERIES', files[0]?.record.seriesKeys ?? Buffer.alloc(0), files.map(leafRecord)),
  );
  return [upperRecord('PATIENT', first.patientKeys, [upperRecord('STUDY', first.studyKeys, records)])];
};

const encodeMeta = ({ fileSetUid, implementationClassUid }: Omit<Directory, 'series'>): Buffer => {
  const elements = encodeElements([
    { tag: 0x00020001, vr: 'OB', content: Buffer.from([0, 1]) },
    text(0x00020002, 'UI', directoryClassUid),
    text(0x00020003, 'UI', fileSetUid),
    text(0x00020010, 'UI', explicitLittleEndianUid),
    text(0x00020012, 'UI', implementationClassUid),
  ]);
  const length = encodeElement(unsigned(0x00020000, 'UL', elements.length));
  return Buffer.concat([Buffer.alloc(128), Buffer.from('DICM', 'latin1'), length, elements]);
};

const rootBytes = (first: number): Buffer =>
  encodeElements([
    text(0x00041130, 'CS', 'IMAGES'),
    unsigned(0x00041200, 'UL', first),
    unsigned(0x00041202, 'UL', first),
    unsigned(0x00041212, 'US', 0),
  ]);

const sequenceHeaderBytes = 12;
const paddingHeaderBytes = 12;

const encodeSequenceHeader = (length: number): Buffer => {
  const header = encodeElement({ tag: 0x00041220, vr: 'SQ', content: [] });
  header.writeUInt32LE(length, 8);
  return header;
};

const encodePadding = (bytes: number): Buffer =>
  bytes === 0
    ? Buffer.alloc(0)
    : encodeElement({ tag: 0xfffcfffc, vr: 'OB', content: Buffer.alloc(bytes - paddingHeaderBytes) });

/** Of the records, without keys: item, offsets, flag, type, references. */
const maxRecordFrameBytes = 8 + 12 + 10 + 12 + 8 + 16;
const maxReferenceFrameBytes = (path: string): number => 4 * 8 + path.length + 1 + 3 * 64 + 8 + 64;

/**
 * @returns length of the DICOMDIR, whatever the files turn out to hold and however many of them are left out
 */
export const foreseeDicomdirBytes = (
  series: readonly (readonly ForeseenFile[])[],
  uids: Omit<Directory, 'series'>,
): number => {
  const upper = maxPatientBytes + maxStudyBytes + 2 * maxRecordFrameBytes;
  const perSeries = series.length * (maxSeriesBytes + maxRecordFrameBytes);
  const perFile = series
    .flat()
    .reduce(
      (sum, { path, sopClassUid, storedBytes }) =>
        sum + maxRecordFrameBytes + maxReferenceFrameBytes(path) + maxFileRecordBytes(sopClassUid, storedBytes),
      0,
    );
  const frame = encodeMeta(uids).length + rootBytes(0).length + sequenceHeaderBytes + paddingHeaderBytes;
  const total = frame + upper + perSeries + perFile;
  return total + (total % 2);
};

/**
 * @param totalBytes  as `foreseeDicomdirBytes` told for the same files
 * @throws general/internal when it would be longer: a mistake of the budget
 */
export const buildDicomdir = (directory: Directory, totalBytes: number): Buffer => {
  const tree = buildTree(directory.series);
  const meta = encodeMeta(directory);
  const start = meta.length + rootBytes(0).length + sequenceHeaderBytes;
  const records = Buffer.concat(encodeRecords(tree, start));
  const left = totalBytes - start - records.length;
  if (left !== 0 && left < paddingHeaderBytes) {
    throw new DrimboxError('general/internal', { detail: `a directory is ${-left} bytes longer than foreseen` });
  }
  const root = rootBytes(tree.length === 0 ? 0 : start);
  return Buffer.concat([meta, root, encodeSequenceHeader(records.length), records, encodePadding(left)]);
};
