/**
 * HTTP to Orthanc: one keep-alive pool, one time-out for a whole answer, the errors of the table.
 */
import { Agent, type Dispatcher } from 'undici';
import type { z } from 'zod';
import { DrimboxError } from '../errors.ts';
import { checkStatus, hasGoneStale, wrapNetworkError } from './network-failure.ts';

export interface ConnectionOptions {
  readonly url: string;
  /** Sent with each request. */
  readonly headers: Readonly<Record<string, string>>;
  readonly timeoutMs: number;
  /** Longest answer taken, in bytes. */
  readonly maxAnswerBytes: number;
}

export interface OrthancConnection {
  /** @throws orthanc/* — a 404 is `orthanc/not-found` only when the path names a resource */
  get<Shape extends z.ZodType>(path: string, shape: Shape, expects?: 'resource' | 'route'): Promise<z.infer<Shape>>;
  /** POST to a route that only reads (`/tools/…`): sent again once when the kept-alive connection was closed. */
  ask<Shape extends z.ZodType>(path: string, question: unknown, shape: Shape): Promise<z.infer<Shape>>;
  close(): Promise<void>;
}

const readBody = async (body: Dispatcher.ResponseData['body'], maxBytes: number, path: string): Promise<string> => {
  const chunks: Buffer[] = [];
  let length = 0;
  for await (const chunk of body as AsyncIterable<Buffer>) {
    length += chunk.length;
    if (length > maxBytes) {
      throw new DrimboxError('orthanc/answer-invalid', { detail: `${path} answered more than ${maxBytes} bytes` });
    }
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString('utf8');
};

const parseAnswer = <Shape extends z.ZodType>(text: string, shape: Shape, path: string): z.infer<Shape> => {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch {
    // No cause: a syntax error quotes the text, and the text may name a patient.
    throw new DrimboxError('orthanc/answer-invalid', {
      detail: `${path} did not answer JSON (${text.length} characters)`,
    });
  }
  const parsed = shape.safeParse(json);
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  const where = issue === undefined ? '' : `${issue.code} at /${issue.path.map(String).join('/')}`;
  throw new DrimboxError('orthanc/answer-invalid', { detail: `${path}: unexpected shape, ${where}` });
};

export const buildAuthorization = (
  username: string | undefined,
  password: string | undefined,
): Readonly<Record<string, string>> =>
  username === undefined
    ? {}
    : { authorization: `Basic ${Buffer.from(`${username}:${password ?? ''}`).toString('base64')}` };

export const openConnection = (options: ConnectionOptions): OrthancConnection => {
  const base = new URL(options.url);
  const basePath = base.pathname.replace(/\/$/, '');
  const agent = new Agent({
    connections: 8,
    connect: { timeout: options.timeoutMs },
    headersTimeout: 0,
    bodyTimeout: 0,
    // Orthanc before 1.11.3 closes an idle connection after one second.
    keepAliveTimeout: 700,
    keepAliveMaxTimeout: 30_000,
  });
  const exchange = async (method: 'GET' | 'POST', path: string, body: string | null): Promise<[number, string]> => {
    const answer = await agent.request({
      origin: base.origin,
      path: `${basePath}${path}`,
      method,
      headers: {
        ...options.headers,
        accept: 'application/json',
        ...(body === null ? {} : { 'content-type': 'application/json' }),
      },
      body,
      signal: AbortSignal.timeout(options.timeoutMs),
    });
    if (answer.statusCode !== 200) {
      // An error page is of no use, and Orthanc's may quote the request.
      answer.body.destroy();
      answer.body.on('error', () => undefined);
      return [answer.statusCode, ''];
    }
    return [200, await readBody(answer.body, options.maxAnswerBytes, path)];
  };

  const exchangeTwice = async (
    method: 'GET' | 'POST',
    path: string,
    body: string | null,
  ): Promise<[number, string]> => {
    try {
      return await exchange(method, path, body);
    } catch (error) {
      if (!hasGoneStale(error)) throw error;
      return await exchange(method, path, body);
    }
  };

  const call = async <Shape extends z.ZodType>(
    method: 'GET' | 'POST',
    path: string,
    body: string | null,
    shape: Shape,
    expects: 'resource' | 'route',
  ): Promise<z.infer<Shape>> => {
    const [status, text] = await exchangeTwice(method, path, body).catch((error: unknown) => {
      throw wrapNetworkError(error, path);
    });
    checkStatus(status, path, expects);
    return parseAnswer(text, shape, path);
  };

  return {
    get: (path, shape, expects = 'route') => call('GET', path, null, shape, expects),
    ask: (path, question, shape) => call('POST', path, JSON.stringify(question), shape, 'route'),
    close: () => agent.close(),
  };
};
