/**
 * How a refusal is told to another DRIMbox: the status, and nothing else. The reason is in the audit, under the correlation
 * identifier that the answer carries.
 *
 * @see facts/spec.md b.5.3 · decision E2
 */
import { type ServerResponse, STATUS_CODES } from 'node:http';
import { type ErrorCode, errorTable } from '../errors.ts';

/** 400, 401, 403, 404, 405, 406, 410, 500, 502, 503 or 504. */
export const refusalStatus = (code: ErrorCode): number => errorTable[code].httpStatus;

export interface RefusalOptions {
  readonly correlationId: string;
  /** Instead of the reason phrase: what a 406 may tell. */
  readonly body?: string;
  readonly headers?: Readonly<Record<string, string>>;
}

/** RFC 6750 §3.1; a request without any token gets no error code. */
const challengeOf = (code: ErrorCode): string =>
  code === 'trust/token-missing' ? 'Bearer' : 'Bearer error="invalid_token"';

/** The same bytes for every reason that has the same status. Does nothing when the answer has begun. */
export const answerRefusal = (response: ServerResponse, code: ErrorCode, options: RefusalOptions): number => {
  const status = refusalStatus(code);
  if (response.headersSent) return status;
  const body = Buffer.from(options.body ?? `${status} ${STATUS_CODES[status] ?? ''}\r\n`);
  response.writeHead(status, {
    'Content-Type': 'text/plain; charset=utf-8',
    'Content-Length': body.length,
    'Cache-Control': 'no-store',
    'X-Correlation-Id': options.correlationId,
    ...(status === 401 ? { 'WWW-Authenticate': challengeOf(code) } : {}),
    ...options.headers,
  });
  response.end(body);
  return status;
};
