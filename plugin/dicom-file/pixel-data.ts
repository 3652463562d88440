/** How many bytes of pixels a file carries, for the statistics. @see facts/spec.md b.14, 13 */
import type { DicomFileOutline } from './outline.ts';

const delimiterBytes = 8;

/**
 * Effective length of PixelData: the length field, or, for fragments, all that follows up to the delimiter (item headers
 * and the few elements that may stand behind the pixel data included). 0 without pixel data.
 */
export const pixelDataBytes = ({ pixel, fileLength }: DicomFileOutline): number => {
  if (pixel === undefined) return 0;
  return pixel.length ?? Math.max(0, fileLength - pixel.valueOffset - delimiterBytes);
};
