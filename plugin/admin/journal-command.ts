/**
 * `drimbox journal`: the command line asks for one page after the other and writes each down before the next, so that a
 * journal of any length passes through little memory, and the running sidecar holds nothing between two pages.
 */
import {
  type JournalFilter,
  journalLineOf,
  type JournalLine,
  type JournalPage,
  loadJournalPage,
} from '../archive/index.ts';
import { parseStudyInstanceUid } from '../standards/index.ts';
import { checkOptions, instantOptionOf, optionOf, usage } from './command-words.ts';
import { JournalFormat, journalWriter } from './journal-format.ts';
import type { StoreCommand } from './store-command.ts';

const pageLines = 1_000;
const options = ['--study', '--since', '--until', '--format', '--out', '--all', '--page'];

/** What one page answers. */
export interface JournalAnswer {
  readonly lines: readonly JournalLine[];
  /** Where the next page begins: what `--page` takes. */
  readonly next?: string;
}

const filterOf = (words: readonly string[]): JournalFilter => {
  const study = optionOf(words, '--study');
  const sinceUtcMs = instantOptionOf(words, '--since');
  const untilUtcMs = instantOptionOf(words, '--until');
  return {
    ...(study === undefined ? {} : { studyInstanceUid: parseStudyInstanceUid(study) }),
    ...(sinceUtcMs === undefined ? {} : { sinceUtcMs }),
    ...(untilUtcMs === undefined ? {} : { untilUtcMs }),
    withQueries: words.includes('--all'),
  };
};

const formOfPage = /^(\d{1,15}),(\d{1,15})$/;

const pageOf = (text: string | undefined): JournalPage['next'] => {
  if (text === undefined) return undefined;
  const [, afterId, lastId] = formOfPage.exec(text) ?? [];
  if (afterId === undefined || lastId === undefined) throw usage('--page is what the page before gave');
  return { afterId: Number(afterId), lastId: Number(lastId) };
};

/** One page of the journal. */
export const journalCommand: StoreCommand = async ({ store }, words): Promise<JournalAnswer> => {
  checkOptions(words, options);
  const page = await loadJournalPage(store.knex, filterOf(words), pageLines, pageOf(optionOf(words, '--page')));
  return {
    lines: page.entries.map(journalLineOf),
    ...(page.next === undefined ? {} : { next: `${page.next.afterId},${page.next.lastId}` }),
  };
};

export const journalFormatOf = (words: readonly string[]): JournalFormat => {
  const wanted = optionOf(words, '--format') ?? JournalFormat.text;
  const format = Object.values(JournalFormat).find((known) => known === wanted);
  if (format === undefined) throw usage(`--format is one of ${Object.values(JournalFormat).join(', ')}`);
  return format;
};

const isAnswer = (value: unknown): value is JournalAnswer =>
  typeof value === 'object' && value !== null && 'lines' in value && Array.isArray(value.lines);

/**
 * Writes the whole journal that is asked for.
 *
 * @param ask    runs the words as a command, here or in the running sidecar
 * @param write  resolves when the text was taken
 * @returns how many lines there were
 */
export const writeJournal = async (
  words: readonly string[],
  timeZone: string,
  ask: (words: readonly string[]) => Promise<unknown>,
  write: (text: string) => Promise<void>,
): Promise<number> => {
  const writer = journalWriter(journalFormatOf(words), timeZone);
  let lines = 0;
  let next: string | undefined;
  do {
    const answer = await ask(next === undefined ? words : [...words, '--page', next]);
    if (!isAnswer(answer)) throw usage('the running sidecar is of another version');
    const text = answer.lines.map((line, at) => writer.line(line, lines + at === 0)).join('');
    // The first words leave only when there is an answer: a command that fails prints nothing.
    await write(next === undefined ? writer.begin + text : text);
    lines += answer.lines.length;
    next = answer.next;
  } while (next !== undefined);
  await write(writer.end);
  return lines;
};
