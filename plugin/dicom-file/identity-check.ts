/** Whether the file is the object that was asked for (decision E1): before the first byte of it leaves. */
import { DrimboxError } from '../errors.ts';
import type { DicomFileOutline } from './outline.ts';

export interface ExpectedIdentity {
  readonly studyInstanceUid: string;
  readonly seriesInstanceUid: string;
  readonly sopInstanceUid: string;
}

/** @throws dicom-file/identity-mismatch */
export const checkIdentity = (outline: DicomFileOutline, expected: ExpectedIdentity): void => {
  const differing = (['studyInstanceUid', 'seriesInstanceUid', 'sopInstanceUid'] as const).filter(
    (name) => outline[name] !== expected[name],
  );
  if (differing.length === 0) return;
  throw new DrimboxError('dicom-file/identity-mismatch', {
    detail: `another ${differing.join(', ')} in the file`,
    context: { expectedSopInstanceUid: expected.sopInstanceUid },
  });
};
