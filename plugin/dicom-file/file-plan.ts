/**
 * A file to write, told as ranges of the source and new bytes: a caller copies the ranges from disk, or from memory.
 */

export type FileSegment =
  /** `end` is one past the last byte. */
  | { readonly kind: 'copy'; readonly start: number; readonly end: number }
  | { readonly kind: 'bytes'; readonly bytes: Uint8Array };

export interface FilePlan {
  readonly segments: readonly FileSegment[];
  /** Length of the file that the segments make. */
  readonly totalBytes: number;
}

export const segmentLength = (segment: FileSegment): number =>
  segment.kind === 'copy' ? segment.end - segment.start : segment.bytes.length;

/** Leaves out what is empty, joins what touches. */
export const buildFilePlan = (segments: readonly FileSegment[]): FilePlan => {
  const kept: FileSegment[] = [];
  let totalBytes = 0;
  for (const segment of segments) {
    const length = segmentLength(segment);
    if (length <= 0) continue;
    totalBytes += length;
    const last = kept.at(-1);
    if (segment.kind === 'copy' && last?.kind === 'copy' && last.end === segment.start) {
      kept[kept.length - 1] = { kind: 'copy', start: last.start, end: segment.end };
    } else kept.push(segment);
  }
  return { segments: kept, totalBytes };
};

/** Makes the planned file in memory. @param source the whole file that the plan was made for */
export const assembleFile = (source: Uint8Array, plan: FilePlan): Buffer => {
  const file = Buffer.allocUnsafe(plan.totalBytes);
  let offset = 0;
  for (const segment of plan.segments) {
    file.set(segment.kind === 'copy' ? source.subarray(segment.start, segment.end) : segment.bytes, offset);
    offset += segmentLength(segment);
  }
  return file;
};
