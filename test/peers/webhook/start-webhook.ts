/** A monitoring system as the DRIMbox meets it: HTTP or HTTPS on this machine, answering as it is told. */
import { createHmac } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { createServer, type IncomingMessage, type RequestListener, type ServerResponse } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import type { Credential } from '../ca/openssl-authority.ts';

export interface ReceivedPost {
  readonly method: string;
  readonly path: string;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly body: string;
}

/** One answer; what comes after the last one is `{ status: 200 }`. */
export type WebhookAnswer =
  | { readonly status: number; readonly location?: string; readonly bodyBytes?: number }
  | 'hang'
  | 'cut';

export interface Webhook {
  readonly url: string;
  readonly posts: readonly ReceivedPost[];
  /** Answers of the next requests, in order. */
  answer(...answers: readonly WebhookAnswer[]): void;
  stop(): Promise<void>;
}

/** Computes the documented signature by itself. */
export const isSignedBy = (post: ReceivedPost, secret: string): boolean => {
  const timestamp = String(post.headers['x-drimbox-timestamp']);
  const expected = createHmac('sha256', secret).update(`${timestamp}.${post.body}`).digest('hex');
  return post.headers['x-drimbox-signature'] === `sha256=${expected}`;
};

const bodyOf = async (request: IncomingMessage): Promise<string> => {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks).toString('utf8');
};

export interface WebhookServerOptions {
  /** HTTPS with this certificate. */
  readonly credential?: Credential;
  /** Address of this machine [127.0.0.1]. */
  readonly host?: string;
}

export const startWebhook = async (options: WebhookServerOptions = {}): Promise<Webhook> => {
  const posts: ReceivedPost[] = [];
  const answers: WebhookAnswer[] = [];
  const respond = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const body = await bodyOf(request);
    posts.push({ method: request.method ?? '', path: request.url ?? '', headers: request.headers, body });
    const answer = answers.shift() ?? { status: 200 };
    if (answer === 'hang') return;
    if (answer === 'cut') {
      request.socket.destroy();
      return;
    }
    response.writeHead(answer.status, answer.location === undefined ? {} : { location: answer.location });
    response.end('x'.repeat(answer.bodyBytes ?? 2));
  };
  const listener: RequestListener = (request, response) => {
    respond(request, response).catch(() => response.destroy());
  };
  const { credential, host = '127.0.0.1' } = options;
  const server =
    credential === undefined
      ? createServer(listener)
      : createTlsServer(
          { key: readFileSync(credential.keyFile), cert: readFileSync(credential.certificateFile) },
          listener,
        );
  await new Promise<void>((resolve) => {
    server.listen(0, host, resolve);
  });
  const { port } = server.address() as AddressInfo;
  return {
    url: `${credential === undefined ? 'http' : 'https'}://${host}:${port}/drimbox?from=test`,
    posts,
    answer: (...next) => {
      answers.splice(0, answers.length, ...next);
    },
    stop: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
};
