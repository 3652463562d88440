/** What the doctor learns of those by whom this service knows other DRIMboxes. No token, no secret, no person. */
import type { ErrorCode } from '../errors.ts';
import type { SignerState, Staleness } from '../trust/index.ts';

/** Why something could not be had; `detail` is English, without identity. */
export interface TrustFailure {
  readonly code: ErrorCode;
  readonly detail: string;
}

/** How the whitelist knows one of our names. */
export interface OwnDomain {
  /** FQDN, as the certificate is configured. */
  readonly name: string;
  readonly standing: /** The list names our certificate. */
    | 'listed'
    /** The list names our certificate, under another FQDN. */
    | 'listed-elsewhere'
    /** The list has our FQDN with another certificate: others refuse ours. */
    | 'other-certificate'
    | 'absent'
    /** Our certificate cannot be read. */
    | 'unreadable';
}

/** Instants in milliseconds UTC. */
export interface WhitelistFacts {
  /** Address or path, without what could be a secret. */
  readonly place: string;
  /** Absent: its source was asked just now and gave an acceptable list. */
  readonly failure?: TrustFailure;
  /** What the service may serve by now: of the source, else the kept copy. */
  readonly inForce?: {
    readonly generatedAtUtcMs: number;
    readonly entries: number;
    readonly signer: string;
    readonly signerEndsAtUtcMs: number;
    readonly signerState: SignerState;
    readonly staleness: Staleness;
  };
  /** The copy on disk; absent: there is none. */
  readonly kept?: {
    readonly acceptedAtUtcMs: number;
    readonly confirmedAtUtcMs: number;
    /** `false`: too old to be served, or its signer's certificate has ended. */
    readonly isServed: boolean;
  };
  /** The copy on disk is there and is not believed. */
  readonly keptFailure?: TrustFailure;
  /** Empty while no list is in force. */
  readonly ours: readonly OwnDomain[];
}

/** One list (CRL) of one authority. */
export interface RevocationListFacts {
  /** Address or path. */
  readonly place: string;
  /** Common name of the authority. */
  readonly authority: string;
  /** The list that was read just now, or why there is none that may be believed. */
  readonly read: { readonly kind: 'good'; readonly nextUpdateUtcMs: number; readonly revoked: number } | NotRead;
  /** End of the copy on disk, when there is one that may be believed. */
  readonly keptNextUpdateUtcMs?: number;
}

interface NotRead extends TrustFailure {
  readonly kind: 'failed' | 'host-not-allowed';
}

export interface RevocationFacts {
  readonly lists: readonly RevocationListFacts[];
  /** For how long a list that has ended serves. */
  readonly graceHours: number;
}

export type PscQuestion = { readonly kind: 'good' } | ({ readonly kind: 'unavailable' } & TrustFailure);

export interface PscFacts {
  /** As configured. */
  readonly issuer: string;
  /** What is published at the issuer's. */
  readonly discovery:
    | PscQuestion
    /** It calls itself something else. */
    | { readonly kind: 'other-issuer'; readonly issuer: string }
    /** It names other addresses than those configured. */
    | { readonly kind: 'other-addresses'; readonly addresses: readonly string[] };
  readonly keys: PscQuestion;
  /** The service goes on without the keys (an insecure choice). */
  readonly mayLackKeys: boolean;
  /** About an invented token. */
  readonly introspection:
    | PscQuestion
    /** It calls an invented token active. */
    | { readonly kind: 'believes-anything' };
  /** Our clock minus the Date header; absent when there was none. */
  readonly clockDifferenceMs?: number;
}

/** Each asks now. They may throw a DrimboxError: authorities or files that cannot be read. */
export interface TrustLooks {
  whitelist(): Promise<WhitelistFacts>;
  revocation(): Promise<RevocationFacts>;
  psc(): Promise<PscFacts>;
}
