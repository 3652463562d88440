/**
 * Never wrongly deleted, over a longer life than one outage (decisions D1–D3): proofs that grow old, holds that change their
 * reason, confirmations that were about something else. On a real store; the PACS and the DMP are fakes that a test commands.
 */
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { confirmDeletions, loadHeldDeletions } from '../../plugin/archive/index.ts';
import { DrimboxError } from '../../plugin/errors.ts';
import { parseManifest } from '../../plugin/kos/index.ts';
import { acceptDatabase } from '../../plugin/publication/index.ts';
import { buildExamination, type ExaminationOptions } from '../fixtures/examination.ts';
import {
  type Bench,
  createBench,
  makeSigningIdentity,
  type PacsChanges,
  pacsStudy,
} from '../fixtures/publication/index.ts';
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

const uidOf = (number: number): string => buildExamination({ number }).studyInstanceUid;
const uid = uidOf(1);
const rootOf = (document: number): string => `1.2.250.1.999999.20.${document}`;
const minute = 60_000;
const hour = 60 * minute;
const day = 24 * hour;
/** Invented, as everything here. */
const otherIns = '185037512345698';

const take = async (options: ExaminationOptions = {}): Promise<void> => {
  expect((await bench.take(buildExamination(options).message)).text).toContain('MSA|AA|');
};
const publish = async (numbers: readonly number[], changes: PacsChanges = {}): Promise<void> => {
  for (const number of numbers) {
    bench.pacs.put(pacsStudy(number, changes));
    await take({ number, message: { controlId: `EX-${number}` } });
    expect((await bench.look(uidOf(number))).study.state).toBe('published');
  }
};
const replacement = (controlId: string, document: number, replaces: number): ExaminationOptions => ({
  cda: { documentId: { root: rootOf(document) }, replaces: [{ root: rootOf(replaces) }] },
  message: { action: 'replace', controlId },
});
const approved = () => bench.dmp.documents().filter(({ state }) => state === 'approved');
/** Instances that each manifest in the DMP lists. */
const listed = (): readonly number[] =>
  approved().map(({ submission }) =>
    parseManifest(submission.kos).series.reduce((sum, { instances }) => sum + instances.length, 0),
  );
const orders = async (): Promise<readonly string[]> => {
  const rows: { kind: string; cause: string; state: string }[] = await opened.store.knex('submission').orderBy('id');
  return rows.map(({ kind, cause, state }) => `${kind}:${cause}:${state}`);
};
const published = 'publish:report:accepted';
const confirm = (uids: readonly string[] | undefined) =>
  opened.store.transaction((trx) => confirmDeletions(trx, uids, bench.now()));

describe('a deletion that a report ordered and that waits for the DMP', () => {
  /** The report is withdrawn while the DMP is away; then another report names the study, and its images go. */
  const orderedInVain = async (on: 'find' | 'delete'): Promise<void> => {
    await publish([1, 9]);
    await take({ message: { action: 'delete', controlId: 'EX3' } });
    bench.dmp.order({ on, how: 'fails', code: 'dmp/unreachable' });
    expect((await bench.look(uid)).study.state).toBe('sending');
    await take({ cda: { documentId: { root: rootOf(7) } }, message: { controlId: 'EX7' } });
    bench.pacs.remove(uid);
  };

  test.each(['find', 'delete'] as const)(
    'does not become one by the PACS without proofs: another database holds it (D1, D2; the DMP failed at %s)',
    async (on) => {
      await orderedInVain(on);
      bench.pacs.becomeDatabase({ marker: 'exemple-2' });
      bench.pacs.answerByRest([uid, uidOf(9)]);
      expect((await bench.lookWhenDue(uid)).study).toMatchObject({
        state: 'held',
        reasonCode: 'publication/pacs-database-changed',
      });
      expect(await orders()).toEqual([published, published, 'delete:report:superseded']);
      expect(approved()).toHaveLength(2);
    },
  );

  test('does not spare the PACS its delay: what the PACS causes is proven from the beginning (D1)', async () => {
    await orderedInVain('delete');
    const { study, nextAtUtcMs } = await bench.lookWhenDue(uid);
    expect(study).toMatchObject({ state: 'published', absentSinceUtcMs: bench.now() });
    expect(nextAtUtcMs).toBe(bench.now() + 15 * minute);
    expect(approved()).toHaveLength(2);
    expect((await bench.lookWhenDue(uid)).study.state).toBe('images-gone');
    expect(await orders()).toEqual([published, published, 'delete:report:superseded', 'delete:pacs:accepted']);
  });
});

describe('a deletion held as one too many in a day (D3)', () => {
  beforeEach(async () => {
    await publish([1, 2, 9]);
    for (const number of [1, 2]) bench.pacs.remove(uidOf(number));
    for (const number of [1, 2]) await bench.look(uidOf(number));
    bench.advance(15 * minute);
    expect((await bench.look(uid)).study.state).toBe('images-gone');
    expect((await bench.look(uidOf(2))).study.reasonCode).toBe('publication/deletion-limit');
  });

  test('stays held though an unproven absence was the reason in between: it does not slip out by another door', async () => {
    bench.pacs.answerByRest([]);
    bench.advance(hour);
    expect((await bench.look(uidOf(2))).study.reasonCode).toBe('publication/deletion-unproven');
    bench.pacs.answerByRest(undefined);
    bench.advance(day);
    for (let looks = 0; looks < 3; looks += 1) {
      expect((await bench.lookWhenDue(uidOf(2))).study).toMatchObject({
        state: 'held',
        reasonCode: 'publication/deletion-limit',
      });
    }
    expect(approved()).toHaveLength(2);
  });

  test('stays held though a doubt on the database came in between and was ended (D2)', async () => {
    bench.pacs.becomeDatabase({ marker: 'exemple-2' });
    expect((await bench.look(uidOf(2))).study.reasonCode).toBe('publication/pacs-database-changed');
    await acceptDatabase(bench.ports);
    for (let days = 0; days < 3; days += 1) {
      bench.advance(day);
      expect((await bench.look(uidOf(2))).study.state).toBe('held');
    }
    expect(approved()).toHaveLength(2);
  });
});

describe('an absence that was noted long ago', () => {
  test('proves nothing once the images may have been back unseen: the delay begins anew (D1)', async () => {
    await publish([1, 9]);
    bench.pacs.remove(uid);
    expect((await bench.look(uid)).study.absentSinceUtcMs).toBe(bench.now());
    const undestined = replacement('EX2', 2, 1);
    await take({ ...undestined, message: { ...undestined.message, flags: { DESTDMP: 'N' } } });
    // Not destined to the DMP: the PACS is not asked, and nobody sees that the images were there for a month.
    await bench.look(uid);
    bench.pacs.put(pacsStudy(1));
    bench.advance(day);
    await bench.look(uid);
    bench.advance(30 * day);
    bench.pacs.remove(uid);
    await take(replacement('EX33', 3, 2));
    expect(await bench.look(uid)).toMatchObject({
      study: { state: 'published', absentSinceUtcMs: bench.now() },
      nextAtUtcMs: bench.now() + 15 * minute,
    });
    expect(await orders()).toEqual([published, published]);
  });
});

describe('what an administrator confirmed', () => {
  /** A second report, about somebody else: two patients are named, and the PACS is not asked (B6). */
  const otherPatient = (action: 'initial' | 'delete', controlId: string): ExaminationOptions => ({
    cda: {
      documentId: { root: rootOf(8) },
      patient: { ins: [{ value: otherIns, oid: '1.2.250.1.213.1.4.10' }] },
    },
    message: { action, controlId, documentId: rootOf(8), patient: { ins: otherIns, ipp: 'IPP-0042' } },
  });

  test('is not used up by an absence of months later: his word is about what he saw', async () => {
    await publish([1]);
    bench.pacs.remove(uid);
    expect((await bench.look(uid)).study.reasonCode).toBe('publication/deletion-unproven');
    expect(await confirm([uid])).toEqual([uid]);
    bench.pacs.failWith(new DrimboxError('orthanc/unreachable'));
    await expect(bench.look(uid)).rejects.toMatchObject({ code: 'orthanc/unreachable' });
    bench.pacs.failWith(undefined);
    await take(otherPatient('initial', 'EX8'));
    expect((await bench.look(uid)).study.reasonCode).toBe('publication/patient-changed');
    bench.pacs.put(pacsStudy(1));
    bench.advance(day);
    await bench.look(uid);
    bench.advance(60 * day);
    bench.pacs.remove(uid);
    await take(otherPatient('delete', 'EX9'));
    expect((await bench.look(uid)).study).toMatchObject({
      state: 'held',
      reasonCode: 'publication/deletion-unproven',
    });
    expect(approved()).toHaveLength(1);
  });

  test('is no replacement held by a doubt on the database: nothing of it is to be deleted, so it is not even listed', async () => {
    await publish([1, 9]);
    bench.pacs.becomeDatabase({ marker: 'exemple-2' });
    bench.pacs.put(pacsStudy(1, { instancesPerSeries: 1 }));
    expect((await bench.look(uid)).study.reasonCode).toBe('publication/pacs-database-changed');
    expect(await loadHeldDeletions(opened.store.knex, 10)).toEqual({ total: 0, deletions: [] });
    expect(await confirm(undefined)).toEqual([]);
    // The other database forgets the rest of it too.
    bench.pacs.remove(uid);
    expect((await bench.look(uid)).study.state).toBe('held');
    expect(await orders()).toEqual([published, published]);
  });

  test('does not leave while it waits for the DMP when the PACS has the study again (D1)', async () => {
    await publish([1]);
    bench.pacs.remove(uid);
    await bench.look(uid);
    await confirm([uid]);
    bench.dmp.order({ on: 'delete', how: 'fails', code: 'dmp/unreachable' });
    expect((await bench.look(uid)).study.state).toBe('sending');
    bench.pacs.answerByRest([uid]);
    expect((await bench.lookWhenDue(uid)).study.state).toBe('held');
    expect(await orders()).toEqual([published, 'delete:administrator:superseded']);
    expect(approved()).toHaveLength(1);
  });
});

describe('a held deletion', () => {
  test('says since when it is held, however often it is looked at: the longest held is shown first', async () => {
    await publish([1]);
    bench.pacs.remove(uid);
    await bench.look(uid);
    const heldSinceUtcMs = bench.now();
    for (let looks = 0; looks < 2; looks += 1) {
      bench.advance(hour);
      await bench.look(uid);
      const { deletions } = await loadHeldDeletions(opened.store.knex, 10);
      expect(deletions).toMatchObject([{ studyInstanceUid: uid, heldSinceUtcMs }]);
    }
  });
});

describe('a study that lost most of its images', () => {
  const shrink = (instancesPerSeries: number, number = 1): void =>
    bench.pacs.put(pacsStudy(number, { instancesPerSeries, study: { lastUpdateUtcMs: bench.now() } }));

  test('is not replaced before it stayed so for the delay of a deletion: losing most of it is nearly one (D1)', async () => {
    await publish([1, 2, 9], { instancesPerSeries: 50 });
    for (const number of [1, 2]) {
      shrink(1, number);
      expect(await bench.look(uidOf(number))).toMatchObject({
        study: { state: 'published' },
        nextAtUtcMs: bench.now() + 15 * minute,
      });
    }
    // What changes within the delay waits for a whole one again; what is back is not replaced at all.
    bench.advance(15 * minute - 1);
    shrink(2);
    bench.pacs.put(pacsStudy(2, { instancesPerSeries: 50 }));
    expect((await bench.look(uid)).nextAtUtcMs).toBe(bench.now() + 15 * minute);
    expect(await bench.look(uidOf(2))).not.toHaveProperty('nextAtUtcMs');
    bench.advance(15 * minute - 1);
    await bench.look(uid);
    expect(await orders()).toEqual([published, published, published]);
    bench.advance(1);
    await bench.look(uid);
    expect(await orders()).toEqual([published, published, published, 'replace:pacs:accepted']);
    expect(listed().toSorted((a, b) => a - b)).toEqual([2, 50, 50]);
  });

  test('is held under a doubt on the database though a new report came: nothing vanishes with a report either (D2)', async () => {
    await publish([1], { instancesPerSeries: 50 });
    await publish([9]);
    shrink(1);
    bench.pacs.becomeDatabase({ marker: 'exemple-2' });
    await take(replacement('EX2', 2, 1));
    expect((await bench.look(uid)).study).toMatchObject({
      state: 'held',
      reasonCode: 'publication/pacs-database-changed',
    });
    expect(listed()).toEqual([50, 2]);
    // The missing images came back with the known database.
    await acceptDatabase(bench.ports);
    bench.pacs.put(pacsStudy(1, { instancesPerSeries: 50 }));
    expect((await bench.look(uid)).study.state).toBe('published');
    expect(await orders()).toEqual([published, published, 'replace:report:accepted']);
  });
});
