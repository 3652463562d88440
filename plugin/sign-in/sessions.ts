/**
 * Sessions of the viewer, on the server: who is signed in with which browser, for how long.
 *
 * The browser has a random secret, the database its digest and, sealed under that secret, who the person is. A session ends
 * after a time without use, after its whole lifetime, when the person leaves, when the identity provider says so, or when the
 * person signs in with too many browsers; then its row is deleted, and its grants with it.
 *
 * @see facts/identity.md §6 (session rules), 1.4 (back-channel logout) · decision A6
 */
import type { Knex } from 'knex';
import { asStoreError, type Store } from '../store/index.ts';
import { findSituation } from './exercise-situations.ts';
import { sealContent, sealNonceBytes } from './sealed-content.ts';
import { encodeSecret, isSecret, secretBytes } from './session-cookie.ts';
import type { SessionOptions } from './session-options.ts';
import {
  cookieDigest,
  idleMs,
  readSession,
  type Session,
  sessionColumns,
  type SessionContent,
  type SessionRow,
  sessionRowName,
} from './session-rows.ts';
import { type NewSession, personDigest, providerSessionDigest, saveNewSession } from './session-start.ts';
import type { IdentityProvider } from './signed-in.ts';
import { lockKey } from './tally.ts';

export interface SessionPorts {
  readonly store: Store;
  /** ms UTC. */
  readonly clock: () => number;
  readonly randomBytes: (size: number) => Uint8Array;
}

export type SessionStart =
  /** `cookie` goes to the browser and nowhere else. */
  | { readonly kind: 'started'; readonly cookie: string; readonly session: Session }
  /** The provider ended its own session before ours began. */
  | { readonly kind: 'ended-at-provider' };

export interface ProviderLogout {
  readonly provider: IdentityProvider;
  readonly issuer: string;
  /** One session of the person; absent: all of them. */
  readonly sid?: string;
  readonly subject?: string;
}

export interface Sessions {
  /** Begins a session after a sign-in, under a new secret; the browser's former session ends. @throws store/unavailable */
  start(order: NewSession): Promise<SessionStart>;
  /**
   * Whose browser this is. One statement for every cookie that has the form of ours, found or not.
   *
   * @returns undefined without a cookie, for an unknown one, and when the session is over
   * @throws store/unavailable
   */
  load(cookie: string | undefined): Promise<Session | undefined>;
  /** Notes that the person is there; written when half a minute has passed since. @returns it as it is now. @throws store/unavailable */
  touch(session: Session): Promise<Session>;
  /** @returns undefined when the session is over or the key is none of the person's situations. @throws store/unavailable */
  chooseSituation(cookie: string, key: string): Promise<Session | undefined>;
  /** @returns the session that has ended, to end it at the provider too. @throws store/unavailable */
  end(cookie: string | undefined): Promise<Session | undefined>;
  /** Back-channel logout. @returns how many sessions have ended. @throws store/unavailable */
  endOfProvider(logout: ProviderLogout): Promise<number>;
}

/** How seldom the use of a session is written: a viewer asks for a thousand images a minute. */
const touchMs = ({ idleMinutes }: SessionOptions): number => Math.min(30_000, idleMinutes * 15_000);

/** Within it a session whose end was told may still be about to begin. */
const endedForMs = 600_000;

/** Deletes these rows. (Without `returning` the embedded database does not say how many.) */
const deleteAll = async (rows: Knex.QueryBuilder): Promise<number> => {
  const deleted: readonly unknown[] = await rows.delete().returning('id');
  return deleted.length;
};

const endOfProvider = async (trx: Knex.Transaction, logout: ProviderLogout, nowUtcMs: number): Promise<number> => {
  const { provider, issuer, sid, subject } = logout;
  if (sid !== undefined) {
    const digest = providerSessionDigest(provider, issuer, sid);
    await lockKey(trx, digest);
    await trx.raw(
      `INSERT INTO viewer_ended_provider_session (provider_session_sha256, until_utc_ms) VALUES (?, ?)
       ON CONFLICT (provider_session_sha256) DO UPDATE SET until_utc_ms = excluded.until_utc_ms`,
      [digest, nowUtcMs + endedForMs],
    );
    return deleteAll(trx('viewer_session').where('provider_session_sha256', digest));
  }
  if (subject === undefined) return 0;
  return deleteAll(trx('viewer_session').where('person_sha256', personDigest({ provider, issuer, subject })));
};

/** @param options  see `sessionOptions` */
export const createSessions = ({ store, clock, randomBytes }: SessionPorts, options: SessionOptions): Sessions => {
  const find = async (knex: Knex, cookie: string): Promise<Session | undefined> => {
    const row: SessionRow | undefined = await knex('viewer_session')
      .where('cookie_sha256', cookieDigest(cookie))
      .first(...sessionColumns);
    return row === undefined ? undefined : readSession(row, cookie, options, clock());
  };
  const guarded = async <Result>(work: () => Promise<Result>): Promise<Result> => {
    try {
      return await work();
    } catch (error) {
      throw asStoreError(error);
    }
  };
  return {
    start: async (order) => {
      const cookie = encodeSecret(randomBytes(secretBytes));
      const session = await store.transaction((trx) =>
        saveNewSession({ trx, options, nowUtcMs: clock(), randomBytes, cookie }, order),
      );
      return session === undefined ? { kind: 'ended-at-provider' } : { kind: 'started', cookie, session };
    },
    load: async (cookie) => (isSecret(cookie) ? guarded(() => find(store.knex, cookie)) : undefined),
    touch: async (session) => {
      const { id, seenAtUtcMs, endsAtUtcMs } = session;
      const nowUtcMs = clock();
      if (nowUtcMs - seenAtUtcMs < touchMs(options)) return session;
      await guarded(() =>
        store
          .knex('viewer_session')
          .where({ id })
          .where('seen_at_utc_ms', '>', nowUtcMs - idleMs(options))
          .where('seen_at_utc_ms', '<', nowUtcMs)
          .where('ends_at_utc_ms', '>', nowUtcMs)
          .update({ seen_at_utc_ms: nowUtcMs }),
      );
      const idleEndsAtUtcMs = Math.min(nowUtcMs + idleMs(options), endsAtUtcMs);
      return { ...session, seenAtUtcMs: nowUtcMs, idleEndsAtUtcMs };
    },
    chooseSituation: (cookie, key) =>
      store.transaction(async (trx) => {
        const session = isSecret(cookie) ? await find(trx, cookie) : undefined;
        if (session?.signedIn.kind !== 'professional') return undefined;
        const situation = findSituation(session.signedIn.situations, key);
        if (situation === undefined) return undefined;
        const signedIn = { ...session.signedIn, situation };
        const content: SessionContent = { signedIn, providerSession: session.providerSession };
        const sealed = sealContent(cookie, sessionRowName(cookie), content, randomBytes(sealNonceBytes));
        const updated = await trx('viewer_session').where('id', session.id).update({ sealed }).returning('id');
        return updated.length === 0 ? undefined : { ...session, signedIn };
      }),
    end: async (cookie) => {
      if (!isSecret(cookie)) return undefined;
      return store.transaction(async (trx) => {
        const [row] = await trx('viewer_session')
          .where('cookie_sha256', cookieDigest(cookie))
          .delete()
          .returning<SessionRow[]>([...sessionColumns]);
        return row === undefined ? undefined : readSession(row, cookie, options, clock());
      });
    },
    endOfProvider: (logout) => store.transaction((trx) => endOfProvider(trx, logout, clock())),
  };
};
