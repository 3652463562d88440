/**
 * Bytes of stored files from Orthanc's REST API: streamed, on connections of their own.
 *
 * A peer that reads slowly holds its connection to Orthanc for as long: with those of the questions, a few such peers would
 * leave none to ask what is in the PACS.
 */
import { Agent, type Dispatcher } from 'undici';
import { DrimboxError } from '../errors.ts';
import { checkStatus, hasGoneStale, wrapNetworkError } from './network-failure.ts';

export interface DownloadsOptions {
  readonly url: string;
  /** Sent with each request. */
  readonly headers: Readonly<Record<string, string>>;
  /** Longest silence of Orthanc; a reader who waits is no silence. */
  readonly timeoutMs: number;
}

/** A part of a file of which the size is known; `end` is one past the last byte. */
export interface WantedBytes {
  readonly start: number;
  readonly end: number;
  readonly totalBytes: number;
}

export interface Download {
  /** Exactly the bytes that were wanted; whoever stops reading ends the exchange. @throws orthanc/* */
  readonly bytes: AsyncIterable<Buffer>;
  /** Another one when the file has another content; absent when Orthanc does not say. */
  readonly etag: string | undefined;
}

export interface Downloads {
  /**
   * @throws orthanc/not-found, orthanc/unreachable, orthanc/timeout, orthanc/refused;
   *   orthanc/answer-invalid, also when the file has another size than the index said; what `signal` was aborted with
   */
  start(path: string, wanted: WantedBytes, signal: AbortSignal): Promise<Download>;
  close(): Promise<void>;
}

/** Fewer than the 50 threads by which Orthanc answers (HttpThreadsCount). */
const maxConnections = 32;
const pieceBytes = 1024 * 1024;

type Answer = Dispatcher.ResponseData;

const headerOf = (answer: Answer, name: string): string | undefined => {
  const value = answer.headers[name];
  return typeof value === 'string' ? value : undefined;
};

const anotherFile = (path: string): DrimboxError =>
  new DrimboxError('orthanc/answer-invalid', { detail: `${path} is another file than the index named` });

type Range = { readonly start: number; readonly end: number };

/**
 * What the answer holds of the file: Orthanc knows ranges since 1.12.5, an older one sends the whole file.
 *
 * @throws orthanc/answer-invalid
 */
const checkHeaders = (answer: Answer, path: string, { start, end, totalBytes }: WantedBytes): Range => {
  if (!['identity', undefined].includes(headerOf(answer, 'content-encoding'))) {
    throw new DrimboxError('orthanc/answer-invalid', { detail: `${path} was answered compressed` });
  }
  const length = headerOf(answer, 'content-length');
  if (answer.statusCode === 200) {
    if (length !== undefined && length !== String(totalBytes)) throw anotherFile(path);
    return { start: 0, end: totalBytes };
  }
  const range = `bytes ${start}-${end - 1}/${totalBytes}`;
  if (headerOf(answer, 'content-range') !== range || (length !== undefined && length !== String(end - start))) {
    throw anotherFile(path);
  }
  return { start, end };
};

/** @param held  what the body holds of the file */
async function* takeBytes(
  answer: Answer,
  held: Range,
  path: string,
  { start, end }: WantedBytes,
  signal: AbortSignal,
): AsyncGenerator<Buffer, void, undefined> {
  let position = held.start;
  try {
    for await (const piece of answer.body as AsyncIterable<Buffer>) {
      const part = piece.subarray(Math.max(0, start - position), Math.max(0, end - position));
      position += piece.length;
      if (position > held.end) throw anotherFile(path);
      if (part.length > 0) yield part;
      // The end of the body is waited for where it is near: the connection can then be used again.
      if (position >= end && end < held.end) return;
    }
  } catch (error) {
    signal.throwIfAborted();
    throw wrapNetworkError(error, path);
  }
  if (position < end) throw new DrimboxError('orthanc/unreachable', { detail: `${path} broke off` });
}

export const openDownloads = (options: DownloadsOptions): Downloads => {
  const base = new URL(options.url);
  const basePath = base.pathname.replace(/\/$/, '');
  const agent = new Agent({
    connections: maxConnections,
    connect: { timeout: options.timeoutMs },
    headersTimeout: options.timeoutMs,
    bodyTimeout: options.timeoutMs,
    // Orthanc before 1.11.3 closes an idle connection after one second.
    keepAliveTimeout: 700,
    keepAliveMaxTimeout: 30_000,
  });

  const send = (path: string, { start, end, totalBytes }: WantedBytes, signal: AbortSignal): Promise<Answer> =>
    agent.request({
      origin: base.origin,
      path: `${basePath}${path}`,
      method: 'GET',
      // No Accept-Encoding: Orthanc's compression costs twenty times the reading.
      headers: {
        ...options.headers,
        ...(start === 0 && end === totalBytes ? {} : { range: `bytes=${start}-${end - 1}` }),
      },
      highWaterMark: pieceBytes,
      signal,
    });

  const sendTwice = async (path: string, wanted: WantedBytes, signal: AbortSignal): Promise<Answer> => {
    try {
      return await send(path, wanted, signal);
    } catch (error) {
      if (signal.aborted || !hasGoneStale(error)) throw error;
      return await send(path, wanted, signal);
    }
  };

  return {
    start: async (path, wanted, signal) => {
      let answer: Answer;
      try {
        answer = await sendTwice(path, wanted, signal);
      } catch (error) {
        signal.throwIfAborted();
        throw wrapNetworkError(error, path);
      }
      try {
        if (answer.statusCode !== 206) checkStatus(answer.statusCode, path, 'resource');
        const held = checkHeaders(answer, path, wanted);
        return { bytes: takeBytes(answer, held, path, wanted, signal), etag: headerOf(answer, 'etag') };
      } catch (error) {
        // An error page is of no use, and Orthanc's may quote the request.
        answer.body.on('error', () => undefined);
        answer.body.destroy();
        throw error;
      }
    },
    // What is under way has a reader who may wait for ever.
    close: () => agent.destroy(),
  };
};
