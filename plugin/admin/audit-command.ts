/**
 * `drimbox audit`: who asked for which images and what left, over a period. It names people: who extracted it, and when, is
 * for the machine's own accounts; that it was extracted is in the journal.
 *
 * One page a call, as the journal: an audit of any length passes through little memory.
 */
import { saveEvents } from '../archive/index.ts';
import { type AuditFilter, type AuditLine, type AuditPage, loadAuditPage } from '../audit/index.ts';
import { parseStudyInstanceUid } from '../standards/index.ts';
import { auditWriter } from './audit-format.ts';
import { checkOptions, instantOptionOf, optionOf, usage } from './command-words.ts';
import { journalFormatOf } from './journal-command.ts';
import type { StoreCommand } from './store-command.ts';

const pageLines = 1_000;
const options = ['--from', '--to', '--study', '--professional', '--subject', '--format', '--out', '--page'];

/** What one page answers. */
export interface AuditAnswer {
  readonly audit: readonly AuditLine[];
  /** Where the next page begins: what `--page` takes. */
  readonly next?: string;
}

const filterOf = (words: readonly string[]): AuditFilter => {
  const study = optionOf(words, '--study');
  const professional = optionOf(words, '--professional');
  const subject = optionOf(words, '--subject');
  const fromUtcMs = instantOptionOf(words, '--from');
  const toUtcMs = instantOptionOf(words, '--to');
  return {
    ...(fromUtcMs === undefined ? {} : { fromUtcMs }),
    ...(toUtcMs === undefined ? {} : { toUtcMs }),
    ...(study === undefined ? {} : { studyInstanceUid: parseStudyInstanceUid(study) }),
    ...(professional === undefined ? {} : { professional }),
    ...(subject === undefined ? {} : { subject }),
  };
};

const formOfPage = /^(\d{1,15}),(\d{1,15})$/;

const pageOf = (text: string | undefined): AuditPage['next'] => {
  if (text === undefined) return undefined;
  const [, afterId, lastId] = formOfPage.exec(text) ?? [];
  if (afterId === undefined || lastId === undefined) throw usage('--page is what the page before gave');
  return { afterId: Number(afterId), lastId: Number(lastId) };
};

/** What was asked for, without the person or the examination that was asked about. */
const detailOf = (filter: AuditFilter): Readonly<Record<string, string | boolean>> => ({
  ...(filter.fromUtcMs === undefined ? {} : { from: new Date(filter.fromUtcMs).toISOString() }),
  ...(filter.toUtcMs === undefined ? {} : { to: new Date(filter.toUtcMs).toISOString() }),
  ofOneProfessional: filter.professional !== undefined,
  ...(filter.subject === undefined ? {} : { ofOnePatient: true }),
});

/** One page of the audit. */
export const auditCommand: StoreCommand = async ({ store, clock }, words): Promise<AuditAnswer> => {
  checkOptions(words, options);
  const filter = filterOf(words);
  const from = pageOf(optionOf(words, '--page'));
  if (from === undefined) {
    const { studyInstanceUid } = filter;
    const about = studyInstanceUid === undefined ? {} : { studyInstanceUid };
    await saveEvents(store.knex, clock(), [{ name: 'audit/extracted', ...about, detail: detailOf(filter) }]);
  }
  const page = await loadAuditPage(store.knex, filter, pageLines, from);
  return {
    audit: page.lines,
    ...(page.next === undefined ? {} : { next: `${page.next.afterId},${page.next.lastId}` }),
  };
};

const isAnswer = (value: unknown): value is AuditAnswer =>
  typeof value === 'object' && value !== null && 'audit' in value && Array.isArray(value.audit);

/**
 * Writes the whole audit that is asked for.
 *
 * @param ask    runs the words as a command, here or in the running sidecar
 * @param write  resolves when the text was taken
 * @returns how many lines there were
 */
export const writeAudit = async (
  words: readonly string[],
  timeZone: string,
  ask: (words: readonly string[]) => Promise<unknown>,
  write: (text: string) => Promise<void>,
): Promise<number> => {
  const writer = auditWriter(journalFormatOf(words), timeZone);
  let lines = 0;
  let next: string | undefined;
  do {
    const answer = await ask(next === undefined ? words : [...words, '--page', next]);
    if (!isAnswer(answer)) throw usage('the running sidecar is of another version');
    const text = answer.audit.map((line, at) => writer.line(line, lines + at === 0)).join('');
    // The first words leave only when there is an answer: a command that fails prints nothing.
    await write(next === undefined ? writer.begin + text : text);
    lines += answer.audit.length;
    next = answer.next;
  } while (next !== undefined);
  await write(writer.end);
  return lines;
};
