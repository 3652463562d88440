/**
 * Which transfer syntaxes a requester accepts in one form of payload, and how much.
 *
 * Of several ranges that match, the one that names the media type most precisely speaks, then the one that names the
 * transfer syntax most precisely (RFC 9110 §12.5.1). Among equals a weight of 0 wins, else the highest.
 *
 * @see PS3.18 §8.7.3.5.2, §8.7.7, §8.7.8.2
 */
import { isTransferSyntaxUid, type TransferSyntaxUid, transferSyntaxes } from '../standards/index.ts';
import type { Accept, AcceptRange } from './accept-header.ts';

/** How instances travel: several in multipart/related, or one as application/dicom. */
export const PayloadForm = { multipart: 'multipart', single: 'single' } as const;
export type PayloadForm = (typeof PayloadForm)[keyof typeof PayloadForm];

const dicom = 'application/dicom';

const multipartPrecision = ({ mediaType, partType }: AcceptRange): number | undefined => {
  if (mediaType === '*/*') return 0;
  const isForDicom = partType === undefined || partType === dicom || partType === 'application/*' || partType === '*/*';
  if (!isForDicom) return undefined;
  if (mediaType === 'multipart/*') return 1;
  if (mediaType !== 'multipart/related') return undefined;
  return partType === dicom ? 3 : 2;
};

const singlePrecision = ({ mediaType }: AcceptRange): number | undefined => {
  switch (mediaType) {
    case dicom:
      return 3;
    case 'application/*':
      return 1;
    case '*/*':
      return 0;
    default:
      return undefined;
  }
};

/** How precisely a range names the media type of a form, 0–3; undefined when it does not speak of it. */
const mediaPrecision = (range: AcceptRange, form: PayloadForm): number | undefined =>
  form === PayloadForm.multipart ? multipartPrecision(range) : singlePrecision(range);

const explicit = transferSyntaxes.explicitVrLittleEndian;

/** How precisely a range names a syntax, 0–2; undefined when it does not accept it. */
const syntaxPrecision = (range: AcceptRange, uid: TransferSyntaxUid, isByDefault: boolean): number | undefined => {
  if (range.transferSyntax === uid) return 2;
  if (range.transferSyntax === '*') return 0;
  return range.transferSyntax === undefined && (isByDefault || uid === explicit) ? 1 : undefined;
};

export interface AcceptableSyntaxes {
  /**
   * @param isByDefault  a range without transfer syntax speaks of this one too: PS3.18 §8.7.3 gives up the default for an
   *   image that the archive has only in lossy form, or that is too long for Explicit VR Little Endian
   * @returns thousandths, 0–1000; 0 = not acceptable
   */
  weightOf(uid: TransferSyntaxUid, isByDefault: boolean): number;
  /** Each named once; some may be excluded (weight 0) or unknown to us. */
  readonly named: ReadonlySet<TransferSyntaxUid>;
}

interface Matching {
  readonly precision: number;
  readonly range: AcceptRange;
}

const speakingOf = (accept: Accept, form: PayloadForm): Matching[] =>
  accept.flatMap((range) => {
    const precision = mediaPrecision(range, form);
    return precision === undefined ? [] : [{ precision, range }];
  });

const weightAmong = (matching: readonly Matching[], uid: TransferSyntaxUid, isByDefault: boolean): number => {
  let bestRank = -1;
  let weight = 0;
  for (const { precision, range } of matching) {
    const named = syntaxPrecision(range, uid, isByDefault);
    if (named === undefined) continue;
    // A syntax that is named with q=0 is never sent, however vague the media type beside it.
    if (named === 2 && range.weight === 0) return 0;
    const rank = precision * 3 + named;
    if (rank < bestRank) continue;
    if (rank > bestRank) weight = range.weight;
    else weight = weight === 0 || range.weight === 0 ? 0 : Math.max(weight, range.weight);
    bestRank = rank;
  }
  return weight;
};

const namedIn = (matching: readonly Matching[]): Set<TransferSyntaxUid> => {
  const named = new Set<TransferSyntaxUid>();
  for (const { transferSyntax } of matching.map(({ range }) => range)) {
    if (transferSyntax === undefined) named.add(explicit);
    else if (isTransferSyntaxUid(transferSyntax)) named.add(transferSyntax);
  }
  return named;
};

export const readAcceptableSyntaxes = (accept: Accept, form: PayloadForm): AcceptableSyntaxes => {
  const matching = speakingOf(accept, form);
  return {
    weightOf: (uid, isByDefault) => weightAmong(matching, uid, isByDefault),
    named: namedIn(matching),
  };
};
