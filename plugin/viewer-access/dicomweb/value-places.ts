/**
 * Where values stand in a file, in sequences too: for values that are given by reference (BulkDataURI). A path is tag, item
 * (from 1), tag, …: `54000100/1/54001010` is the waveform of the first item of WaveformSequence.
 *
 * Little endian only, as all objects that are looked at here.
 *
 * @see PS3.5 §7.1, §7.5
 */
import type { DicomFileOutline } from '../../dicom-file/index.ts';
import { DrimboxError } from '../../errors.ts';

/** Its bytes, and its VR where the file says it. */
export interface ValuePlace {
  readonly path: readonly number[];
  readonly vr: string;
  readonly start: number;
  readonly end: number;
}

interface Header {
  readonly tag: number;
  readonly vr: string;
  readonly start: number;
  /** Absent: undefined length. */
  readonly length?: number;
}

const itemTag = 0xfffee000;
const itemEndTag = 0xfffee00d;
const sequenceEndTag = 0xfffee0dd;
const undefinedLength = 0xffffffff;
const maxDepth = 7;
const longVrs: ReadonlySet<string> = new Set('OB OD OF OL OV OW SQ SV UC UN UR UT UV'.split(' '));

const malformed = (): DrimboxError => new DrimboxError('dicom-file/malformed', { detail: 'a sequence' });

const readHeader = (bytes: Buffer, at: number, end: number, isExplicit: boolean): Header => {
  if (at + 8 > end) throw malformed();
  const tag = bytes.readUInt16LE(at) * 0x10000 + bytes.readUInt16LE(at + 2);
  const isItem = tag >= itemTag;
  const vr = isExplicit && !isItem ? bytes.toString('latin1', at + 4, at + 6) : '';
  const isLong = longVrs.has(vr);
  if (isLong && at + 12 > end) throw malformed();
  const length =
    vr === '' ? bytes.readUInt32LE(at + 4) : isLong ? bytes.readUInt32LE(at + 8) : bytes.readUInt16LE(at + 6);
  const start = at + (isLong ? 12 : 8);
  if (length === undefinedLength) return { tag, vr, start };
  if (start + length > end) throw malformed();
  return { tag, vr, start, length };
};

type Visit = (place: ValuePlace) => void;

class SequenceWalk {
  readonly bytes: Buffer;
  readonly isExplicit: boolean;
  readonly visit: Visit;

  constructor(bytes: Buffer, isExplicit: boolean, visit: Visit) {
    this.bytes = bytes;
    this.isExplicit = isExplicit;
    this.visit = visit;
  }

  /** @returns one past the sequence, its delimiter included */
  items(start: number, end: number, path: readonly number[], isDelimited: boolean): number {
    if (path.length > 2 * maxDepth) throw malformed();
    let at = start;
    for (let number = 1; at < end; number += 1) {
      const item = readHeader(this.bytes, at, end, this.isExplicit);
      if (item.tag === sequenceEndTag) return item.start;
      if (item.tag !== itemTag) throw malformed();
      const isOpen = item.length === undefined;
      const itemEnd = item.length === undefined ? end : item.start + item.length;
      at = this.elements(item.start, itemEnd, [...path, number], isOpen);
    }
    if (isDelimited) throw malformed();
    return at;
  }

  private elements(start: number, end: number, path: readonly number[], isDelimited: boolean): number {
    let at = start;
    while (at < end) {
      const header = readHeader(this.bytes, at, end, this.isExplicit);
      if (header.tag === itemEndTag) return header.start;
      at = this.element(header, end, [...path, header.tag]);
    }
    if (isDelimited) throw malformed();
    return at;
  }

  private element({ vr, start, length }: Header, end: number, path: readonly number[]): number {
    const valueEnd = length === undefined ? end : start + length;
    // What is written as UN is not looked into; without VR a defined length says nothing of a sequence.
    if (vr === 'SQ' || length === undefined) return this.items(start, valueEnd, path, length === undefined);
    this.visit({ path, vr, start, end: valueEnd });
    return valueEnd;
  }
}

/**
 * Calls `visit` for each value in the sequence that stands there.
 *
 * @param bytes  at least up to the end of the sequence
 * @throws dicom-file/malformed
 */
export const walkSequence = (outline: DicomFileOutline, bytes: Buffer, tag: number, visit: Visit): void => {
  const place = outline.elements.get(tag);
  const { isExplicit } = outline.encoding;
  const isSequence = place !== undefined && (place.vr === 'SQ' || (place.vr === '' && place.isUndefinedLength));
  if (!isSequence || place.end > bytes.length) return;
  new SequenceWalk(bytes, isExplicit, visit).items(place.valueOffset, place.end, [tag], place.isUndefinedLength);
};

/** @returns undefined: no such value in the file */
export const findValue = (outline: DicomFileOutline, head: Buffer, path: readonly number[]): ValuePlace | undefined => {
  const [tag = 0, ...inside] = path;
  if (inside.length === 0) {
    const place = outline.elements.get(tag);
    if (place === undefined || place.isUndefinedLength || place.vr === 'SQ') return undefined;
    return { path, vr: place.vr, start: place.valueOffset, end: place.end };
  }
  let found: ValuePlace | undefined;
  walkSequence(outline, head, tag, (place) => {
    const isSame = place.path.length === path.length && place.path.every((one, at) => one === path[at]);
    if (isSame) found ??= place;
  });
  return found;
};
