/**
 * The journal: one row per thing that happened, without identity (decision A6). The same rows carry the statistics
 * (decision G5), written in the transaction of what they count.
 */
import type { Knex } from 'knex';
import type { DrimboxEvent } from '../events.ts';

export interface JournalEntry extends DrimboxEvent {
  readonly id: number;
  readonly atUtcMs: number;
}

export const saveEvents = async (knex: Knex, atUtcMs: number, events: readonly DrimboxEvent[]): Promise<void> => {
  if (events.length === 0) return;
  await knex('event').insert(
    events.map((event) => ({
      at_utc_ms: atUtcMs,
      name: event.name,
      study_uid: event.studyInstanceUid ?? null,
      control_id: event.messageControlId ?? null,
      error_code: event.errorCode ?? null,
      detail: JSON.stringify(event.detail ?? {}),
      statistic: event.statistic ?? null,
      structure_id: event.structureId ?? null,
    })),
  );
};

interface EventRow {
  readonly id: number;
  readonly at_utc_ms: number;
  readonly name: JournalEntry['name'];
  readonly study_uid: string | null;
  readonly control_id: string | null;
  readonly error_code: JournalEntry['errorCode'] | null;
  readonly detail: Record<string, string | number | boolean>;
  readonly statistic: JournalEntry['statistic'] | null;
  readonly structure_id: string | null;
}

const fromRow = (row: EventRow): JournalEntry => ({
  id: Number(row.id),
  atUtcMs: Number(row.at_utc_ms),
  name: row.name,
  detail: row.detail,
  ...(row.study_uid === null ? {} : { studyInstanceUid: row.study_uid }),
  ...(row.control_id === null ? {} : { messageControlId: row.control_id }),
  ...(row.error_code === null || row.error_code === undefined ? {} : { errorCode: row.error_code }),
  ...(row.statistic === null || row.statistic === undefined ? {} : { statistic: row.statistic }),
  ...(row.structure_id === null ? {} : { structureId: row.structure_id }),
});

/** Journal of one study, or of everything; newest last, at most `limit` rows. */
export const loadJournal = async (
  knex: Knex,
  filter: { readonly studyInstanceUid?: string; readonly limit: number },
): Promise<readonly JournalEntry[]> => {
  const query = knex('event').orderBy('id', 'desc').limit(filter.limit);
  if (filter.studyInstanceUid !== undefined) query.where('study_uid', filter.studyInstanceUid);
  const rows: EventRow[] = await query.select('*');
  return rows.reverse().map(fromRow);
};
