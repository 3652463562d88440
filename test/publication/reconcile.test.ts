import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { loadAlerts, loadOpenOrder, loadOrderHead } from '../../plugin/archive/index.ts';
import { DrimboxError } from '../../plugin/errors.ts';
import { parseManifest } from '../../plugin/kos/index.ts';
import { type ExaminationOptions, buildExamination } from '../fixtures/examination.ts';
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
const replacement: ExaminationOptions = {
  cda: { documentId: { root: rootOf(2) }, replaces: [{ root: rootOf(1) }] },
  message: { action: 'replace', controlId: 'EX2' },
};
const deletion: ExaminationOptions = { message: { action: 'delete', controlId: 'EX3' } };
const sent = (): readonly string[] => bench.dmp.calls.map(({ kind }) => kind);
const approved = () => bench.dmp.documents().filter(({ state }) => state === 'approved');
const orders = async (): Promise<readonly string[]> => {
  const rows: { kind: string; state: string }[] = await opened.store.knex('submission').orderBy('id');
  return rows.map(({ kind, state }) => `${kind}:${state}`);
};

describe('a look, nothing published yet', () => {
  test('publishes what report and PACS call for, in the name of the author of the report', async () => {
    await publish();
    expect(sent()).toEqual(['register']);
    const [document] = approved();
    const [call] = bench.dmp.calls;
    const manifest = parseManifest(document?.submission.kos ?? new Uint8Array());
    expect(manifest.series.flatMap(({ instances }) => instances.map(({ sopInstanceUid }) => sopInstanceUid))).toEqual([
      `${uid}.1.1`,
      `${uid}.1.2`,
    ]);
    expect(call?.vihf).toMatchObject({
      structureId: '1999999991',
      sector: 'SA08',
      person: { id: '899999999901' },
      ins: { value: '285037512345691' },
    });
    expect(await bench.study(uid)).toMatchObject({ state: 'published', publishedSubmissionId: 1 });
    expect(await orders()).toEqual(['publish:accepted']);
  });

  test('waits for absent images, until the deadline says otherwise; they still publish when they come later', async () => {
    await take();
    expect(await bench.look(uid)).toMatchObject({
      study: { state: 'waiting-for-images' },
      nextAtUtcMs: bench.now() + 10 * minute,
    });
    bench.advance(72 * hour - minute);
    expect((await bench.look(uid)).nextAtUtcMs).toBe(bench.now() + minute);
    bench.advance(minute);
    expect((await bench.look(uid)).study).toMatchObject({
      state: 'failed',
      reasonCode: 'publication/study-not-found',
    });
    bench.pacs.put(pacsStudy(1));
    expect((await bench.look(uid)).study.state).toBe('published');
    expect(await loadAlerts(opened.store.knex)).toEqual([]);
  });

  test('waits until the content has not changed for a while, by Orthanc’s clock or our own', async () => {
    bench = newBench({ options: { stabilitySeconds: 60 } });
    bench.pacs.put(pacsStudy(1, { study: { lastUpdateUtcMs: bench.now() - 20_000 } }));
    await take();
    expect(await bench.look(uid)).toMatchObject({ study: { state: 'settling' }, nextAtUtcMs: bench.now() + 40_000 });
    bench.advance(39_999);
    bench.pacs.put(pacsStudy(1, { instancesPerSeries: 3, study: { lastUpdateUtcMs: bench.now() } }));
    expect((await bench.look(uid)).nextAtUtcMs).toBe(bench.now() + 60_000);
    bench.advance(60_000);
    expect((await bench.look(uid)).study.state).toBe('published');
    expect(sent()).toEqual(['register']);
  });

  test('without Orthanc’s clock waits from the first time it saw the content', async () => {
    bench = newBench({ options: { stabilitySeconds: 60 } });
    const { study, ...objects } = pacsStudy(1);
    const { lastUpdateUtcMs: _, ...unclocked } = study;
    bench.pacs.put({ ...objects, study: unclocked });
    await take();
    expect((await bench.look(uid)).nextAtUtcMs).toBe(bench.now() + 60_000);
    bench.advance(59_999);
    expect((await bench.look(uid)).study.state).toBe('settling');
    bench.advance(1);
    expect((await bench.look(uid)).study.state).toBe('published');
  });

  test('sends nothing for a report not destined to the DMP (B8)', async () => {
    bench.pacs.put(pacsStudy(1));
    await take({ message: { flags: { DESTDMP: 'N' } } });
    expect(await bench.look(uid)).toMatchObject({ study: { state: 'not-destined' } });
    expect(sent()).toEqual([]);
  });

  test('retires a study whose report is deleted before anything was sent', async () => {
    await take();
    await take(deletion);
    bench.pacs.put(pacsStudy(1));
    expect((await bench.look(uid)).study.state).toBe('retired');
    expect(sent()).toEqual([]);
  });
});

describe('a look, a manifest is published', () => {
  test('does nothing when nothing changed', async () => {
    await publish();
    expect(await bench.look(uid)).toEqual({ study: await bench.study(uid) });
    expect(sent()).toEqual(['register']);
  });

  test('does nothing when the report comes again unchanged under another MSH-10 (C1)', async () => {
    await publish();
    await take({ message: { controlId: 'AGAIN' } });
    expect((await bench.look(uid)).study.state).toBe('published');
    expect(sent()).toEqual(['register']);
  });

  test('replaces when the report was replaced: asks for the entry, then RPLC, version 2', async () => {
    await publish();
    await take(replacement);
    await bench.look(uid);
    expect(sent()).toEqual(['register', 'find', 'register']);
    const [before, after] = bench.dmp.documents();
    expect(before?.state).toBe('deprecated');
    expect(bench.dmp.calls.at(-1)).toMatchObject({ replacesEntryUuid: before?.entryUuid });
    expect(after?.state).toBe('approved');
    expect(await loadOrderHead(opened.store.knex, 2)).toMatchObject({ kind: 'replace', version: 2 });
    expect((await bench.study(uid)).publishedSubmissionId).toBe(2);
  });

  test('replaces when the PACS has one more image', async () => {
    await publish();
    bench.pacs.put(pacsStudy(1, { instancesPerSeries: 3 }));
    await bench.look(uid);
    expect(await orders()).toEqual(['publish:accepted', 'replace:accepted']);
  });

  test('replaces when an image is rejected: neither the image nor the note is listed (C3)', async () => {
    await publish();
    bench.pacs.put(pacsStudy(1, { keyObject: { titleCode: '113001', rejects: 1 } }));
    await bench.look(uid);
    const { series } = parseManifest(approved()[0]?.submission.kos ?? new Uint8Array());
    expect(series.flatMap(({ instances }) => instances.map(({ sopInstanceUid }) => sopInstanceUid))).toEqual([
      `${uid}.1.2`,
    ]);
  });

  test('replaces when the visibility changes', async () => {
    await publish();
    expect(manifestEntryOf(approved()[0]?.submission)).not.toContain('INVISIBLE_PATIENT');
    await take({ ...replacement, message: { ...replacement.message, flags: { INVISIBLE_PATIENT: 'Y' } } });
    await bench.look(uid);
    expect(manifestEntryOf(approved()[0]?.submission)).toContain('INVISIBLE_PATIENT');
  });

  test('unites the restrictions of several current reports, the latest gives the rest (B6)', async () => {
    await publish({ message: { flags: { INVISIBLE_PATIENT: 'Y' } } });
    await take({
      cda: { documentId: { root: rootOf(7) } },
      message: { controlId: 'EX7', flags: { MASQUE_PS: 'Y' } },
    });
    await bench.look(uid);
    const entry = manifestEntryOf(approved()[0]?.submission);
    expect(entry).toContain('INVISIBLE_PATIENT');
    expect(entry).toContain('MASQUE_PS');
    expect((await loadOrderHead(opened.store.knex, 2))?.reportId).toBe(2);
  });

  test('publishes nothing again that somebody took out of the DMP, whatever the PACS has now (C8)', async () => {
    await publish();
    bench.dmp.remove(bench.dmp.documents()[0]?.uniqueId ?? '');
    bench.pacs.put(pacsStudy(1, { instancesPerSeries: 3 }));
    expect((await bench.look(uid)).study).toMatchObject({
      state: 'withdrawn',
      reasonCode: 'publication/document-withdrawn',
    });
    expect(await bench.look(uid)).not.toHaveProperty('nextAtUtcMs');
    expect(sent()).toEqual(['register', 'find']);
    expect(await loadAlerts(opened.store.knex)).toMatchObject([{ code: 'publication/document-withdrawn' }]);
    await take(replacement);
    expect((await bench.look(uid)).study.state).toBe('published');
    expect(approved()).toHaveLength(1);
  });

  test('moves it to the right record when a replacement corrects the patient: out first, then in (B7)', async () => {
    await publish();
    const ins = [{ value: '185037512345698', oid: '1.2.250.1.213.1.4.10' }];
    await take({
      cda: { ...replacement.cda, patient: { ins } },
      message: { ...replacement.message, patient: { ins: '185037512345698', ipp: 'IPP-0042' } },
    });
    await bench.look(uid);
    expect(approved()).toEqual([]);
    expect(bench.dmp.calls.at(-1)).toMatchObject({ kind: 'delete', vihf: { ins: { value: '285037512345691' } } });
    expect((await bench.lookWhenDue(uid)).study.state).toBe('published');
    expect(bench.dmp.calls.at(-1)).toMatchObject({ kind: 'register', vihf: { ins: { value: '185037512345698' } } });
    expect(approved()).toHaveLength(1);
  });

  test('publishes nothing in the new record while the old one may still have it (B7)', async () => {
    await publish();
    const ins = [{ value: '185037512345698', oid: '1.2.250.1.213.1.4.10' }];
    bench.dmp.order({ on: 'delete', how: 'refused', code: 'dmp/refused' });
    await take({
      cda: { ...replacement.cda, patient: { ins } },
      message: { ...replacement.message, patient: { ins: '185037512345698', ipp: 'IPP-0042' } },
    });
    expect((await bench.look(uid)).study).toMatchObject({ state: 'failed', publishedSubmissionId: 1 });
    expect(sent()).toEqual(['register', 'find', 'delete']);
  });

  test('deletes when no report names the study any more, in the name of who published it', async () => {
    await publish();
    await take(deletion);
    expect((await bench.look(uid)).study).toMatchObject({ state: 'retired' });
    expect(sent()).toEqual(['register', 'find', 'delete']);
    expect(bench.dmp.documents().map(({ state }) => state)).toEqual(['deleted']);
    expect(bench.dmp.calls[2]?.vihf).toEqual(bench.dmp.calls[0]?.vihf);
    expect(await bench.study(uid)).not.toHaveProperty('publishedSubmissionId');
    expect(await orders()).toEqual(['publish:accepted', 'delete:accepted']);
  });

  test('never deletes for DESTDMP = N: the published one waits for a deletion message (B8)', async () => {
    await publish();
    await take({ ...replacement, message: { ...replacement.message, flags: { DESTDMP: 'N' } } });
    expect((await bench.look(uid)).study.state).toBe('published');
    expect(approved()).toHaveLength(1);
    expect(sent()).toEqual(['register']);
  });

  test('hides at once, though images are still arriving: what must not be seen does not wait for the last image', async () => {
    await publish();
    bench = newBench({ options: { stabilitySeconds: 3600 }, pacs: bench.pacs, dmp: bench.dmp, owner: 'sidecar-2' });
    bench.pacs.put(pacsStudy(1, { instancesPerSeries: 3, study: { lastUpdateUtcMs: bench.now() } }));
    expect(await bench.look(uid)).toMatchObject({ nextAtUtcMs: bench.now() + hour });
    expect(sent()).toEqual(['register']);
    await take({
      ...replacement,
      message: { action: 'replace', controlId: 'EX2', flags: { INVISIBLE_PATIENT: 'Y' } },
    });
    await bench.look(uid);
    expect(sent()).toEqual(['register', 'find', 'register']);
    expect(manifestEntryOf(bench.dmp.calls.at(-1)?.submission)).toContain('INVISIBLE_PATIENT');
  });

  test('while new images arrive keeps it published, and replaces once they have arrived', async () => {
    bench = newBench({ options: { stabilitySeconds: 60 } });
    await publish();
    bench.pacs.put(pacsStudy(1, { instancesPerSeries: 3, study: { lastUpdateUtcMs: bench.now() } }));
    expect((await bench.look(uid)).study.state).toBe('published');
    bench.advance(60_000);
    await bench.look(uid);
    expect(await orders()).toEqual(['publish:accepted', 'replace:accepted']);
  });
});

describe('an order that has not left', () => {
  const outage = { on: 'register', how: 'fails', code: 'dmp/unreachable' } as const;
  beforeEach(async () => {
    bench.pacs.put(pacsStudy(1));
    bench.dmp.order(outage);
    await take();
    expect((await bench.look(uid)).study.state).toBe('sending');
  });

  test('is superseded when the report changed: only the new one is sent', async () => {
    await take(replacement);
    await bench.look(uid);
    expect(await orders()).toEqual(['publish:superseded', 'publish:accepted']);
    expect(approved().map(({ uniqueId }) => uniqueId)).toEqual([
      (await loadOrderHead(opened.store.knex, 2))?.documentUid,
    ]);
  });

  test('is superseded when the report was deleted: nothing is sent', async () => {
    await take(deletion);
    expect((await bench.look(uid)).study.state).toBe('retired');
    expect(await orders()).toEqual(['publish:superseded']);
    expect(approved()).toEqual([]);
  });

  test('is superseded when a rule no longer holds', async () => {
    bench.pacs.put(pacsStudy(1, { identity: { patientId: 'X' } }));
    expect((await bench.look(uid)).study.state).toBe('held');
    expect(await orders()).toEqual(['publish:superseded']);
    expect(approved()).toEqual([]);
  });

  test('is not hurried by a hint: it waits for its next attempt', async () => {
    expect(await bench.look(uid)).toMatchObject({ nextAtUtcMs: bench.now() + 5000 });
    expect(sent()).toEqual(['register']);
  });

  test('is sent, the same bytes, when nothing changed (C2)', async () => {
    await bench.lookWhenDue(uid);
    const [first, second] = bench.dmp.calls;
    expect(second?.submission).toEqual(first?.submission);
    expect(await orders()).toEqual(['publish:accepted']);
    expect(await loadOpenOrder(opened.store.knex, uid)).toBeUndefined();
  });

  test('is not sent while the PACS cannot be asked', async () => {
    bench.pacs.failWith(new DrimboxError('orthanc/timeout'));
    await expect(bench.look(uid)).rejects.toMatchObject({ code: 'orthanc/timeout' });
    expect(await orders()).toEqual(['publish:open']);
    expect(sent()).toEqual(['register']);
  });
});

describe('an order that the DMP refused for good', () => {
  beforeEach(async () => {
    bench.pacs.put(pacsStudy(1));
    bench.dmp.order({ on: 'register', how: 'refused', code: 'dmp/patient-unknown' });
    await take();
    expect((await bench.look(uid)).study).toMatchObject({ state: 'failed', reasonCode: 'dmp/patient-unknown' });
  });

  test('is not sent again by itself', async () => {
    for (let looks = 0; looks < 3; looks += 1) expect(await bench.look(uid)).not.toHaveProperty('nextAtUtcMs');
    expect(sent()).toEqual(['register']);
    expect((await bench.study(uid)).state).toBe('failed');
  });

  test('is made anew when the content changed', async () => {
    bench.pacs.put(pacsStudy(1, { instancesPerSeries: 3 }));
    expect((await bench.look(uid)).study.state).toBe('published');
    expect(await orders()).toEqual(['publish:refused', 'publish:accepted']);
  });

  test('is made anew when the RIS sends the report again, though it says the same', async () => {
    await take({ message: { controlId: 'AGAIN' } });
    expect((await bench.look(uid)).study.state).toBe('published');
    expect(await loadAlerts(opened.store.knex)).toEqual([]);
  });
});
