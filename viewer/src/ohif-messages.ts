/** What the frame that holds OHIF tells the page: viewer/ohif/boot.js and shown-series.js, its other end. */

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
  /** `ready`: something is to be seen, or it is known that the first image will not be; another series can be chosen. */
  | { readonly kind: 'started' | 'ready'; readonly atMs: number }
  /** What OHIF needs to start did not come. */
  | { readonly kind: 'failed' }
  /** In the order of their numbers; more of them as OHIF reads the examination. */
  | { readonly kind: 'parts'; readonly parts: readonly SeriesPart[] }
  | { readonly kind: 'shown'; readonly series: readonly string[]; readonly parts: readonly string[] }
  /**
   * Of a series that was chosen. `waiting`: it is not read yet; `not-shown`: OHIF has no view for it; `unreadable`: the server
   * did not give its description.
   */
  | { readonly kind: 'waiting' | 'not-shown' | 'unreadable'; readonly seriesInstanceUid: string }
  | { readonly kind: 'progress'; readonly done: number; readonly failed: number }
  | { readonly kind: 'refused'; readonly status: number };
