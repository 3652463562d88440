import { describe, expect, test } from 'vitest';
import { countTests } from '../../scripts/count-tests.ts';

const report = (
  numbers: readonly [passed: number, failed: number, pending: number],
  files: readonly { status: string; assertionResults: readonly { status: string }[] }[] = [],
) =>
  JSON.stringify({
    numPassedTests: numbers[0],
    numFailedTests: numbers[1],
    numPendingTests: numbers[2],
    numTodoTests: 0,
    testResults: files,
  });

describe('count-tests', () => {
  test('counts passed, failed and skipped tests', () => {
    const failed = { status: 'failed', assertionResults: [{ status: 'failed' }] };
    expect(countTests(report([5, 1, 2], [failed]), 1)).toEqual({ passed: 5, failed: 1, skipped: 2 });
  });

  test('counts a file that broke before its tests as one failed', () => {
    const broken = { status: 'failed', assertionResults: [] };
    expect(countTests(report([5, 0, 0], [broken]), 1)).toEqual({ passed: 5, failed: 1, skipped: 0 });
  });

  test('never loses a failed exit status: unhandled errors name no test', () => {
    expect(countTests(report([5, 0, 0]), 1)).toEqual({ passed: 5, failed: 1, skipped: 0 });
    expect(countTests(undefined, 137)).toEqual({ passed: 0, failed: 1, skipped: 0 });
  });

  test('passes a clean run as it is', () => {
    expect(countTests(report([5, 0, 0]), 0)).toEqual({ passed: 5, failed: 0, skipped: 0 });
  });
});
