import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { errorTable, isErrorCode, RetryClass } from '../../plugin/errors.ts';
import { buildExamination, type ExaminationOptions } from '../fixtures/examination.ts';
import {
  type Bench,
  type BenchOptions,
  createBench,
  makeSigningIdentity,
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
const uid = buildExamination({ number: 1 }).studyInstanceUid;
const rootOf = (document: number): string => `1.2.250.1.999999.20.${document}`;
const take = async (options: ExaminationOptions = {}): Promise<void> => {
  expect((await bench.take(buildExamination(options).message)).text).toContain('MSA|AA|');
};
beforeEach(async () => {
  await opened.empty();
  bench = newBench();
  bench.pacs.put(pacsStudy(1));
  await take();
});

const replacement: ExaminationOptions = {
  cda: { documentId: { root: rootOf(2) }, replaces: [{ root: rootOf(1) }] },
  message: { action: 'replace', controlId: 'EX2' },
};
const deletion: ExaminationOptions = { message: { action: 'delete', controlId: 'EX3' } };
const sent = (): readonly string[] => bench.dmp.calls.map(({ kind }) => kind);
const standing = () => bench.dmp.documents().filter(({ state }) => state === 'approved');

interface OrderRow {
  readonly state: string;
  readonly document_uid: string;
  readonly sent_at_utc_ms: number | null;
  readonly settled_at_utc_ms: number | null;
  readonly failed_attempts: number;
  readonly entry_uuid: string | null;
}
const order = async (id = 1): Promise<OrderRow> => opened.store.knex('submission').where({ id }).first();
const answers = async (): Promise<readonly string[]> => {
  const rows: { transaction: string; outcome: string; error_code: string | null }[] = await opened.store
    .knex('answer')
    .orderBy('id');
  return rows.map((row) => [row.transaction, row.outcome, row.error_code].filter(Boolean).join(' '));
};
const codesOf = (retry: string) =>
  Object.keys(errorTable)
    .filter(isErrorCode)
    .filter((code) => code.startsWith('dmp/') && errorTable[code].retry === retry);

describe('the DMP takes it', () => {
  test('the answer is archived, the order settled, and nothing more is asked', async () => {
    await bench.look(uid);
    expect(await order()).toMatchObject({ state: 'accepted', settled_at_utc_ms: bench.now(), failed_attempts: 0 });
    expect(await answers()).toEqual(['ITI-41 success']);
    expect(sent()).toEqual(['register']);
  });

  test('the order is marked as sent before its first byte leaves', async () => {
    let marked: number | null = null;
    bench.dmp.onRegister(async () => {
      marked = (await order()).sent_at_utc_ms;
    });
    await bench.look(uid);
    expect(marked).toBe(bench.now());
  });
});

describe('the DMP surely did not take it (transient)', () => {
  test.each(codesOf(RetryClass.transient))('%s: sent again later without asking, the same bytes (C2)', async (code) => {
    bench.dmp.order({ on: 'register', how: 'fails', code });
    expect(await bench.look(uid)).toMatchObject({
      study: { state: 'sending', reasonCode: code },
      nextAtUtcMs: bench.now() + 5000,
    });
    expect(await order()).toMatchObject({ state: 'open', failed_attempts: 1, sent_at_utc_ms: null });
    expect((await bench.lookWhenDue(uid)).study.state).toBe('published');
    expect(sent()).toEqual(['register', 'register']);
    expect(bench.dmp.calls[1]?.submission).toEqual(bench.dmp.calls[0]?.submission);
    expect(standing()).toHaveLength(1);
    expect(await answers()).toEqual([`ITI-41 failed ${code}`, 'ITI-41 success']);
  });

  test('attempts grow apart, an alert is raised at the fifth and counted from there, once in the statistics', async () => {
    bench.dmp.order(
      ...Array.from({ length: 7 }, () => ({ on: 'register', how: 'fails', code: 'dmp/unavailable' }) as const),
    );
    const delays: number[] = [];
    for (let attempt = 0; attempt < 7; attempt += 1) {
      const { nextAtUtcMs = 0 } = await bench.lookWhenDue(uid);
      delays.push((nextAtUtcMs - bench.now()) / 1000);
    }
    expect(delays).toEqual([5, 10, 20, 40, 80, 160, 320]);
    const [alert] = await opened.store.knex('alert');
    expect(alert).toMatchObject({
      code: 'dmp/unavailable',
      count: 3,
      detail: '7 failed attempts: ordered by the test',
    });
    const failed = (await bench.journal()).filter(({ name }) => name === 'dmp/send-failed');
    expect(failed).toHaveLength(7);
    expect(failed.map(({ statistic }) => statistic).filter(Boolean)).toEqual([5]);
    expect((await bench.lookWhenDue(uid)).study.state).toBe('published');
    expect(await opened.store.knex('alert').whereNull('cleared_at_utc_ms')).toEqual([]);
  });
});

describe('the DMP may have taken it (ambiguous)', () => {
  const ambiguous = codesOf(RetryClass.ambiguous);

  test.each(ambiguous)('%s: asked by uniqueId first; found: done, nothing is sent twice', async (code) => {
    bench.dmp.order({ on: 'register', how: 'fails', code, taken: true });
    expect((await bench.look(uid)).study.state).toBe('sending');
    expect((await order()).sent_at_utc_ms).not.toBeNull();
    const { study, nextAtUtcMs } = await bench.lookWhenDue(uid);
    expect(study.state).toBe('published');
    expect(nextAtUtcMs).toBe(bench.now());
    expect(sent()).toEqual(['register', 'find']);
    expect(await order()).toMatchObject({ state: 'accepted', entry_uuid: standing()[0]?.entryUuid });
    expect(await bench.look(uid)).not.toHaveProperty('nextAtUtcMs');
    expect(standing()).toHaveLength(1);
  });

  test.each(ambiguous)('%s: asked first; absent: the same bytes are sent again', async (code) => {
    bench.dmp.order({ on: 'register', how: 'fails', code });
    await bench.look(uid);
    expect((await bench.lookWhenDue(uid)).study.state).toBe('published');
    expect(sent()).toEqual(['register', 'find', 'register']);
    expect(bench.dmp.calls[2]?.submission).toEqual(bench.dmp.calls[0]?.submission);
  });

  test('"there is none" is believed only some time after the attempt: the DMP may still be at work', async () => {
    bench = newBench({ pacs: bench.pacs, options: { ambiguousDelaySeconds: 60 } });
    bench.dmp.order({ on: 'register', how: 'fails', code: 'dmp/timeout' });
    await bench.look(uid);
    const sentAt = bench.now();
    expect((await bench.lookWhenDue(uid)).nextAtUtcMs).toBe(sentAt + 60_000);
    expect(sent()).toEqual(['register', 'find']);
    expect((await bench.lookWhenDue(uid)).study.state).toBe('published');
    expect(sent()).toEqual(['register', 'find', 'find', 'register']);
  });

  test('"unknown document" told as an error is the answer that there is none', async () => {
    bench.dmp.order(
      { on: 'register', how: 'fails', code: 'dmp/timeout' },
      { on: 'find', how: 'fails', code: 'dmp/document-unknown' },
    );
    await bench.look(uid);
    expect((await bench.lookWhenDue(uid)).study.state).toBe('published');
  });

  test('no answer to the question: nothing is sent, the question is asked again later', async () => {
    bench.dmp.order(
      { on: 'register', how: 'fails', code: 'dmp/timeout', taken: true },
      { on: 'find', how: 'fails', code: 'dmp/unavailable' },
    );
    await bench.look(uid);
    expect(await bench.lookWhenDue(uid)).toMatchObject({
      study: { state: 'sending', reasonCode: 'dmp/unavailable' },
      nextAtUtcMs: bench.now() + 10_000,
    });
    expect((await bench.lookWhenDue(uid)).study.state).toBe('published');
    expect(sent()).toEqual(['register', 'find', 'find']);
  });

  test('even a lasting refusal of the question concludes nothing', async () => {
    bench.dmp.order(
      { on: 'register', how: 'fails', code: 'dmp/timeout', taken: true },
      { on: 'find', how: 'fails', code: 'dmp/structure-refused' },
    );
    await bench.look(uid);
    expect((await bench.lookWhenDue(uid)).study.state).toBe('sending');
    expect(sent()).toEqual(['register', 'find']);
    expect((await order()).sent_at_utc_ms).not.toBeNull();
  });

  test('settles before a new report counts: the one that arrived is replaced, not doubled', async () => {
    bench.dmp.order({ on: 'register', how: 'fails', code: 'dmp/timeout', taken: true });
    await bench.look(uid);
    await take(replacement);
    bench.advance(5000);
    await bench.look(uid);
    await bench.look(uid);
    expect(sent()).toEqual(['register', 'find', 'find', 'register']);
    expect(bench.dmp.documents().map(({ state }) => state)).toEqual(['deprecated', 'approved']);
  });

  test('an answer that came and could not be read is archived', async () => {
    bench.dmp.order({ on: 'register', how: 'fails', code: 'dmp/answer-invalid', answer: '<html>\0proxy</html>' });
    await bench.look(uid);
    const [row] = await opened.store.knex('answer');
    expect(row).toMatchObject({ outcome: 'failed', error_code: 'dmp/answer-invalid', body: '<html>proxy</html>' });
  });
});

describe('the DMP says no for good (permanent)', () => {
  const asked = ['dmp/document-duplicate', 'dmp/partial-success'];
  const blocking = [
    'dmp/tls-refused',
    'dmp/certificate-refused',
    'dmp/certificate-unreadable',
    'dmp/structure-refused',
  ];
  const verdicts = codesOf(RetryClass.permanent).filter((code) => ![...asked, ...blocking].includes(code));

  test.each(verdicts)('%s: failed, alert, statistic 5, no further attempt', async (code) => {
    bench.dmp.order({ on: 'register', how: 'refused', code });
    const look = await bench.look(uid);
    expect(look).toMatchObject({ study: { state: 'failed', reasonCode: code } });
    expect(look).not.toHaveProperty('nextAtUtcMs');
    expect(await order()).toMatchObject({ state: 'refused' });
    expect(await answers()).toEqual([`ITI-41 refused ${code}`]);
    expect(await opened.store.knex('alert')).toMatchObject([{ code, subject: uid }]);
    const refused = (await bench.journal()).filter(({ name }) => name === 'dmp/refused');
    expect(refused).toMatchObject([{ errorCode: code, statistic: 5, structureId: '1999999991' }]);
  });

  test.each(codesOf(RetryClass.permanent).filter((code) => blocking.includes(code)))(
    '%s blocks every order of the structure: told at once, tried again at the longest delay, never given up',
    async (code) => {
      for (const how of ['refused', 'fails'] as const) {
        bench.dmp.order({ on: 'register', how, code });
        expect(await bench.lookWhenDue(uid)).toMatchObject({
          study: { state: 'sending', reasonCode: code },
          nextAtUtcMs: bench.now() + 30 * 60_000,
        });
      }
      expect(await opened.store.knex('alert')).toMatchObject([{ code, count: 2 }]);
      expect(await order()).toMatchObject({ state: 'open', sent_at_utc_ms: null });
      expect((await bench.lookWhenDue(uid)).study.state).toBe('published');
      expect(sent()).toEqual(['register', 'register', 'register']);
    },
  );

  test.each(asked)('%s and the DMP has it: success (C2)', async (code) => {
    bench.dmp.order({ on: 'register', how: 'refused', code: isErrorCode(code) ? code : 'dmp/refused', taken: true });
    expect((await bench.look(uid)).study.state).toBe('published');
    expect(sent()).toEqual(['register', 'find']);
    expect((await order()).entry_uuid).toBe(standing()[0]?.entryUuid);
  });

  test.each(asked)('%s and the DMP does not have it: a refusal', async (code) => {
    bench.dmp.order({ on: 'register', how: 'refused', code: isErrorCode(code) ? code : 'dmp/refused' });
    expect((await bench.look(uid)).study).toMatchObject({ state: 'failed', reasonCode: code });
    expect(sent()).toEqual(['register', 'find']);
  });

  test('duplicate, then no answer to the question: nothing is concluded', async () => {
    bench.dmp.order(
      { on: 'register', how: 'refused', code: 'dmp/document-duplicate', taken: true },
      { on: 'find', how: 'fails', code: 'dmp/unavailable' },
    );
    expect((await bench.look(uid)).study.state).toBe('sending');
    expect((await order()).state).toBe('open');
    expect((await bench.lookWhenDue(uid)).study.state).toBe('published');
    expect(standing()).toHaveLength(1);
  });
});

describe('something happens to the study between the look and the sending', () => {
  test('a report that comes meanwhile is looked at first: what was wanted a moment ago does not leave', async () => {
    bench.pacs.onLookup(async () => {
      bench.pacs.onLookup(undefined);
      await take(deletion);
    });
    expect((await bench.look(uid)).nextAtUtcMs).toBe(bench.now());
    expect(sent()).toEqual([]);
    expect((await bench.look(uid)).study.state).toBe('retired');
    expect(standing()).toEqual([]);
  });

  test('another process that took the study over: nothing leaves, nothing is written (store/lease-lost)', async () => {
    bench.pacs.onLookup(async () => {
      await opened.store.knex('study').update({ lease_token: 'another process' });
    });
    await expect(bench.look(uid)).rejects.toMatchObject({ code: 'store/lease-lost', retry: 'transient' });
    expect(sent()).toEqual([]);
    expect(await opened.store.knex('submission')).toEqual([]);
  });
});

describe('a fault of ours', () => {
  test('during a delivery concludes nothing about the DMP: asked before anything is sent again', async () => {
    bench.dmp.onRegister(() => Promise.reject(new TypeError('a fault of the test')));
    expect((await bench.look(uid)).study).toMatchObject({ state: 'sending', reasonCode: 'general/internal' });
    bench.dmp.onRegister(undefined);
    expect((await bench.lookWhenDue(uid)).study.state).toBe('published');
    expect(sent()).toEqual(['register', 'find', 'register']);
    expect(bench.logged).toMatchObject([{ level: 'error', fields: { failure: 'TypeError' } }]);
    expect(JSON.stringify(bench.logged)).not.toContain('a fault of the test');
  });
});

describe('a replacement', () => {
  beforeEach(async () => {
    await bench.look(uid);
    await take(replacement);
  });

  test('of a document that the DMP no longer has, with a new report, is a publication of its own (C8)', async () => {
    bench.dmp.remove((await order()).document_uid);
    expect((await bench.look(uid)).study.state).toBe('published');
    expect(bench.dmp.calls.at(-1)).not.toHaveProperty('replacesEntryUuid');
    expect(standing()).toHaveLength(1);
  });

  test('is not sent while the DMP does not say which entry it replaces', async () => {
    bench.dmp.order({ on: 'find', how: 'fails', code: 'dmp/unavailable' });
    expect((await bench.look(uid)).study.state).toBe('sending');
    expect(sent()).toEqual(['register', 'find']);
    expect(standing().map(({ uniqueId }) => uniqueId)).toEqual([(await order()).document_uid]);
    await bench.lookWhenDue(uid);
    expect(standing().map(({ uniqueId }) => uniqueId)).toEqual([(await order(2)).document_uid]);
  });

  test('whose answer is lost is found, and the old entry stays replaced', async () => {
    bench.dmp.order({ on: 'register', how: 'fails', code: 'dmp/connection-lost', taken: true });
    await bench.look(uid);
    await bench.lookWhenDue(uid);
    expect((await bench.study(uid)).publishedSubmissionId).toBe(2);
    expect(bench.dmp.documents().map(({ state }) => state)).toEqual(['deprecated', 'approved']);
  });

  test('that is refused leaves what was published, and says so', async () => {
    bench.dmp.order({ on: 'register', how: 'refused', code: 'dmp/refused' });
    expect((await bench.look(uid)).study).toMatchObject({ state: 'failed', publishedSubmissionId: 1 });
    expect(standing()).toHaveLength(1);
  });
});

describe('a deletion', () => {
  beforeEach(async () => {
    await bench.look(uid);
    await take(deletion);
  });

  test('of a document that is gone already is done', async () => {
    bench.dmp.remove((await order()).document_uid);
    expect((await bench.look(uid)).study).toMatchObject({ state: 'retired' });
    expect(sent()).toEqual(['register', 'find']);
    expect(await bench.study(uid)).not.toHaveProperty('publishedSubmissionId');
  });

  test('whose answer is lost is done when the document is gone', async () => {
    bench.dmp.order({ on: 'delete', how: 'fails', code: 'dmp/timeout', taken: true });
    await bench.look(uid);
    expect((await bench.lookWhenDue(uid)).study.state).toBe('retired');
    expect(sent()).toEqual(['register', 'find', 'delete', 'find']);
  });

  test('whose answer is lost is sent again when the document is still there', async () => {
    bench.dmp.order({ on: 'delete', how: 'fails', code: 'dmp/timeout' });
    await bench.look(uid);
    expect((await bench.lookWhenDue(uid)).study.state).toBe('retired');
    expect(standing()).toEqual([]);
  });

  test('that is refused is told, counted as such (statistic 6), and what is published is known', async () => {
    bench.dmp.order({ on: 'delete', how: 'refused', code: 'dmp/refused' });
    expect((await bench.look(uid)).study).toMatchObject({ state: 'failed', publishedSubmissionId: 1 });
    const [refused] = (await bench.journal()).filter(({ name }) => name === 'dmp/refused');
    expect(refused).toMatchObject({ statistic: 6 });
  });

  test('that is refused for good is not sent again by itself: an administrator or a new message releases it', async () => {
    bench.dmp.order({ on: 'delete', how: 'refused', code: 'dmp/refused' });
    await bench.look(uid);
    await bench.look(uid);
    expect((await bench.look(uid)).study.state).toBe('failed');
    expect(sent()).toEqual(['register', 'find', 'delete']);
  });
});
