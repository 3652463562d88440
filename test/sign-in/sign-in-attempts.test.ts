/**
 * Sign-ins under way and counts against guessing, on both databases. All persons are invented.
 *
 * @see facts/identity.md 1.2, 3.2, 3.4 · decision E7
 */
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import {
  minuteMs,
  patient,
  fcIssuer,
  attempt,
  type Bench,
  makeRoom,
  record,
  type Databases,
  openDatabases,
} from '../fixtures/sign-in/session-room.ts';

let databases: Databases;
beforeAll(async () => {
  databases = await openDatabases();
}, 60_000);
afterAll(() => databases.close());

describe.each(['postgres', 'embedded'] as const)('on %s', (database) => {
  let bench: Bench;
  beforeEach(async () => {
    bench = await databases.bench(database);
  });

  describe('a sign-in under way', () => {
    const purpose = { studyUid: '1.2.3', idCda: '1.2.250.1.999999.20.1' };
    const unknown = { kind: 'refused', code: 'sign-in/attempt-unknown' };

    test('is finished by the browser that began it, once', async () => {
      const { attempts, secret } = makeRoom(bench);
      const [browser, other] = [secret(), secret()];
      expect(await attempts.keep({ browser, attempt: attempt('s1'), purpose, address: '192.0.2.1' })).toEqual({
        kind: 'kept',
      });
      await attempts.keep({ browser, attempt: attempt('s2'), purpose: null, address: '192.0.2.1' });
      for (const stranger of [other, undefined, '', 'x'])
        expect(await attempts.take(stranger, 'psc', 's1')).toEqual(unknown);
      expect(await attempts.take(browser, 'franceconnect', 's1')).toEqual(unknown);
      for (const state of ['', 's', 'S1', 's'.repeat(2000)])
        expect(await attempts.take(browser, 'psc', state)).toEqual(unknown);
      expect(await attempts.take(browser, 'psc', 's1')).toEqual({ kind: 'taken', attempt: attempt('s1'), purpose });
      expect(await attempts.take(browser, 'psc', 's1')).toEqual(unknown);
      expect(await attempts.take(browser, 'psc', 's2')).toEqual({
        kind: 'taken',
        attempt: attempt('s2'),
        purpose: null,
      });
    });

    test('is taken by one of two call-backs that come at once', async () => {
      const { attempts, secret } = makeRoom(bench);
      const browser = secret();
      await attempts.keep({ browser, attempt: attempt('s1'), purpose, address: '192.0.2.1' });
      const taken = await Promise.all([1, 2, 3].map(() => attempts.take(browser, 'psc', 's1')));
      expect(taken.map(({ kind }) => kind).toSorted()).toEqual(['refused', 'refused', 'taken']);
    });

    test('is good for ten minutes', async () => {
      const { attempts, secret } = makeRoom(bench);
      const browser = secret();
      await attempts.keep({ browser, attempt: attempt('s1'), purpose, address: '192.0.2.1' });
      await attempts.keep({ browser, attempt: attempt('s2'), purpose, address: '192.0.2.1' });
      bench.nowUtcMs += 10 * minuteMs - 1;
      expect((await attempts.take(browser, 'psc', 's1')).kind).toBe('taken');
      bench.nowUtcMs += 1;
      expect(await attempts.take(browser, 'psc', 's2')).toEqual(unknown);
    });

    test('is refused when one address began too many in a minute (sign-in/attempts-too-many); others are not', async () => {
      const { attempts, secret } = makeRoom(bench, { attemptsPerMinute: 3 });
      let states = 0;
      const keep = async (address: string): Promise<string> => {
        states += 1;
        return (await attempts.keep({ browser: secret(), attempt: attempt(`s${states}`), purpose, address })).kind;
      };
      const many = (address: string, count: number) => Promise.all(Array.from({ length: count }, () => keep(address)));
      expect((await many('192.0.2.1', 5)).toSorted()).toEqual(['kept', 'kept', 'kept', 'refused', 'refused']);
      expect(await keep('::ffff:192.0.2.1')).toBe('refused');
      expect(await keep('192.0.2.2')).toBe('kept');
      expect((await many('2001:db8:1:2::1', 2)).toSorted()).toEqual(['kept', 'kept']);
      expect(await keep('2001:0DB8:0001:0002:ffff::9')).toBe('kept');
      expect(await keep('2001:db8:1:2:3:4:5:6')).toBe('refused');
      expect(await keep('2001:db8:1:3::1')).toBe('kept');
      expect(
        await attempts.keep({ browser: secret(), attempt: attempt('last'), purpose, address: '192.0.2.1' }),
      ).toEqual({
        kind: 'refused',
        code: 'sign-in/attempts-too-many',
      });
      bench.nowUtcMs += minuteMs;
      expect(await keep('192.0.2.1')).toBe('refused');
      bench.nowUtcMs += 10_000;
      expect(await keep('192.0.2.1')).toBe('kept');
    });

    test('cannot be begun without the cookie of a browser', async () => {
      const { attempts } = makeRoom(bench);
      await expect(attempts.keep({ browser: 'x', attempt: attempt('s1'), purpose, address: '' })).rejects.toThrow(
        TypeError,
      );
    });
  });

  describe('the identity check', () => {
    const ask = (subject: string, uid: string, birthName: string) => ({
      person: { ...patient, subject, traits: { ...patient.traits, birthName } },
      issuer: fcIssuer,
      studyInstanceUid: uid,
      patient: record,
    });

    test('compares, and after too many mismatches of a person no longer, for an hour (sign-in/mismatches-too-many)', async () => {
      const { checkIdentity } = makeRoom(bench, { failedMatchesPerPerson: 2 });
      const mismatch = { kind: 'mismatch', reasons: ['birth-name-differs'] };
      expect(await checkIdentity(ask('a', '1.2.1', 'EXEMPLE'))).toEqual({ kind: 'match' });
      expect(await checkIdentity(ask('a', '1.2.1', 'AUTRE'))).toEqual(mismatch);
      expect(await checkIdentity(ask('a', '1.2.2', 'EXEMPLE'))).toEqual({ kind: 'match' });
      expect(await checkIdentity(ask('a', '1.2.3', 'AUTRE'))).toEqual(mismatch);
      const refused = { kind: 'refused', code: 'sign-in/mismatches-too-many' };
      expect(await checkIdentity(ask('a', '1.2.4', 'AUTRE'))).toEqual(refused);
      // No comparison any longer: whoever tries traits is not told that they fit.
      expect(await checkIdentity(ask('a', '1.2.1', 'EXEMPLE'))).toEqual(refused);
      expect(await checkIdentity(ask('b', '1.2.1', 'EXEMPLE'))).toEqual({ kind: 'match' });
      bench.nowUtcMs += 60 * minuteMs;
      expect(await checkIdentity(ask('a', '1.2.1', 'EXEMPLE'))).toEqual(refused);
      bench.nowUtcMs += 10 * minuteMs;
      expect(await checkIdentity(ask('a', '1.2.1', 'EXEMPLE'))).toEqual({ kind: 'match' });
    });

    test('of one examination by many persons is refused beyond its own limit', async () => {
      const { checkIdentity } = makeRoom(bench, { failedMatchesPerStudy: 2 });
      for (const subject of ['a', 'b']) await checkIdentity(ask(subject, '1.2.1', 'AUTRE'));
      expect(await checkIdentity(ask('c', '1.2.1', 'AUTRE'))).toMatchObject({ code: 'sign-in/mismatches-too-many' });
      expect(await checkIdentity(ask('c', '1.2.2', 'AUTRE'))).toMatchObject({ kind: 'mismatch' });
    });

    test('compares no more often when all questions come at once', async () => {
      const { checkIdentity } = makeRoom(bench, { failedMatchesPerPerson: 2 });
      const verdicts = await Promise.all(
        [1, 2, 3, 4, 5].map((number) => checkIdentity(ask('a', `1.2.${number}`, 'AUTRE'))),
      );
      expect(verdicts.map(({ kind }) => kind).toSorted()).toEqual([
        'mismatch',
        'mismatch',
        'refused',
        'refused',
        'refused',
      ]);
    });
  });
});
