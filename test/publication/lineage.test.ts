import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { type Bench, createBench, makeSigningIdentity } from '../fixtures/publication/index.ts';
import { openTestStore, type TestStore } from '../fixtures/store/index.ts';
import { buildExamination } from '../fixtures/examination.ts';
import type { CdaOverrides } from '../fixtures/report/build-cda.ts';
import type { ReportMessageOptions } from '../peers/ris/index.ts';

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

type Action = NonNullable<ReportMessageOptions['action']>;
const rootOf = (document: number): string => `1.2.250.1.999999.20.${document}`;
const otherIns = '185037512345698';
let messages = 0;

interface Sent {
  readonly parent?: number;
  readonly study?: number;
  readonly cda?: CdaOverrides;
  readonly message?: Partial<ReportMessageOptions>;
  readonly form?: 'ORU' | 'MDM';
}

const send = async (action: Action, document: number, sent: Sent = {}): Promise<void> => {
  messages += 1;
  const { message } = buildExamination({
    number: sent.study ?? 1,
    form: sent.form ?? 'ORU',
    cda: {
      documentId: { root: rootOf(document) },
      replaces: sent.parent === undefined ? [] : [{ root: rootOf(sent.parent) }],
      ...sent.cda,
    },
    message: { action, controlId: `M${messages}`, documentId: rootOf(document), ...sent.message },
  });
  const acknowledgment = await bench.take(message);
  expect(acknowledgment.text).toContain('MSA|AA|');
};

/** `document:state` in order of arrival, deletions left out. */
const states = async (): Promise<readonly string[]> => {
  const rows: { document_key: string; state: string }[] = await opened.store
    .knex('report')
    .whereNot('action', 'delete')
    .orderBy('id');
  return rows.map((row) => `${row.document_key.split('.').at(-1)}:${row.state}`);
};

const warnings = async (): Promise<readonly unknown[]> =>
  (await bench.journal()).filter(({ name }) => name === 'report/warning').map(({ detail }) => detail?.['warning']);

const permutations = <Item>(items: readonly Item[]): readonly (readonly Item[])[] =>
  items.length < 2
    ? [items]
    : items.flatMap((item, at) => permutations(items.toSpliced(at, 1)).map((rest) => [item, ...rest]));

describe('lineage: the order of arrival does not count (B1)', () => {
  const steps: Readonly<Record<string, () => Promise<void>>> = {
    'initial 1': () => send('initial', 1),
    'replace 2→1': () => send('replace', 2, { parent: 1 }),
    'replace 3→2': () => send('replace', 3, { parent: 2 }),
    'delete 2': () => send('delete', 2),
    'delete 1': () => send('delete', 1),
  };
  const inEveryOrder = (names: readonly string[]) => permutations(names).map((order) => order.join(', '));
  const play = async (order: string): Promise<void> => {
    for (const name of order.split(', ')) await steps[name]?.();
  };
  const current = async () => (await states()).filter((state) => state.endsWith(':current'));

  test.each(inEveryOrder(['initial 1', 'replace 2→1']))('%s: 2 is current', async (order) => {
    await play(order);
    expect(await current()).toEqual(['2:current']);
  });

  test.each(inEveryOrder(['initial 1', 'replace 2→1', 'replace 3→2']))('%s: only 3 is current', async (order) => {
    await play(order);
    expect(await current()).toEqual(['3:current']);
  });

  test.each(inEveryOrder(['initial 1', 'delete 1']))('%s: nothing is current', async (order) => {
    await play(order);
    expect(await states()).toEqual(['1:deleted']);
  });

  test.each(inEveryOrder(['initial 1', 'replace 2→1', 'delete 2']))('%s: nothing is current', async (order) => {
    await play(order);
    expect(await current()).toEqual([]);
    expect((await states()).toSorted()).toEqual(['1:replaced', '2:deleted']);
  });

  test('a late parent says so in the journal', async () => {
    await play('replace 2→1, initial 1');
    expect(await warnings()).toEqual(['parent-unknown', 'replaced-before-it-came']);
  });

  test('a report whose deletion came first says so in the journal', async () => {
    await play('delete 1, initial 1');
    expect(await warnings()).toEqual(['deleted-document-unknown', 'deleted-before-it-came']);
  });
});

describe('lineage: keys', () => {
  test('the same document id again replaces the former: the last one counts', async () => {
    await send('initial', 1);
    await send('initial', 1);
    expect(await states()).toEqual(['1:replaced', '1:current']);
  });

  test('a replacement that keeps its own document id, twice: the last one counts', async () => {
    await send('initial', 1);
    await send('replace', 1, { parent: 1 });
    await send('replace', 1, { parent: 1 });
    expect(await states()).toEqual(['1:replaced', '1:replaced', '1:current']);
  });

  test('the parent may be named by TXA-13 alone', async () => {
    await send('initial', 1, { form: 'MDM' });
    await send('replace', 2, { form: 'MDM', message: { parentDocumentId: rootOf(1) } });
    expect(await states()).toEqual(['1:replaced', '2:current']);
    expect(await warnings()).toEqual([]);
  });

  test('TXA-13 with an extension names it letter for letter', async () => {
    const documentId = { root: rootOf(1), extension: 'cr-a1' };
    await send('initial', 1, {
      form: 'MDM',
      cda: { documentId },
      message: { documentId: `cr-a1^^${rootOf(1)}^ISO` },
    });
    await send('replace', 2, { form: 'MDM', message: { parentDocumentId: `cr-a1^^${rootOf(1)}^ISO` } });
    expect((await states()).map((state) => state.split(':')[1])).toEqual(['replaced', 'current']);
    expect(await warnings()).toEqual([]);
  });

  test('a UUID is the same in capitals and not', async () => {
    const uuid = '0f0e0d0c-0000-4000-8000-00000000000a';
    await send('initial', 1, { cda: { documentId: { root: uuid } } });
    await send('replace', 2, { cda: { replaces: [{ root: uuid.toUpperCase() }] } });
    expect((await states()).map((state) => state.split(':')[1])).toEqual(['replaced', 'current']);
  });

  test('setId and version numbers are never keys', async () => {
    await send('initial', 1, { cda: { setId: { root: '1.2.250.1.999999.21.9' }, versionNumber: 1 } });
    await send('initial', 2, { cda: { setId: { root: '1.2.250.1.999999.21.9' }, versionNumber: 2 } });
    expect(await states()).toEqual(['1:current', '2:current']);
  });

  test('the deletion of an unknown document is taken and changes nothing', async () => {
    await send('initial', 1);
    await send('delete', 9);
    expect(await states()).toEqual(['1:current']);
    expect(await warnings()).toEqual(['deleted-document-unknown']);
  });
});

describe('lineage: a replacement whose parent is unknown', () => {
  test('is an initial report when the study has no current one', async () => {
    await send('replace', 2, { parent: 1 });
    expect(await states()).toEqual(['2:current']);
    expect(await warnings()).toEqual(['parent-unknown']);
  });

  test('replaces the only current report of the same study and patient', async () => {
    await send('initial', 5);
    await send('replace', 2, { parent: 1 });
    expect(await states()).toEqual(['5:replaced', '2:current']);
    expect(await warnings()).toEqual(['parent-unknown']);
  });

  test('replaces none of two: nothing says which, both stay and their restrictions are united (B6)', async () => {
    await send('initial', 5);
    await send('initial', 6);
    await send('replace', 2, { parent: 1 });
    expect(await states()).toEqual(['5:current', '6:current', '2:current']);
    expect(await warnings()).toEqual(['parent-unknown', 'parent-undecided']);
  });

  test('does not replace the report of another study', async () => {
    await send('initial', 5, { study: 2 });
    await send('replace', 2, { parent: 1 });
    expect(await states()).toEqual(['5:current', '2:current']);
  });
});

describe('lineage: another patient', () => {
  const forOther: Sent = {
    cda: { patient: { ins: [{ value: otherIns, oid: '1.2.250.1.213.1.4.10' }] } },
    message: { patient: { ins: otherIns, ipp: 'IPP-0042', ippOid: '1.2.250.1.999999.1.1' } },
  };
  const withParent = (parent: number): Sent => ({
    ...forOther,
    cda: { ...forOther.cda, replaces: [{ root: rootOf(parent) }] },
  });

  test('a replacement under another INS of a document of the same study corrects the patient (B7)', async () => {
    await send('initial', 1);
    await send('replace', 2, withParent(1));
    expect(await states()).toEqual(['1:replaced', '2:current']);
    expect(await warnings()).toContain('patient-corrected');
  });

  test('a replacement under another INS of a document of another study replaces nothing', async () => {
    await send('initial', 1, { study: 2 });
    await send('replace', 2, withParent(1));
    expect(await states()).toEqual(['1:current', '2:current']);
    expect(await warnings()).toContain('parent-unknown');
  });

  test('a replacement under another INS whose parent is unknown replaces nothing of the study', async () => {
    await send('initial', 5);
    await send('replace', 2, withParent(1));
    expect(await states()).toEqual(['5:current', '2:current']);
  });

  test('the same document id under another INS replaces nothing', async () => {
    await send('initial', 1);
    await send('initial', 1, forOther);
    expect(await states()).toEqual(['1:current', '1:current']);
  });

  test('a deletion under another INS deletes nothing', async () => {
    await send('initial', 1);
    await send('delete', 1, forOther);
    expect(await states()).toEqual(['1:current']);
  });

  test('a study whose current reports name two patients is held', async () => {
    await send('replace', 2, withParent(1));
    await send('initial', 1);
    expect((await states()).toSorted()).toEqual(['1:current', '2:current']);
    const { studyInstanceUid } = buildExamination({ number: 1 });
    expect((await bench.look(studyInstanceUid)).study).toMatchObject({
      state: 'held',
      reasonCode: 'publication/patient-changed',
    });
  });
});

describe('lineage: rivals', () => {
  test('two replacements of one document: the one that comes last is current', async () => {
    await send('initial', 1);
    await send('replace', 2, { parent: 1 });
    await send('replace', 3, { parent: 1 });
    expect(await states()).toEqual(['1:replaced', '2:replaced', '3:current']);
  });

  test('a replacement that names an old version replaces its heirs too', async () => {
    await send('initial', 1);
    await send('replace', 2, { parent: 1 });
    await send('replace', 3, { parent: 2 });
    await send('replace', 4, { parent: 1 });
    expect(await states()).toContain('4:current');
    expect((await states()).filter((state) => state.endsWith(':current'))).toEqual(['4:current']);
  });

  test('a document that came, was deleted and comes again is new', async () => {
    await send('initial', 1);
    await send('delete', 1);
    await send('initial', 1);
    expect(await states()).toEqual(['1:deleted', '1:current']);
  });
});

describe('lineage: studies', () => {
  test('a study that the replacement no longer names becomes due, and nothing wants it', async () => {
    const [one, two] = [1, 2].map((number) => buildExamination({ number }).studyInstanceUid) as [string, string];
    await send('initial', 1, { cda: { studies: [{ uids: [one] }, { uids: [two] }] } });
    await bench.look(two);
    await opened.store.knex('study').update({ look_due_at_utc_ms: null });
    bench.advance(1000);
    await send('replace', 2, { parent: 1 });
    expect((await bench.study(two)).lookDueAtUtcMs).toBe(bench.now());
    expect((await bench.look(two)).study.state).toBe('retired');
    expect((await bench.look(one)).study.state).toBe('waiting-for-images');
  });
});
