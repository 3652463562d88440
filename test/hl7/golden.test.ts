import { readdirSync, readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { parseHl7Message, parseStudyChange } from '../../plugin/hl7/index.ts';
import { parseReport } from './invented.ts';

const folder = new URL('../fixtures/hl7/', import.meta.url);
const names = readdirSync(folder)
  .filter((name) => name.endsWith('.hl7'))
  .map((name) => name.slice(0, -4));

const parseAny = (bytes: Uint8Array): object => {
  const message = parseHl7Message(bytes);
  if (message.type === 'OMI') return parseStudyChange(message);
  const { document, ...rest } = parseReport(bytes);
  return { ...rest, document: Buffer.from(document).toString('utf8') };
};

test('every golden message has its expected reading, and there are some', () => {
  expect(names.length).toBeGreaterThanOrEqual(7);
});

test.each(names)('reads %s as its golden file says', (name) => {
  const expected: unknown = JSON.parse(readFileSync(new URL(`${name}.json`, folder), 'utf8'));
  expect(parseAny(readFileSync(new URL(`${name}.hl7`, folder)))).toEqual(expected);
});
