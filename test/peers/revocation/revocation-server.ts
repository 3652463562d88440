/** Gives revocation lists and answers OCSP questions on this machine, and can be told to misbehave. */
import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { type Credential, serialOf } from '../ca/openssl-authority.ts';

const run = promisify(execFile);

export interface OcspSetting {
  /** Authority of the certificates asked about. */
  readonly issuer: Credential;
  /** Who signs the answers. */
  readonly responder: Credential;
  /** Certificates it knows; others are unknown. */
  readonly statuses: readonly { readonly certificateFile: string; readonly isRevoked: boolean }[];
  /** Further arguments of `openssl ocsp`, `-nmin 5` when absent (end of the answer). */
  readonly options?: readonly string[];
}

const inTemporaryFolder = async <Result>(work: (folder: string) => Promise<Result>): Promise<Result> => {
  const folder = await mkdtemp(join(tmpdir(), 'drimbox-ocsp-'));
  try {
    return await work(folder);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
};

/** What OpenSSL answers to a question. */
export const answerOcspQuestion = (question: Uint8Array, setting: OcspSetting): Promise<Buffer> =>
  inTemporaryFolder(async (folder) => {
    const path = (name: string): string => join(folder, name);
    const rows = setting.statuses.map(({ certificateFile, isRevoked }) => {
      const revoked = isRevoked ? '200101000000Z' : '';
      return `${isRevoked ? 'R' : 'V'}\t491231235959Z\t${revoked}\t${serialOf(certificateFile)}\tunknown\t/CN=x\n`;
    });
    await writeFile(path('index.txt'), rows.join(''));
    await writeFile(path('question'), question);
    await run('openssl', [
      ...['ocsp', '-index', path('index.txt'), '-CA', setting.issuer.certificateFile],
      ...['-rsigner', setting.responder.certificateFile, '-rkey', setting.responder.keyFile],
      ...['-reqin', path('question'), '-respout', path('answer'), ...(setting.options ?? ['-nmin', '5'])],
    ]);
    return readFile(path('answer'));
  });

const readAll = async (request: IncomingMessage): Promise<Buffer> => {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks);
};

export const startRevocationServer = async () => {
  const lists = new Map<string, Uint8Array>();
  const requests: string[] = [];
  let ocsp: OcspSetting | undefined;
  let change: (answer: Buffer) => Uint8Array = (answer) => answer;
  let misbehaviour: ((request: IncomingMessage, response: ServerResponse) => void) | undefined;

  const answer = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const path = request.url ?? '';
    requests.push(`${request.method} ${path}`);
    if (misbehaviour !== undefined) return misbehaviour(request, response);
    const list = lists.get(path);
    if (request.method === 'GET' && list !== undefined) {
      response.writeHead(200, { 'content-type': 'application/pkix-crl' }).end(list);
    } else if (request.method === 'POST' && path === '/ocsp' && ocsp !== undefined) {
      const bytes = change(await answerOcspQuestion(await readAll(request), ocsp));
      response.writeHead(200, { 'content-type': 'application/ocsp-response' }).end(bytes);
    } else {
      response.writeHead(404).end();
    }
  };

  const server = createServer((request, response) => {
    answer(request, response).catch(() => response.destroy());
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const host = `127.0.0.1:${(server.address() as AddressInfo).port}`;
  return {
    host,
    url: `http://${host}`,
    requests,
    serve: (path: string, bytes: Uint8Array): void => {
      lists.set(path, bytes);
    },
    answerOcsp: (setting: OcspSetting | undefined): void => {
      ocsp = setting;
    },
    /** What is sent instead of what OpenSSL answered. */
    rewrite: (how: ((answer: Buffer) => Uint8Array) | undefined): void => {
      change = how ?? ((bytes) => bytes);
    },
    misbehave: (how: ((request: IncomingMessage, response: ServerResponse) => void) | undefined): void => {
      misbehaviour = how;
    },
    stop: async (): Promise<void> => {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
};
export type RevocationServer = Awaited<ReturnType<typeof startRevocationServer>>;
