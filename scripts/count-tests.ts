/**
 * Reads what vitest's JSON reporter wrote and prints three numbers: passed, failed, skipped.
 *
 *   node scripts/count-tests.ts REPORT.json EXIT-STATUS
 *
 * A file that broke before its tests ran counts as one failed. A run that failed without naming a test counts as one
 * failed too: an exit status is never lost in the count.
 */
import { readFileSync } from 'node:fs';

export interface TestCount {
  readonly passed: number;
  readonly failed: number;
  readonly skipped: number;
}

interface VitestReport {
  readonly numPassedTests: number;
  readonly numFailedTests: number;
  readonly numPendingTests: number;
  readonly numTodoTests?: number;
  readonly testResults: readonly {
    readonly status: string;
    readonly assertionResults: readonly { status: string }[];
  }[];
}

export const countTests = (reportText: string | undefined, exitStatus: number): TestCount => {
  const report = reportText === undefined ? undefined : (JSON.parse(reportText) as VitestReport);
  const brokenFiles = (report?.testResults ?? []).filter(
    (file) => file.status === 'failed' && !file.assertionResults.some((test) => test.status === 'failed'),
  ).length;
  const failed = (report?.numFailedTests ?? 0) + brokenFiles;
  return {
    passed: report?.numPassedTests ?? 0,
    failed: failed === 0 && exitStatus !== 0 ? 1 : failed,
    skipped: (report?.numPendingTests ?? 0) + (report?.numTodoTests ?? 0),
  };
};

const readReport = (path: string): string | undefined => {
  try {
    const text = readFileSync(path, 'utf8');
    return text.trim() === '' ? undefined : text;
  } catch {
    return undefined;
  }
};

if (import.meta.main) {
  const [path = '', exitStatus = '1'] = process.argv.slice(2);
  const { passed, failed, skipped } = countTests(readReport(path), Number(exitStatus));
  console.log(`${passed} ${failed} ${skipped}`);
}
