/**
 * How the command line speaks to the running sidecar: HTTP on a socket in the sidecar's own folder, which only its user may
 * enter. There is no port to find and nothing to listen to from another machine.
 *
 * The answer is one JSON value a line: `{progress}` while the command works, `{heartbeat}` every few seconds, then once
 * `{result}` or `{error}`. Only silence is a time-out; a command may last for hours.
 */
import { rm } from 'node:fs/promises';
import { createServer, request, type IncomingMessage, type ServerResponse } from 'node:http';
import { createInterface } from 'node:readline';
import { json } from 'node:stream/consumers';
import { asDrimboxError, DrimboxError, isErrorCode } from '../errors.ts';
import type { Report } from './command-words.ts';

export const controlSocketOf = (folder: string): string => `${folder}/control.sock`;

/**
 * Runs a command for whoever asked. `signal` is aborted when the asker has gone or the sidecar stops: a command that writes
 * a file then removes what it began; the others run to their end.
 */
export type RunCommand = (words: readonly string[], report: Report, signal: AbortSignal) => Promise<unknown>;

const defaultHeartbeatMs = 5_000;
const defaultSilenceMs = 30_000;
/** How long a stop waits for commands to clean up. */
const stopGraceMs = 2_000;

const isWords = (value: unknown): value is { words: readonly string[] } =>
  typeof value === 'object' &&
  value !== null &&
  'words' in value &&
  Array.isArray(value.words) &&
  value.words.every((word) => typeof word === 'string');

const answerTo = async (
  incoming: IncomingMessage,
  run: RunCommand,
  report: Report,
  signal: AbortSignal,
): Promise<object> => {
  try {
    const body: unknown = await json(incoming);
    if (!isWords(body)) throw new DrimboxError('cli/usage', { detail: 'not a command' });
    return { result: (await run(body.words, report, signal)) ?? null };
  } catch (cause) {
    const { code, detail } = asDrimboxError(cause);
    return { error: { code, detail } };
  }
};

const respond = async (
  incoming: IncomingMessage,
  outgoing: ServerResponse,
  run: RunCommand,
  given: { readonly heartbeatMs: number; readonly stopped: AbortSignal },
): Promise<void> => {
  const gone = new AbortController();
  outgoing.on('close', () => gone.abort());
  const write = (line: object): void => {
    if (!outgoing.writableEnded && !outgoing.destroyed) outgoing.write(`${JSON.stringify(line)}\n`);
  };
  outgoing.setHeader('content-type', 'application/x-ndjson');
  const heart = setInterval(() => write({ heartbeat: true }), given.heartbeatMs);
  try {
    const signal = AbortSignal.any([gone.signal, given.stopped]);
    write(await answerTo(incoming, run, (progress) => write({ progress }), signal));
  } finally {
    clearInterval(heart);
    outgoing.end();
  }
};

/** Listens in `folder`; a socket file left by a killed process is taken over. */
export const startControl = async (
  folder: string,
  run: RunCommand,
  options: { readonly heartbeatMs?: number } = {},
): Promise<{ close(): Promise<void> }> => {
  const path = controlSocketOf(folder);
  const stopping = new AbortController();
  const running = new Set<Promise<void>>();
  await rm(path, { force: true });
  const server = createServer((incoming, outgoing) => {
    const heartbeatMs = options.heartbeatMs ?? defaultHeartbeatMs;
    const responding = respond(incoming, outgoing, run, { heartbeatMs, stopped: stopping.signal })
      .catch(() => outgoing.destroy())
      .then(() => undefined)
      .finally(() => running.delete(responding));
    running.add(responding);
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(path, resolve);
  });
  const settle = (): Promise<unknown> => {
    let timer: NodeJS.Timeout | undefined;
    const grace = new Promise((resolve) => {
      timer = setTimeout(resolve, stopGraceMs);
    });
    return Promise.race([Promise.allSettled(running), grace]).finally(() => clearTimeout(timer));
  };
  return {
    close: async () => {
      const closed = new Promise<void>((resolve) => {
        server.close(() => resolve());
      });
      stopping.abort();
      await settle();
      server.closeAllConnections();
      await closed;
    },
  };
};

type Answer = { readonly result: unknown } | { readonly error: unknown };

const isObject = (value: unknown): value is object => typeof value === 'object' && value !== null;

/** @returns the answer, or undefined for a line that only says that it is still at work */
const readLine = (line: string, onProgress: Report): Answer | undefined => {
  const value: unknown = JSON.parse(line);
  if (!isObject(value)) return undefined;
  if ('result' in value) return { result: value.result };
  if ('error' in value) return { error: value.error };
  if ('progress' in value && isObject(value.progress)) onProgress(value.progress);
  return undefined;
};

const unreachable = (detail: string, cause?: unknown): DrimboxError =>
  new DrimboxError('cli/sidecar-unreachable', { detail, ...(cause === undefined ? {} : { cause }) });

const resultOf = (answer: Answer): unknown => {
  if ('result' in answer) return answer.result;
  const { error } = answer;
  if (isObject(error) && 'code' in error && 'detail' in error) {
    const { code, detail } = error;
    if (typeof code === 'string' && isErrorCode(code)) throw new DrimboxError(code, { detail: String(detail) });
  }
  throw unreachable('unreadable answer of the running sidecar');
};

const readAnswer = async (incoming: IncomingMessage, onProgress: Report): Promise<Answer> => {
  for await (const line of createInterface({ input: incoming, crlfDelay: Number.POSITIVE_INFINITY })) {
    const answer = line === '' ? undefined : readLine(line, onProgress);
    if (answer !== undefined) return answer;
  }
  throw unreachable('no answer of the running sidecar');
};

const call = (folder: string, words: readonly string[], onProgress: Report, silenceMs: number): Promise<Answer> =>
  new Promise((resolve, reject) => {
    const asking = request({ socketPath: controlSocketOf(folder), method: 'POST', path: '/commands' }, (incoming) => {
      // The end of a cut answer is told here; readline alone would take it for the end.
      incoming.on('error', reject);
      incoming.on('aborted', () => reject(new Error('cut')));
      readAnswer(incoming, onProgress).then(resolve, reject);
    });
    asking.setTimeout(silenceMs, () => asking.destroy(new Error('silent for too long')));
    asking.on('error', reject);
    asking.end(JSON.stringify({ words }));
  });

/**
 * Asks the running sidecar to run a command.
 *
 * @param onProgress  told while it works
 * @throws cli/sidecar-unreachable — nobody answers, or nothing came for `silenceMs` [30 s] — or the error of the command
 */
export const askSidecar = async (
  folder: string,
  words: readonly string[],
  onProgress: Report = () => undefined,
  options: { readonly silenceMs?: number } = {},
): Promise<unknown> => {
  const answer = await call(folder, words, onProgress, options.silenceMs ?? defaultSilenceMs).catch(
    (cause: unknown) => {
      throw unreachable('the sidecar that holds the store does not answer', cause);
    },
  );
  return resultOf(answer);
};
