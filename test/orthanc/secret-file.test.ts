import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { loadSecret } from '../../plugin/orthanc/index.ts';

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'drimbox-secret-'));
});
afterAll(() => rmSync(folder, { recursive: true }));

const fileOf = (content: string | Uint8Array): string => {
  const file = join(folder, 'secret');
  writeFileSync(file, content);
  return file;
};

describe('secrets are files (house-style 23)', () => {
  test('white space around a secret does not count', () => expect(loadSecret(fileOf('\n pa ss \r\n'))).toBe('pa ss'));

  test.each<[string, string | Uint8Array, RegExp]>([
    ['empty', ' \n', /empty/],
    ['too large', 'x'.repeat(65_537), /64 KiB/],
    ['not text', new Uint8Array([0xff, 0xfe]), /UTF-8/],
  ])('refuses a file that is %s', (_, content, message) => {
    const attempt = (): unknown => loadSecret(fileOf(content));
    expect(attempt).toThrow(message);
    expect(attempt).toThrow(expect.objectContaining({ code: 'config/unreadable' }));
  });

  test('a file that is not there: config/unreadable with its path', () =>
    expect(() => loadSecret('/nowhere/at/all')).toThrow(/secret file \/nowhere\/at\/all: cannot be read/));
});
