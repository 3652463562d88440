import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { createRestExtension, type RestExtension } from '../../plugin/admin/rest-extension.ts';
import { loadJournal, loadStudy, raiseAlert } from '../../plugin/archive/index.ts';
import { errorTable } from '../../plugin/errors.ts';
import type { RelayedRequest } from '../../plugin/orthanc/index.ts';
import { buildExamination, examinationStudy } from '../fixtures/examination.ts';
import { type Bench, createBench, makeSigningIdentity, pacsStudy } from '../fixtures/publication/index.ts';
import { openTestStore, type TestStore } from '../fixtures/store/index.ts';

let opened: TestStore;
let bench: Bench;
let extension: RestExtension;
let woken: number;
let comparisons: number;
const signing = makeSigningIdentity();
beforeAll(async () => {
  opened = await openTestStore();
}, 60_000);
afterAll(() => opened.close());
beforeEach(async () => {
  await opened.empty();
  bench = createBench(opened.store, signing);
  woken = 0;
  comparisons = 0;
  extension = createRestExtension({
    ...bench.ports,
    orthanc: bench.pacs.orthanc,
    csrfKey: Buffer.alloc(32, 1),
    wake: () => {
      woken += 1;
    },
    wakeComparison: () => {
      comparisons += 1;
    },
  });
});

const uidOf = (number: number): string => buildExamination({ number }).studyInstanceUid;
const idOf = (number: number): string => pacsStudy(number).study.orthancId;
const unknownId = '0'.repeat(8).concat('-00000000'.repeat(4));

/** As a page of Orthanc Explorer asks it. */
const call = async (
  method: 'GET' | 'POST',
  path: string,
  request: Partial<RelayedRequest> = {},
): Promise<{ status: number; json: Record<string, unknown> }> => {
  const answer = await extension({
    method,
    path,
    query: new URLSearchParams(),
    contentType: '',
    body: new Uint8Array(),
    ...request,
  });
  return { status: answer.status ?? 200, json: answer.json as Record<string, unknown> };
};
const tokenOf = async (user: string): Promise<string> =>
  (await call('GET', 'csrf-token', { user })).json['token'] as string;

/** Study 1 published, 2 held, 3 failed. */
const fill = async (): Promise<void> => {
  for (const number of [1, 2, 3]) {
    await bench.take(buildExamination({ number }).message);
    bench.pacs.put(pacsStudy(number, number === 2 ? { identity: { patientId: 'X' } } : {}));
    if (number === 3) bench.dmp.order({ on: 'register', how: 'refused', code: 'dmp/refused' });
    bench.advance(1000);
    await bench.look(uidOf(number));
  }
};

describe('reading', () => {
  test('status: state, French sentence, what to do, and what this user may ask for', async () => {
    await fill();
    expect((await call('GET', `studies/${idOf(1)}/status`, { user: 'béa' })).json).toEqual({
      state: 'published',
      text: 'publié dans le DMP',
      isPending: false,
      actions: ['reconcile'],
    });
    const held = (await call('GET', `studies/${idOf(2)}/status`)).json;
    expect(held).toMatchObject({ state: 'held', reason: 'publication/images-mismatch', actions: [] });
    expect(held['text']).toContain(errorTable['publication/images-mismatch'].publicText);
    expect(held['remedy']).toMatch(/\p{L}{3}/u);
  });

  test('a study that left Orthanc is known by the id it had there', async () => {
    await fill();
    bench.pacs.remove(uidOf(1));
    expect((await call('GET', `studies/${idOf(1)}/status`)).json).toMatchObject({ state: 'published' });
  });

  test('history: reports, orders, answers and journal, without identity or structure (A6)', async () => {
    await fill();
    const { json } = await call('GET', `studies/${idOf(1)}`);
    expect(json).toMatchObject({
      status: { state: 'published' },
      history: {
        studyInstanceUid: uidOf(1),
        reports: [{ action: 'initial', state: 'current' }],
        orders: [{ kind: 'publish', state: 'accepted' }],
        answers: [{ transaction: 'ITI-41', outcome: 'success' }],
      },
    });
    const text = JSON.stringify(json);
    expect(text).toContain('dmp/published');
    const { patient } = examinationStudy(1);
    for (const secret of [patient.name.split('^')[0] ?? '', patient.id, '199999999', '"structure"']) {
      expect([secret, secret !== '' && text.includes(secret)]).toEqual([secret, false]);
    }
  });

  test('queue: orders that wait, since when, how often tried, when next and why', async () => {
    await bench.take(buildExamination({ number: 1 }).message);
    bench.pacs.put(pacsStudy(1));
    bench.dmp.order({ on: 'register', how: 'fails', code: 'dmp/unreachable' });
    bench.advance(1000);
    await bench.look(uidOf(1));
    const { json } = await call('GET', 'queue');
    expect(json).toMatchObject({
      total: 1,
      orders: [
        {
          studyInstanceUid: uidOf(1),
          kind: 'publish',
          because: 'report',
          failedAttempts: 1,
          error: 'dmp/unreachable',
          cause: errorTable['dmp/unreachable'].publicText,
        },
      ],
    });
    const [order] = json['orders'] as { waitingSince: string; nextAttemptAt: string }[];
    expect(Date.parse(order?.nextAttemptAt ?? '')).toBeGreaterThan(Date.parse(order?.waitingSince ?? ''));
    expect(JSON.stringify(json)).not.toContain('structure"');
  });

  test('alerts: the open ones, with what to do', async () => {
    await raiseAlert(
      opened.store.knex,
      { code: 'orthanc/unreachable', subject: 'orthanc', detail: 'english' },
      bench.now(),
    );
    expect((await call('GET', 'alerts')).json).toMatchObject([
      {
        code: 'orthanc/unreachable',
        cause: errorTable['orthanc/unreachable'].publicText,
        subject: 'orthanc',
        count: 1,
      },
    ]);
  });

  test.each([
    ['a study that no report ever named', `studies/${unknownId}/status`, 'archive/not-found', 404],
    ['its history', `studies/${unknownId}`, 'archive/not-found', 404],
    ['a path that leads nowhere', 'studies', 'admin/path-unknown', 404],
    ['an id that is none of Orthanc’s', 'studies/..%2Fsystem/status', 'admin/path-unknown', 404],
    ['a path with more behind it', `studies/${unknownId}/status/x`, 'admin/path-unknown', 404],
  ] as const)('%s: refused with a code', async (_what, path, code, status) => {
    await expect(call('GET', path)).rejects.toMatchObject({ code, httpStatus: status });
  });

  test.each([
    ['POST', 'queue'],
    ['POST', 'csrf-token'],
    ['POST', `studies/${unknownId}/status`],
    ['GET', `studies/${unknownId}/reconcile`],
  ] as const)('%s %s: 405, a link or an image of another site never acts', async (method, path) => {
    await expect(call(method, path, { user: 'béa' })).rejects.toMatchObject({
      code: 'admin/method-not-allowed',
      httpStatus: 405,
      context: { allow: method === 'GET' ? 'POST' : 'GET' },
    });
  });
});

describe('resynchronisation (DB.SO.28, DB.SO.30, DB.SO.88)', () => {
  const act = async (what: string) => call('POST', `resync/${what}`, { user: 'béa', csrfToken: await tokenOf('béa') });
  const run = () => opened.store.knex('comparison_run').where({ purpose: 'resync' }).orderBy('id', 'desc').first();

  test('is not there before somebody asked for one', async () => {
    await expect(call('GET', 'resync')).rejects.toMatchObject({ code: 'archive/not-found' });
    await expect(act('stop')).rejects.toMatchObject({ code: 'archive/not-found' });
  });

  test('is started, shown in French, applied and stopped as by the command line', async () => {
    const started = await act('compare');
    expect(started).toMatchObject({ status: 202, json: { phase: 'comparing', applied: false, compared: 0 } });
    expect(comparisons).toBe(1);
    expect((await call('GET', 'resync')).json).toMatchObject({
      run: started.json['run'],
      text: 'Comparaison de l’archive avec le PACS en cours.',
    });
    // What is under way is joined, and applied from then on.
    expect((await act('apply')).json).toMatchObject({ run: started.json['run'], applied: true });
    expect((await act('stop')).json).toMatchObject({ phase: 'stopped', text: 'Resynchronisation arrêtée.' });
    expect(await run()).toMatchObject({ phase: 'stopped' });
  });

  test('shows what was found, without the words of the command line', async () => {
    await fill();
    await act('compare');
    const { id } = (await run()) as { id: number };
    await opened.store.knex.raw(
      `UPDATE comparison_run SET phase = 'compared', figures = jsonb_set(figures, '{found,changed}', '1')`,
    );
    await opened.store.knex('comparison_finding').insert({ run_id: id, study_uid: uidOf(1), finding: 'changed' });
    const { json } = await call('GET', 'resync');
    expect(json).toMatchObject({
      text: 'Archive comparée avec le PACS : rien n’est encore modifié.',
      findings: { changed: { count: 1, studies: [uidOf(1)] } },
    });
    expect(JSON.stringify(json)).not.toContain('drimbox');
  });

  test.each(['compare', 'apply', 'stop'])('%s needs a user and a token (F1)', async (what) => {
    await expect(call('POST', `resync/${what}`)).rejects.toMatchObject({ code: 'admin/user-required' });
    await expect(call('POST', `resync/${what}`, { user: 'béa' })).rejects.toMatchObject({ code: 'admin/csrf-invalid' });
    await expect(call('GET', `resync/${what}`)).rejects.toMatchObject({ code: 'admin/method-not-allowed' });
    expect(await run()).toBeUndefined();
  });
});

describe('acting (F1)', () => {
  const act = (number: number, request: Partial<RelayedRequest>) =>
    call('POST', `studies/${idOf(number)}/reconcile`, request);

  test('with user and token a study is looked at now; the journal says so and names nobody (A6)', async () => {
    await fill();
    expect((await act(1, { user: 'béa', csrfToken: await tokenOf('béa') })).status).toBe(202);
    expect(woken).toBe(1);
    expect((await call('GET', `studies/${idOf(1)}/status`)).json).toMatchObject({ isPending: true });
    const last = (await loadJournal(opened.store.knex, { studyInstanceUid: uidOf(1), limit: 1000 })).at(-1);
    expect(last).toMatchObject({ name: 'study/hint', detail: { source: 'orthanc-explorer', was: 'published' } });
    const everything = JSON.stringify([await opened.store.knex('event').select('*'), bench.logged, bench.told]);
    expect(everything).toContain('orthanc-explorer');
    expect(everything).not.toContain('béa');
    await bench.look(uidOf(1));
    expect((await call('GET', `studies/${idOf(1)}/status`)).json).toMatchObject({
      state: 'published',
      isPending: false,
    });
  });

  test('a study that failed gets another chance, and is published when the cause is gone', async () => {
    await fill();
    expect(await bench.study(uidOf(3))).toMatchObject({ state: 'failed' });
    await act(3, { user: 'béa', csrfToken: await tokenOf('béa') });
    await bench.look(uidOf(3));
    expect(await bench.study(uidOf(3))).toMatchObject({ state: 'published' });
  });

  test('a study that is held stays held while the cause is there, and goes when it is not', async () => {
    await fill();
    await act(2, { user: 'béa', csrfToken: await tokenOf('béa') });
    await bench.look(uidOf(2));
    expect(await bench.study(uidOf(2))).toMatchObject({ state: 'held' });
    bench.pacs.put(pacsStudy(2));
    await act(2, { user: 'béa', csrfToken: await tokenOf('béa') });
    await bench.look(uidOf(2));
    expect(await bench.study(uidOf(2))).toMatchObject({ state: 'published' });
  });

  test('a held deletion is not confirmed by it', async () => {
    await fill();
    await opened.store
      .knex('study')
      .where('study_uid', uidOf(1))
      .update({ state: 'held', reason_code: 'publication/deletion-limit' });
    await act(1, { user: 'béa', csrfToken: await tokenOf('béa') });
    expect(await loadStudy(opened.store.knex, uidOf(1))).not.toHaveProperty('deletionConfirmedAtUtcMs');
  });

  const refusals: readonly [string, (token: string) => Partial<RelayedRequest>, string, number][] = [
    ['no user', (csrfToken) => ({ csrfToken }), 'admin/user-required', 403],
    ['no token', () => ({ user: 'béa' }), 'admin/csrf-invalid', 403],
    ['the token of another user', (csrfToken) => ({ user: 'bob', csrfToken }), 'admin/csrf-invalid', 403],
    [
      'a page of another site',
      (csrfToken) => ({ user: 'béa', csrfToken, origin: 'http://ailleurs.invalid', host: 'pacs:8042' }),
      'admin/csrf-invalid',
      403,
    ],
    [
      'a page of another port',
      (csrfToken) => ({ user: 'béa', csrfToken, origin: 'http://pacs:80421', host: 'pacs:8042' }),
      'admin/csrf-invalid',
      403,
    ],
    [
      'a page that hides where it is from',
      (csrfToken) => ({ user: 'béa', csrfToken, origin: 'null', host: 'pacs:8042' }),
      'admin/csrf-invalid',
      403,
    ],
    [
      'an origin that nothing can be compared with',
      (csrfToken) => ({ user: 'béa', csrfToken, origin: 'http://pacs:8042' }),
      'admin/csrf-invalid',
      403,
    ],
    [
      'more than an act can need',
      (csrfToken) => ({ user: 'béa', csrfToken, body: new Uint8Array(1025) }),
      'orthanc/hook-request-too-large',
      413,
    ],
  ];
  test.each(refusals)('with %s: refused, and nothing happens', async (_what, request, code, status) => {
    await fill();
    const before = await opened.store.knex('event').count('* as count').first();
    await expect(act(3, request(await tokenOf('béa')))).rejects.toMatchObject({ code, httpStatus: status });
    expect(await bench.study(uidOf(3))).toMatchObject({ state: 'failed' });
    expect([woken, await opened.store.knex('event').count('* as count').first()]).toEqual([0, before]);
  });

  test('the page of Orthanc itself may act, behind a proxy too', async () => {
    await fill();
    const csrfToken = await tokenOf('béa');
    for (const [origin, host] of [
      ['http://pacs:8042', 'pacs:8042'],
      ['https://PACS.exemple', 'pacs.Exemple'],
    ] as const) {
      expect((await act(1, { user: 'béa', csrfToken, origin, host })).status).toBe(202);
    }
  });

  test('a token is given to a user only, and to no page of another site', async () => {
    await expect(call('GET', 'csrf-token')).rejects.toMatchObject({ code: 'admin/user-required' });
    await expect(
      call('GET', 'csrf-token', { user: 'béa', origin: 'http://ailleurs.invalid', host: 'pacs:8042' }),
    ).rejects.toMatchObject({ code: 'admin/csrf-invalid' });
  });

  test('a study that no report ever named: 404', async () => {
    const request = { user: 'béa', csrfToken: await tokenOf('béa') };
    await expect(call('POST', `studies/${unknownId}/reconcile`, request)).rejects.toMatchObject({
      code: 'archive/not-found',
    });
  });
});
