/** Metadata and searches: what the viewer needs to lay out a study, made once, kept while it is true. Invented images. */
import { brotliDecompressSync, gunzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { chooseEncoding } from '../../plugin/viewer-access/dicomweb/metadata-serving.ts';
import type { ViewerDataset } from '../../plugin/viewer-access/dicomweb/object-metadata.ts';
import { DrimboxError } from '../../plugin/errors.ts';
import { type DicomWebBench, startDicomWebBench } from '../fixtures/viewer-access/dicomweb-bench.ts';
import {
  buildViewedInstances,
  otherStudyUid,
  viewedSeries,
  viewedStudyUid,
  waveformBytes,
} from '../fixtures/viewer-access/viewed-images.ts';

let bench: DicomWebBench;
let opened: string[] = [];
beforeAll(async () => {
  bench = await startDicomWebBench(buildViewedInstances());
  opened = bench.study.opens;
}, 60_000);
afterAll(() => bench.stop());

const study = `/studies/${viewedStudyUid}`;
const metadataPath = (series: string): string => `${study}/series/${series}/metadata`;
const json = (body: Buffer): ViewerDataset[] => JSON.parse(body.toString('utf8')) as ViewerDataset[];
const valueOf = (dataset: ViewerDataset | undefined, tag: string): unknown => dataset?.[tag]?.Value?.[0];
const getJson = async (path: string): Promise<ViewerDataset[]> => {
  const answer = await bench.ask(path, { Accept: 'application/dicom+json' });
  expect([answer.status, answer.headers['content-type'], answer.isComplete]).toEqual([
    200,
    'application/dicom+json',
    true,
  ]);
  return json(answer.body);
};

describe('metadata of a series', () => {
  test('each object once, in the order of its number, pixels by reference', async () => {
    const datasets = await getJson(metadataPath(viewedSeries.ct));
    expect(datasets.map((one) => valueOf(one, '00200013'))).toEqual([1, 2, 3, 4, 5]);
    for (const one of datasets) {
      expect(one['7FE00010']).toEqual({
        vr: 'OW',
        BulkDataURI: `instances/${String(valueOf(one, '00080018'))}/bulkdata/7FE00010`,
      });
      expect(valueOf(one, '00083002')).toBe('1.2.840.10008.1.2.1');
      expect(valueOf(one, '00281052')).toBe(-1024);
    }
  });

  test('is the same in Brotli, gzip and plain; made once, then a 304', async () => {
    const plain = await bench.ask(metadataPath(viewedSeries.mr));
    opened.length = 0;
    const brotli = await bench.ask(metadataPath(viewedSeries.mr), { 'Accept-Encoding': 'gzip, deflate, br' });
    const zipped = await bench.ask(metadataPath(viewedSeries.mr), { 'Accept-Encoding': 'gzip' });
    expect([brotli.headers['content-encoding'], zipped.headers['content-encoding']]).toEqual(['br', 'gzip']);
    expect(brotliDecompressSync(brotli.body).equals(plain.body)).toBe(true);
    expect(gunzipSync(zipped.body).equals(plain.body)).toBe(true);
    // One look at the only file for each answer: whether it is still the same.
    expect(opened.length).toBe(2);
    const etag = String(brotli.headers['etag']);
    expect(etag).not.toBe(zipped.headers['etag']);
    const again = await bench.ask(metadataPath(viewedSeries.mr), { 'Accept-Encoding': 'br', 'If-None-Match': etag });
    expect([again.status, again.body.length]).toEqual([304, 0]);
  });

  test('a file that was replaced is read anew: metadata and frames never disagree', async () => {
    await bench.ask(metadataPath(viewedSeries.cr));
    const stored = bench.study.instances.find((one) => one.seriesInstanceUid === viewedSeries.cr);
    const bytes = Buffer.from(stored?.bytes ?? []);
    const at = bytes.indexOf('SERIE CR');
    bytes.write('AUTRE CR', at, 'latin1');
    bench.study.faults.set(`${viewedSeries.cr}.1`, { bytes });
    const [dataset] = await getJson(metadataPath(viewedSeries.cr));
    bench.study.faults.clear();
    expect(valueOf(dataset, '0008103E')).toBe('AUTRE CR');
  });

  test('a study that changed is dropped at once (E5)', async () => {
    await bench.ask(metadataPath(viewedSeries.mr));
    expect(bench.service.desk.metadata.figures().series).toBeGreaterThan(0);
    bench.service.dropStudy(viewedStudyUid);
    expect(bench.service.desk.metadata.figures()).toEqual({ series: 0, bytes: 0 });
  });

  test('a broken object costs its own entry, is told in the log, and the answer is not kept', async () => {
    bench.service.dropStudy(viewedStudyUid);
    bench.study.faults.set(`${viewedSeries.ct}.3`, { bytes: Buffer.alloc(4_000, 7) });
    const datasets = await getJson(metadataPath(viewedSeries.ct));
    expect(datasets.map((one) => valueOf(one, '00200013'))).toEqual([1, 2, 4, 5]);
    expect(bench.warned.at(-1)).toEqual({ seriesInstanceUid: viewedSeries.ct });
    bench.study.faults.clear();
    expect((await getJson(metadataPath(viewedSeries.ct))).length).toBe(5);
  });

  test('when the PACS fails half-way nothing shorter is taken for the whole', async () => {
    bench.service.dropStudy(viewedStudyUid);
    bench.study.faults.set(`${viewedSeries.ct}.3`, { openFails: 'orthanc/unreachable' });
    const answer = await bench.ask(metadataPath(viewedSeries.ct));
    bench.study.faults.clear();
    expect(answer.status === 502 || !answer.isComplete).toBe(true);
    expect((await getJson(metadataPath(viewedSeries.ct))).length).toBe(5);
  });

  test('an object of another study under that name is not told of (E1)', async () => {
    const stranger = bench.study.instances.find((one) => one.seriesInstanceUid === viewedSeries.ct);
    bench.study.faults.set(`${viewedSeries.mr}.1`, { bytes: stranger?.bytes ?? Buffer.alloc(0) });
    bench.service.dropStudy(viewedStudyUid);
    const answer = await bench.ask(metadataPath(viewedSeries.mr));
    bench.study.faults.clear();
    expect([answer.status, answer.body.toString()]).toEqual([
      502,
      expect.stringContaining('dicom-file/identity-mismatch'),
    ]);
  });

  test('two who ask at once share one making', async () => {
    bench.service.dropStudy(viewedStudyUid);
    opened.length = 0;
    const answers = await Promise.all([1, 2, 3].map(() => bench.ask(metadataPath(viewedSeries.ct))));
    expect(new Set(answers.map(({ body }) => body.toString())).size).toBe(1);
    expect(opened.length).toBe(5);
  });

  test('may be made before anybody asks', async () => {
    bench.service.dropStudy(viewedStudyUid);
    await bench.service.prefill(bench.viewed, new AbortController().signal);
    expect(bench.service.desk.metadata.figures().series).toBe(bench.viewed.manifest.series.size);
  });
});

describe('large values', () => {
  test('are told by reference, in sequences too, and found there', async () => {
    const [dataset] = await getJson(metadataPath(viewedSeries.waveform));
    expect(dataset?.['00091010']).toEqual({ vr: 'OB', BulkDataURI: 'instances/2.25.7.13.1/bulkdata/00091010' });
    const items = dataset?.['54000100']?.Value as ViewerDataset[];
    expect(items[0]?.['54001010']?.InlineBinary).toBe(Buffer.alloc(20, 1).toString('base64'));
    const uri = items[1]?.['54001010']?.BulkDataURI ?? '';
    expect(uri).toBe('instances/2.25.7.13.1/bulkdata/54000100/2/54001010');
    const value = await bench.ask(`${study}/series/${viewedSeries.waveform}/${uri}`);
    expect(value.body.equals(waveformBytes)).toBe(true);
  });

  test('of one object the metadata is that of its series', async () => {
    const [one] = await getJson(`${study}/series/${viewedSeries.ct}/instances/${viewedSeries.ct}.2/metadata`);
    expect(one).toEqual((await getJson(metadataPath(viewedSeries.ct)))[1]);
  });
});

describe('searches find the one study only (E1)', () => {
  test('studies, whatever is asked; another StudyInstanceUID finds nothing', async () => {
    for (const query of [
      '',
      '?PatientName=*DUPONT*&limit=101&offset=0&fuzzymatching=true',
      `?StudyInstanceUID=${viewedStudyUid}`,
    ]) {
      const found = await getJson(`/studies${query}`);
      expect(found.map((one) => valueOf(one, '0020000D'))).toEqual([viewedStudyUid]);
      expect(valueOf(found[0], '00201206')).toBe(Object.keys(viewedSeries).length);
      expect(valueOf(found[0], '00201208')).toBe(bench.study.instances.length);
      expect(found[0]?.['00080061']?.Value).toEqual(expect.arrayContaining(['CT', 'MR', 'US', 'SR']));
    }
    expect(await getJson(`/studies?StudyInstanceUID=${otherStudyUid}`)).toEqual([]);
    expect(await getJson(`/studies?0020000D=${otherStudyUid}`)).toEqual([]);
    expect(await getJson('/studies?offset=1')).toEqual([]);
  });

  test('series with number, modality, description and how many objects', async () => {
    const found = await getJson(`${study}/series?includefield=0008103E,00080021`);
    expect(found.map((one) => valueOf(one, '0020000E'))).toEqual(
      Object.values(viewedSeries).toSorted((a, b) => Number(a.split('.').at(-1)) - Number(b.split('.').at(-1))),
    );
    expect(found[0]).toMatchObject({
      '00080060': { Value: ['CT'] },
      '0008103E': { Value: ['SERIE CT'] },
      '00200011': { Value: [1] },
      '00201209': { Value: [5] },
    });
    expect((await getJson(`${study}/series?Modality=US`)).length).toBe(2);
    expect((await getJson(`${study}/series?SeriesInstanceUID=${viewedSeries.pdf}`)).length).toBe(1);
  });

  test('instances of the study and of a series, with limit', async () => {
    expect((await getJson(`${study}/instances`)).length).toBe(bench.study.instances.length);
    const some = await getJson(`${study}/series/${viewedSeries.ct}/instances?limit=2&offset=1`);
    expect(some.map((one) => valueOf(one, '00080018'))).toEqual(['2.25.7.1.2', '2.25.7.1.3']);
    expect((await getJson(`${study}/series/${viewedSeries.ct}/instances?SOPInstanceUID=2.25.7.1.4`)).length).toBe(1);
  });

  test('a series that cannot be read is left out; a PACS that does not answer is told', async () => {
    bench.study.faults.set(`${viewedSeries.mr}.1`, { bytes: Buffer.alloc(100) });
    expect((await getJson(`${study}/series`)).length).toBe(Object.keys(viewedSeries).length - 1);
    bench.study.faults.set(`${viewedSeries.mr}.1`, { openFails: 'orthanc/timeout' });
    expect((await bench.ask(`${study}/series`)).status).toBe(504);
    bench.study.faults.clear();
  });
});

test('the encoding is the best that is accepted', () => {
  expect(['br', 'gzip, br;q=0.5', 'br;q=0, gzip', 'deflate', '', '*', 'br;q=0.0'].map(chooseEncoding)).toEqual([
    'br',
    'br',
    'gzip',
    'identity',
    'identity',
    'br',
    'identity',
  ]);
});

test('images gone from the PACS: 410; two studies of one UID: nothing (E2, A5)', async () => {
  const gone = await startDicomWebBench(bench.study.instances, {}, (store) => ({
    ...store,
    find: () => Promise.resolve({ kind: 'absent' }),
  }));
  const doubled = await startDicomWebBench(bench.study.instances, {}, (store) => ({
    ...store,
    find: () => Promise.resolve({ kind: 'duplicated' }),
  }));
  const silent = await startDicomWebBench(bench.study.instances, {}, (store) => ({
    ...store,
    find: () => Promise.reject(new DrimboxError('orthanc/unreachable')),
  }));
  try {
    expect((await gone.ask(metadataPath(viewedSeries.ct))).status).toBe(410);
    expect((await doubled.ask(metadataPath(viewedSeries.ct))).body.toString()).toContain('wado/study-duplicated');
    expect((await silent.ask('/studies')).status).toBe(502);
  } finally {
    await Promise.all([gone.stop(), doubled.stop(), silent.stop()]);
  }
});
