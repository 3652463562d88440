/** What Orthanc is asked of a study that is fetched series after series. Names are invented. */
import { describe, expect, it } from 'vitest';
import { DrimboxError } from '../../plugin/errors.ts';
import { orthancIdOfInstance, type StoredFiles } from '../../plugin/orthanc/index.ts';
import { parseStudyInstanceUid } from '../../plugin/standards/index.ts';
import { createOrthancImages } from '../../plugin/wado/index.ts';

const uid = parseStudyInstanceUid('2.25.10');
const instanceId = orthancIdOfInstance('IPP-1', uid, '2.25.10.1', '2.25.10.1.1');
const wanted = [
  { seriesInstanceUid: '2.25.10.1', sopInstanceUid: '2.25.10.1.1', sopClassUid: '2.25.3', instanceNumber: 4 },
  { seriesInstanceUid: '2.25.10.1', sopInstanceUid: '2.25.10.1.2', sopClassUid: '2.25.3' },
  { seriesInstanceUid: '2.25.10.2', sopInstanceUid: '2.25.10.2.1', sopClassUid: '2.25.3' },
];
const noFiles: StoredFiles = { open: () => Promise.reject(new Error('not asked')) };

const site = () => {
  const state = { nowMs: 0, asked: 0, studies: 1, isDown: false };
  const client = {
    findStudies: () => {
      state.asked += 1;
      if (state.isDown) return Promise.reject(new DrimboxError('orthanc/unreachable'));
      const one = { ID: 'study', PatientMainDicomTags: { PatientID: 'IPP-1' }, MainDicomTags: {} };
      return Promise.resolve(Array.from({ length: state.studies }, () => one));
    },
    listSeries: () =>
      Promise.resolve([
        {
          ID: 'series',
          MainDicomTags: { SeriesInstanceUID: '2.25.10.1', Modality: 'CT' },
          Instances: [instanceId, 'another'],
        },
      ]),
  } as unknown as Parameters<typeof createOrthancImages>[0];
  return { state, images: createOrthancImages(client, noFiles, () => state.nowMs) };
};

describe('the study of a request', () => {
  it('gives those of the wanted images that Orthanc has', async () => {
    const found = await site().images.find(uid);
    if (found.kind !== 'found') throw new Error(found.kind);
    const image = { orthancId: instanceId, seriesInstanceUid: '2.25.10.1', sopInstanceUid: '2.25.10.1.1' };
    expect(found.pick(wanted)).toEqual([{ ...image, modality: 'CT', instanceNumber: 4 }]);
    expect(found.pick(wanted)).toEqual(found.pick(wanted));
  });

  it('is asked once for the requests of some seconds, and for those at the same time', async () => {
    const { state, images } = site();
    await Promise.all([images.find(uid), images.find(uid)]);
    state.nowMs = 4_999;
    await images.find(uid);
    expect(state.asked).toBe(1);
    state.nowMs = 5_000;
    await images.find(uid);
    expect(state.asked).toBe(2);
  });

  it('a second study of that UID is noticed after those seconds (A5)', async () => {
    const { state, images } = site();
    await images.find(uid);
    state.studies = 2;
    state.nowMs = 5_000;
    expect(await images.find(uid)).toEqual({ kind: 'duplicated' });
  });

  it.each([0, 2])('what is not there once is never remembered (%i studies)', async (studies) => {
    const { state, images } = site();
    state.studies = studies;
    expect((await images.find(uid)).kind).not.toBe('found');
    state.studies = 1;
    expect((await images.find(uid)).kind).toBe('found');
  });

  it('a failure is told, and forgotten', async () => {
    const { state, images } = site();
    state.isDown = true;
    await expect(images.find(uid)).rejects.toMatchObject({ code: 'orthanc/unreachable' });
    state.isDown = false;
    expect((await images.find(uid)).kind).toBe('found');
  });
});
