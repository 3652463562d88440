/** The invented objects that the viewer is tried with are what they say they are, by a validator that is not ours. */
import { existsSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { findErrors, knownFindings } from '../fixtures/viewer-access/kinds/dciodvfy-findings.ts';
import { buildKindExamination, type KindExamination, kindNumbers } from '../fixtures/viewer-access/kinds/index.ts';

const names = Object.keys(kindNumbers) as KindExamination[];

describe.skipIf(!existsSync('/usr/bin/dciodvfy'))('invented objects (dciodvfy)', { timeout: 60_000 }, () => {
  it.each(names)('%s', (name) => {
    const unexpected = buildKindExamination(name).flatMap(({ bytes, seriesInstanceUid }) => {
      const known = knownFindings[`${name} ${seriesInstanceUid.split('.').at(-1)}`];
      return findErrors(bytes)
        .filter((line) => known?.test(line) !== true)
        .map((line) => `${seriesInstanceUid}: ${line}`);
    });
    expect(unexpected).toEqual([]);
  });
});
