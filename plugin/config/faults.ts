/**
 * What is wrong in a configuration, as a list: everything is told at once, and nothing of it is a value that was given (it
 * might be a secret).
 */
import { DrimboxError } from '../errors.ts';

/** One thing to correct. */
export interface ConfigurationFault {
  /** Where: `DrimBox.Dmp.BaseUrl`, the name of an environment variable, or a file. */
  readonly path: string;
  /** What is wrong, without the value. English. */
  readonly problem: string;
  /** What to do. English. */
  readonly hint?: string;
}

const lineOf = ({ path, problem, hint }: ConfigurationFault): string =>
  `${path}: ${problem}${hint === undefined ? '' : ` — ${hint}`}`;

/** Wraps the faults as one error; they are read back by `configurationFaults`. */
export const faultsError = (faults: readonly ConfigurationFault[]): DrimboxError =>
  new DrimboxError('config/invalid', {
    cause: Object.freeze(faults.map((fault) => Object.freeze({ ...fault }))),
    detail: `${faults.length === 1 ? '1 fault' : `${faults.length} faults`}: ${faults.map(lineOf).join('; ')}`,
    context: { faults: faults.length },
  });

const isFault = (value: unknown): value is ConfigurationFault =>
  typeof value === 'object' && value !== null && 'path' in value && 'problem' in value;

/** The faults carried by a `config/invalid` error; empty for any other error. */
export const configurationFaults = (error: unknown): readonly ConfigurationFault[] => {
  if (!(error instanceof DrimboxError) || error.code !== 'config/invalid' || !Array.isArray(error.cause)) return [];
  return error.cause.filter(isFault);
};

/** Text for the terminal: one fault per paragraph, its place first, then what to do. */
export const formatFaults = (error: unknown): string => {
  const faults = configurationFaults(error);
  if (faults.length === 0) {
    return error instanceof DrimboxError ? `The configuration cannot be used: ${error.detail || error.code}\n` : '';
  }
  const title =
    faults.length === 1
      ? 'The configuration has one fault; nothing was started.'
      : `The configuration has ${faults.length} faults; nothing was started.`;
  const paragraphs = faults.map(
    ({ path, problem, hint }) => `  ${path}\n    ${problem}${hint === undefined ? '' : `\n    → ${hint}`}`,
  );
  return `${title}\n\n${paragraphs.join('\n\n')}\n`;
};
