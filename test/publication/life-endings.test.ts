/**
 * How a study comes to rest, and how it must not: what arrives late, what was withdrawn or refused, and
 * what a killed process left. On a real store; the PACS and the DMP are fakes that a test commands.
 */
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { leaseDueStudies, loadAlerts } from '../../plugin/archive/index.ts';
import { DrimboxError } from '../../plugin/errors.ts';
import { reconcile } from '../../plugin/publication/index.ts';
import { buildExamination, type ExaminationOptions } from '../fixtures/examination.ts';
import {
  type Bench,
  type BenchOptions,
  createBench,
  createFakePacs,
  type FakePacs,
  makeSigningIdentity,
  type PacsChanges,
  pacsStudy,
} from '../fixtures/publication/index.ts';
import { openTestStore, type TestStore } from '../fixtures/store/index.ts';

let opened: TestStore;
let bench: Bench;
const signing = makeSigningIdentity();
const newBench = (options: BenchOptions = {}): Bench => createBench(opened.store, signing, options);
/** Another sidecar on the same store, PACS and DMP, at the same time. */
const anotherBench = (options: BenchOptions): Bench =>
  newBench({ owner: 'sidecar-2', pacs: bench.pacs, dmp: bench.dmp, startAtUtcMs: bench.now(), ...options });
beforeAll(async () => {
  opened = await openTestStore();
}, 60_000);
afterAll(() => opened.close());
beforeEach(async () => {
  await opened.empty();
  bench = newBench();
});

const uidOf = (number: number): string => buildExamination({ number }).studyInstanceUid;
const uid = uidOf(1);
const rootOf = (document: number): string => `1.2.250.1.999999.20.${document}`;
const minute = 60_000;
const hour = 60 * minute;
const day = 24 * hour;

const take = async (options: ExaminationOptions = {}): Promise<void> => {
  expect((await bench.take(buildExamination(options).message)).text).toContain('MSA|AA|');
};
const put = (changes: PacsChanges = {}): void => bench.pacs.put(pacsStudy(1, changes));
const publish = async (numbers: readonly number[] = [1]): Promise<void> => {
  for (const number of numbers) {
    bench.pacs.put(pacsStudy(number));
    await take({ number, message: { controlId: `EX-${number}` } });
    expect((await bench.look(uidOf(number))).study.state).toBe('published');
  }
};
const replacement: ExaminationOptions = {
  cda: { documentId: { root: rootOf(2) }, replaces: [{ root: rootOf(1) }] },
  message: { action: 'replace', controlId: 'EX2' },
};
const deletion: ExaminationOptions = { message: { action: 'delete', controlId: 'EX3' } };
const sent = (): readonly string[] => bench.dmp.calls.map(({ kind }) => kind);
const approved = () => bench.dmp.documents().filter(({ state }) => state === 'approved');
const orders = async (): Promise<readonly string[]> => {
  const rows: { kind: string; cause: string; state: string }[] = await opened.store.knex('submission').orderBy('id');
  return rows.map(({ kind, cause, state }) => `${kind}:${cause}:${state}`);
};
const state = async (): Promise<string> => (await bench.study(uid)).state;
const alerts = () => loadAlerts(opened.store.knex);
/** The last submission, as if the DMP took it only now: it was on its way through it. */
const arriveLate = async (call = bench.dmp.calls.findLast(({ kind }) => kind === 'register')): Promise<void> => {
  if (call?.submission === undefined) throw new Error('nothing was sent');
  const { submission, vihf, replacesEntryUuid } = call;
  const replaces = replacesEntryUuid === undefined ? {} : { replacesEntryUuid };
  expect(await bench.dmp.client.provideAndRegister(submission, { vihf, ...replaces })).toMatchObject({
    kind: 'success',
  });
};
/** The clock goes on, and every look that is due is made. */
const goOn = async (looks = 6): Promise<void> => {
  for (let made = 0; made < looks; made += 1) await bench.lookWhenDue(uid);
};

describe('an order given up after it had left, which arrives late', () => {
  const lost = { on: 'register', how: 'fails', code: 'dmp/timeout', taken: true } as const;
  const notYet = { on: 'find', how: 'fails', code: 'dmp/document-unknown' } as const;

  /** The DMP has it and said that it has not; the report that called for it is withdrawn. */
  const giveUp = async (): Promise<void> => {
    put();
    await take();
    bench.dmp.order(lost, notYet);
    await bench.look(uid);
    await take(deletion);
    bench.advance(5000);
    await bench.look(uid);
    expect(approved()).toHaveLength(1);
    bench.advance(minute);
  };

  test('is taken out though the process was killed between finding it and ordering its deletion', async () => {
    await giveUp();
    const { knex } = opened.store;
    const transaction = () => Promise.reject(new Error('killed'));
    const killed = { ...bench.ports, store: { ...bench.ports.store, transaction } };
    await knex('study').update({ look_due_at_utc_ms: bench.now() });
    const untilUtcMs = bench.now() + 30_000;
    const [study] = await leaseDueStudies(knex, {
      token: 'killed',
      nowUtcMs: bench.now(),
      untilUtcMs,
      limit: 1,
      except: [],
    });
    if (study === undefined) throw new Error('the study was not leased');
    await expect(reconcile(killed, study)).rejects.toThrow();
    expect(bench.dmp.calls.at(-1)?.kind).toBe('find');
    // Its lease runs out.
    bench.advance(30_001);
    await bench.look(uid);
    await goOn(3);
    expect([approved(), await state()]).toEqual([[], 'retired']);
  });

  test('is taken out though the structure had no certificates for a while', async () => {
    await giveUp();
    const client = { ...bench.dmp.client, structureFor: () => undefined };
    const without = anotherBench({ dmp: { ...bench.dmp, client } });
    for (let looks = 0; looks < 3; looks += 1) await without.lookWhenDue(uid);
    expect(approved()).toHaveLength(1);
    bench.advance(day);
    await bench.look(uid);
    await goOn(3);
    expect([approved(), await state()]).toEqual([[], 'retired']);
  });

  test('of an update took the place of what was published: the record ends up with one manifest, never with none', async () => {
    await publish();
    put({ instancesPerSeries: 3 });
    bench.dmp.order({ ...lost, taken: false });
    await bench.look(uid);
    // The third image is deleted again: what is published is what is wanted.
    put();
    bench.advance(5000);
    await bench.lookWhenDue(uid);
    expect(await orders()).toEqual(['publish:report:accepted', 'replace:pacs:superseded']);
    await arriveLate();
    await goOn();
    expect(bench.dmp.documents().map((document) => document.state)).toEqual(['deprecated', 'deprecated', 'approved']);
    expect(await state()).toBe('published');
  });

  test('is taken out after a withdrawal, which stays one: nobody asked for it again (C8)', async () => {
    put();
    await take();
    bench.dmp.order({ ...lost, taken: false });
    await bench.look(uid);
    const late = bench.dmp.calls.at(-1);
    await take(replacement);
    bench.advance(5000);
    await bench.look(uid);
    expect(await state()).toBe('published');
    bench.dmp.remove(approved()[0]?.uniqueId ?? '');
    put({ instancesPerSeries: 3 });
    expect((await bench.look(uid)).study.state).toBe('withdrawn');
    await arriveLate(late);
    await goOn(5);
    expect([approved(), await state()]).toEqual([[], 'withdrawn']);
  });
});

describe('what somebody took out of the DMP stays out (C8)', () => {
  const twin = (): FakePacs => {
    const pacs = createFakePacs();
    pacs.put(pacsStudy(1));
    pacs.double(uid);
    return pacs;
  };
  const events: Readonly<Record<string, readonly [() => void, string]>> = {
    'images arrive': [() => put({ instancesPerSeries: 4 }), 'withdrawn'],
    'images contradict the report': [() => put({ identity: { accessionNumber: 'AUTRE' } }), 'held'],
    'images go': [() => bench.pacs.remove(uid), 'waiting-for-images'],
    'a twin comes': [() => (bench = anotherBench({ pacs: twin(), options: { stabilitySeconds: 60 } })), 'held'],
  };

  test.each(Object.keys(events))('though %s, and all is right again', async (event) => {
    const [happen, meanwhile] = events[event] ?? [() => undefined, ''];
    bench = newBench({ options: { stabilitySeconds: 60 } });
    await publish();
    bench.dmp.remove(approved()[0]?.uniqueId ?? '');
    put({ instancesPerSeries: 3 });
    await bench.look(uid);
    bench.advance(minute + 1);
    expect((await bench.look(uid)).study.state).toBe('withdrawn');
    const { pacs } = bench;
    happen();
    for (let looks = 0; looks < 2; looks += 1) {
      bench.advance(hour);
      await bench.look(uid);
    }
    expect(await state()).toBe(meanwhile);
    bench = anotherBench({ pacs, options: { stabilitySeconds: 60 } });
    put({ instancesPerSeries: 4 });
    for (let looks = 0; looks < 3; looks += 1) {
      bench.advance(hour);
      await bench.look(uid);
    }
    expect([approved(), await state()]).toEqual([[], 'withdrawn']);
    expect(await alerts()).toMatchObject([{ code: 'publication/document-withdrawn' }]);
  });
});

describe('what is over', () => {
  test('takes its alert along: a hold, when the images then go', async () => {
    put({ identity: { accessionNumber: 'AUTRE' } });
    await take();
    expect((await bench.look(uid)).study.state).toBe('held');
    expect(await alerts()).toHaveLength(1);
    bench.pacs.remove(uid);
    expect((await bench.look(uid)).study.state).toBe('waiting-for-images');
    expect(await alerts()).toEqual([]);
  });

  test('takes its alert along: an unreachable DMP, when the images then go', async () => {
    put();
    await take();
    for (let failures = 0; failures < 6; failures += 1) {
      bench.dmp.order({ on: 'register', how: 'fails', code: 'dmp/unreachable' });
      await bench.lookWhenDue(uid);
    }
    expect(await alerts()).toHaveLength(1);
    bench.pacs.remove(uid);
    bench.advance(hour);
    expect((await bench.look(uid)).study.state).toBe('waiting-for-images');
    expect(await alerts()).toEqual([]);
  });

  test('is not waited for: a new report about images that were taken out does not call for them', async () => {
    await publish([1, 9]);
    bench.pacs.remove(uid);
    await bench.look(uid);
    expect((await bench.lookWhenDue(uid)).study.state).toBe('images-gone');
    await take(replacement);
    await bench.look(uid);
    bench.advance(72 * hour);
    expect((await bench.look(uid)).study.state).toBe('images-gone');
    expect(await alerts()).toEqual([]);
  });

  test('needs no PACS: what no report names any more is deleted while that is unreachable (B6)', async () => {
    await publish();
    await take(deletion);
    bench.pacs.failWith(new DrimboxError('orthanc/unreachable'));
    expect((await bench.look(uid)).study.state).toBe('retired');
    expect(approved()).toEqual([]);
  });

  test('a refusal for good stays one through a hold: it is not sent again by itself', async () => {
    put();
    await take();
    bench.dmp.order({ on: 'register', how: 'refused', code: 'dmp/patient-closed' });
    expect((await bench.look(uid)).study.state).toBe('failed');
    put({ identity: { accessionNumber: 'AUTRE' } });
    expect((await bench.look(uid)).study.state).toBe('held');
    put();
    expect((await bench.look(uid)).study).toMatchObject({ state: 'failed', reasonCode: 'dmp/patient-closed' });
    expect(await alerts()).toMatchObject([{ code: 'dmp/patient-closed' }]);
    expect(sent()).toEqual(['register']);
  });
});

describe('a report that comes again unchanged (C1)', () => {
  test('does not switch the stability clock off for what the PACS causes', async () => {
    bench = newBench({ options: { stabilitySeconds: 60 } });
    await publish();
    await take({ message: { controlId: 'AGAIN' } });
    await bench.look(uid);
    for (let images = 3; images < 8; images += 1) {
      put({ instancesPerSeries: images, study: { lastUpdateUtcMs: bench.now() } });
      bench.advance(1000);
      await bench.look(uid);
      if (images === 4) await take({ message: { controlId: 'AGAIN-2' } });
    }
    expect(sent()).toEqual(['register']);
    bench.advance(minute);
    await bench.look(uid);
    expect(await orders()).toEqual(['publish:report:accepted', 'replace:pacs:accepted']);
  });

  test('does not make the loss of images a report’s doing: held under a doubt on the database (D2)', async () => {
    await publish();
    await take({ message: { controlId: 'AGAIN' } });
    await bench.look(uid);
    bench.pacs.becomeDatabase({ marker: 'exemple-2' });
    put({ instancesPerSeries: 1 });
    const { study } = await bench.look(uid);
    expect(study).toMatchObject({ state: 'held', reasonCode: 'publication/pacs-database-changed' });
    expect(await orders()).toEqual(['publish:report:accepted']);
  });
});
