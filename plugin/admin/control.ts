/**
 * How the command line speaks to the running sidecar: HTTP on a socket in the sidecar's own folder, which only its user may
 * enter. There is no port to find and nothing to listen to from another machine.
 */
import { rm } from 'node:fs/promises';
import { createServer, request, type IncomingMessage, type ServerResponse } from 'node:http';
import { json } from 'node:stream/consumers';
import { asDrimboxError, DrimboxError, isErrorCode } from '../errors.ts';

export const controlSocketOf = (folder: string): string => `${folder}/control.sock`;

type Run = (words: readonly string[]) => Promise<unknown>;

const isWords = (value: unknown): value is { words: readonly string[] } =>
  typeof value === 'object' &&
  value !== null &&
  'words' in value &&
  Array.isArray(value.words) &&
  value.words.every((word) => typeof word === 'string');

const answerTo = async (incoming: IncomingMessage, run: Run): Promise<object> => {
  try {
    const body: unknown = await json(incoming);
    if (!isWords(body)) throw new DrimboxError('cli/usage', { detail: 'not a command' });
    return { result: await run(body.words) };
  } catch (cause) {
    const { code, detail } = asDrimboxError(cause);
    return { error: { code, detail } };
  }
};

const respond = async (incoming: IncomingMessage, outgoing: ServerResponse, run: Run): Promise<void> => {
  const answer = await answerTo(incoming, run);
  outgoing.setHeader('content-type', 'application/json');
  outgoing.end(JSON.stringify(answer));
};

/** Listens in `folder`; a socket file left by a killed process is taken over. */
export const startControl = async (folder: string, run: Run): Promise<{ close(): Promise<void> }> => {
  const path = controlSocketOf(folder);
  await rm(path, { force: true });
  const server = createServer((incoming, outgoing) => {
    respond(incoming, outgoing, run).catch(() => outgoing.destroy());
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(path, resolve);
  });
  return {
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
};

const resultOf = (answer: unknown): unknown => {
  if (typeof answer === 'object' && answer !== null && 'result' in answer) return answer.result;
  const error = typeof answer === 'object' && answer !== null && 'error' in answer ? answer.error : undefined;
  if (typeof error === 'object' && error !== null && 'code' in error && 'detail' in error) {
    const { code, detail } = error;
    if (typeof code === 'string' && isErrorCode(code)) throw new DrimboxError(code, { detail: String(detail) });
  }
  throw new DrimboxError('cli/sidecar-unreachable', { detail: 'unreadable answer of the running sidecar' });
};

/**
 * Asks the running sidecar to run a command.
 *
 * @throws cli/sidecar-unreachable, or the error of the command
 */
export const askSidecar = async (folder: string, words: readonly string[]): Promise<unknown> => {
  const answer = await new Promise<unknown>((resolve, reject) => {
    const call = request(
      { socketPath: controlSocketOf(folder), method: 'POST', path: '/commands', timeout: 30_000 },
      (incoming) => {
        json(incoming).then(resolve, reject);
      },
    );
    call.on('timeout', () => call.destroy(new Error('timeout')));
    call.on('error', reject);
    call.end(JSON.stringify({ words }));
  }).catch((cause: unknown) => {
    throw new DrimboxError('cli/sidecar-unreachable', {
      cause,
      detail: 'the sidecar that holds the store does not answer',
    });
  });
  return resultOf(answer);
};
