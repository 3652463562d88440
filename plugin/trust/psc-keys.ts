/**
 * The public keys of Pro Santé Connect, fetched when needed and kept.
 *
 * Not jose's own remote set: it reads the system's clock and asks again at each token while the server is down.
 *
 * @see RFC 7517 · facts/identity.md 1.8
 */
import { createLocalJWKSet, errors, type CryptoKey, type FlattenedJWSInput, type JWSHeaderParameters } from 'jose';
import { z } from 'zod';
import type { ProviderFetch } from './provider-connection.ts';
import { classifyPscFailure, classifyStatus, type PscUnavailable } from './psc-failure.ts';

const keySetShape = z.looseObject({ keys: z.array(z.looseObject({ kty: z.string() })).min(1) });

/** Finds the key of a signature. @throws errors of jose when there is none, or several */
export type FindKey = (header?: JWSHeaderParameters, token?: FlattenedJWSInput) => Promise<CryptoKey>;

export type KeyAnswer = { readonly kind: 'keys'; readonly find: FindKey } | PscUnavailable;

export interface PscKeysOptions {
  readonly url: string;
  readonly timeoutMs: number;
  readonly refreshMs: number;
  readonly maxAgeMs: number;
}

/** Between two attempts: after a failure, and for a key that the set does not have. */
const retryMs = 10_000;
const unknownKeyMs = 60_000;

interface KeySet {
  readonly find: FindKey;
  readonly fetchedAtUtcMs: number;
}

export class PscKeys {
  readonly #options: PscKeysOptions;
  readonly #fetch: ProviderFetch;
  readonly #clock: () => number;
  #set: KeySet | undefined;
  #attemptedAtUtcMs: number | undefined;
  #failure: PscUnavailable | undefined;
  #fetching: Promise<void> | undefined;

  constructor(options: PscKeysOptions, fetch: ProviderFetch, clock: () => number) {
    this.#options = options;
    this.#fetch = fetch;
    this.#clock = clock;
  }

  /** The set as it is, fetched first when there is none or it is old. */
  async load(): Promise<KeyAnswer> {
    const age = this.#age(this.#set?.fetchedAtUtcMs);
    if (age >= this.#options.refreshMs) await this.#fetchAtMostEvery(retryMs);
    const set = this.#set;
    if (set !== undefined && this.#age(set.fetchedAtUtcMs) < this.#options.maxAgeMs) {
      return { kind: 'keys', find: set.find };
    }
    return this.#failure ?? { kind: 'unavailable', code: 'trust/psc-unreachable', detail: 'no keys yet' };
  }

  /** After a token named a key that the set does not have: asks once more, at most once a minute. */
  async loadAgain(): Promise<KeyAnswer> {
    await this.#fetchAtMostEvery(unknownKeyMs);
    return this.load();
  }

  /** A clock that went backwards makes everything old. */
  #age(sinceUtcMs: number | undefined): number {
    const age = sinceUtcMs === undefined ? Infinity : this.#clock() - sinceUtcMs;
    return age < 0 ? Infinity : age;
  }

  async #fetchAtMostEvery(ms: number): Promise<void> {
    if (this.#fetching === undefined && this.#age(this.#attemptedAtUtcMs) >= ms) {
      this.#attemptedAtUtcMs = this.#clock();
      this.#fetching = this.#fetchSet().finally(() => {
        this.#fetching = undefined;
      });
    }
    await this.#fetching;
  }

  async #fetchSet(): Promise<void> {
    const atUtcMs = this.#clock();
    try {
      const signal = AbortSignal.timeout(this.#options.timeoutMs);
      const answer = await this.#fetch(this.#options.url, { headers: { accept: 'application/json' }, signal });
      if (answer.status !== 200) {
        await answer.body?.cancel();
        this.#failure = classifyStatus(answer.status);
        return;
      }
      const text = await answer.text();
      this.#set = { find: readKeySet(text), fetchedAtUtcMs: atUtcMs };
      this.#failure = undefined;
    } catch (failure) {
      this.#failure =
        failure instanceof SyntaxError || failure instanceof z.ZodError || failure instanceof errors.JOSEError
          ? { kind: 'unavailable', code: 'trust/psc-answer-invalid', detail: 'not a key set' }
          : classifyPscFailure(failure);
    }
  }
}

/** @throws SyntaxError, ZodError, JOSEError */
const readKeySet = (text: string): FindKey => createLocalJWKSet(keySetShape.parse(JSON.parse(text)));
