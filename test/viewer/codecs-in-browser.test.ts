/**
 * The codecs of OHIF are WebAssembly, and as published they make functions of text, which our policy forbids: that our
 * patches keep them working is seen only by decoding.
 */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { buildUltrasoundInstance, inventedSeries, type InventedInstance } from '../fixtures/dicom/index.ts';
import { examinationStudy } from '../fixtures/examination.ts';
import { buildPhantom, describePhantom } from './invented-examination.ts';
import {
  findMissing,
  readCanvases,
  readOverlay,
  startViewerSite,
  waitForFirstImage,
  type OpenPage,
  type ViewerSite,
} from './viewer-site.ts';

const missing = findMissing();
if (missing !== undefined) console.warn(`codecs in a browser: skipped, ${missing}`);

/** As a site's modality might have compressed it; UIDs get another series. */
const compress = (instance: InventedInstance, series: number, command: readonly string[]): InventedInstance => {
  const folder = mkdtempSync(join(tmpdir(), 'drimbox-codec-'));
  try {
    const [plain, coded] = [join(folder, 'plain.dcm'), join(folder, 'coded.dcm')];
    writeFileSync(plain, instance.bytes);
    const [program = '', ...options] = command;
    execFileSync(program, [...options, plain, coded], { stdio: 'pipe' });
    const seriesInstanceUid = `${instance.studyInstanceUid}.${series}`;
    const sopInstanceUid = `${seriesInstanceUid}.1`;
    const change = [
      '-nb',
      '-imt',
      '-m',
      `SeriesInstanceUID=${seriesInstanceUid}`,
      '-m',
      `SOPInstanceUID=${sopInstanceUid}`,
    ];
    execFileSync('dcmodify', [...change, '-m', `SeriesDescription=codec ${series}`, coded], { stdio: 'pipe' });
    return { ...instance, seriesInstanceUid, sopInstanceUid, bytes: readFileSync(coded) };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
};

const lossless = [
  { name: 'JPEG-LS', series: 11, command: ['dcmcjpls'] },
  { name: 'JPEG 2000', series: 12, command: ['gdcmconv', '--j2k'] },
  { name: 'JPEG lossless SV1', series: 13, command: ['dcmcjpeg'] },
  { name: 'RLE', series: 14, command: ['dcmcrle'] },
];

describe.skipIf(missing !== undefined)('codecs in a browser', { timeout: 120_000 }, () => {
  let site: ViewerSite;
  let opened: OpenPage;
  beforeAll(async () => {
    const [plain] = buildPhantom({ images: 1, size: 128 });
    if (plain === undefined) throw new Error('no phantom');
    const study = examinationStudy(1);
    const ultrasound = buildUltrasoundInstance(study, inventedSeries(study, 5, 'US'), 1);
    const instances = [
      plain,
      ...lossless.map(({ series, command }) => compress(plain, series, command)),
      compress(ultrasound, 15, ['dcmcjpeg', '+eb']),
    ];
    site = await startViewerSite(instances, describePhantom(instances));
    opened = await site.open();
    await waitForFirstImage(opened);
  }, 120_000);
  afterAll(async () => site?.close(), 60_000);

  const show = async (series: number): Promise<string> => {
    const message = {
      target: 'drimbox-ohif',
      kind: 'show-series',
      seriesInstanceUid: `${examinationStudy(1).studyInstanceUid}.${series}`,
    };
    await opened.page.evaluate(
      `document.querySelector('iframe').contentWindow.postMessage(${JSON.stringify(message)}, location.origin)`,
    );
    await expect
      .poll(() => readOverlay(opened), { timeout: 20_000 })
      .toContain(series === 1 ? 'CT 1' : `codec ${series}`);
    await expect.poll(async () => (await readCanvases(opened))[0]?.greys, { timeout: 20_000 }).toBeGreaterThan(3);
    await opened.page.waitForTimeout(300);
    return (await readCanvases(opened))[0]?.word ?? '';
  };

  it.each(lossless)('shows $name exactly as the uncompressed image', async ({ series }) => {
    const plain = await show(1);
    expect(await show(series)).toBe(plain);
    expect(opened.complaints).toEqual([]);
  });

  it('shows baseline JPEG of a cine loop', async () => {
    await show(15);
    expect(opened.complaints).toEqual([]);
  });
});
