/** What passes between the page and the frame that holds OHIF: see viewer/ohif/boot.js and shown-series.js, its other end. */

import type { OhifMessage } from './ohif-messages.ts';

const kinds: ReadonlySet<string> = new Set([
  ...['started', 'ready', 'failed', 'parts', 'shown', 'waiting', 'not-shown', 'unreadable', 'progress', 'refused'],
]);

/** `undefined` for a message of anybody else. */
export const readOhifMessage = (event: MessageEvent, frame: HTMLIFrameElement | null): OhifMessage | undefined => {
  if (frame === null || event.source !== frame.contentWindow || event.origin !== location.origin) return undefined;
  const message = event.data as { source?: unknown; kind?: unknown } | null;
  if (message?.source !== 'drimbox-ohif' || !kinds.has(String(message.kind))) return undefined;
  return message as unknown as OhifMessage;
};

export const showSeries = (frame: HTMLIFrameElement | null, seriesInstanceUid: string, partId?: string): void => {
  frame?.contentWindow?.postMessage(
    { target: 'drimbox-ohif', kind: 'show-series', seriesInstanceUid, partId },
    location.origin,
  );
};
