/** The one way to Pro Santé Connect: TLS with pinned authorities, our certificate, limits in time and size. */
import { readFileSync } from 'node:fs';
import { createSecureContext, type SecureContextOptions } from 'node:tls';
import { isDeepStrictEqual } from 'node:util';
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
   * Reads secret, certificate, key and authorities again; where one changed, what is under way ends with the old ones.
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

/** Contents of the files. */
interface CredentialTexts {
  readonly cert: string | undefined;
  readonly key: string | undefined;
  readonly ca: string | undefined;
  readonly clientSecret: string | undefined;
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

/** Two files are read one after the other: while somebody replaces them, they may be no pair. */
const checkUsable = (tls: SecureContextOptions): void => {
  try {
    createSecureContext(tls);
  } catch (cause) {
    const detail = 'certificate, key and authorities (Trust.Psc) cannot be used together';
    throw new DrimboxError('config/invalid', { cause, detail });
  }
};

const readCredentials = (options: PscOptions): CredentialTexts => ({
  cert: readCredential(options.certificateFile),
  key: readCredential(options.keyFile),
  ca: readCredential(options.caFile),
  clientSecret: readCredential(options.clientSecretFile),
});

const openCredentials = (options: PscOptions, { cert, key, ca, clientSecret }: CredentialTexts): Credentials => {
  const tls: SecureContextOptions = {
    minVersion: 'TLSv1.2',
    ...(ca === undefined ? {} : { ca }),
    ...(cert === undefined ? {} : { cert }),
    ...(key === undefined ? {} : { key }),
  };
  checkUsable(tls);
  const connect = buildConnector({ ...tls, timeout: options.connectTimeoutMs, rejectUnauthorized: true });
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
  let texts = readCredentials(options);
  let credentials = openCredentials(options, texts);
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
      const read = readCredentials(options);
      if (isDeepStrictEqual(read, texts)) return;
      const old = credentials.agent;
      credentials = openCredentials(options, read);
      texts = read;
      old.close().catch(() => undefined);
    },
    close: () => credentials.agent.destroy(),
  };
};
