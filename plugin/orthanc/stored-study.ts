/**
 * What Orthanc has of a study, object by object, without its tags: for who knows by name what to look for.
 */
import type { OrthancClient } from './client.ts';
import type { StudyInstanceUid } from '../standards/index.ts';

export interface StoredSeries {
  readonly orthancId: string;
  readonly seriesInstanceUid: string;
  readonly modality: string;
  /** Orthanc's ids of its instances. */
  readonly instanceIds: ReadonlySet<string>;
}

export type StoredStudy =
  | {
      readonly kind: 'found';
      readonly orthancId: string;
      /** Identity: never to be logged. Orthanc's ids are made of it. */
      readonly patientId: string;
      readonly series: readonly StoredSeries[];
    }
  | { readonly kind: 'absent' }
  /** More than one Orthanc study has that UID (decision A5). */
  | { readonly kind: 'duplicated' };

/**
 * Two questions to Orthanc, whatever the number of instances.
 *
 * @throws orthanc/unreachable, orthanc/timeout, orthanc/refused, orthanc/answer-invalid
 */
export const lookUpStoredStudy = async (
  client: Pick<OrthancClient, 'findStudies' | 'listSeries'>,
  uid: StudyInstanceUid,
): Promise<StoredStudy> => {
  const [study, ...others] = await client.findStudies(uid);
  if (study === undefined) return { kind: 'absent' };
  if (others.length > 0) return { kind: 'duplicated' };
  const series = await client.listSeries(study.ID);
  return {
    kind: 'found',
    orthancId: study.ID,
    patientId: study.PatientMainDicomTags['PatientID'] ?? '',
    series: series.map((one) => ({
      orthancId: one.ID,
      seriesInstanceUid: one.MainDicomTags['SeriesInstanceUID'] ?? '',
      modality: one.MainDicomTags['Modality'] ?? '',
      instanceIds: new Set(one.Instances),
    })),
  };
};
