/**
 * The body of an answer with images: parts are prepared ahead and leave in order, each as soon as it is its turn.
 *
 * An object that turns out to be broken or gone costs its part only. The status line leaves with the first part that is
 * ready; what fails later is told by the trailer `Warning`, in the audit, and by its absence.
 *
 * @see PS3.18 §10.4.3, §8.6.1.2
 */
import type { ServerResponse } from 'node:http';
import { asDrimboxError, type DrimboxError } from '../errors.ts';
import type { TransferSyntaxUid } from '../standards/index.ts';
import { PayloadForm } from './acceptable-syntaxes.ts';
import { type AnswerWriter, createAnswerWriter } from './answer-writer.ts';
import { cutAnswer } from './departure.ts';
import type { StoredImage } from './image-store.ts';
import {
  type Boundary,
  buildMultipartContentType,
  buildPartContentType,
  encodeMultipartEnd,
  encodePartHead,
} from './multipart.ts';
import { buildPartialWarning } from './negotiation.ts';
import { prepareInOrder } from './ordered-ahead.ts';
import type { PreparedPart } from './part-preparation.ts';

/** What left. */
export interface Delivered {
  readonly httpStatus: 200 | 206;
  readonly objects: number;
  readonly bytes: number;
  readonly firstByteMs: number;
  readonly syntaxes: ReadonlyMap<string, number>;
  readonly modalities: ReadonlyMap<string, number>;
  readonly pixelBytes: number;
  /** Of the objects that could not be sent, in order; the reason of each. */
  readonly failures: readonly DrimboxError[];
  /** The peer went away before the end. */
  readonly isCancelled: boolean;
}

export interface DeliveryOrder {
  /** In the order of the answer; at least one. */
  readonly images: readonly StoredImage[];
  /** Syntaxes that were planned for them: those of the parts may differ, and say so themselves. */
  readonly plannedSyntaxes: readonly TransferSyntaxUid[];
  readonly form: PayloadForm;
  /** Objects that were asked for and are known not to come. */
  readonly missing: number;
  readonly boundary: Boundary;
  /** Host and path of the study, for Content-Location; each part adds its own. */
  readonly locationOf: (image: StoredImage) => string;
  readonly headers: Readonly<Record<string, string>>;
}

export interface DeliveryPorts {
  /** @param next  images of the answer that follow */
  prepare(image: StoredImage, next: readonly StoredImage[], signal: AbortSignal): Promise<PreparedPart>;
  /** Resolves when the first byte may leave. @throws audit/unavailable */
  readonly audited: Promise<void>;
  /** Monotonic, milliseconds. */
  readonly clock: () => number;
  readonly startedAtMs: number;
  /** Parts prepared before their turn. */
  readonly ahead: number;
  /** A peer that takes nothing for so long is left; absent: the connection tells. */
  readonly idleMs?: number;
}

/** Images about which the PACS is asked before they are needed. */
const lookedAhead = 300;

type Turn =
  | { readonly kind: 'ready'; readonly part: PreparedPart }
  | { readonly kind: 'failed'; readonly error: DrimboxError };

class Tally {
  objects = 0;
  pixelBytes = 0;
  readonly syntaxes = new Map<string, number>();
  readonly modalities = new Map<string, number>();
  readonly failures: DrimboxError[] = [];

  count(image: StoredImage, part: PreparedPart): void {
    this.objects += 1;
    this.pixelBytes += part.pixelBytes;
    this.syntaxes.set(part.transferSyntax, (this.syntaxes.get(part.transferSyntax) ?? 0) + 1);
    this.modalities.set(image.modality, (this.modalities.get(image.modality) ?? 0) + 1);
  }
}

/** @param lost  objects that are known not to come */
const writeHead = (response: ServerResponse, order: DeliveryOrder, part: PreparedPart, lost: number): void => {
  const { form, boundary, plannedSyntaxes, missing, images, headers } = order;
  const warning = lost > 0 ? { Warning: buildPartialWarning(lost, missing + images.length) } : {};
  if (form === PayloadForm.single) {
    const type = buildPartContentType(part.transferSyntax);
    response.writeHead(200, { ...headers, 'Content-Type': type, 'Content-Length': part.sizeBytes });
    return;
  }
  response.writeHead(lost > 0 ? 206 : 200, {
    ...headers,
    ...warning,
    'Content-Type': buildMultipartContentType(boundary, plannedSyntaxes),
    // HTTP/1.0 has neither chunks nor what follows them: the answer ends with the connection.
    ...(response.req.httpVersion === '1.0' ? {} : { Trailer: 'Warning' }),
  });
};

const writePart = async (
  writer: AnswerWriter,
  order: DeliveryOrder,
  image: StoredImage,
  part: PreparedPart,
  place: number,
) => {
  const { transferSyntax, sizeBytes: contentLengthBytes, whole } = part;
  const contentLocation = order.locationOf(image);
  const head =
    order.form === PayloadForm.multipart
      ? [encodePartHead(order.boundary, { place, transferSyntax, contentLocation, contentLengthBytes })]
      : [];
  if (whole !== undefined) return writer.write([...head, ...whole.pieces], whole.onLeft);
  await writer.write(head);
  for await (const { bytes, giveBack } of part.chunks(writer.signal)) await writer.write([bytes], giveBack);
};

/**
 * @throws DrimboxError  of the first object, when none could be sent: nothing was written, the caller answers
 */
export const deliver = async (
  response: ServerResponse,
  order: DeliveryOrder,
  ports: DeliveryPorts,
): Promise<Delivered> => {
  const writer = createAnswerWriter(response, ports);
  const tally = new Tally();
  const prepare = (image: StoredImage, place: number, signal: AbortSignal): Promise<Turn> =>
    ports.prepare(image, order.images.slice(place + 1, place + 1 + lookedAhead), signal).then(
      (part): Turn => ({ kind: 'ready', part }),
      (error: unknown): Turn => ({ kind: 'failed', error: asDrimboxError(error) }),
    );
  const discard = (turn: Turn): void => {
    if (turn.kind === 'ready') void turn.part.close();
  };
  let isCancelled = false;
  const options = { ahead: ports.ahead, discard, signal: writer.signal };
  try {
    for await (const { item: image, prepared: turn } of prepareInOrder(order.images, prepare, options)) {
      if (turn.kind === 'failed') {
        if (writer.signal.aborted) throw turn.error;
        tally.failures.push(turn.error);
        continue;
      }
      try {
        if (!response.headersSent) {
          await ports.audited;
          writeHead(response, order, turn.part, order.missing + tally.failures.length);
        }
        await writePart(writer, order, image, turn.part, tally.objects);
        tally.count(image, turn.part);
      } finally {
        await turn.part.close();
      }
    }
    const [failure] = tally.failures;
    if (tally.objects === 0 && failure !== undefined) throw failure;
    const lost = order.missing + tally.failures.length;
    if (order.form === PayloadForm.multipart) {
      await writer.write([encodeMultipartEnd(order.boundary)]);
      if (lost > 0) response.addTrailers({ Warning: buildPartialWarning(lost, order.missing + order.images.length) });
    }
    await writer.end();
  } catch (error) {
    if (!writer.signal.aborted) {
      // What has begun cannot become a refusal: cut, so that nobody takes it for the whole.
      if (response.headersSent) cutAnswer(response);
      throw error;
    }
    isCancelled = true;
  }
  return {
    httpStatus: response.statusCode === 206 ? 206 : 200,
    objects: tally.objects,
    bytes: writer.bytes(),
    firstByteMs: (writer.firstByteAtMs() ?? ports.clock()) - ports.startedAtMs,
    syntaxes: tally.syntaxes,
    modalities: tally.modalities,
    pixelBytes: tally.pixelBytes,
    failures: tally.failures,
    isCancelled,
  };
};
