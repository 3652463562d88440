/** The last moment of a session, and two who do the same at once: what a session, a grant and a sign-in may not outlive. */
import { afterAll, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest';
import { digestOf } from '../../plugin/sign-in/sealed-content.ts';
import { personDigest, providerSessionDigest } from '../../plugin/sign-in/session-start.ts';
import { lockKey } from '../../plugin/sign-in/tally.ts';
import {
  atFranceConnect,
  attempt,
  type Bench,
  type Databases,
  doctorSession,
  makeRoom,
  minuteMs,
  openDatabases,
  patient,
  patientSession,
  pscIssuer,
  started,
  startUtcMs,
  study,
} from '../fixtures/sign-in/session-room.ts';

let databases: Databases;
beforeAll(async () => {
  databases = await openDatabases();
}, 60_000);
afterAll(() => databases.close());

const address = '192.0.2.1';

describe.each(['postgres', 'embedded'] as const)('on %s', (database) => {
  let bench: Bench;
  beforeEach(async () => {
    bench = await databases.bench(database);
  });

  test('an end that the provider told holds off that sign-in to the last moment of ten minutes', async () => {
    const { sessions } = makeRoom(bench);
    await sessions.endOfProvider({ provider: 'psc', issuer: pscIssuer, sid: 'sid-1' });
    bench.nowUtcMs += 10 * minuteMs - 1;
    expect(await sessions.start(doctorSession('sid-1'))).toEqual({ kind: 'ended-at-provider' });
    bench.nowUtcMs += 1;
    expect((await sessions.start(doctorSession('sid-1'))).kind).toBe('started');
  });

  test('the purge forgets such an end no sooner', async () => {
    const { sessions, purge } = makeRoom(bench);
    await sessions.endOfProvider({ provider: 'psc', issuer: pscIssuer, sid: 'sid-1' });
    await purge();
    bench.nowUtcMs += 10 * minuteMs - 1;
    await purge();
    expect(await sessions.start(doctorSession('sid-1'))).toEqual({ kind: 'ended-at-provider' });
  });

  test('what one grant opens cannot be put into another one of the same session, in the database', async () => {
    const { sessions, grants } = makeRoom(bench);
    const { cookie } = started(await sessions.start(patientSession()));
    const [first, second] = [await grants.add(cookie, study(1)), await grants.add(cookie, study(2))];
    if (first.kind !== 'granted' || second.kind !== 'granted') throw new Error('not granted');
    const { sealed } = await bench.store.knex('viewer_grant').where({ value: second.grant.value }).first('sealed');
    await bench.store.knex('viewer_grant').where({ value: first.grant.value }).update({ sealed });
    expect((await grants.load(cookie, first.grant.value)).kind).toBe('unknown');
    expect((await grants.list(cookie)).map(({ value }) => value)).toEqual([second.grant.value]);
  });

  test('nor one sign-in under way into another one of the same browser', async () => {
    const { attempts, secret } = makeRoom(bench);
    const browser = secret();
    for (const state of ['s1', 's2'])
      await attempts.keep({ browser, attempt: attempt(state), purpose: state, address });
    const ofState = (state: string) =>
      bench.store.knex('sign_in_attempt').where({ state_sha256: digestOf('state', state) });
    const { sealed } = await ofState('s2').first('sealed');
    await ofState('s1').update({ sealed });
    expect((await attempts.take(browser, 'psc', 's1')).kind).toBe('refused');
    expect(await attempts.take(browser, 'psc', 's2')).toMatchObject({ kind: 'taken', purpose: 's2' });
  });

  test('a grant that no database takes as a text is unknown, like any other', async () => {
    const { sessions, grants } = makeRoom(bench);
    const { cookie, session } = started(await sessions.start(patientSession()));
    for (const value of ['\0', `\0${'A'.repeat(42)}`, '\ud800', 'é'.repeat(100_000)]) {
      expect(await grants.load(cookie, value)).toEqual({ kind: 'unknown', session });
    }
  });

  test('a session that came to its end while it was used leaves nothing to the next sign-in', async () => {
    const { sessions, grants } = makeRoom(bench);
    const short = started(await sessions.start({ ...patientSession(), notAfterUtcMs: startUtcMs + minuteMs }));
    expect((await grants.add(short.cookie, study(1))).kind).toBe('granted');
    bench.nowUtcMs += minuteMs;
    const next = started(await sessions.start({ ...patientSession(), previousCookie: short.cookie }));
    expect(await grants.list(next.cookie)).toEqual([]);
  });

  test('a session that is shorter than its idle time says so from its beginning, as it is read later', async () => {
    const { sessions } = makeRoom(bench);
    const { cookie, session } = started(
      await sessions.start({ ...patientSession(), notAfterUtcMs: startUtcMs + minuteMs }),
    );
    expect(session.idleEndsAtUtcMs).toBe(startUtcMs + minuteMs);
    expect(await sessions.load(cookie)).toEqual(session);
  });

  test('nothing is written of the use of a session past its end', async () => {
    const { sessions } = makeRoom(bench);
    const { session } = started(await sessions.start({ ...patientSession(), notAfterUtcMs: startUtcMs + minuteMs }));
    bench.nowUtcMs += minuteMs;
    await sessions.touch(session);
    const row = await bench.store.knex('viewer_session').where('id', session.id).first('seen_at_utc_ms');
    expect(Number(row.seen_at_utc_ms)).toBe(startUtcMs);
  });

  test('a cookie, a grant or a state that is none of ours in form is not looked for', async () => {
    const { sessions, grants, attempts, secret } = makeRoom(bench);
    const asked: string[] = [];
    const note = ({ sql }: { readonly sql: string }): void => {
      if (/viewer_|sign_in_attempt/.test(sql)) asked.push(sql);
    };
    bench.store.knex.on('query', note);
    try {
      for (const cookie of ['', 'x', `${secret()}A`, "' OR true --", '\0'.repeat(43)]) {
        expect(await sessions.load(cookie)).toBeUndefined();
        expect(await sessions.end(cookie)).toBeUndefined();
        expect(await grants.load(cookie, secret())).toEqual({ kind: 'signed-out' });
        expect(await grants.list(cookie)).toEqual([]);
        expect((await attempts.take(cookie, 'psc', 'state')).kind).toBe('refused');
      }
      for (const state of ['', 's'.repeat(1025)]) await attempts.take(secret(), 'psc', state);
      expect(asked).toEqual([]);
      await sessions.load(secret());
      expect(asked).toHaveLength(1);
    } finally {
      bench.store.knex.off('query', note);
    }
  });
});

describe('two at once (PostgreSQL, several sidecars)', () => {
  let bench: Bench;
  beforeEach(async () => {
    bench = await databases.bench('postgres');
  });

  const waiting = async (): Promise<number> => {
    const { rows } = await bench.store.knex.raw<{ rows: { count: number }[] }>(
      `SELECT count(*)::int AS count FROM pg_stat_activity
       WHERE datname = current_database() AND wait_event_type = 'Lock'`,
    );
    return Number(rows[0]?.count);
  };

  type Room = ReturnType<typeof makeRoom>;
  const psc = { provider: 'psc', issuer: pscIssuer } as const;
  const sid = providerSessionDigest('psc', pscIssuer, 'sid-1');
  const rows: readonly (readonly [string, string, (room: Room) => Promise<unknown>])[] = [
    [
      'a session of the same person begins',
      personDigest(atFranceConnect(patient.subject)),
      ({ sessions }) => sessions.start(patientSession()),
    ],
    ['a session begins that the provider may be ending', sid, ({ sessions }) => sessions.start(doctorSession('sid-1'))],
    [
      'the provider ends a session that may be beginning',
      sid,
      ({ sessions }) => sessions.endOfProvider({ ...psc, sid: 'sid-1' }),
    ],
    [
      'a sign-in begins at an address that is being counted',
      `attempt ${digestOf('address', address)}`,
      ({ attempts, secret }) => attempts.keep({ browser: secret(), attempt: attempt('s1'), purpose: null, address }),
    ],
  ];
  test.each(rows)('%s: one waits for the other', async (_, key, work) => {
    const room = makeRoom(bench);
    const other = await bench.store.knex.transaction();
    let isDone = false;
    try {
      await lockKey(other, key);
      const done = work(room).then(() => (isDone = true));
      await vi.waitFor(async () => expect(await waiting()).toBe(1), { timeout: 8_000, interval: 20 });
      expect(isDone).toBe(false);
      await other.commit();
      await done;
    } finally {
      if (!other.isCompleted()) await other.rollback();
    }
  });

  test('a study is opened in a session where another one is being opened: counted one after the other', async () => {
    const { sessions, grants, secret } = makeRoom(bench, { grantsPerSession: 1 });
    const { cookie, session } = started(await sessions.start(patientSession()));
    const other = await bench.store.knex.transaction();
    try {
      await other('viewer_session').where('id', session.id).forUpdate().first('id');
      const added = grants.add(cookie, study(1));
      await vi.waitFor(async () => expect(await waiting()).toBe(1), { timeout: 8_000, interval: 20 });
      const row = { value: secret(), session_id: session.id, created_at_utc_ms: startUtcMs, sealed: Buffer.from('x') };
      await other('viewer_grant').insert(row);
      await other.commit();
      expect(await added).toEqual({ kind: 'refused', code: 'sign-in/grants-too-many' });
    } finally {
      if (!other.isCompleted()) await other.rollback();
    }
  });
});
