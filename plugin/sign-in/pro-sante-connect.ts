/**
 * A professional signs in with Pro Santé Connect.
 *
 * @see OpenID Connect Core 1.0 · RFC 8705 §2.1 · facts/identity.md 1.1–1.5 · requirement DB.VI-SO (professionals)
 */
import { ClientSecretBasic, TlsClientAuth } from 'openid-client';
import { openProviderConnection } from '../trust/index.ts';
import { beginCodeFlow, type CodeFlow, finishCodeFlow, tokenRules } from './code-flow.ts';
import { type EndSessions, LogoutTokensSeen, type LogoutVerdict, receiveLogoutToken } from './logout-token.ts';
import { pscAddress, type PscSignInOptions } from './options.ts';
import { ProviderMetadata } from './provider-metadata.ts';
import { buildLogoutRequest } from './provider-session.ts';
import { parsePscUserinfo } from './psc-identity.ts';
import type { SignInPorts, SignInService } from './sign-in-service.ts';
import { IdentityProvider, type SignedInProfessional } from './signed-in.ts';
import { queryUserinfo } from './userinfo.ts';

export interface ProSanteConnect extends SignInService<SignedInProfessional> {
  /**
   * @param logoutToken  of the form that Pro Santé Connect posts to the back channel
   * @param end          called for a token that is believed, before it counts as seen
   * @throws what `end` throws
   */
  readonly receiveLogout: (logoutToken: string, end: EndSessions) => Promise<LogoutVerdict>;
}

/** A session of Pro Santé Connect lasts no longer, whatever the person does (facts/identity.md 1.4, RIE v2 PS 13). */
const providerSessionMs = 4 * 3_600_000;

/** @throws config/unreadable, config/invalid */
export const openProSanteConnect = (
  options: PscSignInOptions,
  { clock, randomBytes }: SignInPorts,
): ProSanteConnect => {
  const address = pscAddress(options);
  const connection = openProviderConnection(options, 'SignIn.ProSanteConnect');
  const metadata = new ProviderMetadata({ ...options, ...address }, connection.fetch, clock);
  const seen = new LogoutTokensSeen();
  const flow = (): CodeFlow => {
    const secret = connection.clientSecret();
    return {
      provider: IdentityProvider.proSanteConnect,
      issuer: address.issuer,
      clientId: options.clientId,
      authentication: secret === undefined ? TlsClientAuth() : ClientSecretBasic(secret),
      usesMutualTls: secret === undefined,
      pkce: true,
      parameters: { scope: options.scope, acr_values: 'eidas1' },
      algorithms: options.algorithms,
      acceptedLevels: options.acceptedLevels,
      clockToleranceMs: options.clockToleranceMs,
      timeoutMs: options.timeoutMs,
      fetch: connection.fetch,
    };
  };
  return {
    begin: async (nowUtcMs, redirectUri) => {
      const known = await metadata.load();
      return known.kind === 'known' ? beginCodeFlow(flow(), known, redirectUri, { nowUtcMs, randomBytes }) : known;
    },
    finish: async (currentUrl, attempt) => {
      const known = await metadata.load();
      if (known.kind !== 'known') return known;
      const current = flow();
      const identified = await finishCodeFlow(current, known, currentUrl, attempt, clock);
      if (identified.kind !== 'identified') return identified;
      const { subject, claims, accessToken, idToken } = identified;
      const aliases = current.usesMutualTls ? known.document.mtls_endpoint_aliases : undefined;
      const url = aliases?.userinfo_endpoint ?? known.document.userinfo_endpoint;
      const { timeoutMs } = options;
      const answer = await queryUserinfo({
        ...{ url, accessToken, timeoutMs, mediaType: 'application/json', fetch: connection.fetch },
      });
      if (answer.kind !== 'text') return answer;
      const read = parsePscUserinfo(answer.text, subject);
      if (read.kind !== 'professional') return read;
      const { sid, auth_time: signedInAt } = claims;
      return {
        kind: 'signed-in',
        who: read.professional,
        providerSession: {
          ...{ provider: IdentityProvider.proSanteConnect, issuer: address.issuer, clientId: options.clientId },
          ...{ subject, idToken },
          ...(typeof sid === 'string' ? { sid } : {}),
        },
        ...(typeof signedInAt === 'number' ? { notAfterUtcMs: signedInAt * 1000 + providerSessionMs } : {}),
      };
    },
    buildLogout: async (order) => {
      const known = await metadata.load();
      return known.kind === 'known' ? buildLogoutRequest(known.document, order) : known;
    },
    receiveLogout: async (logoutToken, end) => {
      const known = await metadata.load();
      if (known.kind !== 'known') return known;
      return receiveLogoutToken(logoutToken, tokenRules(flow(), known, clock()), seen, end);
    },
    reload: async () => {
      connection.reload();
      await Promise.resolve();
    },
    close: () => connection.close(),
  };
};
