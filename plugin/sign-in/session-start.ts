/**
 * How a session begins: always with a new secret, whatever the browser had before.
 *
 * A browser that was signed in as the same person keeps its grants, sealed anew: several links may be open in one browser. As
 * another person it keeps nothing: the former session ends, and with it every page that another patient left open.
 *
 * @see OWASP ASVS 7.2.4 (a new token at each sign-in) · facts/identity.md §6
 */
import type { Knex } from 'knex';
import { type GrantRow, readGrant, sealGrant } from './grant-rows.ts';
import type { ProviderSession } from './provider-session.ts';
import { digestOf, sealContent, sealNonceBytes } from './sealed-content.ts';
import type { SessionOptions } from './session-options.ts';
import { cookieDigest, idleMs, type Session, type SessionContent, sessionRowName } from './session-rows.ts';
import { lockKey } from './tally.ts';

export interface NewSession extends SessionContent {
  /** Of the browser until now; absent: it has none. */
  readonly previousCookie?: string | undefined;
  /** The provider's own session lasts no longer; absent: it does not say. */
  readonly notAfterUtcMs?: number;
}

/** Digest by which the sessions of a person are found: a provider's subject is not written. */
export const personDigest = ({ provider, issuer, subject }: Pick<ProviderSession, 'provider' | 'issuer' | 'subject'>) =>
  digestOf('person', provider, issuer, subject);

export const providerSessionDigest = (provider: string, issuer: string, sid: string): string =>
  digestOf('provider-session', provider, issuer, sid);

interface Start {
  readonly trx: Knex.Transaction;
  readonly options: SessionOptions;
  readonly nowUtcMs: number;
  readonly randomBytes: (size: number) => Uint8Array;
  /** Of the new session. */
  readonly cookie: string;
}

const wasEnded = async ({ trx, nowUtcMs }: Start, digest: string): Promise<boolean> => {
  await lockKey(trx, digest);
  const row: unknown = await trx('viewer_ended_provider_session')
    .where('provider_session_sha256', digest)
    .where('until_utc_ms', '>', nowUtcMs)
    .first('until_utc_ms');
  return row !== undefined;
};

const insertSession = async ({ trx, options, nowUtcMs, randomBytes, cookie }: Start, order: NewSession) => {
  const { signedIn, providerSession, notAfterUtcMs = Infinity } = order;
  const { provider, issuer, sid } = providerSession;
  const endsAtUtcMs = Math.min(nowUtcMs + options.lifetimeMinutes * 60_000, notAfterUtcMs);
  const content: SessionContent = { signedIn, providerSession };
  const [row] = await trx('viewer_session')
    .insert({
      cookie_sha256: cookieDigest(cookie),
      provider,
      person_sha256: personDigest(providerSession),
      provider_session_sha256: sid === undefined ? null : providerSessionDigest(provider, issuer, sid),
      created_at_utc_ms: nowUtcMs,
      seen_at_utc_ms: nowUtcMs,
      ends_at_utc_ms: endsAtUtcMs,
      sealed: sealContent(cookie, sessionRowName(cookie), content, randomBytes(sealNonceBytes)),
    })
    .returning<{ id: number }[]>('id');
  const session: Session = {
    id: Number(row?.id),
    ...content,
    createdAtUtcMs: nowUtcMs,
    seenAtUtcMs: nowUtcMs,
    idleEndsAtUtcMs: Math.min(nowUtcMs + idleMs(options), endsAtUtcMs),
    endsAtUtcMs,
  };
  return session;
};

/** Takes over the grants of the browser's former session of the same person, and ends that session in any case. */
const endPrevious = async (start: Start, session: Session, previousCookie: string): Promise<void> => {
  const { trx, options, nowUtcMs, randomBytes, cookie } = start;
  const previous: { id: number; person_sha256: string; seen_at_utc_ms: number; ends_at_utc_ms: number } | undefined =
    await trx('viewer_session')
      .where('cookie_sha256', cookieDigest(previousCookie))
      .forUpdate()
      .first('id', 'person_sha256', 'seen_at_utc_ms', 'ends_at_utc_ms');
  if (previous === undefined) return;
  const isAlive =
    Number(previous.ends_at_utc_ms) > nowUtcMs && Number(previous.seen_at_utc_ms) + idleMs(options) > nowUtcMs;
  if (isAlive && previous.person_sha256 === personDigest(session.providerSession)) {
    const rows: GrantRow[] = await trx('viewer_grant').where('session_id', previous.id).select('*');
    for (const row of rows) {
      const grant = readGrant(row, previousCookie);
      if (grant === undefined) continue;
      const { value, createdAtUtcMs: _, ...content } = grant;
      const sealed = sealGrant(cookie, value, content, randomBytes(sealNonceBytes));
      await trx('viewer_grant').where({ value }).update({ session_id: session.id, sealed });
    }
  }
  await trx('viewer_session').where('id', previous.id).delete();
};

/** Beyond the limit the sessions that were not used for longest end: nobody is locked out by browsers left behind. */
const endStalest = async ({ trx, options }: Start, session: Session): Promise<void> => {
  const person = personDigest(session.providerSession);
  await trx.raw(
    `DELETE FROM viewer_session WHERE person_sha256 = ? AND id NOT IN (
       SELECT id FROM viewer_session WHERE person_sha256 = ? ORDER BY id = ? DESC, seen_at_utc_ms DESC, id DESC LIMIT ?)`,
    [person, person, session.id, options.sessionsPerPerson],
  );
};

/** @returns undefined when the provider has ended its session meanwhile */
export const saveNewSession = async (start: Start, order: NewSession): Promise<Session | undefined> => {
  const { provider, issuer, sid } = order.providerSession;
  await lockKey(start.trx, personDigest(order.providerSession));
  if (sid !== undefined && (await wasEnded(start, providerSessionDigest(provider, issuer, sid)))) return undefined;
  const session = await insertSession(start, order);
  if (order.previousCookie !== undefined) await endPrevious(start, session, order.previousCookie);
  await endStalest(start, session);
  return session;
};
