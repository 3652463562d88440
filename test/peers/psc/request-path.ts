/** From the request on the wire to what oidc-provider is given: under the realm's path, with its own opaque tokens. */
import type { IncomingMessage } from 'node:http';
import { Readable } from 'node:stream';
import type { AccessTokens, IssuedToken } from './access-tokens.ts';
import type { PscEndpointName } from './fault-orders.ts';
import { pscRoutes, realmPath } from './provider-settings.ts';

export const discoveryPath = '/.well-known/wallet-openid-configuration';

/** Undefined outside the realm. */
export const pathInRealm = (url: string): string | undefined =>
  url === realmPath || url.startsWith(`${realmPath}/`) ? url.slice(realmPath.length) : undefined;

const endpointOfPath: Readonly<Record<string, PscEndpointName>> = {
  [discoveryPath]: 'discovery',
  [pscRoutes.jwks]: 'keys',
  [pscRoutes.introspection]: 'introspection',
  [pscRoutes.userinfo]: 'userinfo',
  [pscRoutes.token]: 'token',
};
export const endpointOf = (path: string): PscEndpointName => endpointOfPath[path.split('?')[0] ?? ''] ?? 'other';

export interface ForwardedRequest {
  readonly request: IncomingMessage;
  readonly issued?: IssuedToken;
}

const withOpaqueBody = async (request: IncomingMessage, tokens: AccessTokens): Promise<ForwardedRequest> => {
  const chunks: Buffer[] = [];
  for await (const chunk of request as AsyncIterable<Buffer>) chunks.push(chunk);
  const form = new URLSearchParams(Buffer.concat(chunks).toString('utf8'));
  const token = form.get('token') ?? '';
  const issued = tokens.find(token);
  // A JWT that was never given here is unknown; the provider has other words for JWT.
  if (issued !== undefined || token.includes('.')) form.set('token', issued?.opaque ?? 'unknown');
  const body = Buffer.from(form.toString());
  const { method, url, socket, httpVersion, rawHeaders } = request;
  const headers = { ...request.headers, 'content-length': String(body.length) };
  const copy = Object.assign(Readable.from([body]), { method, url, socket, httpVersion, rawHeaders, headers });
  return { request: copy as unknown as IncomingMessage, ...(issued === undefined ? {} : { issued }) };
};

const withOpaqueHeader = (request: IncomingMessage, tokens: AccessTokens): ForwardedRequest => {
  const issued = tokens.find((request.headers.authorization ?? '').replace(/^bearer +/i, ''));
  if (issued === undefined) return { request };
  request.headers.authorization = `Bearer ${issued.opaque}`;
  return { request, issued };
};

/** @param path  of the request, inside the realm */
export const forwardRequest = async (
  request: IncomingMessage,
  path: string,
  tokens: AccessTokens,
): Promise<ForwardedRequest> => {
  const takesToken = [pscRoutes.introspection, pscRoutes.revocation].some((route) => path === route);
  const forwarded =
    takesToken && request.method === 'POST' ? await withOpaqueBody(request, tokens) : withOpaqueHeader(request, tokens);
  // PSC has no document under the standard name.
  const standardPath = '/.well-known/openid-configuration';
  const url = path === discoveryPath ? standardPath : path === standardPath ? '/.well-known/unknown' : path;
  // The provider takes what stands before its own path for its mount point.
  Object.assign(forwarded.request, { url, originalUrl: realmPath + url });
  return forwarded;
};
