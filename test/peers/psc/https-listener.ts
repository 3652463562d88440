/** The TLS side: listens, goes away and comes back on the same port; a client certificate is asked for, not required. */
import { readFileSync } from 'node:fs';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { createServer, type Server } from 'node:https';
import type { AddressInfo } from 'node:net';
import type { Credential } from '../ca/openssl-authority.ts';

export interface ListenerOptions {
  readonly server: Credential;
  /** Authorities of the client certificates. */
  readonly chainFile: string;
  readonly port: number;
}

export type Serve = (request: IncomingMessage, response: ServerResponse) => Promise<void>;

export class HttpsListener {
  readonly #options: ListenerOptions;
  readonly #serve: Serve;
  #server: Server | undefined;
  #port: number;

  constructor(options: ListenerOptions, serve: Serve) {
    this.#options = options;
    this.#serve = serve;
    this.#port = options.port;
  }

  get port(): number {
    return this.#port;
  }

  async open(): Promise<void> {
    if (this.#server !== undefined) return;
    const { server: credential, chainFile } = this.#options;
    const server = createServer(
      {
        cert: readFileSync(credential.certificateFile),
        key: readFileSync(credential.keyFile),
        ca: readFileSync(chainFile),
        requestCert: true,
        rejectUnauthorized: false,
        minVersion: 'TLSv1.2',
      },
      (request, response) => {
        this.#serve(request, response).catch(() => response.destroy());
      },
    );
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
}
