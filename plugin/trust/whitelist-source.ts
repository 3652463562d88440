/**
 * Where the signed list comes from: an HTTPS address, or a file that something else puts there.
 *
 * @see DB.CS.147 (daily download) · RFC 9110 §13 (ETag) — no redirect is followed, nothing compressed is accepted
 */
import { open } from 'node:fs/promises';
import { Agent, request } from 'undici';
import { DrimboxError } from '../errors.ts';
import { networkCodeOf, readBody } from './download.ts';

/** What the source gave, or that it has nothing else than last time. */
export type Fetched =
  | {
      readonly kind: 'content';
      readonly bytes: Uint8Array;
      /** Names this content to the source: an ETag, or size and time of a file. */
      readonly validator: string;
      /** Since when the source says so: now for a server, its modification time for a file. */
      readonly confirmedAtUtcMs: number;
    }
  | { readonly kind: 'unchanged'; readonly confirmedAtUtcMs: number };

export interface WhitelistSource {
  /**
   * @param validator  of the copy we have
   * @throws trust/whitelist-unreachable, trust/whitelist-too-large
   */
  fetch(validator: string | undefined, signal: AbortSignal): Promise<Fetched>;
}

export interface HttpsSourceOptions {
  readonly url: string;
  /** Authorities of the server in PEM; absent: those of Node.js. */
  readonly authoritiesPem?: string;
  readonly timeoutMs: number;
  readonly maxBytes: number;
}

const unreachable = (detail: string, cause?: unknown): DrimboxError =>
  new DrimboxError('trust/whitelist-unreachable', { detail, ...(cause === undefined ? {} : { cause }) });

const tooLarge = (maxBytes: number): DrimboxError =>
  new DrimboxError('trust/whitelist-too-large', { detail: `more than ${maxBytes} bytes` });

const headerText = (value: string | string[] | undefined): string => (Array.isArray(value) ? value[0] : value) ?? '';

const download = async (
  options: HttpsSourceOptions,
  dispatcher: Agent,
  validator: string | undefined,
  signal: AbortSignal,
): Promise<{ readonly bytes: Uint8Array; readonly etag: string } | undefined> => {
  const answer = await request(options.url, {
    dispatcher,
    signal,
    headers: {
      accept: 'application/xml, text/xml, */*;q=0.1',
      'accept-encoding': 'identity',
      ...(validator === undefined || validator === '' ? {} : { 'if-none-match': validator }),
    },
  });
  // A body that is left unread ends with an error of its own.
  answer.body.on('error', () => undefined);
  try {
    if (answer.statusCode === 304 && validator !== undefined) return undefined;
    if (answer.statusCode !== 200) throw unreachable(`HTTP status ${answer.statusCode}`);
    if (headerText(answer.headers['content-encoding']) !== '') throw unreachable('compressed answer');
    if (Number(headerText(answer.headers['content-length'])) > options.maxBytes) throw tooLarge(options.maxBytes);
    return { bytes: await readBody(answer.body, options.maxBytes, tooLarge), etag: headerText(answer.headers.etag) };
  } finally {
    answer.body.destroy();
  }
};

/** One connection for each fetch: there is one a day. */
export const createHttpsSource = (options: HttpsSourceOptions, clock: () => number): WhitelistSource => ({
  fetch: async (validator, signal) => {
    const ca = options.authoritiesPem;
    const dispatcher = new Agent({
      connect: { minVersion: 'TLSv1.2', timeout: options.timeoutMs, ...(ca === undefined ? {} : { ca }) },
      maxResponseSize: options.maxBytes + 1,
    });
    const limit = AbortSignal.timeout(options.timeoutMs);
    try {
      const answer = await download(options, dispatcher, validator, AbortSignal.any([signal, limit]));
      const confirmedAtUtcMs = clock();
      if (answer === undefined) return { kind: 'unchanged', confirmedAtUtcMs };
      return { kind: 'content', bytes: answer.bytes, validator: answer.etag, confirmedAtUtcMs };
    } catch (cause) {
      if (cause instanceof DrimboxError) throw cause;
      if (limit.aborted) throw unreachable(`no answer in ${options.timeoutMs} ms`, cause);
      if (networkCodeOf(cause) === 'UND_ERR_RES_EXCEEDED_MAX_SIZE') throw tooLarge(options.maxBytes);
      throw unreachable(networkCodeOf(cause) || 'the exchange broke off', cause);
    } finally {
      await dispatcher.destroy();
    }
  },
});

/** @param path  read when its size, time or inode changed; as old as its modification time */
export const createFileSource = (path: string, maxBytes: number, clock: () => number): WhitelistSource => ({
  fetch: async (validator) => {
    try {
      await using file = await open(path, 'r');
      const { size, mtimeMs, ino } = await file.stat();
      if (size > maxBytes) throw tooLarge(maxBytes);
      const confirmedAtUtcMs = Math.min(Math.floor(mtimeMs), clock());
      const found = `${size}-${mtimeMs}-${ino}`;
      if (found === validator) return { kind: 'unchanged', confirmedAtUtcMs };
      return { kind: 'content', bytes: await file.readFile(), validator: found, confirmedAtUtcMs };
    } catch (cause) {
      if (cause instanceof DrimboxError) throw cause;
      throw unreachable(networkCodeOf(cause) || 'unreadable file', cause);
    }
  },
});
