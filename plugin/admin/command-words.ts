/** The words of a command: options by name, numbers and instants in their ranges. */
import { DrimboxError } from '../errors.ts';

/** What a long command tells while it works: figures and short words, printed on standard error. Never an identity. */
export type Report = (progress: object) => void;

export const usage = (detail: string): DrimboxError => new DrimboxError('cli/usage', { detail });

/** The word after `name`; undefined when the option is not there. @throws cli/usage — it has no value */
export const optionOf = (words: readonly string[], name: string): string | undefined => {
  const at = words.indexOf(name);
  if (at === -1) return undefined;
  const value = words[at + 1];
  if (value === undefined || value.startsWith('--')) throw usage(`${name} needs a value`);
  return value;
};

/** The words from `from` up to the first option: the subjects of the command. */
export const subjectsOf = (words: readonly string[], from: number): readonly string[] => {
  const rest = words.slice(from);
  const end = rest.findIndex((word) => word.startsWith('--'));
  return end === -1 ? rest : rest.slice(0, end);
};

/** @throws cli/usage — an option that the command does not know: it would otherwise be without effect */
export const checkOptions = (words: readonly string[], known: readonly string[]): void => {
  const unknown = words.find((word) => word.startsWith('--') && !known.includes(word));
  if (unknown !== undefined) throw usage(`unknown option ${unknown}`);
};

/** @throws cli/usage */
export const numberOptionOf = (
  words: readonly string[],
  name: string,
  range: { readonly least: number; readonly most: number; readonly otherwise: number },
): number => {
  const value = Number(optionOf(words, name) ?? range.otherwise);
  if (Number.isInteger(value) && value >= range.least && value <= range.most) return value;
  throw usage(`${name} is a number from ${range.least} to ${range.most}`);
};

/** `2026-03-12`, `2026-03-12T10:00Z`, `2026-03-12T10:00:00+01:00`. */
const isoForm = /^\d{4}-\d\d-\d\d(T\d\d:\d\d(:\d\d(\.\d{1,3})?)?(Z|[+-]\d\d:\d\d))?$/;

/** Milliseconds UTC of an instant; a day alone begins at 0 h UTC. @throws cli/usage */
export const instantOptionOf = (words: readonly string[], name: string): number | undefined => {
  const text = optionOf(words, name);
  if (text === undefined) return undefined;
  const atUtcMs = isoForm.test(text) ? Date.parse(text) : Number.NaN;
  if (Number.isNaN(atUtcMs)) throw usage(`${name} is a day or an instant with its offset: 2026-03-12T10:00:00Z`);
  return atUtcMs;
};
