/** Requests that no browser writes: by hand over TLS, and over HTTP/2 with whatever pseudo-headers. */
import { connect, type IncomingHttpHeaders, type OutgoingHttpHeaders } from 'node:http2';
import { connect as connectTls } from 'node:tls';
import type { VisitAnswer } from './visitor.ts';

/**
 * Sends these bytes on a connection of their own.
 *
 * @param origin  `https://localhost:port`
 * @returns everything that comes back until the other side closes, or says nothing for a while
 */
export const sendRaw = (origin: string, bytes: string, silenceMs = 1_500): Promise<string> =>
  new Promise((resolve) => {
    const { port } = new URL(origin);
    const target = { host: '127.0.0.1', port: Number(port), servername: 'localhost', rejectUnauthorized: false };
    const socket = connectTls({ ...target, ALPNProtocols: ['http/1.1'] }, () => socket.write(bytes, 'latin1'));
    let text = '';
    const end = (): void => {
      socket.destroy();
      resolve(text);
    };
    socket.setTimeout(silenceMs, end);
    socket.on('data', (chunk: Buffer) => (text += chunk.toString('latin1')));
    socket.on('error', end);
    socket.on('close', end);
  });

/** One request over HTTP/2, on a connection of its own. @param headers  pseudo-headers too */
export const askHttp2 = (origin: string, headers: OutgoingHttpHeaders): Promise<VisitAnswer> =>
  new Promise((resolve, reject) => {
    const startedAtMs = performance.now();
    const session = connect(origin, { rejectUnauthorized: false });
    session.on('error', reject);
    const stream = session.request(headers);
    const chunks: Buffer[] = [];
    let got: IncomingHttpHeaders = {};
    stream.on('response', (response) => (got = response));
    stream.on('data', (chunk: Buffer) => chunks.push(chunk));
    stream.on('error', (error: Error) => {
      session.destroy();
      reject(error);
    });
    stream.on('end', () => {
      session.close();
      const { ':status': status = 0, ...told } = got as IncomingHttpHeaders & { ':status'?: number };
      resolve({ status, headers: told, body: Buffer.concat(chunks), tookMs: performance.now() - startedAtMs });
    });
    stream.end();
  });
