/**
 * Studies whose past was not lived here: a manifest loaded from a file, an imported archive, a restored backup. On a real
 * store; the PACS and the DMP are fakes that a test commands.
 */
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { loadAlerts, loadManifestFiles, saveMarker } from '../../plugin/archive/index.ts';
import { buildExamination, type ExaminationOptions } from '../fixtures/examination.ts';
import { type Bench, createBench, makeSigningIdentity, pacsStudy } from '../fixtures/publication/index.ts';
import { openTestStore, type TestStore } from '../fixtures/store/index.ts';

let opened: TestStore;
let bench: Bench;
const signing = makeSigningIdentity();
beforeAll(async () => {
  opened = await openTestStore();
}, 60_000);
afterAll(() => opened.close());
beforeEach(async () => {
  await opened.empty();
  bench = createBench(opened.store, signing);
});

const uid = buildExamination({ number: 1 }).studyInstanceUid;
const minute = 60_000;
const hour = 60 * minute;

const take = async (options: ExaminationOptions = {}): Promise<void> => {
  expect((await bench.take(buildExamination(options).message)).text).toContain('MSA|AA|');
};
const publish = async (options: ExaminationOptions = {}): Promise<void> => {
  bench.pacs.put(pacsStudy(1));
  await take(options);
  expect((await bench.look(uid)).study.state).toBe('published');
};
const states = async (): Promise<readonly string[]> => {
  const rows: { kind: string; state: string }[] = await opened.store.knex('submission').orderBy('id');
  return rows.map(({ kind, state }) => `${kind}:${state}`);
};

/** Published once by somebody else, and loaded here from its file. */
const load = async (options: ExaminationOptions = {}): Promise<void> => {
  await publish(options);
  const kos = bench.dmp.documents()[0]?.submission.kos ?? new Uint8Array();
  await opened.empty();
  const { dmp, pacs } = bench;
  bench = createBench(opened.store, signing, { dmp, pacs, owner: 'sidecar-2' });
  const files = [{ name: 'exemple.dcm', read: () => Promise.resolve(kos) }];
  const outcomes = await loadManifestFiles(opened.store, files, { environment: 'test', clock: () => bench.now() });
  expect(outcomes).toMatchObject([{ outcome: 'loaded', studyInstanceUid: uid }]);
};
const approved = () => bench.dmp.documents().filter(({ state }) => state === 'approved');

describe('a manifest loaded from a file', () => {
  test('does not hide that the images of a later report never come: failed at the deadline, alert', async () => {
    await load();
    bench.pacs.remove(uid);
    await take({ message: { controlId: 'EX2' } });
    expect(await bench.look(uid)).toMatchObject({
      study: { state: 'waiting-for-images' },
      nextAtUtcMs: bench.now() + 10 * minute,
    });
    bench.advance(80 * hour);
    const { study, nextAtUtcMs = 0 } = await bench.look(uid);
    expect(study).toMatchObject({ state: 'failed', reasonCode: 'publication/study-not-found' });
    expect(nextAtUtcMs).toBeGreaterThan(bench.now());
    expect(await loadAlerts(opened.store.knex)).toMatchObject([{ code: 'publication/study-not-found' }]);
    expect(approved()).toHaveLength(1);
  });

  test('about another patient is neither replaced nor deleted by a report: held (A4, B7)', async () => {
    const ins = '185037512345698';
    await load({
      cda: { patient: { ins: [{ value: ins, oid: '1.2.250.1.213.1.4.10' }] } },
      message: { patient: { ins, ipp: 'IPP-0042' } },
    });
    const calls = bench.dmp.calls.length;
    await take({ message: { controlId: 'EX2' } });
    expect((await bench.look(uid)).study).toMatchObject({
      state: 'held',
      reasonCode: 'publication/patient-changed',
    });
    expect(bench.dmp.calls).toHaveLength(calls);
    expect(await states()).toEqual(['publish:accepted']);
  });

  test('leaves no study "sending" without an order, when the images go before its replacement left', async () => {
    await load();
    await take({ message: { controlId: 'EX2' } });
    bench.dmp.order({ on: 'find', how: 'fails', code: 'dmp/unreachable' });
    expect((await bench.look(uid)).study.state).toBe('sending');
    bench.pacs.remove(uid);
    bench.advance(hour);
    const { study, nextAtUtcMs = 0 } = await bench.look(uid);
    expect(study.state).toBe('waiting-for-images');
    expect(nextAtUtcMs).toBeGreaterThan(bench.now());
    expect(await states()).toEqual(['publish:accepted', 'replace:superseded']);
  });
});

describe('an imported publication, which came without VIHF', () => {
  test('is asked for and replaced in the complete name of the report that replaces it (A7)', async () => {
    await publish();
    const [{ sender }] = await opened.store.knex('submission').select('sender');
    const bare = JSON.stringify({ ...sender, roles: [], sector: '' });
    await opened.store.knex('submission').update({ origin: 'xdm', sender: bare });
    await take({
      cda: { documentId: { root: '1.2.250.1.999999.20.2' }, replaces: [{ root: '1.2.250.1.999999.20.1' }] },
      message: { action: 'replace', controlId: 'EX2' },
    });
    expect((await bench.look(uid)).study.state).toBe('published');
    const calls = bench.dmp.calls.slice(1);
    expect(calls.map(({ kind }) => kind)).toEqual(['find', 'register']);
    for (const { vihf } of calls) expect(vihf).toEqual(bench.dmp.calls[0]?.vihf);
  });
});

describe('a study of a restored archive', () => {
  test('that may have been published after the backup is held, not published a second time (C8)', async () => {
    bench.pacs.put(pacsStudy(1));
    await take();
    await saveMarker(opened.store.knex, `restored-unsure:${uid}`, '', bench.now());
    expect((await bench.look(uid)).study).toMatchObject({
      state: 'held',
      reasonCode: 'publication/restored-unsure',
    });
    expect(bench.dmp.calls).toEqual([]);
  });
});
