/**
 * The TLS side: mutual authentication, reading of requests, failures that happen on the wire.
 *
 * @see facts/identity.md 4.4 (TLS 1.2, cipher suites of PDT-INF-579v4)
 */
import type { X509Certificate } from 'node:crypto';
import { readFileSync } from 'node:fs';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { createServer, type Server } from 'node:https';
import type { AddressInfo } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import type { TLSSocket } from 'node:tls';
import { pemBlocks } from './certificate-chain.ts';
import type { FaultOrders } from './fault-orders.ts';
import type { LoggedSender, LogLine, RequestLog } from './request-log.ts';
import type { DmpService, ServiceOutcome } from './service.ts';
import { buildPlainAnswer, type HttpAnswer } from './soap-answer.ts';
import { endpointOf } from './transactions.ts';
import type { Vihf } from './vihf.ts';

export interface ListenerOptions {
  readonly certificateFile: string;
  readonly keyFile: string;
  /** Authorities of the client certificates. */
  readonly chainFile: string;
  readonly crlFile?: string;
  readonly port: number;
  readonly maxBodyBytes: number;
}

const ciphers = [
  'ECDHE-RSA-CHACHA20-POLY1305',
  'ECDHE-RSA-AES128-GCM-SHA256',
  'ECDHE-RSA-AES256-SHA384',
  'ECDHE-RSA-AES256-GCM-SHA384',
].join(':');

class RequestCut extends Error {
  override readonly name = 'RequestCut';
}

const readBody = async (request: IncomingMessage, maxBytes: number, cut: boolean): Promise<Buffer | undefined> => {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    if (cut) throw new RequestCut();
    size += chunk.length;
    if (size > maxBytes) return undefined;
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
};

const clientOf = (request: IncomingMessage): X509Certificate | undefined =>
  (request.socket as TLSSocket).getPeerX509Certificate();

const senderOf = ({ structureId, nameId, roles, sector, patient }: Vihf): LoggedSender => ({
  structureId,
  person: nameId,
  roles: roles.map(({ code }) => code),
  sector: sector ?? '',
  ins: patient.ins,
});

const lineOf = (
  outcome: ServiceOutcome,
): Pick<LogLine, 'transaction' | 'messageId' | 'outcome' | 'rules' | 'tolerated' | 'text'> => ({
  transaction: outcome.transaction ?? '',
  messageId: outcome.messageId,
  outcome: outcome.isAccepted ? 'accepted' : 'refused',
  ...(outcome.vihf === undefined ? {} : { sender: senderOf(outcome.vihf) }),
  rules: outcome.findings.refused.map(({ rule }) => rule),
  tolerated: outcome.findings.tolerated.map(({ rule }) => rule),
  text: outcome.findings.refused
    .map(({ refusal }) => {
      if (refusal.kind === 'http') return `${refusal.status} ${refusal.text}`;
      return refusal.kind === 'fault'
        ? `${refusal.subcode}: ${refusal.reason}`
        : `${refusal.errorCode}: ${refusal.codeContext}`;
    })
    .join(' | '),
});

const unread = { transaction: '', messageId: '', rules: [], tolerated: [] };
const garbage = Buffer.from('--not a boundary\r\n<soap:Envelope><unfinished');

/** Listens, closes and listens again on the same port. */
export class HttpsListener {
  readonly #options: ListenerOptions;
  readonly #service: DmpService;
  readonly #faults: FaultOrders;
  readonly #log: RequestLog;
  readonly #clock: () => number;
  #server: Server | undefined;
  #port: number;

  constructor(
    options: ListenerOptions,
    service: DmpService,
    faults: FaultOrders,
    log: RequestLog,
    clock: () => number,
  ) {
    this.#options = options;
    this.#service = service;
    this.#faults = faults;
    this.#log = log;
    this.#clock = clock;
    this.#port = options.port;
  }

  get port(): number {
    return this.#port;
  }

  async open(): Promise<void> {
    if (this.#server !== undefined) return;
    const { certificateFile, keyFile, chainFile, crlFile } = this.#options;
    const server = createServer(
      {
        cert: readFileSync(certificateFile),
        key: readFileSync(keyFile),
        ca: readFileSync(chainFile),
        // Node reads one list a value
        ...(crlFile === undefined ? {} : { crl: pemBlocks(readFileSync(crlFile, 'utf8'), 'X509 CRL') }),
        requestCert: true,
        rejectUnauthorized: true,
        minVersion: 'TLSv1.2',
        maxVersion: 'TLSv1.2',
        ciphers,
      },
      (request, response) => void this.#serve(request, response),
    );
    server.on('tlsClientError', (error) => {
      this.#log.add({
        ...unread,
        ...{ atUtcMs: this.#clock(), durationMs: 0, outcome: 'refused', httpStatus: 0, rules: ['tls/handshake'] },
        text: (error as NodeJS.ErrnoException).code ?? error.message,
      });
    });
    await new Promise<void>((done, failed) => {
      server.once('error', failed);
      server.listen(this.#port, '127.0.0.1', done);
    });
    this.#port = (server.address() as AddressInfo).port;
    this.#server = server;
  }

  async close(): Promise<void> {
    const server = this.#server;
    this.#server = undefined;
    if (server === undefined) return;
    await new Promise<void>((done) => {
      server.close(() => done());
      server.closeAllConnections();
    });
  }

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const startedMs = this.#clock();
    // A request that fails lets go of its socket
    const { socket } = request;
    const finish = (line: Omit<LogLine, 'atUtcMs' | 'durationMs'>): void =>
      this.#log.add({ atUtcMs: startedMs, durationMs: this.#clock() - startedMs, ...line });
    try {
      const cut = this.#faults.take(['reset-mid-body'], undefined) !== undefined;
      const body = await readBody(request, this.#options.maxBodyBytes, cut);
      const endpoint = endpointOf(request.url ?? '');
      if (body === undefined || endpoint === undefined || request.method !== 'POST') {
        const status = body === undefined ? 413 : endpoint === undefined ? 404 : 405;
        this.#send(response, buildPlainAnswer(status, ''));
        finish({ ...unread, outcome: 'refused', httpStatus: status, rules: ['http/request'] });
        return;
      }
      const outcome = this.#service.answer(
        { endpoint, contentType: request.headers['content-type'] ?? '', body },
        clientOf(request),
      );
      await this.#deliver(request, response, outcome, finish);
    } catch (error) {
      socket.destroy();
      const fault =
        error instanceof RequestCut
          ? { fault: 'reset-mid-body' }
          : { text: error instanceof Error ? error.message : 'error' };
      finish({ ...unread, outcome: 'failed', httpStatus: 0, ...fault });
    }
  }

  async #deliver(
    request: IncomingMessage,
    response: ServerResponse,
    outcome: ServiceOutcome,
    finish: (line: Omit<LogLine, 'atUtcMs' | 'durationMs'>) => void,
  ): Promise<void> {
    const slow = this.#faults.take(['slow'], outcome.transaction);
    if (slow !== undefined) await delay(slow.delayMs);
    const late = outcome.isAccepted
      ? this.#faults.take(['lost-answer', 'garbage-answer'], outcome.transaction)
      : undefined;
    const met = late?.kind ?? slow?.kind ?? outcome.fault;
    const line = { ...lineOf(outcome), ...(met === undefined ? {} : { fault: met }) };
    if (late?.kind === 'lost-answer') {
      request.socket.destroy();
      finish({ ...line, httpStatus: 0 });
      return;
    }
    const answer = late === undefined ? outcome.answer : { ...outcome.answer, body: garbage };
    this.#send(response, answer);
    finish({ ...line, httpStatus: answer.status });
  }

  #send(response: ServerResponse, answer: HttpAnswer): void {
    response.writeHead(answer.status, { 'content-type': answer.contentType, 'content-length': answer.body.length });
    response.end(answer.body);
  }
}
