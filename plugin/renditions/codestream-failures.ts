/** Failures that name their kind only: nothing of the image, nothing of the patient. */
import { DrimboxError } from '../errors.ts';

/** The stored frame is broken, or contradicts the attributes. @param cause what a codec threw: its memory is suspect */
export const decodeFailed = (detail: string, cause?: unknown): DrimboxError =>
  new DrimboxError('renditions/decode-failed', cause === undefined ? { detail } : { detail, cause });

/** What was made is not what went in, or nothing was made. */
export const encodeFailed = (detail: string, cause?: unknown): DrimboxError =>
  new DrimboxError('renditions/encode-failed', cause === undefined ? { detail } : { detail, cause });

/** Well formed, but not ours to convert. */
export const unsupported = (detail: string): DrimboxError => new DrimboxError('renditions/unsupported', { detail });
