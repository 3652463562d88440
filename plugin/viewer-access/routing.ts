/** The table of routes as one express router: host first, then the route, its headers, its answer; a refusal for the rest. */
import type { IncomingMessage, ServerResponse } from 'node:http';
import express from 'express';
import { DrimboxError, type ErrorCode } from '../errors.ts';
import { sendFailure, sendRefusal } from './answers.ts';
import { readBrowser } from './browser.ts';
import type { Browser } from './entry-ports.ts';
import type { Route } from './entry-routes.ts';
import type { EntryContext } from './entry-steps.ts';
import type { AnswerRequest } from './http2-application.ts';
import type { AddHeaders } from './security-headers.ts';
import { sendStaticFile, type StaticFiles } from './static-files.ts';

export interface RoutingPorts<Traits> {
  readonly context: EntryContext<Traits>;
  readonly routes: readonly Route[];
  readonly addHeaders: AddHeaders;
  /** Names served now: those of the certificates. */
  readonly hosts: () => readonly string[];
  readonly healthPaths: readonly string[];
  readonly status: () => Promise<{ readonly status: 'UP' | 'DOWN' }>;
  /** Built viewer: under /visionneuse. */
  readonly viewerFiles: StaticFiles;
  /** Ours: under /pages. */
  readonly pageFiles: StaticFiles;
}

/** Answers of one request, each of which ends it. */
const createAnswers = <Traits>({ context, addHeaders, hosts }: RoutingPorts<Traits>) => {
  const browserOf = (request: IncomingMessage): Browser | undefined =>
    readBrowser(request, hosts(), context.newCorrelationId());
  const anonymous = () => ({ correlationId: context.newCorrelationId() });

  const refuse = (request: IncomingMessage, response: ServerResponse, code: ErrorCode): void => {
    addHeaders(request, response, 'page');
    sendRefusal(context, request, response, { code, browser: anonymous() });
  };

  const fail = (request: IncomingMessage, response: ServerResponse, cause: unknown, browser?: Browser): void =>
    sendFailure(context, request, response, { cause, browser: browser ?? anonymous() });

  const follow = async (route: Route, request: IncomingMessage, response: ServerResponse): Promise<void> => {
    addHeaders(request, response, route.headers);
    const browser = browserOf(request);
    if (browser === undefined) return fail(request, response, new DrimboxError('viewer-access/host-unknown'));
    try {
      await route.answer({ browser, request, response });
    } catch (cause) {
      fail(request, response, cause, browser);
    }
  };
  return { refuse, fail, follow, browserOf };
};

/** HEAD is answered as GET without a body by whoever answers. */
const isReading = ({ method }: IncomingMessage): boolean => method === 'GET' || method === 'HEAD';

export const createRouting = <Traits>(
  ports: RoutingPorts<Traits>,
): { readonly router: express.Router; readonly onUnread: AnswerRequest } => {
  const { refuse, fail, follow, browserOf } = createAnswers(ports);
  const router = express.Router({ strict: true, caseSensitive: true });

  const health: express.RequestHandler = (request, response, next) => {
    if (!isReading(request)) return next();
    ports.addHeaders(request, response, 'page');
    return ports.status().then(
      (state) => void response.status(state.status === 'UP' ? 200 : 503).json(state),
      (cause: unknown) => fail(request, response, cause),
    );
  };
  for (const path of ports.healthPaths) router.all(path, health);

  for (const { method, path, ...route } of ports.routes) {
    const answer: express.RequestHandler = (request, response) => follow({ method, path, ...route }, request, response);
    if (method === 'GET') router.get(path, answer);
    else router.post(path, answer);
  }

  const serve = (prefix: string, files: StaticFiles, headers: Route['headers']): void => {
    router.get(`${prefix}/*path`, (request, response, next) => {
      const file = files.get(request.path.slice(prefix.length));
      if (file === undefined || browserOf(request) === undefined) return next();
      ports.addHeaders(request, response, headers);
      return sendStaticFile(file, request, response).catch((cause: unknown) => fail(request, response, cause));
    });
  };
  serve('/visionneuse', ports.viewerFiles, 'viewer');
  serve('/pages', ports.pageFiles, 'page');

  const reading = ports.routes.filter(({ method }) => method === 'GET').map(({ path }) => path);
  const readable = new Set([...reading, ...ports.healthPaths, '/visionneuse/*path', '/pages/*path']);
  for (const path of new Set([...readable, ...ports.routes.map((route) => route.path)])) {
    router.all(path, (request, response, next) => {
      if (isReading(request) && readable.has(path)) next();
      else refuse(request, response, 'viewer-access/method-not-allowed');
    });
  }

  router.use((request, response) => {
    const code = browserOf(request) === undefined ? 'viewer-access/host-unknown' : 'viewer-access/page-unknown';
    refuse(request, response, code);
  });
  const onUnread: AnswerRequest = (request, response) => refuse(request, response, 'viewer-access/page-unknown');
  return { router, onUnread };
};
