/**
 * The reading half of a look: reports from the archive, content from the PACS, and every rule that must hold before
 * anything is sent. It sends nothing and decides nothing about what the DMP holds already.
 */
import {
  loadCurrentReports,
  loadOrderHead,
  saveEvents,
  saveStudyObjects,
  updateStudy,
  type ArchivedReport,
  type ArchivedStudy,
} from '../archive/index.ts';
import type { DmpStructure } from '../dmp/index.ts';
import { asDrimboxError, RetryClass, type ErrorCode } from '../errors.ts';
import { type DrimboxEvent, StatisticNumber } from '../events.ts';
import { findAgreement } from '../hl7/index.ts';
import { manifestFingerprint, type ManifestContent } from '../kos/index.ts';
import type { SeriesContent, StudyContent } from '../orthanc/index.ts';
import type { ReportedStudy } from '../report/index.ts';
import {
  isSameIns,
  parseStudyInstanceUid,
  structIdNat,
  type HealthOrganization,
  type HealthProfessional,
  type ImagingOrder,
  type Visibility,
} from '../standards/index.ts';
import { contentFingerprint, objectsOf } from './content-fingerprint.ts';
import { readManifest } from './manifest-reading.ts';
import { checkDatabase } from './pacs-database.ts';
import { resolvePerson } from './person.ts';
import type { PublicationPorts } from './ports.ts';

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
}

export type Observation =
  | WantedManifest
  | { readonly kind: 'nothing' }
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

/** Since when the content of the study has been what it is. */
export interface ContentClock {
  readonly fingerprint: string;
  readonly sinceUtcMs: number;
}

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

/**
 * Our own stability clock: for a study that is seen for the first time it runs from Orthanc's LastUpdate where the index
 * gives it; a later change starts it anew, for Orthanc does not date a deletion. Orthanc's StableStudy is lost by a restart
 * (design §10).
 */
const clockOf = (known: ArchivedStudy, study: StudyContent, nowUtcMs: number): ContentClock => {
  const fingerprint = contentFingerprint(study);
  if (known.contentFingerprint === undefined) {
    return { fingerprint, sinceUtcMs: Math.min(nowUtcMs, study.lastUpdateUtcMs ?? nowUtcMs) };
  }
  const { contentSinceUtcMs = 0 } = known;
  const isSame = known.contentFingerprint === fingerprint;
  const { lastUpdateUtcMs = 0 } = study;
  const changedAtUtcMs = lastUpdateUtcMs > contentSinceUtcMs ? lastUpdateUtcMs : nowUtcMs;
  return { fingerprint, sinceUtcMs: Math.min(nowUtcMs, isSame ? contentSinceUtcMs : changedAtUtcMs) };
};

/** Keeps what the PACS holds now: a later change starts the clock anew, and a sweep sees it. */
const saveContent = async (
  ports: PublicationPorts,
  known: ArchivedStudy,
  study: StudyContent,
  content: ContentClock,
): Promise<void> => {
  if (known.contentFingerprint === content.fingerprint && known.orthancStudyId === study.orthancId) return;
  // How far the database was when this stood in it: a copy that is older by a moment only must not pass for it (decision D2).
  await checkDatabase(ports);
  await updateStudy(ports.store.knex, known, { orthancStudyId: study.orthancId, content }, ports.clock());
};

/** The images are there, or there again: what was noted about their absence is no longer true. */
const endAbsence = async (ports: PublicationPorts, known: ArchivedStudy): Promise<void> => {
  if (known.absentSinceUtcMs === undefined && known.deletionConfirmedAtUtcMs === undefined) return;
  const event: DrimboxEvent = { name: 'study/images-back', studyInstanceUid: known.studyInstanceUid };
  const atUtcMs = ports.clock();
  await ports.store.transaction(async (trx) => {
    await updateStudy(trx, known, { absentSinceUtcMs: null, deletionConfirmedAtUtcMs: null }, atUtcMs);
    await saveEvents(trx, atUtcMs, [event]);
  });
  ports.emit(event);
};

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
  };
};

/** A report that hides or corrects what is published does not wait until the last image has arrived. */
const isUrgent = async (ports: PublicationPorts, known: ArchivedStudy, destined: Destined): Promise<boolean> => {
  if (known.publishedSubmissionId === undefined) return false;
  const published = await loadOrderHead(ports.store.knex, known.publishedSubmissionId);
  return published?.reportId !== destined.latest.id;
};

const observeStudy = async (
  ports: PublicationPorts,
  known: ArchivedStudy,
  destined: Destined,
): Promise<Observation> => {
  const { structureId } = destined;
  const lookup = await ports.index.lookup(parseStudyInstanceUid(known.studyInstanceUid));
  const now = ports.clock();
  await saveEvents(ports.store.knex, now, [queriedEvent(known, structureId)]);
  if (lookup.kind === 'absent') return { kind: 'absent', structureId };
  if (lookup.kind === 'duplicated') {
    // Either twin may go: its deletion must find this study.
    await saveStudyObjects(ports.store.knex, known.studyInstanceUid, lookup.orthancIds);
    await endAbsence(ports, known);
    return hold('publication/study-duplicated', `Orthanc studies ${lookup.orthancIds.join(', ')}`, structureId);
  }
  const { study } = lookup;
  const content = clockOf(known, study, now);
  await saveContent(ports, known, study, content);
  const stableAtUtcMs = content.sinceUtcMs + ports.options.stabilitySeconds * 1000;
  const isWaiting = now < stableAtUtcMs && !(await isUrgent(ports, known, destined));
  // Not while images arrive: of thousands of objects, each look would write them all.
  if (!isWaiting) await saveStudyObjects(ports.store.knex, known.studyInstanceUid, objectsOf(study));
  const found: Observation = isWaiting
    ? { kind: 'settling', stableAtUtcMs }
    : await observeImages(ports, destined, study);
  if (found.kind !== 'rejected') await endAbsence(ports, known);
  return found;
};

/**
 * @returns what the current reports and the PACS call for; a rule that does not hold is a `hold`
 * @throws orthanc/* transient errors: nothing is concluded from them
 */
export const observe = async (ports: PublicationPorts, known: ArchivedStudy): Promise<Observation> => {
  const reports = await loadCurrentReports(ports.store.knex, known.studyInstanceUid);
  try {
    const destined = observeReports(ports, reports);
    return destined.kind === 'destined' ? await observeStudy(ports, known, destined) : destined;
  } catch (cause) {
    const error = asDrimboxError(cause);
    if (error.retry === RetryClass.transient || error.code.startsWith('orthanc/')) throw error;
    return hold(error.code, error.detail);
  }
};
