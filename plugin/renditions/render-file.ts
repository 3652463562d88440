/**
 * Makes of a stored file the file a requester accepts. The steps, in order: read · refuse what cannot be made · other
 * data set encoding only · frame by frame · write. Whatever is not pixels stays, but what would no longer be true.
 */
import {
  assembleFile,
  buildFile,
  type DicomFileOutline,
  type ElementChange,
  type ImageAttributes,
  inflateDataset,
  type NewPixelData,
  readFrames,
  readOutline,
  toExplicitLittleEndian,
} from '../dicom-file/index.ts';
import { asDrimboxError, DrimboxError, type ErrorCode } from '../errors.ts';
import { transferSyntaxes } from '../standards/index.ts';
import { decodeFailed, unsupported } from './codestream-failures.ts';
import { applyEightBitWindow, chooseEightBitWindow } from './eight-bit-window.ts';
import type { FrameCodecs } from './frame-codecs.ts';
import {
  buildDerivation,
  buildEightBits,
  buildLossyHistory,
  buildWindowMeaning,
  LossyMethod,
} from './lossy-attributes.ts';
import {
  canProduce,
  decodedPhotometric,
  isLossyTarget,
  PixelCoding,
  pixelCodingOf,
  renderedPhotometric,
} from './rendition-targets.ts';

export interface RenderLimits {
  /** One decoded frame; more is refused before anything is allocated. */
  readonly maxFrameBytes: number;
  /** A whole native file, an inflated data set. */
  readonly maxFileBytes: number;
  /** Of JPEG baseline, 1–100. */
  readonly lossyQuality: number;
}

export type RenderOutcome =
  | { readonly kind: 'made'; readonly bytes: Uint8Array }
  /** `isCodecSuspect`: a codec threw or erred; its memory is not to be trusted any more. */
  | { readonly kind: 'failed'; readonly code: ErrorCode; readonly isCodecSuspect: boolean };

interface Source {
  readonly file: Uint8Array;
  readonly outline: DicomFileOutline;
  readonly image: ImageAttributes;
  readonly from: string;
}

interface Rendition {
  readonly elements: readonly ElementChange[];
  readonly pixelData: NewPixelData;
}

const photometricTag = 0x00280004;
const planarTag = 0x00280006;
const iconImageSequenceTag = 0x00880200;
/** PixelData (7FE0,0010) OB of undefined length. */
const encapsulatedPixelData = Buffer.from('e07f10004f420000ffffffff', 'hex');

const outlineOf = (file: Uint8Array): DicomFileOutline => {
  const reading = readOutline(file);
  if (reading.kind === 'outline') return reading.outline;
  throw new DrimboxError('dicom-file/malformed', { detail: 'the file ends too early' });
};

const inflatedWhereDeflated = (file: Uint8Array, maxBytes: number): Uint8Array =>
  readOutline(file).kind === 'deflated' ? inflateDataset(file, maxBytes) : file;

const decodedFrameBytes = ({ rows, columns, samplesPerPixel, bitsAllocated }: ImageAttributes): number =>
  rows * columns * samplesPerPixel * Math.ceil(bitsAllocated / 8);

function* decodeFrames({ file, outline, image, from }: Source, codecs: FrameCodecs) {
  for (const frame of readFrames(outline, file)) {
    const decoded = codecs.decode(frame, image, from);
    if (decoded.bytes.length !== decodedFrameBytes(image)) throw decodeFailed('another length than the frame has');
    yield decoded;
  }
}

/** An icon in the old code stream would not be readable under the new syntax; it is optional, and made of the image. */
const removeStaleIcon = ({ file, outline }: Source): readonly ElementChange[] => {
  const place = outline.elements.get(iconImageSequenceTag);
  if (place === undefined) return [];
  const bytes = Buffer.from(file.buffer, file.byteOffset + place.start, place.end - place.start);
  return bytes.includes(encapsulatedPixelData) ? [{ kind: 'remove', tag: iconImageSequenceTag }] : [];
};

const describeColour = ({ image, from }: Source, to: string): readonly ElementChange[] =>
  image.samplesPerPixel === 1
    ? []
    : [
        { kind: 'set', tag: photometricTag, vr: 'CS', value: renderedPhotometric(image, from, to) },
        { kind: 'set', tag: planarTag, vr: 'US', value: [0] },
      ];

const methodOf = (from: string): LossyMethod => {
  const coding = pixelCodingOf(from);
  if (coding === PixelCoding.jpegLs) return LossyMethod.jpegLs;
  return coding === PixelCoding.jpeg2000 ? LossyMethod.jpeg2000 : LossyMethod.jpeg;
};

/** The old code stream was the only witness of a loss. */
const tellPastLoss = ({ file, outline, image, from }: Source): readonly ElementChange[] => {
  if (image.isLossy) return [];
  const nativeBytes = decodedFrameBytes(image) * image.numberOfFrames;
  const encodedBytes = [...readFrames(outline, file)].reduce((sum, { length }) => sum + length, 0);
  return buildLossyHistory(outline, file, { method: methodOf(from), nativeBytes, encodedBytes });
};

const renderLossless = (source: Source, codecs: FrameCodecs, to: string, limits: RenderLimits): Rendition => {
  const { image } = source;
  const isNative = to === transferSyntaxes.explicitVrLittleEndian;
  if (isNative && decodedFrameBytes(image) * image.numberOfFrames > limits.maxFileBytes) throw unsupported('too large');
  let isLossy = false;
  const frames: Uint8Array[] = [];
  for (const decoded of decodeFrames(source, codecs)) {
    isLossy ||= decoded.isLossy;
    frames.push(isNative ? decoded.bytes : codecs.encode(decoded.bytes, image, to));
  }
  const vr = image.bitsAllocated > 8 ? 'OW' : 'OB';
  return {
    elements: [...describeColour(source, to), ...(isLossy ? tellPastLoss(source) : []), ...removeStaleIcon(source)],
    pixelData: isNative ? { kind: 'native', vr, chunks: frames } : { kind: 'encapsulated', frames },
  };
};

const lossyText = (isWindowed: boolean): string =>
  isWindowed
    ? 'Windowed to 8 bits and lossy JPEG compressed for transfer; stored image unchanged'
    : 'Lossy JPEG compressed for transfer; stored image unchanged';

const renderLossy = (source: Source, codecs: FrameCodecs, to: string, limits: RenderLimits): Rendition => {
  const { file, outline, image, from } = source;
  const isWindowed = image.samplesPerPixel === 1 && (image.bitsStored > 8 || image.pixelRepresentation === 1);
  const allBytes = function* (): Iterable<Uint8Array> {
    for (const { bytes } of decodeFrames(source, codecs)) yield bytes;
  };
  const window = isWindowed
    ? chooseEightBitWindow(outline, file, image, allBytes)
    : { low: 0, high: 255, slope: 1, intercept: 0, isFromImage: false };
  const isEightBits = image.bitsAllocated === 8 && !isWindowed;
  const eightBitImage = { ...image, bitsAllocated: 8, bitsStored: 8, highBit: 7, pixelRepresentation: 0 };
  const photometric = decodedPhotometric(image, from);
  const frames: Uint8Array[] = [];
  for (const bytes of allBytes()) {
    const samples = isEightBits ? bytes : applyEightBitWindow(bytes, image, window);
    const rgb = photometric === 'YBR_FULL' ? ybrFullToRgb(samples) : samples;
    frames.push(codecs.encodeLossy(rgb, eightBitImage, limits.lossyQuality));
  }
  const nativeBytes = decodedFrameBytes(image) * image.numberOfFrames;
  const encodedBytes = frames.reduce((sum, { length }) => sum + length, 0);
  return {
    elements: [
      ...describeColour(source, to),
      ...buildEightBits(),
      ...(isWindowed ? buildWindowMeaning(outline, file, window) : []),
      ...buildLossyHistory(outline, file, { method: LossyMethod.jpeg, nativeBytes, encodedBytes }),
      buildDerivation(outline, file, lossyText(isWindowed)),
      ...removeStaleIcon(source),
    ],
    pixelData: { kind: 'encapsulated', frames },
  };
};

/** @see PS3.3 C.7.6.3.1.2 (YBR_FULL) */
const ybrFullToRgb = (frame: Uint8Array): Uint8Array => {
  const rgb = new Uint8ClampedArray(frame.length);
  for (let at = 0; at + 2 < frame.length; at += 3) {
    const y = frame[at] ?? 0;
    const blue = (frame[at + 1] ?? 0) - 128;
    const red = (frame[at + 2] ?? 0) - 128;
    rgb[at] = y + 1.402 * red;
    rgb[at + 1] = y - 0.344136 * blue - 0.714136 * red;
    rgb[at + 2] = y + 1.772 * blue;
  }
  return new Uint8Array(rgb.buffer);
};

const render = (codecs: FrameCodecs, stored: Uint8Array, to: string, limits: RenderLimits): Uint8Array => {
  const file = inflatedWhereDeflated(stored, limits.maxFileBytes);
  const storedOutline = outlineOf(file);
  const from = storedOutline.transferSyntaxUid;
  if (!canProduce(storedOutline.image, from, to)) throw unsupported('not among what can be made of this image');
  if (from === to) return file;
  const explicit = toExplicitLittleEndian(file, storedOutline);
  if (to === transferSyntaxes.explicitVrLittleEndian && pixelCodingOf(from) === PixelCoding.native) return explicit;
  const outline = outlineOf(explicit);
  const { image } = outline;
  if (image === undefined) throw unsupported('no image');
  if (decodedFrameBytes(image) > limits.maxFrameBytes) throw unsupported('a frame too large');
  const source = { file: explicit, outline, image, from: outline.transferSyntaxUid };
  const rendition = isLossyTarget(to)
    ? renderLossy(source, codecs, to, limits)
    : renderLossless(source, codecs, to, limits);
  return assembleFile(explicit, buildFile(outline, explicit, { transferSyntaxUid: to, ...rendition }));
};

/**
 * @param stored  a whole file, as stored; not changed, and its SOP Instance UID stays
 * @param to      one of `renditionTargets`
 * @returns       never throws: a broken image costs its own part only
 */
export const renderFile = (
  codecs: FrameCodecs,
  stored: Uint8Array,
  to: string,
  limits: RenderLimits,
): RenderOutcome => {
  try {
    return { kind: 'made', bytes: render(codecs, stored, to, limits) };
  } catch (error) {
    const failure = asDrimboxError(error);
    const isOfCodec = failure.code === 'renditions/decode-failed' || failure.code === 'renditions/encode-failed';
    // Memory that ran out is the other thing a codec may leave behind.
    const isCodecSuspect = (isOfCodec && failure.cause !== undefined) || failure.code === 'general/internal';
    return { kind: 'failed', code: failure.code, isCodecSuspect };
  }
};
