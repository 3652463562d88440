/**
 * `…/frames/1,2`: frames as stored where the browser takes that, found by offset; else decoded, or coded for a slow line.
 *
 * Metadata and frames must say the same: a decoded frame keeps the layout of the stored attributes, and a form that would
 * change colours, or cut values to a window, is not offered.
 *
 * @see PS3.18 §10.4.1.1.4 (frames), §8.6.1.2 (multipart) · decision E8
 */
import type { ImageAttributes } from '../../dicom-file/index.ts';
import { checkIdentity, readFrames, readOutline } from '../../dicom-file/index.ts';
import { DrimboxError } from '../../errors.ts';
import { canProduce, decodedPhotometric } from '../../renditions/index.ts';
import { findTransferSyntax, transferSyntaxes, type TransferSyntaxUid } from '../../standards/index.ts';
import { parseAccept } from '../../wado/index.ts';
import { buildEtag, cacheHeaders } from './answer.ts';
import { acceptFields, answerUnchanged, type Exchange, type ImageDesk } from './exchange.ts';
import { type ChosenForm, chooseFrameForm, type FrameForm } from './frame-accept.ts';
import { type FrameReading, readFrame } from './frame-reading.ts';
import type { ResourceUids } from './image-resource.ts';
import { chooseCompression } from './line-speed.ts';
import { FrameCompression } from './options.ts';
import { type StoredObject, withStoredObject } from './stored-object.ts';
import { findViewedObject } from './viewed-study.ts';

const { explicitVrLittleEndian, implicitVrLittleEndian, jpegBaseline, jpegLsLossless, rleLossless } = transferSyntaxes;

/** Their frames are native bytes, little endian. */
const nativeSyntaxes: ReadonlySet<string> = new Set([implicitVrLittleEndian, explicitVrLittleEndian]);

/** What the metadata says of colours and layout stays true once decoded. */
const isDecodedAlike = (image: ImageAttributes, from: string): boolean =>
  image.samplesPerPixel === 1 || decodedPhotometric(image, from) === image.photometricInterpretation;

const isGrey = ({ samplesPerPixel, photometricInterpretation }: ImageAttributes): boolean =>
  samplesPerPixel === 1 && photometricInterpretation !== 'PALETTE COLOR';

/** JPEG baseline decodes to unsigned bytes, and colours to RGB by pixel. */
const isFitForLoss = (image: ImageAttributes): boolean =>
  image.bitsAllocated === 8 &&
  image.bitsStored === 8 &&
  image.pixelRepresentation === 0 &&
  (isGrey(image) || (image.photometricInterpretation === 'RGB' && image.planarConfiguration === 0));

const codedSyntax = (
  image: ImageAttributes,
  from: TransferSyntaxUid,
  compression: FrameCompression,
): TransferSyntaxUid | undefined => {
  const isUncompressed = nativeSyntaxes.has(from) || from === rleLossless;
  if (compression === FrameCompression.stored || !isUncompressed) return undefined;
  const isLossy = compression === FrameCompression.lossy && isFitForLoss(image);
  if (isLossy && canProduce(image, from, jpegBaseline)) return jpegBaseline;
  return isGrey(image) && canProduce(image, from, jpegLsLossless) ? jpegLsLossless : undefined;
};

/**
 * In what this image can be given, best first. RLE is decoded: viewers read it in more than one way.
 *
 * @throws viewer-access/image-not-displayable: a video has no frames to give
 */
export const listFrameForms = (
  image: ImageAttributes,
  from: TransferSyntaxUid,
  compression: FrameCompression,
): readonly FrameForm[] => {
  if (findTransferSyntax(from)?.isVideo === true) {
    throw new DrimboxError('viewer-access/image-not-displayable', { detail: 'frames of a video' });
  }
  if (nativeSyntaxes.has(from)) {
    const coded = codedSyntax(image, from, compression);
    const native = { transferSyntax: explicitVrLittleEndian, isStored: true };
    return coded === undefined ? [native] : [{ transferSyntax: coded, isStored: false }, native];
  }
  const coded = codedSyntax(image, from, compression);
  const isDecodable = canProduce(image, from, explicitVrLittleEndian) && isDecodedAlike(image, from);
  const decoded = isDecodable ? [{ transferSyntax: explicitVrLittleEndian, isStored: false }] : [];
  const stored = { transferSyntax: from, isStored: true };
  if (from !== rleLossless) return [stored, ...decoded];
  return [...(coded === undefined ? [] : [{ transferSyntax: coded, isStored: false }]), ...decoded, stored];
};

/**
 * A whole image in JPEG-LS may have been made before, for another DRIMbox or ahead: it is the same. What is damaged, or of
 * another object, is as if it were not there.
 */
const findMadeFrame = async (
  { viewed: { manifest } }: Exchange,
  { workshop }: ImageDesk,
  { image, revision, outline }: StoredObject,
  transferSyntax: TransferSyntaxUid,
): Promise<Buffer | undefined> => {
  if (transferSyntax !== jpegLsLossless || outline.image?.numberOfFrames !== 1) return undefined;
  const { studyInstanceUid } = manifest;
  const { sopInstanceUid, seriesInstanceUid } = image;
  const sizeBytes = outline.fileLength;
  const made = await workshop.findMade({ studyInstanceUid, sopInstanceUid, revision, sizeBytes, transferSyntax });
  if (made === undefined) return undefined;
  try {
    const reading = readOutline(made);
    if (reading.kind !== 'outline' || reading.outline.transferSyntaxUid !== transferSyntax) return undefined;
    checkIdentity(reading.outline, { studyInstanceUid, seriesInstanceUid, sopInstanceUid });
    const [frame] = readFrames(reading.outline, made);
    return frame;
  } catch (error) {
    if (error instanceof DrimboxError) return undefined;
    throw error;
  }
};

const produceFrame = async (
  exchange: Exchange,
  desk: ImageDesk,
  object: StoredObject,
  reading: FrameReading,
  form: ChosenForm,
  number: number,
): Promise<Buffer> => {
  const { options, threads } = desk;
  const { image, transferSyntax: from } = reading;
  const { signal } = exchange.writer;
  const made = form.isStored ? undefined : await findMadeFrame(exchange, desk, object, form.transferSyntax);
  if (made !== undefined) return made;
  const frame = await readFrame(object, reading, number, options.maxFrameBytes);
  if (form.isStored) return frame;
  if (form.transferSyntax === explicitVrLittleEndian)
    return threads.run({ kind: 'decode', frame, image, from }, signal);
  const quality = options.lossyQuality;
  return threads.run({ kind: 'code', frame, image, from, to: form.transferSyntax, quality }, signal);
};

/** Case matters to OHIF's reader, and the first line must be the boundary. @see RFC 2046 §5.1.1 */
const partHead = (boundary: string, place: number, type: string, length: number): Buffer =>
  Buffer.from(
    `${place === 0 ? '' : '\r\n'}--${boundary}\r\nContent-Type: ${type}\r\nContent-Length: ${length}\r\n\r\n`,
    'latin1',
  );

const writeFrames = async (
  exchange: Exchange,
  { randomBytes }: ImageDesk,
  form: ChosenForm,
  frames: readonly number[],
  etag: string,
  produce: (number: number) => Promise<Buffer>,
): Promise<void> => {
  const { response, writer } = exchange;
  const type = `${form.mediaType};transfer-syntax=${form.transferSyntax}`;
  const isLossy = form.transferSyntax === jpegBaseline && !form.isStored;
  const headers = {
    ...cacheHeaders,
    ETag: etag,
    Vary: 'Accept, Downlink, Save-Data',
    ...(isLossy ? { 'X-Drimbox-Lossy': '1' } : {}),
  };
  const boundary = Buffer.from(randomBytes(16)).toString('hex');
  const end = Buffer.from(`\r\n--${boundary}--\r\n`, 'latin1');
  for (const [place, number] of frames.entries()) {
    const frame = await produce(number);
    const head = form.isMultipart ? partHead(boundary, place, type, frame.length) : Buffer.alloc(0);
    if (place === 0) {
      const isOnly = frames.length === 1;
      response.writeHead(200, {
        ...headers,
        'Content-Type': form.isMultipart ? `multipart/related;type="${form.mediaType}";boundary=${boundary}` : type,
        ...(isOnly ? { 'Content-Length': head.length + frame.length + (form.isMultipart ? end.length : 0) } : {}),
      });
    }
    await writer.write(head);
    await writer.write(frame);
  }
  if (form.isMultipart) await writer.write(end);
  await writer.end();
};

/**
 * @throws viewer-access/*, wado/accept-invalid, wado/images-gone, dicom-file/*, renditions/*, orthanc/*; nothing was written then,
 *   or the answer is to be cut
 */
export const serveFrames = async (
  exchange: Exchange,
  desk: ImageDesk,
  uids: ResourceUids,
  frames: readonly number[],
): Promise<void> => {
  const { viewed, request, writer } = exchange;
  const accept = parseAccept(acceptFields(exchange));
  const found = await findViewedObject(viewed, uids, desk.images);
  await withStoredObject(found, viewed, desk.objects, writer.signal, async (object) => {
    const { image } = object.outline;
    if (image === undefined || object.outline.pixel === undefined) {
      throw new DrimboxError('viewer-access/image-not-found', { detail: 'no frames' });
    }
    const forms = listFrameForms(image, object.transferSyntax, chooseCompression(request.headers, desk.options));
    if (frames.some((number) => number > image.numberOfFrames)) {
      throw new DrimboxError('viewer-access/image-not-found', { detail: 'no such frame' });
    }
    const form = chooseFrameForm(accept, forms, frames.length === 1);
    if (form === undefined) throw new DrimboxError('wado/not-acceptable');
    const { mediaType, transferSyntax, isMultipart } = form;
    const quality = form.isStored ? 0 : desk.options.lossyQuality;
    const kind = [mediaType, transferSyntax, String(isMultipart), quality].join(' ');
    const { sopInstanceUid } = found.image;
    const etag = buildEtag(desk.software, sopInstanceUid, object.revision, frames.join(','), kind);
    if (await answerUnchanged(exchange, etag)) return;
    const reading = await desk.frames.readingOf(object);
    await writeFrames(exchange, desk, form, frames, etag, (number) =>
      produceFrame(exchange, desk, object, reading, form, number),
    );
  });
};
