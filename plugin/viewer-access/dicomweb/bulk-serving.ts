/**
 * Values by reference, videos and documents: single part, with Range, or as the one part of multipart/related.
 *
 * A document is given under its own type only where that is PDF: anything else a file may call itself (HTML, SVG) would run in
 * the browser under our name, and leaves as octets to be saved.
 *
 * @see PS3.18 §10.4.1.1.5 (bulk data), §10.4.1.1.6 (rendered) · PS3.5 §8.2.5–8.2.8 (video) · RFC 9110 §14
 */
import { attributeNumbers, attributeText } from '../../dicom-file/index.ts';
import { DrimboxError } from '../../errors.ts';
import { findTransferSyntax, transferSyntaxes } from '../../standards/index.ts';
import { parseAccept } from '../../wado/index.ts';
import { buildEtag, type ByteRange, cacheHeaders, parseRange } from './answer.ts';
import { acceptFields, answerUnchanged, type Exchange, type ImageDesk } from './exchange.ts';
import { createWindow, readFragmentPlace } from './frame-places.ts';
import type { StoredObject } from './stored-object.ts';
import { findValue } from './value-places.ts';

const pixelDataTag = 0x7fe00010;
const encapsulatedDocumentTag = 0x00420011;
const documentTypeTag = 0x00420012;
const documentLengthTag = 0x00420015;

/** Parts of a file in a row. */
export interface BulkValue {
  readonly ranges: readonly ByteRange[];
  readonly sizeBytes: number;
  readonly mediaType: string;
}

const pieceBytes = 1024 * 1024;

const notFound = (): DrimboxError => new DrimboxError('viewer-access/image-not-found', { detail: 'no such value' });

const valueOf = (ranges: readonly ByteRange[], mediaType: string): BulkValue => ({
  ranges,
  mediaType,
  sizeBytes: ranges.reduce((sum, { start, end }) => sum + end - start, 0),
});

/** MPEG-4 and HEVC are what browsers may play. */
const videoType = (uid: string): string =>
  /^1\.2\.840\.10008\.1\.2\.4\.10[01](\.1)?$/.test(uid) ? 'video/mpeg' : 'video/mp4';

const isVideo = ({ transferSyntax }: StoredObject): boolean => findTransferSyntax(transferSyntax)?.isVideo === true;

/** All fragments but the offset table. */
const fragmentRanges = async (object: StoredObject): Promise<readonly ByteRange[]> => {
  const { pixel, fileLength } = object.outline;
  if (pixel === undefined) throw notFound();
  const bytes = createWindow((start, end) => object.read(start, end), fileLength);
  const ranges: ByteRange[] = [];
  let place = await readFragmentPlace(bytes, pixel.valueOffset);
  for (let first = true; place !== undefined; first = false) {
    if (!first) ranges.push(place);
    place = await readFragmentPlace(bytes, place.end);
  }
  return ranges;
};

const pixelValue = async (object: StoredObject): Promise<BulkValue> => {
  const { pixel, image } = object.outline;
  if (pixel === undefined) throw notFound();
  if (!pixel.isEncapsulated) {
    const { valueOffset: start, length = 0 } = pixel;
    return valueOf([{ start, end: start + length }], 'application/octet-stream');
  }
  // Frames in a row would be told apart by nobody.
  if (!isVideo(object) && image?.numberOfFrames !== 1) throw new DrimboxError('wado/not-acceptable');
  const mediaType = isVideo(object) ? videoType(object.transferSyntax) : 'application/octet-stream';
  return valueOf(await fragmentRanges(object), mediaType);
};

/** One byte of padding may follow a document of odd length. */
const documentValue = (object: StoredObject, { start, end }: ByteRange): BulkValue => {
  const { outline, head } = object;
  const [length = end - start] = attributeNumbers(outline, head, documentLengthTag);
  const type = attributeText(outline, head, documentTypeTag).toLowerCase();
  const isPlausible = length <= end - start && length >= end - start - 1;
  const mediaType = type === 'application/pdf' ? type : 'application/octet-stream';
  return valueOf([{ start, end: isPlausible ? start + length : end }], mediaType);
};

/** @throws viewer-access/image-not-found, wado/not-acceptable, dicom-file/* */
export const findBulkValue = async (object: StoredObject, path: readonly number[]): Promise<BulkValue> => {
  const [tag] = path;
  if (path.length === 1 && (tag === pixelDataTag || tag === object.outline.pixel?.tag)) return pixelValue(object);
  const place = findValue(object.outline, object.head, path);
  if (place === undefined) throw notFound();
  if (path.length === 1 && tag === encapsulatedDocumentTag) return documentValue(object, place);
  return valueOf([place], 'application/octet-stream');
};

/** A video, or a PDF; undefined: it is shown as a picture, or not at all. */
export const findPlayable = async (object: StoredObject): Promise<BulkValue | undefined> => {
  if (isVideo(object)) return pixelValue(object);
  const place = findValue(object.outline, object.head, [encapsulatedDocumentTag]);
  if (place === undefined) return undefined;
  const value = documentValue(object, place);
  return value.mediaType === 'application/pdf' ? value : undefined;
};

/** That part of the parts in a row. */
const cutRanges = (ranges: readonly ByteRange[], wanted: ByteRange): readonly ByteRange[] => {
  let at = 0;
  return ranges.flatMap((range) => {
    const before = at;
    at += range.end - range.start;
    const start = range.start + Math.max(0, wanted.start - before);
    const end = Math.min(range.end, range.start + wanted.end - before);
    return start < end ? [{ start, end }] : [];
  });
};

const writeRanges = async ({ writer }: Exchange, object: StoredObject, ranges: readonly ByteRange[]): Promise<void> => {
  for (const { start, end } of ranges) {
    for (let at = start; at < end; at += pieceBytes) {
      await writer.write(await object.read(at, Math.min(end, at + pieceBytes)));
    }
  }
};

const writeMultipart = async (
  exchange: Exchange,
  { randomBytes }: ImageDesk,
  object: StoredObject,
  value: BulkValue,
  headers: Readonly<Record<string, string>>,
): Promise<void> => {
  const { response, writer } = exchange;
  const boundary = Buffer.from(randomBytes(16)).toString('hex');
  const syntax =
    object.outline.pixel?.isEncapsulated === true ? object.transferSyntax : transferSyntaxes.explicitVrLittleEndian;
  const type = `application/octet-stream;transfer-syntax=${syntax}`;
  const head = Buffer.from(`--${boundary}\r\nContent-Type: ${type}\r\nContent-Length: ${value.sizeBytes}\r\n\r\n`);
  const end = Buffer.from(`\r\n--${boundary}--\r\n`);
  response.writeHead(200, {
    ...headers,
    'Content-Type': `multipart/related;type="application/octet-stream";boundary=${boundary}`,
    'Content-Length': head.length + value.sizeBytes + end.length,
  });
  await writer.write(head);
  await writeRanges(exchange, object, value.ranges);
  await writer.write(end);
  await writer.end();
};

/** @throws viewer-access/range-unsatisfiable */
const writeSingle = async (
  exchange: Exchange,
  object: StoredObject,
  value: BulkValue,
  headers: Readonly<Record<string, string>>,
): Promise<void> => {
  const { request, response, writer } = exchange;
  const { sizeBytes, mediaType } = value;
  const isUnconditional = request.headers['if-range'] === undefined || request.headers['if-range'] === headers['ETag'];
  const reading = parseRange(isUnconditional ? request.headers['range'] : undefined, sizeBytes);
  if (reading.kind === 'unsatisfiable') {
    throw new DrimboxError('viewer-access/range-unsatisfiable', { context: { sizeBytes } });
  }
  const range = reading.kind === 'part' ? reading.range : { start: 0, end: sizeBytes };
  const isShown = mediaType !== 'application/octet-stream';
  response.writeHead(reading.kind === 'part' ? 206 : 200, {
    ...headers,
    'Content-Type': mediaType,
    'Content-Length': range.end - range.start,
    'Content-Disposition': isShown ? 'inline' : 'attachment',
    'Accept-Ranges': 'bytes',
    ...(reading.kind === 'part' ? { 'Content-Range': `bytes ${range.start}-${range.end - 1}/${sizeBytes}` } : {}),
  });
  await writeRanges(exchange, object, cutRanges(value.ranges, range));
  await writer.end();
};

/** `Accept`, or the parameter `accept` that OHIF puts into addresses, which goes before it (PS3.18 §8.3.3.1). */
const isMultipartWanted = (exchange: Exchange): boolean => {
  const { query } = exchange;
  if (query.get('accept') !== undefined) return query.get('accept')?.startsWith('multipart/') === true;
  const ranges = parseAccept(acceptFields(exchange)).filter(({ weight }) => weight > 0);
  return ranges.length > 0 && ranges.every(({ mediaType }) => mediaType.startsWith('multipart/'));
};

export const answerBulk = async (
  exchange: Exchange,
  desk: ImageDesk,
  object: StoredObject,
  value: BulkValue,
): Promise<void> => {
  const isMultipart = isMultipartWanted(exchange);
  const places = value.ranges.map(({ start, end }) => `${start}-${end}`).join(',');
  const etag = buildEtag(desk.software, object.image.sopInstanceUid, object.revision, places, String(isMultipart));
  if (await answerUnchanged(exchange, etag)) return;
  const headers = { ...cacheHeaders, ETag: etag, Vary: 'Accept' };
  if (isMultipart) return writeMultipart(exchange, desk, object, value, headers);
  return writeSingle(exchange, object, value, headers);
};
