/**
 * One express application for HTTP/1.1 and HTTP/2.
 *
 * Express 5 puts its own prototypes, made for HTTP/1.1, in place of those of every request and answer: on HTTP/2 nothing works
 * then. Its methods only use what both protocols have, so a second application gets the same methods on top of the classes of
 * `node:http2`; both share one router.
 *
 * @see node:http2, Compatibility API · express lib/application.js (handle)
 */
import type { IncomingMessage, ServerResponse } from 'node:http';
import { Http2ServerRequest, Http2ServerResponse } from 'node:http2';
import express from 'express';

export type AnswerRequest = (request: IncomingMessage, response: ServerResponse) => void;

const createExpress = (router: express.Router): express.Express => {
  const application = express();
  application.disable('x-powered-by').disable('etag').set('query parser', 'simple');
  application.use(router);
  return application;
};

const createApplication = (router: express.Router, onUnread: AnswerRequest): AnswerRequest => {
  const application = createExpress(router);
  return (request, response) => {
    application(request as express.Request, response as express.Response, () => onUnread(request, response));
  };
};

/** The methods of express on another class. */
const graft = <Prototype extends object>(prototype: object, methods: Prototype): Prototype =>
  Object.create(prototype, Object.getOwnPropertyDescriptors(methods)) as Prototype;

const createHttp2Application = (router: express.Router, onUnread: AnswerRequest): AnswerRequest => {
  const application = createExpress(router);
  const own = { app: { value: application, configurable: true, enumerable: true, writable: true } };
  application.request = Object.create(graft(Http2ServerRequest.prototype, express.request), own);
  application.response = Object.create(graft(Http2ServerResponse.prototype, express.response), own);
  return (request, response) => {
    // The class has a getter of that name, and express writes to it.
    Object.defineProperty(response, 'req', { value: request, writable: true, configurable: true });
    application(request as express.Request, response as express.Response, () => onUnread(request, response));
  };
};

/** @param onUnread  answers what no route did: a target that express cannot read, for instance. Never throws */
export const createDualApplication = (router: express.Router, onUnread: AnswerRequest): AnswerRequest => {
  const first = createApplication(router, onUnread);
  const second = createHttp2Application(router, onUnread);
  return (request, response) => (request.httpVersionMajor < 2 ? first : second)(request, response);
};
