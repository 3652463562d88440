import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { createCsrfTokens } from '../../plugin/admin/csrf-tokens.ts';

const key = Buffer.alloc(32, 7);
let now = 1_770_000_000_000;
const tokens = createCsrfTokens(key, () => now);
const refused = expect.objectContaining({ code: 'admin/csrf-invalid' });
const check = (user: string, token: string | undefined) => (): void => tokens.check(user, token);

describe('tokens against cross-site requests (F1)', () => {
  test('are good for the user they were made for, for one hour and no longer', () => {
    const { token, expiresAtUtcMs } = tokens.issue('béa');
    expect(expiresAtUtcMs - now).toBe(3_600_000);
    expect(check('béa', token)).not.toThrow();
    now = expiresAtUtcMs - 1;
    expect(check('béa', token)).not.toThrow();
    now = expiresAtUtcMs;
    expect(check('béa', token)).toThrow(refused);
  });

  test.each([
    ['absent', () => undefined],
    ['empty', () => ''],
    ['of another user', () => tokens.issue('bob').token],
    ['of another start of the service', () => createCsrfTokens(Buffer.alloc(32, 8), () => now).issue('béa').token],
    ['whose hour was prolonged', () => tokens.issue('béa').token.replace(/^\d+/, (expiry) => `${Number(expiry) + 1}`)],
    ['whose signature is cut', () => tokens.issue('béa').token.slice(0, -1)],
    ['without signature', () => `${now + 1000}.`],
    ['without expiry', () => tokens.issue('béa').token.replace(/^\d+/, '')],
    ['followed by something', () => `${tokens.issue('béa').token}x`],
  ])('that are %s are refused', (_what, token) => {
    expect(check('béa', token())).toThrow(refused);
  });

  test('never take a user for another one, whatever the names are', () => {
    fc.assert(
      fc.property(fc.string(), fc.string(), (one, other) => {
        fc.pre(one !== other);
        expect(check(one, tokens.issue(one).token)).not.toThrow();
        expect(check(other, tokens.issue(one).token)).toThrow(refused);
      }),
    );
  });

  test('never throw anything but ours, whatever comes as a token', () => {
    fc.assert(
      fc.property(fc.string(), (token) => {
        expect(check('béa', token)).toThrow(refused);
      }),
    );
  });
});
