/**
 * What a requester accepts, as DICOM reads it.
 *
 * @see PS3.18 §8.7.3.5.2 (transfer-syntax), §8.7.5, §8.7.7 (Accept) · facts/spec.md b.5.1
 */
import { DrimboxError } from '../errors.ts';
import { parseMediaRanges } from './media-range.ts';

/** One range of `Accept`. */
export interface AcceptRange {
  /** Lower case; `*` in either half is a wildcard. */
  readonly mediaType: string;
  /** Parameter `type` of a multipart range, lower case; absent = any. */
  readonly partType?: string;
  /**
   * Parameter `transfer-syntax`: a UID, or `*` for any. Absent = the default of PS3.18 §8.7.8.2, Explicit VR Little Endian.
   * What is neither a UID nor `*` stays here and matches nothing: PS3.18 §8.7.7 has unsupported values ignored.
   */
  readonly transferSyntax?: string;
  /** `q` in thousandths, 0–1000; 0 = not acceptable. */
  readonly weight: number;
}

/**
 * Ranges in the order they came. Empty when the header is absent or empty: PS3.18 §8.7.5 and §8.7.7 then want 406, where
 * RFC 9110 alone would take anything.
 */
export type Accept = readonly AcceptRange[];

/** All header fields together, in characters; and ranges. The national request has some ten ranges and 1 kB. */
const maxCharacters = 16_384;
const maxRanges = 200;

/**
 * @param values  each `Accept` field of the request; one field may hold a comma list. undefined = no such field
 * @throws wado/accept-invalid  not a list of media ranges, weight outside 0–1 or with more than three decimals, a
 *   parameter given twice, longer than 16,384 characters, more than 200 ranges
 */
export const parseAccept = (values: readonly string[] | undefined): Accept => {
  const fields = values ?? [];
  if (fields.reduce((sum, field) => sum + field.length, 0) > maxCharacters) {
    throw new DrimboxError('wado/accept-invalid', { detail: `more than ${maxCharacters} characters` });
  }
  const ranges = fields.flatMap(parseMediaRanges);
  if (ranges.length > maxRanges) {
    throw new DrimboxError('wado/accept-invalid', { detail: `more than ${maxRanges} ranges` });
  }
  return ranges.map(({ mediaType, parameters, weight }) => {
    const partType = parameters.get('type');
    const transferSyntax = parameters.get('transfer-syntax');
    return {
      mediaType,
      weight,
      ...(partType === undefined ? {} : { partType: partType.toLowerCase() }),
      ...(transferSyntax === undefined ? {} : { transferSyntax }),
    };
  });
};
