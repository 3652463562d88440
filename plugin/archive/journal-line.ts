/** One line of the journal as a person reads it: what happened, why, what to do. No identity (decision A6). */
import { errorTable, isErrorCode, type ErrorCode } from '../errors.ts';
import { type EventName, eventTable } from '../events.ts';
import { remedyOf } from '../remedies.ts';
import type { JournalEntry } from './journal.ts';

export interface JournalLine {
  /** ISO 8601, UTC. */
  readonly at: string;
  readonly event: EventName;
  readonly text: string;
  readonly study?: string;
  /** MSH-10 of the message. */
  readonly message?: string;
  readonly structure?: string;
  readonly error?: ErrorCode;
  readonly cause?: string;
  readonly remedy?: string;
  readonly detail?: Readonly<Record<string, string | number | boolean>>;
}

/** Cause and remedy of a code, in French; nothing for a code of a later version. */
export const explain = (code: ErrorCode): { readonly cause?: string; readonly remedy?: string } => {
  if (!isErrorCode(code)) return {};
  const remedy = remedyOf(code);
  return { cause: errorTable[code].publicText, ...(remedy === undefined ? {} : { remedy }) };
};

export const journalLineOf = (entry: JournalEntry): JournalLine => ({
  at: new Date(entry.atUtcMs).toISOString(),
  event: entry.name,
  // A row of a later version is told by its name.
  text: Object.hasOwn(eventTable, entry.name) ? eventTable[entry.name] : entry.name,
  ...(entry.studyInstanceUid === undefined ? {} : { study: entry.studyInstanceUid }),
  ...(entry.messageControlId === undefined ? {} : { message: entry.messageControlId }),
  ...(entry.structureId === undefined ? {} : { structure: entry.structureId }),
  ...(entry.errorCode === undefined ? {} : { error: entry.errorCode, ...explain(entry.errorCode) }),
  ...(entry.detail === undefined || Object.keys(entry.detail).length === 0 ? {} : { detail: entry.detail }),
});
