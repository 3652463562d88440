/** Rows of sessions and grants, and what is read from them with the cookie at hand. */
import type { ProviderSession } from './provider-session.ts';
import { digestOf, openContent } from './sealed-content.ts';
import type { SessionOptions } from './session-options.ts';
import type { SignedIn } from './signed-in.ts';

/** A person who is signed in, in one browser. */
export interface Session {
  /** Names no one: may stand in a log. */
  readonly id: number;
  readonly signedIn: SignedIn;
  /** To end the session at the identity provider too. */
  readonly providerSession: ProviderSession;
  readonly createdAtUtcMs: number;
  readonly seenAtUtcMs: number;
  /** When it ends, if nothing more is done. */
  readonly idleEndsAtUtcMs: number;
  /** When it ends, whatever is done. */
  readonly endsAtUtcMs: number;
}

/** What is sealed. */
export type SessionContent = Pick<Session, 'signedIn' | 'providerSession'>;

export interface SessionRow {
  readonly id: number;
  readonly created_at_utc_ms: number;
  readonly seen_at_utc_ms: number;
  readonly ends_at_utc_ms: number;
  readonly sealed: Uint8Array;
}

export const sessionColumns = ['id', 'created_at_utc_ms', 'seen_at_utc_ms', 'ends_at_utc_ms', 'sealed'] as const;

/** Under which name the content of a session is sealed: that of the cookie, for the row's number is not known before. */
export const sessionRowName = (cookie: string): string => `session ${cookieDigest(cookie)}`;

export const cookieDigest = (cookie: string): string => digestOf('cookie', cookie);

export const idleMs = ({ idleMinutes }: SessionOptions): number => idleMinutes * 60_000;

/** @returns undefined when it is over, or does not open with this cookie */
export const readSession = (
  row: SessionRow,
  cookie: string,
  options: SessionOptions,
  nowUtcMs: number,
): Session | undefined => {
  const endsAtUtcMs = Number(row.ends_at_utc_ms);
  const idleEndsAtUtcMs = Math.min(Number(row.seen_at_utc_ms) + idleMs(options), endsAtUtcMs);
  if (idleEndsAtUtcMs <= nowUtcMs) return undefined;
  const content = openContent(cookie, sessionRowName(cookie), row.sealed) as SessionContent | undefined;
  if (content === undefined) return undefined;
  return {
    id: Number(row.id),
    signedIn: content.signedIn,
    providerSession: content.providerSession,
    createdAtUtcMs: Number(row.created_at_utc_ms),
    seenAtUtcMs: Number(row.seen_at_utc_ms),
    idleEndsAtUtcMs,
    endsAtUtcMs,
  };
};
