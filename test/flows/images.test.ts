/**
 * Another DRIMbox fetches the images of a published examination: real Orthanc, real TLS with client certificates, a signed
 * whitelist, a Pro Santé Connect that checks, curl as the client and dcmtk as the reader.
 */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { buildExamination } from '../fixtures/examination.ts';
import { splitMultipart } from '../fixtures/wado/split-multipart.ts';
import { type DrimboxPeer, type ImageAnswer, type ImageRequest, startDrimbox } from '../peers/drimbox/index.ts';
import { exampleClients, personas } from '../peers/psc/index.ts';
import { type FlowSite, isSiteHere, soon, startFlowSite, type StoreKind } from './flow-site.ts';

const stores: readonly StoreKind[] = ['embedded', 'postgres'];
const jpegLs = '1.2.840.10008.1.2.4.80';
/** The national request of facts b.5.1, lossless. */
const lossless = ['1.2.840.10008.1.2.4.70;q=0.9', `${jpegLs};q=0.8`, '1.2.840.10008.1.2.1;q=0.4']
  .map((one) => `multipart/related; type="application/dicom";transfer-syntax=${one};boundary=**`)
  .join(', ');

describe.skipIf(!isSiteHere).each(stores)('images for another DRIMbox, store %s', (store) => {
  let flow: FlowSite;
  let peer: DrimboxPeer;
  const folder = mkdtempSync(join(tmpdir(), 'drimbox-images-'));
  const [first, second] = [1, 2].map((number) => buildExamination({ number, instancesPerSeries: 3 }));
  if (first === undefined || second === undefined) throw new Error('no examination');
  const seriesUid = first.instances[0]?.seriesInstanceUid ?? '';
  const path = `/drimbox/studies/${first.studyInstanceUid}/series/${seriesUid}`;
  let kos: string;

  beforeAll(async () => {
    flow = await startFlowSite({
      store,
      sqlIndex: store === 'postgres',
      prepare: async (place) => {
        peer = await startDrimbox(place);
        return peer.section;
      },
    });
    for (const examination of [first, second]) {
      await flow.keep(examination.instances);
      await flow.accepts(examination.message);
      await flow.reaches(examination.studyInstanceUid, 'published');
    }
    kos = await kosOf(first.studyInstanceUid);
  });
  afterAll(async () => {
    await flow.stop();
    await peer.stop();
    rmSync(folder, { recursive: true });
  });

  const kosOf = async (uid: string): Promise<string> =>
    (await flow.show(uid)).orders.findLast(({ state }) => state === 'accepted')?.kosSopInstanceUid ?? '';
  const ask = (changes: Partial<ImageRequest> = {}): Promise<ImageAnswer> => peer.ask({ path, kos, ...changes });
  /** curl has undone the chunks already. */
  const partsOf = ({ headers, body }: ImageAnswer) => splitMultipart(headers.get('content-type'), body);
  const dump = (bytes: Uint8Array, ...options: readonly string[]): string => {
    const file = join(folder, 'part.dcm');
    writeFileSync(file, bytes);
    return execFileSync('dcmdump', [...options, file], { encoding: 'latin1' });
  };
  const audit = async (): Promise<readonly Record<string, unknown>[]> => {
    const { stdout } = await flow.site.drimbox('audit', '--format', 'json');
    return JSON.parse(stdout) as readonly Record<string, unknown>[];
  };

  it('a listed DRIMbox, a professional, the manifest: the series, whole, with the INS (DB.SO.32, DB.SO.111)', async () => {
    const answer = await ask({ accept: lossless.replace('1.2.840.10008.1.2.1;q=0.4', '1.2.840.10008.1.2.1;q=1') });
    expect(answer.status).toBe(200);
    const parts = partsOf(answer);
    expect(parts.map(({ sopInstanceUid }) => sopInstanceUid)).toEqual(first.instances.map((one) => one.sopInstanceUid));
    for (const { bytes, sopInstanceUid } of parts) {
      const stored = first.instances.find((one) => one.sopInstanceUid === sopInstanceUid);
      expect(dump(bytes, '+P', 'PixelData', '+L')).toBe(
        dump(stored?.bytes ?? Buffer.alloc(0), '+P', 'PixelData', '+L'),
      );
      expect(dump(bytes)).toMatch(/\(0040,0032\) UT \[1\.2\.250\.1\.213\.1\.4\.10\]/);
    }
  });

  it('the national lossless request is answered in the best syntax that can be made; dcmtk reads the same pixels', async () => {
    const answer = await ask({ accept: lossless });
    expect(answer.status).toBe(200);
    for (const { bytes, transferSyntaxUid, sopInstanceUid } of partsOf(answer)) {
      expect(transferSyntaxUid).toBe('1.2.840.10008.1.2.4.70');
      const [made, native] = [join(folder, 'made.dcm'), join(folder, 'native.dcm')];
      writeFileSync(made, bytes);
      execFileSync('dcmdjpeg', [made, native]);
      const stored = first.instances.find((one) => one.sopInstanceUid === sopInstanceUid)?.bytes ?? Buffer.alloc(0);
      const pixels = (text: string): string => /\(7fe0,0010\) O[BW] (\S+)/.exec(text)?.[1] ?? text;
      expect(pixels(execFileSync('dcmdump', ['+L', native], { encoding: 'latin1' }))).toBe(pixels(dump(stored, '+L')));
    }
  });

  it('who is not of the trust space gets nothing, and no hint why (b.5.3, DB.CS.147, DB.CS.151)', async () => {
    const { negative } = peer.ca;
    const kinds = {
      none: null,
      'another authority': negative.rogueAuthCli,
      expired: negative.expiredAuthCli,
      revoked: negative.revokedAuthCli,
      'not in the list': negative.noOuAuthCli,
      'for a server': peer.structure.ssl,
      'for signing': peer.structure.sign,
    };
    const answers = new Map<string, string>();
    for (const [kind, certificate] of Object.entries(kinds)) {
      const { status, body } = await ask({ certificate });
      answers.set(kind, `${status} ${body.toString()}`);
    }
    expect([...new Set(answers.values())]).toEqual(['403 403 Forbidden\r\n']);
    const reasons = (await audit()).slice(-7).map((line) => line['reason']);
    expect(new Set(reasons).size).toBeGreaterThanOrEqual(6);
  });

  it('who acts for nobody, or shows a token that is over, is asked to sign in (401, E4)', async () => {
    expect((await ask({ token: '' })).status).toBe(401);
    expect((await ask({ token: 'rubbish' })).status).toBe(401);
    const revoked = await peer.psc.mintToken(personas.radiologist);
    await peer.psc.revoke(revoked);
    expect((await ask({ token: revoked })).status).toBe(401);
    await peer.psc.faults.order({ kind: 'down' });
    expect((await ask({ token: await peer.psc.mintToken(personas.pharmacist) })).status).toBe(503);
    await peer.psc.faults.clear();
    expect((await ask()).status).toBe(200);
  });

  it('a token of software that this DRIMbox does not use is refused (403, E4)', async () => {
    const token = await peer.psc.mintToken(personas.doctor, { clientId: exampleClients.stranger.clientId });
    expect((await ask({ token })).status).toBe(403);
    expect((await audit()).at(-1)).toMatchObject({ reason: 'trust/token-client-refused' });
  });

  it('the manifest of another study opens nothing (DB.SO.85, E2)', async () => {
    expect((await ask({ kos: await kosOf(second.studyInstanceUid) })).status).toBe(404);
    expect((await ask({ kos: '2.25.1' })).status).toBe(404);
    expect((await ask({ path: path.replace(/series\/.*/, 'series/1.2.3') })).status).toBe(404);
  });

  it('an image deleted from the PACS leaves the new manifest; the old one opens nothing more (E1, E2)', async () => {
    const gone = first.instances[0]?.sopInstanceUid ?? '';
    const before = kos;
    await flow.removeFromOrthanc('Instance', gone);
    await vi.waitFor(async () => expect((kos = await kosOf(first.studyInstanceUid))).not.toBe(before), soon);
    expect((await ask({ kos: before })).status).toBe(404);
    expect(partsOf(await ask()).map(({ sopInstanceUid }) => sopInstanceUid)).toEqual(
      first.instances.slice(1).map((one) => one.sopInstanceUid),
    );
  });

  it('the audit tells who saw what of whom; the statistics count it (DB.SO.90, b.14)', async () => {
    const lines = await audit();
    expect(lines.find((line) => line['outcome'] === 'served')).toMatchObject({
      study: first.studyInstanceUid,
      manifest: expect.stringMatching(/^[0-9.]+$/),
      professional: personas.doctor.nationalId,
      peerEntry: '7',
      objects: 3,
    });
  });

  it('the state of the service is told to anybody (DB.SO.182, DB.SO.183)', async () => {
    const { status, body } = await peer.ask({ path: '/q/health', certificate: null, token: '' });
    expect([status, (JSON.parse(body.toString()) as { status: string }).status]).toEqual([200, 'UP']);
  });

  it('the doctor looks at the certificate that other DRIMboxes see (G4)', async () => {
    const { stdout } = await flow.site.drimbox('doctor', '--json');
    const { results } = JSON.parse(stdout) as { results: { name: string; details?: string[] }[] };
    const { details = [] } = results.find(({ name }) => name === 'certificates') ?? {};
    expect(details.filter((line) => line.includes('localhost'))).toHaveLength(1);
  });

  it('a killed service gives images again as soon as it is started (design §5)', async () => {
    await flow.site.sidecar().kill();
    await flow.site.restartSidecar();
    expect((await ask()).status).toBe(200);
    expect((await ask({ accept: lossless })).status).toBe(200);
  });

  it('from the moment the report is deleted nothing is given any more (B7)', async () => {
    const deletion = buildExamination({ number: 1, message: { action: 'delete', controlId: 'DEL-1' } });
    await flow.accepts(deletion.message);
    expect((await ask()).status).toBe(404);
  });
});
