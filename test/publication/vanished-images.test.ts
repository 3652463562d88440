/** Deletions that the PACS causes (decisions D1–D4): on a real store; the PACS and the DMP are fakes that a test commands. */
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { loadAlerts, updateStudy } from '../../plugin/archive/index.ts';
import { DrimboxError } from '../../plugin/errors.ts';
import { acceptDatabase, dailyDeletionLimit } from '../../plugin/publication/index.ts';
import { buildExamination } from '../fixtures/examination.ts';
import { type Bench, createBench, makeSigningIdentity, pacsStudy } from '../fixtures/publication/index.ts';
import { openTestStore, type TestStore } from '../fixtures/store/index.ts';

let opened: TestStore;
let bench: Bench;
const signing = makeSigningIdentity();
beforeAll(async () => {
  opened = await openTestStore();
}, 60_000);
afterAll(() => opened.close());

const minute = 60_000;
const uidOf = (number: number): string => buildExamination({ number }).studyInstanceUid;
const uid = uidOf(1);
const sentOf = (kind: string): number => bench.dmp.calls.filter((call) => call.kind === kind).length;
const approved = (): number => bench.dmp.documents().filter(({ state }) => state === 'approved').length;
const publish = async (...numbers: readonly number[]): Promise<void> => {
  for (const number of numbers) {
    bench.pacs.put(pacsStudy(number));
    await bench.take(buildExamination({ number, message: { controlId: `EX${number}` } }).message);
    expect((await bench.look(uidOf(number))).study.state).toBe('published');
  }
};

/** Studies 1 and 9 are published; 9 stays as the study by which the index is controlled. */
beforeEach(async () => {
  await opened.empty();
  bench = createBench(opened.store, signing);
  await publish(1, 9);
});

describe('a published study that the PACS no longer has', () => {
  test('is deleted from the DMP once the PACS says so again after the delay (D1, DB.SO.27)', async () => {
    bench.pacs.remove(uid);
    const first = await bench.look(uid);
    expect(first).toMatchObject({ study: { state: 'published' }, nextAtUtcMs: bench.now() + 15 * minute });
    bench.advance(15 * minute - 1);
    expect(await bench.look(uid)).toMatchObject({ study: { state: 'published' }, nextAtUtcMs: bench.now() + 1 });
    expect(sentOf('delete')).toBe(0);
    bench.advance(1);
    expect((await bench.look(uid)).study).toMatchObject({ state: 'images-gone' });
    expect(approved()).toBe(1);
    const [{ cause }] = await opened.store.knex('submission').where({ kind: 'delete' }).select('cause');
    expect(cause).toBe('pacs');
    expect(await loadAlerts(opened.store.knex)).toEqual([]);
  });

  test('is deleted in the name of the archived submission (spec.md b.4.1)', async () => {
    const [publication] = bench.dmp.calls;
    bench.pacs.remove(uid);
    await bench.look(uid);
    await bench.lookWhenDue(uid);
    expect(bench.dmp.calls.find(({ kind }) => kind === 'delete')?.vihf).toEqual(publication?.vihf);
  });

  test('is left alone when the images are back within the delay: it was sent anew', async () => {
    bench.pacs.remove(uid);
    await bench.look(uid);
    bench.advance(14 * minute);
    bench.pacs.put(pacsStudy(1));
    expect((await bench.look(uid)).study).not.toHaveProperty('absentSinceUtcMs');
    bench.pacs.remove(uid);
    bench.advance(2 * minute);
    expect((await bench.look(uid)).study.state).toBe('published');
    expect(sentOf('delete')).toBe(0);
    expect(await bench.eventNames()).toContain('study/images-back');
  });

  test('is published again when the images come back later', async () => {
    bench.pacs.remove(uid);
    await bench.look(uid);
    await bench.lookWhenDue(uid);
    bench.pacs.put(pacsStudy(1));
    expect((await bench.look(uid)).study.state).toBe('published');
    expect(approved()).toBe(2);
  });

  test('is not waited for once its images were taken out', async () => {
    bench.pacs.remove(uid);
    await bench.look(uid);
    await bench.lookWhenDue(uid);
    bench.advance(1000 * 60 * minute);
    expect(await bench.look(uid)).toMatchObject({ study: { state: 'images-gone' } });
    expect(await loadAlerts(opened.store.knex)).toEqual([]);
  });

  test.each(['orthanc/unreachable', 'orthanc/timeout', 'orthanc/refused', 'orthanc/answer-invalid'] as const)(
    'is not even suspected while the PACS fails with %s: unreachable is never gone',
    async (code) => {
      bench.pacs.remove(uid);
      await bench.look(uid);
      bench.pacs.failWith(new DrimboxError(code));
      bench.advance(60 * minute);
      await expect(bench.look(uid)).rejects.toMatchObject({ code });
      expect(sentOf('delete')).toBe(0);
      expect((await bench.study(uid)).publishedSubmissionId).toBeDefined();
    },
  );

  test('is held while Orthanc’s two readers do not say the same (D1)', async () => {
    bench.pacs.remove(uid);
    bench.pacs.answerByRest([uid, uidOf(9)]);
    expect((await bench.look(uid)).study).toMatchObject({
      state: 'held',
      reasonCode: 'publication/deletion-unproven',
      reasonDetail: 'the index has no such study, Orthanc’s REST API has',
    });
    expect(await loadAlerts(opened.store.knex)).toMatchObject([{ subject: uid }]);
    bench.pacs.put(pacsStudy(1));
    expect((await bench.look(uid)).study.state).toBe('published');
    expect(await loadAlerts(opened.store.knex)).toEqual([]);
  });

  test('is held while Orthanc has no other study: an index that finds nothing proves nothing (D1)', async () => {
    bench.pacs.remove(uid);
    bench.pacs.remove(uidOf(9));
    bench.advance(60 * minute);
    expect((await bench.look(uid)).study).toMatchObject({ state: 'held', reasonCode: 'publication/deletion-unproven' });
    bench.advance(60 * minute);
    expect((await bench.look(uid)).study.state).toBe('held');
    expect(sentOf('delete')).toBe(0);
  });

  test('is held while the index does not find the control study that Orthanc has (D1)', async () => {
    bench.pacs.remove(uid);
    bench.pacs.remove(uidOf(9));
    bench.pacs.answerByRest([uidOf(9)]);
    expect((await bench.look(uid)).study).toMatchObject({ state: 'held', reasonCode: 'publication/deletion-unproven' });
  });

  test('is held when this PACS never had its images: those of an imported study may still be on their way (A7)', async () => {
    await opened.store
      .knex('study')
      .where({ study_uid: uid })
      .update({ orthanc_study_id: null, content_fingerprint: null });
    bench.pacs.remove(uid);
    bench.advance(60 * minute);
    expect((await bench.look(uid)).study).toMatchObject({
      state: 'held',
      reasonCode: 'publication/deletion-unproven',
      reasonDetail: 'the images of this study were never seen in this PACS',
    });
    bench.pacs.put(pacsStudy(1));
    expect((await bench.look(uid)).study.state).toBe('published');
  });

  test('goes by itself once another study proves that the index answers', async () => {
    bench.pacs.remove(uid);
    bench.pacs.remove(uidOf(9));
    expect((await bench.look(uid)).study.state).toBe('held');
    bench.pacs.put(pacsStudy(9));
    await bench.look(uid);
    expect((await bench.lookWhenDue(uid)).study.state).toBe('images-gone');
  });
});

describe('an update that only the PACS causes', () => {
  test('goes in the name of the archived submission, whatever the configuration says by now (spec.md b.4.1)', async () => {
    await opened.empty();
    // The legal authenticator of the report, and who sent the message, belong to different structures.
    const structures = ['1999999991', '1999900019'];
    bench = createBench(opened.store, signing, { structures });
    await publish(1);
    const [publication] = bench.dmp.calls;
    expect(publication?.vihf.structureId).toBe('1999999991');
    const changed = createBench(opened.store, signing, {
      owner: 'sidecar-2',
      pacs: bench.pacs,
      dmp: bench.dmp,
      senders: [{ application: 'RIS-EXEMPLE', facility: 'CENTRE-EXEMPLE', personSource: 'prt' }],
      startAtUtcMs: bench.now(),
    });
    bench.pacs.put(pacsStudy(1, { instancesPerSeries: 1 }));
    expect((await changed.look(uid)).study.state).toBe('published');
    const replacement = bench.dmp.calls.findLast(({ kind }) => kind === 'register');
    expect(replacement?.replacesEntryUuid).toBeDefined();
    expect(replacement?.vihf).toEqual(publication?.vihf);
    // A report that comes by now goes in the name that the configuration gives by now.
    await changed.take(
      buildExamination({ number: 1, message: { action: 'replace', controlId: 'EX2', flags: { MASQUE_PS: 'Y' } } })
        .message,
    );
    expect((await changed.look(uid)).study.state).toBe('published');
    expect(bench.dmp.calls.findLast(({ kind }) => kind === 'register')?.vihf.structureId).toBe('1999900019');
    const rows: string[] = await opened.store.knex('submission').where({ study_uid: uid }).orderBy('id').pluck('cause');
    expect(rows).toEqual(['report', 'pacs', 'report']);
  });
});

describe('an imported publication, which came without VIHF (A7)', () => {
  const strip = async (): Promise<void> => {
    const rows = await opened.store.knex('submission').where({ study_uid: uid }).select('id', 'sender');
    for (const { id, sender } of rows) {
      const bare = JSON.stringify({ ...sender, roles: [], sector: '' });
      await opened.store.knex('submission').where({ id }).update({ origin: 'xdm', sender: bare });
    }
  };

  test('is held before its first order where the structure has neither role nor sector', async () => {
    await strip();
    bench.pacs.put(pacsStudy(1, { instancesPerSeries: 1 }));
    expect((await bench.look(uid)).study).toMatchObject({ state: 'held', reasonCode: 'publication/sender-incomplete' });
    await bench.take(buildExamination({ number: 1, message: { action: 'delete', controlId: 'D' } }).message);
    expect((await bench.look(uid)).study).toMatchObject({ state: 'held', reasonCode: 'publication/sender-incomplete' });
    expect(sentOf('delete')).toBe(0);
  });

  test('goes with the role and the sector that the structure is configured with', async () => {
    await strip();
    bench.dmp.configure('1999999991', { role: 'G15_10/SM44', sector: 'SA07' });
    await bench.take(buildExamination({ number: 1, message: { action: 'delete', controlId: 'D' } }).message);
    expect((await bench.look(uid)).study.state).toBe('retired');
    expect(bench.dmp.calls.find(({ kind }) => kind === 'delete')?.vihf).toMatchObject({
      sector: 'SA07',
      roles: expect.arrayContaining([expect.objectContaining({ code: '10' })]),
    });
  });
});

describe('a study of which the PACS rejects everything', () => {
  test('is taken out as if its images were gone, after the delay, and comes back with them (C3, IOCM)', async () => {
    bench.pacs.put(pacsStudy(1, { keyObject: { titleCode: '113037', rejects: 2 } }));
    expect((await bench.look(uid)).study).toMatchObject({ state: 'published', absentSinceUtcMs: bench.now() });
    expect((await bench.lookWhenDue(uid)).study.state).toBe('images-gone');
    expect(approved()).toBe(1);
    bench.pacs.put(pacsStudy(1));
    expect((await bench.look(uid)).study.state).toBe('published');
  });

  test('is held when it never was published', async () => {
    bench.pacs.put(pacsStudy(2, { keyObject: { titleCode: '113001', rejects: 2 } }));
    await bench.take(buildExamination({ number: 2, message: { controlId: 'EX2' } }).message);
    expect((await bench.look(uidOf(2))).study).toMatchObject({ state: 'held', reasonCode: 'kos/study-empty' });
  });
});

describe('another database than the known one (D2)', () => {
  const doubts = [
    ['another mark', { marker: 'exemple-2', lastChange: 500 }, 'another database'],
    ['no mark any more', { marker: undefined }, 'the mark of the hook is missing'],
    ['changes that went backwards', { lastChange: 99 }, 'its sequence of changes went backwards'],
  ] as const;

  test.each(doubts)('%s: no deletion, alert, until an administrator accepts it', async (_title, identity, why) => {
    // A deletion under way: the database is known from then on.
    bench.pacs.remove(uid);
    await bench.look(uid);
    bench.pacs.becomeDatabase(identity as never);
    bench.advance(60 * minute);
    expect((await bench.look(uid)).study).toMatchObject({
      state: 'held',
      reasonCode: 'publication/pacs-database-changed',
      reasonDetail: why,
    });
    expect(await loadAlerts(opened.store.knex)).toMatchObject([{ subject: 'orthanc' }, { subject: uid }]);
    // The doubt stays, even when the database looks right again.
    bench.pacs.becomeDatabase({ marker: 'exemple-1', lastChange: 1000 });
    expect((await bench.look(uid)).study.state).toBe('held');
    await acceptDatabase(bench.ports);
    // What the other database said proves nothing: this one must say it twice itself.
    expect((await bench.look(uid)).study).toMatchObject({ state: 'published', absentSinceUtcMs: bench.now() });
    expect((await bench.lookWhenDue(uid)).study.state).toBe('images-gone');
    expect(await loadAlerts(opened.store.knex)).toEqual([]);
    expect(sentOf('delete')).toBe(1);
  });

  test('holds a replacement that only the PACS causes too: images may have vanished with it', async () => {
    bench.pacs.remove(uidOf(9));
    await bench.look(uidOf(9));
    bench.pacs.becomeDatabase({ marker: 'exemple-2' });
    bench.pacs.put(pacsStudy(1, { instancesPerSeries: 1 }));
    expect((await bench.look(uid)).study).toMatchObject({
      state: 'held',
      reasonCode: 'publication/pacs-database-changed',
    });
    expect(sentOf('register')).toBe(2);
    await acceptDatabase(bench.ports);
    expect((await bench.look(uid)).study.state).toBe('published');
  });

  test('does not hold what a report asks for', async () => {
    bench.pacs.remove(uidOf(9));
    await bench.look(uidOf(9));
    bench.pacs.becomeDatabase({ marker: 'exemple-2' });
    await bench.take(buildExamination({ number: 1, message: { action: 'delete', controlId: 'D' } }).message);
    expect((await bench.look(uid)).study.state).toBe('retired');
  });

  test('holds a deletion that waited for the DMP while the database changed', async () => {
    bench.pacs.remove(uid);
    await bench.look(uid);
    bench.dmp.order({ on: 'find', how: 'fails', code: 'dmp/unreachable' });
    bench.advance(15 * minute);
    expect((await bench.look(uid)).study.state).toBe('sending');
    bench.pacs.becomeDatabase({ lastChange: 1 });
    expect((await bench.lookWhenDue(uid)).study).toMatchObject({
      state: 'held',
      reasonCode: 'publication/pacs-database-changed',
    });
    expect(sentOf('delete')).toBe(0);
  });
});

describe('too many deletions in a day (D3)', () => {
  test('the limit is the lower of both, and one a day is always allowed', () => {
    const options = { dailyDeletionLimit: 20, dailyDeletionPercent: 1 };
    expect([3, 100, 450, 2_000, 100_000].map((published) => dailyDeletionLimit(options, published))).toEqual([
      1, 1, 4, 20, 20,
    ]);
  });

  test('the first goes, the next is held for an administrator, also when the day is over', async () => {
    await publish(2);
    for (const number of [1, 2]) bench.pacs.remove(uidOf(number));
    for (const number of [1, 2]) await bench.look(uidOf(number));
    bench.advance(15 * minute);
    expect((await bench.look(uid)).study.state).toBe('images-gone');
    const second = (await bench.look(uidOf(2))).study;
    expect(second).toMatchObject({ state: 'held', reasonCode: 'publication/deletion-limit' });
    expect(second.reasonDetail).toContain('1 studies vanished from the PACS in 24 hours, 1 are allowed');
    bench.advance(48 * 60 * minute);
    expect((await bench.look(uidOf(2))).study.state).toBe('held');
    expect(sentOf('delete')).toBe(1);
    await updateStudy(opened.store.knex, second, { deletionConfirmedAtUtcMs: bench.now() }, bench.now());
    expect((await bench.look(uidOf(2))).study).toMatchObject({ state: 'images-gone' });
    const causes: string[] = await opened.store
      .knex('submission')
      .where({ kind: 'delete' })
      .orderBy('id')
      .pluck('cause');
    expect(causes).toEqual(['pacs', 'administrator']);
  });

  test('a confirmed deletion still needs the PACS to say that the images are gone', async () => {
    bench.pacs.remove(uid);
    bench.pacs.answerByRest([uid, uidOf(9)]);
    const held = (await bench.look(uid)).study;
    await updateStudy(opened.store.knex, held, { deletionConfirmedAtUtcMs: bench.now() }, bench.now());
    expect((await bench.look(uid)).study.state).toBe('held');
    bench.pacs.answerByRest(undefined);
    bench.pacs.put(pacsStudy(1));
    const back = (await bench.look(uid)).study;
    expect(back.state).toBe('published');
    expect(back).not.toHaveProperty('deletionConfirmedAtUtcMs');
    expect(sentOf('delete')).toBe(0);
  });
});
