/**
 * A change of DRIMbox: one publishes and exports, another with an empty archive imports, and from then on updates and deletes
 * what the first one published (decision A7). Both are sidecars of the same site in turn; the DMP and Orthanc stay.
 */
import { existsSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { buildExamination } from '../fixtures/examination.ts';
import { flipped, pack, unpack } from '../fixtures/xdm/index.ts';
import { type FlowSite, isSiteHere, startFlowSite, type StoreKind } from './flow-site.ts';
import { judgeManifest } from './manifest-judges.ts';
import { buildInitial, buildReplacement, buildReportDeletion, imagesOf } from './report-story.ts';

interface ImportAnswer {
  readonly counts: Readonly<Record<string, number>>;
  readonly refusals: Readonly<Record<string, number>>;
  readonly items: readonly { readonly outcome: string; readonly studyInstanceUid?: string; readonly code?: string }[];
}

const stores: readonly StoreKind[] = ['embedded', 'postgres'];

describe.skipIf(!isSiteHere).each(stores)('an archive handed over, store %s', (store) => {
  const updated = buildExamination({ number: 1 }).studyInstanceUid;
  const grown = buildExamination({ number: 2 }).studyInstanceUid;
  let flow: FlowSite;
  let path: string;

  const drimbox = async (...words: readonly string[]): Promise<unknown> => {
    const { status, stdout, stderr } = await flow.site.drimbox(...words);
    expect([status, stderr.split('\n').filter((line) => line.includes('/') && line.includes(': '))]).toEqual([0, []]);
    return JSON.parse(stdout);
  };

  /** Another DRIMbox: it has never seen anything. */
  const forgetEverything = async (): Promise<void> => {
    await flow.site.sidecar().stop();
    if (flow.postgres === undefined) rmSync(join(flow.site.folder, 'store'), { recursive: true, force: true });
    else await flow.postgres.run('DROP SCHEMA public CASCADE; CREATE SCHEMA public', 'drimbox');
    await flow.site.restartSidecar();
  };

  beforeAll(async () => {
    flow = await startFlowSite({ store });
    path = join(flow.site.folder, 'archive.zip');
    for (const [number, uid] of [
      [1, updated],
      [2, grown],
    ] as const) {
      await flow.keep(imagesOf(number, 1, 3));
      await flow.accepts(buildInitial(number));
      await flow.reaches(uid, 'published');
    }
  });
  afterAll(() => flow.stop());

  it('exports what the DMP holds, valid for foreign readers, for its owner only (DB.SO.31)', async () => {
    expect(await drimbox('xdm', 'export', path)).toMatchObject({ path, exported: 2, leftOut: {} });
    expect(statSync(path).mode & 0o777).toBe(0o600);
    const files = await unpack(path);
    const manifests = [...files].filter(([name]) => name.endsWith('KOS_1_1.DCM'));
    expect(manifests).toHaveLength(2);
    for (const [, kos] of manifests) expect(judgeManifest(kos)).toEqual({ errors: [], complaints: [] });
    const published = await flow.publishedOf(updated);
    expect(manifests.some(([, kos]) => kos.equals(published.kos))).toBe(true);
    const again = await flow.site.drimbox('xdm', 'export', path);
    expect([again.status, again.stderr]).toEqual([1, expect.stringMatching(/^archive\/file-exists: /)]);
    expect(existsSync(path)).toBe(true);
  });

  it('exports one study when it is asked for one', async () => {
    const one = join(flow.site.folder, 'one.zip');
    expect(await drimbox('xdm', 'export', one, '--study', grown)).toMatchObject({ exported: 1 });
  });

  it('shows first what would happen, then imports; an unchanged PACS republishes nothing (C1)', async () => {
    await forgetEverything();
    const before = await flow.countSubmissions();
    expect(await drimbox('xdm', 'import', path, '--dry-run')).toMatchObject({ counts: { importable: 2, refused: 0 } });
    expect(await drimbox('archive', 'list')).toEqual([]);
    expect(await drimbox('xdm', 'import', path)).toMatchObject({ counts: { imported: 2, refused: 0 } });
    for (const uid of [updated, grown]) {
      await flow.looked(uid);
      const view = await flow.reaches(uid, 'published');
      expect(view.reports).toMatchObject([{ state: 'current', action: 'initial' }]);
    }
    expect(await flow.countSubmissions()).toBe(before);
    expect(await drimbox('xdm', 'import', path)).toMatchObject({ counts: { imported: 0, 'already-there': 2 } });
  });

  it('a replacement from the RIS replaces what the other DRIMbox published (RPLC)', async () => {
    const { entry: former } = await flow.publishedOf(updated);
    await flow.accepts(buildReplacement(1, 2));
    await flow.tells(updated, 'dmp/replaced');
    const { entry } = await flow.publishedOf(updated);
    expect(entry.replaces).toBe(former.entryUuid);
    expect((await flow.manifestsOf(updated)).map(({ status }) => status)).toEqual(['Deprecated', 'Approved']);
    const view = await flow.reaches(updated, 'published');
    expect(view.reports.map(({ state }) => state)).toEqual(['replaced', 'current']);
  });

  it('a deletion from the RIS deletes it', async () => {
    await flow.accepts(buildReportDeletion(1, 2));
    await flow.reaches(updated, 'retired');
    expect((await flow.manifestsOf(updated)).map(({ status }) => status)).toEqual(['Deprecated', 'Deleted']);
  });

  it('an image more in the PACS replaces the other one, in the name of who published it', async () => {
    await flow.keep(imagesOf(2, 1, 4));
    await flow.tells(grown, 'dmp/replaced');
    expect((await flow.manifestsOf(grown)).map(({ status }) => status)).toEqual(['Deprecated', 'Approved']);
  });

  it('does not bring back what was replaced or deleted since', async () => {
    const answer = (await drimbox('xdm', 'import', path)) as ImportAnswer;
    expect(answer.counts).toMatchObject({ imported: 0 });
    expect((await flow.show(updated)).state).toBe('retired');
  });

  it('refuses what is damaged and takes the rest', async () => {
    await forgetEverything();
    const files = await unpack(path);
    const [damaged = ''] = [...files.keys()].filter((name) => name.endsWith('KOS_1_1.DCM'));
    files.set(damaged, flipped(files.get(damaged) ?? Buffer.alloc(1)));
    const broken = join(flow.site.folder, 'broken.zip');
    await pack(broken, files);
    const answer = (await drimbox('xdm', 'import', broken)) as ImportAnswer;
    expect(answer).toMatchObject({
      counts: { imported: 1, refused: 1 },
      refusals: { 'archive/xdm-hash-mismatch': 1 },
    });
    expect((await drimbox('archive', 'list')) as unknown[]).toHaveLength(1);
    writeFileSync(broken, readFileSync(path).subarray(0, 5000));
    const cut = await flow.site.drimbox('xdm', 'import', broken);
    expect([cut.status, cut.stderr]).toEqual([1, expect.stringMatching(/^archive\/xdm-zip-invalid: /)]);
  });

  it('loads a manifest alone, for a study without report, and sends nothing for it', async () => {
    await forgetEverything();
    const before = await flow.countSubmissions();
    const file = join(flow.site.folder, 'manifest.dcm');
    writeFileSync(file, (await flow.publishedOf(grown)).kos);
    expect(await drimbox('kos', 'load', file, file)).toMatchObject({
      counts: { loaded: 1, 'already-there': 1, refused: 0 },
    });
    expect((await flow.show(grown)).state).toBe('loaded');
    expect(await flow.countSubmissions()).toBe(before);
  });
});
