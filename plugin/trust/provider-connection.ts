/**
 * The one way to Pro Santé Connect and FranceConnect+: TLS with pinned authorities, our certificate if any, limits in time and
 * size.
 */
import { readFileSync } from 'node:fs';
import { createSecureContext, type SecureContextOptions } from 'node:tls';
import { isDeepStrictEqual } from 'node:util';
import { Agent, buildConnector, fetch, type RequestInit } from 'undici';
import { DrimboxError } from '../errors.ts';

export type ProviderFetch = (url: string, init: RequestInit) => Promise<Response>;

export interface ProviderConnection {
  readonly fetch: ProviderFetch;
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

/** Part of the options of each service. */
export interface ProviderConnectionOptions {
  readonly clientSecretFile?: string | undefined;
  readonly certificateFile?: string | undefined;
  readonly keyFile?: string | undefined;
  readonly caFile?: string | undefined;
  readonly connectTimeoutMs: number;
  readonly timeoutMs: number;
  readonly maxAnswerBytes: number;
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

/**
 * Text of a file that holds a secret, a certificate or a key, without the blanks around it.
 *
 * @param section  of the configuration that names the file: `Trust.Psc`
 * @throws config/unreadable, config/invalid when it is empty
 */
export const readCredential = (file: string, section: string): string => {
  let text: string;
  try {
    text = readFileSync(file, 'utf8').trim();
  } catch (cause) {
    throw new DrimboxError('config/unreadable', { cause, detail: `${file} (${section}) cannot be read` });
  }
  if (text === '') throw new DrimboxError('config/invalid', { detail: `${file} (${section}) is empty` });
  return text;
};

/** Two files are read one after the other: while somebody replaces them, they may be no pair. */
const checkUsable = (tls: SecureContextOptions, section: string): void => {
  try {
    createSecureContext(tls);
  } catch (cause) {
    const detail = `certificate, key and authorities (${section}) cannot be used together`;
    throw new DrimboxError('config/invalid', { cause, detail });
  }
};

const readCredentials = (options: ProviderConnectionOptions, section: string): CredentialTexts => {
  const read = (file: string | undefined): string | undefined =>
    file === undefined ? undefined : readCredential(file, section);
  const { certificateFile, keyFile, caFile, clientSecretFile } = options;
  return { cert: read(certificateFile), key: read(keyFile), ca: read(caFile), clientSecret: read(clientSecretFile) };
};

const openCredentials = (
  options: ProviderConnectionOptions,
  section: string,
  { cert, key, ca, clientSecret }: CredentialTexts,
): Credentials => {
  const tls: SecureContextOptions = {
    minVersion: 'TLSv1.2',
    ...(ca === undefined ? {} : { ca }),
    ...(cert === undefined ? {} : { cert }),
    ...(key === undefined ? {} : { key }),
  };
  checkUsable(tls, section);
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

/**
 * @param section  of the configuration, to be named in errors
 * @throws config/unreadable, config/invalid
 */
export const openProviderConnection = (options: ProviderConnectionOptions, section: string): ProviderConnection => {
  let texts = readCredentials(options, section);
  let credentials = openCredentials(options, section, texts);
  let dateUtcMs: number | undefined;
  return {
    // A redirection would take a code, a secret or a token elsewhere.
    fetch: async (url, init) => {
      const answer = await fetch(url, { ...init, redirect: 'manual', dispatcher: credentials.agent });
      const date = Date.parse(answer.headers.get('date') ?? '');
      if (!Number.isNaN(date)) dateUtcMs = date;
      return answer;
    },
    clientSecret: () => credentials.clientSecret,
    lastDateUtcMs: () => dateUtcMs,
    reload: () => {
      const read = readCredentials(options, section);
      if (isDeepStrictEqual(read, texts)) return;
      const old = credentials.agent;
      credentials = openCredentials(options, section, read);
      texts = read;
      old.close().catch(() => undefined);
    },
    close: () => credentials.agent.destroy(),
  };
};
