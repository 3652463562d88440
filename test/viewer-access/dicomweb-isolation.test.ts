/** One grant opens one study: every route, another study, series or instance, any path at all. Invented images. */
import fc from 'fast-check';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { errorTable, isErrorCode } from '../../plugin/errors.ts';
import { parseImageResource } from '../../plugin/viewer-access/dicomweb/image-resource.ts';
import { chooseFrameForm } from '../../plugin/viewer-access/dicomweb/frame-accept.ts';
import { findFramePlaces } from '../../plugin/viewer-access/dicomweb/frame-places.ts';
import type { StoredObject } from '../../plugin/viewer-access/dicomweb/stored-object.ts';
import { transferSyntaxes } from '../../plugin/standards/index.ts';
import { parseAccept } from '../../plugin/wado/index.ts';
import type { InventedInstance } from '../fixtures/dicom/index.ts';
import { outlineOf } from '../fixtures/renditions/judges.ts';
import { type DicomWebBench, startDicomWebBench } from '../fixtures/viewer-access/dicomweb-bench.ts';
import {
  buildViewedInstances,
  fragmentedPixelData,
  otherStudyUid,
  viewedSeries,
  viewedStudyUid,
  withPixelElements,
} from '../fixtures/viewer-access/viewed-images.ts';

let bench: DicomWebBench;
let instances: readonly InventedInstance[];
beforeAll(async () => {
  instances = buildViewedInstances();
  bench = await startDicomWebBench(instances);
}, 60_000);
afterAll(() => bench.stop());
beforeEach(() => {
  bench.state.viewed = bench.viewed;
  bench.study.faults.clear();
  bench.study.opens.length = 0;
});

const routesOf = (study: string, series: string, instance: string): readonly string[] => {
  const ofSeries = `/studies/${study}/series/${series}`;
  const ofInstance = `${ofSeries}/instances/${instance}`;
  return [
    `/studies/${study}/series`,
    `/studies/${study}/instances`,
    `/studies/${study}/thumbnail`,
    `/studies/${study}/rendered`,
    `${ofSeries}/instances`,
    `${ofSeries}/metadata`,
    `${ofSeries}/thumbnail`,
    `${ofSeries}/rendered`,
    ofInstance,
    `${ofInstance}/metadata`,
    `${ofInstance}/frames/1`,
    `${ofInstance}/frames/1/rendered`,
    `${ofInstance}/frames/1/thumbnail`,
    `${ofInstance}/rendered`,
    `${ofInstance}/thumbnail`,
    `${ofInstance}/bulkdata/7FE00010`,
    `${ofInstance}/pixeldata`,
  ];
};
const [ct, mr] = [viewedSeries.ct, viewedSeries.mr];
const codeOf = (body: Buffer): string => (JSON.parse(body.toString()) as { code: string }).code;

describe('every route answers for the one study', () => {
  test('the routes are real: each gives something under its own grant', async () => {
    for (const path of routesOf(viewedStudyUid, ct, `${ct}.1`))
      expect([path, (await bench.ask(path)).status]).toEqual([path, 200]);
  });

  test('another study: 404, and nothing is opened', async () => {
    for (const path of routesOf(otherStudyUid, ct, `${ct}.1`)) {
      const answer = await bench.ask(path);
      expect([path, answer.status, codeOf(answer.body)]).toEqual([path, 404, 'viewer-access/image-not-found']);
    }
    expect(bench.study.opens).toEqual([]);
  });

  test('a series that the manifest does not name: 404, and nothing is opened', async () => {
    for (const path of routesOf(viewedStudyUid, '2.25.8.1', `${ct}.1`).slice(4)) {
      expect([path, (await bench.ask(path)).status]).toEqual([path, 404]);
    }
    expect(bench.study.opens).toEqual([]);
  });

  test('an instance that the manifest does not name, or of another series: 404, and nothing is opened', async () => {
    for (const [series, instance] of [
      [ct, `${ct}.99`],
      [mr, `${ct}.1`],
      [ct, `${mr}.1`],
    ] as const) {
      for (const path of routesOf(viewedStudyUid, series, instance).slice(8)) {
        expect([path, (await bench.ask(path)).status]).toEqual([path, 404]);
      }
    }
    expect(bench.study.opens).toEqual([]);
  });

  test('an object that the PACS has but the current manifest does not name is not there (E1)', async () => {
    const { manifest } = bench.viewed;
    const series = new Map([...manifest.series].map(([uid, named]) => [uid, uid === ct ? named.slice(1) : named]));
    bench.state.viewed = { ...bench.viewed, manifest: { ...manifest, series } };
    for (const path of routesOf(viewedStudyUid, ct, `${ct}.1`).slice(8)) {
      expect([path, (await bench.ask(path)).status]).toEqual([path, 404]);
    }
    expect(bench.study.opens).toEqual([]);
    const found = await bench.ask(`/studies/${viewedStudyUid}/series/${ct}/metadata`);
    expect(found.body.toString()).not.toContain(`"${ct}.1"`);
  });

  test('without a grant: 404 for every route, and nothing is looked up', async () => {
    bench.state.viewed = undefined;
    for (const path of ['/studies', ...routesOf(viewedStudyUid, ct, `${ct}.1`)]) {
      expect([path, (await bench.ask(path)).status]).toEqual([path, 404]);
    }
    expect(bench.study.opens).toEqual([]);
  });

  test('a file that is another object than its name says never leaves, by any route (E1)', async () => {
    bench.service.dropStudy(viewedStudyUid);
    const stranger = instances.find((one) => one.seriesInstanceUid === mr)?.bytes ?? Buffer.alloc(0);
    for (const { sopInstanceUid } of instances) {
      if (sopInstanceUid.startsWith(`${ct}.`)) bench.study.faults.set(sopInstanceUid, { bytes: stranger });
    }
    for (const path of routesOf(viewedStudyUid, ct, `${ct}.1`).slice(5)) {
      const answer = await bench.ask(path);
      expect([path, answer.status, answer.body.includes('IMAGE')]).toEqual([path, 502, false]);
    }
  });

  test('a file under another INS of the same kind never leaves', async () => {
    bench.service.dropStudy(viewedStudyUid);
    const { manifest } = bench.viewed;
    const other = { ...manifest, ins: { ...manifest.ins, value: '299017512345600' } };
    const withIns = await bench.ask(`/studies/${viewedStudyUid}/series/${mr}/instances/${mr}.1`, {
      Accept: 'application/dicom',
    });
    bench.study.faults.set(`${mr}.1`, { bytes: withIns.body });
    bench.state.viewed = { ...bench.viewed, manifest: other };
    for (const path of routesOf(viewedStudyUid, mr, `${mr}.1`).slice(5)) {
      expect([path, (await bench.ask(path)).status]).toEqual([path, 502]);
    }
  });

  test('only GET', async () => {
    for (const method of ['POST', 'PUT', 'DELETE', 'HEAD']) {
      const answer = await bench.ask('/studies', {}, method);
      expect([answer.status, answer.headers['allow']]).toEqual([405, 'GET']);
    }
  });
});

describe('any path', () => {
  const word = fc.oneof(
    fc.constantFrom(
      'studies',
      'series',
      'instances',
      'frames',
      'metadata',
      'rendered',
      'thumbnail',
      'bulkdata',
      '..',
      '.',
      '',
    ),
    fc.constantFrom(viewedStudyUid, otherStudyUid, ct, `${ct}.1`, '1', '1,2', '7FE00010', '%2e%2e', '%2f', '%00'),
    fc.string({ maxLength: 12 }).map((text) => encodeURIComponent(text.replace(/[\ud800-\udfff]/g, ''))),
  );

  test('never throws, names a resource only when its UIDs are UIDs', () => {
    fc.assert(
      fc.property(
        fc.oneof(
          fc.string(),
          fc.array(word).map((words) => `/${words.join('/')}`),
        ),
        (path) => {
          const resource = parseImageResource(path);
          if (resource === undefined || resource.kind === 'search-studies') return;
          const uids = Object.values(resource.uids as unknown as Record<string, string>);
          for (const uid of uids) expect(uid).toMatch(/^[0-2](\.(0|[1-9][0-9]*))+$/);
        },
      ),
      { numRuns: 2_000 },
    );
  });

  test('is answered, by a code of the table, and never leaves the study', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(word, { maxLength: 9 }), async (words) => {
        const { status, body, headers } = await bench.ask(`/${words.join('/')}`);
        expect([200, 400, 404, 406]).toContain(status);
        if (status !== 200) expect(isErrorCode(codeOf(body))).toBe(true);
        expect(headers['cache-control']).toMatch(/^(no-store|private, no-cache)$/);
      }),
      { numRuns: 150 },
    );
    expect(bench.study.openFiles()).toBe(0);
  });

  test('a query that is too long or too wild changes nothing', async () => {
    const wild = Array.from({ length: 400 }, (_, index) => `a${index}=%ff${index}`).join('&');
    expect((await bench.ask(`/studies?${wild}`)).status).toBe(200);
  });
});

describe('broken images', () => {
  test('cut anywhere: an error of the table, or the very bytes', async () => {
    for (const series of [viewedSeries.basicTable, viewedSeries.rle, viewedSeries.video]) {
      const whole = instances.find((one) => one.seriesInstanceUid === series)?.bytes ?? Buffer.alloc(0);
      const path = `/studies/${viewedStudyUid}/series/${series}/instances/${series}.1`;
      const good = await bench.ask(`${path}/frames/2`, { Accept: '*/*' });
      for (let length = 0; length < whole.length; length += 37) {
        bench.study.faults.set(`${series}.1`, { bytes: whole.subarray(0, length) });
        const answer = await bench.ask(`${path}/frames/2`, { Accept: '*/*' });
        if (answer.status === 200) expect(answer.body.length).toBe(good.body.length);
        else expect(isErrorCode(codeOf(answer.body))).toBe(true);
      }
    }
  });

  const framesOf = async (offsets: readonly number[], frame: number): Promise<number> => {
    const series = viewedSeries.basicTable;
    const whole = instances.find((one) => one.seriesInstanceUid === series)?.bytes ?? Buffer.alloc(0);
    bench.study.faults.set(`${series}.1`, { bytes: withPixelElements(whole, [fragmentedPixelData(offsets)]) });
    const path = `/studies/${viewedStudyUid}/series/${series}/instances/${series}.1/frames/${frame}`;
    return (await bench.ask(path)).status;
  };

  test.each([
    ['beside a fragment', [0, 50, 116], 2],
    ['that falls', [0, 116, 48], 1],
    ['that does not begin at the first fragment', [8, 48, 116], 1],
    ['of another number of frames', [0, 48], 1],
    ['beyond the end of the file', [0, 48, 100_000], 3],
  ])('a table of offsets %s is not guessed', async (_title, offsets, frame) => {
    expect(await framesOf(offsets, frame)).toBe(502);
  });

  test('places of frames are found without reading the pixels', async () => {
    const bytes = instances.find((one) => one.seriesInstanceUid === viewedSeries.basicTable)?.bytes ?? Buffer.alloc(0);
    const outline = outlineOf(bytes);
    let read = 0;
    const object = {
      outline,
      head: bytes,
      read: (start: number, end: number) => {
        read += 1;
        return Promise.resolve(bytes.subarray(start, end));
      },
    } as unknown as StoredObject;
    expect(await findFramePlaces(object)).toMatchObject({ kind: 'encapsulated' });
    expect(read).toBe(1);
  });
});

describe('what Accept takes', () => {
  const native = { transferSyntax: transferSyntaxes.explicitVrLittleEndian, isStored: true };
  const jls = { transferSyntax: transferSyntaxes.jpegLsLossless, isStored: false };
  const choose = (accept: string | undefined, isOne = true) =>
    chooseFrameForm(parseAccept(accept === undefined ? undefined : [accept]), [jls, native], isOne);

  test('the best of the forms for a wildcard, the named one where it is named', () => {
    expect(choose(undefined)).toMatchObject(jls);
    expect(choose('*/*')).toMatchObject({ ...jls, isMultipart: true });
    expect(choose('multipart/related; type="application/octet-stream"')).toMatchObject(native);
    expect(choose('multipart/related; type="image/jls"')).toMatchObject({ ...jls, mediaType: 'image/jls' });
    expect(choose('application/octet-stream; transfer-syntax=1.2.840.10008.1.2.1')).toMatchObject({
      ...native,
      isMultipart: false,
    });
    expect(choose('application/octet-stream', false)).toBeUndefined();
    expect(choose('text/html')).toBeUndefined();
    expect(choose('multipart/related; type="application/octet-stream"; transfer-syntax=*; q=0')).toBeUndefined();
  });
});

test('each code that the images answer with has its status', () => {
  expect(
    [
      'image-not-found',
      'image-request-invalid',
      'image-not-displayable',
      'range-unsatisfiable',
      'images-busy',
      'images-cancelled',
    ].map((name) => errorTable[`viewer-access/${name}` as 'viewer-access/image-not-found'].httpStatus),
  ).toEqual([404, 400, 406, 416, 503, 499]);
});
