/**
 * Whether who asks holds the manifest of what is asked for, and which objects that opens (spec b.5.3, step 6).
 *
 * @see decisions E1, E2, E5
 */
import type { Serving, ServingRefusal } from '../archive/index.ts';
import type { ErrorCode } from '../errors.ts';

/** What a path names. */
export interface WantedResource {
  readonly studyInstanceUid: string;
  readonly seriesInstanceUid?: string | undefined;
  readonly sopInstanceUid?: string | undefined;
}

/** An object that the manifest names and the request asks for. */
export interface WantedInstance {
  readonly seriesInstanceUid: string;
  readonly sopInstanceUid: string;
  readonly sopClassUid: string;
  /** As the manifest was made; absent where it does not say. */
  readonly instanceNumber?: number;
}

export type Possession =
  /** At least one object, in the order of the manifest. */
  | { readonly kind: 'held'; readonly instances: readonly WantedInstance[] }
  | { readonly kind: 'refused'; readonly code: ErrorCode };

const refusals: Readonly<Record<ServingRefusal, ErrorCode>> = {
  unknown: 'wado/kos-unknown',
  'not-current': 'wado/kos-not-current',
  held: 'wado/study-held',
  'report-gone': 'wado/report-gone',
};

const refused = (code: ErrorCode): Possession => ({ kind: 'refused', code });

/**
 * @param nationalId  of the professional who asks: a mask does not hide from the authors of the report
 */
export const checkPossession = (serving: Serving, wanted: WantedResource, nationalId: string): Possession => {
  if (serving.kind === 'refused') return refused(refusals[serving.why]);
  const { manifest } = serving;
  if (manifest.studyInstanceUid !== wanted.studyInstanceUid) return refused('wado/study-mismatch');
  if (manifest.restrictions.maskedFromProfessionals && !manifest.authorIds.includes(nationalId)) {
    return refused('wado/masked');
  }
  const instances = [...manifest.series]
    .filter(([uid]) => wanted.seriesInstanceUid === undefined || uid === wanted.seriesInstanceUid)
    .flatMap(([seriesInstanceUid, named]) => named.map((one) => ({ seriesInstanceUid, ...one })))
    .filter((one) => wanted.sopInstanceUid === undefined || one.sopInstanceUid === wanted.sopInstanceUid);
  return instances.length === 0 ? refused('wado/not-referenced') : { kind: 'held', instances };
};
