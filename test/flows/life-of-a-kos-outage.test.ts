/** The DMP is away, or says no: orders wait durably, collapse to the last wanted state, and go out without a storm. */
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import { examinationStudy } from '../fixtures/examination.ts';
import type { LogLine } from '../peers/dmp/request-log.ts';
import { type FlowSite, isSiteHere, soon, startFlowSite } from './flow-site.ts';
import { aboutOtherPatient, buildInitial, buildReplacement, buildReportDeletion, imagesOf } from './report-story.ts';

const uidOf = (number: number): string => examinationStudy(number).studyInstanceUid;
const parallelLooks = 4;

/** Most requests that were under way at one moment. */
const mostAtOnce = (lines: readonly LogLine[]): number => {
  const edges = lines.flatMap(({ atUtcMs, durationMs }) => [
    { at: atUtcMs, by: 1 },
    { at: atUtcMs + durationMs, by: -1 },
  ]);
  let now = 0;
  let most = 0;
  // What ends at the millisecond at which another begins does not overlap it.
  for (const { by } of edges.toSorted((a, b) => a.at - b.at || a.by - b.by)) {
    now += by;
    most = Math.max(most, now);
  }
  return most;
};

describe.skipIf(!isSiteHere)('the DMP is away', () => {
  let flow: FlowSite;
  beforeAll(async () => {
    flow = await startFlowSite({
      publication: {
        DeletionDelayMinutes: 1 / 60,
        DailyDeletionPercent: 100,
        RetryFirstDelaySeconds: 1,
        RetryMaxDelayMinutes: 0.05,
        ParallelLooks: parallelLooks,
        StabilitySeconds: 1,
      },
    });
    await flow.keep(imagesOf(900, 1, 1));
  });
  afterAll(() => flow.stop());
  afterEach(() => flow.dmp.clear());

  const publishAll = async (numbers: readonly number[]): Promise<void> => {
    for (const number of numbers) {
      await flow.keep(imagesOf(number, 1, 2));
      await flow.accepts(buildInitial(number));
    }
    for (const number of numbers) await flow.writes(uidOf(number), ['Approved 2']);
  };

  it('many changes of many studies collapse to the last wanted state of each, and go out when it is back (SC.DMP/ALI/PROG.06)', async () => {
    const numbers = Array.from({ length: 24 }, (_, index) => index + 1);
    await publishAll(numbers);
    await flow.dmp.order({ kind: 'http', status: 503 });
    const before = (await flow.dmp.log()).length;
    const from = performance.now();
    // 0 hidden, then shown in a third version · 1 more images · 2 report deleted · 3 another patient · 4 replaced and deleted
    for (const number of numbers) {
      switch (number % 5) {
        case 0:
          await flow.accepts(buildReplacement(number, 2, { message: { flags: { INVISIBLE_PATIENT: 'Y' } } }));
          await flow.accepts(buildReplacement(number, 3));
          break;
        case 1:
          await flow.keep(imagesOf(number, 1, 3));
          break;
        case 2:
          await flow.accepts(buildReportDeletion(number, 1));
          break;
        case 3:
          await flow.accepts(buildReplacement(number, 2, aboutOtherPatient));
          break;
        default:
          await flow.accepts(buildReplacement(number, 2));
          await flow.accepts(buildReportDeletion(number, 2));
      }
    }
    await sleep(6_000);
    await flow.site.sidecar().kill();
    await flow.site.restartSidecar();
    await sleep(6_000);
    const awayMs = performance.now() - from;
    const knocks = (await flow.dmp.log()).slice(before);
    // 1 s, 2 s, then every 3 s; the restart and each new wish may ask once more.
    expect(knocks.length).toBeGreaterThan(numbers.length);
    expect(knocks.length).toBeLessThan(numbers.length * (awayMs / 3_000 + 5));
    for (const number of numbers) expect(await flow.historyOf(uidOf(number))).toEqual(['Approved 2']);

    await flow.dmp.clear();
    await flow.dmp.order({ kind: 'slow', delayMs: 150 });
    const back = (await flow.dmp.log()).length;
    const expected = {
      0: ['Deprecated 2', 'Approved 2'],
      1: ['Deprecated 2', 'Approved 3'],
      2: ['Deleted 2'],
      3: ['Deleted 2', 'Approved 2'],
      4: ['Deleted 2'],
    } as const;
    for (const number of numbers) await flow.writes(uidOf(number), expected[(number % 5) as 0]);
    const since = (await flow.dmp.log()).slice(back);
    expect(mostAtOnce(since)).toBeLessThanOrEqual(parallelLooks);
    const count = (transaction: string): number => since.filter((line) => line.transaction === transaction).length;
    const of = (...kinds: readonly number[]): number => numbers.filter((number) => kinds.includes(number % 5)).length;
    // Each wish once, none of those that it overtook.
    expect([count('provideAndRegister'), count('updateDocumentSet')]).toEqual([of(0, 1, 3), of(2, 3, 4)]);
    expect(since.filter(({ outcome }) => outcome !== 'accepted')).toEqual([]);
    for (const number of numbers) expect(await flow.alertsOf(uidOf(number))).toEqual([]);
  });

  it('the orders of one study go in their order: out of the old record before into the new one (B7)', async () => {
    const number = 40;
    await publishAll([number]);
    await flow.dmp.order({ kind: 'down' });
    await flow.accepts(buildReplacement(number, 2, aboutOtherPatient));
    await flow.tells(uidOf(number), 'dmp/send-failed');
    await flow.dmp.clear();
    const before = (await flow.dmp.log()).length;
    await flow.writes(uidOf(number), ['Deleted 2', 'Approved 2']);
    const written = (await flow.dmp.log())
      .slice(before)
      .map(({ transaction }) => transaction)
      .filter((transaction) => transaction !== 'storedQuery');
    expect(written).toEqual(['updateDocumentSet', 'provideAndRegister']);
  });

  it('what was wished and taken back while it was away is never sent (SC.DMP/ALI/PROG.06)', async () => {
    const number = 41;
    await publishAll([number]);
    await flow.dmp.order({ kind: 'down' });
    await flow.keep(imagesOf(number, 1, 3));
    await flow.tells(uidOf(number), 'dmp/send-failed');
    await flow.removeFromOrthanc('Instance', imagesOf(number, 1, 3)[2]?.sopInstanceUid ?? '');
    await vi.waitFor(async () => {
      const { orders } = await flow.show(uidOf(number));
      expect(orders.map(({ state }) => state)).toEqual(['accepted', 'superseded']);
    }, soon);
    await flow.dmp.clear();
    await sleep(4_000);
    const view = await flow.reaches(uidOf(number), 'published');
    expect(view.orders).toHaveLength(2);
    expect(await flow.historyOf(uidOf(number))).toEqual(['Approved 2']);
    expect(await flow.alertsOf(uidOf(number))).toEqual([]);
  });

  it.each<readonly [string, number, { readonly errorCode: string; readonly codeContext: string }]>([
    ['the patient has no record', 50, { errorCode: 'XDSUnknownPatientId', codeContext: 'Le patient n’a pas de DMP' }],
    ['the record is closed', 51, { errorCode: 'DMPClosed', codeContext: 'Le DMP du patient est fermé' }],
    ['the metadata are refused', 52, { errorCode: 'XDSRepositoryMetadataError', codeContext: 'ordered' }],
  ])(
    '%s: it stops, says why in French, and is replayed by a release of that study (SC.DMP/ALI/PROG.07)',
    async (_, number, refusal) => {
      await flow.keep(imagesOf(number, 1, 2));
      await flow.dmp.order({ kind: 'registry-error', ...refusal }, { transaction: 'provideAndRegister' });
      await flow.accepts(buildInitial(number));
      const { reason, orders } = await vi.waitFor(async () => {
        const view = await flow.show(uidOf(number));
        expect(view.state).toBe('failed');
        return view;
      }, soon);
      expect(reason).toMatch(/^dmp\//);
      expect(orders.map(({ state }) => state)).toEqual(['refused']);
      const [alert] = (await flow.ask('alerts')) as readonly { subject: string; code: string; text: string }[];
      expect(alert).toMatchObject({ subject: uidOf(number), code: reason });
      expect(alert?.text).toMatch(/[a-zéè]{3}.* /);
      const before = (await flow.dmp.log()).length;
      await sleep(4_000);
      expect(await flow.dmp.log()).toHaveLength(before);

      await flow.dmp.clear();
      await flow.ask('archive', 'release', uidOf(number));
      await flow.writes(uidOf(number), ['Approved 2']);
      expect(await flow.alertsOf(uidOf(number))).toEqual([]);
    },
  );

  it('half taken, and the question what became of it refused: never published twice, not even by a release (C2, C7)', async () => {
    const number = 55;
    await flow.keep(imagesOf(number, 1, 2));
    await flow.dmp.order({ kind: 'partial-success' }, { times: 1, transaction: 'provideAndRegister' });
    await flow.dmp.order(
      { kind: 'soap-fault', subcode: 'DMPInvalidRequest', reason: 'ordered' },
      { times: 1, transaction: 'storedQuery' },
    );
    await flow.accepts(buildInitial(number));
    await vi.waitFor(async () => expect(await flow.eventsOf(uidOf(number))).toContain('dmp/send-failed'), soon);
    await flow.ask('archive', 'release', uidOf(number));
    await flow.keep(imagesOf(number, 1, 3));
    await flow.writes(uidOf(number), ['Deprecated 2', 'Approved 3']);
  });

  it('a deletion that is refused for good stops too, and is replayed by a release (SC.DMP/ALI/PROG.07)', async () => {
    const number = 53;
    await publishAll([number]);
    await flow.dmp.order(
      { kind: 'registry-error', errorCode: 'XDSRegistryError', codeContext: 'ordered' },
      { transaction: 'updateDocumentSet' },
    );
    await flow.accepts(buildReportDeletion(number, 1));
    await vi.waitFor(async () => expect((await flow.show(uidOf(number))).state).toBe('failed'), soon);
    expect(await flow.historyOf(uidOf(number))).toEqual(['Approved 2']);
    await flow.dmp.clear();
    await flow.ask('archive', 'release', uidOf(number));
    await flow.writes(uidOf(number), ['Deleted 2']);
    await flow.reaches(uidOf(number), 'retired');
  });

  it('refused for good, and then the report changes: the new one is sent without anybody (SC.DMP/ALI/PROG.07)', async () => {
    const number = 54;
    await flow.keep(imagesOf(number, 1, 2));
    await flow.dmp.order(
      { kind: 'registry-error', errorCode: 'XDSUnknownPatientId', codeContext: 'ordered' },
      { transaction: 'provideAndRegister', times: 1 },
    );
    await flow.accepts(buildInitial(number));
    await vi.waitFor(async () => expect((await flow.show(uidOf(number))).state).toBe('failed'), soon);
    await flow.accepts(buildReplacement(number, 2));
    await flow.writes(uidOf(number), ['Approved 2']);
    expect(await flow.alertsOf(uidOf(number))).toEqual([]);
  });
});
