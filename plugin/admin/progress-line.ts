/** What a long command tells, as one line that is written over on a terminal, or a new line now and then elsewhere. */
import type { Report } from './command-words.ts';

export interface ProgressOutput {
  write(text: string): unknown;
  readonly isTTY?: boolean;
  readonly columns?: number;
}

/** Where nothing can be written over: one line so often, and none of what is done sooner. */
const quietMs = 5_000;

const textOf = (progress: object): string =>
  Object.entries(progress)
    .map(([key, value]) => `${key} ${typeof value === 'object' ? JSON.stringify(value) : String(value)}`)
    .join(' · ')
    .replaceAll(/\p{Cc}/gu, ' ');

/** @param clock  milliseconds */
export const progressPrinter = (
  output: ProgressOutput,
  clock: () => number,
): { readonly report: Report; readonly end: () => void } => {
  let lastAt = clock();
  let isLineOpen = false;
  return {
    report: (progress) => {
      const text = textOf(progress);
      if (output.isTTY === true) {
        output.write(`\r\u001B[K${text.slice(0, Math.max(20, (output.columns ?? 80) - 1))}`);
        isLineOpen = true;
        return;
      }
      if (clock() - lastAt < quietMs) return;
      lastAt = clock();
      output.write(`${text}\n`);
    },
    end: () => {
      if (isLineOpen) output.write('\r\u001B[K');
      isLineOpen = false;
    },
  };
};
