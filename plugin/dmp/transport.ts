/**
 * One HTTPS exchange with the DMP, and the exact point where it failed.
 *
 * Each exchange has a connection of its own, so a failure before the connection stands means that nothing was sent
 * (transient), and any failure after it means that the DMP may have the request (ambiguous). No redirect is followed.
 *
 * @see PDT-INF-579 (TLS 1.2, four suites) · facts/identity.md 4.4
 */
import { createSecureContext, type SecureContext } from 'node:tls';
import { buildConnector, Client } from 'undici';
import { DrimboxError } from '../errors.ts';

/** OpenSSL names of the suites the DMP accepts. */
export const dmpCipherSuites = [
  'ECDHE-RSA-CHACHA20-POLY1305',
  'ECDHE-RSA-AES128-GCM-SHA256',
  'ECDHE-RSA-AES256-SHA384',
  'ECDHE-RSA-AES256-GCM-SHA384',
] as const;

export interface TlsIdentity {
  readonly certificatePem: string;
  readonly privateKeyPem: string;
  /** Authorities of the DMP's server; nothing else is trusted. */
  readonly authoritiesPem: string;
}

export interface HttpRequest {
  readonly method: 'POST' | 'GET';
  readonly url: string;
  readonly contentType?: string;
  readonly body?: Uint8Array;
}

export interface HttpAnswer {
  readonly httpStatus: number;
  readonly contentType: string;
  /** Date header, as written. */
  readonly date?: string;
  readonly body: Uint8Array;
}

export interface TransportLimits {
  readonly connectTimeoutMs: number;
  /** From the first byte sent to the last byte received. */
  readonly timeoutMs: number;
  readonly maxAnswerBytes: number;
}

export interface DmpTransport {
  /** @throws dmp/unreachable, dmp/tls-refused, dmp/timeout, dmp/connection-lost, dmp/answer-invalid */
  exchange(request: HttpRequest): Promise<HttpAnswer>;
}

/** @throws dmp/certificate-unreadable */
export const createTlsContext = (identity: TlsIdentity): SecureContext => {
  try {
    return createSecureContext({
      cert: identity.certificatePem,
      key: identity.privateKeyPem,
      ca: identity.authoritiesPem,
      minVersion: 'TLSv1.2',
      maxVersion: 'TLSv1.2',
      ciphers: dmpCipherSuites.join(':'),
    });
  } catch (cause) {
    throw new DrimboxError('dmp/certificate-unreadable', { detail: 'certificate, key or authorities of TLS', cause });
  }
};

const codeOf = (error: unknown): string =>
  typeof error === 'object' && error !== null && 'code' in error && typeof error.code === 'string' ? error.code : '';

/** Codes of node:tls and OpenSSL for a handshake that failed on a certificate, a version or a suite. */
const isTlsRefusal = (code: string): boolean =>
  /^(ERR_SSL_|ERR_TLS_|EPROTO|CERT_|UNABLE_TO_|SELF_SIGNED_|DEPTH_ZERO_|INVALID_CA|PATH_LENGTH_|HOSTNAME_MISMATCH)/.test(
    code,
  );

const connectError = (cause: unknown): DrimboxError => {
  const code = codeOf(cause);
  return new DrimboxError(isTlsRefusal(code) ? 'dmp/tls-refused' : 'dmp/unreachable', {
    detail: code === '' ? 'no connection' : code,
    cause,
  });
};

const afterConnectError = (cause: unknown, isTimeout: boolean): DrimboxError => {
  if (cause instanceof DrimboxError) return cause;
  return new DrimboxError(isTimeout ? 'dmp/timeout' : 'dmp/connection-lost', {
    detail: codeOf(cause) || 'the exchange broke off',
    cause,
  });
};

const readBody = async (chunks: AsyncIterable<Uint8Array>, maxBytes: number): Promise<Uint8Array> => {
  const read: Uint8Array[] = [];
  let total = 0;
  for await (const chunk of chunks) {
    total += chunk.byteLength;
    if (total > maxBytes) throw new DrimboxError('dmp/answer-invalid', { detail: `more than ${maxBytes} bytes` });
    read.push(chunk);
  }
  return Buffer.concat(read, total);
};

const headerText = (value: string | string[] | undefined): string | undefined =>
  Array.isArray(value) ? value[0] : value;

export const createTransport = (secureContext: SecureContext, limits: TransportLimits): DmpTransport => ({
  exchange: async (request) => {
    const url = new URL(request.url);
    const connect = buildConnector({
      secureContext,
      timeout: limits.connectTimeoutMs,
      allowH2: false,
      maxCachedSessions: 0,
      rejectUnauthorized: true,
    });
    let isConnected = false;
    let overdue: NodeJS.Timeout | undefined;
    const deadline = new AbortController();
    const client = new Client(url.origin, {
      pipelining: 0,
      headersTimeout: 0,
      bodyTimeout: 0,
      connect: (options, callback) =>
        connect(options, (error, socket) => {
          if (error !== null) return callback(error, null);
          isConnected = true;
          overdue = setTimeout(() => deadline.abort(), limits.timeoutMs);
          return callback(null, socket);
        }),
    });
    try {
      const { statusCode, headers, body } = await client.request({
        method: request.method,
        path: url.pathname + url.search,
        headers: request.contentType === undefined ? {} : { 'content-type': request.contentType },
        body: request.body ?? null,
        signal: deadline.signal,
      });
      const date = headerText(headers['date']);
      return {
        httpStatus: statusCode,
        contentType: headerText(headers['content-type']) ?? '',
        ...(date === undefined ? {} : { date }),
        body: await readBody(body, limits.maxAnswerBytes),
      };
    } catch (cause) {
      throw isConnected ? afterConnectError(cause, deadline.signal.aborted) : connectError(cause);
    } finally {
      clearTimeout(overdue);
      await client.destroy();
    }
  },
});
