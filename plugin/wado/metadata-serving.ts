/**
 * `…/metadata`: the attributes of what the manifest opens, as one JSON array that leaves object by object.
 *
 * @see PS3.18 §10.4.1.1.2, annex F
 */
import { checkIdentity, type DicomFileOutline, planInsSplice } from '../dicom-file/index.ts';
import { asDrimboxError, type DrimboxError } from '../errors.ts';
import type { InsIdentifier } from '../standards/index.ts';
import { type AnswerWriter, createAnswerWriter } from './answer-writer.ts';
import type { StoredImage } from './image-store.ts';
import { findImages, type ImageServingPorts } from './image-serving.ts';
import { buildMetadata, type JsonDataset } from './metadata.ts';
import { buildNotAcceptableBody, buildPartialWarning, chooseMetadataType } from './negotiation.ts';
import { prepareInOrder } from './ordered-ahead.ts';
import { lookAt } from './part-preparation.ts';
import { RefusedError, type Serve } from './retrieve.ts';

/** The INS as the image itself would carry it. @throws dicom-file/identity-mismatch */
const withIns = (head: Buffer, outline: DicomFileOutline, ins: InsIdentifier): Buffer =>
  Buffer.concat(
    planInsSplice(outline, ins).segments.map((segment) =>
      segment.kind === 'bytes' ? segment.bytes : head.subarray(segment.start, segment.end),
    ),
  );

const readMetadata = async (
  image: StoredImage,
  next: readonly StoredImage[],
  about: { readonly studyInstanceUid: string; readonly ins: InsIdentifier },
  { images }: ImageServingPorts,
  signal: AbortSignal,
): Promise<JsonDataset> => {
  const file = await images.open(image, next, signal);
  try {
    const { outline, head } = await lookAt(file);
    checkIdentity(outline, { ...image, studyInstanceUid: about.studyInstanceUid });
    return buildMetadata(withIns(head.subarray(0, outline.scanEnd), outline, about.ins), outline);
  } finally {
    await file.close();
  }
};

type Turn =
  | { readonly kind: 'read'; readonly text: string }
  | { readonly kind: 'failed'; readonly error: DrimboxError };

const endOf = async (writer: AnswerWriter, count: number): Promise<void> => {
  await writer.write([Buffer.from(count === 0 ? '[]' : ']')]);
  await writer.end();
};

/** An object that cannot be read is left out; when none can, that is the answer. */
export const createMetadataServing =
  (ports: ImageServingPorts): Serve =>
  async (granted, response, beginAudit) => {
    const { resource, headers, manifest, correlationId, startedAtMs } = granted;
    const plan = chooseMetadataType(headers.accept);
    if (plan.kind === 'unacceptable')
      throw new RefusedError(plan.code, { body: buildNotAcceptableBody(plan.available) });
    const { images, missing } = await findImages(granted);
    await beginAudit();
    const writer = createAnswerWriter(response, { clock: ports.monotonic });
    const about = { studyInstanceUid: resource.studyInstanceUid, ins: manifest.ins };
    const prepare = (image: StoredImage, place: number, signal: AbortSignal): Promise<Turn> =>
      readMetadata(image, images.slice(place + 1), about, ports, signal).then(
        (dataset): Turn => ({ kind: 'read', text: JSON.stringify(dataset) }),
        (error: unknown): Turn => ({ kind: 'failed', error: asDrimboxError(error) }),
      );
    const failures: DrimboxError[] = [];
    let objects = 0;
    const total = missing + images.length;
    const options = { ahead: ports.ahead, discard: () => undefined, signal: writer.signal };
    try {
      for await (const { prepared: turn } of prepareInOrder(images, prepare, options)) {
        if (turn.kind === 'failed') {
          if (writer.signal.aborted) throw turn.error;
          failures.push(turn.error);
          continue;
        }
        if (!response.headersSent) {
          const lost = missing + failures.length;
          response.writeHead(lost > 0 ? 206 : 200, {
            'Content-Type': plan.contentType,
            'Cache-Control': 'no-store',
            'X-Correlation-Id': correlationId,
            ...(lost > 0 ? { Warning: buildPartialWarning(lost, total) } : {}),
          });
        }
        await writer.write([Buffer.from((objects === 0 ? '[' : ',') + turn.text)]);
        objects += 1;
      }
      const [failure] = failures;
      if (objects === 0 && failure !== undefined) throw failure;
      await endOf(writer, objects);
    } catch (error) {
      if (!writer.signal.aborted) {
        if (response.headersSent) response.destroy();
        throw error;
      }
    }
    const firstByteAtMs = writer.firstByteAtMs();
    const [failure] = failures;
    return {
      httpStatus: response.statusCode,
      bytes: writer.bytes(),
      objects,
      syntaxes: new Map(),
      modalities: new Map(),
      pixelBytes: 0,
      isCancelled: writer.signal.aborted,
      ...(firstByteAtMs === undefined ? {} : { firstByteMs: firstByteAtMs - startedAtMs }),
      ...(failure === undefined ? {} : { failure }),
    };
  };
