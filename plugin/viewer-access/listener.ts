/**
 * The listener `vi…`: browsers of patients and professionals, over TLS without client certificate, HTTP/2 and HTTP/1.1.
 *
 * @see facts/spec.md b.7, b.8 · DB.VI-SO.07, DB.VI-SO.173 · decision E6
 */
import { createSecureServer, type Http2SecureServer } from 'node:http2';
import { createServer, type Server } from 'node:https';
import type { AddressInfo, Socket } from 'node:net';
import { join } from 'node:path';
import type { TlsOptions } from 'node:tls';
import { DrimboxError } from '../errors.ts';
import type { EntryPorts } from './entry-ports.ts';
import { createEntryRoutes } from './entry-routes.ts';
import type { EntryContext } from './entry-steps.ts';
import { createExaminationRoutes } from './examination-routes.ts';
import { type AnswerRequest, createDualApplication } from './http2-application.ts';
import { createLinkThrottle } from './link-throttle.ts';
import type { ViewerAccessOptions } from './options.ts';
import type { PageSetting } from './pages/layout.ts';
import { createRouting } from './routing.ts';
import { createSecurityHeaders } from './security-headers.ts';
import { listFilesAhead, loadNamedFile, loadStaticFiles, type StaticFiles } from './static-files.ts';

export interface ViewerListenerPorts<Traits> extends EntryPorts<Traits> {
  /** Certificates, SNI, versions. */
  readonly tls: TlsOptions;
  /** Gets the server before it listens: its default certificate may change later. */
  readonly onServer?: (server: Pick<Server, 'setSecureContext'>) => void;
  readonly status: () => Promise<{ readonly status: 'UP' | 'DOWN' }>;
  /** Of this software, shown on every page. */
  readonly version: string;
  /** Where the built viewer is, unless configured. */
  readonly staticFolder: string;
}

export interface ViewerListener {
  readonly port: number;
  /** No new request; those under way may end within this time, then their connections are cut. */
  close(graceMs?: number): Promise<void>;
}

const defaultGraceMs = 5_000;
/** A call-back of Pro Santé Connect has some kB; cookies are two. */
const maxHeaderBytes = 32 * 1024;

const loadPageFiles = async ({
  buttons,
}: ViewerAccessOptions): Promise<{
  readonly files: StaticFiles;
  readonly paths: Omit<PageSetting, 'siteName' | 'version'>;
}> => {
  const style = await loadNamedFile(join(import.meta.dirname, 'pages', 'pages.css'), 'style');
  const { franceConnectPlusFile, proSanteConnectFile } = buttons;
  const franceConnect = franceConnectPlusFile && (await loadNamedFile(franceConnectPlusFile, 'franceconnect-plus'));
  const proSanteConnect = proSanteConnectFile && (await loadNamedFile(proSanteConnectFile, 'pro-sante-connect'));
  return {
    files: new Map([style, ...(franceConnect ? [franceConnect] : []), ...(proSanteConnect ? [proSanteConnect] : [])]),
    paths: {
      stylePath: `/pages${style[0]}`,
      ...(franceConnect ? { franceConnectImagePath: `/pages${franceConnect[0]}` } : {}),
      ...(proSanteConnect ? { proSanteConnectImagePath: `/pages${proSanteConnect[0]}` } : {}),
    },
  };
};

/** Everything that answers a request, without any socket. @throws viewer-access/files-missing */
const createAnswering = async <Traits>(
  options: ViewerAccessOptions,
  ports: ViewerListenerPorts<Traits>,
): Promise<AnswerRequest> => {
  const pages = await loadPageFiles(options);
  const viewerFolder = options.staticFolder ?? ports.staticFolder;
  const viewerFiles = await loadStaticFiles(viewerFolder);
  const aheadPaths = (await listFilesAhead(viewerFolder, viewerFiles)).map((path) => `/visionneuse${path}`);
  const { siteName, throttle, linkPath, certificates, healthPaths } = options;
  const context: EntryContext<Traits> = {
    ...ports,
    setting: { siteName, version: ports.version, aheadPaths, ...pages.paths },
    throttle: createLinkThrottle(throttle, ports.monotonic),
    refusalMs: throttle.refusalMs,
  };
  const names = certificates.map(({ name }) => name);
  const { router, onUnread } = createRouting({
    context,
    routes: [...createEntryRoutes(context, linkPath), ...createExaminationRoutes(context)],
    addHeaders: createSecurityHeaders(),
    hosts: () => names,
    healthPaths,
    status: ports.status,
    viewerFiles,
    pageFiles: pages.files,
  });
  return createDualApplication(router, onUnread);
};

/** Of one connection; the types of Node do not know them. */
const sessionLimits = { maxSessionInvalidFrames: 100, maxSessionRejectedStreams: 100 };

type AnyServer = Server | Http2SecureServer;

const createHttp2Server = ({ limits }: ViewerAccessOptions, tls: TlsOptions, answer: AnswerRequest): AnyServer => {
  const server = createSecureServer(
    {
      ...tls,
      allowHTTP1: true,
      handshakeTimeout: 15_000,
      settings: { maxConcurrentStreams: limits.streams, maxHeaderListSize: maxHeaderBytes, enablePush: false },
      ...sessionLimits,
    },
    (request, response) => answer(request as never, response as never),
  );
  server.on('session', (session) => {
    // Neither side said anything for so long: whatever is under way is stuck.
    session.setTimeout(limits.idleSeconds * 1_000, () => session.destroy());
    session.on('error', () => undefined);
  });
  return server;
};

const createHttpsServer = (tls: TlsOptions, answer: AnswerRequest): AnyServer =>
  createServer({ ...tls, maxHeaderSize: maxHeaderBytes, handshakeTimeout: 15_000, noDelay: true }, answer);

/** Both classes have these; the types of one of them do not say so. */
const setTimeouts = (server: AnyServer): void => {
  Object.assign(server, { headersTimeout: 15_000, requestTimeout: 30_000, keepAliveTimeout: 30_000 });
};

/** Connections, so that closing can cut them: a server of HTTP/2 does not. */
const trackSockets = (server: AnyServer): ReadonlySet<Socket> => {
  const sockets = new Set<Socket>();
  server.on('connection', (socket: Socket) => {
    sockets.add(socket);
    socket.once('close', () => sockets.delete(socket));
  });
  return sockets;
};

const listen = (server: AnyServer, { host, port }: ViewerAccessOptions): Promise<void> =>
  new Promise((resolve, reject) => {
    const detail = `${host}:${port} cannot be listened to: is another service there?`;
    const refuse = (cause: Error): void => reject(new DrimboxError('viewer-access/listen-failed', { cause, detail }));
    server.once('error', refuse);
    server.listen(port, host, () => {
      server.off('error', refuse);
      resolve();
    });
  });

interface UnderWay {
  count: number;
  onIdle: (() => void) | undefined;
}

/** Counts requests under way, so that closing need not wait for idle connections. */
const countUnderWay = (answer: AnswerRequest, underWay: UnderWay, idleMs: number): AnswerRequest => {
  const finish = (): void => {
    underWay.count -= 1;
    if (underWay.count === 0) underWay.onIdle?.();
  };
  return (request, response) => {
    underWay.count += 1;
    response.once('close', finish);
    // A slow reader is told by the silence of its connection; on HTTP/2 the session does this.
    if (request.httpVersionMajor < 2) request.socket.setTimeout(idleMs);
    answer(request, response);
  };
};

const close = async (
  server: AnyServer,
  sockets: ReadonlySet<Socket>,
  underWay: UnderWay,
  graceMs: number,
): Promise<void> => {
  const closed = new Promise<void>((resolve) => server.close(() => resolve()));
  if (underWay.count > 0 && graceMs > 0) {
    await new Promise<void>((resolve) => {
      const cut = setTimeout(resolve, graceMs);
      // What was written last still has to leave.
      const end = (): void => void setImmediate(() => resolve());
      Object.assign(underWay, { onIdle: () => (clearTimeout(cut), end()) });
    });
  }
  for (const socket of sockets) socket.destroySoon();
  const rest = setTimeout(() => sockets.forEach((socket) => socket.destroy()), 500);
  await closed;
  clearTimeout(rest);
};

/** @throws viewer-access/listen-failed, viewer-access/files-missing; an error of TLS when the certificates cannot be used */
export const startViewerListener = async <Traits>(
  options: ViewerAccessOptions,
  ports: ViewerListenerPorts<Traits>,
): Promise<ViewerListener> => {
  const underWay: UnderWay = { count: 0, onIdle: undefined };
  const answer = countUnderWay(await createAnswering(options, ports), underWay, options.limits.idleSeconds * 1_000);
  const server = options.http2 ? createHttp2Server(options, ports.tls, answer) : createHttpsServer(ports.tls, answer);
  setTimeouts(server);
  const sockets = trackSockets(server);
  server.maxConnections = options.limits.connections;
  ports.onServer?.(server);
  server.on('timeout', (socket: Socket) => socket.destroy());
  // Failed handshakes and broken requests are everyday life on an open port.
  server.on('tlsClientError', (_: Error, socket: Socket) => socket.destroy());
  server.on('sessionError', () => undefined);
  server.on('clientError', (_: Error, socket: Socket) => {
    if (!socket.writable) socket.destroy();
    else socket.end('HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n', () => socket.destroy());
  });
  await listen(server, options);
  return {
    port: (server.address() as AddressInfo).port,
    close: (graceMs = defaultGraceMs) => close(server, sockets, underWay, graceMs),
  };
};
