/**
 * What must be done so that the DMP holds what is wanted. Pure (design §4): the rest of the room reads, proves and sends.
 */
import type { OrderCause, OrderOrigin } from '../archive/index.ts';
import type { ErrorCode } from '../errors.ts';

/** What the current reports and the content of the PACS call for. */
export type Wanted =
  | {
      readonly kind: 'manifest';
      /** Decision C1. */
      readonly fingerprint: string;
      /** In whose record: INS and its OID. */
      readonly record: string;
      /** Key of the report that it accompanies: a report that comes again unchanged is the same. */
      readonly reportKey: string;
    }
  /** No current report names the study. */
  | { readonly kind: 'nothing' }
  /** Every current report is about another patient (decision B7). */
  | { readonly kind: 'misfiled' }
  /** The report is not destined to the DMP: nothing is sent, nothing is deleted (decision B8). */
  | { readonly kind: 'not-destined' }
  /** The PACS says that it has no image of the study, or only rejected ones. */
  | { readonly kind: 'no-images' }
  /** The PACS does not have all of it yet. */
  | { readonly kind: 'wait' }
  | { readonly kind: 'hold'; readonly code: ErrorCode };

/** What the archive says the DMP holds. */
export type Published =
  | {
      readonly kind: 'manifest';
      readonly fingerprint: string;
      readonly record: string;
      /** Absent for a manifest that was loaded from a file: somebody else's, which only a report of ours replaces. */
      readonly reportKey: string | undefined;
      readonly documentUid: string;
      readonly origin: OrderOrigin;
    }
  | { readonly kind: 'nothing' };

/** What happened to the study before and is not undone by another look. */
export interface Past {
  /** Somebody took our document out of the DMP (decision C8). */
  readonly isWithdrawn: boolean;
  /** The DMP refused the last order for good. */
  readonly refused?: {
    readonly kind: 'publish' | 'replace' | 'delete';
    readonly fingerprint: string;
    readonly documentUid: string;
  };
}

export type Decision =
  | { readonly kind: 'none' }
  | { readonly kind: 'publish' }
  | { readonly kind: 'replace'; readonly cause: OrderCause }
  | { readonly kind: 'delete'; readonly cause: OrderCause };

const none: Decision = { kind: 'none' };

const decideDeletion = (published: Published, past: Past, cause: OrderCause): Decision => {
  // A manifest that was loaded from a file was published by somebody else: we delete nothing of his.
  if (published.kind === 'nothing' || published.origin === 'file') return none;
  const wasRefused = past.refused?.kind === 'delete' && past.refused.documentUid === published.documentUid;
  return wasRefused ? none : { kind: 'delete', cause };
};

const decideManifest = (wanted: Extract<Wanted, { kind: 'manifest' }>, published: Published, past: Past): Decision => {
  // B7: first out of the other patient's record; once that is confirmed, a look publishes in the right one.
  if (published.kind === 'manifest' && published.record !== wanted.record && published.origin !== 'file') {
    return decideDeletion(published, past, 'correction');
  }
  if (published.kind === 'manifest' && published.fingerprint === wanted.fingerprint) return none;
  // A new report, or an administrator, makes the study new again: neither bars it any longer.
  if (past.isWithdrawn) return none;
  const { refused } = past;
  if (refused !== undefined && refused.kind !== 'delete' && refused.fingerprint === wanted.fingerprint) return none;
  if (published.kind === 'nothing') return { kind: 'publish' };
  return { kind: 'replace', cause: published.reportKey === wanted.reportKey ? 'pacs' : 'report' };
};

/** What must be sent. A deletion or replacement whose cause is the PACS needs proofs before it leaves (decisions D1–D3). */
export const decide = (wanted: Wanted, published: Published, past: Past): Decision => {
  switch (wanted.kind) {
    case 'manifest':
      return decideManifest(wanted, published, past);
    case 'misfiled':
      return decideDeletion(published, past, 'correction');
    case 'nothing':
      return decideDeletion(published, past, 'report');
    case 'no-images':
      return decideDeletion(published, past, 'pacs');
    case 'not-destined':
    case 'wait':
    case 'hold':
      return none;
  }
};
