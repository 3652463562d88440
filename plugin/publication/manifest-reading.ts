/**
 * What must hold between a report and the images of one of its studies, and the manifest content when it does (decisions
 * A4, B5, C3). The same for the service and for `drimbox kos build`.
 */
import type { ErrorCode } from '../errors.ts';
import { selectManifestInstances, type ManifestContent } from '../kos/index.ts';
import type { SeriesContent, StudyContent } from '../orthanc/index.ts';
import { pairOrder, type ImagingReport, type ReportedStudy } from '../report/index.ts';
import { sopClasses, type HealthOrganization, type ImagingOrder } from '../standards/index.ts';
import { matchImages } from './images-match.ts';
import { manifestContentOf } from './manifest-source.ts';
import { readIdentities, readKeyObjects } from './pacs-reading.ts';
import type { PublicationPorts } from './ports.ts';

export type ManifestReading =
  | {
      readonly kind: 'content';
      readonly content: ManifestContent;
      readonly reported: ReportedStudy;
      readonly order: ImagingOrder | undefined;
      /** Series and instances that the manifest lists. */
      readonly series: readonly SeriesContent[];
    }
  /** Nothing is left to list: only rejected objects, rejection notes and manifests. */
  | { readonly kind: 'empty' }
  /** A rule does not hold: nothing may be built. */
  | { readonly kind: 'hold'; readonly code: ErrorCode; readonly detail: string };

const hold = (code: ErrorCode, detail: string): ManifestReading => ({ kind: 'hold', code, detail });

/** @throws orthanc/*, kos/unreadable */
export const readManifest = async (
  ports: Pick<PublicationPorts, 'orthanc' | 'site'>,
  given: {
    readonly report: ImagingReport;
    readonly organization: HealthOrganization;
    readonly study: StudyContent;
  },
): Promise<ManifestReading> => {
  const { report, organization, study } = given;
  const position = report.studies.findIndex((candidate) => candidate.studyInstanceUid === study.studyInstanceUid);
  const reported = report.studies[position];
  const pairing = pairOrder(report.orders, report.studies, position, study.accessionNumber);
  if (reported === undefined || pairing.kind === 'unpaired') {
    return hold('publication/order-unpaired', `${report.orders.length} orders, ${report.studies.length} studies`);
  }
  const order = pairing.kind === 'paired' ? pairing.order : undefined;
  const match = matchImages(await readIdentities(ports.orthanc, study), report, order);
  if (match.kind === 'contradiction') {
    return hold('publication/images-mismatch', `${match.what} differs in series ${match.seriesInstanceUid}`);
  }
  if (match.kind === 'unmatched') {
    return hold('publication/images-unmatched', `nothing to compare in series ${match.seriesInstanceUid}`);
  }
  const keyObjects = await readKeyObjects(ports.orthanc, study, sopClasses.keyObjectSelection);
  const series = selectManifestInstances(study.series, keyObjects);
  if (series.length === 0) return { kind: 'empty' };
  const { retrieveUrlBase } = ports.site;
  const content = manifestContentOf({ report, reported, order, organization, study, series, retrieveUrlBase });
  return { kind: 'content', content, reported, order, series };
};
