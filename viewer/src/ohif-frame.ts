/** What passes between the page and the frame that holds OHIF: see viewer/ohif/boot.js, its other end. */

/** What OHIF shows at a time: a series, or one loop or one radiograph of it. */
export interface SeriesPart {
  readonly seriesInstanceUid: string;
  /** OHIF's own name of it. */
  readonly partId: string;
  /** Its first object. */
  readonly sopInstanceUid: string;
  readonly imageCount: number;
}

export type OhifMessage =
  /** `ready`: something is to be seen, or it is known that nothing ever will be. */
  | { readonly kind: 'started' | 'metadata' | 'first-image' | 'ready'; readonly atMs: number }
  /** In the order of their numbers; more of them as OHIF reads the examination. */
  | { readonly kind: 'parts'; readonly parts: readonly SeriesPart[] }
  | { readonly kind: 'shown'; readonly series: readonly string[]; readonly parts: readonly string[] }
  /** OHIF has no view for it. */
  | { readonly kind: 'not-shown'; readonly seriesInstanceUid: string }
  | { readonly kind: 'progress'; readonly done: number; readonly failed: number; readonly bytes: number }
  | { readonly kind: 'refused'; readonly status: number }
  | { readonly kind: 'failed'; readonly reason: string };

const kinds: ReadonlySet<string> = new Set([
  ...['started', 'metadata', 'first-image', 'ready', 'parts', 'shown', 'not-shown', 'progress', 'refused', 'failed'],
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
