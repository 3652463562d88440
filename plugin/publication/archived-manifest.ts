/**
 * A manifest made without the PACS. When a report hides what is published and the PACS cannot be asked, or must not be
 * believed, the objects of the published manifest are published anew under the new restrictions: what must not be seen does
 * not wait for images.
 */
import { loadOrder, type ArchivedReport, type Order, type OrderHead } from '../archive/index.ts';
import { parseSubmission } from '../dmp/index.ts';
import { parseManifest, type ManifestContent } from '../kos/index.ts';
import type { SeriesContent, StudyContent } from '../orthanc/index.ts';
import { parseStudyInstanceUid, type Visibility } from '../standards/index.ts';
import type { PublicationPorts } from './ports.ts';

/** What was published, read back from its own bytes. */
export interface ArchivedManifest {
  readonly content: Pick<ManifestContent, 'study' | 'series' | 'actDisplayName'>;
  readonly visibility: Omit<Visibility, 'secretConnection'>;
}

const readBack = (order: Order): ArchivedManifest => {
  const { study, series, actDisplayName } = parseManifest(order.kos);
  return {
    content: {
      study: { ...study, studyInstanceUid: order.studyInstanceUid },
      actDisplayName,
      series: series.filter((one) => one.studyInstanceUid === order.studyInstanceUid),
    },
    visibility: parseSubmission(order.metadata).visibility,
  };
};

const restrictions = ['maskedFromProfessionals', 'invisibleToPatient', 'invisibleToRepresentatives'] as const;

/** Whether the reports of now hide what was published for everybody to see, or for more people. */
const isHiding = (wanted: Visibility, published: ArchivedManifest): boolean =>
  restrictions.some((one) => wanted[one] && !published.visibility[one]);

/** Whether visibility is all that changed, or part of it: then a report caused the update, whichever report it accompanies. */
export const hasOtherVisibility = async (
  ports: Pick<PublicationPorts, 'store'>,
  wanted: Visibility,
  published: OrderHead,
): Promise<boolean> => {
  const order = await loadOrder(ports.store.knex, published.id);
  if (order === undefined || order.metadata === '') return false;
  const { visibility } = parseSubmission(order.metadata);
  return restrictions.some((one) => wanted[one] !== visibility[one]);
};

/** What the published manifest names. */
export const loadPublishedContent = async (
  ports: Pick<PublicationPorts, 'store'>,
  published: OrderHead,
): Promise<ArchivedManifest['content'] | undefined> => {
  const order = await loadOrder(ports.store.knex, published.id);
  if (order === undefined || order.kind === 'delete') return undefined;
  const { study, series, actDisplayName } = parseManifest(order.kos);
  return { study: { ...study, studyInstanceUid: order.studyInstanceUid }, series, actDisplayName };
};

/** @returns the published manifest when the reports of now hide it; undefined when there is nothing to hide */
export const loadToHide = async (
  ports: Pick<PublicationPorts, 'store'>,
  wanted: Visibility,
  published: OrderHead | undefined,
): Promise<ArchivedManifest | undefined> => {
  if (published === undefined || published.origin === 'file') return undefined;
  const order = await loadOrder(ports.store.knex, published.id);
  if (order === undefined || order.kind === 'delete') return undefined;
  const archived = readBack(order);
  return isHiding(wanted, archived) ? archived : undefined;
};

/** The series as the PACS had them; Orthanc's ids are not known any more and nothing needs them. */
export const seriesOf = (archived: ArchivedManifest): readonly SeriesContent[] =>
  archived.content.series.map((series) => ({
    orthancId: '',
    seriesInstanceUid: series.seriesInstanceUid,
    modality: series.modality,
    seriesNumber: series.seriesNumber,
    seriesDescription: series.seriesDescription,
    bodyPartExamined: series.bodyPartExamined,
    instances: series.instances.map((instance) => ({
      orthancId: '',
      sopInstanceUid: instance.sopInstanceUid,
      sopClassUid: instance.sopClassUid,
      instanceNumber: instance.instanceNumber,
      numberOfFrames: instance.numberOfFrames,
    })),
  }));

/** The study as it was published, for the identity of the report of now. */
export const studyOf = (archived: ArchivedManifest, report: ArchivedReport, accessionNumber: string): StudyContent => {
  const { study } = archived.content;
  const { patient } = report.report;
  return {
    orthancId: '',
    studyInstanceUid: parseStudyInstanceUid(study.studyInstanceUid),
    patientId: '',
    patientName: patient.birthFamilyName,
    patientBirthDate: patient.birthDate,
    patientSex: patient.sex,
    accessionNumber,
    studyDate: study.studyDate,
    studyTime: study.studyTime,
    studyId: study.studyId,
    studyDescription: study.studyDescription,
    referringPhysicianName: study.referringPhysicianName,
    institutionName: '',
    series: seriesOf(archived),
  };
};
