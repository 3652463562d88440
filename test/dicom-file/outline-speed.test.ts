/** How fast the beginnings of a series are looked at: printed, not judged (the machine decides). */
import { expect, test } from 'vitest';
import { planInsSplice, readOutline } from '../../plugin/dicom-file/index.ts';
import { parseInsIdentifier } from '../../plugin/standards/index.ts';
import { ctFile } from '../fixtures/dicom-file/index.ts';

test('a beginning of 64 kB is enough for a CT slice, and 600 of them take no time worth saving', () => {
  const file = ctFile([], 512);
  const ins = parseInsIdentifier('199017512345657', '1.2.250.1.213.1.4.10');
  const beginnings = Array.from({ length: 600 }, () => Buffer.from(file.subarray(0, 65_536)));
  const startedAt = performance.now();
  const plans = beginnings.map((beginning) => {
    const reading = readOutline(beginning, { fileLength: file.length });
    if (reading.kind !== 'outline') throw new Error(reading.kind);
    return planInsSplice(reading.outline, ins);
  });
  const seconds = (performance.now() - startedAt) / 1000;
  expect(new Set(plans.map(({ totalBytes }) => totalBytes))).toEqual(new Set([file.length + 146]));
  console.log(`outline and INS plan: ${Math.round(600 / seconds)} files/s`);
});
