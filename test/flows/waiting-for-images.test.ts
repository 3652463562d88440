/** The report is there before the images: it waits, and the images wake it. */
import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { parseManifest } from '../../plugin/kos/index.ts';
import type { InventedInstance } from '../fixtures/dicom/index.ts';
import { buildExamination } from '../fixtures/examination.ts';
import { type FlowSite, isSiteHere, startFlowSite, type StoreKind } from './flow-site.ts';

const run = promisify(execFile);

/** As a modality does it. */
const storeByDicom = async (flow: FlowSite, instances: readonly InventedInstance[]): Promise<void> => {
  const folder = mkdtempSync(join(tmpdir(), 'drimbox-modality-'));
  try {
    const files = instances.map(({ bytes }, index) => {
      const file = join(folder, `${index}.dcm`);
      writeFileSync(file, bytes);
      return file;
    });
    const { aet, dicomPort } = flow.orthanc;
    await run('storescu', ['-aec', aet, '127.0.0.1', String(dicomPort), ...files], {
      env: { ...process.env, TCP_NODELAY: '1', TCP_BUFFER_LENGTH: '131072' },
    });
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
};

const countOf = (kos: Uint8Array): number =>
  parseManifest(kos).series.reduce((sum, series) => sum + series.instances.length, 0);

const stores: readonly StoreKind[] = ['embedded', 'postgres'];

describe.skipIf(!isSiteHere).each(stores)('report before its images, store %s', (store) => {
  let flow: FlowSite;
  beforeAll(async () => {
    flow = await startFlowSite({ store });
  });
  afterAll(() => flow.stop());

  const wait = async (number: number, instancesPerSeries = 3) => {
    const examination = buildExamination({ number, instancesPerSeries });
    await flow.accepts(examination.message);
    const view = await flow.reaches(examination.studyInstanceUid, 'waiting-for-images');
    return { ...examination, view };
  };

  it('journals at once that it waits, and sends nothing (DB.SO.11, DB.SO.105)', async () => {
    const { view, studyInstanceUid } = await wait(1);
    expect(view.journal.map(({ event }) => event)).toEqual(['report/received', 'study/waiting-for-images']);
    expect(view.orders).toEqual([]);
    expect(await flow.manifestsOf(studyInstanceUid)).toEqual([]);
    // Waiting is no fault.
    expect(await flow.alertsOf(studyInstanceUid)).toEqual([]);
    expect(Date.parse(view.nextLookAt ?? '') - Date.now()).toBeGreaterThan(5 * 60_000);
  });

  it.each(['REST', 'C-STORE'] as const)(
    'images that arrive by %s wake it, long before the sweep (DB.SO.27)',
    async (way) => {
      const { studyInstanceUid, instances } = await wait(way === 'REST' ? 2 : 3);
      await (way === 'REST' ? flow.keep(instances) : storeByDicom(flow, instances));
      const view = await flow.reaches(studyInstanceUid, 'published');
      const { kos } = await flow.publishedOf(studyInstanceUid);
      expect(countOf(kos)).toBe(instances.length);
      // `study/found` stands between them when the look came while images were arriving.
      expect(view.journal.map(({ event }) => event).filter((event) => event !== 'study/found')).toEqual([
        'report/received',
        'study/waiting-for-images',
        'dmp/order-created',
        'dmp/published',
      ]);
    },
  );

  it('images that trickle in end in one manifest with all of them (own stability clock, facts/spec.md d 15)', async () => {
    await flow.reconfigure((section) => {
      section['Publication'] = { ...section['Publication'], StabilitySeconds: 4 };
    });
    const { studyInstanceUid, instances } = await wait(4, 8);
    for (const instance of instances) await flow.keep([instance]);
    const view = await flow.reaches(studyInstanceUid, 'published');
    expect(view.orders).toHaveLength(1);
    expect(countOf((await flow.publishedOf(studyInstanceUid)).kos)).toBe(8);
    await flow.reconfigure((section) => {
      section['Publication'] = { ...section['Publication'], StabilitySeconds: 0.5 };
    });
  });

  it('images that arrive while the sidecar is stopped are found when it starts again (design §4)', async () => {
    const { studyInstanceUid, instances } = await wait(5);
    await flow.site.sidecar().stop();
    await flow.keep(instances);
    await flow.site.restartSidecar();
    await flow.reaches(studyInstanceUid, 'published');
    expect(await flow.manifestsOf(studyInstanceUid)).toHaveLength(1);
  });

  it('a sidecar killed in the middle of an arrival publishes all of it once (design §4)', async () => {
    const { studyInstanceUid, instances } = await wait(6, 6);
    await flow.keep(instances.slice(0, 3));
    await flow.site.sidecar().kill();
    await flow.keep(instances.slice(3));
    await flow.site.restartSidecar();
    await flow.reaches(studyInstanceUid, 'published');
    const { kos } = await flow.publishedOf(studyInstanceUid);
    expect(countOf(kos)).toBe(6);
  });

  it('past the deadline: an error in the journal, an alert; the images still publish when they come (DB.SO.11, DB.SO.141)', async () => {
    await flow.reconfigure((section) => {
      section['Publication'] = { ...section['Publication'], ImagesDeadlineHours: 1 / 3600 };
    });
    const { studyInstanceUid, instances, message } = buildExamination({ number: 7 });
    await flow.accepts(message);
    const failed = await flow.reaches(studyInstanceUid, 'failed', 'publication/study-not-found');
    expect(failed.journal.map(({ event }) => event)).toEqual([
      'report/received',
      'study/waiting-for-images',
      'study/not-found',
    ]);
    expect(failed.journal.at(-1)?.error).toBe('publication/study-not-found');
    const [alert] = await flow.alertsOf(studyInstanceUid);
    expect(alert).toMatchObject({ code: 'publication/study-not-found', count: 1 });
    expect(alert).not.toHaveProperty('clearedAt');

    await flow.keep(instances);
    await flow.reaches(studyInstanceUid, 'published');
    expect(await flow.manifestsOf(studyInstanceUid)).toHaveLength(1);
    expect(await flow.alertsOf(studyInstanceUid)).toEqual([]);
    expect(await flow.alertsOf(studyInstanceUid, '--all')).toMatchObject([{ clearedAt: expect.any(String) }]);
  });
});
