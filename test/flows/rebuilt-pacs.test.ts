/**
 * Orthanc starts on another database, or on an old copy of its own (decision D2): it says in good faith that it has no such
 * study. Deletions are held, all of them, until an administrator says that this is the right database.
 */
import { cpSync, mkdirSync, readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { examinationStudy } from '../fixtures/examination.ts';
import { buildOmi } from '../peers/ris/index.ts';
import { type FlowSite, isSiteHere, soon, startFlowSite } from './flow-site.ts';
import { buildInitial, buildReportDeletion, imagesOf } from './report-story.ts';

const uidOf = (number: number): string => examinationStudy(number).studyInstanceUid;
const changed = 'publication/pacs-database-changed';
const delayMs = 1_000;
let hints = 0;

const startSite = (): Promise<FlowSite> =>
  startFlowSite({ publication: { DeletionDelayMinutes: delayMs / 60_000, DailyDeletionPercent: 100 } });

const publish = async (flow: FlowSite, number: number): Promise<void> => {
  await flow.keep(imagesOf(number, 1, 2));
  await flow.accepts(buildInitial(number));
  await flow.reaches(uidOf(number), 'published');
};

const hint = async (flow: FlowSite, ...numbers: readonly number[]): Promise<void> => {
  hints += 1;
  await flow.accepts(buildOmi({ studyInstanceUids: numbers.map(uidOf), controlId: `HINT${hints}` }));
};

const heldIn = async (flow: FlowSite): Promise<readonly string[]> => {
  const { deletions } = (await flow.ask('deletions')) as {
    readonly deletions: readonly { readonly studyInstanceUid: string; readonly reason: string }[];
  };
  return deletions.map(({ studyInstanceUid, reason }) => `${studyInstanceUid} ${reason}`).toSorted();
};

/** Looked at several times, for longer than the delay of a deletion: all held, and still in the DMP. */
const expectHeld = async (flow: FlowSite, ...numbers: readonly number[]): Promise<void> => {
  await hint(flow, ...numbers);
  for (const number of numbers) await flow.reaches(uidOf(number), 'held', changed);
  await sleep(3 * delayMs);
  await hint(flow, ...numbers);
  for (const number of numbers) {
    await flow.looked(uidOf(number));
    expect(await flow.historyOf(uidOf(number))).toEqual(['Approved 2']);
  }
  expect(await heldIn(flow)).toEqual(numbers.map((number) => `${uidOf(number)} ${changed}`).toSorted());
  expect(await flow.alertsOf('orthanc')).toMatchObject([{ code: changed }]);
};

/** Orthanc's database and files, as they are while it is not running. */
const storageOf = (flow: FlowSite): string => join(flow.orthanc.folder, 'storage');

const emptyStorage = (flow: FlowSite): void => {
  for (const name of readdirSync(storageOf(flow))) rmSync(join(storageOf(flow), name), { recursive: true });
};

describe.skipIf(!isSiteHere)('Orthanc on an empty database', () => {
  let flow: FlowSite;
  const [first, second, third] = [1, 2, 3] as const;
  beforeAll(async () => {
    flow = await startSite();
    for (const number of [first, second, third]) await publish(flow, number);
    await flow.killOrthanc();
    emptyStorage(flow);
    await flow.restartOrthanc();
  });
  afterAll(() => flow.stop());

  it('nothing is deleted: every study is held, with one alert about Orthanc (D2)', async () => {
    await expectHeld(flow, first, second, third);
  });

  it('studies that are new in it do not make it the right one; they are published (D2)', async () => {
    const number = 4;
    await flow.keep(imagesOf(number, 1, 2));
    await flow.accepts(buildInitial(number));
    await flow.reaches(uidOf(number), 'published');
    await expectHeld(flow, first, second, third);
  });

  it('a restart of the sidecar, or of Orthanc, ends no doubt (D2)', async () => {
    await flow.site.sidecar().stop();
    await flow.site.restartSidecar();
    await flow.killOrthanc();
    await flow.restartOrthanc();
    await expectHeld(flow, first, second, third);
  });

  it('a report that is deleted deletes all the same: the PACS has no say in it (D2)', async () => {
    await flow.accepts(buildReportDeletion(third, 1));
    await flow.writes(uidOf(third), ['Deleted 2']);
  });

  it('images that are sent again are the study again, without a new manifest (D2)', async () => {
    await flow.keep(imagesOf(second, 1, 2));
    await flow.reaches(uidOf(second), 'published');
    expect(await flow.historyOf(uidOf(second))).toEqual(['Approved 2']);
    expect(await heldIn(flow)).toEqual([`${uidOf(first)} ${changed}`]);
  });

  it('"drimbox pacs accept": the alert is over, and what is not there is deleted after its proofs (D2, F1)', async () => {
    expect(await flow.ask('pacs')).toMatchObject({ doubt: { why: expect.any(String) } });
    await flow.ask('pacs', 'accept');
    await flow.writes(uidOf(first), ['Deleted 2']);
    await flow.reaches(uidOf(first), 'images-gone');
    expect(await flow.alertsOf('orthanc')).toEqual([]);
    expect(await flow.ask('pacs')).not.toHaveProperty('doubt');
    for (const number of [second, 4]) expect(await flow.historyOf(uidOf(number))).toEqual(['Approved 2']);
  });
});

describe.skipIf(!isSiteHere)('Orthanc restored from an old copy', () => {
  let flow: FlowSite;
  const [before, after] = [11, 12] as const;
  beforeAll(async () => {
    flow = await startSite();
    await publish(flow, before);
    await flow.killOrthanc();
    const copy = join(flow.orthanc.folder, 'copy');
    mkdirSync(copy);
    cpSync(storageOf(flow), copy, { recursive: true });
    await flow.restartOrthanc();
    await publish(flow, after);
    // Some more happens in it.
    for (const number of [71, 72, 73]) await flow.keep(imagesOf(number, 2, 3));
    await hint(flow, before, after);
    await flow.looked(uidOf(after));
    await flow.killOrthanc();
    emptyStorage(flow);
    cpSync(copy, storageOf(flow), { recursive: true });
    await flow.restartOrthanc();
  });
  afterAll(() => flow.stop());

  it('what came after the copy is held, not deleted; what it has is as it was (D2)', async () => {
    await expectHeld(flow, after);
    await hint(flow, before);
    const view = await flow.looked(uidOf(before));
    expect([view.state, view.orders.length]).toEqual(['published', 1]);
  });

  it('though its changes get ahead of those that were known (D2)', async () => {
    for (let round = 0; round < 4; round += 1) {
      for (const number of [74, 75, 76]) {
        await flow.keep(imagesOf(number, 2, 3));
        await flow.removeFromOrthanc('Study', uidOf(number));
      }
    }
    await expectHeld(flow, after);
  });

  it('a study that lost some images with the copy keeps its manifest until somebody accepts (D2)', async () => {
    // The old copy has two images of it; the DMP was told of two, and then the PACS says one.
    await flow.removeFromOrthanc('Instance', imagesOf(before, 1, 2)[0]?.sopInstanceUid ?? '');
    await flow.reaches(uidOf(before), 'held', changed);
    expect(await flow.historyOf(uidOf(before))).toEqual(['Approved 2']);
  });

  it('"drimbox pacs accept" lets both follow the PACS again (D2, F1)', async () => {
    await flow.ask('pacs', 'accept');
    await vi.waitFor(async () => expect(await flow.alertsOf('orthanc')).toEqual([]), soon);
    await flow.writes(uidOf(after), ['Deleted 2']);
    await flow.writes(uidOf(before), ['Deprecated 2', 'Approved 1']);
  });
});
