/**
 * Keys that are sequences: the title of a document, what modifies it, and which images a presentation state is about.
 *
 * @see PS3.3 F.5.23 (PRESENTATION), F.5.25 (SR DOCUMENT), F.5.26 (KEY OBJECT DOC), F.5.33 (ENCAP DOC), edition 2024d
 */
import { type DicomFileOutline, readOutline, toExplicitLittleEndian } from '../../dicom-file/index.ts';
import { type DatasetElement, type DatasetItem, encodeElement, parseSequence } from './explicit-dataset.ts';
import type { FileHead } from './key-values.ts';
import { RecordType } from './record-types.ts';

const conceptNameTag = 0x0040a043;
const contentTag = 0x0040a730;
const relationshipTag = 0x0040a010;
const observersTag = 0x0040a073;
const verificationTimeTag = 0x0040a030;
const seriesTag = 0x00081115;
const imagesTag = 0x00081140;
const blendingTag = 0x00700402;
const referenceTags: ReadonlySet<number> = new Set([0x00081150, 0x00081155]);
const seriesInstanceUidTag = 0x0020000e;

const maxTitleBytes = 2_048;
const maxModifierBytes = 4_096;
const maxReferenceBytes = 256 * 1024;

/** What stands for a title that the file does not have: a key of type 1. */
const unknownTitle: DatasetItem = [
  { tag: 0x00080100, vr: 'SH', content: Buffer.from('UNKNOWN') },
  { tag: 0x00080102, vr: 'SH', content: Buffer.from('99DRIMBOX') },
  { tag: 0x00080104, vr: 'LO', content: Buffer.from('Document without title') },
];

/** The most that the sequences of such a record may take. @param storedBytes  of the file */
export const maxSequenceBytes = (type: RecordType, storedBytes: number): number => {
  if (type === RecordType.srDocument || type === RecordType.keyObjectDocument) {
    return maxTitleBytes + maxModifierBytes + 64;
  }
  if (type === RecordType.encapsulatedDocument) return maxTitleBytes;
  // References are part of the file: written in Explicit VR they take at most half as much again.
  if (type === RecordType.presentation) return Math.min(2 * storedBytes, maxReferenceBytes);
  return 0;
};

type ReadSequence = (tag: number) => readonly DatasetItem[] | undefined;

/** Other encodings are converted first; what cannot be converted has no sequences. */
const explicitHead = ({ outline, head }: FileHead): FileHead | undefined => {
  if (outline.encoding.isExplicit && outline.encoding.isLittleEndian) return { outline, head };
  if (head.length < outline.fileLength) return undefined;
  try {
    const converted = toExplicitLittleEndian(head, outline);
    const reading = readOutline(converted);
    return reading.kind === 'outline' ? { outline: reading.outline, head: converted } : undefined;
  } catch {
    return undefined;
  }
};

const elementBytes = (outline: DicomFileOutline, head: Buffer, tag: number): Buffer | undefined => {
  const place = outline.elements.get(tag);
  return place === undefined || place.end > head.length ? undefined : head.subarray(place.start, place.end);
};

const sequencesOf = (file: FileHead): ReadSequence => {
  const explicit = explicitHead(file);
  if (explicit === undefined) return () => undefined;
  return (tag) => {
    const bytes = elementBytes(explicit.outline, explicit.head, tag);
    return bytes === undefined ? undefined : parseSequence(bytes);
  };
};

const textOf = (item: DatasetItem, tag: number): string => {
  const content = item.find((element) => element.tag === tag)?.content;
  return content instanceof Uint8Array ? content.toString('latin1').trim() : '';
};

const itemsOf = (item: DatasetItem, tag: number): readonly DatasetItem[] => {
  const content = item.find((element) => element.tag === tag)?.content;
  return content === undefined || content instanceof Uint8Array ? [] : content;
};

const sequence = (tag: number, content: readonly DatasetItem[]): DatasetElement => ({ tag, vr: 'SQ', content });

/** undefined when it would be too long, or cannot be written. */
const within = (element: DatasetElement, maxBytes: number): DatasetElement | undefined => {
  try {
    return encodeElement(element).length <= maxBytes ? element : undefined;
  } catch (error) {
    if (error instanceof RangeError) return undefined;
    throw error;
  }
};

const title = (read: ReadSequence, otherwise: readonly DatasetItem[]): DatasetElement => {
  const stored = read(conceptNameTag)?.slice(0, 1) ?? [];
  const element = stored.length === 0 ? undefined : within(sequence(conceptNameTag, stored), maxTitleBytes);
  return element ?? sequence(conceptNameTag, otherwise);
};

/** As many as have room: they are short. */
const modifiers = (read: ReadSequence): readonly DatasetElement[] => {
  const all = (read(contentTag) ?? []).filter((item) => textOf(item, relationshipTag) === 'HAS CONCEPT MOD');
  for (let count = all.length; count > 0; count -= 1) {
    const element = within(sequence(contentTag, all.slice(0, count)), maxModifierBytes);
    if (element !== undefined) return [element];
  }
  return [];
};

const verification = (read: ReadSequence): readonly DatasetElement[] => {
  const times = (read(observersTag) ?? []).map((item) => textOf(item, verificationTimeTag));
  const latest = times.filter((time) => /^\d{4,14}([.+-][0-9.+-]*)?$/.test(time) && time.length <= 26).toSorted();
  const last = latest.at(-1);
  return last === undefined ? [] : [{ tag: verificationTimeTag, vr: 'DT', content: Buffer.from(last, 'latin1') }];
};

/** Nothing but what the directory asks for: the rest stands in the file. */
const seriesReference = (item: DatasetItem): DatasetItem => [
  ...item.filter(({ tag }) => tag === seriesInstanceUidTag),
  sequence(
    imagesTag,
    itemsOf(item, imagesTag).map((image) => image.filter(({ tag }) => referenceTags.has(tag))),
  ),
];

const references = (read: ReadSequence, maxBytes: number): readonly DatasetElement[] => {
  const series = read(seriesTag)?.map(seriesReference) ?? [];
  const referenced = series.length === 0 ? undefined : within(sequence(seriesTag, series), maxBytes);
  const room = maxBytes - (referenced === undefined ? 0 : encodeElement(referenced).length);
  const blended = read(blendingTag);
  const blending = blended === undefined ? undefined : within(sequence(blendingTag, blended), room);
  return [referenced, blending].filter((element) => element !== undefined);
};

/** @param storedBytes  as given to `maxSequenceBytes` */
export const readSequenceKeys = (file: FileHead, type: RecordType, storedBytes: number): readonly DatasetElement[] => {
  if (type === RecordType.presentation) return references(sequencesOf(file), maxSequenceBytes(type, storedBytes));
  if (type === RecordType.encapsulatedDocument) return [title(sequencesOf(file), [])];
  if (type !== RecordType.srDocument && type !== RecordType.keyObjectDocument) return [];
  const read = sequencesOf(file);
  const verified = type === RecordType.srDocument ? verification(read) : [];
  return [title(read, [unknownTitle]), ...modifiers(read), ...verified];
};
