/**
 * In which form frames leave: what the browser's `Accept` takes, of what can be given of this image, best first.
 *
 * OHIF asks `multipart/related; type=application/octet-stream; transfer-syntax=*`. Looser than for another DRIMbox on purpose:
 * a request without `Accept`, and the plain wildcard of `fetch`, take whatever there is.
 *
 * @see PS3.18 §8.7.3.5.3, table 8.7.3-5 (media types of compressed frames), §8.7.8.2
 */
import { transferSyntaxes, type TransferSyntaxUid } from '../../standards/index.ts';
import type { Accept, AcceptRange } from '../../wado/index.ts';

/** A form in which frames can be given. */
export interface FrameForm {
  readonly transferSyntax: TransferSyntaxUid;
  /** Frames leave as they are stored. */
  readonly isStored: boolean;
}

export interface ChosenForm extends FrameForm {
  readonly mediaType: string;
  /** One frame may leave without multipart. */
  readonly isMultipart: boolean;
}

const octets = 'application/octet-stream';

/** Table 8.7.3-5; JPEG-LS also by the older name. */
const imageTypes: readonly { readonly type: string; readonly uids: readonly string[] }[] = [
  {
    type: 'image/jpeg',
    uids: [
      transferSyntaxes.jpegBaseline,
      transferSyntaxes.jpegExtended,
      transferSyntaxes.jpegLossless,
      transferSyntaxes.jpegLosslessSv1,
    ],
  },
  { type: 'image/jls', uids: [transferSyntaxes.jpegLsLossless, transferSyntaxes.jpegLsNearLossless] },
  { type: 'image/x-jls', uids: [transferSyntaxes.jpegLsLossless, transferSyntaxes.jpegLsNearLossless] },
  { type: 'image/jp2', uids: [transferSyntaxes.jpeg2000Lossless, transferSyntaxes.jpeg2000] },
  {
    type: 'image/jphc',
    uids: [transferSyntaxes.htj2kLossless, transferSyntaxes.htj2kLosslessRpcl, transferSyntaxes.htj2k],
  },
  { type: 'image/x-dicom-rle', uids: [transferSyntaxes.rleLossless] },
];

/** The names of a frame in this syntax; the one that OHIF asks for first. */
const mediaTypesOf = (uid: string): readonly string[] => [
  octets,
  ...imageTypes.filter(({ uids }) => uids.includes(uid)).map(({ type }) => type),
];

const isTypeIn = (range: string, type: string): boolean =>
  range === '*/*' || range === type || range === `${type.split('/')[0] ?? ''}/*`;

/** A range without transfer syntax means Explicit VR Little Endian as octets, and any syntax of a type of images. */
const isSyntaxIn = ({ transferSyntax }: AcceptRange, uid: string, type: string): boolean => {
  if (transferSyntax === '*' || transferSyntax === uid) return true;
  return transferSyntax === undefined && (uid === transferSyntaxes.explicitVrLittleEndian || type !== octets);
};

interface Match extends ChosenForm {
  readonly weight: number;
}

const matchOf = (range: AcceptRange, form: FrameForm, isOneFrame: boolean): Match | undefined => {
  const { mediaType: asked, partType, weight } = range;
  const isMultipart = asked === 'multipart/related' || asked === 'multipart/*' || (asked === '*/*' && !isOneFrame);
  const wildcard = asked === '*/*';
  const type = isMultipart ? (partType ?? '*/*') : asked;
  const mediaType = mediaTypesOf(form.transferSyntax).find(
    (one) => isTypeIn(type, one) && (wildcard || isSyntaxIn(range, form.transferSyntax, one)),
  );
  if (mediaType === undefined || (!isMultipart && !isOneFrame)) return undefined;
  return { ...form, mediaType, isMultipart: isMultipart || wildcard, weight };
};

/**
 * @param forms  best first; not empty
 * @returns      undefined: nothing of it is accepted
 */
export const chooseFrameForm = (
  accept: Accept,
  forms: readonly FrameForm[],
  isOneFrame: boolean,
): ChosenForm | undefined => {
  const [best] = forms;
  if (accept.length === 0) return best === undefined ? undefined : { ...best, mediaType: octets, isMultipart: true };
  const isRefused = (form: FrameForm): boolean =>
    accept.some(({ weight, transferSyntax }) => weight === 0 && transferSyntax === form.transferSyntax);
  const matches = forms
    .filter((form) => !isRefused(form))
    .flatMap((form) => accept.flatMap((range) => matchOf(range, form, isOneFrame) ?? []))
    .filter(({ weight }) => weight > 0);
  // Sorting keeps the order of the forms among equal weights.
  const [chosen] = matches.toSorted((a, b) => b.weight - a.weight);
  if (chosen === undefined) return undefined;
  const { weight: _weight, ...form } = chosen;
  return form;
};
