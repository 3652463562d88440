/**
 * Grants: this person, in this browser, may look at the studies of this link. Several may be open at once; a grant's value
 * opens nothing but together with the cookie of its own session, and never longer than that session.
 *
 * A grant says what was allowed when a link was opened. Whether it is still allowed (visibility, withdrawal, hold) is for who
 * serves, at each call (decision E5).
 *
 * @see decisions E5, E6 · facts/spec.md b.7
 */
import { asStoreError } from '../store/index.ts';
import { type Grant, type GrantContent, type GrantRow, isSameContent, readGrant, sealGrant } from './grant-rows.ts';
import { sealNonceBytes } from './sealed-content.ts';
import { encodeSecret, isSecret, secretBytes } from './session-cookie.ts';
import type { SessionOptions } from './session-options.ts';
import { cookieDigest, readSession, type Session, type SessionRow } from './session-rows.ts';
import type { SessionPorts } from './sessions.ts';

export type GrantAddition =
  | { readonly kind: 'granted'; readonly grant: Grant }
  | { readonly kind: 'signed-out' }
  | { readonly kind: 'refused'; readonly code: 'sign-in/grants-too-many' };

export type GrantLook =
  | { readonly kind: 'granted'; readonly session: Session; readonly grant: Grant }
  /** Signed in, but this session has no such grant. */
  | { readonly kind: 'unknown'; readonly session: Session }
  | { readonly kind: 'signed-out' };

export interface Grants {
  /** Opens a link for the session of this cookie; one that is open already keeps its value. @throws store/unavailable */
  add(cookie: string, content: GrantContent): Promise<GrantAddition>;
  /** The grant with its session, in one statement. @throws store/unavailable */
  load(cookie: string | undefined, value: string): Promise<GrantLook>;
  /** Of the session of this cookie, oldest first; none when it is over. @throws store/unavailable */
  list(cookie: string | undefined): Promise<readonly Grant[]>;
}

type JoinedRow = SessionRow & {
  readonly grant_value: string | null;
  readonly grant_created_at_utc_ms: number;
  readonly grant_sealed: Uint8Array;
};

const joined = (filter: string): string => `
  SELECT s.id, s.created_at_utc_ms, s.seen_at_utc_ms, s.ends_at_utc_ms, s.sealed,
         g.value AS grant_value, g.created_at_utc_ms AS grant_created_at_utc_ms, g.sealed AS grant_sealed
  FROM viewer_session s LEFT JOIN viewer_grant g ON g.session_id = s.id ${filter}
  WHERE s.cookie_sha256 = ? ORDER BY g.created_at_utc_ms, g.value`;

const grantOf = (row: JoinedRow, cookie: string): Grant | undefined =>
  row.grant_value === null
    ? undefined
    : readGrant(
        { value: row.grant_value, created_at_utc_ms: row.grant_created_at_utc_ms, sealed: row.grant_sealed },
        cookie,
      );

/** @param options  see `sessionOptions` */
export const createGrants = ({ store, clock, randomBytes }: SessionPorts, options: SessionOptions): Grants => {
  const query = async (filter: string, bindings: readonly string[]): Promise<readonly JoinedRow[]> => {
    try {
      return (await store.knex.raw<{ rows: JoinedRow[] }>(joined(filter), [...bindings])).rows;
    } catch (error) {
      throw asStoreError(error);
    }
  };
  return {
    add: (cookie, content) =>
      store.transaction(async (trx): Promise<GrantAddition> => {
        if (!isSecret(cookie)) return { kind: 'signed-out' };
        const nowUtcMs = clock();
        // Locked: two links opened at once are counted one after the other.
        const row: SessionRow | undefined = await trx('viewer_session')
          .where('cookie_sha256', cookieDigest(cookie))
          .forUpdate()
          .first('*');
        const session = row === undefined ? undefined : readSession(row, cookie, options, nowUtcMs);
        if (session === undefined) return { kind: 'signed-out' };
        const rows: GrantRow[] = await trx('viewer_grant').where('session_id', session.id).select('*');
        const known = rows.flatMap((one) => readGrant(one, cookie) ?? []).find((one) => isSameContent(one, content));
        if (known !== undefined) return { kind: 'granted', grant: known };
        if (rows.length >= options.grantsPerSession) return { kind: 'refused', code: 'sign-in/grants-too-many' };
        const value = encodeSecret(randomBytes(secretBytes));
        const sealed = sealGrant(cookie, value, content, randomBytes(sealNonceBytes));
        await trx('viewer_grant').insert({ value, session_id: session.id, created_at_utc_ms: nowUtcMs, sealed });
        return { kind: 'granted', grant: { ...content, value, createdAtUtcMs: nowUtcMs } };
      }),
    load: async (cookie, value) => {
      if (!isSecret(cookie)) return { kind: 'signed-out' };
      const [row] = await query('AND g.value = ?', [isSecret(value) ? value : '', cookieDigest(cookie)]);
      const session = row === undefined ? undefined : readSession(row, cookie, options, clock());
      if (row === undefined || session === undefined) return { kind: 'signed-out' };
      const grant = grantOf(row, cookie);
      return grant === undefined ? { kind: 'unknown', session } : { kind: 'granted', session, grant };
    },
    list: async (cookie) => {
      if (!isSecret(cookie)) return [];
      const rows = await query('', [cookieDigest(cookie)]);
      const [first] = rows;
      if (first === undefined || readSession(first, cookie, options, clock()) === undefined) return [];
      return rows.flatMap((row) => grantOf(row, cookie) ?? []);
    },
  };
};
