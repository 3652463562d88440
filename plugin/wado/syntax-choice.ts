/**
 * Which transfer syntax one part is sent in.
 *
 * The stored syntax when it has the best weight that can be reached, else the best one we can make. At equal weight: as
 * stored, then lossless before lossy, then what was named before what a wildcard allows, then the order of `preferred`.
 * A lossy one that the requester does not rank above the lossless ones we make is the last resort (E8).
 *
 * @see PS3.18 §8.7.3 (Implicit Little Endian and Big Endian never travel), §8.7.8.2 note 1 (each part its own) · decision E8
 */
import {
  DatasetEncoding,
  findTransferSyntax,
  isLosslessSyntax,
  type TransferSyntaxUid,
  transferSyntaxes,
  transferSyntaxTable,
} from '../standards/index.ts';
import { type AcceptableSyntaxes, type PayloadForm, readAcceptableSyntaxes } from './acceptable-syntaxes.ts';
import type { Accept } from './accept-header.ts';

/** What negotiation has to know of one instance. */
export interface NegotiablePart {
  readonly storedSyntax: TransferSyntaxUid;
  /** Its pixels went through a lossy compression: LossyImageCompression (0028,2110) is 01, or the stored syntax is lossy. */
  readonly isLossyStored: boolean;
  /** Its pixel data would not fit Explicit VR Little Endian (4 GB less 2 bytes). */
  readonly isTooLongForExplicit?: boolean;
  /** True when we can make this syntax from the stored file. Asked for known syntaxes other than the stored one only. */
  canProduce(transferSyntax: TransferSyntaxUid): boolean;
}

export type SyntaxChoice =
  | { readonly kind: 'as-stored'; readonly transferSyntax: TransferSyntaxUid }
  | { readonly kind: 'produce'; readonly transferSyntax: TransferSyntaxUid }
  /** `available`: what this part can be sent in, best first. */
  | { readonly kind: 'unacceptable'; readonly available: readonly TransferSyntaxUid[] };

interface Candidate {
  readonly uid: TransferSyntaxUid;
  readonly weight: number;
  /** Lossy, and not ranked above the lossless ones: made only where nothing else can be sent. */
  readonly isLastResort: boolean;
}

/** What one `Accept` says of one form of payload, ready to be asked for each part. */
export interface SyntaxRanking {
  readonly acceptable: AcceptableSyntaxes;
  /** What we might make, best first. */
  readonly candidates: readonly Candidate[];
}

/** Lossless first, the smallest of them that are fast to make first; the rest in the order of PS3.6. */
const preferred: readonly TransferSyntaxUid[] = [
  transferSyntaxes.jpegLsLossless,
  transferSyntaxes.jpegLosslessSv1,
  transferSyntaxes.jpeg2000Lossless,
  transferSyntaxes.explicitVrLittleEndian,
];

/** What a wildcard lets us make: Explicit VR Little Endian first (PS3.18 §8.7.3.5.2), and nothing lossy (E8). */
const madeForWildcard = [
  transferSyntaxes.explicitVrLittleEndian,
  ...preferred.filter((uid) => uid !== transferSyntaxes.explicitVrLittleEndian),
];

/** PS3.18 §8.7.3: these two shall not be used with web services. */
const mayTravel = (uid: TransferSyntaxUid): boolean => {
  const encoding = findTransferSyntax(uid)?.datasetEncoding;
  return encoding !== DatasetEncoding.implicitLittleEndian && encoding !== DatasetEncoding.explicitBigEndian;
};

/** Video is passed through, never made; a syntax we do not know cannot be made. */
const mayBeMade = (uid: TransferSyntaxUid): boolean => findTransferSyntax(uid)?.isVideo === false && mayTravel(uid);

const makeable = transferSyntaxTable
  .map(({ uid }) => uid)
  .filter((uid) => mayBeMade(uid) && !preferred.includes(uid))
  .sort((a, b) => Number(isLosslessSyntax(b)) - Number(isLosslessSyntax(a)));
const preferenceOrder: readonly TransferSyntaxUid[] = [...preferred, ...makeable];

const byPreference = (a: TransferSyntaxUid, b: TransferSyntaxUid): number =>
  preferenceOrder.indexOf(a) - preferenceOrder.indexOf(b);

const byMerit = (a: Candidate, b: Candidate): number =>
  Number(a.isLastResort) - Number(b.isLastResort) || b.weight - a.weight;

export const rankSyntaxes = (accept: Accept, form: PayloadForm): SyntaxRanking => {
  const acceptable = readAcceptableSyntaxes(accept, form);
  const losslessWeight = Math.max(...preferred.map((uid) => acceptable.weightOf(uid, false)));
  // Order among equals; the sort by merit keeps it.
  const named = [...acceptable.named].filter(mayBeMade).sort(byPreference);
  const candidates = [...new Set([...named, ...madeForWildcard])]
    .map((uid): Candidate => {
      const weight = acceptable.weightOf(uid, false);
      return { uid, weight, isLastResort: !isLosslessSyntax(uid) && weight <= losslessWeight };
    })
    .filter(({ weight }) => weight > 0)
    .sort(byMerit);
  return { acceptable, candidates };
};

/** What a part can be sent in, whatever was asked; best first. */
export const listAvailable = (part: NegotiablePart): TransferSyntaxUid[] => {
  const asStored = mayTravel(part.storedSyntax) ? [part.storedSyntax] : [];
  if (findTransferSyntax(part.storedSyntax)?.isVideo === true) return asStored;
  return [...asStored, ...preferenceOrder.filter((uid) => uid !== part.storedSyntax && part.canProduce(uid))];
};

/** @returns the choice and its weight in thousandths; weight 0 with `unacceptable` only */
export const chooseRanked = (
  { acceptable, candidates }: SyntaxRanking,
  part: NegotiablePart,
): { readonly choice: SyntaxChoice; readonly weight: number } => {
  const { storedSyntax } = part;
  const isByDefault = part.isLossyStored || part.isTooLongForExplicit === true;
  const storedWeight = mayTravel(storedSyntax) ? acceptable.weightOf(storedSyntax, isByDefault) : 0;
  const isVideo = findTransferSyntax(storedSyntax)?.isVideo === true;
  const made = isVideo ? undefined : candidates.find(({ uid }) => uid !== storedSyntax && part.canProduce(uid));
  if (storedWeight > 0 && (made === undefined || made.isLastResort || storedWeight >= made.weight)) {
    return { choice: { kind: 'as-stored', transferSyntax: storedSyntax }, weight: storedWeight };
  }
  if (made !== undefined) return { choice: { kind: 'produce', transferSyntax: made.uid }, weight: made.weight };
  return { choice: { kind: 'unacceptable', available: listAvailable(part) }, weight: 0 };
};

/**
 * The syntax of one part, in one form of payload.
 *
 * A lossy syntax is made when the requester names it above every lossless one that we make (E8); otherwise only of a part
 * that can be sent in nothing else accepted. Equal weights are decided for the lossless one; no wildcard leads to a lossy one.
 */
export const chooseSyntax = (accept: Accept, part: NegotiablePart, form: PayloadForm): SyntaxChoice =>
  chooseRanked(rankSyntaxes(accept, form), part).choice;
