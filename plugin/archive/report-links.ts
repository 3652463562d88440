/**
 * What the link printed in a report leads to: the versions of that report, the studies its current version names, and the
 * manifest of each that stands now. All in one statement, read anew at each call.
 *
 * The versions of a report are found as lineage makes them (decision B1): by document id and the ids they replace, for one
 * patient; a replacement whose parent never came counts as a version of the older reports of the same study.
 *
 * Two links of one report and a link of an older version lead to the same current version (decision E6).
 *
 * @see decisions B1, B6, B7, E6 · facts/spec.md b.7
 */
import type { Knex } from 'knex';
import type { ImagingOrder, InsIdentifier, PatientIdentity } from '../standards/index.ts';

/** One version of the report. */
export interface LinkedReport {
  /** Its number in the archive. */
  readonly id: number;
  readonly documentKey: string;
  readonly state: 'current' | 'replaced' | 'deleted';
  readonly ins: InsIdentifier;
  readonly patient: PatientIdentity;
  /** PID-32 of the message that brought it, where it said one. */
  readonly identityStatus?: string;
  readonly orders: readonly ImagingOrder[];
  /** StudyInstanceUIDs in the order of the report: orders pair with them by position (decision B5). */
  readonly studies: readonly string[];
}

/** A study that a version names, and the manifest that stands for it now. */
export interface LinkedStudy {
  readonly studyInstanceUid: string;
  /** Absent: nothing was published, or nothing is any more. */
  readonly kosSopInstanceUid?: string;
  /** Of the manifest; absent where it was imported: its report then says who the patient is. */
  readonly manifestPatient?: PatientIdentity;
  /** Accession numbers of the manifest. */
  readonly accessionNumbers: readonly string[];
}

export interface ReportLinkFacts {
  /** Oldest first; none: no such report names that study. */
  readonly reports: readonly LinkedReport[];
  /** That of the link, and those that current versions name. */
  readonly studies: readonly LinkedStudy[];
}

/**
 * @param link.documentKey  as `documentIdKey` builds it: the whole id, extension included
 * @throws store/unavailable
 */
export type LoadReportLink = (link: {
  readonly studyInstanceUid: string;
  readonly documentKey: string;
}) => Promise<ReportLinkFacts>;

/** Far beyond any report; keeps one statement small. */
const maxStudies = 50;

/** A manifest that left last speaks for the study before the DMP has answered: so does `createLoadServing`. */
const standingSubmission = (columns: string, studyUid: string): string => `
  SELECT ${columns} FROM submission JOIN study ON study.study_uid = submission.study_uid
  WHERE submission.study_uid = ${studyUid} AND submission.kind <> 'delete'
    AND ((submission.state = 'open' AND submission.sent_at_utc_ms IS NOT NULL)
      OR (submission.state = 'accepted' AND study.published_submission_id = submission.id))
  ORDER BY submission.id DESC LIMIT 1`;

const versionColumns = 'version.id, version.document_key, version.parent_keys, version.ins_value, version.ins_oid';

/** The document of the link, and replacements of the same study whose parents never came. */
const startingPoints = `
  named AS (
    SELECT ${versionColumns} FROM report AS version JOIN report_study ON report_study.report_id = version.id
    WHERE version.document_key = :documentKey AND version.action <> 'delete'
      AND report_study.study_uid = :studyInstanceUid
  ),
  adopted AS (
    SELECT ${versionColumns} FROM report AS version JOIN report_study ON report_study.report_id = version.id
    WHERE report_study.study_uid = :studyInstanceUid AND version.action = 'replace'
      AND NOT EXISTS (SELECT 1 FROM report AS parent WHERE parent.document_key = ANY(version.parent_keys))
      AND EXISTS (SELECT 1 FROM named WHERE named.ins_value = version.ins_value AND named.ins_oid = version.ins_oid
                  AND named.id < version.id)
  )`;

const linkSql = `
  WITH RECURSIVE ${startingPoints},
  lineage AS (
    (SELECT * FROM named UNION SELECT * FROM adopted)
    UNION
    SELECT next.* FROM lineage CROSS JOIN LATERAL (
      SELECT ${versionColumns} FROM report AS version WHERE version.parent_keys @> ARRAY[lineage.document_key]
      UNION ALL
      SELECT ${versionColumns} FROM report AS version WHERE version.document_key = ANY(lineage.parent_keys)
    ) AS next
    WHERE next.ins_value = lineage.ins_value AND next.ins_oid = lineage.ins_oid
  ),
  versions AS (
    SELECT report.id, report.document_key, report.state, report.header,
           report.transmission->'patient'->'identityStatus' AS identity_status,
           ARRAY(SELECT report_study.study_uid FROM report_study WHERE report_study.report_id = report.id
                 ORDER BY report_study.position) AS studies
    FROM report WHERE report.id IN (SELECT id FROM lineage) AND report.action <> 'delete'
  ),
  named_studies AS (
    SELECT CAST(:studyInstanceUid AS text) AS study_uid
    UNION
    SELECT unnest(studies) FROM versions WHERE state = 'current'
    LIMIT ${maxStudies}
  )
  SELECT
    (SELECT jsonb_agg(jsonb_strip_nulls(jsonb_build_object(
              'id', id, 'documentKey', document_key, 'state', state, 'ins', header->'patient'->'ins',
              'patient', header->'patient', 'identityStatus', identity_status,
              'orders', header->'orders', 'studies', to_jsonb(studies))) ORDER BY id)
     FROM versions) AS reports,
    (SELECT jsonb_agg(jsonb_build_object(
              'studyInstanceUid', named_studies.study_uid, 'kos', standing.document_uid,
              'patient', standing.manifest->'patient', 'orders', standing.manifest->'orders'))
     FROM named_studies LEFT JOIN LATERAL (
       ${standingSubmission('submission.document_uid, submission.manifest', 'named_studies.study_uid')}
     ) AS standing ON true) AS studies`;

interface StudyJson {
  readonly studyInstanceUid: string;
  readonly kos: string | null;
  readonly patient: PatientIdentity | null;
  readonly orders: readonly ImagingOrder[] | null;
}

interface LinkRow {
  readonly reports: readonly LinkedReport[] | null;
  readonly studies: readonly StudyJson[] | null;
}

const toStudy = ({ studyInstanceUid, kos, patient, orders }: StudyJson): LinkedStudy => ({
  studyInstanceUid,
  ...(kos === null ? {} : { kosSopInstanceUid: kos }),
  ...(patient === null ? {} : { manifestPatient: patient }),
  accessionNumbers: (orders ?? []).flatMap(({ accessionNumber }) => accessionNumber?.value ?? []),
});

export const createLoadReportLink =
  (knex: Knex): LoadReportLink =>
  async ({ studyInstanceUid, documentKey }) => {
    const { rows } = await knex.raw<{ rows: LinkRow[] }>(linkSql, { studyInstanceUid, documentKey });
    return { reports: rows[0]?.reports ?? [], studies: (rows[0]?.studies ?? []).map(toStudy) };
  };

/**
 * The manifest that stands for a study now: what a grant is checked against, so that a manifest replaced while somebody looks
 * does not close the examination, and a withdrawn one does.
 *
 * @returns its SOPInstanceUID, for `LoadServing`
 * @throws store/unavailable
 */
export type FindStandingManifest = (studyInstanceUid: string) => Promise<string | undefined>;

export const createFindStandingManifest =
  (knex: Knex): FindStandingManifest =>
  async (studyInstanceUid) => {
    const { rows } = await knex.raw<{ rows: { readonly document_uid: string }[] }>(
      standingSubmission('submission.document_uid', ':studyInstanceUid'),
      { studyInstanceUid },
    );
    return rows[0]?.document_uid;
  };
