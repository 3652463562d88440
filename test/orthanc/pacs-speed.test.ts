/** What the speed test of the PACS measures. Names and bytes are invented. */
import { afterEach, describe, expect, it } from 'vitest';
import { createStoredFiles, measurePacsSpeed, type StoredFiles } from '../../plugin/orthanc/index.ts';
import { parseStudyInstanceUid } from '../../plugin/standards/index.ts';
import { clientOf, createPacs, idOf, type Pacs, removePacs } from '../fixtures/orthanc/stored-pacs.ts';

const none = new AbortController().signal;
const made: Pacs[] = [];
afterEach(() => {
  for (const pacs of made.splice(0)) removePacs(pacs);
});
const pacsOf = (...given: Parameters<typeof createPacs>): Pacs => {
  const pacs = createPacs(...given);
  made.push(pacs);
  return pacs;
};
const filesOf = (pacs: Pacs, more: Partial<Parameters<typeof createStoredFiles>[1]> = {}): StoredFiles =>
  createStoredFiles(clientOf(pacs), { folder: pacs.folder, clock: () => pacs.nowMs, ...more });

describe('the speed of the PACS (DB.SO.102, DB.SO.155, DB.SO.156)', () => {
  const uid = parseStudyInstanceUid('2.25.999999.1');
  const measure = (pacs: Pacs, studies = 1, more: { folder?: undefined } = {}) => {
    let nowMs = 0;
    return measurePacsSpeed(
      uid,
      {
        files: filesOf(pacs, more),
        monotonic: () => (nowMs += 10),
        client: {
          findStudies: () =>
            Promise.resolve(Array.from({ length: studies }, () => ({ ID: 'a', PatientMainDicomTags: {} })) as never),
          listSeries: () =>
            Promise.resolve([
              { ID: 's1', MainDicomTags: {}, Instances: [...pacs.files.keys()].slice(0, 2) },
              { ID: 's2', MainDicomTags: {}, Instances: [...pacs.files.keys()].slice(2) },
            ] as never),
        },
      },
      none,
    );
  };

  it('is first image, objects, bytes, total time and throughput, with the way they were read', async () => {
    expect(await measure(pacsOf(5))).toEqual({
      kind: 'measured',
      objects: 5,
      bytes: 75,
      listMs: 10,
      firstImageMs: 20,
      totalMs: 30,
      megabytesPerSecond: 75 / 1_000 / 30,
      readInFolder: 5,
      transferSyntaxes: { '1.2.840.10008.1.2.1': 5 },
      failures: {},
    });
    expect(await measure(pacsOf(5), 1, { folder: undefined })).toMatchObject({ bytes: 75, readInFolder: 0 });
  });

  it('says which objects could not be read, and measures the others', async () => {
    const pacs = pacsOf(5);
    pacs.files.set(idOf(4), undefined);
    expect(await measure(pacs)).toMatchObject({ objects: 4, failures: { 'orthanc/answer-invalid': 1 } });
  });

  it('of a study that is not there, or there twice, is none', async () => {
    expect(await measure(pacsOf(5), 0)).toEqual({ kind: 'absent' });
    expect(await measure(pacsOf(5), 2)).toEqual({ kind: 'duplicated' });
  });
});
