import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { type Bench, type BenchOptions, createBench, makeSigningIdentity } from '../fixtures/publication/index.ts';
import { openTestStore, type TestStore } from '../fixtures/store/index.ts';
import { buildExamination } from '../fixtures/examination.ts';
import { buildCdaText } from '../fixtures/report/build-cda.ts';
import { buildOmi, buildOru } from '../peers/ris/index.ts';

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

interface MessageRow {
  readonly outcome: string;
  readonly error_code: string | null;
  readonly control_id: string;
  readonly message_type: string;
  readonly sender_application: string;
  readonly peer_address: string;
  readonly raw: Uint8Array;
}
const messages = async (): Promise<readonly MessageRow[]> => opened.store.knex('message').orderBy('id');
const count = async (table: string): Promise<number> => (await opened.store.knex(table).select('*')).length;

describe('an accepted report', () => {
  test('is answered AA, byte for byte as the profile says', async () => {
    const { text } = await bench.take(buildExamination({ number: 1 }).message);
    const [header, ...rest] = text.split('\r');
    expect(header?.split('|').toSpliced(9, 1)).toEqual(
      'MSH|^~\\&|DRIMBOX|CENTRE-EXEMPLE|RIS-EXEMPLE|CENTRE-EXEMPLE|20260312100000+0000||ACK^R01^ACK|T|2.5|||||FRA|UNICODE UTF-8'.split(
        '|',
      ),
    );
    expect(header?.split('|')[9]).toMatch(/^[0-9.]{1,20}$/);
    expect(rest).toEqual(['MSA|AA|EX1', '']);
  });

  test('is kept with its report and its study, due at once and until a deadline (AA promises it)', async () => {
    const { message, studyInstanceUid } = buildExamination({ number: 1 });
    await bench.take(message);
    const [row] = await messages();
    expect(row).toMatchObject({
      outcome: 'accepted',
      error_code: null,
      control_id: 'EX1',
      message_type: 'ORU^R01',
      sender_application: 'RIS-EXEMPLE',
      peer_address: '192.0.2.10',
    });
    expect(Buffer.from(row?.raw ?? []).equals(message)).toBe(true);
    expect(await bench.study(studyInstanceUid)).toMatchObject({
      state: 'new',
      lookDueAtUtcMs: bench.now(),
      imagesDeadlineAtUtcMs: bench.now() + 72 * 3_600_000,
    });
    expect(await count('report')).toBe(1);
    expect(bench.wakes()).toBe(1);
  });

  test('is counted once, for its structure (statistic 32, G5), and told after the commit', async () => {
    const { message, studyInstanceUid } = buildExamination({ number: 1 });
    await bench.take(message);
    const rows = await bench.journal();
    expect(rows).toMatchObject([
      { name: 'hl7/message-accepted', messageControlId: 'EX1', statistic: 32, structureId: '1999999991' },
      { name: 'report/received', messageControlId: 'EX1', studyInstanceUid },
    ]);
    expect(rows.filter(({ statistic }) => statistic !== undefined)).toHaveLength(1);
    expect(bench.told.map(({ name }) => name)).toEqual(rows.map(({ name }) => name));
  });

  test('without person and structure is counted without structure, and taken: it is held later (A3, B3)', async () => {
    const { message } = buildExamination({ cda: { legalAuthenticator: null }, message: { sender: null } });
    expect((await bench.take(message)).code).toBe('AA');
    const [accepted] = await bench.journal();
    expect(accepted).toMatchObject({ statistic: 32 });
    expect(accepted).not.toHaveProperty('structureId');
  });

  test('of two studies makes both due', async () => {
    const uids = [1, 2].map((number) => buildExamination({ number }).studyInstanceUid);
    await bench.take(buildExamination({ cda: { studies: uids.map((uid) => ({ uids: [uid] })) } }).message);
    for (const uid of uids) expect((await bench.study(uid)).lookDueAtUtcMs).toBe(bench.now());
  });

  test('with remarks has them in the journal', async () => {
    await bench.take(buildExamination({ message: { flags: { DESTDMP: null } } }).message);
    const remarks = (await bench.journal()).filter(({ name }) => name === 'report/warning');
    expect(remarks.map(({ detail }) => detail?.['warning'])).toContain('flag-missing:DESTDMP');
  });
});

describe('a NUL', () => {
  test('that pads the message is no reason to refuse it', async () => {
    const padded = Buffer.concat([buildExamination().message, Buffer.from('\r\0\0\r\n')]);
    expect((await bench.take(padded)).code).toBe('AA');
  });

  test('written as an escape stays an escape: the store can hold it', async () => {
    const edit = (segments: string[]) => segments.map((one) => one.replace('^MODELE^', '^MOD\\X00\\ELE^'));
    expect((await bench.take(buildExamination({ message: { edit } }).message)).code).toBe('AA');
  });
});

describe('the same message again (B2)', () => {
  test('is AA without effect: one row, one report, nothing due, not counted', async () => {
    const { message, studyInstanceUid } = buildExamination({ number: 1 });
    await bench.take(message);
    await opened.store.knex('study').update({ look_due_at_utc_ms: null });
    const journal = await bench.journal();
    expect((await bench.take(message)).text).toContain('MSA|AA|EX1\r');
    expect(await messages()).toHaveLength(1);
    expect(await count('report')).toBe(1);
    expect(await bench.study(studyInstanceUid)).not.toHaveProperty('lookDueAtUtcMs');
    expect((await bench.journal()).filter(({ statistic }) => statistic === 32)).toHaveLength(
      journal.filter(({ statistic }) => statistic === 32).length,
    );
    expect(bench.told.at(-1)).toEqual({ name: 'hl7/message-duplicate', messageControlId: 'EX1' });
  });

  test('with another content is a new message, though MSH-10 is the same', async () => {
    await bench.take(buildExamination({ number: 1 }).message);
    await bench.take(buildExamination({ number: 2, message: { controlId: 'EX1' } }).message);
    expect(await messages()).toHaveLength(2);
    expect(await count('report')).toBe(2);
  });

  test('from another sender is a new message', async () => {
    await bench.take(buildExamination({ number: 1 }).message);
    await bench.take(buildExamination({ number: 1, message: { sendingApplication: 'RIS-2' } }).message);
    expect(await messages()).toHaveLength(2);
  });

  test('sent at once twice is kept once', async () => {
    const { message } = buildExamination({ number: 1 });
    const answers = await Promise.all([bench.take(message), bench.take(message), bench.take(message)]);
    expect(answers.map(({ code }) => code)).toEqual(['AA', 'AA', 'AA']);
    expect(await count('report')).toBe(1);
  });
});

describe('a refused message', () => {
  const mismatch = buildExamination({ message: { patient: { ins: '185037512345698' } } }).message;

  test('is answered AE with place and reason, and kept with them (B3)', async () => {
    const answer = await bench.take(mismatch);
    expect(answer).toMatchObject({
      code: 'AE',
      controlId: 'EX1',
      errors: [{ location: 'PID^1^3', condition: '207', severity: 'E', applicationCode: '904' }],
    });
    const [row] = await messages();
    expect(row).toMatchObject({
      outcome: 'refused',
      error_code: 'publication/patient-mismatch',
      control_id: 'EX1',
      message_type: 'ORU^R01',
    });
    expect(Buffer.from(row?.raw ?? []).equals(mismatch)).toBe(true);
    expect(await bench.journal()).toMatchObject([
      {
        name: 'hl7/message-refused',
        errorCode: 'publication/patient-mismatch',
        messageControlId: 'EX1',
        detail: { location: 'PID^1^3' },
      },
    ]);
    expect([await count('report'), await count('study'), bench.wakes()]).toEqual([0, 0, 0]);
  });

  test('is kept each time it comes', async () => {
    await bench.take(mismatch);
    await bench.take(mismatch);
    expect((await messages()).map(({ outcome }) => outcome)).toEqual(['refused', 'refused']);
  });

  test('may be sent again once it is right, under the same MSH-10', async () => {
    await bench.take(mismatch);
    expect((await bench.take(buildExamination({ number: 1 }).message)).code).toBe('AA');
  });

  test.each([
    ['MSH-11 P and a production INS in a test site', 'test', '1.2.250.1.213.1.4.8'],
    ['a test INS in production', 'production', '1.2.250.1.213.1.4.10'],
  ] as const)('%s: AE 202 (A1)', async (_title, environment, oid) => {
    bench = newBench({ environment });
    const { message } = buildExamination({
      cda: { patient: { ins: [{ value: '285037512345691', oid }] } },
      message: { processingId: 'P', patient: { ins: '285037512345691', ipp: null, insOid: oid } },
    });
    expect(await bench.take(message)).toMatchObject({ code: 'AE', errors: [{ condition: '202' }] });
    expect((await messages())[0]?.error_code).toBe('publication/environment-mismatch');
  });

  test('PID-32 PROV: AE 207, 905 (A2)', async () => {
    const { message } = buildExamination({
      message: { patient: { ins: '285037512345691', ipp: null, identityStatus: 'PROV' } },
    });
    expect(await bench.take(message)).toMatchObject({
      code: 'AE',
      errors: [{ location: 'PID^1^32', condition: '207', applicationCode: '905' }],
    });
    expect((await messages())[0]?.error_code).toBe('publication/identity-not-validated');
  });

  test('the agreement with the sender decides what is refused', async () => {
    const sender = { application: 'RIS-EXEMPLE', facility: 'CENTRE-EXEMPLE', identityStatusAbsent: 'refuse' };
    bench = newBench({ senders: [sender] });
    const { message } = buildExamination({
      message: { patient: { ins: '285037512345691', ipp: null, identityStatus: null } },
    });
    expect((await bench.take(message)).errors[0]?.location).toBe('PID^1^32');
  });

  test('of an unknown sender, where they are refused, is kept too', async () => {
    bench = newBench({ unknownSenders: 'refuse' });
    expect((await bench.take(buildExamination().message)).code).toBe('AE');
    expect((await messages())[0]).toMatchObject({ outcome: 'refused', error_code: 'hl7/sender-not-allowed' });
  });

  test.each([
    ['empty bytes', new Uint8Array()],
    ['noise', Uint8Array.from({ length: 500 }, (_, index) => (index * 37) % 256)],
    ['a NUL in MSH-10, which no text column holds', Buffer.from('MSH|^~\\&|RIS|S|D|D|||ORU^R01|A\0B|T|2.5\r')],
    ['a NUL in MSH-3', Buffer.from('MSH|^~\\&|RI\0S|S|D|D|||ORU^R01|AB|T|2.5\r')],
    ['an escaped NUL in MSH-3', Buffer.from('MSH|^~\\&|RI\\X00\\S|S|D|D|||ORU^R01|AB|T|2.5\r')],
  ])('that is not one at all (%s) is answered AE and kept', async (_title, bytes) => {
    const answer = await bench.take(bytes);
    expect(answer.code).toBe('AE');
    const rows = await messages();
    expect(rows).toHaveLength(1);
    expect(Buffer.from(rows[0]?.raw ?? []).equals(bytes)).toBe(true);
  });

  test.each([
    ['in a name of PID', '^CAMILLE^', '^CAM\0ILLE^', 'PID^1'],
    ['in the name of the sender', '^MODELE^', '^MOD\0ELE^', 'PRT^1'],
  ])('a NUL %s is a fault of the message, not of ours: AE 102 there', async (_title, from, to, location) => {
    const edit = (segments: string[]) => segments.map((segment) => segment.replace(from, to));
    const answer = await bench.take(buildExamination({ message: { edit } }).message);
    expect(answer).toMatchObject({ code: 'AE', errors: [{ location, condition: '102' }] });
    expect((await messages()).map(({ error_code }) => error_code)).toEqual(['hl7/charset-invalid']);
    expect(bench.logged).toEqual([]);
  });
});

describe('OMI^O23 is a hint (D4)', () => {
  test('makes a known study due, says so of an unknown one, and starts no order', async () => {
    const { message, studyInstanceUid } = buildExamination({ number: 1 });
    await bench.take(message);
    await opened.store.knex('study').update({ look_due_at_utc_ms: null });
    const before = await bench.study(studyInstanceUid);
    bench.advance(5000);
    const omi = buildOmi({ studyInstanceUids: [studyInstanceUid, '1.2.250.1.999999.2.77'], orderControl: 'CA' });
    expect((await bench.take(omi)).code).toBe('AA');
    const after = await bench.study(studyInstanceUid);
    expect(after).toMatchObject({ lookDueAtUtcMs: bench.now(), lookNumber: before.lookNumber + 1, state: 'new' });
    expect((await bench.journal()).slice(-3)).toMatchObject([
      { name: 'hl7/message-accepted', detail: { type: 'OMI^O23' } },
      { name: 'study/hint', studyInstanceUid, detail: { source: 'OMI^O23', known: true } },
      { name: 'study/hint', detail: { known: false } },
    ]);
    expect([await count('study'), await count('submission')]).toEqual([1, 0]);
  });

  test('twice is a duplicate', async () => {
    const omi = buildOmi({ studyInstanceUids: ['1.2.250.1.999999.2.77'] });
    await bench.take(omi);
    expect((await bench.take(omi)).code).toBe('AA');
    expect(await messages()).toHaveLength(1);
  });
});

describe('the store fails', () => {
  test('nothing is promised: AR, for a report, a hint and a refusal alike (house-style 21)', async () => {
    const gone = await openTestStore();
    const lost = createBench(gone.store, signing);
    await gone.close();
    const right = buildExamination().message;
    const wrong = buildExamination({ message: { patient: { ins: '185037512345698' } } }).message;
    for (const message of [right, wrong, buildOmi({ studyInstanceUids: ['1.2.3'] })]) {
      expect(await lost.take(message)).toMatchObject({ code: 'AR', errors: [{ condition: '207' }] });
    }
    expect(lost.told).toEqual([]);
    expect(lost.wakes()).toBe(0);
  }, 60_000);
});

describe('no identity leaves the archive (A6, house-style 20)', () => {
  /** Traits, identifiers and names that stand nowhere else. */
  const patient = {
    ins: [{ value: '285037512345691', oid: '1.2.250.1.213.1.4.10' }],
    localIds: [{ value: 'IPPSECRET77', issuerOid: '1.2.250.1.999999.1.1' }],
    birthFamilyName: 'ZORGLUBE',
    firstBirthGivenName: 'PRUNELLE',
    birthGivenNames: 'PRUNELLE AGLAE',
    usedFamilyName: 'FANTASIA',
    usedGivenName: 'PRUNELLE',
    birthDate: '19810917',
    birthPlace: '29232',
  };
  const professional = { id: '899777777701', familyName: 'SPIROUX', givenName: 'Gastonne' };
  const secrets = [
    ...['285037512345691', 'IPPSECRET77', 'ZORGLUBE', 'PRUNELLE', 'AGLAE', 'FANTASIA', '19810917', '29232'],
    ...['899777777701', '99777777701', 'SPIROUX', 'Gastonne', 'MODELE', '899900000001', 'AUTREMENT', 'IPPAUTRE'],
  ];
  const cda = {
    patient,
    author: { person: professional, organization: { id: '1999999991', name: 'Centre' } },
    legalAuthenticator: { person: professional, organization: { id: '1999999991', name: 'Centre' } },
  };
  const pid = {
    ins: '285037512345691',
    ipp: 'IPPSECRET77',
    ippOid: '1.2.250.1.999999.1.1',
    birthFamilyName: 'ZORGLUBE',
    firstBirthGivenName: 'PRUNELLE',
    birthDate: '19810917',
    sex: 'F',
    birthPlace: '29232',
  };
  const message = { cda, message: { patient: pid } };
  const spoilt = (from: string | RegExp, to: string, number: number): Uint8Array =>
    buildOru({
      cda: new TextEncoder().encode(buildCdaText(cda).replace(from, to)),
      controlId: `SP${number}`,
      patient: pid,
    });

  test('not in events, alerts, log lines, views or acknowledgments, whatever goes wrong', async () => {
    const answers = [
      await bench.take(buildExamination({ ...message, number: 1 }).message),
      await bench.take(
        buildExamination({ cda, number: 2, message: { patient: { ...pid, birthFamilyName: 'AUTREMENT' } } }).message,
      ),
      await bench.take(buildExamination({ cda, number: 3, message: { patient: { ...pid, ipp: 'IPPAUTRE' } } }).message),
      await bench.take(buildExamination({ cda, message: { patient: { ...pid, ins: '285037512345692' } } }).message),
      await bench.take(buildExamination({ cda, message: { patient: { ...pid, identityStatus: 'PROV' } } }).message),
      await bench.take(spoilt('</ClinicalDocument>', '<ZORGLUBE></ClinicalDocument>', 1)),
      await bench.take(spoilt('<birthTime value="19810917"', '<birthTime value="ZORGLUBE"', 2)),
      await bench.take(spoilt('extension="285037512345691"', 'extension="28503751234569X"', 3)),
      await bench.take(spoilt(/<documentationOf>[^]*<\/documentationOf>/, '', 4)),
      await bench.take(spoilt('root="1.2.250.1.71.4.2.1" extension="899777777701"', 'root="SPIROUX"', 5)),
    ];
    expect(answers.map(({ code }) => code)).toContain('AE');
    expect(answers.map(({ code }) => code)).toContain('AA');
    const kept: readonly (readonly object[])[] = await Promise.all(
      ['event', 'alert', 'study'].map((table) => opened.store.knex(table).select('*')),
    );
    const outcomes: readonly object[] = await opened.store.knex('message').select('error_code', 'error_detail');
    const said = JSON.stringify([kept, outcomes, bench.logged, bench.told, answers.map(({ text }) => text)]);
    expect(said.length).toBeGreaterThan(1000);
    expect(secrets.filter((secret) => said.includes(secret))).toEqual([]);
  });
});
