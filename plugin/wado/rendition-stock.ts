/** Renditions made to be kept, before anybody asks for them. */
import type { ErrorCode } from '../errors.ts';
import type { PutOutcome, RenditionCache, Transcoder } from '../renditions/index.ts';
import type { StudyInstanceUid } from '../standards/index.ts';
import type { WantedRendition } from './image-store.ts';
import { renditionKeyOf } from './rendition-workshop.ts';

/** What became of a rendition that nobody has asked for yet. */
export type StockOutcome =
  | { readonly kind: 'kept'; readonly bytes: number }
  /** This one cannot be made. */
  | { readonly kind: 'failed'; readonly code: ErrorCode }
  | { readonly kind: 'cancelled' }
  /** No room without taking away what was used of late; the study was dropped meanwhile; the disk. */
  | { readonly kind: 'not-kept'; readonly why: Exclude<PutOutcome['kind'], 'kept'> };

/** Makes renditions to be kept, with a thread of its own: who asks for images never waits for it. */
export interface Stock {
  has(wanted: WantedRendition): boolean;
  /** That renditions of this study take in the cache. */
  studyBytes(studyInstanceUid: StudyInstanceUid): number;
  /** @throws what `readSource` throws */
  make(wanted: WantedRendition, readSource: () => Promise<Buffer>, signal: AbortSignal): Promise<StockOutcome>;
  /** Nothing to do for now: gives the thread and its memory back. */
  rest(): Promise<void>;
}

export interface StockPorts {
  readonly cache: RenditionCache;
  /** One thread; called again after `rest`. */
  readonly openTranscoder: () => Transcoder;
  /** Milliseconds since 1970 UTC. */
  readonly clock: () => number;
}

/** What was used or made within it is not taken away for what may never be asked for. */
const sparedMs = 86_400_000;

export const createStock = ({ cache, openTranscoder, clock }: StockPorts): Stock => {
  let transcoder: Transcoder | undefined;
  return {
    has: (wanted) => cache.has(renditionKeyOf(wanted)),
    studyBytes: (uid) => cache.studyBytes(uid),
    make: async (wanted, readSource, signal) => {
      const ticket = cache.ticket();
      transcoder ??= openTranscoder();
      const { sizeBytes, transferSyntax } = wanted;
      const made = await transcoder.render({ byteLength: sizeBytes, load: readSource, to: transferSyntax, signal });
      if (made.kind !== 'made') return made;
      const { kind } = await cache.put(renditionKeyOf(wanted), made.bytes, ticket, clock() - sparedMs);
      return kind === 'kept' ? { kind, bytes: made.bytes.byteLength } : { kind: 'not-kept', why: kind };
    },
    rest: async () => {
      const idle = transcoder;
      transcoder = undefined;
      await idle?.close();
    },
  };
};
