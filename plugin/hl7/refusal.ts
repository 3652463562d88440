import { DrimboxError, type ErrorCode } from '../errors.ts';

/**
 * An error that says where in the message it lies.
 *
 * @param location  ERL as ERR-2 wants it: `SEG`, `SEG^sequence` or `SEG^sequence^field`, sequence from 1 among the
 *                  segments of that name
 * @param detail    English, about form only: never a value that may name a person
 */
export const refusal = (code: ErrorCode, location: string, detail: string, cause?: unknown): DrimboxError =>
  new DrimboxError(code, { detail, context: { location }, ...(cause === undefined ? {} : { cause }) });
