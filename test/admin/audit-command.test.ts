/** `drimbox audit` (DB.SO.106): who asked for which images, over a period, extracted whole. */
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { runStoreCommand, writeAudit } from '../../plugin/admin/index.ts';
import { loadJournal } from '../../plugin/archive/index.ts';
import { type AuditEntry, type AuditResult, createAudit } from '../../plugin/audit/index.ts';
import { openTestStore, type TestStore } from '../fixtures/store/index.ts';

let opened: TestStore;
beforeAll(async () => {
  opened = await openTestStore();
}, 60_000);
afterAll(() => opened.close());
beforeEach(async () => {
  await opened.empty();
  await opened.store.knex.raw('TRUNCATE audit RESTART IDENTITY');
});

const day = Date.UTC(2026, 2, 12);
const run = (words: readonly string[]): Promise<unknown> =>
  runStoreCommand({ store: opened.store, clock: () => day }, words);

const read = async (...options: readonly string[]): Promise<string> => {
  let text = '';
  await writeAudit(['audit', ...options], 'Europe/Paris', run, (part) => {
    text += part;
    return Promise.resolve();
  });
  return text;
};

/** Invented identities: INS under the test OID. */
const entry: AuditEntry = {
  transaction: 'wado-rs',
  correlationId: 'c-1',
  address: '192.0.2.7',
  peerSubject: 'CN=db.exemple.fr,O=EXEMPLE',
  actorNationalId: '899700000001',
  patient: { value: '199017512345657', oid: '1.2.250.1.213.1.4.10' },
  studyInstanceUid: '1.2.250.1.999999.2.1',
  level: 'series',
};
const { actorNationalId: _unused, peerSubject: _neither, ...nobody } = entry;
/** The `sub` is that of an invented person. */
const ofPatient: AuditEntry = { ...nobody, actorSubject: 'sub-exemple-1v1' };
const served: AuditResult = {
  outcome: 'served',
  httpStatus: 200,
  objects: 2,
  bytes: 1_234,
  syntaxes: { '1.2.840.10008.1.2.1': 2 },
};

const keepWhole = async (atUtcMs: number, whole: AuditEntry, result: AuditResult = served): Promise<void> => {
  let now = atUtcMs;
  const audit = createAudit({ store: opened.store, clock: () => now, log: { warn: () => undefined } });
  const handle = await audit.begin(whole);
  now += 40;
  await audit.finish(handle, result);
};
const keep = (atUtcMs: number, more: Partial<AuditEntry> = {}, result?: AuditResult): Promise<void> =>
  keepWhole(atUtcMs, { ...entry, ...more }, result);

describe('audit as text', () => {
  test('is one line a transaction: when, what, result, who, whom, how much', async () => {
    await keep(day);
    await keep(day, {}, { outcome: 'failed', httpStatus: 504, reasonCode: 'orthanc/timeout' });
    expect(await read()).toBe(
      '2026-03-12T01:00:00+01:00 (2026-03-12T00:00:00.000Z)  wado-rs series : servi [200] professionnel 899700000001 DRIMbox CN=db.exemple.fr,O=EXEMPLE depuis 192.0.2.7 INS 199017512345657 examen 1.2.250.1.999999.2.1 2 objets, 1234 octets (1.2.840.10008.1.2.1=2) 40 ms\n' +
        '2026-03-12T01:00:00+01:00 (2026-03-12T00:00:00.000Z)  wado-rs series : échec [504] — Le PACS Orthanc n’a pas répondu à temps. [orthanc/timeout] professionnel 899700000001 DRIMbox CN=db.exemple.fr,O=EXEMPLE depuis 192.0.2.7 INS 199017512345657 examen 1.2.250.1.999999.2.1 40 ms\n',
    );
  });

  test('names a patient by the pseudonym at FranceConnect+', async () => {
    await keepWhole(day, ofPatient);
    expect(await read()).toContain('servi [200] patient sub-exemple-1v1 depuis 192.0.2.7');
  });

  test('a text of a stranger with line ends or escapes stays one harmless line', async () => {
    await keep(day, { peerSubject: 'CN=\u001B[2J\r\nforged' });
    const text = await read();
    expect(text.trimEnd().split('\n')).toHaveLength(1);
    expect(text).not.toContain('\u001B');
  });
});

describe('audit as CSV', () => {
  const cellsOf = (row: string): readonly string[] => row.slice(1, -1).split('";"');

  test('has a UTF-8 mark, a French header, and a cell for everything that was kept', async () => {
    await keep(day);
    const csv = await read('--format', 'csv');
    expect(Buffer.from(csv).subarray(0, 3)).toEqual(Buffer.of(0xef, 0xbb, 0xbf));
    const [header = '', row = '', ...rest] = csv.slice(1).trimEnd().split('\r\n');
    expect(rest).toEqual([]);
    const named = Object.fromEntries(cellsOf(header).map((title, at) => [title, cellsOf(row)[at]]));
    expect(named).toMatchObject({
      'Date et heure UTC': '2026-03-12T00:00:00.000Z',
      Transaction: 'wado-rs',
      Résultat: 'served',
      Libellé: 'servi',
      Professionnel: '899700000001',
      Certificat: 'CN=db.exemple.fr,O=EXEMPLE',
      INS: '199017512345657',
      Octets: '1234',
      Syntaxes: '1.2.840.10008.1.2.1=2',
    });
    expect(cellsOf(header)).toHaveLength(cellsOf(row).length);
  });

  test('has the patient who signed in', async () => {
    await keepWhole(day, ofPatient);
    const [header = '', row = ''] = (await read('--format', 'csv')).slice(1).trimEnd().split('\r\n');
    const at = cellsOf(header).indexOf('Patient (FranceConnect+)');
    expect(cellsOf(row)[at]).toBe('sub-exemple-1v1');
  });

  test.each(['=1+1', '+1', '-1', '@SUM(A1)', '=cmd|" /C calc"!A0'])(
    'a cell that a spreadsheet would run is text: %j',
    async (accept) => {
      await keep(day, { accept });
      expect(await read('--format', 'csv')).toContain(`;"'${accept.replaceAll('"', '""')}";`);
    },
  );
});

describe('audit as JSON', () => {
  test('is one array, also when nobody asked', async () => {
    expect(JSON.parse(await read('--format', 'json'))).toEqual([]);
    await keep(day);
    await keep(day + 1);
    expect(JSON.parse(await read('--format', 'json'))).toMatchObject([
      { id: 1, localAt: '2026-03-12T01:00:00+01:00', professional: '899700000001', outcome: 'served' },
      { id: 2 },
    ]);
  });
});

describe('what is asked for', () => {
  test('a period, a study, a professional, a patient', async () => {
    await keep(day);
    await keep(day + 3_600_000, { studyInstanceUid: '1.2.250.1.999999.2.2' });
    await keep(day + 7_200_000, { actorNationalId: '899700000002' });
    await keepWhole(day + 10_800_000, { ...ofPatient, studyInstanceUid: '1.2.250.1.999999.2.3' });
    const ids = async (...options: readonly string[]): Promise<readonly number[]> =>
      (JSON.parse(await read('--format', 'json', ...options)) as { id: number }[]).map(({ id }) => id);
    expect(await ids()).toEqual([1, 2, 3, 4]);
    expect(await ids('--from', '2026-03-12T01:00Z')).toEqual([2, 3, 4]);
    expect(await ids('--from', '2026-03-12T02:00:00+01:00', '--to', '2026-03-12T02:00Z')).toEqual([2]);
    expect(await ids('--to', '2026-03-12')).toEqual([]);
    expect(await ids('--from', '2027-01-01')).toEqual([]);
    expect(await ids('--study', '1.2.250.1.999999.2.1')).toEqual([1, 3]);
    expect(await ids('--professional', '899700000002')).toEqual([3]);
    expect(await ids('--professional', '8997')).toEqual([]);
    expect(await ids('--subject', 'sub-exemple-1v1')).toEqual([4]);
    expect(await ids('--subject', 'sub')).toEqual([]);
  });

  test.each([
    ['--since', '2026-03-12'],
    ['--from', 'yesterday'],
    ['--study', 'x'],
    ['--page', 'next'],
    ['--format', 'pdf'],
  ])('%s %s is a wrong command, and prints nothing', async (...words) => {
    await expect(read(...words)).rejects.toMatchObject({
      code: expect.stringMatching(/^(cli\/usage|standards\/uid-invalid)$/) as string,
    });
  });

  test('is itself in the journal, once, without the professional (A6)', async () => {
    await keep(day);
    await read('--professional', '899700000001', '--from', '2026-03-12');
    const journal = await loadJournal(opened.store.knex, { limit: 10 });
    expect(journal).toMatchObject([
      { name: 'audit/extracted', detail: { from: '2026-03-12T00:00:00.000Z', ofOneProfessional: true } },
    ]);
    expect(JSON.stringify(journal)).not.toContain('899700000001');
  });

  test('of one patient is in the journal without the pseudonym (A6)', async () => {
    await read('--subject', 'sub-exemple-1v1');
    const journal = await loadJournal(opened.store.knex, { limit: 10 });
    expect(journal).toMatchObject([
      { name: 'audit/extracted', detail: { ofOneProfessional: false, ofOnePatient: true } },
    ]);
    expect(JSON.stringify(journal)).not.toContain('sub-exemple');
  });

  test('comes in pages, each line once, and ends where it ended when it was asked for', async () => {
    await opened.store.knex.raw(
      `INSERT INTO audit (at_utc_ms, transaction, outcome, correlation_id, address, syntaxes)
       SELECT i, 'wado-rs', 'served', '', '', '{}' FROM generate_series(1, 2500) i`,
    );
    let pages = 0;
    let text = '';
    const lines = await writeAudit(
      ['audit', '--format', 'json'],
      'Europe/Paris',
      async (words) => {
        pages += 1;
        const answer = await run(words);
        await keep(day);
        return answer;
      },
      (part) => {
        text += part;
        return Promise.resolve();
      },
    );
    expect([pages, lines]).toEqual([3, 2_500]);
    expect((JSON.parse(text) as { id: number }[]).map(({ id }) => id)).toEqual(
      Array.from({ length: 2_500 }, (_, at) => at + 1),
    );
  });
});
