/**
 * Stands between the sidecar and Orthanc's REST API: lets all through, refuses, hangs, answers an error of its own, is slow, or
 * says "no such study" to every search, as an Orthanc does that lost its index. Orthanc itself and its hook do not notice.
 */
import { once } from 'node:events';
import { createServer, request, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';

export type PacsWeather =
  | { readonly kind: 'fair' }
  | { readonly kind: 'status'; readonly status: number }
  | { readonly kind: 'slow'; readonly delayMs: number }
  /** Takes the request and never answers. */
  | { readonly kind: 'silent' }
  /** Cuts the connection in the middle of the answer. */
  | { readonly kind: 'torn' }
  /** 200 and an empty list to every search and every list of resources. */
  | { readonly kind: 'forgetful' };

const isSearch = (url: string): boolean =>
  /^\/(tools\/find|tools\/lookup|studies|patients|series|instances)(\?|$)/.test(url);

export class PacsGate {
  readonly #target: number;
  #weather: PacsWeather = { kind: 'fair' };
  #server: Server | undefined;
  #port = 0;
  #met = 0;

  constructor(targetPort: number) {
    this.#target = targetPort;
  }

  get port(): number {
    return this.#port;
  }

  /** Requests that met the present weather. */
  get met(): number {
    return this.#met;
  }

  set(weather: PacsWeather): void {
    this.#weather = weather;
    this.#met = 0;
  }

  #relay(asked: IncomingMessage, answer: ServerResponse, isTorn: boolean): void {
    const { method, url, headers } = asked;
    const relayed = request({ host: '127.0.0.1', port: this.#target, method, path: url, headers }, (got) => {
      answer.writeHead(got.statusCode ?? 502, got.headers);
      if (isTorn) {
        got.once('data', (chunk: Buffer) => {
          answer.write(chunk.subarray(0, Math.ceil(chunk.length / 2)));
          setTimeout(() => answer.destroy(), 20);
        });
      } else got.pipe(answer);
    });
    relayed.on('error', () => answer.destroy());
    answer.on('close', () => relayed.destroy());
    asked.pipe(relayed);
  }

  async #take(asked: IncomingMessage, answer: ServerResponse): Promise<void> {
    const weather = this.#weather;
    this.#met += 1;
    switch (weather.kind) {
      case 'fair':
        return this.#relay(asked, answer, false);
      case 'torn':
        return this.#relay(asked, answer, true);
      case 'silent':
        return;
      case 'slow':
        await sleep(weather.delayMs);
        return this.#relay(asked, answer, false);
      case 'status':
        answer.writeHead(weather.status, { 'content-type': 'text/plain' }).end('ordered');
        return;
      case 'forgetful':
        if (!isSearch(asked.url ?? '')) return this.#relay(asked, answer, false);
        answer.writeHead(200, { 'content-type': 'application/json' }).end('[]');
        return;
    }
  }

  async open(): Promise<void> {
    this.#server = createServer((asked, answer) => {
      this.#take(asked, answer).catch(() => answer.destroy());
    });
    this.#server.listen(this.#port, '127.0.0.1');
    await once(this.#server, 'listening');
    this.#port = (this.#server.address() as AddressInfo).port;
  }

  async close(): Promise<void> {
    const server = this.#server;
    this.#server = undefined;
    if (server === undefined) return;
    server.close();
    server.closeAllConnections();
    await once(server, 'close');
  }
}
