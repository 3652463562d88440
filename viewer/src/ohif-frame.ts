/** What passes between the page and the frame that holds OHIF: see viewer/ohif/boot.js, its other end. */

export type OhifMessage =
  | { readonly kind: 'started' | 'metadata' | 'first-image'; readonly atMs: number }
  | { readonly kind: 'progress'; readonly done: number; readonly failed: number; readonly bytes: number }
  | { readonly kind: 'refused'; readonly status: number }
  | { readonly kind: 'failed'; readonly reason: string };

const kinds = new Set(['started', 'metadata', 'first-image', 'progress', 'refused', 'failed']);

/** `undefined` for a message of anybody else. */
export const readOhifMessage = (event: MessageEvent, frame: HTMLIFrameElement | null): OhifMessage | undefined => {
  if (frame === null || event.source !== frame.contentWindow || event.origin !== location.origin) return undefined;
  const message = event.data as { source?: unknown; kind?: unknown } | null;
  if (message?.source !== 'drimbox-ohif' || !kinds.has(String(message.kind))) return undefined;
  return message as unknown as OhifMessage;
};

export const showSeries = (frame: HTMLIFrameElement | null, seriesInstanceUid: string): void => {
  frame?.contentWindow?.postMessage(
    { target: 'drimbox-ohif', kind: 'show-series', seriesInstanceUid },
    location.origin,
  );
};
