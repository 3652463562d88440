/**
 * The reading half of a look: reports from the archive, content from the PACS, and every rule that must hold before
 * anything is sent. It sends nothing and decides nothing about what the DMP holds already.
 */
import { loadCurrentReports, saveEvents, type ArchivedReport, type ArchivedStudy } from '../archive/index.ts';
import type { DmpStructure } from '../dmp/index.ts';
import { asDrimboxError, RetryClass, type ErrorCode } from '../errors.ts';
import { type DrimboxEvent, StatisticNumber } from '../events.ts';
import { findSender } from '../hl7/index.ts';
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
import { readManifest } from './manifest-reading.ts';
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
  | { readonly kind: 'absent'; readonly structureId: string }
  | {
      readonly kind: 'settling';
      readonly study: StudyContent;
      readonly content: ContentClock;
      readonly stableAtUtcMs: number;
    }
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

/** How many objects there are and when the last one came: enough to know that more are arriving. */
const contentKey = (study: StudyContent): string => {
  const count = study.series.reduce((sum, series) => sum + series.instances.length, 0);
  return `${study.orthancId}:${study.series.length}:${count}:${study.lastUpdateUtcMs ?? ''}`;
};

/**
 * Our own stability clock: it runs from Orthanc's LastUpdate where the index gives it, else from the first time that this
 * content was seen; Orthanc's StableStudy is lost by a restart (design §10).
 */
const clockOf = (known: ArchivedStudy, study: StudyContent, nowUtcMs: number): ContentClock => {
  const fingerprint = contentKey(study);
  if (known.contentFingerprint === fingerprint && known.contentSinceUtcMs !== undefined) {
    return { fingerprint, sinceUtcMs: Math.min(nowUtcMs, known.contentSinceUtcMs) };
  }
  return { fingerprint, sinceUtcMs: Math.min(nowUtcMs, study.lastUpdateUtcMs ?? nowUtcMs) };
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
  const sender = findSender(ports.senders, latest.transmission);
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
    return hold('publication/study-duplicated', `Orthanc studies ${lookup.orthancIds.join(', ')}`, structureId);
  }
  const { study } = lookup;
  const content = clockOf(known, study, now);
  const stableAtUtcMs = content.sinceUtcMs + ports.options.stabilitySeconds * 1000;
  if (now < stableAtUtcMs) return { kind: 'settling', study, content, stableAtUtcMs };
  return observeImages(ports, destined, study);
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
