/** The doctor's report as text for a terminal, in French. */
import { CheckState, checkTitles, type CheckResult } from './check-result.ts';
import type { DoctorReport } from './doctor.ts';
import { counted } from './durations.ts';

const marks: Readonly<Record<CheckState, string>> = {
  ok: '[ ok ]',
  warning: '[ !  ]',
  failed: '[ECHEC]',
  skipped: '[  - ]',
};

/** Nothing that a peer sent may move the cursor or hide a line. */
const printable = (text: string): string => text.replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu, ' ');

const titleWidth = Math.max(...Object.values(checkTitles).map((title) => title.length));

const formatResult = ({ name, state, message, details = [], remedy }: CheckResult): readonly string[] => [
  `${marks[state].padEnd(8)}${checkTitles[name].padEnd(titleWidth)}  ${printable(message)}`,
  ...details.map((line) => `            · ${printable(line)}`),
  ...(remedy === undefined ? [] : [`            → ${printable(remedy)}`]),
];

const summaryOf = ({ results }: DoctorReport): string => {
  const count = (state: CheckState): number => results.filter((one) => one.state === state).length;
  const failed = count(CheckState.failed);
  const warnings = count(CheckState.warning);
  const skips = count(CheckState.skipped);
  const notRun = skips === 0 ? '' : ` ${counted(skips, 'vérification')} non ${skips > 1 ? 'faites' : 'faite'}.`;
  if (failed > 0) return `${counted(failed, 'échec')}, ${counted(warnings, 'avertissement')}.${notRun}`;
  if (warnings > 0) return `Tout fonctionne, avec ${counted(warnings, 'avertissement')}.${notRun}`;
  return `Tout va bien.${notRun}`;
};

/** One line per check, then its details and what to do; a summary at the end. */
export const formatDoctorReport = (report: DoctorReport): string =>
  `${[...report.results.flatMap(formatResult), '', summaryOf(report)].join('\n')}\n`;

/** Exit status of `drimbox doctor`: 1 when something failed, else 0. */
export const isHealthy = (report: DoctorReport): boolean => report.state !== CheckState.failed;
