/** The small answers of the entry: pages, redirections, refusals. */
import type { IncomingMessage, ServerResponse } from 'node:http';
import { asDrimboxError, type ErrorCode, errorTable, failureFields } from '../errors.ts';
import { cutAnswer, hasLeft } from '../wado/index.ts';
import type { Browser, EntryPorts } from './entry-ports.ts';
import type { PageSetting } from './pages/layout.ts';
import { buildRefusalPage } from './pages/refusal-page.ts';

export const sendPage = (response: ServerResponse, status: number, page: string): void => {
  const body = Buffer.from(page, 'utf8');
  response.statusCode = status;
  response.setHeader('Content-Type', 'text/html; charset=utf-8');
  response.setHeader('Content-Length', body.length);
  response.end(body);
};

export const sendJson = (response: ServerResponse, status: number, value: object): void => {
  const body = Buffer.from(JSON.stringify(value), 'utf8');
  response.statusCode = status;
  response.setHeader('Content-Type', 'application/json; charset=utf-8');
  response.setHeader('Content-Length', body.length);
  response.end(body);
};

/** Nothing of the images stays on a shared computer. @see W3C Clear Site Data */
export const forgetImages = (response: ServerResponse): void => {
  response.setHeader('Clear-Site-Data', '"cache", "storage"');
};

/** 303: whatever the method was, the next one is GET. @param path  of ours */
export const redirect = (response: ServerResponse, path: string): void => {
  response.statusCode = 303;
  response.setHeader('Location', path);
  response.setHeader('Content-Length', 0);
  response.end();
};

export const setCookies = (response: ServerResponse, cookies: readonly string[]): void => {
  if (cookies.length > 0) response.setHeader('Set-Cookie', [...cookies]);
};

/** A program of ours that fetches gets a code to show; a person who navigates gets a page. */
const wantsPage = (request: IncomingMessage): boolean => {
  const destination = request.headers['sec-fetch-dest'];
  if (typeof destination === 'string') return ['document', 'iframe', 'frame'].includes(destination);
  return (request.headers.accept ?? '').includes('text/html');
};

export interface RefusalPorts {
  readonly setting: PageSetting;
  readonly log: EntryPorts<never>['log'];
}

/** @param as  `page` where only a person comes; else as the request tells */
export const sendRefusal = (
  { setting }: RefusalPorts,
  request: IncomingMessage,
  response: ServerResponse,
  refusal: { readonly code: ErrorCode; readonly browser: Pick<Browser, 'correlationId'>; readonly as?: 'page' },
): void => {
  const { code, browser } = refusal;
  const { httpStatus, publicText } = errorTable[code];
  if (httpStatus === 429 || httpStatus === 503) response.setHeader('Retry-After', '60');
  // What was not read of a body is not waited for.
  if (!request.complete && request.httpVersionMajor < 2) response.setHeader('Connection', 'close');
  if (refusal.as === 'page' || wantsPage(request)) {
    if (code === 'viewer-access/session-ended') forgetImages(response);
    sendPage(response, httpStatus, buildRefusalPage(setting, code, browser.correlationId));
    return;
  }
  sendJson(response, httpStatus, { code, message: publicText, reference: browser.correlationId });
};

/** What was thrown, as an answer; nothing but the code leaves. */
export const sendFailure = (
  ports: RefusalPorts,
  request: IncomingMessage,
  response: ServerResponse,
  failure: { readonly cause: unknown; readonly browser: Pick<Browser, 'correlationId'>; readonly as?: 'page' },
): void => {
  const error = asDrimboxError(failure.cause);
  const { correlationId } = failure.browser;
  ports.log.warn({ code: error.code, correlationId, ...failureFields(failure.cause) }, 'a page was not answered');
  if (response.headersSent || hasLeft(response)) {
    cutAnswer(response);
    return;
  }
  for (const name of ['Content-Length', 'Content-Type', 'Content-Encoding', 'ETag', 'Vary'])
    response.removeHeader(name);
  response.setHeader('Cache-Control', 'no-store');
  const as = failure.as === undefined ? {} : { as: failure.as };
  sendRefusal(ports, request, response, { code: error.code, browser: failure.browser, ...as });
};
