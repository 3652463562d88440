/**
 * Why Pro Santé Connect could not be asked: what libraries throw → a code and a word that holds no identity.
 *
 * Nothing of what was thrown is kept: those errors carry whole answers, and an answer names a professional.
 */
import type { ErrorCode } from '../errors.ts';

export type PscFailureCode = Extract<ErrorCode, `trust/psc-${string}`>;

/** Pro Santé Connect could not be asked, or its answer is none: nothing is served. */
export interface PscUnavailable {
  readonly kind: 'unavailable';
  readonly code: PscFailureCode;
  /** Codes of the network, of TLS or of HTTP; no content of any answer. */
  readonly detail: string;
}

/** The order in which an alert may be cleared. */
export const pscFailureCodes = [
  'trust/psc-unreachable',
  'trust/psc-timeout',
  'trust/psc-answer-invalid',
  'trust/psc-tls-refused',
  'trust/psc-refused-us',
] as const satisfies readonly PscFailureCode[];

interface Thrown {
  readonly name?: unknown;
  readonly code?: unknown;
  readonly status?: unknown;
  readonly error?: unknown;
  readonly cause?: unknown;
}

const isThrown = (value: unknown): value is Thrown => typeof value === 'object' && value !== null;

const causesOf = (failure: unknown): readonly Thrown[] => {
  const chain: Thrown[] = [];
  for (let link = failure; isThrown(link) && chain.length < 8; link = link.cause) chain.push(link);
  return chain;
};

const unavailable = (code: PscFailureCode, detail: string): PscUnavailable => ({ kind: 'unavailable', code, detail });

const timeOuts =
  /^(TimeoutError|AbortError|OAUTH_TIMEOUT|OAUTH_ABORT|ETIMEDOUT|UND_ERR_(HEADERS|BODY|CONNECT)_TIMEOUT|ABORT_ERR)$/;
/** They do not take our certificate, or want one. */
const tlsAlerts = /^ERR_SSL_.*ALERT/;
/** We do not take theirs. */
const untrusted =
  /^(CERT_|UNABLE_TO_|SELF_SIGNED_|DEPTH_ZERO_|INVALID_CA|PATH_LENGTH_|HOSTNAME_MISMATCH|ERR_TLS_CERT_ALTNAME_INVALID)/;
const cutOff = /^(UND_ERR_(SOCKET|CLOSED|DESTROYED|ABORTED)|ECONN|EPIPE|ENOTFOUND|EAI_|EHOST|ENET)/;
const oversize = /^UND_ERR_RES_EXCEEDED_MAX_SIZE$/;
const nonsense = /^(OAUTH_(RESPONSE_IS_NOT_JSON|PARSE_ERROR|INVALID_RESPONSE|JSON_ATTRIBUTE_COMPARISON))/;
/** OAuth 2.0 (RFC 6749 §5.2) and Keycloak. */
const clientErrors = new Set(['invalid_client', 'unauthorized_client', 'access_denied', 'invalid_token']);

/** @param status  of an answer that is not a success @param oauthError  its `error`, when it has one */
export const classifyStatus = (status: number, oauthError?: string): PscUnavailable => {
  const known = oauthError !== undefined && clientErrors.has(oauthError);
  const detail = `HTTP ${status}${known ? ` ${oauthError}` : ''}`;
  if (status === 401 || status === 403 || known) return unavailable('trust/psc-refused-us', detail);
  if (status === 408 || status === 504) return unavailable('trust/psc-timeout', detail);
  if (status === 429 || status >= 500) return unavailable('trust/psc-unreachable', detail);
  return unavailable('trust/psc-answer-invalid', detail);
};

/** OpenSSL writes `ERR_SSL_SSL/TLS_ALERT_…`. */
const word = (value: unknown): string | undefined =>
  typeof value === 'string' && /^[A-Za-z0-9_/]{1,64}$/.test(value) ? value : undefined;

/** @param failure  anything that fetch, the OpenID client or this room threw */
export const classifyPscFailure = (failure: unknown): PscUnavailable => {
  const chain = causesOf(failure);
  const words = chain.flatMap(({ code, name }) => [word(code), word(name)]).filter((text) => text !== undefined);
  const found = (pattern: RegExp): string | undefined => words.find((text) => pattern.test(text));
  const timeOut = found(timeOuts);
  if (timeOut !== undefined) return unavailable('trust/psc-timeout', timeOut);
  const alert = found(tlsAlerts);
  if (alert !== undefined) return unavailable('trust/psc-refused-us', alert);
  const stranger = found(untrusted);
  if (stranger !== undefined) return unavailable('trust/psc-tls-refused', stranger);
  // An answer that breaks off is not nonsense: the network is under the parser's complaint.
  const cut = found(cutOff);
  if (cut !== undefined) return unavailable('trust/psc-unreachable', cut);
  const answered = chain.find(({ status }) => typeof status === 'number');
  if (typeof answered?.status === 'number' && answered.status !== 200) {
    return classifyStatus(answered.status, word(answered.error));
  }
  const misread = found(oversize) ?? found(nonsense);
  if (misread !== undefined || answered !== undefined) {
    return unavailable('trust/psc-answer-invalid', misread ?? 'not understood');
  }
  return unavailable('trust/psc-unreachable', words.find((text) => /^[A-Z][A-Z0-9_/]+$/.test(text)) ?? 'no connection');
};
