import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { loadAlerts } from '../../plugin/archive/index.ts';
import { DrimboxError, type ErrorCode } from '../../plugin/errors.ts';
import { type ExaminationOptions, buildExamination } from '../fixtures/examination.ts';
import {
  type Bench,
  type BenchOptions,
  createBench,
  makeSigningIdentity,
  type PacsChanges,
  pacsStudy,
} from '../fixtures/publication/index.ts';
import { buildCdaText } from '../fixtures/report/build-cda.ts';
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

const uid = buildExamination({ number: 1 }).studyInstanceUid;
const rootOf = (document: number): string => `1.2.250.1.999999.20.${document}`;
const minute = 60_000;
const hour = 60 * minute;

const take = async (options: ExaminationOptions = {}): Promise<void> => {
  expect((await bench.take(buildExamination(options).message)).text).toContain('MSA|AA|');
};
const publish = async (options: ExaminationOptions = {}, changes: PacsChanges = {}): Promise<void> => {
  bench.pacs.put(pacsStudy(1, changes));
  await take(options);
  expect((await bench.look(uid)).study.state).toBe('published');
};
const sent = (): readonly string[] => bench.dmp.calls.map(({ kind }) => kind);
const approved = () => bench.dmp.documents().filter(({ state }) => state === 'approved');

const another = { value: 'ACN-AUTRE', issuerOid: '1.2.250.1.999999.1.3' };
const blank = { patientId: '', accessionNumber: '', patientName: '', birthDate: '', sex: '' };

interface HoldCase {
  readonly code: ErrorCode;
  readonly exam?: ExaminationOptions;
  readonly pacs?: PacsChanges;
  readonly spoil?: () => void;
}
const holds: readonly (readonly [string, HoldCase])[] = [
  [
    'nobody signs: neither legalAuthenticator nor PRT (A3)',
    { code: 'publication/person-unresolved', exam: { cda: { legalAuthenticator: null }, message: { sender: null } } },
  ],
  [
    'no certificate for the structure of the report',
    {
      code: 'publication/structure-unconfigured',
      exam: {
        cda: {
          legalAuthenticator: {
            person: { id: '899999999901', familyName: 'RADIO', givenName: 'Élise' },
            organization: { id: '1999999888', name: 'Autre' },
          },
        },
      },
    },
  ],
  [
    'secret connection without an attribute for it (B8)',
    { code: 'publication/secret-connection', exam: { message: { flags: { CONNEXION_SECRETE: 'Y' } } } },
  ],
  ['images of another patient (A4)', { code: 'publication/images-mismatch', pacs: { identity: { patientId: 'X' } } }],
  [
    'one series of another patient (A4)',
    {
      code: 'publication/images-mismatch',
      pacs: { seriesCount: 3, identityOfSeries: { 3: { accessionNumber: 'OTHER' } } },
    },
  ],
  ['images that say nothing (A4)', { code: 'publication/images-unmatched', pacs: { identity: blank } }],
  ['two Orthanc studies (A5)', { code: 'publication/study-duplicated', spoil: () => bench.pacs.double(uid) }],
  [
    'orders that pair with no study (B5)',
    {
      code: 'publication/order-unpaired',
      exam: {
        cda: {
          orders: [{ accessionNumber: another }, { accessionNumber: { ...another, value: 'ACN-2' } }],
          studies: [{ uids: [uid] }, { uids: ['1.2.250.1.999999.2.8'] }, { uids: ['1.2.250.1.999999.2.9'] }],
        },
      },
    },
  ],
];

describe('a rule that does not hold: nothing is sent, the study is held', () => {
  test.each(holds)('%s', async (_title, { code, exam, pacs, spoil }) => {
    bench.pacs.put(pacsStudy(1, pacs));
    await take(exam);
    spoil?.();
    expect(await bench.look(uid)).toMatchObject({
      study: { state: 'held', reasonCode: code },
      nextAtUtcMs: bench.now() + 10 * minute,
    });
    expect(sent()).toEqual([]);
    expect(await loadAlerts(opened.store.knex)).toMatchObject([{ code, subject: uid, count: 1 }]);
    const held = (await bench.journal(uid)).filter(({ name }) => name === 'study/held');
    expect(held).toMatchObject([{ errorCode: code, statistic: 4 }]);
    await bench.look(uid);
    expect((await bench.journal(uid)).filter(({ name }) => name === 'study/held')).toHaveLength(1);
  });

  test.each(holds)('%s: what is published stays as it is', async (_title, { code, exam, pacs, spoil }) => {
    await publish();
    bench.pacs.put(pacsStudy(1, { ...pacs, instancesPerSeries: 2 }));
    if (exam !== undefined) {
      await take({
        cda: { ...exam.cda, documentId: { root: rootOf(2) }, replaces: [{ root: rootOf(1) }] },
        message: { ...exam.message, action: 'replace', controlId: 'EX2' },
      });
    }
    spoil?.();
    expect((await bench.look(uid)).study).toMatchObject({ state: 'held', reasonCode: code, publishedSubmissionId: 1 });
    expect(sent()).toEqual(['register']);
    expect(approved()).toHaveLength(1);
  });

  test('a report without facility type is held when the order would be made (C5)', async () => {
    bench.pacs.put(pacsStudy(1));
    const text = buildCdaText({ studies: [{ uids: [uid] }] }).replace(/<location>[^]*<\/location>/, '');
    const cda = new TextEncoder().encode(text.replace(/<inFulfillmentOf>[^]*<\/inFulfillmentOf>/, ''));
    await take({ message: { cda } });
    expect((await bench.look(uid)).study).toMatchObject({ state: 'held', reasonCode: 'report/field-missing' });
    expect(sent()).toEqual([]);
  });

  test('a report that was acknowledged is published and kept true though its sender has left the list since', async () => {
    bench.pacs.put(pacsStudy(1));
    await take();
    bench = newBench({ unknownSenders: 'refuse', pacs: bench.pacs });
    expect((await bench.look(uid)).study).toMatchObject({ state: 'published' });
  });

  test('hold → release: what was put right is published, and the alert is cleared', async () => {
    bench.pacs.put(pacsStudy(1, { identity: { patientId: 'X' } }));
    await take();
    await bench.look(uid);
    bench.pacs.put(pacsStudy(1));
    expect((await bench.look(uid)).study).toMatchObject({ state: 'published' });
    expect(await bench.study(uid)).not.toHaveProperty('reasonCode');
    expect(await loadAlerts(opened.store.knex)).toEqual([]);
  });

  test('a secret connection with its attribute is published, and the VIHF carries it (B8)', async () => {
    const secretConnection = { attribute: 'Connexion_Secrete', value: 'true' };
    bench = newBench({ secretConnection });
    await publish({ message: { flags: { CONNEXION_SECRETE: 'Y' } } });
    expect(bench.dmp.calls[0]?.vihf.secretConnection).toEqual(secretConnection);
  });
});

describe('the PACS cannot be asked: nothing is concluded (design §4)', () => {
  const failures = ['orthanc/unreachable', 'orthanc/timeout', 'orthanc/refused', 'orthanc/answer-invalid'] as const;
  test.each(failures)('%s postpones a first look', async (code) => {
    await take();
    bench.pacs.failWith(new DrimboxError(code));
    await expect(bench.look(uid)).rejects.toMatchObject({ code });
    expect(await bench.study(uid)).toMatchObject({ state: 'new' });
    expect(await loadAlerts(opened.store.knex)).toEqual([]);
  });

  test.each(failures)('%s never takes a published study for gone', async (code) => {
    await publish();
    bench.pacs.failWith(new DrimboxError(code));
    bench.advance(100 * hour);
    await expect(bench.look(uid)).rejects.toMatchObject({ code });
    expect(await bench.study(uid)).toMatchObject({ state: 'published', publishedSubmissionId: 1 });
    expect(approved()).toHaveLength(1);
  });
});
