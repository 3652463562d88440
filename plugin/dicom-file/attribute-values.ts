/** Values of single top-level elements, read when somebody asks for them. */
import { readText } from './element-reader.ts';
import type { DicomFileOutline, ElementPlace } from './outline.ts';
import { loadDictionaryVr } from './value-representations.ts';

const bufferOf = (file: Uint8Array): Buffer => Buffer.from(file.buffer, file.byteOffset, file.byteLength);

const placeOf = (outline: DicomFileOutline, file: Uint8Array, tag: number): ElementPlace | undefined => {
  const place = outline.elements.get(tag);
  return place === undefined || place.isUndefinedLength || place.end > file.length ? undefined : place;
};

/**
 * The value of an element that stands before the pixel data, as stored; a view.
 *
 * @param file  the whole file, or a beginning that holds the element
 * @returns     undefined when absent, of undefined length, or not within `file`
 */
export const attributeBytes = (outline: DicomFileOutline, file: Uint8Array, tag: number): Buffer | undefined => {
  const place = placeOf(outline, file, tag);
  return place === undefined ? undefined : bufferOf(file).subarray(place.valueOffset, place.end);
};

/** Text, ISO 8859-1 whatever the character set, trimmed, at most 1,024 characters; '' when absent. */
export const attributeText = (outline: DicomFileOutline, file: Uint8Array, tag: number): string => {
  const place = placeOf(outline, file, tag);
  return place === undefined ? '' : readText(bufferOf(file), place.valueOffset, place.end).trim();
};

const numberSizes: Readonly<Record<string, number>> = { US: 2, SS: 2, UL: 4, SL: 4, FL: 4, FD: 8 };

const readNumber = (view: DataView, vr: string, offset: number, isLittleEndian: boolean): number => {
  if (vr === 'US') return view.getUint16(offset, isLittleEndian);
  if (vr === 'SS') return view.getInt16(offset, isLittleEndian);
  if (vr === 'UL') return view.getUint32(offset, isLittleEndian);
  if (vr === 'SL') return view.getInt32(offset, isLittleEndian);
  if (vr === 'FL') return view.getFloat32(offset, isLittleEndian);
  return view.getFloat64(offset, isLittleEndian);
};

/** Numbers of a US, SS, UL, SL, FL, FD, DS or IS element; empty when absent, NaN for a text that is no number. */
export const attributeNumbers = (outline: DicomFileOutline, file: Uint8Array, tag: number): readonly number[] => {
  const place = placeOf(outline, file, tag);
  if (place === undefined) return [];
  const isSigned = outline.image?.pixelRepresentation === 1;
  const vr = place.vr === '' || place.vr === 'UN' ? loadDictionaryVr(tag, isSigned) : place.vr;
  const size = numberSizes[vr];
  if (size === undefined) {
    const text = attributeText(outline, file, tag);
    return text === '' ? [] : text.split('\\').map((part) => (part.trim() === '' ? Number.NaN : Number(part)));
  }
  const view = new DataView(file.buffer, file.byteOffset + place.valueOffset, place.end - place.valueOffset);
  const count = Math.floor(view.byteLength / size);
  return Array.from({ length: count }, (_, index) =>
    readNumber(view, vr, index * size, outline.encoding.isLittleEndian),
  );
};
