/**
 * Makes another rendition of an object: other pixels, another transfer syntax, some other elements; all the rest is
 * copied. Retired group lengths, signatures and padding behind the pixels are left out: they no longer hold.
 *
 * @see PS3.5 §7, §8, annex A · PS3.10 §7.1
 */
import { encodeElement, encodeHeader, type ElementValue } from './element-encoder.ts';
import { isTrailingPadding, readElementHeader, skipValue, type Cursor } from './element-reader.ts';
import { encapsulate } from './encapsulation.ts';
import { buildFileMeta, readFileMeta } from './file-meta.ts';
import { buildFilePlan, type FilePlan, type FileSegment } from './file-plan.ts';
import { framesUnreadable, readFragments } from './fragments.ts';
import { openCursor } from './outline-reader.ts';
import type { DicomFileOutline, ElementPlace } from './outline.ts';
import { explicitLittleEndian, isEncapsulatedSyntax } from './transfer-syntax.ts';

export type ElementChange =
  | { readonly kind: 'set'; readonly tag: number; readonly vr: string; readonly value: ElementValue }
  | { readonly kind: 'remove'; readonly tag: number };

export type NewPixelData =
  /** Little-endian samples, frame after frame. */
  | { readonly kind: 'native'; readonly vr: 'OB' | 'OW'; readonly chunks: readonly Uint8Array[] }
  /** One encoded frame each. */
  | { readonly kind: 'encapsulated'; readonly frames: readonly Uint8Array[] };

export interface FileRewrite {
  readonly transferSyntaxUid: string;
  /** Of the top level; each tag once, none of them of group 0002 or 7FE0. */
  readonly elements: readonly ElementChange[];
  readonly pixelData: NewPixelData;
}

const pixelDataTag = 0x7fe00010;
const pixelGroup = 0x7fe0;
const digitalSignaturesTag = 0xfffafffa;
const trailingPaddingTag = 0xfffcfffc;

const bytesSegment = (bytes: Uint8Array): FileSegment => ({ kind: 'bytes', bytes });

/** The elements before the pixel data: copied, replaced, removed, inserted in tag order. */
const planElements = (places: Iterable<ElementPlace>, changes: readonly ElementChange[]): readonly FileSegment[] => {
  const changeOf = new Map(changes.map((change) => [change.tag, change]));
  const existing = [...places].filter(({ tag }) => (tag & 0xffff) !== 0 && tag >>> 16 !== pixelGroup);
  const known = new Set(existing.map(({ tag }) => tag));
  const encodeChange = (change: ElementChange): readonly FileSegment[] =>
    change.kind === 'remove'
      ? []
      : [bytesSegment(encodeElement(explicitLittleEndian, change.tag, change.vr, change.value))];
  const inserted = changes.filter(({ tag }) => !known.has(tag)).toSorted((a, b) => a.tag - b.tag);
  const segments: FileSegment[] = [];
  let next = 0;
  for (const { tag, start, end } of existing) {
    for (; (inserted[next]?.tag ?? Infinity) < tag; next += 1) {
      const change = inserted[next];
      if (change !== undefined) segments.push(...encodeChange(change));
    }
    const change = changeOf.get(tag);
    segments.push(...(change === undefined ? [{ kind: 'copy', start, end } as const] : encodeChange(change)));
  }
  return [...segments, ...inserted.slice(next).flatMap(encodeChange)];
};

const planPixelData = (pixelData: NewPixelData): readonly FileSegment[] => {
  if (pixelData.kind === 'encapsulated') return encapsulate(pixelData.frames).map(bytesSegment);
  const length = pixelData.chunks.reduce((sum, chunk) => sum + chunk.length, 0);
  const paddedLength = length + (length % 2);
  if (paddedLength > 0xfffffffe) throw framesUnreadable('more native pixel data than an element can hold');
  return [
    bytesSegment(encodeHeader(explicitLittleEndian, pixelDataTag, pixelData.vr, paddedLength)),
    ...pixelData.chunks.map(bytesSegment),
    bytesSegment(Buffer.alloc(length % 2)),
  ];
};

/** What stands behind the pixel data, signatures and padding apart. */
const planRest = (cursor: Cursor, { pixel, encoding, fileLength }: DicomFileOutline): readonly FileSegment[] => {
  if (pixel === undefined) return [];
  const { valueOffset, length } = pixel;
  cursor.offset = length === undefined ? readFragments(cursor.bytes, valueOffset).end : valueOffset + length;
  const segments: FileSegment[] = [];
  while (cursor.offset < fileLength && !isTrailingPadding(cursor)) {
    const header = readElementHeader(cursor, fileLength, encoding);
    skipValue(cursor, fileLength, header, encoding, 0);
    if (header.tag === digitalSignaturesTag || header.tag === trailingPaddingTag || (header.tag & 0xffff) === 0)
      continue;
    segments.push({ kind: 'copy', start: header.start, end: cursor.offset });
  }
  return segments;
};

/**
 * @param outline  of `source`, which is in an Explicit VR Little Endian data set (`toExplicitLittleEndian` first) and has
 *   pixel data
 * @param source   the whole file
 * @returns        the new file as a plan over `source`; `assembleFile` makes it in memory
 * @throws dicom-file/frames-unreadable, dicom-file/malformed; TypeError for a mistake of the caller
 */
export const buildFile = (outline: DicomFileOutline, source: Uint8Array, rewrite: FileRewrite): FilePlan => {
  const { encoding, pixel, elements, fileLength } = outline;
  if (!encoding.isExplicit || !encoding.isLittleEndian) throw new TypeError('source not in Explicit VR Little Endian');
  if (source.length !== fileLength) throw new TypeError('not the file of the outline');
  if (isEncapsulatedSyntax(rewrite.transferSyntaxUid) !== (rewrite.pixelData.kind === 'encapsulated')) {
    throw new TypeError('pixel data and transfer syntax do not fit together');
  }
  if (pixel?.tag !== pixelDataTag) throw framesUnreadable('no PixelData to replace');
  const cursor = openCursor(source);
  const meta = readFileMeta(cursor);
  return buildFilePlan([
    bytesSegment(buildFileMeta(cursor.bytes, meta, rewrite.transferSyntaxUid)),
    ...planElements(elements.values(), rewrite.elements),
    ...planPixelData(rewrite.pixelData),
    ...planRest(cursor, outline),
  ]);
};
