/**
 * What a sign-in service says of itself: its addresses and its keys, fetched when needed and kept.
 *
 * Not openid-client's own discovery: it does not compare the issuer when it is given the whole address of the document.
 *
 * @see OpenID Connect Discovery 1.0 §3, §4.3 · RFC 9207 · facts/identity.md 1.1
 */
import { z } from 'zod';
import { type ProviderFetch, PscKeys } from '../trust/index.ts';
import type { ProviderAddress } from './options.ts';
import { classifyAnswer, classifyFailure, type ProviderUnavailable, unavailable } from './provider-failure.ts';

const httpsUrl = z.url({ protocol: /^https$/ });

const documentShape = z.object({
  issuer: z.string(),
  authorization_endpoint: httpsUrl,
  token_endpoint: httpsUrl,
  userinfo_endpoint: httpsUrl,
  jwks_uri: httpsUrl,
  end_session_endpoint: httpsUrl.optional(),
  authorization_response_iss_parameter_supported: z.boolean().optional(),
  mtls_endpoint_aliases: z
    .object({ token_endpoint: httpsUrl.optional(), userinfo_endpoint: httpsUrl.optional() })
    .optional(),
});
export type ProviderDocument = z.output<typeof documentShape>;

export interface KnownProvider {
  readonly kind: 'known';
  readonly document: ProviderDocument;
  readonly keys: PscKeys;
}

export interface MetadataOptions extends ProviderAddress {
  readonly timeoutMs: number;
  readonly metadataRefreshMs: number;
  readonly metadataMaxAgeMs: number;
}

/** Between two attempts after a failure. */
const retryMs = 10_000;

/** @throws SyntaxError, ZodError */
const readDocument = (text: string): ProviderDocument => documentShape.parse(JSON.parse(text));

export class ProviderMetadata {
  readonly #options: MetadataOptions;
  readonly #fetch: ProviderFetch;
  readonly #clock: () => number;
  #known: KnownProvider | undefined;
  #knownAtUtcMs: number | undefined;
  #attemptedAtUtcMs: number | undefined;
  #failure: ProviderUnavailable | undefined;
  #fetching: Promise<void> | undefined;

  constructor(options: MetadataOptions, fetch: ProviderFetch, clock: () => number) {
    this.#options = options;
    this.#fetch = fetch;
    this.#clock = clock;
  }

  /** The document and the keys, fetched first when there are none or they are old. */
  async load(): Promise<KnownProvider | ProviderUnavailable> {
    if (this.#age(this.#knownAtUtcMs) >= this.#options.metadataRefreshMs) await this.#fetchOnce();
    const known = this.#known;
    if (known !== undefined && this.#age(this.#knownAtUtcMs) < this.#options.metadataMaxAgeMs) return known;
    return this.#failure ?? unavailable('sign-in/provider-unreachable', 'no discovery document yet');
  }

  /** A clock that went backwards makes everything old. */
  #age(sinceUtcMs: number | undefined): number {
    const age = sinceUtcMs === undefined ? Infinity : this.#clock() - sinceUtcMs;
    return age < 0 ? Infinity : age;
  }

  async #fetchOnce(): Promise<void> {
    // Nobody waits for a service that has never answered: the next person asks again at once.
    const isSpared = this.#known !== undefined && this.#age(this.#attemptedAtUtcMs) < retryMs;
    if (this.#fetching === undefined && !isSpared) {
      this.#attemptedAtUtcMs = this.#clock();
      this.#fetching = this.#fetchDocument().finally(() => {
        this.#fetching = undefined;
      });
    }
    await this.#fetching;
  }

  async #fetchDocument(): Promise<void> {
    const atUtcMs = this.#clock();
    const { discoveryUrl, issuer, timeoutMs } = this.#options;
    try {
      const signal = AbortSignal.timeout(timeoutMs);
      const answer = await this.#fetch(discoveryUrl, { headers: { accept: 'application/json' }, signal });
      if (answer.status !== 200) {
        await answer.body?.cancel();
        this.#failure = classifyAnswer(answer.status);
        return;
      }
      const document = readDocument(await answer.text());
      if (document.issuer !== issuer) {
        this.#failure = unavailable('sign-in/provider-answer-invalid', 'discovery document of another issuer');
        return;
      }
      this.#known = { kind: 'known', document, keys: this.#keysAt(document.jwks_uri) };
      this.#knownAtUtcMs = atUtcMs;
      this.#failure = undefined;
    } catch (failure) {
      this.#failure =
        failure instanceof SyntaxError || failure instanceof z.ZodError
          ? unavailable('sign-in/provider-answer-invalid', 'not a discovery document')
          : classifyFailure(failure);
    }
  }

  /** The keys that are held stay as long as they are at the same address. */
  #keysAt(url: string): PscKeys {
    const held = this.#known;
    if (held !== undefined && held.document.jwks_uri === url) return held.keys;
    const { timeoutMs, metadataRefreshMs: refreshMs, metadataMaxAgeMs: maxAgeMs } = this.#options;
    return new PscKeys({ url, timeoutMs, refreshMs, maxAgeMs }, this.#fetch, this.#clock);
  }
}
