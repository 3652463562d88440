/** What goes wrong between us and Orthanc, as errors of the table. */
import { DrimboxError } from '../errors.ts';

/** undici's codes, kept here because its error classes are not exhaustive over Node's own. */
const timeoutCodes = new Set([
  'UND_ERR_CONNECT_TIMEOUT',
  'UND_ERR_HEADERS_TIMEOUT',
  'UND_ERR_BODY_TIMEOUT',
  'ETIMEDOUT',
]);
/** What a connection that the server closed while idle looks like. */
const staleCodes = new Set(['UND_ERR_SOCKET', 'ECONNRESET', 'EPIPE']);

const codeOf = (error: unknown): string =>
  typeof error === 'object' && error !== null && 'code' in error ? String(error.code) : '';

/** Whether a request may be sent again: the connection was closed before Orthanc took it. */
export const hasGoneStale = (error: unknown): boolean => staleCodes.has(codeOf(error));

/** @returns orthanc/timeout, orthanc/unreachable, or the error itself where it is ours */
export const wrapNetworkError = (cause: unknown, path: string): DrimboxError => {
  if (cause instanceof DrimboxError) return cause;
  const isTimeout = timeoutCodes.has(codeOf(cause)) || (cause instanceof Error && cause.name === 'TimeoutError');
  return new DrimboxError(isTimeout ? 'orthanc/timeout' : 'orthanc/unreachable', { cause, detail: path });
};

/** @throws orthanc/refused, orthanc/answer-invalid; orthanc/not-found only where the path names a resource */
export const checkStatus = (status: number, path: string, expects: 'resource' | 'route'): void => {
  if (status === 200) return;
  const options = { detail: `${path} answered ${status}`, context: { status } };
  if (status === 401 || status === 403) throw new DrimboxError('orthanc/refused', options);
  if (status === 404 && expects === 'resource') throw new DrimboxError('orthanc/not-found', options);
  throw new DrimboxError('orthanc/answer-invalid', options);
};
