/**
 * DICOMweb for the viewer, mounted under a grant: one study, its current manifest, and nothing else.
 *
 * Reading this file is reading the order of checks: method · path · grant · named by the manifest · a place in the line · the
 * PACS · the identity of the file · the answer.
 *
 * @see PS3.18 §10 · decisions E1, E2, E5
 */
import type { IncomingMessage, ServerResponse } from 'node:http';
import express, { type Request, type Response, type Router } from 'express';
import { asDrimboxError, DrimboxError, type ErrorCode } from '../../errors.ts';
import { parseSeriesInstanceUid, parseSopInstanceUid, parseStudyInstanceUid } from '../../standards/index.ts';
import {
  createAdmission,
  createImageServing,
  cutAnswer,
  hasLeft,
  type ImageStore,
  parseAccept,
  RetrieveLevel,
  type Workshop,
} from '../../wado/index.ts';
import { createAnswerWriter } from './answer.ts';
import { answerBulk, findBulkValue } from './bulk-serving.ts';
import { acceptFields, type Exchange, type ImageDesk } from './exchange.ts';
import { createFrameMemory } from './frame-reading.ts';
import { serveFrames } from './frame-serving.ts';
import { type ImageResource, parseImageResource, type ResourceUids } from './image-resource.ts';
import { serveObjectMetadata, serveSeriesMetadata } from './metadata-serving.ts';
import type { ViewerImagesOptions } from './options.ts';
import { createPictureThreads } from './picture-threads.ts';
import { servePicture } from './picture-serving.ts';
import { createPictures } from './pictures.ts';
import { createSeriesMetadata } from './series-metadata.ts';
import { searchInstances, searchSeries, searchStudies } from './search.ts';
import { withStoredObject } from './stored-object.ts';
import { checkNamed, findViewed, findViewedObject, type ViewedStudy } from './viewed-study.ts';

/** What became of one request; holds no identity. */
export interface ImagesServed {
  readonly viewed: ViewedStudy;
  readonly kind: ImageResource['kind'] | 'preview';
  readonly httpStatus: number;
  /** Of the body. */
  readonly bytes: number;
  readonly code?: ErrorCode;
}

export interface ViewerDicomWebPorts {
  /** For `router`: what the grant of this request opens, checked just now; undefined: 404. */
  readonly grantOf?: (request: Request, response: Response) => ViewedStudy | undefined;
  readonly images: ImageStore;
  readonly workshop: Workshop;
  /** Milliseconds, never backwards. */
  readonly monotonic: () => number;
  readonly randomBytes: (size: number) => Uint8Array;
  readonly newCorrelationId: () => string;
  /** Versions of what makes renditions. */
  readonly software: string;
  readonly log: { warn(fields: object, message: string): void };
  /** For statistics and audit; never throws. */
  readonly tell?: (served: ImagesServed) => void;
}

/** A request under a grant. */
export interface ImagesCall {
  /** `url` begins behind the root of the service. */
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  readonly viewed: ViewedStudy;
  /** Where the service stands: `/examen/…/dicomweb`, for Content-Location. */
  readonly rootPath: string;
  /** Asked when the request waited: what was looked at before may have changed since (decision E5). */
  readonly isStillOpen?: () => Promise<boolean>;
}

/** A request for images, answered in its turn; what a step throws becomes the answer. Never throws. */
export type AnswerInTurn = (
  call: ImagesCall,
  kind: ImagesServed['kind'],
  /** `check` before it waits for its turn: what is not named by the manifest takes no place. */
  steps: { readonly check: () => void; readonly work: (exchange: Exchange) => Promise<void> },
) => Promise<void>;

export interface ViewerDicomWeb {
  /** Answers one request; never throws. */
  readonly answer: (call: ImagesCall) => Promise<void>;
  /** The same, mounted in express: the grant is asked of the port `grantOf`. */
  readonly router: Router;
  readonly desk: ImageDesk;
  readonly answerInTurn: AnswerInTurn;
  /** Makes the metadata of a study before anybody asks. Never throws. */
  prefill(viewed: ViewedStudy, signal: AbortSignal): Promise<void>;
  /** What is kept of it is found no more: it changed, is held or was withdrawn (decision E5). */
  dropStudy(studyInstanceUid: string): void;
  close(): Promise<void>;
}

const maxParameters = 50;

const parseQuery = (url: string): ReadonlyMap<string, string> => {
  const at = url.indexOf('?');
  const query = new Map<string, string>();
  if (at === -1) return query;
  for (const [name, value] of new URLSearchParams(url.slice(at + 1, at + 8_192))) {
    if (!query.has(name) && query.size < maxParameters) query.set(name, value);
  }
  return query;
};

/** Who names no form, as a browser that follows a link, gets the one file. */
const acceptOfObject = (exchange: Exchange): ReturnType<typeof parseAccept> => {
  const accept = parseAccept(acceptFields(exchange));
  const isNamed = accept.some(
    ({ mediaType }) => mediaType === 'application/dicom' || mediaType.startsWith('multipart/'),
  );
  return isNamed ? accept : parseAccept(['application/dicom;transfer-syntax=*']);
};

/** The whole file, with the INS of the manifest, in a syntax that is accepted: as for another DRIMbox. */
const serveObject = async (exchange: Exchange, desk: ImageDesk, uids: ResourceUids): Promise<void> => {
  const { viewed, response, correlationId, rootPath } = exchange;
  const { manifest, kosSopInstanceUid } = viewed;
  const studyInstanceUid = parseStudyInstanceUid(uids.studyInstanceUid);
  const seriesInstanceUid = parseSeriesInstanceUid(uids.seriesInstanceUid ?? '');
  const sopInstanceUid = parseSopInstanceUid(uids.sopInstanceUid ?? '');
  const named = manifest.series.get(seriesInstanceUid) ?? [];
  const instances = named.filter((one) => one.sopInstanceUid === sopInstanceUid);
  const { images, workshop, monotonic, randomBytes } = desk;
  const serveWhole = createImageServing({
    images,
    workshop,
    monotonic,
    randomBytes,
    ahead: 1,
    retrieveUrlBase: rootPath,
    idleMs: desk.options.idleSeconds * 1_000,
  });
  const level = RetrieveLevel.instance;
  response.setHeader('X-Content-Type-Options', 'nosniff');
  response.setHeader('Content-Disposition', 'attachment; filename="image.dcm"');
  const served = await serveWhole(
    {
      resource: { level, isMetadata: false, basePath: '', studyInstanceUid, seriesInstanceUid, sopInstanceUid },
      headers: {
        accept: acceptOfObject(exchange),
        kosSopInstanceUid: parseSopInstanceUid(kosSopInstanceUid),
      },
      manifest,
      instances: instances.map((one) => ({ seriesInstanceUid, ...one })),
      study: images.find(studyInstanceUid),
      correlationId,
      startedAtMs: monotonic(),
    },
    response,
    () => Promise.resolve(),
  );
  exchange.writer.count(served.bytes);
  if (served.isCancelled) throw new DrimboxError('viewer-access/images-cancelled');
};

const serveBulk = async (
  exchange: Exchange,
  desk: ImageDesk,
  { uids, path }: Extract<ImageResource, { kind: 'bulk' }>,
): Promise<void> => {
  const found = await findViewedObject(exchange.viewed, uids, desk.images);
  await withStoredObject(found, exchange.viewed, desk.objects, exchange.writer.signal, async (object) => {
    await answerBulk(exchange, desk, object, await findBulkValue(object, path));
  });
};

const serve = (exchange: Exchange, desk: ImageDesk, resource: ImageResource): Promise<void> => {
  switch (resource.kind) {
    case 'search-studies':
      return searchStudies(exchange, desk);
    case 'search-series':
      return searchSeries(exchange, desk, resource.uids);
    case 'search-instances':
      return searchInstances(exchange, desk, resource.uids);
    case 'metadata':
      return resource.uids.sopInstanceUid === undefined
        ? serveSeriesMetadata(exchange, desk, resource.uids)
        : serveObjectMetadata(exchange, desk, resource.uids);
    case 'object':
      return serveObject(exchange, desk, resource.uids);
    case 'frames':
      return serveFrames(exchange, desk, resource.uids, resource.frames);
    case 'picture':
      return servePicture(exchange, desk, resource.uids, resource.picture, resource.frame);
    case 'bulk':
      return serveBulk(exchange, desk, resource);
  }
};

/** Code and French sentence, for the viewer and the help desk. Does nothing when the answer has begun, but cut it. */
const answerFailure = (response: ServerResponse, error: DrimboxError, correlationId: string): void => {
  if (response.headersSent || hasLeft(response)) {
    cutAnswer(response);
    return;
  }
  response.removeHeader('Content-Disposition');
  const { code, httpStatus, publicText, context } = error;
  const body = Buffer.from(JSON.stringify({ code, text: publicText, correlationId }));
  response.writeHead(httpStatus, {
    'Content-Type': 'application/json; charset=utf-8',
    'Content-Length': body.length,
    'Cache-Control': 'no-store',
    'X-Content-Type-Options': 'nosniff',
    ...(httpStatus === 503 ? { 'Retry-After': String(context['retryAfterSeconds'] ?? 1) } : {}),
    ...(httpStatus === 416 ? { 'Content-Range': `bytes */${context['sizeBytes'] ?? 0}` } : {}),
    ...(httpStatus === 405 ? { Allow: 'GET' } : {}),
  });
  response.end(body);
};

const createDesk = (options: ViewerImagesOptions, ports: ViewerDicomWebPorts): ImageDesk => {
  const { images, workshop, monotonic, randomBytes, software } = ports;
  const { maxFileBytes, maxFrameBytes, pictureThreads, pictureTimeoutMs } = options;
  const objects = { images, limits: { maxFileBytes } };
  const threads = createPictureThreads({ threads: pictureThreads, timeoutMs: pictureTimeoutMs });
  const frames = createFrameMemory();
  const pictures = createPictures(
    { maxBytes: options.pictureCacheBytes, maxFrameBytes, software },
    { threads, frames },
  );
  const metadata = createSeriesMetadata({ maxBytes: options.metadataCacheBytes }, objects, (seriesInstanceUid) => {
    ports.log.warn({ seriesInstanceUid }, 'a series is shown without objects that cannot be read');
  });
  return { options, images, workshop, objects, frames, threads, pictures, metadata, monotonic, randomBytes, software };
};

/** Who waits for longer than this is asked about again. */
const freshMs = 1_000;

/** @throws viewer-access/link-refused: closed while the request waited */
const checkStillOpen = async ({ isStillOpen }: ImagesCall, waitedMs: number): Promise<void> => {
  if (waitedMs <= freshMs || isStillOpen === undefined || (await isStillOpen())) return;
  throw new DrimboxError('viewer-access/link-refused', { detail: 'closed while it waited' });
};

const createTurns = (options: ViewerImagesOptions, ports: ViewerDicomWebPorts): AnswerInTurn => {
  const { requests, requestsPerSession, waiting, waitSeconds, idleSeconds } = options;
  const admission = createAdmission(
    { total: requests, perPeer: requestsPerSession, maxQueued: waiting, queueTimeoutMs: waitSeconds * 1_000 },
    ports.monotonic,
  );

  const enter = async ({ viewed, writer }: Exchange): Promise<() => void> => {
    const admittance = await admission.enter(viewed.sessionKey, writer.signal);
    switch (admittance.kind) {
      case 'entered':
        return admittance.leave;
      case 'busy': {
        const { retryAfterSeconds } = admittance;
        throw new DrimboxError('viewer-access/images-busy', { context: { retryAfterSeconds } });
      }
      case 'cancelled':
        throw new DrimboxError('viewer-access/images-cancelled');
    }
  };

  return async (call, kind, { check, work }) => {
    const { request, response, viewed, rootPath } = call;
    const correlationId = ports.newCorrelationId();
    const writer = createAnswerWriter(response, { idleMs: idleSeconds * 1_000, clock: ports.monotonic });
    const query = parseQuery(request.url ?? '');
    const exchange: Exchange = { request, response, viewed, writer, query, rootPath, correlationId };
    let code: ErrorCode | undefined;
    try {
      check();
      const askedAtMs = ports.monotonic();
      const leave = await enter(exchange);
      try {
        await checkStillOpen(call, ports.monotonic() - askedAtMs);
        await work(exchange);
      } finally {
        leave();
      }
    } catch (thrown) {
      const error = writer.signal.aborted ? new DrimboxError('viewer-access/images-cancelled') : asDrimboxError(thrown);
      ({ code } = error);
      if (error.httpStatus >= 500 && code !== 'viewer-access/images-cancelled') {
        ports.log.warn({ correlationId, code, detail: error.detail }, 'a request for images failed');
      }
      answerFailure(response, error, correlationId);
    }
    const httpStatus = response.statusCode;
    ports.tell?.({ viewed, kind, httpStatus, bytes: writer.bytes(), ...(code === undefined ? {} : { code }) });
  };
};

/** Never throws: what cannot be made now is made when it is asked for. */
const prefillStudy = async (desk: ImageDesk, viewed: ViewedStudy, signal: AbortSignal): Promise<void> => {
  try {
    const { studyInstanceUid } = viewed.manifest;
    for (const series of await findViewed(viewed, { studyInstanceUid }, desk.images)) {
      if (signal.aborted) return;
      const making = await desk.metadata.open(viewed, series);
      // Nothing is kept here: reading to the end is waiting for it.
      for await (const _piece of making.chunks()) if (signal.aborted) return;
    }
  } catch {
    return;
  }
};

/** The service, to be mounted under a grant; `close` ends its threads. */
export const createViewerDicomWeb = (options: ViewerImagesOptions, ports: ViewerDicomWebPorts): ViewerDicomWeb => {
  const desk = createDesk(options, ports);
  const answerInTurn = createTurns(options, ports);
  const answer = async (call: ImagesCall): Promise<void> => {
    const { request, response, viewed } = call;
    const refuse = (code: ErrorCode): void => answerFailure(response, new DrimboxError(code), ports.newCorrelationId());
    if (request.method !== 'GET') return refuse('viewer-access/method-not-allowed');
    const [path = ''] = (request.url ?? '').split('?');
    const resource = parseImageResource(path);
    if (resource === undefined) return refuse('viewer-access/image-not-found');
    await answerInTurn(call, resource.kind, {
      check: () => {
        if (resource.kind !== 'search-studies') checkNamed(viewed, resource.uids);
      },
      work: (exchange) => serve(exchange, desk, resource),
    });
  };

  const router = express.Router({ caseSensitive: true, strict: true });
  router.use(async (request, response) => {
    const viewed = ports.grantOf?.(request, response);
    if (viewed !== undefined) return answer({ request, response, viewed, rootPath: request.baseUrl });
    answerFailure(response, new DrimboxError('viewer-access/image-not-found'), ports.newCorrelationId());
  });

  return {
    answer,
    router,
    desk,
    answerInTurn,
    prefill: (viewed, signal) => prefillStudy(desk, viewed, signal),
    dropStudy: (studyInstanceUid) => {
      desk.metadata.dropStudy(studyInstanceUid);
      desk.pictures.dropStudy(studyInstanceUid);
    },
    close: async () => {
      desk.metadata.close();
      await desk.threads.close();
    },
  };
};
