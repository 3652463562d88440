/** The PACS, the store or the sidecar itself goes away while work is going on. */
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { buildExamination } from '../fixtures/examination.ts';
import { type FlowSite, isSiteHere, soon, startFlowSite, type StoreKind } from './flow-site.ts';

const stores: readonly StoreKind[] = ['embedded', 'postgres'];

describe.skipIf(!isSiteHere).each(stores)('the PACS or the sidecar goes away, store %s', (store) => {
  let flow: FlowSite;
  beforeAll(async () => {
    // Over REST: an index in PostgreSQL answers without Orthanc.
    flow = await startFlowSite({ store });
  });
  afterAll(() => flow.stop());

  it('PACS down: the report is acknowledged, the failure journalled, nothing concluded; PACS back: published (design §4, DB.SO.11)', async () => {
    const published = buildExamination({ number: 1 });
    await flow.keep(published.instances);
    await flow.accepts(published.message);
    await flow.reaches(published.studyInstanceUid, 'published');
    const waiting = buildExamination({ number: 2 });
    await flow.accepts(waiting.message);
    await flow.reaches(waiting.studyInstanceUid, 'waiting-for-images');
    const arriving = buildExamination({ number: 3 });
    await flow.keep(arriving.instances);
    await flow.killOrthanc();

    await flow.accepts(arriving.message);
    await flow.tells(arriving.studyInstanceUid, 'study/pacs-error');
    // Every study looks again while the PACS is down: a restart, and a new report for the published one.
    await flow.site.sidecar().stop();
    await flow.site.restartSidecar();
    const again = buildExamination({ number: 1, message: { controlId: 'EX1-AGAIN' } });
    await flow.accepts(again.message);
    await flow.tells(published.studyInstanceUid, 'study/pacs-error');
    await flow.tells(waiting.studyInstanceUid, 'study/pacs-error');
    const during = await flow.show(published.studyInstanceUid);
    expect([during.state, during.orders.length]).toEqual(['published', 1]);
    expect(await flow.manifestsOf(published.studyInstanceUid)).toMatchObject([{ status: 'Approved' }]);
    expect((await flow.show(arriving.studyInstanceUid)).orders).toEqual([]);

    await flow.restartOrthanc();
    await flow.reaches(arriving.studyInstanceUid, 'published');
    await flow.keep(waiting.instances);
    await flow.reaches(waiting.studyInstanceUid, 'published');
    await vi.waitFor(async () => {
      const after = await flow.looked(published.studyInstanceUid);
      expect([after.state, after.orders.length]).toEqual(['published', 1]);
    }, soon);
    for (const { studyInstanceUid } of [published, waiting, arriving])
      expect(await flow.manifestsOf(studyInstanceUid)).toMatchObject([{ status: 'Approved' }]);
  });

  it('a published study that left the PACS keeps its manifest in the DMP for a while, and comes back unharmed (D1)', async () => {
    const examination = buildExamination({ number: 4 });
    const { studyInstanceUid } = examination;
    await flow.keep(examination.instances);
    await flow.accepts(examination.message);
    await flow.reaches(studyInstanceUid, 'published');
    const { text } = await flow.orthanc.call('POST', '/tools/find', {
      Level: 'Study',
      Query: { StudyInstanceUID: studyInstanceUid },
    });
    for (const id of JSON.parse(text) as string[]) await flow.orthanc.remove('studies', id);
    await flow.tells(studyInstanceUid, 'study/images-missing');
    expect((await flow.show(studyInstanceUid)).state).toBe('published');
    expect(await flow.manifestsOf(studyInstanceUid)).toMatchObject([{ status: 'Approved' }]);
    await flow.keep(examination.instances);
    await flow.tells(studyInstanceUid, 'study/images-back');
    expect((await flow.show(studyInstanceUid)).state).toBe('published');
    expect(await flow.manifestsOf(studyInstanceUid)).toHaveLength(1);
  });

  it('SIGTERM ends the sidecar within seconds while the DMP keeps it waiting; the next start finishes (design §5)', async () => {
    await flow.dmp.order({ kind: 'slow', delayMs: 20_000 }, { times: 1, transaction: 'provideAndRegister' });
    const examination = buildExamination({ number: 5 });
    await flow.keep(examination.instances);
    await flow.accepts(examination.message);
    await vi.waitFor(async () => expect(await flow.manifestsOf(examination.studyInstanceUid)).toHaveLength(1), soon);
    const ris = await flow.site.connectRis();
    const tookMs = await flow.site.sidecar().stop();
    await ris.closed;
    // 5 s of grace for the look; far below the time-out of the DMP (60 s) and the patience of systemd (90 s).
    expect(tookMs).toBeLessThan(15_000);
    await flow.dmp.clear();
    await flow.site.restartSidecar();
    await flow.reaches(examination.studyInstanceUid, 'published');
    expect(await flow.manifestsOf(examination.studyInstanceUid)).toMatchObject([{ status: 'Approved' }]);
  });

  it('SIGTERM lets messages in hand be acknowledged; what was acknowledged is published after the next start', async () => {
    const examinations = Array.from({ length: 8 }, (_, index) => buildExamination({ number: 20 + index }));
    await flow.keep(examinations.flatMap(({ instances }) => instances));
    const ris = await flow.site.connectRis();
    const acknowledged: string[] = [];
    const sending = (async () => {
      for (const { message, studyInstanceUid } of examinations) {
        const { code } = await ris.send(message);
        if (code === 'AA') acknowledged.push(studyInstanceUid);
      }
    })().catch(() => undefined);
    await vi.waitFor(() => expect(acknowledged.length).toBeGreaterThan(1), { timeout: 30_000, interval: 2 });
    await flow.site.sidecar().stop();
    await sending;
    await ris.close();
    await flow.site.restartSidecar();
    for (const uid of acknowledged) await flow.reaches(uid, 'published');
    // A RIS sends again what it has no answer to.
    for (const { message, studyInstanceUid } of examinations) {
      await flow.accepts(message);
      await flow.reaches(studyInstanceUid, 'published');
      expect(await flow.manifestsOf(studyInstanceUid)).toHaveLength(1);
    }
  });
});

describe.skipIf(!isSiteHere)('the store goes away', () => {
  let flow: FlowSite;
  beforeAll(async () => {
    flow = await startFlowSite({ store: 'postgres', gate: true });
  });
  afterAll(() => flow.stop());

  const expectRefusedForNow = async (message: Uint8Array): Promise<void> => {
    const answer = await flow.send(message);
    expect(answer.code, answer.text).toBe('AR');
    expect(answer.errors).toMatchObject([{ condition: '207' }]);
  };

  const countMessages = async (): Promise<number> => {
    const [row] = (await flow.postgres?.run('SELECT count(*)::int AS count FROM message', 'drimbox')) ?? [];
    return Number(row?.['count']);
  };

  it('down: AR, so that the RIS sends again; back: AA, published once (DB.SO.03, B3)', async () => {
    const before = buildExamination({ number: 31 });
    await flow.keep(before.instances);
    await flow.accepts(before.message);
    await flow.reaches(before.studyInstanceUid, 'published');
    const kept = await countMessages();

    await flow.gate.shut();
    const examination = buildExamination({ number: 32 });
    await flow.keep(examination.instances);
    await expectRefusedForNow(examination.message);
    await expectRefusedForNow(examination.message);
    // A message that would be refused anyway cannot be kept: it is told to come again too.
    await expectRefusedForNow(buildExamination({ number: 33, message: { version: '2.3' } }).message);
    expect(flow.site.sidecar().hasEnded()).toBe(false);
    expect(await countMessages()).toBe(kept);

    await flow.gate.open();
    await vi.waitFor(async () => expect((await flow.send(examination.message)).code).toBe('AA'), {
      timeout: 30_000,
      interval: 500,
    });
    await flow.reaches(examination.studyInstanceUid, 'published');
    expect(await flow.manifestsOf(examination.studyInstanceUid)).toHaveLength(1);
    expect(await countMessages()).toBe(kept + 1);
  });

  it('hung: the sender gets AR instead of silence, and no message is lost or doubled (DB.SO.03, B2)', async () => {
    const examination = buildExamination({ number: 34 });
    await flow.keep(examination.instances);
    await flow.reaches(buildExamination({ number: 31 }).studyInstanceUid, 'published');
    flow.gate.freeze();
    const ris = await flow.site.connectRis(25_000);
    const answer = await ris.send(examination.message);
    expect(answer.code, answer.text).toBe('AR');
    await ris.close();
    await flow.gate.open();
    await vi.waitFor(async () => expect((await flow.send(examination.message)).code).toBe('AA'), {
      timeout: 60_000,
      interval: 500,
    });
    await flow.reaches(examination.studyInstanceUid, 'published');
    expect(await flow.manifestsOf(examination.studyInstanceUid)).toHaveLength(1);
  });

  it('gone while orders are under way: each is published exactly once when it is back (C2)', async () => {
    const examinations = Array.from({ length: 6 }, (_, index) => buildExamination({ number: 40 + index }));
    await flow.keep(examinations.flatMap(({ instances }) => instances));
    for (const { message } of examinations) await flow.accepts(message);
    for (let round = 0; round < 4; round += 1) {
      await flow.gate.shut();
      await sleep(300);
      await flow.gate.open();
      await sleep(400);
    }
    for (const { studyInstanceUid } of examinations) {
      await flow.reaches(studyInstanceUid, 'published');
      expect(await flow.manifestsOf(studyInstanceUid)).toHaveLength(1);
    }
  });
});
