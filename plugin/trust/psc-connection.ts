/** The one way to Pro Santé Connect: TLS with pinned authorities, our certificate, limits in time and size. */
import { readFileSync } from 'node:fs';
import { Agent, buildConnector, fetch, type RequestInit } from 'undici';
import { DrimboxError } from '../errors.ts';
import type { PscOptions } from './psc-options.ts';

export type PscFetch = (url: string, init: RequestInit) => Promise<Response>;

export interface PscConnection {
  readonly fetch: PscFetch;
  /** The client secret, when that is how we are known. */
  readonly clientSecret: () => string | undefined;
  /** Header Date of the last answer, in milliseconds UTC. */
  readonly lastDateUtcMs: () => number | undefined;
  /**
   * Reads secret, certificate, key and authorities again; what is under way ends with the old ones.
   *
   * @throws config/unreadable, config/invalid: the old ones stay
   */
  readonly reload: () => void;
  readonly close: () => Promise<void>;
}

interface Credentials {
  readonly agent: Agent;
  readonly clientSecret?: string;
}

const readCredential = (file: string | undefined): string | undefined => {
  if (file === undefined) return undefined;
  try {
    const text = readFileSync(file, 'utf8').trim();
    if (text !== '') return text;
  } catch (cause) {
    throw new DrimboxError('config/unreadable', { cause, detail: `${file} (Trust.Psc) cannot be read` });
  }
  throw new DrimboxError('config/invalid', { detail: `${file} (Trust.Psc) is empty` });
};

const loadCredentials = (options: PscOptions): Credentials => {
  const cert = readCredential(options.certificateFile);
  const key = readCredential(options.keyFile);
  const ca = readCredential(options.caFile);
  const clientSecret = readCredential(options.clientSecretFile);
  const connect = buildConnector({
    timeout: options.connectTimeoutMs,
    minVersion: 'TLSv1.2',
    rejectUnauthorized: true,
    ...(ca === undefined ? {} : { ca }),
    ...(cert === undefined ? {} : { cert }),
    ...(key === undefined ? {} : { key }),
  });
  const agent = new Agent({
    connect: (target, done) =>
      connect(target, (error, socket) => {
        if (error !== null) return done(error, null);
        // TLS 1.3: the server refuses our certificate after the handshake, then closes; undici would tell of the closing only.
        socket.once('error', (alert) => socket.destroy(alert));
        return done(null, socket);
      }),
    allowH2: false,
    connections: 16,
    headersTimeout: options.timeoutMs,
    bodyTimeout: options.timeoutMs,
    maxResponseSize: options.maxAnswerBytes,
  });
  return { agent, ...(clientSecret === undefined ? {} : { clientSecret }) };
};

/** @throws config/unreadable, config/invalid */
export const openPscConnection = (options: PscOptions): PscConnection => {
  let credentials = loadCredentials(options);
  let dateUtcMs: number | undefined;
  return {
    fetch: async (url, init) => {
      const answer = await fetch(url, { ...init, redirect: 'manual', dispatcher: credentials.agent });
      const date = Date.parse(answer.headers.get('date') ?? '');
      if (!Number.isNaN(date)) dateUtcMs = date;
      return answer;
    },
    clientSecret: () => credentials.clientSecret,
    lastDateUtcMs: () => dateUtcMs,
    reload: () => {
      const old = credentials.agent;
      credentials = loadCredentials(options);
      old.close().catch(() => undefined);
    },
    close: () => credentials.agent.destroy(),
  };
};
