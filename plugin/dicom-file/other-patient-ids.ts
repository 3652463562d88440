/**
 * Reads the sequences that tell whose number a patient number is: the only ones an outline looks into.
 *
 * @see PS3.3 C.2.2 (Patient Identification), table 10-18 (Issuer of Patient ID macro)
 */
import {
  checkDepth,
  itemEncodingOf,
  itemEndTag,
  itemTag,
  malformed,
  readElementHeader,
  readText,
  requireBytes,
  sequenceEndTag,
  skipValue,
  undefinedLength,
  type Cursor,
  type ElementHeader,
} from './element-reader.ts';
import type { OtherPatientId } from './outline.ts';
import type { DatasetEncoding } from './transfer-syntax.ts';

const patientIdTag = 0x00100020;
const qualifiersTag = 0x00100024;
const universalEntityIdTag = 0x00400032;
const universalEntityIdTypeTag = 0x00400033;

/** Gets each element of an item; returns true when it has moved past the value itself. */
type VisitElement = (header: ElementHeader, end: number) => boolean;

/** Walks over the items of the sequence whose header was just read; gives where a further item would go. */
const walkItems = (
  cursor: Cursor,
  end: number,
  header: ElementHeader,
  encoding: DatasetEncoding,
  depth: number,
  beginItem: () => VisitElement,
): number => {
  checkDepth(cursor, depth);
  const isDelimited = header.length === undefinedLength;
  const sequenceEnd = isDelimited ? end : header.valueOffset + header.length;
  while (isDelimited || cursor.offset < sequenceEnd) {
    const item = readElementHeader(cursor, sequenceEnd, encoding);
    if (isDelimited && item.tag === sequenceEndTag && item.length === 0) return item.start;
    if (item.tag !== itemTag) throw malformed(`no item at byte ${item.start}`);
    const isOpen = item.length === undefinedLength;
    const itemEnd = isOpen ? sequenceEnd : cursor.offset + item.length;
    const visit = beginItem();
    while (isOpen || cursor.offset < itemEnd) {
      const element = readElementHeader(cursor, itemEnd, encoding);
      if (isOpen && element.tag === itemEndTag && element.length === 0) break;
      if (element.tag >= itemTag) throw malformed(`item where an element was due, byte ${element.start}`);
      if (!visit(element, itemEnd)) skipValue(cursor, itemEnd, element, encoding, depth);
    }
  }
  return sequenceEnd;
};

const readValueText = (cursor: Cursor, header: ElementHeader, end: number): string => {
  if (header.length === undefinedLength) throw malformed(`undefined length at byte ${header.start}`);
  requireBytes(cursor, end, header.length);
  cursor.offset += header.length;
  return readText(cursor.bytes, header.valueOffset, cursor.offset);
};

/** The universal issuers of IssuerOfPatientIDQualifiersSequence whose type is ISO or not said. */
export const readIssuerOids = (
  cursor: Cursor,
  end: number,
  header: ElementHeader,
  encoding: DatasetEncoding,
  depth = 1,
): readonly string[] => {
  const issuers: { oid: string; type: string }[] = [];
  walkItems(cursor, end, header, itemEncodingOf(header.vr, encoding), depth, () => {
    const issuer = { oid: '', type: '' };
    issuers.push(issuer);
    return (element, itemEnd) => {
      if (element.tag === universalEntityIdTag) issuer.oid = readValueText(cursor, element, itemEnd).trim();
      else if (element.tag === universalEntityIdTypeTag) issuer.type = readValueText(cursor, element, itemEnd).trim();
      else return false;
      return true;
    };
  });
  return issuers.filter(({ oid, type }) => oid !== '' && (type === 'ISO' || type === '')).map(({ oid }) => oid);
};

export interface OtherPatientIdsReading {
  readonly items: readonly OtherPatientId[];
  readonly appendOffset: number;
}

/** Reads the items of OtherPatientIDsSequence; leaves the cursor behind the sequence. */
export const readOtherPatientIds = (
  cursor: Cursor,
  end: number,
  header: ElementHeader,
  encoding: DatasetEncoding,
): OtherPatientIdsReading => {
  const items: { id: string; issuerOids: readonly string[] }[] = [];
  const itemEncoding = itemEncodingOf(header.vr, encoding);
  const appendOffset = walkItems(cursor, end, header, itemEncoding, 1, () => {
    const item = { id: '', issuerOids: [] as readonly string[] };
    items.push(item);
    return (element, itemEnd) => {
      if (element.tag === patientIdTag) item.id = readValueText(cursor, element, itemEnd).trim();
      else if (element.tag === qualifiersTag) {
        item.issuerOids = readIssuerOids(cursor, itemEnd, element, itemEncoding, 2);
      } else return false;
      return true;
    };
  });
  return { items, appendOffset };
};
