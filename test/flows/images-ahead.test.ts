/**
 * Renditions made before another DRIMbox asks for them: real Orthanc, real sidecar, real TLS; what is asked for comes out of
 * the cache, with the same pixels, and leaves it with its study.
 */
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { buildImageKinds } from '../fixtures/wado/image-kinds.ts';
import { type ImageSite, startImageSite } from '../fixtures/wado/image-site.ts';
import { decoders, pixelsOf } from '../fixtures/renditions/judges.ts';
import { splitMultipart } from '../fixtures/wado/split-multipart.ts';
import { isSiteHere, soon } from './flow-site.ts';

const jpegLs = '1.2.840.10008.1.2.4.80';
const accept = `multipart/related; type="application/dicom"; transfer-syntax=${jpegLs}`;

type Line = Readonly<Record<string, unknown>> & { readonly msg?: string };

describe.skipIf(!isSiteHere)('renditions made ahead (Wado.RenditionCache.FillAhead)', () => {
  let site: ImageSite;
  beforeAll(async () => {
    site = await startImageSite({
      wado: { RenditionCache: { MinFreeGigabytes: 0, FillAhead: { TransferSyntaxes: [jpegLs] } } },
    });
  });
  afterAll(() => site.stop());

  const lines = (message: string): readonly Line[] =>
    site.flow.site
      .sidecar()
      .log()
      .split('\n')
      .filter((line) => line.startsWith('{'))
      .map((line) => JSON.parse(line) as Line)
      .filter(({ msg }) => msg === message);
  const filled = (studyInstanceUid: string): readonly Line[] =>
    lines('renditions of a study made ahead').filter((line) => line['studyInstanceUid'] === studyInstanceUid);

  it('a published study is given out of the cache, pixel for pixel; a restart keeps it and makes nothing again', async () => {
    const study = await site.publish(1, buildImageKinds(1, ['ct', 'signed ct', 'jpeg-ls ct', 'colour us']));
    await vi.waitFor(() => expect(filled(study.studyInstanceUid)).toHaveLength(1), soon);
    // Two of the eight are stored in it.
    expect(filled(study.studyInstanceUid)).toMatchObject([
      { end: 'complete', images: 8, made: 6, ready: 0, failed: 0 },
    ]);

    const answer = await site.peer.ask({ path: study.path, kos: study.kos, accept });
    expect(answer.status).toBe(200);
    const parts = splitMultipart(answer.headers.get('content-type'), answer.body);
    expect(parts).toHaveLength(8);
    for (const { bytes, sopInstanceUid, transferSyntaxUid } of parts) {
      expect(transferSyntaxUid).toBe(jpegLs);
      const stored = study.instances.find((one) => one.sopInstanceUid === sopInstanceUid);
      expect(pixelsOf(decoders.dcmtkJpegLs(bytes)).equals(stored?.pixels ?? Buffer.alloc(0))).toBe(true);
    }

    await site.flow.site.sidecar().stop();
    const figures = lines('rendition cache').at(-1);
    expect(figures).toMatchObject({ studies: 1, files: 6, damagedTotal: 0 });
    expect(figures?.['hitsTotal']).toBeGreaterThanOrEqual(6);
    await site.flow.site.restartSidecar();
    expect(lines('rendition cache').at(-1)).toMatchObject({ studies: 1, files: 6, hitsTotal: 0 });
    expect((await site.peer.ask({ path: study.path, kos: study.kos, accept })).status).toBe(200);
    expect(filled(study.studyInstanceUid)).toHaveLength(1);
  });
});
