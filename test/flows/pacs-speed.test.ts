/**
 * The speed of the PACS is measured on a real Orthanc and kept, whoever holds the store: the running service, nobody, or
 * nobody because there is none (DB.SO.102, DB.SO.155, DB.SO.156).
 */
import { renameSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { buildExamination } from '../fixtures/examination.ts';
import { type FlowSite, isSiteHere, startFlowSite, type StoreKind } from './flow-site.ts';

const stores: readonly StoreKind[] = ['embedded', 'postgres'];

describe.skipIf(!isSiteHere).each(stores)('the speed of the PACS, store %s', (store) => {
  let flow: FlowSite;
  const { instances, studyInstanceUid } = buildExamination({ number: 1, instancesPerSeries: 4 });
  beforeAll(async () => {
    flow = await startFlowSite({
      store,
      prepare: ({ storageFolder }) => Promise.resolve({ Orthanc: { StorageFolder: storageFolder } }),
    });
    await flow.keep(instances);
  });
  afterAll(() => flow.stop());

  const run = async (...words: readonly string[]): Promise<unknown> => {
    const { status, stdout, stderr } = await flow.site.drimbox('pacs', 'speed', ...words);
    expect([status, stderr]).toEqual([0, '']);
    return JSON.parse(stdout) as unknown;
  };
  const measured = { kind: 'measured', studyInstanceUid, objects: instances.length, readInFolder: instances.length };

  it('is measured and kept beside the running service, and shown again', async () => {
    expect(await run('--history')).toEqual({ speeds: [] });
    const first = await run();
    expect(first).toMatchObject({ ...measured, kept: true });
    const { firstImageMs, totalMs, megabytesPerSecond } = first as Record<string, number>;
    expect(await run('--history')).toMatchObject({
      summary: { measures: 1 },
      speeds: [
        { studyInstanceUid, reader: 'folder', images: instances.length, firstImageMs, totalMs, megabytesPerSecond },
      ],
    });
  });

  it('of a study that the PACS does not have is none, and nothing is kept of it', async () => {
    const absent = await run('2.25.7');
    expect(absent).toMatchObject({ kind: 'absent' });
    expect(absent).not.toHaveProperty('kept');
    expect(await run('--history')).toMatchObject({ speeds: [{}] });
  });

  it('is kept while the service is stopped too', async () => {
    await flow.site.sidecar().stop();
    expect(await run(studyInstanceUid)).toMatchObject({ ...measured, kept: true });
    expect(await run(studyInstanceUid, '--history', '--limit', '5')).toMatchObject({ speeds: [{}, {}] });
    await flow.site.restartSidecar();
    expect(await run('--history')).toMatchObject({ speeds: [{}, {}] });
  });

  const withoutStore = async (): Promise<void> => {
    await flow.site.sidecar().stop();
    const folder = join(flow.site.folder, 'store', 'pglite');
    renameSync(folder, `${folder}.away`);
    try {
      expect(await run()).toMatchObject({
        ...measured,
        kept: false,
        notKept: { code: 'store/absent', reason: expect.stringMatching(/\.$/) },
      });
    } finally {
      renameSync(`${folder}.away`, folder);
    }
  };
  if (store === 'embedded') it('is shown where no store can be reached, and said not to be kept', withoutStore);
});
