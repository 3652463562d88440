/** Which objects of a study its manifest lists, on what a PACS really holds (decision C3). */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { parseManifest } from '../../plugin/kos/index.ts';
import {
  buildCtStudy,
  buildMixedStudy,
  buildRejectionNote,
  buildStoredManifest,
  inventedSeries,
  type InventedInstance,
} from '../fixtures/dicom/index.ts';
import { buildExamination, examinationStudy } from '../fixtures/examination.ts';
import { type FlowSite, isSiteHere, startFlowSite } from './flow-site.ts';
import { judgeManifest } from './manifest-judges.ts';

/** modality → value type of each listed object, in order of UID. */
const valueTypes = (kos: Uint8Array): Readonly<Record<string, readonly string[]>> => {
  const types: Record<string, string[]> = {};
  for (const { modality, instances } of parseManifest(kos).series)
    types[modality] = [...(types[modality] ?? []), ...instances.map(({ valueType }) => valueType)];
  return types;
};

const uidsOf = (kos: Uint8Array): readonly string[] =>
  parseManifest(kos)
    .series.flatMap(({ instances }) => instances.map(({ sopInstanceUid }) => sopInstanceUid))
    .sort();

const expectUids = (kos: Uint8Array, instances: readonly InventedInstance[]): void =>
  expect(uidsOf(kos)).toEqual(instances.map(({ sopInstanceUid }) => sopInstanceUid).sort());

describe.skipIf(!isSiteHere).each(['SQL', 'REST'] as const)('content of the manifest, index read by %s', (reader) => {
  let flow: FlowSite;
  beforeAll(async () => {
    flow = await startFlowSite({ sqlIndex: reader === 'SQL' });
  });
  afterAll(() => flow.stop());

  const publish = async (number: number, instances: readonly InventedInstance[]) => {
    const { studyInstanceUid, message } = buildExamination({ number });
    await flow.keep(instances);
    await flow.accepts(message);
    await flow.reaches(studyInstanceUid, 'published');
    const { entry, kos } = await flow.publishedOf(studyInstanceUid);
    expect(judgeManifest(kos)).toEqual({ errors: [], complaints: [] });
    return { studyInstanceUid, entry, kos };
  };

  it('images are IMAGE; PR, SR, PDF and other key objects COMPOSITE; the ECG WAVEFORM (DB.SO.12, C3)', async () => {
    const instances = buildMixedStudy(1, examinationStudy(1));
    const { entry, kos } = await publish(1, instances);
    expectUids(kos, instances);
    expect(valueTypes(kos)).toEqual({
      CT: ['IMAGE', 'IMAGE'],
      MR: ['IMAGE'],
      US: ['IMAGE'],
      SR: ['COMPOSITE'],
      PR: ['COMPOSITE'],
      DOC: ['COMPOSITE'],
      ECG: ['WAVEFORM'],
      KO: ['COMPOSITE'],
    });
    // Acquisition modalities only: a PDF or a report is no examination.
    const events = (entry.codes['eventCode'] ?? []).map((code) => code.split('^')[0]);
    expect(events).toEqual(expect.arrayContaining(['CT', 'MR', 'US']));
  });

  it('a rejection note and what it rejects are left out; so is a stored manifest (DB.SO.14, DB.SO.26, C3)', async () => {
    const study = examinationStudy(2);
    const images = buildCtStudy({ number: 2, study, seriesCount: 2, instancesPerSeries: 3 });
    const rejected = images.slice(0, 1);
    const note = buildRejectionNote(study, inventedSeries(study, 8, 'KO', { bodyPartExamined: '' }), 1, rejected);
    const manifest = buildStoredManifest(study, inventedSeries(study, 9, 'KO', { bodyPartExamined: '' }), 1, images);
    const { kos } = await publish(2, [...images, note, manifest]);
    expectUids(kos, images.slice(1));
  });

  it('a series of which everything is rejected is not in the manifest (C3)', async () => {
    const study = examinationStudy(3);
    const images = buildCtStudy({ number: 3, study, seriesCount: 2, instancesPerSeries: 2 });
    const note = buildRejectionNote(
      study,
      inventedSeries(study, 8, 'KO', { bodyPartExamined: '' }),
      1,
      images.slice(0, 2),
    );
    const { kos } = await publish(3, [...images, note]);
    expectUids(kos, images.slice(2));
    expect(parseManifest(kos).series).toHaveLength(1);
  });

  it('a rejection note that arrives later replaces the manifest (DB.SO.14, DB.SO.21, D4)', async () => {
    const study = examinationStudy(4);
    const images = buildCtStudy({ number: 4, study, instancesPerSeries: 3 });
    const { studyInstanceUid, entry } = await publish(4, images);
    const note = buildRejectionNote(
      study,
      inventedSeries(study, 8, 'KO', { bodyPartExamined: '' }),
      1,
      images.slice(0, 1),
    );
    await flow.keep([note]);
    await expect
      .poll(async () => (await flow.manifestsOf(studyInstanceUid)).map(({ status }) => status), { timeout: 45_000 })
      .toEqual(['Deprecated', 'Approved']);
    const { entry: next, kos } = await flow.publishedOf(studyInstanceUid);
    expect(next.replaces).toBe(entry.entryUuid);
    expectUids(kos, images.slice(1));
  });

  it('a study of which everything is rejected is held: an empty manifest is never sent (C3)', async () => {
    const study = examinationStudy(5);
    const images = buildCtStudy({ number: 5, study });
    const note = buildRejectionNote(study, inventedSeries(study, 8, 'KO', { bodyPartExamined: '' }), 1, images);
    const { studyInstanceUid, message } = buildExamination({ number: 5 });
    await flow.keep([...images, note]);
    await flow.accepts(message);
    const view = await flow.reaches(studyInstanceUid, 'held', 'kos/study-empty');
    expect(view.orders).toEqual([]);
    expect(await flow.manifestsOf(studyInstanceUid)).toEqual([]);
  });

  it('lists 600 instances, each once', async () => {
    const images = buildCtStudy({ number: 6, study: examinationStudy(6), seriesCount: 3, instancesPerSeries: 200 });
    const { kos } = await publish(6, images);
    expectUids(kos, images);
  });
});
