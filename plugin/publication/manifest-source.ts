/** From report and PACS to what the manifest says (facts/spec.md b.3). Pure. */
import type { ManifestContent } from '../kos/index.ts';
import type { StudyContent, SeriesContent } from '../orthanc/index.ts';
import type { ImagingReport, ReportedStudy } from '../report/index.ts';
import type { HealthOrganization, ImagingOrder } from '../standards/index.ts';

export interface ManifestSource {
  readonly report: ImagingReport;
  readonly reported: ReportedStudy;
  readonly order: ImagingOrder | undefined;
  readonly organization: HealthOrganization;
  readonly study: StudyContent;
  /** Series and instances that decision C3 leaves. */
  readonly series: readonly SeriesContent[];
  readonly retrieveUrlBase: string;
}

export const manifestContentOf = (source: ManifestSource): ManifestContent => ({
  patient: source.report.patient,
  institution: source.organization,
  study: {
    studyInstanceUid: source.study.studyInstanceUid,
    studyDate: source.study.studyDate,
    studyTime: source.study.studyTime,
    studyId: source.study.studyId,
    studyDescription: source.study.studyDescription,
    referringPhysicianName: source.study.referringPhysicianName,
  },
  orders: source.order === undefined ? [] : [source.order],
  actDisplayName: source.reported.act?.displayName ?? '',
  series: source.series.map((series) => ({
    seriesInstanceUid: series.seriesInstanceUid,
    modality: series.modality,
    seriesNumber: series.seriesNumber,
    seriesDescription: series.seriesDescription,
    bodyPartExamined: series.bodyPartExamined,
    instances: series.instances.map((instance) => ({
      sopClassUid: instance.sopClassUid,
      sopInstanceUid: instance.sopInstanceUid,
      instanceNumber: instance.instanceNumber,
      numberOfFrames: instance.numberOfFrames,
    })),
  })),
  retrieveUrlBase: source.retrieveUrlBase,
});
