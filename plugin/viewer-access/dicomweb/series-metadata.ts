/**
 * The metadata of whole series: made once, streamed to whoever asks while it is made, kept compressed in memory.
 *
 * What is kept belongs to one manifest and to the very files it was made from: a look at the first, middle and last file tells
 * when they are others, and a study that changed is dropped at once (decision E5). A series of which an object is broken is
 * answered without it, told in the log, and not kept; when the PACS fails, the answer is cut.
 */
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { constants, createBrotliCompress } from 'node:zlib';
import { asDrimboxError, DrimboxError } from '../../errors.ts';
import type { StoredImage } from '../../wado/index.ts';
import { buildObjectMetadata } from './object-metadata.ts';
import { isOfPacs, type ObjectPorts, withStoredObject } from './stored-object.ts';
import type { ViewedSeries, ViewedStudy } from './viewed-study.ts';

/** A JSON array of data sets, compressed by Brotli (RFC 7932). */
export interface CompressedSeries {
  /** Known once it is whole. */
  readonly etag?: string;
  /** @throws dicom-file/*, wado/metadata-unreadable, orthanc/*: no object could be read */
  chunks(): AsyncIterable<Buffer>;
}

export interface SeriesMetadata {
  open(viewed: ViewedStudy, series: ViewedSeries): Promise<CompressedSeries>;
  /** Found no more from this call on, even what is being made. */
  dropStudy(studyInstanceUid: string): void;
  figures(): { readonly series: number; readonly bytes: number };
  close(): void;
}

export interface SeriesMetadataOptions {
  readonly maxBytes: number;
}

/** Objects that are read before their turn. */
const ahead = 4;
/** Objects after which what is compressed so far may leave. */
const flushEvery = 100;
/** Quality 5: most of what 11 gives, at a hundredth of its time. */
const brotliParameters = {
  [constants.BROTLI_PARAM_QUALITY]: 5,
  [constants.BROTLI_PARAM_MODE]: constants.BROTLI_MODE_TEXT,
};

class Making {
  readonly studyInstanceUid: string;
  readonly stop = new AbortController();
  readonly pieces: Buffer[] = [];
  bytes = 0;
  isWhole = false;
  isComplete = true;
  failure: DrimboxError | undefined;
  etag: string | undefined;
  /** Of the files that are looked at again. */
  readonly revisions = new Map<string, string>();
  private waiting: (() => void)[] = [];

  constructor(studyInstanceUid: string) {
    this.studyInstanceUid = studyInstanceUid;
  }

  add(piece: Buffer): void {
    this.pieces.push(piece);
    this.bytes += piece.length;
    this.wake();
  }

  end(failure?: DrimboxError): void {
    this.failure = failure;
    this.isWhole = true;
    if (failure === undefined) {
      const hash = createHash('sha256');
      for (const piece of this.pieces) hash.update(piece);
      this.etag = hash.digest('base64url').slice(0, 27);
    }
    this.wake();
  }

  async *chunks(): AsyncGenerator<Buffer, void, undefined> {
    for (let place = 0; ; place += 1) {
      while (place >= this.pieces.length && !this.isWhole) {
        await new Promise<void>((resolve) => {
          this.waiting.push(resolve);
        });
      }
      const piece = this.pieces[place];
      if (piece === undefined) break;
      yield piece;
    }
    if (this.failure !== undefined) throw this.failure;
  }

  private wake(): void {
    const woken = this.waiting;
    this.waiting = [];
    for (const resolve of woken) resolve();
  }
}

/** The first, the middle and the last. */
const sampleOf = (images: readonly StoredImage[]): readonly StoredImage[] => [
  ...new Set([0, images.length >> 1, images.length - 1].flatMap((place) => images[place] ?? [])),
];

const keyOf = ({ manifest }: ViewedStudy, { seriesInstanceUid, images }: ViewedSeries): string =>
  createHash('sha256')
    .update([manifest.studyInstanceUid, manifest.submissionId, seriesInstanceUid].join('\n'))
    .update(images.map(({ orthancId, sopInstanceUid }) => `${orthancId} ${sopInstanceUid}`).join('\n'))
    .digest('base64url');

/** @param tell  called for a series that was answered without objects that are broken */
export const createSeriesMetadata = (
  options: SeriesMetadataOptions,
  ports: ObjectPorts,
  tell: (seriesInstanceUid: string) => void,
): SeriesMetadata => {
  // In the order of their last use.
  const kept = new Map<string, Making>();

  const bytesKept = (): number => [...kept.values()].reduce((sum, { bytes }) => sum + bytes, 0);

  const forget = (key: string, making: Making): void => {
    if (kept.get(key) === making) kept.delete(key);
  };

  const makeRoom = (): void => {
    for (const [key, making] of kept) {
      if (bytesKept() <= options.maxBytes) return;
      if (making.isWhole) kept.delete(key);
    }
  };

  type Turn = { readonly text: string } | { readonly error: DrimboxError };

  const readTurn = async (
    viewed: ViewedStudy,
    images: readonly StoredImage[],
    place: number,
    making: Making,
  ): Promise<Turn> => {
    const image = images[place];
    if (image === undefined) throw new DrimboxError('general/internal');
    const next = images.slice(place + 1, place + 101);
    try {
      return await withStoredObject({ image, next }, viewed, ports, making.stop.signal, (object) => {
        making.revisions.set(image.sopInstanceUid, object.revision);
        return Promise.resolve({ text: JSON.stringify(buildObjectMetadata(object)) });
      });
    } catch (error) {
      return { error: asDrimboxError(error) };
    }
  };

  /** In order; those that cannot be read are left out. @throws the first failure, when none could be read */
  const readAll = async (
    viewed: ViewedStudy,
    { images }: ViewedSeries,
    making: Making,
    take: (text: string, place: number) => void,
  ): Promise<number> => {
    const turns: Promise<Turn>[] = [];
    let read = 0;
    let failure: DrimboxError | undefined;
    for (let place = 0; place < images.length; place += 1) {
      while (turns.length < ahead && place + turns.length < images.length) {
        turns.push(readTurn(viewed, images, place + turns.length, making));
      }
      const turn = await turns.shift();
      if (making.stop.signal.aborted) throw new DrimboxError('viewer-access/images-cancelled');
      if (turn === undefined) break;
      if ('error' in turn) {
        // A series that is cut is asked for again; one with slices missing would be taken for the whole.
        if (isOfPacs(turn.error)) throw turn.error;
        failure ??= turn.error;
        making.isComplete = false;
        continue;
      }
      take(turn.text, read);
      read += 1;
    }
    if (read === 0 && failure !== undefined) throw failure;
    return read;
  };

  const compress = async (viewed: ViewedStudy, series: ViewedSeries, making: Making): Promise<void> => {
    const brotli = createBrotliCompress({ params: brotliParameters });
    try {
      brotli.on('data', (piece: Buffer) => making.add(piece));
      const read = await readAll(viewed, series, making, (text, place) => {
        brotli.write((place === 0 ? '[' : ',') + text);
        if (place % flushEvery === flushEvery - 1) brotli.flush(constants.BROTLI_OPERATION_FLUSH);
      });
      const finished = once(brotli, 'end');
      brotli.end(read === 0 ? '[]' : ']');
      await finished;
    } finally {
      brotli.destroy();
    }
  };

  const make = (viewed: ViewedStudy, series: ViewedSeries, key: string): Making => {
    const making = new Making(viewed.manifest.studyInstanceUid);
    kept.set(key, making);
    compress(viewed, series, making).then(
      () => {
        making.end();
        if (making.isComplete) return makeRoom();
        forget(key, making);
        tell(series.seriesInstanceUid);
      },
      (error: unknown) => {
        forget(key, making);
        making.end(asDrimboxError(error));
      },
    );
    return making;
  };

  /** Whether the files are those that it was made from. */
  const isCurrent = async (making: Making, images: readonly StoredImage[]): Promise<boolean> => {
    if (!making.isWhole) return true;
    for (const image of sampleOf(images)) {
      const revision = await revisionOf(image, making.stop.signal);
      if (making.revisions.get(image.sopInstanceUid) !== revision) return false;
    }
    return true;
  };

  const revisionOf = async (image: StoredImage, signal: AbortSignal): Promise<string | undefined> => {
    try {
      const file = await ports.images.open(image, [], signal);
      await file.close();
      return file.revision;
    } catch (error) {
      // One that is gone is another series; a PACS that does not answer says nothing of it.
      if (asDrimboxError(error).code === 'orthanc/not-found') return undefined;
      throw error;
    }
  };

  return {
    open: async (viewed, series) => {
      const key = keyOf(viewed, series);
      const known = kept.get(key);
      const isUsable = known !== undefined && (await isCurrent(known, series.images));
      // Another one may have begun it meanwhile.
      const current = kept.get(key);
      const isReplaced = current !== undefined && current !== known;
      const making = isReplaced ? current : isUsable && current === known ? known : make(viewed, series, key);
      kept.delete(key);
      kept.set(key, making);
      const { etag } = making;
      return { chunks: () => making.chunks(), ...(etag === undefined ? {} : { etag }) };
    },
    dropStudy: (studyInstanceUid) => {
      for (const [key, making] of kept) {
        if (making.studyInstanceUid !== studyInstanceUid) continue;
        kept.delete(key);
        making.stop.abort();
      }
    },
    figures: () => ({ series: kept.size, bytes: bytesKept() }),
    close: () => {
      for (const making of kept.values()) making.stop.abort();
      kept.clear();
    },
  };
};
