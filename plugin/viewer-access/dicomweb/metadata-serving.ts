/**
 * `…/metadata`: of a series as it is kept or while it is made, of one object as it is.
 *
 * @see PS3.18 §10.4.1.1.2, annex F · RFC 9110 §12.5.3 (Accept-Encoding)
 */
import { pipeline, Readable } from 'node:stream';
import { constants, createBrotliDecompress, createGzip, gzip } from 'node:zlib';
import { promisify } from 'node:util';
import { DrimboxError } from '../../errors.ts';
import { buildEtag, cacheHeaders } from './answer.ts';
import { answerBytes, answerUnchanged, type Exchange, type ImageDesk } from './exchange.ts';
import type { ResourceUids } from './image-resource.ts';
import { buildObjectMetadata, type ViewerDataset } from './object-metadata.ts';
import type { CompressedSeries } from './series-metadata.ts';
import { withStoredObject } from './stored-object.ts';
import { findViewed, findViewedObject } from './viewed-study.ts';

export const ContentEncoding = { brotli: 'br', gzip: 'gzip', identity: 'identity' } as const;
export type ContentEncoding = (typeof ContentEncoding)[keyof typeof ContentEncoding];

/** @param field  `Accept-Encoding`; absent or not understood: as it is */
export const chooseEncoding = (field: string | undefined): ContentEncoding => {
  const accepted = new Map(
    (field ?? '').split(',').map((one): [string, boolean] => {
      const [name = '', ...parameters] = one.trim().toLowerCase().split(';');
      return [name.trim(), !parameters.some((parameter) => /^\s*q=0(\.0*)?\s*$/.test(parameter))];
    }),
  );
  const wildcard = accepted.get('*') ?? false;
  if (accepted.get('br') ?? wildcard) return ContentEncoding.brotli;
  return (accepted.get('gzip') ?? wildcard) ? ContentEncoding.gzip : ContentEncoding.identity;
};

const dicomJson = 'application/dicom+json';

/** What is kept is Brotli; the few who do not read it get it made anew. */
const inEncoding = (series: CompressedSeries, encoding: ContentEncoding): AsyncIterable<Buffer> => {
  if (encoding === ContentEncoding.brotli) return series.chunks();
  const source = Readable.from(series.chunks());
  const ignore = (): void => undefined;
  // A failure is met by whoever reads the end of the line.
  if (encoding === ContentEncoding.identity) return pipeline(source, createBrotliDecompress(), ignore);
  return pipeline(source, createBrotliDecompress(), createGzip({ level: 5 }), ignore);
};

const headersOf = (encoding: ContentEncoding, etag: string | undefined): Record<string, string> => ({
  ...cacheHeaders,
  'Content-Type': dicomJson,
  Vary: 'Accept-Encoding',
  ...(encoding === ContentEncoding.identity ? {} : { 'Content-Encoding': encoding }),
  ...(etag === undefined ? {} : { ETag: etag }),
});

/** The head leaves with the first piece: until then a failure is an answer of its own. */
export const serveSeriesMetadata = async (exchange: Exchange, desk: ImageDesk, uids: ResourceUids): Promise<void> => {
  const { viewed, request, response, writer } = exchange;
  const [series] = await findViewed(viewed, uids, desk.images);
  if (series === undefined) throw new DrimboxError('wado/images-gone');
  const compressed = await desk.metadata.open(viewed, series);
  const encoding = chooseEncoding(request.headers['accept-encoding']);
  const etag = compressed.etag === undefined ? undefined : buildEtag(compressed.etag, encoding);
  if (etag !== undefined && (await answerUnchanged(exchange, etag))) return;
  for await (const piece of inEncoding(compressed, encoding)) {
    if (!response.headersSent) response.writeHead(200, headersOf(encoding, etag));
    await writer.write(piece);
  }
  await writer.end();
};

const zip = promisify(gzip);

export const answerJson = async (exchange: Exchange, datasets: readonly ViewerDataset[]): Promise<void> => {
  const text = Buffer.from(JSON.stringify(datasets));
  const isZipped = chooseEncoding(exchange.request.headers['accept-encoding']) !== ContentEncoding.identity;
  const encoding = isZipped ? ContentEncoding.gzip : ContentEncoding.identity;
  const { 'Cache-Control': _cache, ...headers } = headersOf(encoding, undefined);
  const body = isZipped ? await zip(text, { level: constants.Z_BEST_SPEED }) : text;
  await answerBytes(exchange, body, { ...headers, 'Cache-Control': 'no-store' });
};

export const serveObjectMetadata = async (exchange: Exchange, desk: ImageDesk, uids: ResourceUids): Promise<void> => {
  const { viewed, writer } = exchange;
  const found = await findViewedObject(viewed, uids, desk.images);
  const dataset = await withStoredObject(found, viewed, desk.objects, writer.signal, (object) =>
    Promise.resolve(buildObjectMetadata(object)),
  );
  await answerJson(exchange, [dataset]);
};
