import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { loadAlerts } from '../../plugin/archive/index.ts';
import { buildExamination, type ExaminationOptions } from '../fixtures/examination.ts';
import { type Bench, createBench, makeSigningIdentity, pacsStudy } from '../fixtures/publication/index.ts';
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

const uid = buildExamination({ number: 1 }).studyInstanceUid;
const take = async (options: ExaminationOptions = {}): Promise<void> => {
  expect((await bench.take(buildExamination(options).message)).text).toContain('MSA|AA|');
};
const replacement: ExaminationOptions = {
  cda: { documentId: { root: '1.2.250.1.999999.20.2' }, replaces: [{ root: '1.2.250.1.999999.20.1' }] },
  message: { action: 'replace', controlId: 'EX2' },
};
const deletionOf = (document: string): ExaminationOptions => ({
  cda: { documentId: { root: document } },
  message: { action: 'delete', controlId: 'EX3' },
});
const alerts = async (all = false): Promise<readonly string[]> =>
  (await loadAlerts(opened.store.knex, all)).map(({ code, count }) => `${code} ${count}`);
/** `event:statistic` of what counts, in order. */
const statistics = async (): Promise<readonly string[]> =>
  (await bench.journal())
    .filter(({ statistic }) => statistic !== undefined)
    .map(({ name, statistic }) => `${name}:${statistic}`);

describe('one alert for each reason', () => {
  test('a hold is told once, however often it is looked at', async () => {
    bench.pacs.put(pacsStudy(1, { identity: { patientId: 'X' } }));
    await take();
    for (let looks = 0; looks < 4; looks += 1) await bench.look(uid);
    expect(await alerts()).toEqual(['publication/images-mismatch 1']);
  });

  test('another reason takes the place of the former alert; success clears it, and the same reason later is a new one', async () => {
    bench.pacs.put(pacsStudy(1, { identity: { patientId: 'X' } }));
    await take();
    await bench.look(uid);
    bench.pacs.put(pacsStudy(1, { identity: { patientId: '', accessionNumber: '', patientName: '' } }));
    await bench.look(uid);
    expect(await alerts()).toEqual(['publication/images-unmatched 1']);
    bench.pacs.put(pacsStudy(1));
    await bench.look(uid);
    expect(await alerts()).toEqual([]);
    bench.pacs.put(pacsStudy(1, { identity: { patientId: 'X' } }));
    await bench.look(uid);
    expect(await alerts()).toEqual(['publication/images-mismatch 1']);
    expect(await alerts(true)).toHaveLength(3);
  });

  test('a refusal of the DMP is cleared by the next acceptance', async () => {
    bench.pacs.put(pacsStudy(1));
    bench.dmp.order({ on: 'register', how: 'refused', code: 'dmp/patient-closed' });
    await take();
    await bench.look(uid);
    expect(await alerts()).toEqual(['dmp/patient-closed 1']);
    bench.pacs.put(pacsStudy(1, { instancesPerSeries: 3 }));
    await bench.look(uid);
    expect(await alerts()).toEqual([]);
  });

  test('a report that is withdrawn by its RIS clears what was wrong with it', async () => {
    bench.pacs.put(pacsStudy(1, { identity: { patientId: 'X' } }));
    await take();
    await bench.look(uid);
    await take(deletionOf('1.2.250.1.999999.20.1'));
    expect((await bench.look(uid)).study.state).toBe('retired');
    expect(await alerts()).toEqual([]);
  });
});

describe('statistics (G5): written when things happen, with the structure', () => {
  test('of a publication, a replacement and a deletion', async () => {
    bench.pacs.put(pacsStudy(1));
    await take();
    await bench.look(uid);
    expect(await statistics()).toEqual(['hl7/message-accepted:32', 'pacs/queried:19', 'dmp/published:1']);
    await take(replacement);
    await bench.look(uid);
    await take(deletionOf('1.2.250.1.999999.20.2'));
    await bench.look(uid);
    expect((await statistics()).slice(3)).toEqual([
      'hl7/message-accepted:32',
      'pacs/queried:19',
      'dmp/replaced:2',
      'hl7/message-accepted:32',
      'dmp/deleted:3',
    ]);
    const counted = (await bench.journal()).filter(({ statistic }) => statistic !== undefined);
    expect(new Set(counted.map(({ structureId }) => structureId))).toEqual(new Set(['1999999991']));
  });

  test('a structure is written as Struct_IdNat, whatever form the report has', async () => {
    bench = createBench(opened.store, signing, { structures: ['1750803447'] });
    bench.pacs.put(pacsStudy(1));
    const person = { id: '899999999901', familyName: 'RADIO', givenName: 'Élise' };
    await take({ cda: { legalAuthenticator: { person, organization: { id: '750803447', name: 'Centre' } } } });
    await bench.look(uid);
    const counted = (await bench.journal()).filter(({ statistic }) => statistic !== undefined);
    expect(counted.length).toBe(3);
    expect(new Set(counted.map(({ structureId }) => structureId))).toEqual(new Set(['1750803447']));
  });

  test('each question to the PACS counts, each failure before the DMP once', async () => {
    await take();
    await bench.look(uid);
    bench.advance(73 * 3_600_000);
    await bench.look(uid);
    await bench.look(uid);
    expect((await statistics()).slice(1)).toEqual([
      'pacs/queried:19',
      'pacs/queried:19',
      'study/not-found:4',
      'pacs/queried:19',
    ]);
  });

  test('a hold that needs no PACS asks it nothing', async () => {
    await take({ message: { flags: { CONNEXION_SECRETE: 'Y' } } });
    await bench.look(uid);
    expect((await statistics()).slice(1)).toEqual(['study/held:4']);
    expect(bench.pacs.lookups()).toBe(0);
  });
});

describe('a conclusion that was drawn before is not told again', () => {
  test('waiting, then settling, then published: each once', async () => {
    bench = createBench(opened.store, signing, { options: { stabilitySeconds: 60 } });
    await take();
    for (let looks = 0; looks < 3; looks += 1) await bench.look(uid);
    bench.pacs.put(pacsStudy(1, { study: { lastUpdateUtcMs: bench.now() } }));
    for (let looks = 0; looks < 3; looks += 1) await bench.look(uid);
    bench.advance(60_000);
    for (let looks = 0; looks < 3; looks += 1) await bench.look(uid);
    expect((await bench.eventNames()).filter((name) => name !== 'pacs/queried')).toEqual([
      'hl7/message-accepted',
      'report/received',
      'study/waiting-for-images',
      'study/found',
      'dmp/order-created',
      'dmp/published',
    ]);
  });

  test('what was told after the commit is what stands in the journal, in the same order', async () => {
    bench.pacs.put(pacsStudy(1));
    await take({ cda: { documentId: { root: '1.2.250.1.999999.20.1' } } });
    await bench.look(uid);
    const written = (await bench.eventNames()).filter((name) => name !== 'pacs/queried');
    expect(bench.told.map(({ name }) => name)).toEqual(written);
  });
});
