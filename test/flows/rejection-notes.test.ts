/**
 * Rejection notes (IHE RAD IOCM) that a PACS or a modality stores into Orthanc: nobody configures anything, the notes are read
 * where they are (decision C3). Each title means the same here: what it rejects is not shown.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { parseManifest } from '../../plugin/kos/index.ts';
import { examinationStudy } from '../fixtures/examination.ts';
import { type FlowSite, isSiteHere, startFlowSite } from './flow-site.ts';
import { judgeManifest } from './manifest-judges.ts';
import { buildInitial, buildNote, imagesOf, type RejectionTitle } from './report-story.ts';

const uidOf = (number: number): string => examinationStudy(number).studyInstanceUid;
const delayMs = 2_000;

describe.skipIf(!isSiteHere)('rejection notes', () => {
  let flow: FlowSite;
  beforeAll(async () => {
    flow = await startFlowSite({
      publication: { DeletionDelayMinutes: delayMs / 60_000, DailyDeletionPercent: 100, StabilitySeconds: 1 },
    });
    // Other studies: "not found" means something, and a deletion now and then is within the limit of a day.
    for (const number of [90, 91, 92, 93, 94, 95]) {
      await flow.keep(imagesOf(number, 1, 1));
      await flow.accepts(buildInitial(number));
    }
  });
  afterAll(() => flow.stop());

  const publish = async (number: number): Promise<void> => {
    await flow.keep(imagesOf(number, 1, 3));
    await flow.accepts(buildInitial(number));
    await flow.writes(uidOf(number), ['Approved 3']);
  };

  const listedOf = async (number: number): Promise<readonly string[]> => {
    const { kos } = await flow.publishedOf(uidOf(number));
    expect(judgeManifest(kos)).toEqual({ errors: [], complaints: [] });
    return parseManifest(kos)
      .series.flatMap(({ instances }) => instances.map(({ sopInstanceUid }) => sopInstanceUid))
      .toSorted();
  };
  const uidsOf = (images: readonly { readonly sopInstanceUid: string }[]): readonly string[] =>
    images.map(({ sopInstanceUid }) => sopInstanceUid).toSorted();

  it.each<readonly [RejectionTitle, string, number]>([
    ['113001', 'bad quality', 1],
    ['113037', 'patient safety', 2],
    ['113038', 'wrong worklist entry', 3],
    ['113039', 'retention expired', 4],
  ])(
    '%s (%s) rejects one image: replaced without it; the note deleted again: replaced with it (C3)',
    async (title, _, number) => {
      await publish(number);
      const [first, ...others] = imagesOf(number, 1, 3);
      if (first === undefined) throw new Error('no image');
      const note = buildNote(number, title, [first]);
      await flow.keep([note]);
      await flow.writes(uidOf(number), ['Deprecated 3', 'Approved 2']);
      // Neither the note nor what it rejects.
      expect(await listedOf(number)).toEqual(uidsOf(others));
      await flow.removeFromOrthanc('Instance', note.sopInstanceUid);
      await flow.writes(uidOf(number), ['Deprecated 3', 'Deprecated 2', 'Approved 3']);
      expect(await listedOf(number)).toEqual(uidsOf([first, ...others]));
    },
  );

  it.each<readonly [RejectionTitle, number]>([
    ['113001', 5],
    ['113037', 6],
    ['113038', 7],
    ['113039', 8],
  ])(
    '%s rejects everything: as if the images were gone; the note deleted again: published again (C3, D1)',
    async (title, number) => {
      await publish(number);
      const note = buildNote(number, title, imagesOf(number, 1, 3));
      const storedAt = Date.now();
      await flow.keep([note]);
      await flow.writes(uidOf(number), ['Deleted 3']);
      await flow.reaches(uidOf(number), 'images-gone');
      // Rejected is not gone: it may be taken back, so the delay holds here too.
      const line = (await flow.dmp.log()).findLast(({ transaction }) => transaction === 'updateDocumentSet');
      expect((line?.atUtcMs ?? 0) - storedAt).toBeGreaterThanOrEqual(delayMs - 50);
      await flow.removeFromOrthanc('Instance', note.sopInstanceUid);
      await flow.writes(uidOf(number), ['Deleted 3', 'Approved 3']);
    },
  );

  it('a note that is taken back within the delay deletes nothing (C3, D1)', async () => {
    const number = 9;
    await publish(number);
    const note = buildNote(number, '113001', imagesOf(number, 1, 3));
    await flow.keep([note]);
    await flow.tells(uidOf(number), 'study/images-missing');
    await flow.removeFromOrthanc('Instance', note.sopInstanceUid);
    await sleep(2 * delayMs);
    const view = await flow.looked(uidOf(number));
    expect([view.state, view.orders.length]).toEqual(['published', 1]);
    expect(await flow.historyOf(uidOf(number))).toEqual(['Approved 3']);
  });

  it('a note that is there before the report: what it rejects is never published (C3)', async () => {
    const number = 10;
    const [first, ...others] = imagesOf(number, 1, 3);
    if (first === undefined) throw new Error('no image');
    await flow.keep([first, ...others, buildNote(number, '113037', [first])]);
    await flow.accepts(buildInitial(number));
    await flow.writes(uidOf(number), ['Approved 2']);
    expect(await listedOf(number)).toEqual(uidsOf(others));
  });

  it('two notes add up; one of them deleted gives back only what it rejected (C3)', async () => {
    const number = 11;
    await publish(number);
    const [first, second, third] = imagesOf(number, 1, 3);
    if (first === undefined || second === undefined || third === undefined) throw new Error('no image');
    const note = buildNote(number, '113001', [first]);
    await flow.keep([note]);
    await flow.writes(uidOf(number), ['Deprecated 3', 'Approved 2']);
    await flow.keep([buildNote(number, '113038', [second], 2)]);
    await flow.writes(uidOf(number), ['Deprecated 3', 'Deprecated 2', 'Approved 1']);
    await flow.removeFromOrthanc('Instance', note.sopInstanceUid);
    await flow.writes(uidOf(number), ['Deprecated 3', 'Deprecated 2', 'Deprecated 1', 'Approved 2']);
    expect(await listedOf(number)).toEqual(uidsOf([first, third]));
  });

  it('everything rejected before the first publication: held, and published when a note is taken back (C3)', async () => {
    const number = 12;
    const note = buildNote(number, '113001', imagesOf(number, 1, 3));
    await flow.keep([...imagesOf(number, 1, 3), note]);
    await flow.accepts(buildInitial(number));
    await flow.reaches(uidOf(number), 'held', 'kos/study-empty');
    expect(await flow.manifestsOf(uidOf(number))).toEqual([]);
    await flow.removeFromOrthanc('Instance', note.sopInstanceUid);
    await flow.writes(uidOf(number), ['Approved 3']);
    expect(await flow.alertsOf(uidOf(number))).toEqual([]);
  });
});
