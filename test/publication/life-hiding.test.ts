/**
 * Nothing stays visible longer than it must (decisions B6, B7): what a report hides, and what stands in the wrong record, is
 * hidden or taken out whatever the PACS, its images or an earlier attempt do at that moment.
 */
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { DrimboxError } from '../../plugin/errors.ts';
import { parseManifest } from '../../plugin/kos/index.ts';
import { takeHints } from '../../plugin/publication/index.ts';
import { buildExamination, type ExaminationOptions } from '../fixtures/examination.ts';
import {
  type Bench,
  type BenchOptions,
  createBench,
  makeSigningIdentity,
  manifestEntryOf,
  type PacsChanges,
  pacsStudy,
} from '../fixtures/publication/index.ts';
import { openTestStore, type TestStore } from '../fixtures/store/index.ts';

let opened: TestStore;
let bench: Bench;
const signing = makeSigningIdentity();
const newBench = (options: BenchOptions = {}): Bench => createBench(opened.store, signing, options);
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
const day = 24 * 60 * minute;

const take = async (options: ExaminationOptions = {}): Promise<void> => {
  expect((await bench.take(buildExamination(options).message)).text).toContain('MSA|AA|');
};
const publish = async (numbers: readonly number[] = [1], changes: PacsChanges = {}): Promise<void> => {
  for (const number of numbers) {
    bench.pacs.put(pacsStudy(number, changes));
    await take({ number, message: { controlId: `EX-${number}` } });
    expect((await bench.look(uidOf(number))).study.state).toBe('published');
  }
};
const replacement: ExaminationOptions = {
  cda: { documentId: { root: rootOf(2) }, replaces: [{ root: rootOf(1) }] },
  message: { action: 'replace', controlId: 'EX2' },
};
const hide: ExaminationOptions = {
  ...replacement,
  message: { ...replacement.message, flags: { INVISIBLE_PATIENT: 'Y' } },
};
const approved = () => bench.dmp.documents().filter(({ state }) => state === 'approved');
/** Manifests that the patient sees. */
const visible = (): number =>
  approved().filter(({ submission }) => !manifestEntryOf(submission).includes('INVISIBLE_PATIENT')).length;
const sent = (): readonly string[] => bench.dmp.calls.map(({ kind }) => kind);
const listed = (): readonly string[] =>
  approved().flatMap(({ submission }) =>
    parseManifest(submission.kos).series.flatMap(({ instances }) => instances.map((one) => one.sopInstanceUid)),
  );

describe('a report that hides what is published', () => {
  test('hides it while the PACS is unreachable: the published manifest itself is sent anew (B6)', async () => {
    await publish();
    const before = listed();
    await take(hide);
    bench.pacs.failWith(new DrimboxError('orthanc/unreachable'));
    await bench.look(uid);
    expect(visible()).toBe(0);
    expect(listed()).toEqual(before);
  });

  test('hides it while the images contradict the report: the hold comes after (A4, B6)', async () => {
    await publish();
    bench.pacs.put(pacsStudy(1, { identity: { accessionNumber: 'AUTRE' } }));
    expect((await bench.look(uid)).study.state).toBe('held');
    await take(hide);
    await bench.look(uid);
    expect(visible()).toBe(0);
    expect(approved()).toHaveLength(1);
    expect((await bench.lookWhenDue(uid)).study).toMatchObject({ state: 'held' });
    expect(sent()).toEqual(['register', 'find', 'register']);
  });

  test('hides it while its deletion is held for want of proofs (B6, D1)', async () => {
    await publish();
    bench.pacs.remove(uid);
    expect((await bench.look(uid)).study.reasonCode).toBe('publication/deletion-unproven');
    await take(hide);
    await bench.look(uid);
    expect(visible()).toBe(0);
    bench.advance(day);
    expect((await bench.look(uid)).study.reasonCode).toBe('publication/deletion-unproven');
    expect([approved().length, visible()]).toEqual([1, 0]);
  });

  test('hides it with every image it listed under a doubt on the database: that one is not asked (B6, D2)', async () => {
    await publish([1], { instancesPerSeries: 50 });
    await publish([9]);
    const before = listed();
    bench.pacs.becomeDatabase({ marker: 'exemple-2' });
    bench.pacs.put(pacsStudy(1, { instancesPerSeries: 1 }));
    expect((await bench.look(uid)).study.reasonCode).toBe('publication/pacs-database-changed');
    await take(hide);
    await bench.look(uid);
    expect(visible()).toBe(1);
    expect(listed().toSorted()).toEqual(before.toSorted());
    // What the doubt holds stays held afterwards.
    expect((await bench.lookWhenDue(uid)).study.reasonCode).toBe('publication/pacs-database-changed');
    expect(listed()).toHaveLength(52);
  });

  test('may be a second one that is itself not destined to the DMP: restrictions are united (B6, B8)', async () => {
    await publish();
    bench.pacs.becomeDatabase({ marker: 'exemple-2' });
    await take({
      cda: { documentId: { root: rootOf(5) } },
      message: {
        controlId: 'EX5',
        documentId: rootOf(5),
        flags: { DESTDMP: 'N', INVISIBLE_PATIENT: 'Y' },
      },
    });
    await bench.look(uid);
    expect([approved().length, visible()]).toEqual([1, 0]);
  });

  test('does not wait until images stop streaming in, nor is it sent anew for each hint', async () => {
    await publish();
    bench = newBench({ options: { stabilitySeconds: 60 }, pacs: bench.pacs, dmp: bench.dmp, owner: 'sidecar-2' });
    await take(hide);
    let images = 3;
    bench.pacs.onLookup(async () => {
      images += 1;
      const arrived = pacsStudy(1, { instancesPerSeries: images, study: { lastUpdateUtcMs: bench.now() } });
      bench.pacs.put(arrived);
      const { orthancId } = arrived.study;
      const hint = { change: 'stored', level: 'study', orthancId, orthancStudyId: orthancId } as const;
      const hints = [{ ...hint, atUtcMs: bench.now() }];
      await takeHints({ ...bench.ports, orthanc: bench.pacs.orthanc }, { dropped: 0, hints });
    });
    let looksUntilHidden = 0;
    for (let looks = 1; looks <= 20; looks += 1) {
      bench.advance(1000);
      await bench.look(uid);
      if (visible() > 0) looksUntilHidden = looks;
    }
    expect(looksUntilHidden).toBeLessThan(3);
    expect(approved()).toHaveLength(1);
    expect(sent().filter((kind) => kind === 'register').length).toBeLessThanOrEqual(3);
  });

  test('waits for an earlier attempt of unknown outcome no longer than the longest retry delay (C2)', async () => {
    bench.pacs.put(pacsStudy(1));
    await take();
    bench.dmp.order({ on: 'register', how: 'fails', code: 'dmp/timeout', taken: true });
    await bench.look(uid);
    for (let failures = 0; failures < 12; failures += 1) {
      bench.dmp.order({ on: 'find', how: 'fails', code: 'dmp/unreachable' });
      await bench.lookWhenDue(uid);
    }
    await take(hide);
    const { nextAtUtcMs = Number.POSITIVE_INFINITY } = await bench.look(uid);
    expect(nextAtUtcMs - bench.now()).toBeLessThanOrEqual(30 * minute);
    expect(visible()).toBe(1);
    // The DMP answers again: what arrived is hidden in the same moment, not sent beside it.
    await bench.lookWhenDue(uid);
    const answeredAtUtcMs = bench.now();
    await bench.lookWhenDue(uid);
    expect(bench.now()).toBe(answeredAtUtcMs);
    expect([approved().length, visible()]).toEqual([1, 0]);
  });

  test('overtakes an update by the PACS of unknown outcome; should that arrive late, it is taken out again (C2)', async () => {
    await publish();
    bench.pacs.put(pacsStudy(1, { instancesPerSeries: 3 }));
    bench.dmp.order({ on: 'register', how: 'fails', code: 'dmp/timeout' });
    await bench.look(uid);
    const late = bench.dmp.calls.at(-1);
    if (late?.submission === undefined || late.replacesEntryUuid === undefined) throw new Error('no update was sent');
    await take(hide);
    await bench.look(uid);
    expect([approved().length, visible()]).toEqual([1, 0]);
    const { vihf, replacesEntryUuid } = late;
    await bench.dmp.client.provideAndRegister(late.submission, { vihf, replacesEntryUuid });
    expect(visible()).toBe(1);
    bench.advance(minute);
    for (let looks = 0; looks < 3; looks += 1) await bench.lookWhenDue(uid);
    expect([approved().length, visible()]).toEqual([1, 0]);
  });
});

describe('a replacement that corrects the patient takes the manifest out of the wrong record (B7)', () => {
  /** Invented, as everything here. */
  const otherIns = '185037512345698';
  const otherPatient: ExaminationOptions = {
    cda: { ...replacement.cda, patient: { ins: [{ value: otherIns, oid: '1.2.250.1.213.1.4.10' }] } },
    message: { ...replacement.message, patient: { ins: otherIns, ipp: 'IPP-0042' } },
  };

  test('while the images still carry the old patient: they hold the new publication, not the deletion (A4)', async () => {
    await publish();
    const otherPatientIds = [{ id: '285037512345691', issuerOid: '1.2.250.1.213.1.4.10' }];
    bench.pacs.put(pacsStudy(1, { identity: { otherPatientIds } as never }));
    await take(otherPatient);
    await bench.look(uid);
    expect(approved()).toEqual([]);
    expect((await bench.lookWhenDue(uid)).study.state).toBe('held');
    expect(sent()).toEqual(['register', 'find', 'delete']);
  });

  test('while the PACS is unreachable: it is not asked whether somebody else may read on', async () => {
    await publish();
    await take(otherPatient);
    bench.pacs.failWith(new DrimboxError('orthanc/unreachable'));
    await bench.look(uid);
    expect(approved()).toEqual([]);
    await expect(bench.lookWhenDue(uid)).rejects.toMatchObject({ code: 'orthanc/unreachable' });
  });

  test('also when the correction itself is not destined to the DMP: that keeps nothing in the wrong record (B8)', async () => {
    await publish();
    await take({ ...otherPatient, message: { ...otherPatient.message, flags: { DESTDMP: 'N' } } });
    await bench.look(uid);
    expect(approved()).toEqual([]);
    expect((await bench.lookWhenDue(uid)).study.state).toBe('not-destined');
    expect(sent()).toEqual(['register', 'find', 'delete']);
  });

  test('though the images are absent: the delay of a deletion by the PACS is not waited for (D1)', async () => {
    await publish([1, 9]);
    bench.pacs.remove(uid);
    await take(otherPatient);
    expect((await bench.look(uid)).nextAtUtcMs).toBe(bench.now());
    expect(listed()).toEqual([`${uidOf(9)}.1.1`, `${uidOf(9)}.1.2`]);
    const [{ cause }] = await opened.store.knex('submission').where({ kind: 'delete' }).select('cause');
    expect(cause).toBe('correction');
  });
});
