/**
 * Whether the professional for whom another DRIMbox asks is one: the Pro Santé Connect token of a WADO-RS request.
 *
 * Steps, in order: header → what the token says of itself → introspection → identity → policies of this site.
 * Fails closed: what cannot be asked is not accepted. Neither the token nor a claim reaches a log, an error or an alert.
 *
 * @see facts/spec.md b.5.3 (3, 4) · facts/identity.md 1.8 · decisions E2, E4
 */
import type { Alerts } from './alerts.ts';
import { parseBearerCredentials, type AuthorizationHeader } from './bearer-credentials.ts';
import type { TokenBinding } from './certificate-binding.ts';
import type { Every } from './every.ts';
import { followCredentials } from './credentials-reload.ts';
import { openProviderConnection } from './provider-connection.ts';
import type { PscUnavailable } from './psc-failure.ts';
import { PscKeys } from './psc-keys.ts';
import { buildPscEndpoints, type PscOptions } from './psc-options.ts';
import { PscOutages } from './psc-outages.ts';
import { TokenCache } from './token-cache.ts';
import { parseRoles, readTokenFacts, type TokenFacts } from './token-facts.ts';
import { createPscClient } from './token-introspection.ts';
import { judgeToken, type TokenSender } from './token-policy.ts';
import { precheckToken, type TokenRefused } from './token-precheck.ts';

/** For the audit only (decision A6). */
export interface TokenProfessional {
  readonly nationalId: string;
  /** As `10^1.2.250.1.213.1.1.5.5`; absent when PSC does not give it. */
  readonly professionCode?: string;
  /** `azp`: the software that obtained the token. */
  readonly clientId: string;
  readonly expiresAtUtcMs: number;
}

/** `binding` is absent when its policy is `off`, or when the request ended before the token was known. */
export type TokenVerdict =
  | { readonly kind: 'accepted'; readonly professional: TokenProfessional; readonly binding?: TokenBinding }
  | (TokenRefused & { readonly binding?: TokenBinding })
  | PscUnavailable;

export interface TokenRequest extends TokenSender {
  /** The header, or all of them (`headersDistinct.authorization`): Node's `headers` hides a second one. */
  readonly authorization: AuthorizationHeader;
  /** Instead of the clock's. */
  readonly atUtcMs?: number;
}

export interface TokenVerifierPorts {
  readonly clock: () => number;
  /** Raised once while PSC does not answer us, cleared when it does. */
  readonly alerts?: Alerts;
  /** Absent: a timer that keeps no process alive. */
  readonly every?: Every;
}

export interface TokenVerifier {
  /** Never throws. */
  readonly verify: (request: TokenRequest) => Promise<TokenVerdict>;
  /** Asks PSC about a word that is no token: that it answers, and knows us. Its clock is in `dateUtcMs` (decision G4). */
  readonly probe: () => Promise<{ readonly kind: 'answering'; readonly dateUtcMs?: number } | PscUnavailable>;
  /** Reads secret, certificate and authorities again, as it does every minute. @throws config/unreadable, config/invalid: the old ones stay */
  readonly reload: () => void;
  readonly close: () => Promise<void>;
}

/** What may be remembered of a token for a while. */
type Examined = TokenFacts | TokenRefused;

/** @throws config/unreadable, config/invalid  when a file of the options cannot be read */
export const createTokenVerifier = (options: PscOptions, ports: TokenVerifierPorts): TokenVerifier => {
  const endpoints = buildPscEndpoints(options);
  const connection = openProviderConnection(options, 'Trust.Psc');
  const { keysRefreshMs: refreshMs, keysMaxAgeMs: maxAgeMs, timeoutMs } = options;
  const keys = new PscKeys({ url: endpoints.keysUrl, timeoutMs, refreshMs, maxAgeMs }, connection.fetch, ports.clock);
  const client = createPscClient(options, endpoints, connection);
  const outages = new PscOutages(ports.alerts);
  const known = new TokenCache<TokenFacts>(options.cacheEntries);
  const refusals = new TokenCache<TokenRefused>(options.cacheEntries);
  const underWay = new Map<string, Promise<Examined | PscUnavailable>>();
  const { issuer } = endpoints;
  const stopReloading = followCredentials(connection, ports.alerts, ports.every);

  /** PSC tells the profession in userinfo: asked only where this site wants to know. */
  const completeRoles = async (token: string, facts: TokenFacts): Promise<TokenFacts | PscUnavailable> => {
    if (options.professions === undefined || facts.roles.length > 0 || facts.subject === '') return facts;
    const userinfo = await client.queryUserinfo(token, facts.subject);
    if (userinfo.kind === 'unavailable') return userinfo;
    return userinfo.kind === 'refused' ? facts : { ...facts, roles: parseRoles(userinfo.claims['SubjectRole']) };
  };

  const examine = async (token: string, nowUtcMs: number): Promise<Examined | PscUnavailable> => {
    const checked = await precheckToken(token, keys, { ...options, issuer }, nowUtcMs);
    if (checked.kind !== 'passed') return checked;
    const introspection = await client.introspect(token);
    if (introspection.kind !== 'answer') return introspection;
    const facts = readTokenFacts(introspection.answer, checked.claims, { ...options, issuer }, nowUtcMs);
    const examined = facts.kind === 'facts' ? await completeRoles(token, facts) : facts;
    if (examined.kind !== 'unavailable') outages.over();
    return examined;
  };

  const remember = (hash: string, examined: Examined | PscUnavailable, askedAtUtcMs: number): void => {
    if (examined.kind === 'facts') {
      known.set(hash, examined, askedAtUtcMs, Math.min(examined.expiresAtUtcMs, askedAtUtcMs + options.cacheMs));
    }
    if (examined.kind === 'refused') {
      refusals.set(hash, examined, askedAtUtcMs, askedAtUtcMs + options.refusalCacheMs);
    }
    // A refusal alone says nothing of PSC: the token may never have got so far.
    if (examined.kind === 'unavailable') outages.met(examined);
  };

  /** Requests that carry the same token share one question. */
  const learn = (token: string, hash: string, nowUtcMs: number): Promise<Examined | PscUnavailable> => {
    const shared = underWay.get(hash);
    if (shared !== undefined) return shared;
    const learning = examine(token, nowUtcMs)
      .then((examined) => {
        remember(hash, examined, nowUtcMs);
        return examined;
      })
      .finally(() => underWay.delete(hash));
    underWay.set(hash, learning);
    return learning;
  };

  return {
    verify: async (request) => {
      const nowUtcMs = request.atUtcMs ?? ports.clock();
      const credentials = parseBearerCredentials(request.authorization, options.maxTokenBytes);
      if (credentials.kind === 'refused') return credentials;
      const { token, hash } = credentials;
      const remembered = known.get(hash, nowUtcMs) ?? refusals.get(hash, nowUtcMs);
      const examined = remembered ?? (await learn(token, hash, nowUtcMs));
      if (examined.kind !== 'facts') return examined;
      const verdict = judgeToken(examined, request, options);
      if (verdict.kind === 'refused') return verdict;
      const { nationalId, clientId, expiresAtUtcMs } = examined;
      const profession = verdict.role === undefined ? {} : { professionCode: verdict.role };
      const binding = verdict.binding === undefined ? {} : { binding: verdict.binding };
      return { kind: 'accepted', professional: { nationalId, ...profession, clientId, expiresAtUtcMs }, ...binding };
    },
    probe: async () => {
      const introspection = await client.introspect('drimbox-probe');
      if (introspection.kind === 'unavailable') {
        outages.met(introspection);
        return introspection;
      }
      outages.over();
      const dateUtcMs = connection.lastDateUtcMs();
      return { kind: 'answering', ...(dateUtcMs === undefined ? {} : { dateUtcMs }) };
    },
    reload: connection.reload,
    close: () => {
      stopReloading();
      return connection.close();
    },
  };
};
