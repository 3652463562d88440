/** What the viewer's DICOMweb says of objects of every kind: large values by reference, and found there byte by byte. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { dataOf } from '../fixtures/viewer-access/kinds/data-of.ts';
import * as kinds from '../fixtures/viewer-access/kinds/index.ts';
import { type DicomWebBench, splitFrames, startDicomWebBench } from '../fixtures/viewer-access/dicomweb-bench.ts';
import type { ViewerAttribute, ViewerDataset } from '../../plugin/viewer-access/dicomweb/object-metadata.ts';

/** @param series  number of the series; one object of it [the first] */
const openObject = (bench: DicomWebBench, series: number, number = 1) => {
  const { studyInstanceUid, instances } = bench.study;
  const seriesUid = `${studyInstanceUid}.${series}`;
  const sopInstanceUid = `${seriesUid}.${number}`;
  const stored = instances.find((one) => one.sopInstanceUid === sopInstanceUid);
  if (stored === undefined) throw new Error(`no object ${series}.${number}`);
  const root = `/studies/${studyInstanceUid}/series/${seriesUid}`;
  const metadata = async (): Promise<ViewerDataset> => {
    const { status, body } = await bench.ask(`${root}/instances/${sopInstanceUid}/metadata`);
    expect(status).toBe(200);
    const [dataset] = JSON.parse(body.toString()) as ViewerDataset[];
    if (dataset === undefined) throw new Error('no data set');
    return dataset;
  };
  return {
    metadata,
    path: `${root}/instances/${sopInstanceUid}`,
    stored: (tag: number) => dataOf(stored.bytes, tag),
    /** The bytes behind a reference, which is relative to the series. */
    follow: async (attribute: ViewerAttribute | undefined): Promise<Buffer> => {
      const { status, body } = await bench.ask(`${root}/${String(attribute?.BulkDataURI)}`);
      expect(status).toBe(200);
      return body;
    },
  };
};

const benches = new Map<kinds.KindExamination, DicomWebBench>();
beforeAll(async () => {
  for (const name of ['projections', 'colours', 'volumes', 'upon', 'papers', 'film'] as const) {
    benches.set(name, await startDicomWebBench(kinds.buildKindExamination(name)));
  }
}, 60_000);
afterAll(() => Promise.all([...benches.values()].map((bench) => bench.stop())));

const objectOf = (name: kinds.KindExamination, series: number, number = 1) => {
  const bench = benches.get(name);
  if (bench === undefined) throw new Error(name);
  return { bench, ...openObject(bench, series, number) };
};

describe('large values of each kind', () => {
  test('overlays (60xx): small ones inline, large ones by reference', async () => {
    const small = objectOf('projections', 1, 1);
    const inline = (await small.metadata())['60003000'];
    expect(Buffer.from(inline?.InlineBinary ?? '', 'base64')).toEqual(small.stored(0x60003000));
    const large = objectOf('projections', 1, 2);
    const reference = (await large.metadata())['60003000'];
    expect(reference?.vr).toBe('OW');
    expect(await large.follow(reference)).toEqual(large.stored(0x60003000));
    expect(large.stored(0x60003000)).toHaveLength((1024 * 1024) / 8);
  });

  test('palettes: of 256 colours inline, of 65,536 by reference', async () => {
    const small = objectOf('colours', 6);
    const large = objectOf('colours', 7);
    for (const sample of [0, 1, 2]) {
      const tag = 0x00281201 + sample;
      const name = tag.toString(16).padStart(8, '0').toUpperCase();
      const inline = (await small.metadata())[name];
      expect(Buffer.from(inline?.InlineBinary ?? '', 'base64')).toEqual(small.stored(tag));
      expect(await large.follow((await large.metadata())[name])).toEqual(large.stored(tag));
    }
  });

  test('a segmentation of one bit a pixel: whole, and frame by frame', async () => {
    const object = objectOf('upon', 3);
    const stored = object.stored(0x7fe00010);
    expect(await object.follow((await object.metadata())['7FE00010'])).toEqual(stored);
    const { headers, body } = await object.bench.ask(`${object.path}/frames/2`, {
      Accept: 'multipart/related; type=application/octet-stream; transfer-syntax=*',
    });
    const [frame] = splitFrames(headers['content-type'], body);
    expect(frame?.bytes).toEqual(stored.subarray(2_048, 4_096));
  });

  test('floating values of a parametric map', async () => {
    const object = objectOf('upon', 5);
    const attribute = (await object.metadata())['7FE00008'];
    expect(attribute).toEqual({ vr: 'OF', BulkDataURI: expect.stringMatching(/\/bulkdata\/7FE00008$/) as string });
    expect(await object.follow(attribute)).toEqual(object.stored(0x7fe00008));
  });

  test('the curves of an electrocardiogram, within their sequence', async () => {
    const object = objectOf('papers', 3);
    const groups = ((await object.metadata())['54000100']?.Value ?? []) as readonly ViewerDataset[];
    const [group] = groups;
    expect(group?.['54001010']?.BulkDataURI).toMatch(/\/bulkdata\/54000100\/1\/54001010$/);
    const bytes = await object.follow(group?.['54001010']);
    expect(bytes).toHaveLength(10 * 500 * 12 * 2);
    expect(object.stored(0x54000100).includes(bytes)).toBe(true);
  });

  test('private values are kept: named, the large ones by reference', async () => {
    const object = objectOf('upon', 8);
    const dataset = await object.metadata();
    expect(dataset['00090010']).toEqual({ vr: 'LO', Value: ['EXEMPLE'] });
    expect(await object.follow(dataset['00091001'])).toEqual(object.stored(0x00091001));
  });

  test('a PDF and a film under their own types, without padding', async () => {
    const paper = objectOf('papers', 1);
    const pdf = await paper.bench.ask(`${paper.path}/rendered`);
    expect([pdf.headers['content-type'], pdf.body.equals(kinds.buildPdf())]).toEqual(['application/pdf', true]);
    const film = objectOf('film', 1);
    const video = await film.bench.ask(`${film.path}/rendered`);
    expect(video.headers['content-type']).toBe('video/mp4');
    expect(video.body.subarray(0, kinds.filmMp4().length).equals(kinds.filmMp4())).toBe(true);
    expect((await film.bench.ask(`${film.path}/frames/1`)).status).toBe(406);
  });
});

describe('pictures made ahead', () => {
  const notDisplayable = 'viewer-access/image-not-displayable';
  test.each([
    ['report', 'upon', 2, notDisplayable],
    ['segmentation', 'upon', 3, 'renditions/unsupported'],
    ['contours', 'upon', 4, notDisplayable],
    ['parametric map', 'upon', 5, 'renditions/unsupported'],
    ['presentation state', 'upon', 6, notDisplayable],
    ['key objects', 'upon', 7, notDisplayable],
    ['raw data', 'upon', 8, notDisplayable],
    ['PDF', 'papers', 1, notDisplayable],
    ['film', 'film', 1, notDisplayable],
  ] as const)('of a %s: none, and said so', async (_kind, name, series, code) => {
    const { bench } = objectOf(name, series);
    const { status, body } = await bench.askPreview(String(series));
    expect([status, (JSON.parse(body.toString()) as { code: string }).code]).toEqual([406, code]);
  });
});

test('searches tell modality, objects and frames of each kind', async () => {
  const bench = benches.get('upon');
  const { studyInstanceUid } = bench?.study ?? {};
  const series = JSON.parse(
    (await bench?.ask(`/studies/${studyInstanceUid}/series`))?.body.toString() ?? '',
  ) as ViewerDataset[];
  expect(series.map((one) => [one['00080060']?.Value?.[0], one['00201209']?.Value?.[0]])).toEqual([
    ['CT', 4],
    ['SR', 1],
    ['SEG', 1],
    ['RTSTRUCT', 1],
    ['MR', 1],
    ['PR', 1],
    ['KO', 1],
    ['CT', 1],
  ]);
  const instances = JSON.parse(
    (await bench?.ask(`/studies/${studyInstanceUid}/instances`))?.body.toString() ?? '',
  ) as ViewerDataset[];
  const framesOf = (uid: string) =>
    instances.find((one) => one['00080018']?.Value?.[0] === uid)?.['00280008']?.Value?.[0];
  expect(framesOf(`${studyInstanceUid}.3.1`)).toBe(4);
  expect(framesOf(`${studyInstanceUid}.2.1`)).toBeUndefined();
});
