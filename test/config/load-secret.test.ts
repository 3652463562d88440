import { describe, expect, test } from 'vitest';
import { loadSecret } from '../../plugin/config/index.ts';
import { givenFiles } from './given-files.ts';

describe('secrets are files (house-style 23)', () => {
  test('white space around a secret does not count', () =>
    expect(loadSecret('/s', givenFiles({ '/s': '\n pa ss \r\n' }))).toBe('pa ss'));

  test.each<[string, string | Uint8Array, RegExp]>([
    ['empty', ' \n', /empty/],
    ['too large', 'x'.repeat(65_537), /64 KiB/],
    ['not text', new Uint8Array([0xff, 0xfe]), /UTF-8/],
  ])('refuses a file that is %s', (_, content, message) => {
    const attempt = (): unknown => loadSecret('/s', givenFiles({ '/s': content }));
    expect(attempt).toThrow(message);
    expect(attempt).toThrow(expect.objectContaining({ code: 'config/unreadable' }));
  });

  test('a file that is not there: config/unreadable with its path', () =>
    expect(() => loadSecret('/nowhere/at/all')).toThrow(/secret file \/nowhere\/at\/all: cannot be read/));
});
