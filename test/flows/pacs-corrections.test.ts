/**
 * What PACS administrators and Orthanc itself do to published studies: corrections of identifiers, merges, modifications,
 * anonymisation, recycling, a study sent again (decisions A4, A5, D1).
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import type { ErrorCode } from '../../plugin/errors.ts';
import { parseManifest } from '../../plugin/kos/index.ts';
import { buildCtStudy, type InventedInstance, type InventedStudy } from '../fixtures/dicom/index.ts';
import { examinationStudy } from '../fixtures/examination.ts';
import { type FlowSite, isSiteHere, soon, startFlowSite } from './flow-site.ts';
import { buildInitial, imagesOf } from './report-story.ts';

const uidOf = (number: number): string => examinationStudy(number).studyInstanceUid;
const delayMs = 1_500;

/** The images of an examination as they are after somebody changed what stands in them. */
const changedImages = (number: number, changes: Partial<InventedStudy>, instances = 2): readonly InventedInstance[] =>
  buildCtStudy({ number, instancesPerSeries: instances, study: { ...examinationStudy(number), ...changes } });

const patientOf = (number: number, id: string) => ({ ...examinationStudy(number).patient, id });

const publish = async (flow: FlowSite, number: number): Promise<void> => {
  await flow.keep(imagesOf(number, 1, 2));
  await flow.accepts(buildInitial(number));
  await flow.reaches(uidOf(number), 'published');
};

const publication = { DeletionDelayMinutes: delayMs / 60_000, DailyDeletionPercent: 100, StabilitySeconds: 1 };

describe.skipIf(!isSiteHere)('corrections in the PACS', () => {
  let flow: FlowSite;
  beforeAll(async () => {
    flow = await startFlowSite({ publication });
    for (const number of [90, 91, 92, 93, 94, 95, 96, 97]) await publish(flow, number);
  });
  afterAll(() => flow.stop());

  /** Held for longer than a deletion waits: the DMP keeps what it has. */
  const expectHeld = async (number: number, code: ErrorCode): Promise<void> => {
    await flow.reaches(uidOf(number), 'held', code);
    expect(await flow.alertsOf(uidOf(number))).toMatchObject([{ code }]);
    await sleep(2 * delayMs);
    expect(await flow.historyOf(uidOf(number))).toEqual(['Approved 2']);
  };

  const expectReleased = async (number: number): Promise<void> => {
    const view = await flow.reaches(uidOf(number), 'published');
    expect(view.orders).toHaveLength(1);
    expect(await flow.alertsOf(uidOf(number))).toEqual([]);
    expect(await flow.historyOf(uidOf(number))).toEqual(['Approved 2']);
  };

  const replaceImages = async (number: number, images: readonly InventedInstance[]): Promise<void> => {
    await flow.removeFromOrthanc('Study', uidOf(number));
    await flow.keep(images);
  };

  it.each<readonly [string, number, Partial<InventedStudy>]>([
    ['patient identifier', 1, { patient: patientOf(1, 'IPP-9999') }],
    ['accession number', 2, { accessionNumber: 'ACN-OTHER' }],
  ])(
    'another %s after publication is a contradiction: held, nothing deleted; put right: released (A4)',
    async (_, number, changes) => {
      await publish(flow, number);
      await replaceImages(number, changedImages(number, changes));
      await expectHeld(number, 'publication/images-mismatch');
      await replaceImages(number, imagesOf(number, 1, 2));
      await expectReleased(number);
    },
  );

  it('the PatientID corrected by Orthanc’s modification, UIDs kept: held, nothing deleted (A4)', async () => {
    const number = 3;
    await publish(flow, number);
    const corrected: Uint8Array[] = [];
    for (const { sopInstanceUid } of imagesOf(number, 1, 2)) {
      const [id = ''] = await flow.findInOrthanc('Instance', sopInstanceUid);
      const answer = await fetch(`${flow.orthanc.url}/instances/${id}/modify`, {
        method: 'POST',
        body: JSON.stringify({
          Replace: { PatientID: 'IPP-9999' },
          Keep: ['StudyInstanceUID', 'SeriesInstanceUID', 'SOPInstanceUID'],
          Force: true,
        }),
      });
      expect(answer.status).toBe(200);
      corrected.push(new Uint8Array(await answer.arrayBuffer()));
    }
    await flow.removeFromOrthanc('Study', uidOf(number));
    await flow.orthanc.storeFiles(corrected);
    await expectHeld(number, 'publication/images-mismatch');
  });

  it('a twin under another PatientID after publication: held; the twin deleted: released by itself (A5)', async () => {
    const number = 4;
    await publish(flow, number);
    const twin = changedImages(number, { patient: patientOf(number, 'IPP-0043') });
    await flow.keep(twin);
    await expectHeld(number, 'publication/study-duplicated');
    const { text } = await flow.orthanc.call('POST', '/tools/find', {
      Level: 'Study',
      Query: { StudyInstanceUID: uidOf(number), PatientID: 'IPP-0043' },
    });
    for (const id of JSON.parse(text) as string[]) await flow.orthanc.remove('studies', id);
    await expectReleased(number);
  });

  it('of two twins before publication the wrong one is deleted: published by itself (A5)', async () => {
    const number = 5;
    await flow.keep([...imagesOf(number, 1, 2), ...changedImages(number, { patient: patientOf(number, 'IPP-0043') })]);
    await flow.accepts(buildInitial(number));
    await flow.reaches(uidOf(number), 'held', 'publication/study-duplicated');
    const { text } = await flow.orthanc.call('POST', '/tools/find', {
      Level: 'Study',
      Query: { StudyInstanceUID: uidOf(number), PatientID: 'IPP-0043' },
    });
    for (const id of JSON.parse(text) as string[]) await flow.orthanc.remove('studies', id);
    await flow.writes(uidOf(number), ['Approved 2']);
    expect(await flow.alertsOf(uidOf(number))).toEqual([]);
  });

  it('of two twins after publication the right one is deleted: held for the other reason, nothing deleted (A4, A5)', async () => {
    const number = 6;
    await publish(flow, number);
    const [right = ''] = await flow.findInOrthanc('Study', uidOf(number));
    await flow.keep(changedImages(number, { patient: patientOf(number, 'IPP-0043') }));
    await flow.reaches(uidOf(number), 'held', 'publication/study-duplicated');
    await flow.orthanc.remove('studies', right);
    await expectHeld(number, 'publication/images-mismatch');
  });

  it('the study sent again with other content: the manifest follows (DB.SO.27)', async () => {
    const number = 7;
    await publish(flow, number);
    await replaceImages(number, imagesOf(number, 2, 2));
    await flow.writes(uidOf(number), ['Deprecated 2', 'Approved 4']);
    await replaceImages(number, imagesOf(number, 1, 1));
    await flow.writes(uidOf(number), ['Deprecated 2', 'Deprecated 4', 'Approved 1']);
  });

  it('the study sent again word for word changes nothing (C1)', async () => {
    const number = 8;
    await publish(flow, number);
    await flow.keep(imagesOf(number, 1, 2));
    await replaceImages(number, imagesOf(number, 1, 2));
    await sleep(2 * delayMs);
    await vi.waitFor(async () => expect((await flow.looked(uidOf(number))).state).toBe('published'), soon);
    await expectReleased(number);
  });

  it('a series of another study merged into this one: listed here, gone there (DB.SO.27)', async () => {
    const [target, source] = [9, 10] as const;
    await publish(flow, target);
    await publish(flow, source);
    const [targetId = ''] = await flow.findInOrthanc('Study', uidOf(target));
    const [sourceId = ''] = await flow.findInOrthanc('Study', uidOf(source));
    const { status, text } = await flow.orthanc.call('POST', `/studies/${targetId}/merge`, {
      Resources: [sourceId],
      KeepSource: false,
      Synchronous: true,
    });
    expect([status, status === 200 ? '' : text]).toEqual([200, '']);
    await flow.writes(uidOf(target), ['Deprecated 2', 'Approved 4']);
    await flow.writes(uidOf(source), ['Deleted 2']);
    const { kos } = await flow.publishedOf(uidOf(target));
    expect(new Set(parseManifest(kos).series.map(({ studyInstanceUid }) => studyInstanceUid))).toEqual(
      new Set([uidOf(target)]),
    );
  });

  it('a study split off takes its series with it: replaced here, nothing published for the new one (DB.SO.27)', async () => {
    const number = 11;
    await flow.keep(imagesOf(number, 2, 2));
    await flow.accepts(buildInitial(number));
    await flow.writes(uidOf(number), ['Approved 4']);
    const [id = ''] = await flow.findInOrthanc('Study', uidOf(number));
    const [series = ''] = await flow.findInOrthanc('Series', `${uidOf(number)}.2`);
    const entries = (await flow.dmp.entries()).length;
    const { status } = await flow.orthanc.call('POST', `/studies/${id}/split`, {
      Series: [series],
      KeepSource: false,
      Synchronous: true,
    });
    expect(status).toBe(200);
    await flow.writes(uidOf(number), ['Deprecated 4', 'Approved 2']);
    // One manifest and its signature.
    expect(await flow.dmp.entries()).toHaveLength(entries + 2);
  });

  it('an anonymised or modified copy is another study that no report names: nothing happens (B4)', async () => {
    const number = 12;
    await publish(flow, number);
    const [id = ''] = await flow.findInOrthanc('Study', uidOf(number));
    const entries = (await flow.dmp.entries()).length;
    for (const [job, content] of [
      ['anonymize', {}],
      ['modify', { Replace: { StudyDescription: 'COPIE' }, KeepSource: true }],
    ] as const) {
      expect((await flow.orthanc.call('POST', `/studies/${id}/${job}`, content)).status).toBe(200);
    }
    await sleep(2 * delayMs);
    await flow.looked(uidOf(number));
    expect(await flow.dmp.entries()).toHaveLength(entries);
    expect(await flow.historyOf(uidOf(number))).toEqual(['Approved 2']);
  });

  it('anonymised without keeping the source: the images of the patient are gone (D1)', async () => {
    const number = 13;
    await publish(flow, number);
    const [id = ''] = await flow.findInOrthanc('Study', uidOf(number));
    const { status } = await flow.orthanc.call('POST', `/studies/${id}/anonymize`, { KeepSource: false });
    expect(status).toBe(200);
    await flow.writes(uidOf(number), ['Deleted 2']);
    await flow.reaches(uidOf(number), 'images-gone');
  });
});

describe.skipIf(!isSiteHere)('a PACS that recycles', () => {
  let flow: FlowSite;
  beforeAll(async () => {
    flow = await startFlowSite({ publication, orthanc: { MaximumPatientCount: 2 } });
  });
  afterAll(() => flow.stop());

  it('the oldest patient leaves to make room: its manifest is deleted, with the proofs of any deletion (D1)', async () => {
    const number = 1;
    await publish(flow, number);
    for (const other of [51, 52]) await flow.keep(changedImages(other, { patient: patientOf(other, `IPP-${other}`) }));
    expect(await flow.findInOrthanc('Study', uidOf(number))).toEqual([]);
    await flow.writes(uidOf(number), ['Deleted 2']);
    await flow.reaches(uidOf(number), 'images-gone');
  });
});
