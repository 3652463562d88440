/**
 * Which study a series or an instance of Orthanc belonged to: Orthanc tells a deletion by the id of what is already gone.
 * Only the first 8 bytes of an id are kept; two studies that share them both get a look, which does no harm.
 */
import type { Knex } from 'knex';

/** @param orthancId  40 hexadecimal digits in five groups */
const keyOf = (orthancId: string): string =>
  BigInt.asIntN(64, BigInt(`0x${orthancId.replaceAll('-', '').slice(0, 16)}`)).toString();

const asArray = (orthancIds: readonly string[]): string => `{${orthancIds.map(keyOf).join(',')}}`;

/**
 * Keeps which series and instances the study has in Orthanc now.
 *
 * @param content.fingerprint  of the content that these objects are: the same is written once
 */
export const saveStudyObjects = async (
  knex: Knex,
  studyInstanceUid: string,
  content: { readonly fingerprint: string; readonly orthancIds: () => readonly string[] },
): Promise<void> => {
  const { fingerprint } = content;
  const known: unknown = await knex('study_object')
    .where({ study_uid: studyInstanceUid, content_fingerprint: fingerprint })
    .first('study_uid');
  if (known !== undefined) return;
  await knex.raw(
    `INSERT INTO study_object (study_uid, content_fingerprint, keys) VALUES (?, ?, ?::bigint[])
     ON CONFLICT (study_uid) DO UPDATE SET content_fingerprint = excluded.content_fingerprint, keys = excluded.keys`,
    [studyInstanceUid, fingerprint, asArray(content.orthancIds())],
  );
};

/**
 * Makes due the studies that are, or held when they were last looked at, one of these resources of Orthanc. A study that is
 * due soon anyway is not hurried: images arrive one by one, and the look that comes sees them all.
 *
 * @param when.soonUtcMs  a look due before is soon enough
 * @returns Orthanc's ids of the studies that were known
 */
export const requestLooksByObjects = async (
  knex: Knex,
  orthancIds: readonly string[],
  when: { readonly nowUtcMs: number; readonly soonUtcMs: number },
): Promise<readonly string[]> => {
  const lived: string[] = await knex('study')
    .whereRaw('orthanc_study_id = ANY(?::text[])', [[...orthancIds]])
    .pluck('study_uid');
  // One probe of the index for each key: an overlap of many keys at once is answered by reading the whole table.
  const held: { rows: { study_uid: string }[] } = await knex.raw(
    `SELECT DISTINCT object.study_uid FROM unnest(?::bigint[]) AS key
     CROSS JOIN LATERAL (SELECT study_uid FROM study_object WHERE keys @> ARRAY[key] OFFSET 0) AS object`,
    [asArray(orthancIds)],
  );
  const uids = [...new Set([...lived, ...held.rows.map((row) => row.study_uid)])];
  if (uids.length === 0) return [];
  const found: { rows: { orthanc_study_id: string | null }[] } = await knex.raw(
    `UPDATE study SET
       look_due_at_utc_ms = CASE
         WHEN look_due_at_utc_ms <= ? AND lease_token IS NULL THEN look_due_at_utc_ms
         ELSE LEAST(COALESCE(look_due_at_utc_ms, ?), ?) END,
       look_number = look_number + 1
     WHERE study_uid = ANY(?::text[])
     RETURNING orthanc_study_id`,
    [Math.ceil(when.soonUtcMs), when.nowUtcMs, when.nowUtcMs, uids],
  );
  return found.rows.map((row) => row.orthanc_study_id ?? '');
};
