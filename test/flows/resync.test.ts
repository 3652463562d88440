/**
 * Things happen in the PACS while nobody looks: the sweep after the next start finds them all; `drimbox resync` shows them
 * first, then has them put right. On a real Orthanc, by REST on one site and by SQL on the other.
 */
import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { join } from 'node:path';
import { json } from 'node:stream/consumers';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { askSidecar, type ResyncView, type StoreFigures } from '../../plugin/admin/index.ts';
import { buildExamination, type Examination } from '../fixtures/examination.ts';
import { type FlowSite, isSiteHere, soon, startFlowSite, type StoreKind } from './flow-site.ts';
import { imagesOf } from './report-story.ts';

const stores: readonly StoreKind[] = ['embedded', 'postgres'];

describe.skipIf(!isSiteHere).each(stores)('the archive is compared with the PACS, store %s', (store) => {
  let flow: FlowSite;
  const examinations = [1, 2, 3, 4, 5].map((number) => buildExamination({ number, instancesPerSeries: 3 }));
  const at = (index: number): Examination => {
    const examination = examinations[index];
    if (examination === undefined) throw new Error(`no examination ${index}`);
    return examination;
  };
  const uidAt = (index: number): string => at(index).studyInstanceUid;
  const history = (index: number): Promise<readonly string[]> => flow.historyOf(uidAt(index));

  beforeAll(async () => {
    flow = await startFlowSite({
      store,
      sqlIndex: store === 'postgres',
      publication: { DeletionDelayMinutes: 1 / 60 },
    });
    for (const examination of examinations) {
      await flow.keep(examination.instances);
      await flow.accepts(examination.message);
    }
    for (const { studyInstanceUid } of examinations) await flow.reaches(studyInstanceUid, 'published');
  });
  afterAll(() => flow.stop());

  const startToSweepAfter = (seconds: number): Promise<void> =>
    flow.reconfigure((section) => {
      section['Publication'] = { ...section['Publication'], SweepAfterStartSeconds: seconds };
    });

  /** Nobody hears of it: the sidecar is down, and Orthanc stops before it could tell. */
  const whileNobodyLooks = async (happens: () => Promise<void>): Promise<void> => {
    await flow.site.sidecar().stop();
    await happens();
    await flow.orthanc.stop({ keepFolder: true });
    await flow.restartOrthanc();
    await startToSweepAfter(0.5);
  };

  /** A sweep that is cut short goes on after the next start: Orthanc's own start asks for a second one. */
  const sweepEnds = (): Promise<void> =>
    vi.waitFor(async () => {
      const { sweep } = (await flow.ask('archive', 'status')) as StoreFigures;
      expect(sweep).toMatchObject({ phase: 'finished', isWantedAgain: false });
    }, soon);

  /** Somebody else hears of it, in the sidecar's place, and says nothing: no sweep is caused either. */
  const whileAnotherListens = async (happens: () => Promise<void>): Promise<void> => {
    await sweepEnds();
    await flow.site.sidecar().stop();
    const { DrimBox } = JSON.parse(readFileSync(flow.site.configFile, 'utf8')) as {
      readonly DrimBox: { readonly Orthanc: { readonly Hook: { readonly Port: number } } };
    };
    const told = new Set<string>();
    const deaf = createServer((request, response) => {
      void json(request).then((batch) => {
        for (const { orthancId } of (batch as { readonly changes: readonly { orthancId: string }[] }).changes) {
          told.add(orthancId);
        }
        response.writeHead(204).end();
      });
    });
    await new Promise<void>((resolve) => deaf.listen(DrimBox.Orthanc.Hook.Port, '127.0.0.1', resolve));
    const before = await resources();
    await happens();
    const left = new Set(await resources());
    const gone = before.filter((id) => !left.has(id));
    expect(gone).not.toEqual([]);
    // Orthanc tells a little later: what is not told here would be told to the sidecar.
    await vi.waitFor(() => expect(gone.filter((id) => !told.has(id))).toEqual([]), soon);
    await new Promise<void>((resolve) => {
      deaf.close(() => resolve());
      deaf.closeAllConnections();
    });
    await startToSweepAfter(3600);
  };
  const resources = async (): Promise<readonly string[]> => {
    const levels = ['/patients', '/studies', '/series', '/instances'];
    return (await Promise.all(levels.map((level) => flow.orthanc.getJson<readonly string[]>(level)))).flat();
  };
  const resync = async (words: readonly string[], told: object[] = []): Promise<ResyncView> =>
    (await askSidecar(join(flow.site.folder, 'store'), ['resync', ...words], (line) => told.push(line))) as ResyncView;
  const orders = async (): Promise<number> => {
    let count = 0;
    for (const { studyInstanceUid } of examinations) count += (await flow.show(studyInstanceUid)).orders.length;
    return count;
  };

  it('a study, an image deleted, an image added, unheard: the sweep of the next start finds them all (design §5, DB.SO.27)', async () => {
    await whileNobodyLooks(async () => {
      await flow.removeFromOrthanc('Study', uidAt(0));
      await flow.removeFromOrthanc('Instance', at(1).instances[0]?.sopInstanceUid ?? '');
      await flow.keep(imagesOf(3, 1, 4));
    });
    await vi.waitFor(async () => expect(await history(0)).toEqual(['Deleted 3']), soon);
    await vi.waitFor(async () => expect(await history(1)).toEqual(['Deprecated 3', 'Approved 2']), soon);
    await vi.waitFor(async () => expect(await history(2)).toEqual(['Deprecated 3', 'Approved 4']), soon);
    await flow.reaches(uidAt(0), 'images-gone');
    for (const index of [3, 4]) {
      expect(await history(index)).toEqual(['Approved 3']);
      expect((await flow.show(uidAt(index))).orders).toHaveLength(1);
    }
  });

  it('resync shows what it would do, and does nothing of it (DB.SO.28, DB.SO.88)', async () => {
    // No sweep this time: only the command looks.
    await whileAnotherListens(async () => {
      await flow.removeFromOrthanc('Study', uidAt(1));
      await flow.removeFromOrthanc('Instance', at(3).instances[1]?.sopInstanceUid ?? '');
    });
    const before = await orders();
    const list = join(flow.site.folder, 'findings.csv');
    const { status, stdout } = await flow.site.drimbox('resync', '--list', list);
    expect(status).toBe(0);
    expect(JSON.parse(stdout)).toMatchObject({
      phase: 'compared',
      applied: false,
      compared: 5,
      total: 5,
      figures: { archived: 4, withoutExam: 1, toUpdate: 1, upToDate: 2, unreadable: 0 },
      findings: {
        'without-exam': { count: 1, studies: [uidAt(1)] },
        changed: { count: 1, studies: [uidAt(3)] },
      },
      looks: { wanted: 2, asked: 0, looked: 0 },
      list,
    });
    expect(readFileSync(list, 'utf8').split('\n').toSorted()).toEqual(
      [
        '',
        'study_instance_uid,finding,looked,state,reason',
        `${uidAt(1)},without-exam,false,published,`,
        `${uidAt(3)},changed,false,published,`,
      ].toSorted(),
    );
    expect(await orders()).toBe(before);
    expect(await history(1)).toEqual(['Deprecated 3', 'Approved 2']);
    expect(await history(3)).toEqual(['Approved 3']);
  });

  it('resync --apply does it, outlives a killed sidecar, and tells how many are held (DB.SO.28, DB.SO.88, D3)', async () => {
    const told: object[] = [];
    const cut = resync(['--apply'], told).catch((error: unknown) => error);
    await vi.waitFor(() => expect(told.length).toBeGreaterThan(0), soon);
    await flow.site.sidecar().kill();
    await cut;
    await flow.site.restartSidecar();
    // A second deletion in a day is one too many here: an administrator decides (D3).
    const view = await resync(['--apply'], told);
    expect(view).toMatchObject({
      phase: 'finished',
      applied: true,
      looks: { wanted: 2, asked: 2, looked: 2 },
      figures: { archived: 4, withoutExam: 1, toUpdate: 1, upToDate: 2, unreadable: 0, archivedAfter: 4 },
      held: 1,
    });
    expect(told.length).toBeGreaterThan(1);
    await flow.reaches(uidAt(1), 'held', 'publication/deletion-limit');
    expect(await history(1)).toEqual(['Deprecated 3', 'Approved 2']);
    expect(await history(3)).toEqual(['Deprecated 3', 'Approved 2']);
    expect(await resync(['--status'])).toMatchObject({ run: view.run, phase: 'finished' });
  });

  it('without a running sidecar the command says what to do', async () => {
    await flow.site.sidecar().stop();
    const { status, stdout, stderr } = await flow.site.drimbox('resync');
    expect([status, stdout]).toEqual([1, '']);
    expect(stderr).toContain('cli/sidecar-unreachable');
    expect(stderr).toContain('the running service compares');
  });
});
