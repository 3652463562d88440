/**
 * Grants of a session, ends that others bring about, the purge. All persons are invented.
 *
 * @see facts/identity.md 1.4, §6 · decisions E5, E6
 */
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { passingTables } from '../../plugin/archive/index.ts';
import { DrimboxError } from '../../plugin/errors.ts';
import type { GrantContent, Session } from '../../plugin/sign-in/index.ts';
import { openStore, type Store } from '../../plugin/store/index.ts';
import {
  startUtcMs,
  minuteMs,
  doctor,
  patient,
  pscIssuer,
  fcIssuer,
  atPsc,
  doctorSession,
  patientSession,
  study,
  attempt,
  type Bench,
  makeRoom,
  started,
  countRows,
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

  describe('a logout that the provider tells', () => {
    test('ends the session of that sid alone, of that provider and issuer', async () => {
      const { sessions } = makeRoom(bench);
      const one = started(await sessions.start(doctorSession('sid-1')));
      const two = started(await sessions.start(doctorSession('sid-2')));
      const without = started(await sessions.start(doctorSession()));
      const psc = { provider: 'psc', issuer: pscIssuer } as const;
      expect(await sessions.endOfProvider({ ...psc, issuer: fcIssuer, sid: 'sid-1' })).toBe(0);
      expect(await sessions.endOfProvider({ ...psc, provider: 'franceconnect', sid: 'sid-1' })).toBe(0);
      expect(await sessions.endOfProvider({ ...psc, sid: 'sid-1', subject: 'f:1:899999999901' })).toBe(1);
      expect(await sessions.load(one.cookie)).toBeUndefined();
      expect((await sessions.load(two.cookie))?.id).toBe(two.session.id);
      expect((await sessions.load(without.cookie))?.id).toBe(without.session.id);
    });

    test('ends every session of a subject when it names no sid, and of no other subject', async () => {
      const { sessions } = makeRoom(bench);
      await sessions.start(doctorSession('sid-1'));
      await sessions.start(doctorSession());
      const other = started(await sessions.start({ signedIn: doctor, providerSession: atPsc('f:1:899999999902') }));
      const psc = { provider: 'psc', issuer: pscIssuer } as const;
      expect(await sessions.endOfProvider({ ...psc, issuer: fcIssuer, subject: 'f:1:899999999901' })).toBe(0);
      expect(await sessions.endOfProvider({ ...psc, subject: 'f:1:899999999901' })).toBe(2);
      expect(await sessions.endOfProvider(psc)).toBe(0);
      expect((await sessions.load(other.cookie))?.id).toBe(other.session.id);
    });

    test('before our session was written: it does not begin, for ten minutes', async () => {
      const { sessions } = makeRoom(bench);
      await sessions.endOfProvider({ provider: 'psc', issuer: pscIssuer, sid: 'sid-1' });
      await sessions.endOfProvider({ provider: 'psc', issuer: pscIssuer, sid: 'sid-1' });
      expect(await sessions.start(doctorSession('sid-1'))).toEqual({ kind: 'ended-at-provider' });
      expect((await sessions.start(doctorSession('sid-2'))).kind).toBe('started');
      bench.nowUtcMs += 10 * minuteMs;
      expect((await sessions.start(doctorSession('sid-1'))).kind).toBe('started');
    });
  });

  describe('a grant', () => {
    test('opens its study with the cookie of its own session, and with no other one', async () => {
      const { sessions, grants, secret } = makeRoom(bench);
      const camille = started(await sessions.start(patientSession()));
      const charlie = started(await sessions.start(patientSession('subject-of-charlie-v1')));
      const hers = await grants.add(camille.cookie, study(1));
      const his = await grants.add(charlie.cookie, study(2));
      if (hers.kind !== 'granted' || his.kind !== 'granted') throw new Error('not granted');
      expect(await grants.load(camille.cookie, hers.grant.value)).toEqual({
        kind: 'granted',
        session: camille.session,
        grant: hers.grant,
      });
      expect(hers.grant).toEqual({ ...study(1), value: hers.grant.value, createdAtUtcMs: startUtcMs });
      expect(await grants.load(camille.cookie, his.grant.value)).toEqual({ kind: 'unknown', session: camille.session });
      expect(await grants.load(charlie.cookie, hers.grant.value)).toEqual({
        kind: 'unknown',
        session: charlie.session,
      });
      for (const value of ['', 'x', secret(), "' OR true --", hers.grant.value.toLowerCase()])
        expect(await grants.load(camille.cookie, value)).toMatchObject({ kind: 'unknown' });
      for (const cookie of [undefined, '', 'x', secret(), hers.grant.value])
        expect(await grants.load(cookie, hers.grant.value)).toEqual({ kind: 'signed-out' });
    });

    test('whose row is given to another session in the database does not open there', async () => {
      const { sessions, grants } = makeRoom(bench);
      const camille = started(await sessions.start(patientSession()));
      const charlie = started(await sessions.start(patientSession('subject-of-charlie-v1')));
      const hers = await grants.add(camille.cookie, study(1));
      if (hers.kind !== 'granted') throw new Error('not granted');
      await bench.store.knex('viewer_grant').update({ session_id: charlie.session.id });
      expect(await grants.load(charlie.cookie, hers.grant.value)).toMatchObject({ kind: 'unknown' });
      expect(await grants.list(charlie.cookie)).toEqual([]);
    });

    test('ends with its session, idle or old', async () => {
      const { sessions, grants } = makeRoom(bench);
      const { cookie } = started(await sessions.start(patientSession()));
      const open = await grants.add(cookie, study(1));
      const value = open.kind === 'granted' ? open.grant.value : '';
      bench.nowUtcMs += 30 * minuteMs - 1;
      expect((await grants.load(cookie, value)).kind).toBe('granted');
      bench.nowUtcMs += 1;
      expect(await grants.load(cookie, value)).toEqual({ kind: 'signed-out' });
      expect(await grants.list(cookie)).toEqual([]);
      expect(await grants.add(cookie, study(2))).toEqual({ kind: 'signed-out' });
    });

    test('of a link that is open already is the same one; other studies, another record or link is another one', async () => {
      const { sessions, grants } = makeRoom(bench);
      const { cookie } = started(await sessions.start(patientSession()));
      const [one] = study(1).studies;
      const contents: GrantContent[] = [
        study(1),
        { ...study(1), link: 'another link' },
        { ...study(1), studies: [...study(1).studies, ...study(2).studies] },
        { ...study(1), studies: study(2).studies },
        { ...study(1), seriesInstanceUid: '1.2.250.1.999999.11.1' },
        { ...study(1), seriesInstanceUid: '1.2.250.1.999999.11.2' },
        { ...study(1), studies: [{ ...one, ins: { value: '285037512345692', oid: '1.2.250.1.213.1.4.10' } }] },
        { ...study(1), studies: [{ ...one, ins: { value: '285037512345691', oid: '1.2.250.1.213.1.4.11' } }] },
      ];
      const values: string[] = [];
      for (const content of contents) {
        bench.nowUtcMs += 1000;
        const first = await grants.add(cookie, content);
        expect(await grants.add(cookie, content)).toEqual(first);
        expect(first).toMatchObject({ kind: 'granted', grant: content });
        if (first.kind === 'granted') values.push(first.grant.value);
      }
      expect(new Set(values).size).toBe(contents.length);
      expect((await grants.list(cookie)).map(({ value }) => value)).toEqual(values);
    });

    test('beyond the limit of a session is refused (sign-in/grants-too-many), also when all are asked for at once', async () => {
      const { sessions, grants } = makeRoom(bench, { grantsPerSession: 2 });
      const { cookie } = started(await sessions.start(patientSession()));
      const added = await Promise.all([1, 2, 3, 4].map((number) => grants.add(cookie, study(number))));
      expect(added.map(({ kind }) => kind).toSorted()).toEqual(['granted', 'granted', 'refused', 'refused']);
      expect(added.find(({ kind }) => kind === 'refused')).toEqual({
        kind: 'refused',
        code: 'sign-in/grants-too-many',
      });
      expect(await grants.list(cookie)).toHaveLength(2);
    });
  });

  describe('the purge', () => {
    test('deletes what is over, with its grants, and leaves the rest', async () => {
      const { sessions, grants, attempts, checkIdentity, purge, secret } = makeRoom(bench);
      const idle = started(await sessions.start(patientSession('idle')));
      await grants.add(idle.cookie, study(1));
      await sessions.start({ ...patientSession('short'), notAfterUtcMs: startUtcMs + 21 * minuteMs });
      await attempts.keep({ browser: secret(), attempt: attempt('old'), purpose: null, address: '192.0.2.1' });
      await sessions.endOfProvider({ provider: 'psc', issuer: pscIssuer, sid: 'sid-1' });
      const stranger = { ...patient, traits: { ...patient.traits, birthName: 'AUTRE' } };
      await checkIdentity({ person: stranger, issuer: fcIssuer, studyInstanceUid: '1.2.3', patient: record });

      bench.nowUtcMs += 21 * minuteMs;
      const young = started(await sessions.start(patientSession('young')));
      await grants.add(young.cookie, study(2));
      await attempts.keep({ browser: secret(), attempt: attempt('young'), purpose: null, address: '192.0.2.1' });
      expect(await purge()).toEqual({ sessions: 1, attempts: 1 });
      bench.nowUtcMs += 9 * minuteMs;
      expect(await purge()).toEqual({ sessions: 1, attempts: 0 });
      expect(await grants.list(young.cookie)).toHaveLength(1);
      expect(await Promise.all(passingTables.map((name) => countRows(bench, name)))).toEqual([1, 1, 1, 4, 0]);
      bench.nowUtcMs += 24 * 60 * minuteMs;
      expect(await purge()).toEqual({ sessions: 1, attempts: 1 });
      expect(await Promise.all(passingTables.map((name) => countRows(bench, name)))).toEqual([0, 0, 0, 0, 0]);
      expect(await purge()).toEqual({ sessions: 0, attempts: 0 });
    });
  });
});

describe('without a database', () => {
  test('nobody is signed in, and it is said so: store/unavailable', async () => {
    const closed = await openStore({ url: databases.url, folder: databases.folder, asIs: true });
    await closed.close();
    // As the driver says it when the server is gone.
    const failing: Store = {
      ...closed,
      knex: new Proxy(closed.knex, {
        apply: () => {
          throw Object.assign(new Error('gone'), { code: 'ECONNREFUSED' });
        },
        get: () => () => Promise.reject(Object.assign(new Error('gone'), { code: 'ECONNREFUSED' })),
      }),
      transaction: () => Promise.reject(new DrimboxError('store/unavailable')),
    };
    const { sessions, grants, attempts, purge, secret } = makeRoom({ store: failing, nowUtcMs: startUtcMs });
    const session = { id: 1, seenAtUtcMs: 0 } as Session;
    for (const failure of await Promise.allSettled([
      sessions.load(secret()),
      sessions.touch(session),
      sessions.start(patientSession()),
      sessions.end(secret()),
      grants.load(secret(), secret()),
      grants.list(secret()),
      grants.add(secret(), study(1)),
      attempts.take(secret(), 'psc', 's1'),
      purge(),
    ]))
      expect(failure).toMatchObject({ status: 'rejected', reason: { code: 'store/unavailable' } });
  });
});
