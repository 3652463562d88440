/** The one way to a sign-in service: TLS with pinned authorities, our certificate if any, limits in time and size. */
import { readFileSync } from 'node:fs';
import { createSecureContext, type SecureContextOptions } from 'node:tls';
import { isDeepStrictEqual } from 'node:util';
import { Agent, buildConnector, fetch, type RequestInit } from 'undici';
import { DrimboxError } from '../errors.ts';

export type ProviderFetch = (url: string, init: RequestInit) => Promise<Response>;

export interface ProviderConnection {
  readonly fetch: ProviderFetch;
  /** Reads the files again; what is under way ends with the old ones. @throws config/unreadable, config/invalid */
  readonly reload: () => void;
  readonly close: () => Promise<void>;
}

export interface ConnectionOptions {
  readonly certificateFile?: string | undefined;
  readonly keyFile?: string | undefined;
  readonly caFile?: string | undefined;
  readonly connectTimeoutMs: number;
  readonly timeoutMs: number;
  readonly maxAnswerBytes: number;
}

/**
 * Text of a file that holds a secret, a certificate or a key, without the blanks around it.
 *
 * @throws config/unreadable, config/invalid when it is empty
 */
export const readSecret = (path: string): string => {
  let text: string;
  try {
    text = readFileSync(path, 'utf8').trim();
  } catch (cause) {
    throw new DrimboxError('config/unreadable', { cause, detail: `${path} (SignIn) cannot be read` });
  }
  if (text === '') throw new DrimboxError('config/invalid', { detail: `${path} (SignIn) is empty` });
  return text;
};

const readTls = ({ certificateFile, keyFile, caFile }: ConnectionOptions): SecureContextOptions => {
  const tls: SecureContextOptions = {
    minVersion: 'TLSv1.2',
    ...(caFile === undefined ? {} : { ca: readSecret(caFile) }),
    ...(certificateFile === undefined ? {} : { cert: readSecret(certificateFile) }),
    ...(keyFile === undefined ? {} : { key: readSecret(keyFile) }),
  };
  try {
    createSecureContext(tls);
  } catch (cause) {
    const detail = 'certificate, key and authorities (SignIn) cannot be used together';
    throw new DrimboxError('config/invalid', { cause, detail });
  }
  return tls;
};

/** @throws config/unreadable, config/invalid */
export const openProviderConnection = (options: ConnectionOptions): ProviderConnection => {
  const openAgent = (tls: SecureContextOptions): Agent => {
    const connect = buildConnector({ ...tls, timeout: options.connectTimeoutMs, rejectUnauthorized: true });
    return new Agent({
      connect: (target, done) =>
        connect(target, (error, socket) => {
          if (error !== null) return done(error, null);
          // TLS 1.3: our certificate is refused after the handshake; undici would tell of the closing that follows only.
          socket.once('error', (alert) => socket.destroy(alert));
          return done(null, socket);
        }),
      allowH2: false,
      connections: 16,
      headersTimeout: options.timeoutMs,
      bodyTimeout: options.timeoutMs,
      maxResponseSize: options.maxAnswerBytes,
    });
  };
  let tls = readTls(options);
  let agent = openAgent(tls);
  return {
    // A redirection would take a code, a secret or a token elsewhere.
    fetch: (url, init) => fetch(url, { ...init, redirect: 'manual', dispatcher: agent }),
    reload: () => {
      const read = readTls(options);
      if (isDeepStrictEqual(read, tls)) return;
      const old = agent;
      agent = openAgent(read);
      tls = read;
      old.close().catch(() => undefined);
    },
    close: () => agent.destroy(),
  };
};
