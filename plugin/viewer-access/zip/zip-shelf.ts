/** Archives that may be asked for again: a download that broke off goes on where the same archive is still known. */
import type { ExaminationZip } from './examination-zip.ts';

export interface ZipShelf {
  /** @param key  whose it is: the grant, and the series where there is one */
  keep(key: string, zip: ExaminationZip): void;
  /** The one kept under that key, when it is the one that the client has a part of. */
  find(key: string, ifRange: string | undefined): ExaminationZip | undefined;
  /** What a grant had: it ended. */
  forget(key: string): void;
}

export interface ZipShelfOptions {
  /** UTC, milliseconds. */
  readonly clock: () => number;
  /** After it was last asked for [30 min]. */
  readonly keepMs?: number;
  /** The one that was asked for longest ago goes first [32]; about 1 KB for each image. */
  readonly maxKept?: number;
}

interface Kept {
  readonly zip: ExaminationZip;
  readonly askedAtMs: number;
}

export const createZipShelf = ({ clock, keepMs = 1_800_000, maxKept = 32 }: ZipShelfOptions): ZipShelf => {
  const kept = new Map<string, Kept>();

  const isFresh = ({ askedAtMs }: Kept): boolean => Math.abs(clock() - askedAtMs) < keepMs;

  const place = (key: string, zip: ExaminationZip): void => {
    kept.delete(key);
    kept.set(key, { zip, askedAtMs: clock() });
    for (const [oldest, one] of kept) if (kept.size > maxKept || !isFresh(one)) kept.delete(oldest);
  };

  return {
    keep: place,
    find: (key, ifRange) => {
      const one = kept.get(key);
      if (one === undefined || !isFresh(one) || one.zip.etag !== ifRange?.trim()) return undefined;
      place(key, one.zip);
      return one.zip;
    },
    forget: (key) => void kept.delete(key),
  };
};
