/** The list in force and whether it may still be served: by its age, and by the end of its signer's certificate. */
import type { VerifiedWhitelist } from './whitelist.ts';
import type { WhitelistEntry } from './whitelist-document.ts';
import type { KeptWhitelist } from './whitelist-kept-copy.ts';

const hourMs = 3_600_000;
const dayMs = 24 * hourMs;

export interface WhitelistAgeRules {
  readonly maxAgeHours: number;
  readonly refuseAfterHours?: number | undefined;
  readonly signerGraceDays: number;
}

/** A verified list with what makes it found fast. */
export interface CurrentWhitelist {
  readonly verified: VerifiedWhitelist;
  readonly kept: KeptWhitelist;
  readonly entryOfName: ReadonlyMap<string, WhitelistEntry>;
}

/** How far from its source the list is. `stale` is served with an alert. */
export const Staleness = { fresh: 'fresh', stale: 'stale', refused: 'refused' } as const;
export type Staleness = (typeof Staleness)[keyof typeof Staleness];

export const currentWhitelist = (verified: VerifiedWhitelist, kept: KeptWhitelist): CurrentWhitelist => {
  const entryOfName = new Map<string, WhitelistEntry>();
  for (const entry of verified.list.entries) {
    for (const { key } of entry.operatorNames) if (!entryOfName.has(key)) entryOfName.set(key, entry);
  }
  return { verified, kept, entryOfName };
};

export const stalenessOf = (
  { kept }: CurrentWhitelist,
  { maxAgeHours, refuseAfterHours = Number.POSITIVE_INFINITY }: WhitelistAgeRules,
  atUtcMs: number,
): Staleness => {
  const ageHours = (atUtcMs - kept.confirmedAtUtcMs) / hourMs;
  if (ageHours > refuseAfterHours) return Staleness.refused;
  return ageHours > maxAgeHours ? Staleness.stale : Staleness.fresh;
};

/** `grace`: accepted while its signer's certificate was valid, which has ended since. */
export const SignerState = { valid: 'valid', grace: 'grace', ended: 'ended' } as const;
export type SignerState = (typeof SignerState)[keyof typeof SignerState];

export const signerStateOf = (
  { verified: { signer } }: CurrentWhitelist,
  { signerGraceDays }: WhitelistAgeRules,
  atUtcMs: number,
): SignerState => {
  if (atUtcMs <= signer.notAfterUtcMs) return SignerState.valid;
  return atUtcMs <= signer.notAfterUtcMs + signerGraceDays * dayMs ? SignerState.grace : SignerState.ended;
};
