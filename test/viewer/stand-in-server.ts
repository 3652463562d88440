/**
 * Serves viewer/dist with the headers a site sends, an invented description, and the DICOMweb of a real Orthanc under one
 * grant: what the listener of the viewer does, without sign-in.
 */
import { readFileSync } from 'node:fs';
import type { ExaminationDescription } from '../../viewer/src/description.ts';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join, resolve } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { request as askOrthanc } from 'undici';

export const distFolder = resolve(import.meta.dirname, '../../viewer/dist');
export const grant = 'Zm9yLXRlc3Qtb25seQ';

interface Served {
  readonly page: string;
  readonly files: readonly {
    readonly path: string;
    readonly type: string;
    readonly brotliBytes?: number;
    readonly gzipBytes?: number;
    readonly isImmutable: boolean;
  }[];
}

/** Works for our page and for OHIF; nothing in it lets a script or a style that stands in a page run. */
export const contentSecurityPolicy = [
  "default-src 'none'",
  "script-src 'self' 'wasm-unsafe-eval'",
  "style-src 'self' 'unsafe-inline'",
  "img-src 'self' blob: data:",
  "font-src 'self'",
  "connect-src 'self' blob: data:",
  "worker-src 'self'",
  "frame-src 'self'",
  'object-src blob:',
  "media-src 'self' blob:",
  "manifest-src 'none'",
  "base-uri 'none'",
  "form-action 'self'",
  "frame-ancestors 'self'",
].join('; ');

const headers: Readonly<Record<string, string>> = {
  'Content-Security-Policy': contentSecurityPolicy,
  'Cross-Origin-Opener-Policy': 'same-origin',
  'Cross-Origin-Embedder-Policy': 'require-corp',
  'Cross-Origin-Resource-Policy': 'same-origin',
  'Referrer-Policy': 'no-referrer',
  'X-Content-Type-Options': 'nosniff',
  'Permissions-Policy': 'camera=(), microphone=(), geolocation=(), fullscreen=(self)',
};

export interface StandInOptions {
  readonly orthancUrl: string;
  /** Given at each call; a number is a status with an error instead. */
  readonly description: () => unknown;
  readonly policy?: string;
  readonly preview?: (seriesInstanceUid: string) => Promise<Uint8Array>;
  /** Slows every answer of the image server. */
  readonly delayMs?: number;
}

export interface StandInServer {
  readonly url: string;
  readonly requests: string[];
  /** Bytes sent, compressed as they were. */
  sentBytes(): number;
  /** From now on the session is over. */
  endSession(): void;
  close(): Promise<void>;
}

const sendFile = (request: IncomingMessage, response: ServerResponse, path: string): void => {
  const { files } = JSON.parse(readFileSync(join(distFolder, 'served.json'), 'utf8')) as Served;
  const file = files.find((candidate) => candidate.path === path);
  if (file === undefined) {
    response.writeHead(404, headers).end();
    return;
  }
  const accepted = String(request.headers['accept-encoding'] ?? '');
  const encoding =
    file.brotliBytes !== undefined && /\bbr\b/.test(accepted)
      ? 'br'
      : file.gzipBytes !== undefined && /gzip/.test(accepted)
        ? 'gzip'
        : '';
  const suffix = encoding === 'br' ? '.br' : encoding === 'gzip' ? '.gz' : '';
  response.writeHead(200, {
    ...headers,
    'Content-Type': file.type,
    Vary: 'Accept-Encoding',
    'Cache-Control': file.isImmutable ? 'public, max-age=31536000, immutable' : 'no-store',
    ...(encoding === '' ? {} : { 'Content-Encoding': encoding }),
  });
  response.end(readFileSync(join(distFolder, path) + suffix));
};

const relay = async (
  options: StandInOptions,
  request: IncomingMessage,
  response: ServerResponse,
  rest: string,
): Promise<void> => {
  // Orthanc 1.10 has no thumbnails.
  const path = rest.replace(/\/thumbnail(\?.*)?$/, '/rendered');
  const answer = await askOrthanc(`${options.orthancUrl}/dicom-web/${path}`, {
    headers: { accept: String(request.headers.accept ?? '*/*') },
  });
  const kept = ['content-type', 'content-length'].flatMap((name) => {
    const value = answer.headers[name];
    return value === undefined ? [] : [[name, String(value)] as const];
  });
  response.writeHead(answer.statusCode, { ...headers, 'Cache-Control': 'no-store', ...Object.fromEntries(kept) });
  await pipeline(answer.body, response);
};

export const startStandInServer = async (options: StandInOptions): Promise<StandInServer> => {
  const requests: string[] = [];
  const sockets = new Set<{ readonly bytesWritten: number }>();
  let isOver = false;
  const answer = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const { pathname, search } = new URL(request.url ?? '/', 'http://stand-in');
    requests.push(`${request.method} ${pathname}${search}`);
    const own = `/examen/${grant}`;
    if (pathname.startsWith('/visionneuse/'))
      return sendFile(request, response, pathname.slice('/visionneuse/'.length));
    if (pathname === own) return sendFile(request, response, 'examen.html');
    if (pathname === '/deconnexion') {
      isOver = true;
      response
        .writeHead(200, { ...headers, 'Content-Type': 'text/html; charset=utf-8' })
        .end('<h1>Vous êtes déconnecté</h1>');
      return;
    }
    if (isOver) {
      const body = { code: 'sign-in/session-ended', message: 'Votre session a pris fin.' };
      response.writeHead(401, { ...headers, 'Content-Type': 'application/json' }).end(JSON.stringify(body));
      return;
    }
    if (pathname === `${own}/description`) {
      response.writeHead(200, { ...headers, 'Content-Type': 'application/json', 'Cache-Control': 'no-store' });
      response.end(JSON.stringify(options.description()));
      return;
    }
    if (pathname === `${own}/etat`) {
      const { endsAtUtcMs, signOut, studies } = options.description() as ExaminationDescription;
      const state = {
        idleEndsAtUtcMs: endsAtUtcMs,
        formToken: signOut.csrfToken,
        studies: studies.map(({ studyInstanceUid }) => studyInstanceUid),
      };
      response.writeHead(200, { ...headers, 'Content-Type': 'application/json', 'Cache-Control': 'no-store' });
      response.end(JSON.stringify(state));
      return;
    }
    const preview = new RegExp(`^${own}/apercu/([\\d.]+)\\.jpg$`).exec(pathname)?.[1];
    if (preview !== undefined && options.preview !== undefined) {
      response.writeHead(200, { ...headers, 'Content-Type': 'image/jpeg' }).end(await options.preview(preview));
      return;
    }
    if (pathname.startsWith(`${own}/dicomweb/`))
      return relay(options, request, response, `${pathname.slice(own.length + 10)}${search}`);
    response.writeHead(404, headers).end();
  };
  const server = createServer((request, response) => {
    answer(request, response).catch(() => response.destroy());
  });
  server.on('connection', (socket) => sockets.add(socket));
  await new Promise<void>((ready) => server.listen(0, '127.0.0.1', ready));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    requests,
    sentBytes: () => [...sockets].reduce((sum, socket) => sum + socket.bytesWritten, 0),
    endSession: () => {
      isOver = true;
    },
    close: () =>
      new Promise((resolveClose) => {
        server.close(() => resolveClose());
        server.closeAllConnections();
      }),
  };
};
