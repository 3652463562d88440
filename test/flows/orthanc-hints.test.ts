/** What Orthanc does to studies by itself or by order of its users, and what the hook tells of it. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { type HookListener, idsOf, startHookListener } from '../fixtures/orthanc/hook-listener.ts';
import { buildInstance, buildSeries } from '../fixtures/orthanc/studies.ts';
import {
  isOrthancHere,
  type OrthancPeer,
  type OrthancVersion,
  startOrthanc,
  type StoredFile,
} from '../peers/orthanc/index.ts';

const folder = mkdtempSync(join(tmpdir(), 'drimbox-hints-'));
const secretFile = join(folder, 'secret');
const secret = 'an-invented-secret-0123456789';
writeFileSync(secretFile, secret);
afterAll(() => rmSync(folder, { recursive: true }));

const eventually = { timeout: 10_000, interval: 50 };
const uid = '2.25.999999.1';
const otherUid = '2.25.999999.2';

/** One version a run: `scripts/test` has 1.10, `scripts/test --orthanc 1.12` the other. */
const versions: OrthancVersion[] = [process.env['DRIMBOX_TEST_ORTHANC'] === '1.12' ? '1.12' : '1.10'];
describe.each(versions)('hints of Orthanc %s', (version) => {
  if (!isOrthancHere(version)) {
    it.skip(`Orthanc ${version} is not on this machine`, () => undefined);
    return;
  }
  let listener: HookListener;
  let orthanc: OrthancPeer;
  let study: StoredFile;
  let other: StoredFile;

  /** Until the hook has nothing left to tell: of Orthanc's own queue of changes there is no sign, so a moment more. */
  const settle = async (): Promise<void> => {
    await sleep(600);
    await vi.waitFor(
      async () => expect(await orthanc.getJson('/drimbox-hook')).toMatchObject({ pending: 0 }),
      eventually,
    );
    await sleep(300);
  };
  const run = async (path: string, body: unknown): Promise<Record<string, string>> => {
    const { status, text } = await orthanc.call('POST', path, body);
    expect([status, text]).toEqual([200, expect.anything()]);
    return JSON.parse(text) as Record<string, string>;
  };
  const expectHints = (expected: Record<string, readonly string[]>): Promise<void> =>
    vi.waitFor(() => {
      for (const [what, ids] of Object.entries(expected)) {
        expect([what, idsOf(listener, what)]).toEqual([what, expect.arrayContaining([...ids])]);
      }
    }, eventually);
  const instancesOf = async (studyId: string): Promise<readonly string[]> =>
    (await orthanc.getJson<{ ID: string }[]>(`/studies/${studyId}/instances`)).map(({ ID }) => ID);

  beforeAll(async () => {
    listener = await startHookListener({ secret });
    orthanc = await startOrthanc({
      version,
      hook: { host: '127.0.0.1', port: listener.port, secretFile },
      configuration: { OverwriteInstances: true },
    });
  });
  afterAll(async () => {
    await orthanc.discard();
    await listener.close();
  });
  beforeEach(async () => {
    const [first] = await orthanc.storeFiles(buildSeries(uid, `${uid}.1`, 2));
    const [second] = await orthanc.storeFiles(buildSeries(otherUid, `${otherUid}.1`, 2));
    if (first === undefined || second === undefined) throw new Error('not stored');
    [study, other] = [first, second];
    await settle();
    listener.forget();
  });
  afterEach(async () => {
    await orthanc.removeEverything();
    await settle();
  });

  it('a study modified under its UID, its source not kept: stored again, its former instances deleted', async () => {
    const before = await instancesOf(study.studyId);
    const { ID } = await run(`/studies/${study.studyId}/modify`, {
      Replace: { StudyDescription: 'AUTRE' },
      Keep: ['StudyInstanceUID'],
      KeepSource: false,
      Force: true,
    });
    expect(ID).toBe(study.studyId);
    await expectHints({
      'stored study': [study.studyId],
      'deleted instance': before,
      'deleted series': [study.seriesId],
    });
  });

  it('a study modified into another: the new one stored, the former deleted', async () => {
    const { ID = '' } = await run(`/studies/${study.studyId}/modify`, {
      Replace: { StudyDescription: 'AUTRE' },
      KeepSource: false,
    });
    expect(ID).not.toBe(study.studyId);
    await expectHints({ 'stored study': [ID], 'deleted study': [study.studyId] });
  });

  it('a patient corrected, all UIDs kept: Orthanc has other ids for all, the new ones stored and the former deleted', async () => {
    await run(`/patients/${study.patientId}/modify`, {
      Replace: { PatientID: 'IPP-0009' },
      Keep: ['StudyInstanceUID', 'SeriesInstanceUID', 'SOPInstanceUID'],
      KeepSource: false,
      Force: true,
    });
    const studies = await orthanc.getJson<string[]>('/studies');
    expect(studies.length).toBe(2);
    expect(studies).not.toContain(study.studyId);
    await expectHints({
      'stored study': studies,
      'deleted study': [study.studyId, other.studyId],
      'deleted patient': [study.patientId],
    });
  });

  it('a study modified over itself, every UID kept: told as stored, though Orthanc ids and number of instances stay', async () => {
    const before = await instancesOf(study.studyId);
    await run(`/studies/${study.studyId}/modify`, {
      Replace: { StudyDescription: 'AUTRE' },
      Keep: ['StudyInstanceUID', 'SeriesInstanceUID', 'SOPInstanceUID'],
      KeepSource: true,
      Force: true,
    });
    expect((await instancesOf(study.studyId)).toSorted()).toEqual([...before].toSorted());
    await expectHints({ 'stored study': [study.studyId] });
  });

  it('an instance sent again with other content: its study is told as stored', async () => {
    const elements = [['00200013', 'IS', '77']] as const;
    const again = await orthanc.storeFile(
      buildInstance({ study: uid, series: `${uid}.1`, instance: `${uid}.1.1`, elements: [...elements] }),
    );
    expect(again.studyId).toBe(study.studyId);
    await expectHints({ 'stored study': [study.studyId] });
  });

  it('two studies merged: the target stored, the source deleted', async () => {
    await run(`/studies/${study.studyId}/merge`, { Resources: [other.studyId], KeepSource: false });
    expect(await orthanc.getJson('/studies')).toEqual([study.studyId]);
    await expectHints({ 'stored study': [study.studyId], 'deleted study': [other.studyId] });
  });

  it('a series split off: the new study stored, the series deleted', async () => {
    await orthanc.storeFile(buildInstance({ study: uid, series: `${uid}.2`, instance: `${uid}.2.1` }));
    await settle();
    listener.forget();
    const { TargetStudy = '' } = await run(`/studies/${study.studyId}/split`, {
      Series: [study.seriesId],
      KeepSource: false,
    });
    await expectHints({ 'stored study': [TargetStudy], 'deleted series': [study.seriesId] });
    expect(idsOf(listener, 'deleted study')).toEqual([]);
  });

  it('a study anonymised, its source not kept: the anonymous one stored, the former deleted', async () => {
    const { ID = '' } = await run(`/studies/${study.studyId}/anonymize`, { KeepSource: false });
    await expectHints({ 'stored study': [ID], 'deleted study': [study.studyId] });
  });

  it('a patient recycled for want of room: deleted, study and all (DB.SO.27)', async () => {
    const crowded = await startHookListener({ secret });
    const small = await startOrthanc({
      version,
      hook: { host: '127.0.0.1', port: crowded.port, secretFile },
      configuration: { MaximumPatientCount: 1 },
    });
    const [first] = await small.storeFiles(buildSeries(uid, `${uid}.1`, 2));
    await small.storeFiles(buildSeries(otherUid, `${otherUid}.1`, 1, { patientId: 'IPP-0002' }));
    await vi.waitFor(() => {
      expect(idsOf(crowded, 'deleted patient')).toEqual([first?.patientId]);
      expect(idsOf(crowded, 'deleted study')).toEqual([first?.studyId]);
      expect(idsOf(crowded, 'deleted instance').length).toBe(2);
    }, eventually);
    await small.discard();
    await crowded.close();
  });

  it('what changes no image tells nothing: metadata, attachments, labels, becoming stable', async () => {
    const paths: readonly (readonly [string, unknown])[] = [
      [`/studies/${study.studyId}/metadata/1024`, 'x'],
      [`/instances/${study.instanceId}/metadata/1025`, 'x'],
      [`/studies/${study.studyId}/attachments/1026`, 'x'],
    ];
    for (const [path, body] of paths) expect((await orthanc.call('PUT', path, body)).status).toBe(200);
    if (version === '1.12') await orthanc.call('PUT', `/studies/${study.studyId}/labels/suivi`, '');
    await orthanc.call('DELETE', '/changes');
    // Stable after one second here.
    await sleep(2_000);
    await settle();
    expect(listener.heard()).toEqual([]);
  });
});
