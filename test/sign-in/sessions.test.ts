/**
 * Sessions on both databases: cookie, life, end. All persons are invented.
 *
 * @see facts/identity.md §6 · decision A6
 */
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type { NewSession } from '../../plugin/sign-in/index.ts';
import {
  startUtcMs,
  minuteMs,
  situation,
  doctor,
  patient,
  pscIssuer,
  fcIssuer,
  atFranceConnect,
  doctorSession,
  patientSession,
  study,
  attempt,
  type Bench,
  makeRoom,
  started,
  countRows,
  dump,
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

  describe('a session', () => {
    test('is given back to the browser that has its cookie, whole, and to no other one', async () => {
      const { sessions, secret } = makeRoom(bench);
      const { cookie, session } = started(await sessions.start(patientSession()));
      expect(cookie).toMatch(/^[\w-]{43}$/);
      expect(await sessions.load(cookie)).toEqual(session);
      expect(session).toMatchObject({
        signedIn: patient,
        providerSession: atFranceConnect(patient.subject),
        createdAtUtcMs: startUtcMs,
        idleEndsAtUtcMs: startUtcMs + 30 * minuteMs,
        endsAtUtcMs: startUtcMs + 240 * minuteMs,
      });
      for (const other of [undefined, '', 'x', secret(), cookie.slice(1), `${cookie}A`, cookie.toLowerCase()])
        expect(await sessions.load(other)).toBeUndefined();
    });

    test('leaves neither identity, nor token, nor cookie, nor what is looked at in the database (A6)', async () => {
      const { sessions, grants, attempts, secret, checkIdentity } = makeRoom(bench);
      const browser = secret();
      await attempts.keep({
        browser,
        attempt: attempt('state-1'),
        purpose: { accession: 'ACC0001' },
        address: '192.0.2.7',
      });
      const { cookie } = started(await sessions.start(patientSession()));
      const second = started(await sessions.start(doctorSession('sid-1')));
      await grants.add(cookie, study(1));
      await sessions.endOfProvider({ provider: 'psc', issuer: pscIssuer, sid: 'sid-2' });
      const stranger = { ...patient, traits: { ...patient.traits, birthName: 'AUTRE' } };
      await checkIdentity({
        person: stranger,
        issuer: fcIssuer,
        studyInstanceUid: '1.2.250.1.999999.10.1',
        patient: record,
      });
      const text = await dump(bench);
      expect(text.length).toBeGreaterThan(500);
      const secrets = [
        cookie,
        second.cookie,
        browser,
        'state-1',
        'verifier',
        'nonce',
        'ACC0001',
        '192.0.2.7',
        'token-of',
      ];
      const named = [
        'EXEMPLE',
        'CAMILLE',
        '1985',
        patient.subject,
        '899999999901',
        'RADIO',
        '285037512345691',
        '1.2.250',
        'sid-',
      ];
      expect([...secrets, ...named].filter((one) => text.includes(one))).toEqual([]);
    });

    test('ends after half an hour without use; each use moves that end, never beyond four hours', async () => {
      const { sessions } = makeRoom(bench);
      const { cookie, session } = started(await sessions.start(patientSession()));
      bench.nowUtcMs += 30 * minuteMs - 1;
      expect(await sessions.load(cookie)).toEqual(session);
      bench.nowUtcMs += 1;
      expect(await sessions.load(cookie)).toBeUndefined();
      await sessions.touch(session);
      expect(await sessions.load(cookie)).toBeUndefined();

      bench.nowUtcMs = startUtcMs;
      for (let minutes = 20; minutes < 240; minutes += 20) {
        bench.nowUtcMs = startUtcMs + minutes * minuteMs;
        const used = await sessions.load(cookie);
        expect([minutes, used?.id]).toEqual([minutes, session.id]);
        await sessions.touch(used ?? session);
      }
      bench.nowUtcMs = startUtcMs + 240 * minuteMs - 1;
      expect((await sessions.load(cookie))?.idleEndsAtUtcMs).toBe(session.endsAtUtcMs);
      bench.nowUtcMs += 1;
      expect(await sessions.load(cookie)).toBeUndefined();
    });

    test('is as long as the options and the provider say, whichever is shorter', async () => {
      const { sessions } = makeRoom(bench, { idleMinutes: 5, lifetimeMinutes: 60 });
      const { session } = started(await sessions.start(patientSession()));
      expect(session).toMatchObject({
        idleEndsAtUtcMs: startUtcMs + 5 * minuteMs,
        endsAtUtcMs: startUtcMs + 60 * minuteMs,
      });
      const short = started(await sessions.start({ ...patientSession(), notAfterUtcMs: startUtcMs + minuteMs }));
      expect(short.session.endsAtUtcMs).toBe(startUtcMs + minuteMs);
      bench.nowUtcMs += minuteMs;
      expect(await sessions.load(short.cookie)).toBeUndefined();
    });

    test('notes its use when half a minute has passed, not at each image', async () => {
      const { sessions } = makeRoom(bench);
      const { cookie, session } = started(await sessions.start(patientSession()));
      bench.nowUtcMs += 29_999;
      await sessions.touch(session);
      expect((await sessions.load(cookie))?.seenAtUtcMs).toBe(startUtcMs);
      bench.nowUtcMs += 1;
      await sessions.touch(session);
      expect((await sessions.load(cookie))?.seenAtUtcMs).toBe(startUtcMs + 30_000);
      bench.nowUtcMs -= 30_000;
      await sessions.touch({ ...session, seenAtUtcMs: 0 });
      expect((await sessions.load(cookie))?.seenAtUtcMs).toBe(startUtcMs + 30_000);
    });

    test('that was altered in the database, or moved to the row of another cookie, is none', async () => {
      const { sessions } = makeRoom(bench);
      const one = started(await sessions.start(patientSession('a')));
      const two = started(await sessions.start(patientSession('b')));
      const sealed = async (id: number): Promise<Uint8Array> =>
        (await bench.store.knex('viewer_session').where({ id }).first('sealed')).sealed;
      await bench.store
        .knex('viewer_session')
        .where('id', one.session.id)
        .update({ sealed: await sealed(two.session.id) });
      expect(await sessions.load(one.cookie)).toBeUndefined();
      const altered = Buffer.from(await sealed(two.session.id));
      altered[altered.length - 1] = (altered.at(-1) ?? 0) ^ 1;
      await bench.store.knex('viewer_session').where('id', two.session.id).update({ sealed: altered });
      expect(await sessions.load(two.cookie)).toBeUndefined();
      await bench.store
        .knex('viewer_session')
        .where('id', two.session.id)
        .update({ sealed: Buffer.from('short') });
      expect(await sessions.load(two.cookie)).toBeUndefined();
    });

    test('ends when the person leaves: its row and its grants are gone, and it tells how to leave the provider too', async () => {
      const { sessions, grants } = makeRoom(bench);
      const { cookie, session } = started(await sessions.start(patientSession()));
      await grants.add(cookie, study(1));
      expect(await sessions.end(cookie)).toEqual(session);
      expect(await sessions.load(cookie)).toBeUndefined();
      expect([await countRows(bench, 'viewer_session'), await countRows(bench, 'viewer_grant')]).toEqual([0, 0]);
      expect([await sessions.end(cookie), await sessions.end(undefined), await sessions.end('x')]).toEqual([
        undefined,
        undefined,
        undefined,
      ]);
    });

    test('of a professional carries the situation chosen, one of those offered', async () => {
      const { sessions } = makeRoom(bench);
      const { cookie, session } = started(await sessions.start(doctorSession()));
      expect(await sessions.chooseSituation(cookie, 'three')).toBeUndefined();
      const chosen = await sessions.chooseSituation(cookie, 'two');
      expect(chosen?.signedIn).toEqual({ ...doctor, situation: situation('two') });
      expect(await sessions.load(cookie)).toEqual({ ...session, signedIn: { ...doctor, situation: situation('two') } });
      const other = started(await sessions.start(patientSession()));
      expect(await sessions.chooseSituation(other.cookie, 'two')).toBeUndefined();
      expect(await sessions.chooseSituation('x', 'two')).toBeUndefined();
      bench.nowUtcMs += 30 * minuteMs;
      expect(await sessions.chooseSituation(cookie, 'one')).toBeUndefined();
    });
  });

  describe('a new sign-in', () => {
    test('gives a new cookie each time; the former one of that browser opens nothing more (fixation)', async () => {
      const { sessions, grants } = makeRoom(bench);
      const first = started(await sessions.start(patientSession()));
      const second = started(await sessions.start({ ...patientSession(), previousCookie: first.cookie }));
      expect(second.cookie).not.toBe(first.cookie);
      expect(await sessions.load(first.cookie)).toBeUndefined();
      expect(await grants.add(first.cookie, study(1))).toEqual({ kind: 'signed-out' });
      expect((await sessions.load(second.cookie))?.id).toBe(second.session.id);
      expect(await countRows(bench, 'viewer_session')).toBe(1);
    });

    test('of the same person in the same browser keeps what is open there: several links at once', async () => {
      const { sessions, grants } = makeRoom(bench);
      const first = started(await sessions.start(patientSession()));
      const open = await grants.add(first.cookie, study(1));
      const second = started(await sessions.start({ ...patientSession(), previousCookie: first.cookie }));
      const value = open.kind === 'granted' ? open.grant.value : '';
      expect(await grants.load(second.cookie, value)).toMatchObject({ kind: 'granted', grant: study(1) });
      expect(await grants.load(first.cookie, value)).toEqual({ kind: 'signed-out' });
    });

    test.each<[string, NewSession]>([
      ['another patient', patientSession('subject-of-charlie-v1')],
      ['a professional', doctorSession()],
      [
        'the same subject at another provider',
        { signedIn: patient, providerSession: { ...atFranceConnect(patient.subject), issuer: pscIssuer } },
      ],
    ])('of %s in the same browser ends the former session and closes all it had open', async (_who, other) => {
      const { sessions, grants } = makeRoom(bench);
      const first = started(await sessions.start(patientSession()));
      const open = await grants.add(first.cookie, study(1));
      const value = open.kind === 'granted' ? open.grant.value : '';
      const second = started(await sessions.start({ ...other, previousCookie: first.cookie }));
      expect(await grants.load(second.cookie, value)).toMatchObject({ kind: 'unknown' });
      expect(await grants.load(first.cookie, value)).toEqual({ kind: 'signed-out' });
      expect([await countRows(bench, 'viewer_session'), await countRows(bench, 'viewer_grant')]).toEqual([1, 0]);
    });

    test('after the former session was over keeps nothing of it', async () => {
      const { sessions, grants } = makeRoom(bench);
      const first = started(await sessions.start(patientSession()));
      const open = await grants.add(first.cookie, study(1));
      bench.nowUtcMs += 30 * minuteMs;
      const second = started(await sessions.start({ ...patientSession(), previousCookie: first.cookie }));
      expect(await grants.list(second.cookie)).toEqual([]);
      expect(open.kind).toBe('granted');
      expect(await countRows(bench, 'viewer_grant')).toBe(0);
    });

    test('in too many browsers ends the session that was not used for longest, never the new one', async () => {
      const { sessions } = makeRoom(bench, { sessionsPerPerson: 2 });
      const one = started(await sessions.start(patientSession()));
      bench.nowUtcMs += minuteMs;
      const two = started(await sessions.start(patientSession()));
      const other = started(await sessions.start(patientSession('other')));
      bench.nowUtcMs += minuteMs;
      await sessions.touch(one.session);
      // A clock that is behind, of another sidecar.
      bench.nowUtcMs -= minuteMs + 1;
      const three = started(await sessions.start(patientSession()));
      const alive = await Promise.all(
        [one, two, three, other].map(async ({ cookie }) => (await sessions.load(cookie)) !== undefined),
      );
      expect(alive).toEqual([true, false, true, true]);
    });

    test('of one person in many browsers at once leaves no more than the limit', async () => {
      const { sessions } = makeRoom(bench, { sessionsPerPerson: 2 });
      await Promise.all(Array.from({ length: 6 }, () => sessions.start(patientSession())));
      expect(await countRows(bench, 'viewer_session')).toBe(2);
    });
  });
});
