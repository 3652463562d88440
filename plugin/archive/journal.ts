/**
 * The journal: one row per thing that happened, without identity (decision A6). The same rows carry the statistics
 * (decision G5), written in the transaction of what they count.
 */
import type { Knex } from 'knex';
import { countedEvents, type DrimboxEvent } from '../events.ts';

export interface JournalEntry extends DrimboxEvent {
  readonly id: number;
  readonly atUtcMs: number;
}

/** An event as a row of the table `event`. */
export const eventRowOf = (atUtcMs: number, event: DrimboxEvent) => ({
  at_utc_ms: atUtcMs,
  name: event.name,
  study_uid: event.studyInstanceUid ?? null,
  control_id: event.messageControlId ?? null,
  error_code: event.errorCode ?? null,
  detail: JSON.stringify(event.detail ?? {}),
  statistic: event.statistic ?? null,
  structure_id: event.structureId ?? null,
});

/** Rows of one statement: PostgreSQL takes 65,535 values in one. */
const rowsPerStatement = 1_000;

export const saveEvents = async (knex: Knex, atUtcMs: number, events: readonly DrimboxEvent[]): Promise<void> => {
  for (let at = 0; at < events.length; at += rowsPerStatement) {
    const some = events.slice(at, at + rowsPerStatement);
    await knex('event').insert(some.map((event) => eventRowOf(atUtcMs, event)));
  }
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

/** The latest lines of one study, or of everything; newest last, at most `limit`. */
export const loadJournal = async (
  knex: Knex,
  filter: { readonly studyInstanceUid?: string; readonly limit: number; readonly withoutQueries?: boolean },
): Promise<readonly JournalEntry[]> => {
  const query = knex('event').orderBy('id', 'desc').limit(filter.limit);
  if (filter.withoutQueries === true) query.whereNotIn('name', countedEvents);
  if (filter.studyInstanceUid !== undefined) query.where('study_uid', filter.studyInstanceUid);
  const rows: EventRow[] = await query.select('*');
  return rows.reverse().map(fromRow);
};

/** What is wanted of the journal. */
export interface JournalFilter {
  readonly studyInstanceUid?: string;
  /** From then on. */
  readonly sinceUtcMs?: number;
  /** Before then. */
  readonly untilUtcMs?: number;
  /** Also what is there only to be counted (`countedEvents`). */
  readonly withQueries?: boolean;
}

export interface JournalPage {
  readonly entries: readonly JournalEntry[];
  /** Where the next page begins; absent after the last one. */
  readonly next?: { readonly afterId: number; readonly lastId: number };
}

/** Ids between which the journal of that time lies: later pages look at nothing before and after. */
const boundsOf = async (knex: Knex, filter: JournalFilter): Promise<{ afterId: number; lastId: number }> => {
  const { sinceUtcMs, untilUtcMs } = filter;
  const last = knex('event').max('id as id');
  if (untilUtcMs !== undefined) last.where('at_utc_ms', '<', untilUtcMs);
  const lastId = idOf(await last) ?? 0;
  if (sinceUtcMs === undefined) return { afterId: 0, lastId };
  const firstId = idOf(await knex('event').where('at_utc_ms', '>=', sinceUtcMs).min('id as id'));
  return { afterId: firstId === undefined ? lastId : firstId - 1, lastId };
};

const idOf = (rows: readonly { readonly id?: number | string | null }[]): number | undefined => {
  const id = rows[0]?.id;
  return id === null || id === undefined ? undefined : Number(id);
};

/**
 * One page of the journal, oldest first. Pages end where the journal ended when the first one was asked for.
 *
 * @param from  `next` of the page before; absent for the first page
 */
export const loadJournalPage = async (
  knex: Knex,
  filter: JournalFilter,
  limit: number,
  from?: JournalPage['next'],
): Promise<JournalPage> => {
  const { afterId, lastId } = from ?? (await boundsOf(knex, filter));
  const query = knex('event').where('id', '>', afterId).where('id', '<=', lastId).orderBy('id').limit(limit);
  if (filter.studyInstanceUid !== undefined) query.where('study_uid', filter.studyInstanceUid);
  if (filter.sinceUtcMs !== undefined) query.where('at_utc_ms', '>=', filter.sinceUtcMs);
  if (filter.untilUtcMs !== undefined) query.where('at_utc_ms', '<', filter.untilUtcMs);
  if (filter.withQueries !== true) query.whereNotIn('name', countedEvents);
  const rows: EventRow[] = await query.select('*');
  const last = rows.at(-1);
  const entries = rows.map(fromRow);
  return last === undefined || rows.length < limit
    ? { entries }
    : { entries, next: { afterId: Number(last.id), lastId } };
};
