/**
 * How fast the line of a browser is, as it tells itself: `Save-Data`, `Downlink` (Mb/s), `ECT`. They are asked for by
 * `Accept-CH` of the page; a browser that tells nothing has a fast line. Browsers tell 10 Mb/s for everything faster, so that a
 * limit above 10 means every browser that tells.
 *
 * @see Network Information API and Save Data API (WICG) · RFC 8942
 */
import type { IncomingHttpHeaders } from 'node:http';
import type { FrameCompression, ViewerImagesOptions } from './options.ts';

/** What the page asks browsers to tell. */
export const lineSpeedHints = 'Downlink, ECT, Save-Data';

const first = (field: string | string[] | undefined): string =>
  Array.isArray(field) ? (field[0] ?? '') : (field ?? '');

export const isSlowLine = (headers: IncomingHttpHeaders, slowBelowMegabitsPerSecond: number): boolean => {
  if (first(headers['save-data']).toLowerCase() === 'on') return true;
  if (/^(slow-2g|2g|3g)$/.test(first(headers['ect']))) return true;
  const downlink = first(headers['downlink']);
  return /^\d{1,6}(\.\d{1,6})?$/.test(downlink) && Number(downlink) < slowBelowMegabitsPerSecond;
};

export const chooseCompression = (
  headers: IncomingHttpHeaders,
  options: Pick<ViewerImagesOptions, 'fastLine' | 'slowLine' | 'slowBelowMegabitsPerSecond'>,
): FrameCompression => (isSlowLine(headers, options.slowBelowMegabitsPerSecond) ? options.slowLine : options.fastLine);
