/**
 * The listener `db…`: TLS with a client certificate that is asked for at the handshake and demanded route by route. Only the
 * state of the service is open to everybody (decision E3).
 *
 * @see facts/spec.md b.5, b.6 · DB.SO.111, DB.SO.173, DB.SO.182, DB.SO.183
 */
import { createServer, type Server, type ServerOptions } from 'node:https';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import express from 'express';
import helmet from 'helmet';
import { DrimboxError } from '../errors.ts';
import type { WadoOptions } from './options.ts';

/** State of the service; 503 unless `UP`. */
export interface ListenerStatus {
  readonly status: 'UP' | 'DOWN';
}

export interface ListenerPorts {
  /** Certificates, SNI, client authorities, versions. */
  readonly tls: ServerOptions;
  /** Gets the server before it listens: its default certificate may change later. */
  readonly onServer?: (server: Pick<Server, 'setSecureContext'>) => void;
  /** Answers everything that is not the state of the service; never throws. */
  readonly answer: (request: IncomingMessage, response: ServerResponse) => Promise<void>;
  readonly status: () => Promise<ListenerStatus>;
  /** Where studies are served: exactly these paths tell the state, too. */
  readonly basePaths: readonly string[];
}

export interface WadoListener {
  readonly port: number;
  /** No new request; those under way may end within this time, then their connections are cut. */
  close(graceMs?: number): Promise<void>;
}

const defaultGraceMs = 5_000;
/** Tokens of 16 kB, long Accept headers. */
const maxHeaderBytes = 48 * 1024;
const hstsSeconds = 63_072_000;

const withoutSlash = (path: string): string => path.replace(/(.)\/$/, '$1');

const createApplication = (options: WadoOptions, ports: ListenerPorts): express.Express => {
  const open = new Set([...options.healthPaths, ...ports.basePaths].map(withoutSlash));
  const application = express();
  application.disable('x-powered-by').disable('etag').enable('strict routing').enable('case sensitive routing');
  application.use((request, response) => {
    const isOpen = request.method === 'GET' && open.has(withoutSlash(request.path));
    const answered = isOpen
      ? ports.status().then((state) => {
          response
            .status(state.status === 'UP' ? 200 : 503)
            .set('Cache-Control', 'no-store')
            .json(state);
        })
      : ports.answer(request, response);
    answered.catch(() => response.destroy());
  });
  return application;
};

const listen = (server: Server, { host, port }: WadoOptions): Promise<void> =>
  new Promise((resolve, reject) => {
    const detail = `${host}:${port} cannot be listened to: is another service there?`;
    const refuse = (cause: Error): void => reject(new DrimboxError('wado/listen-failed', { cause, detail }));
    server.once('error', refuse);
    server.listen(port, host, () => {
      server.off('error', refuse);
      resolve();
    });
  });

const close = (server: Server, graceMs: number): Promise<void> =>
  new Promise((resolve) => {
    const cut = setTimeout(() => server.closeAllConnections(), graceMs);
    server.close(() => {
      clearTimeout(cut);
      resolve();
    });
    server.closeIdleConnections();
  });

/**
 * One request of a connection after the other: one that is sent before the answer to the first (pipelining) would wait behind
 * it with a place that the first may need.
 */
const inTurn = (answer: (request: IncomingMessage, response: ServerResponse) => void) => {
  const last = new WeakMap<Socket, Promise<void>>();
  return (request: IncomingMessage, response: ServerResponse): void => {
    const { socket } = request;
    const before = last.get(socket);
    last.set(
      socket,
      new Promise((resolve) => {
        response.once('close', resolve);
      }),
    );
    if (before === undefined) answer(request, response);
    else void before.then(() => socket.destroyed || answer(request, response));
  };
};

/** @throws wado/listen-failed; an error of TLS when the certificates cannot be used */
export const startWadoListener = async (options: WadoOptions, ports: ListenerPorts): Promise<WadoListener> => {
  const application = createApplication(options, ports);
  const addHeaders = helmet({
    strictTransportSecurity: { maxAge: hstsSeconds, includeSubDomains: false },
    xPoweredBy: false,
  });
  const server = createServer(
    {
      ...ports.tls,
      maxHeaderSize: maxHeaderBytes,
      handshakeTimeout: 15_000,
      headersTimeout: 15_000,
      requestTimeout: 30_000,
      keepAliveTimeout: 30_000,
      // A slow reader is told by the silence of its connection.
      connectionsCheckingInterval: 5_000,
      noDelay: true,
    },
    inTurn((request, response) => {
      request.socket.setTimeout(options.limits.idleSeconds * 1_000);
      addHeaders(request, response, () =>
        // A target that express cannot read is refused by us, not by a page of express.
        application(request as express.Request, response as express.Response, () => {
          ports.answer(request, response).catch(() => response.destroy());
        }),
      );
    }),
  );
  // No expectation is refused, or met, before it is known who asks.
  for (const event of ['checkContinue', 'checkExpectation']) {
    server.on(event, (request, response) => server.emit('request', request, response));
  }
  ports.onServer?.(server);
  server.maxConnections = options.limits.connections;
  server.on('timeout', (socket) => socket.destroy());
  // Failed handshakes and broken requests are everyday life on an open port.
  server.on('tlsClientError', (_, socket) => socket.destroy());
  server.on('clientError', (_, socket) => {
    // Not left half open: a peer that never ends its side would keep the place of another connection.
    if (!socket.writable) socket.destroy();
    else socket.end('HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n', () => socket.destroy());
  });
  await listen(server, options);
  return {
    port: (server.address() as AddressInfo).port,
    close: (graceMs = defaultGraceMs) => close(server, graceMs),
  };
};
