/**
 * What a manifest's SOPInstanceUID opens: whether the archive may serve the images it names, right now.
 *
 * All that may change is read at each call, in one statement: a report that hides or corrects, and an administrator's hold, act
 * on the very next request, before any look at the study. What a manifest names never changes: it is read once.
 *
 * @see decisions A4, A5, B7, B8, E1, E2, E5 · facts/spec.md b.5.3
 */
import type { Knex } from 'knex';
import { parseSubmission, type VihfSubject } from '../dmp/index.ts';
import type { ErrorCode } from '../errors.ts';
import { type ManifestContent, parseManifest } from '../kos/index.ts';
import type { ImagingReport } from '../report/index.ts';
import { type InsIdentifier, isSameIns, type Visibility } from '../standards/index.ts';
import type { TransmissionHeader } from './reports.ts';
import { StudyState } from './studies.ts';

/** Restrictions that concern who looks; the secret connection concerns the DMP alone. */
export type Restrictions = Omit<Visibility, 'secretConnection'>;

export interface ServedInstance {
  readonly sopInstanceUid: string;
  readonly sopClassUid: string;
  /** Absent where the manifest was imported, or the object has none. */
  readonly instanceNumber?: number;
}

/** A manifest that the DMP holds, or may hold by now, and what it opens. */
export interface ServedManifest {
  readonly submissionId: number;
  readonly studyInstanceUid: string;
  /** Of the last look; absent when the study was never seen in this PACS. */
  readonly orthancStudyId?: string;
  /** Whose record it stands in. */
  readonly ins: InsIdentifier;
  /** Struct_IdNat of who published it. */
  readonly structureId: string;
  /** By SeriesInstanceUID, in the order of the manifest. */
  readonly series: ReadonlyMap<string, readonly ServedInstance[]>;
  /** Of all current reports together (decision B6). */
  readonly restrictions: Restrictions;
  /** National identifiers of the authors of the current reports: a mask does not hide from them (decision E5). */
  readonly authorIds: readonly string[];
}

/** Why nothing is served; told apart in the audit, never to the peer. */
export type ServingRefusal =
  /** No manifest of ours has that UID. */
  | 'unknown'
  /** It is not what the DMP holds now: replaced, deleted, refused, or not sent yet. */
  | 'not-current'
  /** The study is held (an administrator or a new message releases it). */
  | 'held'
  /** No current report is about this patient any more (decision B7). */
  | 'report-gone';

export type Serving =
  | { readonly kind: 'served'; readonly manifest: ServedManifest }
  | { readonly kind: 'refused'; readonly why: ServingRefusal; readonly reasonCode?: ErrorCode };

interface ServingRow {
  readonly id: number;
  readonly study_uid: string;
  readonly state: 'open' | 'accepted' | 'refused' | 'superseded';
  readonly origin: 'order' | 'xdm' | 'file';
  readonly has_left: boolean;
  readonly is_published: boolean;
  readonly structure_id: string;
  readonly sender: VihfSubject;
  readonly study_state: StudyState;
  readonly reason_code: ErrorCode | null;
  readonly is_withdrawn: boolean;
  readonly orthanc_study_id: string | null;
  readonly reports: readonly ReportRow[] | null;
}

interface ReportRow {
  readonly ins: InsIdentifier;
  readonly visibility: TransmissionHeader['visibility'];
  readonly authors: ImagingReport['authors'];
}

/** The manifest of that UID, its study, and the current reports that name the study. */
const servingSql = `
  SELECT submission.id, submission.study_uid, submission.state, submission.origin, submission.structure_id,
         submission.sender, submission.sent_at_utc_ms IS NOT NULL AS has_left,
         study.published_submission_id = submission.id AS is_published,
         study.state AS study_state, study.reason_code, study.orthanc_study_id,
         study.withdrawn_at_utc_ms IS NOT NULL AS is_withdrawn,
         (SELECT jsonb_agg(jsonb_build_object(
                   'ins', report.header->'patient'->'ins',
                   'authors', report.header->'authors',
                   'visibility', report.transmission->'visibility'))
          FROM report JOIN report_study ON report_study.report_id = report.id
          WHERE report_study.study_uid = submission.study_uid AND report.state = 'current') AS reports
  FROM submission JOIN study ON study.study_uid = submission.study_uid
  WHERE submission.document_uid = ? AND submission.kind <> 'delete'`;

const refused = (why: ServingRefusal, reasonCode?: ErrorCode | null): Serving => ({
  kind: 'refused',
  why,
  ...(reasonCode === undefined || reasonCode === null ? {} : { reasonCode }),
});

/** From the moment its bytes left, the DMP may hold it, and another DRIMbox may have it from there. */
const isCurrent = (row: ServingRow): boolean =>
  row.state === 'accepted' ? row.is_published : row.state === 'open' && row.has_left;

/** Manifests that came with no content beside their bytes, and with no report. */
const loadBytes = async (
  knex: Knex,
  id: number,
): Promise<{ readonly kos: Uint8Array; readonly metadata: string } | undefined> =>
  knex('submission').where({ id }).first('kos', 'metadata');

interface NamedSeries {
  readonly seriesInstanceUid: string;
  readonly instances: readonly (Omit<ServedInstance, 'instanceNumber'> & { readonly instanceNumber?: string })[];
}

const servedInstance = ({
  sopInstanceUid,
  sopClassUid,
  instanceNumber = '',
}: NamedSeries['instances'][number]): ServedInstance => ({
  sopInstanceUid,
  sopClassUid,
  ...(/^[+-]?\d{1,12}$/.test(instanceNumber.trim()) ? { instanceNumber: Number(instanceNumber) } : {}),
});

const loadSeries = async (knex: Knex, id: number): Promise<ServedManifest['series']> => {
  const { rows } = await knex.raw<{ rows: { readonly series: ManifestContent['series'] | null }[] }>(
    `SELECT manifest->'series' AS series FROM submission WHERE id = ?`,
    [id],
  );
  const named: readonly NamedSeries[] =
    rows[0]?.series ?? parseManifest((await loadBytes(knex, id))?.kos ?? new Uint8Array()).series;
  return new Map(named.map(({ seriesInstanceUid, instances }) => [seriesInstanceUid, instances.map(servedInstance)]));
};

const unrestricted: Restrictions = {
  maskedFromProfessionals: false,
  invisibleToPatient: false,
  invisibleToRepresentatives: false,
};

const restrictionsOf = async (knex: Knex, row: ServingRow): Promise<Restrictions> => {
  const reports = row.reports ?? [];
  if (reports.length > 0) {
    return {
      maskedFromProfessionals: reports.some(({ visibility }) => visibility.maskedFromProfessionals),
      invisibleToPatient: reports.some(({ visibility }) => visibility.invisibleToPatient),
      invisibleToRepresentatives: reports.some(({ visibility }) => visibility.invisibleToRepresentatives),
    };
  }
  const metadata = (await loadBytes(knex, row.id))?.metadata ?? '';
  return metadata === '' ? unrestricted : parseSubmission(metadata).visibility;
};

const authorsOf = ({ reports }: ServingRow): readonly string[] => [
  ...new Set((reports ?? []).flatMap(({ authors }) => authors.flatMap(({ person }) => person?.id ?? []))),
];

/** Only what was imported may stand without a report. */
const hasReport = ({ reports, origin, sender }: ServingRow): boolean =>
  reports === null ? origin !== 'order' : reports.every(({ ins }) => isSameIns(ins, sender.ins));

/** About 40 MB. */
const maxRememberedInstances = 200_000;

/** What the manifests of the archive name, by submission: those that were asked for last. */
const createSeriesMemory = (knex: Knex) => {
  const remembered = new Map<string, ServedManifest['series']>();
  let instances = 0;

  const sizeOf = (series: ServedManifest['series']): number =>
    [...series.values()].reduce((sum, { length }) => sum + length, 0);

  const forget = (key: string): void => {
    instances -= sizeOf(remembered.get(key) ?? new Map());
    remembered.delete(key);
  };

  return async (id: number, kosSopInstanceUid: string): Promise<ServedManifest['series']> => {
    const key = `${id} ${kosSopInstanceUid}`;
    const series = remembered.get(key) ?? (await loadSeries(knex, id));
    forget(key);
    remembered.set(key, series);
    instances += sizeOf(series);
    for (const oldest of remembered.keys()) {
      if (instances <= maxRememberedInstances || oldest === key) break;
      forget(oldest);
    }
    return series;
  };
};

/**
 * Looks up what a manifest opens.
 *
 * @param kosSopInstanceUid  SOPInstanceUID of the manifest (header `KOS-SOPInstanceUID`)
 * @throws store/unavailable; kos/*: the archived bytes of an imported manifest cannot be read
 */
export type LoadServing = (kosSopInstanceUid: string) => Promise<Serving>;

export const createLoadServing = (knex: Knex): LoadServing => {
  const seriesOf = createSeriesMemory(knex);
  return async (kosSopInstanceUid) => {
    const { rows } = await knex.raw<{ rows: ServingRow[] }>(servingSql, [kosSopInstanceUid]);
    const [row] = rows;
    if (row === undefined) return refused('unknown');
    if (!isCurrent(row) || row.is_withdrawn) return refused('not-current', row.reason_code);
    if (row.study_state === StudyState.held) return refused('held', row.reason_code);
    if (!hasReport(row)) return refused('report-gone');
    return {
      kind: 'served',
      manifest: {
        submissionId: Number(row.id),
        studyInstanceUid: row.study_uid,
        ...(row.orthanc_study_id === null ? {} : { orthancStudyId: row.orthanc_study_id }),
        ins: row.sender.ins,
        structureId: row.structure_id,
        series: await seriesOf(Number(row.id), kosSopInstanceUid),
        restrictions: await restrictionsOf(knex, row),
        authorIds: authorsOf(row),
      },
    };
  };
};
