/**
 * Why a message did not leave, in our codes. What the server wrote may hold addresses: of it only numbers are kept.
 *
 * @see RFC 5321 4.2 (reply codes) · RFC 3463 (enhanced status codes)
 */
import { DrimboxError, type ErrorCode } from '../errors.ts';

interface ForeignError extends Error {
  readonly code?: unknown;
  /** nodemailer puts its own code in place of the system's. */
  readonly originalCode?: unknown;
  readonly command?: unknown;
  readonly responseCode?: unknown;
  readonly response?: unknown;
}

const isForeignError = (cause: unknown): cause is ForeignError => cause instanceof Error;

/** The codes of an error and of its causes, the most exact last. */
const codesOf = (cause: unknown, depth = 0): readonly string[] => {
  if (!isForeignError(cause) || depth > 4) return [];
  const own = [cause.code, cause.originalCode].filter((code) => typeof code === 'string');
  return [...own, ...codesOf(cause.cause, depth + 1)];
};

/** Codes of node:tls and OpenSSL for a handshake that failed on a certificate, a version or a suite. */
const tlsCode =
  /^(ERR_SSL_|ERR_TLS_|EPROTO$|CERT_|UNABLE_TO_|SELF_SIGNED_|DEPTH_ZERO_|INVALID_CA|PATH_LENGTH_|HOSTNAME_MISMATCH|ETLS$)/;
const timeoutCode = /^(ETIMEDOUT|UND_ERR_(HEADERS|BODY)_TIMEOUT|EABORT|ABORT_ERR)$|TimeoutError/;
const connectTimeoutCode = /^UND_ERR_CONNECT_TIMEOUT$/;

const isNamed = (cause: unknown, names: RegExp): boolean => cause instanceof Error && names.test(cause.name);

const smtpFigures = (cause: ForeignError): readonly string[] => {
  const reply = typeof cause.response === 'string' ? cause.response : '';
  const enhanced = /^\d{3}[ -]([245]\.\d{1,3}\.\d{1,3})\b/.exec(reply)?.[1];
  const command = typeof cause.command === 'string' ? /^[A-Z]{4,8}( FROM| TO)?/.exec(cause.command)?.[0] : undefined;
  return [
    ...(command === undefined || command === 'CONN' ? [] : [command]),
    ...(typeof cause.responseCode === 'number' ? [String(cause.responseCode)] : []),
    ...(enhanced === undefined ? [] : [enhanced]),
  ];
};

const errorCodeOf = (cause: unknown, codes: readonly string[]): ErrorCode => {
  if (codes.some((code) => tlsCode.test(code))) return 'notification/tls-refused';
  if (codes.some((code) => connectTimeoutCode.test(code))) return 'notification/unreachable';
  if (codes.some((code) => timeoutCode.test(code)) || isNamed(cause, /^(Timeout|Abort)Error$/)) {
    return 'notification/timeout';
  }
  if (codes.includes('EAUTH')) return 'notification/login-refused';
  // 421: the server closes; 4yz is the server's state, and it is asked again all the same.
  if (isForeignError(cause) && typeof cause.responseCode === 'number') return 'notification/refused';
  return 'notification/unreachable';
};

/** Wraps what nodemailer, undici or Node threw; ours pass unchanged. */
export const asDeliveryError = (cause: unknown): DrimboxError => {
  if (cause instanceof DrimboxError) return cause;
  const codes = codesOf(cause);
  const figures = isForeignError(cause) ? smtpFigures(cause) : [];
  const shown = codes.at(-1) ?? 'no code';
  return new DrimboxError(errorCodeOf(cause, codes), {
    cause,
    detail: figures.length > 0 ? figures.join(' ') : shown,
  });
};
