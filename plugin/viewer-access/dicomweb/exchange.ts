/** One request for images and all that its answer needs. */
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { ImageStore, Workshop } from '../../wado/index.ts';
import { type AnswerWriter, cacheHeaders, hasEtag } from './answer.ts';
import type { FrameMemory } from './frame-reading.ts';
import type { ViewerImagesOptions } from './options.ts';
import type { PictureThreads } from './picture-threads.ts';
import type { Pictures } from './pictures.ts';
import type { SeriesMetadata } from './series-metadata.ts';
import type { ObjectPorts } from './stored-object.ts';
import type { ViewedStudy } from './viewed-study.ts';

/** What all answers share. */
export interface ImageDesk {
  readonly options: ViewerImagesOptions;
  readonly images: ImageStore;
  readonly workshop: Workshop;
  readonly objects: ObjectPorts;
  readonly frames: FrameMemory;
  readonly threads: PictureThreads;
  readonly pictures: Pictures;
  readonly metadata: SeriesMetadata;
  /** Milliseconds, never backwards. */
  readonly monotonic: () => number;
  readonly randomBytes: (size: number) => Uint8Array;
  /** Versions of what makes renditions: part of every ETag. */
  readonly software: string;
}

export interface Exchange {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  readonly viewed: ViewedStudy;
  readonly writer: AnswerWriter;
  /** Parameters of the query; the first of those that came twice. */
  readonly query: ReadonlyMap<string, string>;
  /** Where this service is mounted: a path without a slash at its end. */
  readonly rootPath: string;
  readonly correlationId: string;
}

/** `Accept`, as a list of fields: HTTP/2 of Node has no `headersDistinct`. */
export const acceptFields = ({ request }: Exchange): readonly string[] | undefined => {
  const field = request.headers.accept;
  return field === undefined ? undefined : [field];
};

/** Answers 304 when the browser has that very answer. @returns whether it did */
export const answerUnchanged = async ({ request, response, writer }: Exchange, etag: string): Promise<boolean> => {
  if (!hasEtag(request.headers['if-none-match'], etag)) return false;
  response.writeHead(304, { ...cacheHeaders, ETag: etag });
  await writer.end();
  return true;
};

/** One piece of known bytes. */
export const answerBytes = async (
  { response, writer }: Exchange,
  bytes: Uint8Array,
  headers: Readonly<Record<string, string>>,
): Promise<void> => {
  response.writeHead(200, { ...cacheHeaders, ...headers, 'Content-Length': bytes.length });
  await writer.write(bytes);
  await writer.end();
};
