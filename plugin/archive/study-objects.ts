/**
 * Which study a series or an instance of Orthanc belonged to: Orthanc tells a deletion by the id of what is already gone.
 * Only the first 8 bytes of an id are kept; two studies that share them both get a look, which does no harm.
 */
import type { Knex } from 'knex';

/** @param orthancId  40 hexadecimal digits in five groups */
const keyOf = (orthancId: string): string =>
  BigInt.asIntN(64, BigInt(`0x${orthancId.replaceAll('-', '').slice(0, 16)}`)).toString();

const asArray = (orthancIds: readonly string[]): string => `{${orthancIds.map(keyOf).join(',')}}`;

/** Keeps which series and instances the study has in Orthanc now. */
export const saveStudyObjects = async (
  trx: Knex,
  studyInstanceUid: string,
  orthancIds: readonly string[],
): Promise<void> => {
  await trx.raw(
    `INSERT INTO study_object (study_uid, keys) VALUES (?, ?::bigint[])
     ON CONFLICT (study_uid) DO UPDATE SET keys = excluded.keys WHERE study_object.keys <> excluded.keys`,
    [studyInstanceUid, asArray(orthancIds)],
  );
};

/**
 * Makes due the studies that are, or held when they were last looked at, one of these resources of Orthanc.
 *
 * @returns how many
 */
export const requestLooksByObjects = (knex: Knex, orthancIds: readonly string[], dueAtUtcMs: number): Promise<number> =>
  knex('study')
    .where((query) =>
      query.whereIn('orthanc_study_id', [...orthancIds]).orWhereIn(
        'study_uid',
        knex('study_object')
          .whereRaw('keys && ?::bigint[]', [asArray(orthancIds)])
          .select('study_uid'),
      ),
    )
    .update({
      look_due_at_utc_ms: knex.raw('LEAST(COALESCE(look_due_at_utc_ms, ?), ?)', [dueAtUtcMs, dueAtUtcMs]),
      look_number: knex.raw('look_number + 1'),
    });
