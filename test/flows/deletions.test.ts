/**
 * Never wrongly delete (decisions D1, D3): whatever happens to the PACS, nothing leaves the DMP but what the PACS was asked
 * about twice, by both of its doors, and positively has no more.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import { examinationStudy } from '../fixtures/examination.ts';
import { buildOmi } from '../peers/ris/index.ts';
import { type FlowSite, isSiteHere, soon, startFlowSite } from './flow-site.ts';
import type { PacsWeather } from './pacs-gate.ts';
import { buildInitial, imagesOf } from './report-story.ts';

const uidOf = (number: number): string => examinationStudy(number).studyInstanceUid;
const delayMs = 1_200;
const inMinutes = (ms: number): number => ms / 60_000;

interface HeldDeletions {
  readonly total: number;
  readonly deletions: readonly { readonly studyInstanceUid: string; readonly reason: string }[];
}

let hints = 0;
/** What a PACS sends that says "deleted": a hint and no more (D4). */
const hintOf = (...numbers: readonly number[]): Uint8Array => {
  hints += 1;
  return buildOmi({ studyInstanceUids: numbers.map(uidOf), controlId: `HINT${hints}`, orderControl: 'CA' });
};

const publish = async (flow: FlowSite, number: number): Promise<void> => {
  await flow.keep(imagesOf(number, 1, 2));
  await flow.accepts(buildInitial(number));
  await flow.reaches(uidOf(number), 'published');
};

const heldIn = async (flow: FlowSite): Promise<readonly string[]> =>
  ((await flow.ask('deletions')) as HeldDeletions).deletions.map(
    ({ studyInstanceUid, reason }) => `${studyInstanceUid} ${reason}`,
  );

describe.skipIf(!isSiteHere)('a PACS that fails', () => {
  let flow: FlowSite;
  const numbers = [1, 2, 3] as const;
  beforeAll(async () => {
    flow = await startFlowSite({
      gatePacs: true,
      publication: { DeletionDelayMinutes: inMinutes(delayMs), DailyDeletionPercent: 100 },
    });
    await flow.reconfigure((section) => {
      section['Orthanc'] = { ...section['Orthanc'], TimeoutMs: 1_000 };
    });
    for (const number of numbers) await publish(flow, number);
  });
  afterAll(() => flow.stop());
  afterEach(() => flow.pacsGate.set({ kind: 'fair' }));

  const expectUntouched = async (): Promise<void> => {
    for (const number of numbers) expect(await flow.historyOf(uidOf(number))).toEqual(['Approved 2']);
  };

  /** Everything is looked at, again and again, for several times the delay of a deletion. */
  const lookLong = async (isOver: () => Promise<void>): Promise<void> => {
    await flow.accepts(hintOf(...numbers));
    await vi.waitFor(isOver, soon);
    for (let turn = 0; turn < 3; turn += 1) {
      await sleep(delayMs);
      await flow.accepts(hintOf(...numbers));
    }
    await expectUntouched();
  };

  /** It works again: nothing was concluded, nothing is left of it. */
  const expectRecovered = async (): Promise<void> => {
    await flow.accepts(hintOf(...numbers));
    for (const number of numbers) {
      const view = await vi.waitFor(async () => {
        const found = await flow.looked(uidOf(number));
        expect([found.state, found.reason]).toEqual(['published', undefined]);
        expect(await flow.alertsOf(uidOf(number))).toEqual([]);
        return found;
      }, soon);
      expect(view.orders).toHaveLength(1);
    }
    await expectUntouched();
    expect(await heldIn(flow)).toEqual([]);
  };

  it.each<readonly [string, PacsWeather]>([
    ['answers 503', { kind: 'status', status: 503 }],
    ['answers 500', { kind: 'status', status: 500 }],
    ['answers 404 to everything', { kind: 'status', status: 404 }],
    ['answers 401: somebody changed its password', { kind: 'status', status: 401 }],
    ['takes questions and never answers', { kind: 'silent' }],
    ['cuts every answer in two', { kind: 'torn' }],
  ])('that %s deletes nothing, however long it lasts (D1)', async (_, weather) => {
    const before = await Promise.all(numbers.map(async (number) => (await flow.eventsOf(uidOf(number))).length));
    flow.pacsGate.set(weather);
    await lookLong(async () => {
      for (const [index, number] of numbers.entries()) {
        const since = (await flow.eventsOf(uidOf(number))).slice(before[index]);
        expect(since).toContain('study/pacs-error');
      }
    });
    expect(flow.pacsGate.met).toBeGreaterThan(numbers.length);
    flow.pacsGate.set({ kind: 'fair' });
    await expectRecovered();
  });

  it('that answers "nothing" to every search has lost its index: held, and released by itself (D1)', async () => {
    flow.pacsGate.set({ kind: 'forgetful' });
    await lookLong(async () => {
      for (const number of numbers) {
        const { state, reason } = await flow.show(uidOf(number));
        expect([state, reason]).toEqual(['held', 'publication/deletion-unproven']);
      }
    });
    expect(await heldIn(flow)).toHaveLength(numbers.length);
    flow.pacsGate.set({ kind: 'fair' });
    await expectRecovered();
  });

  it('that is slow is waited for (D1)', async () => {
    flow.pacsGate.set({ kind: 'slow', delayMs: 400 });
    await lookLong(async () => expect(flow.pacsGate.met).toBeGreaterThan(numbers.length));
    flow.pacsGate.set({ kind: 'fair' });
    await expectRecovered();
  });

  it('that hangs (SIGSTOP), stops (SIGKILL) and comes back deletes nothing (D1)', async () => {
    process.kill(flow.orthanc.pid, 'SIGSTOP');
    await lookLong(async () => expect(await flow.eventsOf(uidOf(1))).toContain('study/pacs-error'));
    process.kill(flow.orthanc.pid, 'SIGCONT');
    await expectRecovered();
    await flow.killOrthanc();
    await lookLong(async () => expect(await flow.eventsOf(uidOf(1))).toContain('study/pacs-error'));
    await flow.restartOrthanc();
    await expectRecovered();
  });

  it('a study that is really gone: the delay begins when the PACS answers, not before (D1)', async () => {
    const number = 4;
    await publish(flow, number);
    flow.pacsGate.set({ kind: 'status', status: 503 });
    await flow.removeFromOrthanc('Study', uidOf(number));
    await flow.tells(uidOf(number), 'study/pacs-error');
    await sleep(2 * delayMs);
    expect(await flow.historyOf(uidOf(number))).toEqual(['Approved 2']);
    flow.pacsGate.set({ kind: 'fair' });
    const answersFrom = Date.now();
    await flow.writes(uidOf(number), ['Deleted 2']);
    const line = (await flow.dmp.log()).findLast(({ transaction }) => transaction === 'updateDocumentSet');
    expect((line?.atUtcMs ?? 0) - answersFrom).toBeGreaterThanOrEqual(delayMs - 50);
    await flow.reaches(uidOf(number), 'images-gone');
  });

  it('the PACS fails between the two answers: the second one is waited for (D1)', async () => {
    const number = 5;
    await publish(flow, number);
    await flow.removeFromOrthanc('Study', uidOf(number));
    await flow.tells(uidOf(number), 'study/images-missing');
    flow.pacsGate.set({ kind: 'status', status: 503 });
    await sleep(3 * delayMs);
    expect(await flow.historyOf(uidOf(number))).toEqual(['Approved 2']);
    flow.pacsGate.set({ kind: 'fair' });
    await flow.writes(uidOf(number), ['Deleted 2']);
  });

  it('OMI^O23 with ORC-1 = CA about images that are there deletes nothing (D4)', async () => {
    await flow.accepts(hintOf(1));
    await sleep(2 * delayMs);
    expect((await flow.looked(uidOf(1))).orders).toHaveLength(1);
    await expectUntouched();
  });

  it('the DMP is asked to delete once, though every hint comes twice (D4)', async () => {
    const number = 6;
    await publish(flow, number);
    await flow.removeFromOrthanc('Study', uidOf(number));
    await flow.accepts(hintOf(number));
    await flow.accepts(hintOf(number));
    await flow.writes(uidOf(number), ['Deleted 2']);
    const view = await flow.reaches(uidOf(number), 'images-gone');
    expect(view.orders.map(({ kind, state }) => `${kind} ${state}`)).toEqual(['publish accepted', 'delete accepted']);
    await flow.accepts(hintOf(number));
    expect((await flow.looked(uidOf(number))).orders).toHaveLength(2);
  });
});

describe.skipIf(!isSiteHere)('a study that leaves and comes back', () => {
  let flow: FlowSite;
  beforeAll(async () => {
    flow = await startFlowSite({ publication: { DeletionDelayMinutes: inMinutes(8_000), DailyDeletionPercent: 100 } });
    await publish(flow, 20);
  });
  afterAll(() => flow.stop());

  it('deleted and sent again within the delay: no deletion, no new manifest (D1)', async () => {
    const number = 21;
    await publish(flow, number);
    await flow.removeFromOrthanc('Study', uidOf(number));
    await flow.tells(uidOf(number), 'study/images-missing');
    await flow.keep(imagesOf(number, 1, 2));
    await sleep(10_000);
    const view = await flow.looked(uidOf(number));
    expect([view.state, view.orders.length]).toEqual(['published', 1]);
    expect(await flow.historyOf(uidOf(number))).toEqual(['Approved 2']);
  });

  it('the delay begins anew when it leaves again (D1)', async () => {
    const number = 22;
    await publish(flow, number);
    await flow.removeFromOrthanc('Study', uidOf(number));
    await sleep(5_000);
    await flow.keep(imagesOf(number, 1, 2));
    await flow.reaches(uidOf(number), 'published');
    await sleep(1_500);
    const goneAgainAt = Date.now();
    await flow.removeFromOrthanc('Study', uidOf(number));
    await flow.writes(uidOf(number), ['Deleted 2']);
    const line = (await flow.dmp.log()).findLast(({ transaction }) => transaction === 'updateDocumentSet');
    expect((line?.atUtcMs ?? 0) - goneAgainAt).toBeGreaterThanOrEqual(7_900);
  });

  it('only a part comes back within the delay: replaced, not deleted (D1)', async () => {
    const number = 23;
    await publish(flow, number);
    await flow.removeFromOrthanc('Study', uidOf(number));
    await flow.keep(imagesOf(number, 1, 1));
    await flow.writes(uidOf(number), ['Deprecated 2', 'Approved 1']);
  });
});

describe.skipIf(!isSiteHere)('many studies vanish at once', () => {
  let flow: FlowSite;
  const numbers = [41, 42, 43, 44, 45] as const;
  const stay = 40;
  beforeAll(async () => {
    flow = await startFlowSite({
      publication: { DeletionDelayMinutes: inMinutes(1_000), DailyDeletionLimit: 2, DailyDeletionPercent: 100 },
    });
    for (const number of [stay, ...numbers]) await publish(flow, number);
  });
  afterAll(() => flow.stop());

  const statusesOf = async (): Promise<Readonly<Record<string, readonly number[]>>> => {
    const found = await Promise.all(
      numbers.map(async (number) => ({ number, status: (await flow.historyOf(uidOf(number))).join() })),
    );
    return Object.fromEntries(
      [...Map.groupBy(found, ({ status }) => status)].map(([status, ones]) => [
        status,
        ones.map(({ number }) => number),
      ]),
    );
  };

  it('up to the limit of a day they are deleted; the rest is held until an administrator confirms (D3, F1)', async () => {
    for (const number of numbers) await flow.removeFromOrthanc('Study', uidOf(number));
    const held = await vi.waitFor(async () => {
      const statuses = await statusesOf();
      expect(statuses['Deleted 2'] ?? []).toHaveLength(2);
      const left = statuses['Approved 2'] ?? [];
      expect((await heldIn(flow)).toSorted()).toEqual(
        left.map((number) => `${uidOf(number)} publication/deletion-limit`).toSorted(),
      );
      expect(left).toHaveLength(3);
      return left;
    }, soon);
    for (const number of held) {
      expect(await flow.alertsOf(uidOf(number))).toMatchObject([{ code: 'publication/deletion-limit' }]);
    }

    // Hints and releases do not let them slip out.
    await flow.ask('archive', 'release');
    await flow.accepts(hintOf(...held));
    await sleep(3_000);
    expect((await statusesOf())['Deleted 2']).toHaveLength(2);

    // One whose images come back needs nobody.
    const [back = 0, confirmed = 0, ...others] = held;
    await flow.keep(imagesOf(back, 1, 2));
    await flow.reaches(uidOf(back), 'published');
    expect(await flow.alertsOf(uidOf(back))).toEqual([]);

    await flow.ask('deletions', 'confirm', uidOf(confirmed));
    await flow.writes(uidOf(confirmed), ['Deleted 2']);
    await flow.reaches(uidOf(confirmed), 'images-gone');
    expect(await heldIn(flow)).toEqual(others.map((number) => `${uidOf(number)} publication/deletion-limit`));

    await flow.ask('deletions', 'confirm', '--all');
    for (const number of others) await flow.writes(uidOf(number), ['Deleted 2']);
    expect(await heldIn(flow)).toEqual([]);
    expect(await flow.historyOf(uidOf(back))).toEqual(['Approved 2']);
    expect(await flow.historyOf(uidOf(stay))).toEqual(['Approved 2']);
  });

  it('confirming what is not held is refused, and nothing is confirmed (F1)', async () => {
    await expect(flow.ask('deletions', 'confirm', uidOf(stay))).rejects.toMatchObject({ code: 'archive/not-found' });
    expect(await flow.historyOf(uidOf(stay))).toEqual(['Approved 2']);
  });

  it('a confirmed deletion whose images come back at the same moment deletes nothing (D1)', async () => {
    const number = 46;
    await publish(flow, number);
    await flow.removeFromOrthanc('Study', uidOf(number));
    await flow.reaches(uidOf(number), 'held', 'publication/deletion-limit');
    await flow.keep(imagesOf(number, 1, 2));
    await flow.ask('deletions', 'confirm', uidOf(number)).catch(() => undefined);
    await flow.reaches(uidOf(number), 'published');
    expect(await flow.historyOf(uidOf(number))).toEqual(['Approved 2']);
    // The confirmation was for that time only.
    await flow.removeFromOrthanc('Study', uidOf(number));
    await flow.reaches(uidOf(number), 'held', 'publication/deletion-limit');
    expect(await flow.historyOf(uidOf(number))).toEqual(['Approved 2']);
  });
});

describe.skipIf(!isSiteHere)('an index that is only half there', () => {
  let flow: FlowSite;
  const [lost, kept] = [61, 62] as const;
  beforeAll(async () => {
    flow = await startFlowSite({
      sqlIndex: true,
      publication: { DeletionDelayMinutes: inMinutes(1_000), DailyDeletionPercent: 100 },
    });
    for (const number of [lost, kept]) await publish(flow, number);
  });
  afterAll(() => flow.stop());

  it('a copy of the index that lacks a study does not delete it while Orthanc itself has it (D1)', async () => {
    const cluster = flow.postgres;
    if (cluster === undefined) throw new Error('no PostgreSQL');
    // As a restored or lagging copy: same tables, some rows missing.
    await cluster.run(
      `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = 'orthanc' AND pid <> pg_backend_pid()`,
    );
    await cluster.run('CREATE DATABASE half TEMPLATE orthanc');
    await cluster.run(
      `DELETE FROM resources WHERE resourcetype = 1 AND internalid IN
       (SELECT id FROM dicomidentifiers WHERE value = '${uidOf(lost)}')`,
      'half',
    );
    await flow.reconfigure((section) => {
      section['Orthanc'] = { ...section['Orthanc'], IndexUrl: cluster.url('half', 'drimbox_reader') };
    });
    await flow.accepts(hintOf(lost, kept));
    await flow.reaches(uidOf(lost), 'held', 'publication/deletion-unproven');
    await sleep(3_000);
    await flow.accepts(hintOf(lost, kept));
    await flow.looked(uidOf(lost));
    for (const number of [lost, kept]) expect(await flow.historyOf(uidOf(number))).toEqual(['Approved 2']);
    // Not even a confirmation deletes what Orthanc has.
    await flow.ask('deletions', 'confirm', '--all');
    await sleep(2_000);
    await flow.looked(uidOf(lost));
    expect(await flow.historyOf(uidOf(lost))).toEqual(['Approved 2']);
    await flow.reconfigure((section) => {
      section['Orthanc'] = { ...section['Orthanc'], IndexUrl: cluster.url('orthanc', 'drimbox_reader') };
    });
    await flow.reaches(uidOf(lost), 'published');
    expect(await flow.historyOf(uidOf(lost))).toEqual(['Approved 2']);
  });
});
