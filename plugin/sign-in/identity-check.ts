/**
 * The identity match, with a limit to guessing: a person who turned out not to be the patient too often, or an examination that
 * too many others tried, is not compared for the rest of the hour. Counts are kept by digests: no identity.
 *
 * @see decision E7 · facts/identity.md 3.4 (throttling)
 */
import type { ArchivedPatient } from './identity-match.ts';
import { type IdentityMatch, matchIdentity } from './identity-match.ts';
import { digestOf } from './sealed-content.ts';
import type { SessionOptions } from './session-options.ts';
import type { SessionPorts } from './sessions.ts';
import type { SignedInPatient } from './signed-in.ts';
import { addToTally, isUnderLimits } from './tally.ts';

export interface IdentityQuestion {
  readonly person: SignedInPatient;
  /** Of the identity provider. */
  readonly issuer: string;
  readonly studyInstanceUid: string;
  readonly patient: ArchivedPatient;
}

export type IdentityVerdict =
  | IdentityMatch
  | { readonly kind: 'refused'; readonly code: 'sign-in/mismatches-too-many' };

/** @throws store/unavailable */
export type CheckIdentity = (question: IdentityQuestion) => Promise<IdentityVerdict>;

const hourMs = 3_600_000;

/** @param options  see `sessionOptions` */
export const createIdentityCheck =
  ({ store, clock }: Pick<SessionPorts, 'store' | 'clock'>, options: SessionOptions): CheckIdentity =>
  ({ person, issuer, studyInstanceUid, patient }) =>
    store.transaction(async (trx): Promise<IdentityVerdict> => {
      const nowUtcMs = clock();
      const keys = [
        { scope: 'mismatch-person', key: digestOf(issuer, person.subject), limit: options.failedMatchesPerPerson },
        { scope: 'mismatch-study', key: digestOf(studyInstanceUid), limit: options.failedMatchesPerStudy },
      ];
      // The keys stay locked until the count is written: no number of requests at once compares more often.
      if (!(await isUnderLimits(trx, keys, hourMs, nowUtcMs))) {
        return { kind: 'refused', code: 'sign-in/mismatches-too-many' };
      }
      const verdict = matchIdentity(person.traits, patient);
      if (verdict.kind === 'mismatch') await addToTally(trx, keys, hourMs, nowUtcMs);
      return verdict;
    });
