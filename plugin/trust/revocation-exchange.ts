/**
 * One question over HTTP to an authority: a list or an answer, both signed, so plain HTTP is allowed.
 *
 * @see facts/identity.md 5.1 (flows allowed in the clear) · no redirect is followed, nothing compressed is accepted
 */
import { Agent, request } from 'undici';
import { DrimboxError } from '../errors.ts';
import { networkCodeOf, readBody } from './download.ts';

export interface RevocationQuestion {
  readonly url: string;
  /** Present: sent by POST. */
  readonly body?: { readonly bytes: Uint8Array; readonly contentType: string };
  readonly maxBytes: number;
  readonly timeoutMs: number;
}

/** @throws trust/revocation-unreachable */
export type RevocationExchange = (question: RevocationQuestion, signal: AbortSignal) => Promise<Uint8Array>;

const unreachable = (detail: string, cause?: unknown): DrimboxError =>
  new DrimboxError('trust/revocation-unreachable', { detail, ...(cause === undefined ? {} : { cause }) });

const tooLarge = (maxBytes: number): DrimboxError => unreachable(`more than ${maxBytes} bytes`);

const ask = async (question: RevocationQuestion, dispatcher: Agent, signal: AbortSignal): Promise<Uint8Array> => {
  const { body } = question;
  const answer = await request(question.url, {
    dispatcher,
    signal,
    method: body === undefined ? 'GET' : 'POST',
    body: body?.bytes ?? null,
    headers: {
      'accept-encoding': 'identity',
      'cache-control': 'no-cache',
      ...(body === undefined ? {} : { 'content-type': body.contentType }),
    },
  });
  // A body that is left unread ends with an error of its own.
  answer.body.on('error', () => undefined);
  try {
    if (answer.statusCode !== 200) throw unreachable(`HTTP status ${answer.statusCode}`);
    if (Number(answer.headers['content-length']) > question.maxBytes) throw tooLarge(question.maxBytes);
    return await readBody(answer.body, question.maxBytes, tooLarge);
  } finally {
    answer.body.destroy();
  }
};

/** One connection for each question: there are few. @param authoritiesPem  of servers met over HTTPS; absent: Node's */
export const createRevocationExchange =
  (authoritiesPem?: string): RevocationExchange =>
  async (question, signal) => {
    const ca = authoritiesPem;
    const dispatcher = new Agent({
      connect: { minVersion: 'TLSv1.2', timeout: question.timeoutMs, ...(ca === undefined ? {} : { ca }) },
    });
    const limit = AbortSignal.timeout(question.timeoutMs);
    try {
      return await ask(question, dispatcher, AbortSignal.any([signal, limit]));
    } catch (cause) {
      if (cause instanceof DrimboxError) throw cause;
      if (limit.aborted) throw unreachable(`no answer in ${question.timeoutMs} ms`, cause);
      throw unreachable(networkCodeOf(cause) || 'the exchange broke off', cause);
    } finally {
      await dispatcher.destroy();
    }
  };
