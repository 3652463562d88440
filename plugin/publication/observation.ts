/**
 * The reading half of a look: reports from the archive, content from the PACS, and every rule that must hold before
 * anything is sent. It sends nothing and decides nothing about what the DMP holds already.
 */
import {
  loadCurrentReports,
  saveEvents,
  saveStudyObjects,
  type ArchivedReport,
  type ArchivedStudy,
  type PublishedHead,
} from '../archive/index.ts';
import type { DmpStructure } from '../dmp/index.ts';
import { asDrimboxError, RetryClass, type ErrorCode } from '../errors.ts';
import { type DrimboxEvent, StatisticNumber } from '../events.ts';
import { findAgreement } from '../hl7/index.ts';
import { manifestFingerprint, type ManifestContent } from '../kos/index.ts';
import type { SeriesContent, StudyContent } from '../orthanc/index.ts';
import { pairOrder, type ReportedStudy } from '../report/index.ts';
import {
  isSameIns,
  parseStudyInstanceUid,
  structIdNat,
  type HealthOrganization,
  type HealthProfessional,
  type ImagingOrder,
  type Visibility,
} from '../standards/index.ts';
import { loadToHide, seriesOf, studyOf } from './archived-manifest.ts';
import { objectsOf } from './content-fingerprint.ts';
import { readManifest } from './manifest-reading.ts';
import { manifestContentOf } from './manifest-source.ts';
import { loadDoubt } from './pacs-database.ts';
import { resolvePerson } from './person.ts';
import type { PublicationPorts } from './ports.ts';
import { clockOf, endAbsence, saveContent } from './seen-content.ts';

/** Everything needed to make an order. */
export interface WantedManifest {
  readonly kind: 'manifest';
  readonly fingerprint: string;
  readonly content: ManifestContent;
  readonly archived: ArchivedReport;
  readonly reported: ReportedStudy;
  readonly order: ImagingOrder | undefined;
  readonly person: HealthProfessional;
  readonly organization: HealthOrganization;
  readonly structure: DmpStructure;
  readonly visibility: Visibility;
  readonly study: StudyContent;
  readonly series: readonly SeriesContent[];
  /** Since when the PACS has had exactly this. */
  readonly sinceUtcMs?: number;
  /** Made of what is published already, under new restrictions: the PACS is asked again once it was sent. */
  readonly isArchived?: true;
}

export type Observation =
  | WantedManifest
  | { readonly kind: 'nothing' }
  /** Every current report is about another patient than the one in whose record it stands (decision B7). */
  | { readonly kind: 'misfiled' }
  | { readonly kind: 'not-destined' }
  /** The PACS says that it has no such study. */
  | { readonly kind: 'absent'; readonly structureId: string }
  /** The PACS has the study, but only objects that it rejects itself. */
  | { readonly kind: 'rejected'; readonly structureId: string }
  | { readonly kind: 'settling'; readonly stableAtUtcMs: number }
  | {
      readonly kind: 'hold';
      readonly code: ErrorCode;
      readonly detail: string;
      /** Struct_IdNat, where it is known already. */
      readonly structureId?: string | undefined;
    };

type Hold = Extract<Observation, { kind: 'hold' }>;

const hold = (code: ErrorCode, detail: string, structureId?: string): Hold => ({
  kind: 'hold',
  code,
  detail,
  structureId,
});

/** B6: restrictions of several reports are united. */
const unitedVisibility = (reports: readonly ArchivedReport[]): Visibility => ({
  maskedFromProfessionals: reports.some(({ transmission }) => transmission.visibility.maskedFromProfessionals),
  invisibleToPatient: reports.some(({ transmission }) => transmission.visibility.invisibleToPatient),
  invisibleToRepresentatives: reports.some(({ transmission }) => transmission.visibility.invisibleToRepresentatives),
  secretConnection: reports.some(({ transmission }) => transmission.visibility.secretConnection),
});

/** Each question to the PACS counts, whatever is concluded from its answer. */
const queriedEvent = (study: ArchivedStudy, structureId: string): DrimboxEvent => ({
  name: 'pacs/queried',
  studyInstanceUid: study.studyInstanceUid,
  statistic: StatisticNumber.pacsQuerySucceeded,
  structureId,
});

/** The rules about reports alone. */
const observeReports = (ports: PublicationPorts, reports: readonly ArchivedReport[]) => {
  const [first] = reports;
  if (first === undefined) return { kind: 'nothing' } as const;
  if (reports.some((report) => !isSameIns(report.report.patient.ins, first.report.patient.ins))) {
    return hold('publication/patient-changed', 'current reports of this study name different patients');
  }
  const latest = reports.findLast((report) => report.transmission.sentToDmp);
  if (latest === undefined) return { kind: 'not-destined' } as const;
  const visibility = unitedVisibility(reports);
  if (visibility.secretConnection && ports.dmpSettings.secretConnection === undefined) {
    return hold('publication/secret-connection', 'set Dmp.SecretConnection to publish such reports');
  }
  const sender = findAgreement(ports.senders, latest.transmission);
  const person = resolvePerson(latest.report, latest.transmission, sender.personSource);
  if (person.kind === 'unresolved') {
    return hold('publication/person-unresolved', 'neither legalAuthenticator nor PRT names a person and a structure');
  }
  const structure = ports.dmp.structureFor(person.organization.id);
  if (structure === undefined) {
    return hold(
      'publication/structure-unconfigured',
      `no certificates for structure ${person.organization.id} in Dmp.Structures`,
      structIdNat(person.organization.id),
    );
  }
  return {
    kind: 'destined',
    structureId: structIdNat(person.organization.id),
    latest,
    visibility,
    person: person.person,
    organization: person.organization,
    structure,
  } as const;
};

type Destined = Extract<ReturnType<typeof observeReports>, { kind: 'destined' }>;

/** The rules about the images and their report. */
const observeImages = async (
  ports: PublicationPorts,
  destined: Destined,
  study: StudyContent,
  sinceUtcMs: number,
): Promise<Observation> => {
  const { latest, visibility, person, organization, structure, structureId } = destined;
  const reading = await readManifest(ports, { report: latest.report, organization, study });
  if (reading.kind === 'empty') return { kind: 'rejected', structureId };
  if (reading.kind === 'hold') return hold(reading.code, reading.detail, structureId);
  const { kind: _, ...read } = reading;
  const reportId = latest.report.documentId;
  const fingerprint = manifestFingerprint({ content: read.content, reportId, visibility });
  return {
    kind: 'manifest',
    ...read,
    fingerprint,
    archived: latest,
    person,
    organization,
    structure,
    visibility,
    study,
    sinceUtcMs,
  };
};

/** A report that hides or corrects what is published does not wait until the last image has arrived. */
const isUrgent = (destined: Destined, published: PublishedHead | undefined): boolean =>
  published !== undefined && published.reportKey !== destined.latest.documentKey;

const observeStudy = async (
  ports: PublicationPorts,
  known: ArchivedStudy,
  destined: Destined,
  published: PublishedHead | undefined,
): Promise<Observation> => {
  const { structureId } = destined;
  const lookup = await ports.index.lookup(parseStudyInstanceUid(known.studyInstanceUid));
  const now = ports.clock();
  await saveEvents(ports.store.knex, now, [queriedEvent(known, structureId)]);
  if (lookup.kind === 'absent') return { kind: 'absent', structureId };
  if (lookup.kind === 'duplicated') {
    // Either twin may go: its deletion must find this study.
    const { orthancIds } = lookup;
    const twins = { fingerprint: orthancIds.join(' '), orthancIds: () => orthancIds };
    await saveStudyObjects(ports.store.knex, known.studyInstanceUid, twins);
    await endAbsence(ports, known);
    return hold('publication/study-duplicated', `Orthanc studies ${lookup.orthancIds.join(', ')}`, structureId);
  }
  const { study } = lookup;
  const content = clockOf(known, study, now);
  await saveContent(ports, known, study, content);
  const stableAtUtcMs = content.sinceUtcMs + ports.options.stabilitySeconds * 1000;
  const isWaiting = now < stableAtUtcMs && !isUrgent(destined, published);
  // Not while images arrive: of thousands of objects, each look would write them all.
  if (!isWaiting) {
    const objects = { fingerprint: content.fingerprint, orthancIds: () => objectsOf(study) };
    await saveStudyObjects(ports.store.knex, known.studyInstanceUid, objects);
  }
  const found: Observation = isWaiting
    ? { kind: 'settling', stableAtUtcMs }
    : await observeImages(ports, destined, study, content.sinceUtcMs);
  if (found.kind !== 'rejected') await endAbsence(ports, known);
  return found;
};

/** What is published, under the restrictions of now; undefined when they add nothing. */
const observeArchived = async (
  ports: PublicationPorts,
  destined: Destined,
  published: PublishedHead | undefined,
): Promise<WantedManifest | undefined> => {
  const archived = await loadToHide(ports, destined.visibility, published);
  if (archived === undefined || published === undefined) return undefined;
  const { latest, visibility, person, organization, structure } = destined;
  const { report } = latest;
  const position = report.studies.findIndex((one) => one.studyInstanceUid === published.studyInstanceUid);
  const reported = report.studies[position];
  const pairing = pairOrder(report.orders, report.studies, position, undefined);
  if (reported === undefined) return undefined;
  const order = pairing.kind === 'paired' ? pairing.order : undefined;
  const study = studyOf(archived, latest, order?.accessionNumber?.value ?? '');
  const { retrieveUrlBase } = ports.site;
  const series = seriesOf(archived);
  const content = manifestContentOf({ report, reported, order, organization, study, series, retrieveUrlBase });
  const fingerprint = manifestFingerprint({ content, reportId: report.documentId, visibility });
  const made = { content, reported, order, person, organization, structure, visibility, study, series, fingerprint };
  return { kind: 'manifest', archived: latest, ...made, isArchived: true };
};

const observePacs = async (
  ports: PublicationPorts,
  known: ArchivedStudy,
  destined: Destined,
  published: PublishedHead | undefined,
): Promise<Observation> => {
  try {
    // A database that is not the known one is not asked what a hidden manifest shall list.
    const isDoubted = (await loadDoubt(ports.store.knex)) !== undefined;
    const unasked = isDoubted ? await observeArchived(ports, destined, published) : undefined;
    if (unasked !== undefined) return unasked;
    const found = await observeStudy(ports, known, destined, published);
    if (found.kind === 'manifest' || found.kind === 'settling') return found;
    return (await observeArchived(ports, destined, published)) ?? found;
  } catch (cause) {
    const error = asDrimboxError(cause);
    if (!error.code.startsWith('orthanc/')) throw error;
    const hidden = await observeArchived(ports, destined, published);
    if (hidden === undefined) throw error;
    return hidden;
  }
};

const isMisfiled = (reports: readonly ArchivedReport[], published: PublishedHead | undefined): boolean =>
  published !== undefined &&
  reports.length > 0 &&
  reports.every(({ report }) => !isSameIns(report.patient.ins, published.sender.ins));

/**
 * @param published  what the DMP holds of the study
 * @returns what the current reports and the PACS call for; a rule that does not hold is a `hold`
 * @throws orthanc/* transient errors: nothing is concluded from them
 */
export const observe = async (
  ports: PublicationPorts,
  known: ArchivedStudy,
  published: PublishedHead | undefined,
): Promise<Observation> => {
  const reports = await loadCurrentReports(ports.store.knex, known.studyInstanceUid);
  // It must leave the wrong record whatever the PACS, the structure or the destination of the new report (B7).
  if (isMisfiled(reports, published)) {
    const detail = 'the manifest that was loaded from a file is about another patient';
    return published?.origin === 'file' ? hold('publication/patient-changed', detail) : { kind: 'misfiled' };
  }
  try {
    const destined = observeReports(ports, reports);
    return destined.kind === 'destined' ? await observePacs(ports, known, destined, published) : destined;
  } catch (cause) {
    const error = asDrimboxError(cause);
    if (error.retry === RetryClass.transient || error.code.startsWith('orthanc/')) throw error;
    return hold(error.code, error.detail);
  }
};
