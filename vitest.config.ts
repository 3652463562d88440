/**
 * Five kinds of tests, one project each: `vitest run --project unit`.
 *
 * Groups run one after the other: first what tells most in the shortest time, then what starts servers.
 */
import { defineConfig } from 'vitest/config';

const project = (name: string, order: number, include: string[], timeoutMs: number, exclude: string[] = []) => ({
  extends: true as const,
  test: {
    name,
    include,
    exclude: ['**/node_modules/**', ...exclude],
    testTimeout: timeoutMs,
    hookTimeout: Math.max(timeoutMs, 30_000),
    sequence: { groupOrder: order },
    // Crash tests time what they kill: one at a time.
    ...(name === 'chaos' ? { maxWorkers: 1 } : {}),
  },
});

const flows = ['test/flows/**/*.test.ts', 'test/viewer/*-in-browser.test.ts'];
/** Flows of about a minute and more, and fuzz: they would keep `scripts/test` from being asked often (decision G1). */
const long = [
  'test/flows/{backup,command-line,deletions,dmp-failures,outages,pacs-corrections,rejection-notes,resync,xdm}.test.ts',
  'test/flows/images-fuzz*.test.ts',
  'test/flows/life-of-a-kos-*.test.ts',
  'test/flows/viewer-{images,kinds,pages,sessions,tools}.test.ts',
  'test/flows/release.test.ts',
  'test/viewer/unread-series-in-browser.test.ts',
];
/** They look at nothing that another Orthanc does otherwise. */
const alikeOnEveryOrthanc = [
  'test/viewer/*-in-browser.test.ts',
  'test/flows/{alerts,backup,command-line,dmp-failures,ports-in-use,refused-messages,release}.test.ts',
  'test/flows/viewer-{doctor,images,isolation,kinds,pages,report,sessions,tools}.test.ts',
];
const leftOut = process.env['DRIMBOX_TEST_ORTHANC'] === '1.12' ? alikeOnEveryOrthanc : [];
const official = ['test/official/**/*.test.ts'];
const chaos = ['test/chaos/**/*.test.ts'];

export default defineConfig({
  test: {
    pool: 'forks',
    maxWorkers: 2,
    setupFiles: ['test/setup/network-guard.ts', 'test/setup/seeded-random.ts'],
    projects: [
      project('unit', 0, ['test/**/*.test.ts'], 10_000, [...flows, ...official, ...chaos]),
      project('official', 1, official, 30_000),
      project('flows', 2, flows, 120_000, [...long, ...leftOut]),
      project('long', 3, long, 120_000, leftOut),
      project('chaos', 4, chaos, 600_000),
    ],
  },
});
