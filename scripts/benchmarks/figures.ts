/** What was measured beside what is wanted. */
import { cpus, loadavg, totalmem } from 'node:os';
import type { OrthancVersion } from '../../test/peers/orthanc/index.ts';

export interface BenchSettings {
  readonly isQuick: boolean;
  readonly orthanc: OrthancVersion;
}

export interface Figure {
  readonly what: string;
  readonly measured: string;
  /** As the project wants it on the CI machine; absent: only told. */
  readonly wanted?: string;
  readonly isReached?: boolean;
}

/** @param share  0.5 is the median */
export const percentile = (values: readonly number[], share: number): number => {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.max(0, Math.ceil(sorted.length * share) - 1))] ?? Number.NaN;
};

export const median = (values: readonly number[]): number => percentile(values, 0.5);

export const milliseconds = (value: number): string => `${value < 10 ? value.toFixed(1) : Math.round(value)} ms`;

/** A figure that must stay below a limit, or reach it. */
export const judge = (
  what: string,
  value: number,
  write: (value: number) => string,
  limit?: { readonly below: number } | { readonly atLeast: number },
): Figure => {
  const measured = write(value);
  if (limit === undefined) return { what, measured };
  return 'below' in limit
    ? { what, measured, wanted: `< ${write(limit.below)}`, isReached: value < limit.below }
    : { what, measured, wanted: `≥ ${write(limit.atLeast)}`, isReached: value >= limit.atLeast };
};

const rowOf = ({ what, measured, wanted = '', isReached }: Figure): readonly string[] => [
  what,
  measured,
  wanted,
  isReached === undefined ? '' : isReached ? 'reached' : 'MISSED',
];

export const printFigures = (figures: readonly Figure[]): void => {
  const rows = [['figure', 'measured', 'wanted', ''], ...figures.map(rowOf)];
  const widths = [0, 1, 2, 3].map((column) => Math.max(...rows.map((row) => row[column]?.length ?? 0)));
  const line = (row: readonly string[]): string =>
    `| ${row.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join(' | ')} |`;
  const [head = [], ...body] = rows;
  const rule = `|${widths.map((width) => '-'.repeat(width + 2)).join('|')}|`;
  console.log(['', line(head), rule, ...body.map(line), ''].join('\n'));
  const load = loadavg()[0] ?? 0;
  console.log(
    `machine: ${cpus().length} cores, ${Math.round(totalmem() / 2 ** 30)} GB, load ${load.toFixed(1)} at the end`,
  );
};
