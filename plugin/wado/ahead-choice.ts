/**
 * Which renditions of an image are worth having before anybody asks: those that a request which names one syntax alone would
 * have made. What it would get as stored, or could not get at all, is left out.
 */
import type { TransferSyntaxUid } from '../standards/index.ts';
import { PayloadForm } from './acceptable-syntaxes.ts';
import { chooseRanked, type NegotiablePart, rankSyntaxes, type SyntaxRanking } from './syntax-choice.ts';

/** What a request that names this syntax alone accepts. */
export const rankAlone = (transferSyntax: TransferSyntaxUid): SyntaxRanking =>
  rankSyntaxes(
    [{ mediaType: 'multipart/related', partType: 'application/dicom', transferSyntax, weight: 1_000 }],
    PayloadForm.multipart,
  );

/** @param rankings  of each syntax that is configured, in that order */
export const chooseAhead = (rankings: readonly SyntaxRanking[], part: NegotiablePart): readonly TransferSyntaxUid[] =>
  rankings.flatMap((ranking) => {
    const { choice } = chooseRanked(ranking, part);
    return choice.kind === 'produce' ? choice.transferSyntax : [];
  });
