/**
 * What must be done so that the DMP holds what is wanted. Pure (design §4): the rest of the room reads and sends.
 */
import type { ErrorCode } from '../errors.ts';

/** What the current reports and the content of the PACS call for. */
export type Wanted =
  /** This manifest, told by its fingerprint (decision C1). */
  | { readonly kind: 'manifest'; readonly fingerprint: string }
  /** No current report names the study. */
  | { readonly kind: 'nothing' }
  /** The report is not destined to the DMP: nothing is sent, nothing is deleted (decision B8). */
  | { readonly kind: 'not-destined' }
  /** The PACS does not have the study, or not all of it yet. */
  | { readonly kind: 'wait' }
  | { readonly kind: 'hold'; readonly code: ErrorCode };

/** What the archive says the DMP holds. */
export type Published = { readonly kind: 'manifest'; readonly fingerprint: string } | { readonly kind: 'nothing' };

export type Decision = 'publish' | 'replace' | 'delete' | 'none';

export const decide = (wanted: Wanted, published: Published): Decision => {
  switch (wanted.kind) {
    case 'manifest':
      if (published.kind === 'nothing') return 'publish';
      return published.fingerprint === wanted.fingerprint ? 'none' : 'replace';
    case 'nothing':
      return published.kind === 'nothing' ? 'none' : 'delete';
    case 'not-destined':
    case 'wait':
    case 'hold':
      return 'none';
  }
};
