/** The journal (DB.SO.97, DB.SO.105, DB.SO.141): one readable line per thing that happened, exported whole. */
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import {
  JournalFormat,
  journalFormatOf,
  journalWriter,
  runStoreCommand,
  writeJournal,
} from '../../plugin/admin/index.ts';
import { loadJournalPage, saveEvents } from '../../plugin/archive/index.ts';
import { errorTable } from '../../plugin/errors.ts';
import type { DrimboxEvent } from '../../plugin/events.ts';
import { remedyOf } from '../../plugin/remedies.ts';
import { buildExamination, examinationPatient } from '../fixtures/examination.ts';
import { createBench, makeSigningIdentity, pacsStudy } from '../fixtures/publication/index.ts';
import { openTestStore, type TestStore } from '../fixtures/store/index.ts';

let opened: TestStore;
beforeAll(async () => {
  opened = await openTestStore();
}, 60_000);
afterAll(() => opened.close());
beforeEach(() => opened.empty());

const run = (words: readonly string[]): Promise<unknown> =>
  runStoreCommand({ store: opened.store, clock: () => 0 }, words);

const read = async (...options: readonly string[]): Promise<string> => {
  let text = '';
  await writeJournal(['journal', ...options], 'Europe/Paris', run, (part) => {
    text += part;
    return Promise.resolve();
  });
  return text;
};

const day = Date.UTC(2026, 2, 12);
const summerDay = Date.UTC(2026, 6, 1);
const keep = (atUtcMs: number, ...events: readonly DrimboxEvent[]): Promise<void> =>
  saveEvents(opened.store.knex, atUtcMs, events);

const published: DrimboxEvent = {
  name: 'dmp/published',
  studyInstanceUid: '1.2.250.1.999999.2.1',
  structureId: '1999999991',
  detail: { order: 7 },
};
const refused: DrimboxEvent = {
  name: 'hl7/message-refused',
  messageControlId: 'EX-1',
  errorCode: 'hl7/field-missing',
  detail: { location: 'MSH^1^12' },
};

describe('journal as text', () => {
  test('one line per thing: local time with its offset and UTC, what, why, about what, what to do', async () => {
    await keep(day, published);
    await keep(summerDay, refused);
    expect(await read()).toBe(
      '2026-03-12T01:00:00+01:00 (2026-03-12T00:00:00.000Z)  KOS publié dans le DMP  examen 1.2.250.1.999999.2.1 structure 1999999991 (order=7)\n' +
        `2026-07-01T02:00:00+02:00 (2026-07-01T00:00:00.000Z)  Message HL7 refusé — ${errorTable['hl7/field-missing'].publicText} [hl7/field-missing]  message EX-1 (location=MSH^1^12) → ${remedyOf('hl7/field-missing')}\n`,
    );
  });

  test('a control id with line ends or escapes stays one harmless line', async () => {
    await keep(day, { name: 'hl7/message-accepted', messageControlId: 'A\u001B[2J\r\nforged' });
    const text = await read();
    expect(text.trimEnd().split('\n')).toHaveLength(1);
    expect(text).not.toContain('\u001B');
  });

  test('of a real story names no patient and no professional (A6)', async () => {
    const bench = createBench(opened.store, makeSigningIdentity());
    for (const number of [1, 2]) {
      bench.pacs.put(pacsStudy(number, number === 2 ? { identity: { patientId: 'X' } } : {}));
      await bench.take(buildExamination({ number }).message);
      await bench.look(buildExamination({ number }).studyInstanceUid);
    }
    const [text, csv, json] = [await read(), await read('--format', 'csv'), await read('--format', 'json')];
    for (const journal of [text, csv, json]) {
      expect(journal).toContain('KOS publié dans le DMP');
      expect(journal).toContain(remedyOf('publication/images-mismatch'));
      for (const identity of [examinationPatient.ins[0]?.value ?? '-', 'CAMILLE', 'IPP-0042', 'RADIO'])
        expect(journal).not.toContain(identity);
    }
  });
});

describe('journal as CSV', () => {
  const rowsOf = (csv: string): readonly string[] => csv.slice(1).trimEnd().split('\r\n');

  test('has a UTF-8 mark, a French header, semicolons, every cell quoted', async () => {
    await keep(day, published);
    const csv = await read('--format', 'csv');
    expect(Buffer.from(csv).subarray(0, 3)).toEqual(Buffer.of(0xef, 0xbb, 0xbf));
    expect(rowsOf(csv)).toEqual([
      '"Date et heure locales";"Date et heure UTC";"Événement";"Libellé";"Examen";"Message";"Structure";"Erreur";"Cause";"Que faire";"Détail"',
      '"2026-03-12T01:00:00+01:00";"2026-03-12T00:00:00.000Z";"dmp/published";"KOS publié dans le DMP";"1.2.250.1.999999.2.1";"";"1999999991";"";"";"";"order=7"',
    ]);
  });

  test.each(['=1+1', '+1', '-1', '@SUM(A1)', '\t=1', '\r=1'])(
    'a cell that a spreadsheet would run is text: %j',
    async (id) => {
      await keep(day, { name: 'hl7/message-accepted', messageControlId: id });
      const cell = rowsOf(await read('--format', 'csv'))[1]?.split(';')[5] ?? '';
      expect(cell).toMatch(/^"'/);
    },
  );

  test('quotes and separators stay in their cell', async () => {
    await keep(day, { name: 'hl7/message-accepted', messageControlId: 'a";"b\nc' });
    const rows = rowsOf(await read('--format', 'csv'));
    expect(rows).toHaveLength(2);
    expect(rows[1]).toContain('"a"";""b c"');
  });
});

describe('journal as JSON', () => {
  test('is one array, also when nothing happened', async () => {
    expect(JSON.parse(await read('--format', 'json'))).toEqual([]);
    await keep(day, published, refused);
    expect(JSON.parse(await read('--format', 'json'))).toMatchObject([
      {
        at: '2026-03-12T00:00:00.000Z',
        localAt: '2026-03-12T01:00:00+01:00',
        event: 'dmp/published',
        study: published.studyInstanceUid,
      },
      {
        event: 'hl7/message-refused',
        error: 'hl7/field-missing',
        cause: errorTable['hl7/field-missing'].publicText,
        remedy: remedyOf('hl7/field-missing'),
      },
    ]);
  });
});

describe('what is asked for', () => {
  test('one study, from a time on, up to a time; without the questions to the PACS unless all is wanted', async () => {
    await keep(day, published);
    await keep(
      day + 3_600_000,
      { ...published, name: 'dmp/replaced' },
      { name: 'pacs/queried', studyInstanceUid: '1.2.250.1.999999.2.1' },
    );
    await keep(day + 7_200_000, { ...published, studyInstanceUid: '1.2.250.1.999999.2.2' });
    const events = async (...options: readonly string[]): Promise<readonly string[]> =>
      (JSON.parse(await read('--format', 'json', ...options)) as { event: string }[]).map(({ event }) => event);
    expect(await events()).toEqual(['dmp/published', 'dmp/replaced', 'dmp/published']);
    expect(await events('--study', '1.2.250.1.999999.2.1')).toEqual(['dmp/published', 'dmp/replaced']);
    expect(await events('--since', '2026-03-12T01:00Z')).toEqual(['dmp/replaced', 'dmp/published']);
    expect(await events('--since', '2026-03-12T02:00:00+01:00', '--until', '2026-03-12T02:00:00Z')).toEqual([
      'dmp/replaced',
    ]);
    expect(await events('--until', '2026-03-12')).toEqual([]);
    expect(await events('--since', '2027-01-01')).toEqual([]);
    expect(await events('--all')).toHaveLength(4);
  });

  test('a form that is none is cli/usage', () => {
    expect(journalFormatOf(['journal'])).toBe(JournalFormat.text);
    expect(() => journalFormatOf(['journal', '--format', 'pdf'])).toThrow(
      expect.objectContaining({ code: 'cli/usage' }),
    );
  });
});

describe('a long journal', () => {
  test('comes in pages, each line once, and ends where it ended when it was asked for', async () => {
    await keep(
      day,
      ...Array.from({ length: 2_500 }, (_, at): DrimboxEvent => ({ ...published, detail: { order: at } })),
    );
    const orders: number[] = [];
    let pages = 0;
    const writer = journalWriter('json', 'Europe/Paris');
    let text = writer.begin;
    const ask = async (words: readonly string[]): Promise<unknown> => {
      pages += 1;
      const answer = (await run(words)) as { lines: { detail: { order: number } }[] };
      orders.push(...answer.lines.map(({ detail }) => detail.order));
      // More happens while it is read.
      await keep(day, published);
      return answer;
    };
    await writeJournal(['journal', '--format', 'json'], 'Europe/Paris', ask, (part) => {
      text += part;
      return Promise.resolve();
    });
    expect(pages).toBe(3);
    expect(orders).toEqual(Array.from({ length: 2_500 }, (_, at) => at));
    expect(JSON.parse(text.slice(writer.begin.length))).toHaveLength(2_500);
  });

  test('a page of exactly its size is followed by an empty one, not by an endless one', async () => {
    await keep(day, published, published);
    const { knex } = opened.store;
    const first = await loadJournalPage(knex, {}, 2);
    expect(first.next).toBeDefined();
    expect(await loadJournalPage(knex, {}, 2, first.next)).toEqual({ entries: [] });
  });

  test('of one study is told to be cut when it is shown beside the rest (archive show)', async () => {
    const bench = createBench(opened.store, makeSigningIdentity());
    const { message, studyInstanceUid } = buildExamination({ number: 1 });
    await bench.take(message);
    await keep(
      day,
      ...Array.from(
        { length: 2_001 },
        (_, at): DrimboxEvent => ({ ...published, studyInstanceUid, detail: { order: at } }),
      ),
    );
    const view = (await run(['archive', 'show', studyInstanceUid])) as {
      journal: { detail: object }[];
      journalIsCut?: string;
    };
    expect(view.journal).toHaveLength(2_000);
    expect(view.journal.at(-1)?.detail).toEqual({ order: 2_000 });
    expect(view.journalIsCut).toContain(`drimbox journal --study ${studyInstanceUid}`);
  });
});
