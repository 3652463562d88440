/**
 * Whether whoever asked is still there, alike over HTTP/1.1 and HTTP/2.
 *
 * An answer of HTTP/2 has no `destroyed`, its stream counts as finished when it was reset, and its one `close` is gone for
 * whoever comes later: it is the state of the stream that tells.
 *
 * @see node:http2, Compatibility API · RFC 9113 §5.4.2, §8.1.1
 */
import type { ServerResponse } from 'node:http';
import type { Http2ServerResponse, ServerHttp2Stream } from 'node:http2';

/** The peer went away, or took nothing for too long. */
export class AnswerClosedError extends Error {
  override readonly name = 'AnswerClosedError';
}

const streamOf = (response: ServerResponse): ServerHttp2Stream | undefined =>
  (response as unknown as Partial<Http2ServerResponse>).stream;

/** No byte of this answer can leave any more. */
export const hasLeft = (response: ServerResponse): boolean => {
  const stream = streamOf(response);
  return stream === undefined ? response.destroyed : stream.destroyed || stream.closed;
};

/** Of an answer that is closed: all of it was handed to the operating system. */
const isHandedOver = (response: ServerResponse): boolean => {
  const stream = streamOf(response);
  const isReset = stream !== undefined && (stream.aborted || (stream.rstCode ?? 0) !== 0);
  return !isReset && response.writableEnded && response.writableFinished;
};

/**
 * @returns aborted with an AnswerClosedError when the peer goes away before the end, at once when it has gone already; whoever
 *   gives the peer up aborts it, too
 */
export const followDeparture = (response: ServerResponse): AbortController => {
  const gone = new AbortController();
  const leave = (why: string): void => gone.abort(new AnswerClosedError(why));
  if (hasLeft(response)) leave('the peer went away');
  response.once('close', () => {
    if (!isHandedOver(response)) leave('the peer went away');
  });
  response.once('error', () => leave('the connection broke'));
  return gone;
};

/** Breaks the answer off so that nobody takes it for the whole: without an error, a stream of HTTP/2 just ends. */
export const cutAnswer = (response: ServerResponse): void => {
  if (streamOf(response) === undefined) response.destroy();
  else response.destroy(new AnswerClosedError('cut'));
};
