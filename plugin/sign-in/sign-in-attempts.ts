/**
 * Sign-ins under way: kept while the person is at the identity provider, found again by `state`, taken out once.
 *
 * Only the browser that began one may finish it: without its cookie nothing is found, nothing is used up, and nothing opens.
 *
 * @see RFC 6749 §10.12 · RFC 9700 §4.7 · facts/identity.md 1.2, 3.2
 */
import { attemptMs, type SignInAttempt, signInAttempt } from './attempt.ts';
import { digestOf, openContent, sealContent, sealNonceBytes } from './sealed-content.ts';
import { isSecret } from './session-cookie.ts';
import type { SessionOptions } from './session-options.ts';
import type { SessionPorts } from './sessions.ts';
import type { IdentityProvider } from './signed-in.ts';
import { addToTally, isUnderLimits } from './tally.ts';

export interface AttemptOrder {
  /** Value of the browser's cookie. */
  readonly browser: string;
  readonly attempt: SignInAttempt;
  /** What to go on with afterwards: the values of the link. JSON. */
  readonly purpose: unknown;
  /** IP address of the browser. */
  readonly address: string;
}

export type AttemptStart =
  | { readonly kind: 'kept' }
  | { readonly kind: 'refused'; readonly code: 'sign-in/attempts-too-many' };

export type AttemptTaking =
  | { readonly kind: 'taken'; readonly attempt: SignInAttempt; readonly purpose: unknown }
  /** Never begun in this browser, used before, or too old. */
  | { readonly kind: 'refused'; readonly code: 'sign-in/attempt-unknown' };

export interface SignInAttempts {
  /** @throws store/unavailable */
  keep(order: AttemptOrder): Promise<AttemptStart>;
  /** Takes it out: a second time there is nothing. @throws store/unavailable */
  take(browser: string | undefined, provider: IdentityProvider, state: string): Promise<AttemptTaking>;
}

const minuteMs = 60_000;

/** An IPv6 network of one customer counts as one address; so does an IPv4 address in whatever notation. */
export const addressKey = (address: string): string => {
  const [plain = ''] = address.toLowerCase().split('%');
  const mapped = /^::ffff:([0-9.]+)$/.exec(plain)?.[1];
  if (mapped !== undefined || !plain.includes(':')) return mapped ?? plain;
  const [head = '', tail = ''] = plain.split('::');
  const groups = head === '' ? [] : head.split(':');
  const last = tail === '' ? [] : tail.split(':');
  const zeros = plain.includes('::')
    ? Array.from({ length: Math.max(0, 8 - groups.length - last.length) }, () => '0')
    : [];
  return [...groups, ...zeros, ...last]
    .slice(0, 4)
    .map((group) => group.replace(/^0+(?=.)/, ''))
    .join(':');
};

const rowName = (stateDigest: string): string => `attempt ${stateDigest}`;
const unknown: AttemptTaking = { kind: 'refused', code: 'sign-in/attempt-unknown' };

/** @param options  see `sessionOptions` */
export const createSignInAttempts = (
  { store, clock, randomBytes }: SessionPorts,
  options: SessionOptions,
): SignInAttempts => ({
  keep: ({ browser, attempt, purpose, address }) =>
    store.transaction(async (trx): Promise<AttemptStart> => {
      if (!isSecret(browser)) throw new TypeError('not a browser cookie of ours');
      const nowUtcMs = clock();
      const keys = [
        { scope: 'attempt', key: digestOf('address', addressKey(address)), limit: options.attemptsPerMinute },
      ];
      if (!(await isUnderLimits(trx, keys, minuteMs, nowUtcMs))) {
        return { kind: 'refused', code: 'sign-in/attempts-too-many' };
      }
      await addToTally(trx, keys, minuteMs, nowUtcMs);
      const stateDigest = digestOf('state', attempt.state);
      await trx('sign_in_attempt').insert({
        state_sha256: stateDigest,
        browser_sha256: digestOf('browser', browser),
        provider: attempt.provider,
        started_at_utc_ms: nowUtcMs,
        sealed: sealContent(browser, rowName(stateDigest), { attempt, purpose }, randomBytes(sealNonceBytes)),
      });
      return { kind: 'kept' };
    }),
  take: async (browser, provider, state) => {
    if (!isSecret(browser) || state === '' || state.length > 1024) return unknown;
    const stateDigest = digestOf('state', state);
    const [row] = await store.transaction((trx) =>
      trx('sign_in_attempt')
        .where({ state_sha256: stateDigest, browser_sha256: digestOf('browser', browser), provider })
        .delete()
        .returning<{ started_at_utc_ms: number; sealed: Uint8Array }[]>(['started_at_utc_ms', 'sealed']),
    );
    if (row === undefined || clock() - Number(row.started_at_utc_ms) >= attemptMs) return unknown;
    const content = openContent(browser, rowName(stateDigest), row.sealed) as
      | { readonly attempt: unknown; readonly purpose: unknown }
      | undefined;
    const attempt = signInAttempt.safeParse(content?.attempt);
    return attempt.success ? { kind: 'taken', attempt: attempt.data, purpose: content?.purpose } : unknown;
  },
});
