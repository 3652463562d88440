/**
 * The listener for the hook inside Orthanc: changes, and calls of `/drimbox/…` relayed from Orthanc's REST API.
 *
 * Both carry the shared secret, compared in constant time before a body is read.
 */
import { createHash, timingSafeEqual } from 'node:crypto';
import express, { type ErrorRequestHandler, type RequestHandler, type Response, type Router } from 'express';
import { asDrimboxError, DrimboxError } from '../errors.ts';
import { type ChangeBatch, parseChangeBatch } from './change-hint.ts';

/** A call of `/drimbox/{path}` that Orthanc relayed. */
export interface RelayedRequest {
  readonly method: 'GET' | 'POST';
  /** After `/drimbox/`, decoded: `studies/…/status`. */
  readonly path: string;
  readonly query: URLSearchParams;
  readonly contentType: string;
  readonly body: Uint8Array;
  /** Named only when Orthanc itself checked a password (decision F1). */
  readonly user?: string;
  readonly origin?: string;
  /** Of Orthanc, as the browser names it (`pacs.example:8042`): what an `origin` of its own pages has too. */
  readonly host?: string;
  readonly csrfToken?: string;
}

export interface RelayedAnswer {
  /** Default 200. */
  readonly status?: number;
  /** Sent as JSON. */
  readonly json: unknown;
}

export interface HookRouterPorts {
  /** The content of the secret file that Orthanc's hook reads too. */
  readonly secret: string;
  /** Settles when the hints are kept: until then the hook keeps them. */
  onChanges(batch: ChangeBatch): Promise<void> | void;
  /** @throws any error of the table; `context.allow` becomes the header Allow of a 405 */
  answer(request: RelayedRequest): Promise<RelayedAnswer>;
  readonly log: { warn(fields: Readonly<Record<string, unknown>>, message: string): void };
}

/** A batch of 500 changes is 65 kB. */
const maxChangeBytes = 512 * 1024;
const maxRelayedBytes = 1024 * 1024;

const digest = (text: string): Buffer => createHash('sha256').update(text).digest();

/** Digests are of one length, whatever is sent: the comparison tells nothing of the secret. */
const checkSecret = (secret: string): RequestHandler => {
  const expected = digest(secret);
  return (request, _response, next) => {
    if (!timingSafeEqual(expected, digest(request.get('x-drimbox-secret') ?? ''))) {
      throw new DrimboxError('orthanc/hook-unauthorized');
    }
    next();
  };
};

const bytesOf = (body: unknown): Uint8Array => (body instanceof Uint8Array ? body : new Uint8Array());

const decoded = (text: string): string => {
  try {
    return decodeURIComponent(text);
  } catch (cause) {
    throw new DrimboxError('orthanc/hook-request-invalid', { cause, detail: 'malformed escape' });
  }
};

const toRelayedRequest = (request: Parameters<RequestHandler>[0]): RelayedRequest => {
  if (request.method !== 'GET' && request.method !== 'POST') {
    throw new DrimboxError('orthanc/hook-request-invalid', { detail: 'neither GET nor POST' });
  }
  const url = new URL(request.originalUrl, 'http://hook');
  const user = request.get('x-drimbox-user');
  const origin = request.get('origin');
  const host = request.get('x-drimbox-host');
  const csrfToken = request.get('x-csrf-token');
  return {
    method: request.method,
    path: decoded(request.path.slice('/hook/rest/'.length)),
    query: url.searchParams,
    contentType: request.get('content-type') ?? '',
    body: bytesOf(request.body),
    ...(user === undefined ? {} : { user: decoded(user) }),
    ...(origin === undefined ? {} : { origin }),
    ...(host === undefined ? {} : { host }),
    ...(csrfToken === undefined ? {} : { csrfToken }),
  };
};

const sendJson = (response: Response, status: number, json: unknown): void => {
  response.status(status).set('Cache-Control', 'no-store').set('X-Content-Type-Options', 'nosniff').json(json);
};

/** express's own failures carry a status: too large (413), or a body that cannot be read. */
const toDrimboxError = (error: unknown): DrimboxError => {
  if (error instanceof DrimboxError) return error;
  const status = typeof error === 'object' && error !== null && 'status' in error ? error.status : undefined;
  if (status === 413) return new DrimboxError('orthanc/hook-request-too-large', { cause: error });
  if (typeof status === 'number' && status >= 400 && status < 500) {
    return new DrimboxError('orthanc/hook-request-invalid', { cause: error });
  }
  return asDrimboxError(error);
};

/** `POST /hook/changes` answers 204; `GET` and `POST /hook/rest/…` what `answer` says; errors `{ code, message }`. */
export const createHookRouter = (ports: HookRouterPorts): Router => {
  const router = express.Router({ caseSensitive: true, strict: true });
  const readBody = (limit: number): RequestHandler => express.raw({ type: () => true, limit, inflate: false });

  router.use('/hook', checkSecret(ports.secret));

  router.post('/hook/changes', readBody(maxChangeBytes), async (request, response) => {
    await ports.onChanges(parseChangeBatch(bytesOf(request.body)));
    response.status(204).end();
  });

  router.all('/hook/rest/*path', readBody(maxRelayedBytes), async (request, response) => {
    const { status = 200, json } = await ports.answer(toRelayedRequest(request));
    sendJson(response, status, json);
  });

  const answerError: ErrorRequestHandler = (thrown, _request, response, next) => {
    if (response.headersSent) {
      next(thrown);
      return;
    }
    const error = toDrimboxError(thrown);
    ports.log.warn({ code: error.code, detail: error.detail }, 'a call of the Orthanc hook failed');
    const { allow } = error.context;
    if (typeof allow === 'string') response.set('Allow', allow);
    sendJson(response, error.httpStatus, { code: error.code, message: error.publicText });
  };
  router.use('/hook', answerError);
  return router;
};
