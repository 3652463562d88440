/**
 * The command line of a site: JSON on standard output, one line of error with its code on standard error, exit status; the
 * same whether the sidecar holds the embedded store or not.
 */
import { existsSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { ErrorCode } from '../../plugin/errors.ts';
import { parseManifest } from '../../plugin/kos/index.ts';
import { remedyOf } from '../../plugin/remedies.ts';
import { buildExamination, examinationPatient, examinationStudy } from '../fixtures/examination.ts';
import { buildCda, buildCdaText } from '../fixtures/report/build-cda.ts';
import { buildOmi } from '../peers/ris/index.ts';
import { type FlowSite, isSiteHere, startFlowSite, type StoreKind, type StudyView } from './flow-site.ts';
import { judgeManifest } from './manifest-judges.ts';

interface Outcome {
  readonly status: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Standard output as JSON, of a command that succeeded and complained of nothing. */
const jsonOf = ({ status, stdout, stderr }: Outcome): unknown => {
  expect([status, stderr]).toEqual([0, '']);
  return JSON.parse(stdout);
};

const expectComplaint = ({ status, stdout, stderr }: Outcome, code: ErrorCode, exit: 1 | 2 = 1): void => {
  expect([status, stdout]).toEqual([exit, '']);
  expect(stderr).toMatch(/^[^\n]+\n$/);
  expect(stderr.startsWith(`${code}: `), stderr).toBe(true);
};

const stores: readonly StoreKind[] = ['embedded', 'postgres'];

describe.skipIf(!isSiteHere).each(stores)('command line, store %s', (store) => {
  let flow: FlowSite;
  let folder = '';
  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'drimbox-cli-'));
    flow = await startFlowSite({ store });
  });
  afterAll(async () => {
    await flow.stop();
    rmSync(folder, { recursive: true, force: true });
  });

  const drimbox = (...words: readonly string[]): Promise<Outcome> => flow.site.drimbox(...words);
  const file = (name: string, content: Uint8Array | string): string => {
    const path = join(folder, name);
    writeFileSync(path, content);
    return path;
  };

  const published = buildExamination({ number: 1, seriesCount: 2 });
  const held = buildExamination({ number: 2, cda: { legalAuthenticator: null }, message: { sender: null } });
  const unknownUid = '1.2.250.1.999999.2.404';

  beforeAll(async () => {
    await flow.keep([...published.instances, ...held.instances]);
    await flow.accepts(published.message);
    await flow.accepts(held.message);
    await flow.reaches(published.studyInstanceUid, 'published');
    await flow.reaches(held.studyInstanceUid, 'held', 'publication/person-unresolved');
  });

  // On PostgreSQL a command opens the store itself, whoever else has it open.
  const moments = store === 'embedded' ? ['while the sidecar serves', 'while the sidecar is stopped'] : ['beside it'];
  describe.each(moments)('%s', (when) => {
    beforeAll(async () => {
      if (when === 'while the sidecar is stopped') await flow.site.sidecar().stop();
    });
    afterAll(async () => {
      if (when === 'while the sidecar is stopped') await flow.site.restartSidecar();
    });

    it('archive list: every study, by state, by number', async () => {
      const all = jsonOf(await drimbox('archive', 'list')) as StudyView[];
      expect(all.map(({ state }) => state).sort()).toEqual(['held', 'published']);
      const some = jsonOf(await drimbox('archive', 'list', '--state', 'held', '--limit', '5')) as StudyView[];
      expect(some).toMatchObject([
        { studyInstanceUid: held.studyInstanceUid, reason: 'publication/person-unresolved' },
      ]);
    });

    it('archive show: reports, orders, answers and journal, without identity (A6, DB.SO.97)', async () => {
      const outcome = await drimbox('archive', 'show', published.studyInstanceUid);
      expect(jsonOf(outcome)).toMatchObject({
        state: 'published',
        reports: [{ state: 'current' }],
        orders: [{ kind: 'publish', state: 'accepted' }],
        answers: [{ transaction: 'ITI-41', outcome: 'success' }],
      });
      for (const identity of [examinationPatient.ins[0]?.value ?? '-', 'CAMILLE', 'IPP-0042', 'RADIO'])
        expect(outcome.stdout).not.toContain(identity);
    });

    it('archive kos: the bytes that the DMP holds, readable by their owner only (DB.SO.13)', async () => {
      const out = join(folder, `kos-${when.length}.dcm`);
      jsonOf(await drimbox('archive', 'kos', published.studyInstanceUid, '--out', out));
      const { kos } = await flow.publishedOf(published.studyInstanceUid);
      expect(readFileSync(out).equals(Buffer.from(kos))).toBe(true);
      expect(statSync(out).mode & 0o077).toBe(0);
    });

    it('archive status: figures', async () => {
      expect(jsonOf(await drimbox('archive', 'status'))).toMatchObject({
        database: store,
        studiesByState: { published: 1, held: 1 },
        holds: [{ code: 'publication/person-unresolved', count: 1 }],
        queue: { waiting: 0 },
      });
    });

    it('alerts: the open one, and seen when told (G3)', async () => {
      const [alert, ...others] = jsonOf(await drimbox('alerts')) as {
        alert: number;
        subject: string;
        code: ErrorCode;
      }[];
      expect(others).toEqual([]);
      expect(alert).toMatchObject({ code: 'publication/person-unresolved', subject: held.studyInstanceUid });
      const seen = jsonOf(await drimbox('alerts', '--seen', String(alert?.alert))) as object[];
      expect(seen).toMatchObject([{ alert: alert?.alert, seenAt: expect.any(String) }]);
    });

    it('archive release: what will happen to each study that is looked at again', async () => {
      const held1 = { studyInstanceUid: held.studyInstanceUid, was: 'held', reason: 'publication/person-unresolved' };
      expect(jsonOf(await drimbox('archive', 'release'))).toMatchObject({ due: 1, studies: [held1] });
      expect(jsonOf(await drimbox('archive', 'release', held.studyInstanceUid))).toMatchObject({ due: 1 });
      expectComplaint(await drimbox('archive', 'release', unknownUid), 'archive/not-found');
    });

    it('queue, deletions, pacs: nothing waits, nothing is held, the database is known (D2, D3)', async () => {
      expect(jsonOf(await drimbox('queue'))).toEqual({ total: 0, orders: [] });
      expect(jsonOf(await drimbox('deletions'))).toEqual({ total: 0, deletions: [] });
      expect(jsonOf(await drimbox('deletions', 'confirm', '--all'))).toMatchObject({ confirmed: 0 });
      expectComplaint(await drimbox('deletions', 'confirm', published.studyInstanceUid), 'archive/not-found');
      expect(jsonOf(await drimbox('pacs'))).not.toHaveProperty('doubt');
      expectComplaint(await drimbox('deletions', 'confirm'), 'cli/usage', 2);
    });

    it('journal: lines with cause and remedy, as text, CSV and JSON, without identity (A6, DB.SO.97, DB.SO.141)', async () => {
      const text = await drimbox('journal', '--study', held.studyInstanceUid);
      expect([text.status, text.stderr]).toEqual([0, '']);
      expect(text.stdout).toContain(remedyOf('publication/person-unresolved'));
      const csv = await drimbox('journal', '--format', 'csv');
      expect(csv.stdout.startsWith('\uFEFF"Date et heure locales";')).toBe(true);
      const lines = jsonOf(await drimbox('journal', '--format', 'json', '--since', '2020-01-01')) as object[];
      expect(lines).toHaveLength(csv.stdout.trimEnd().split('\r\n').length - 1);
      for (const identity of [examinationPatient.ins[0]?.value ?? '-', 'CAMILLE', 'IPP-0042', 'RADIO'])
        expect(text.stdout + csv.stdout + JSON.stringify(lines)).not.toContain(identity);
    });

    it('what the archive does not have, and what is no command, are told in one line (exit 1 and 2)', async () => {
      expectComplaint(await drimbox('archive', 'show', unknownUid), 'archive/not-found');
      expectComplaint(
        await drimbox('archive', 'kos', held.studyInstanceUid, '--out', join(folder, 'none.dcm')),
        'archive/not-found',
      );
      expect(existsSync(join(folder, 'none.dcm'))).toBe(false);
      expectComplaint(await drimbox('archive', 'list', '--state', 'nonsense'), 'cli/usage', 2);
      expectComplaint(await drimbox('archive', 'show'), 'cli/usage', 2);
    });

    it('doctor: says what is wrong and what to do; fails only when something fails (G4)', async () => {
      const text = await drimbox('doctor');
      expect(text.stdout).toContain('1 examen est retenu');
      expect(text.stdout).toContain('drimbox archive release');
      expect(text.stderr).toBe('');
      const asJson = await drimbox('doctor', '--json');
      const report = JSON.parse(asJson.stdout) as { results: { name: string; state: string }[] };
      const stateOf = (name: string) => report.results.find((check) => check.name === name)?.state;
      for (const name of [
        'configuration',
        'folder-writable',
        'database',
        'orthanc-reachable',
        'dmp-reachable',
        'queue',
      ])
        expect([name, stateOf(name)]).toEqual([name, 'ok']);
      expect(stateOf('holds')).toBe('warning');
      expect([text.status, asJson.status]).toEqual([0, 0]);
    });
  });

  const needsNoStore = (): void => {
    it('report read: what a message and what a document say (DB.SO.105)', async () => {
      const message = file('report.hl7', published.message);
      expect(jsonOf(await drimbox('report', 'read', message))).toMatchObject({
        kind: 'report',
        action: 'initial',
        sentToDmp: true,
        visibility: { maskedFromProfessionals: false, invisibleToPatient: false },
        documentId: { root: published.documentId },
        patient: { ins: { value: examinationPatient.ins[0]?.value } },
        studies: [{ studyInstanceUid: published.studyInstanceUid }],
        person: { kind: 'resolved' },
      });
      const framed = file('framed.hl7', Buffer.concat([Buffer.of(0x0b), published.message, Buffer.of(0x1c, 0x0d)]));
      expect(jsonOf(await drimbox('report', 'read', framed))).toMatchObject({ kind: 'report' });
      const document = file('report.xml', buildCda({ studies: [{ uids: [published.studyInstanceUid] }] }));
      expect(jsonOf(await drimbox('report', 'read', document))).toMatchObject({
        kind: 'document',
        studies: [{ studyInstanceUid: published.studyInstanceUid }],
      });
      const change = file('change.hl7', buildOmi({ studyInstanceUids: [published.studyInstanceUid] }));
      expect(jsonOf(await drimbox('report', 'read', change))).toEqual({
        kind: 'study-change',
        studies: [published.studyInstanceUid],
      });
    });

    it.each([
      ['old.hl7', buildExamination({ message: { version: '2.3' } }).message, 'hl7/version-unsupported', 203],
      [
        'prov.hl7',
        buildExamination({
          message: { patient: { identityStatus: 'PROV', ins: examinationPatient.ins[0]?.value ?? '', ipp: null } },
        }).message,
        'publication/identity-not-validated',
        207,
      ],
      [
        'dtd.xml',
        `<!DOCTYPE a [<!ENTITY b "c">]>${buildCdaText().replace(/^<\?xml.*?\?>/, '')}`,
        'report/xml-forbidden',
        102,
      ],
      ['nothing.txt', 'nothing', 'report/xml-invalid', 102],
    ] as const)(
      'report read %s: refused with the code and the acknowledgment a RIS would get',
      async (name, content, code, condition) => {
        const { status, stdout, stderr } = await drimbox('report', 'read', file(name, content));
        expect(JSON.parse(stdout)).toMatchObject({ kind: 'refused', code, ack: { code: 'AE', condition } });
        expect(stderr.split('\n').length).toBeLessThanOrEqual(2);
        expect([0, 1]).toContain(status);
      },
    );

    it('kos read: what a manifest says; what is no manifest is told in one line', async () => {
      const { kos } = await flow.publishedOf(published.studyInstanceUid);
      const manifest = jsonOf(await drimbox('kos', 'read', file('kos.dcm', kos))) as ReturnType<typeof parseManifest>;
      expect(manifest).toEqual(JSON.parse(JSON.stringify(parseManifest(kos))));
      expect(manifest.series).toHaveLength(2);
      const [image] = published.instances;
      expectComplaint(await drimbox('kos', 'read', file('image.dcm', image?.bytes ?? '')), 'kos/unreadable');
      expectComplaint(await drimbox('kos', 'read', file('cut.dcm', kos.slice(0, kos.length - 20))), 'kos/unreadable');
      expectComplaint(await drimbox('kos', 'read', join(folder, 'absent.dcm')), 'cli/file-unreadable');
      expectComplaint(await drimbox('kos', 'read'), 'cli/usage', 2);
    });

    it('kos build: the manifest of an examination from the PACS, and nothing is sent (DB.SO.12)', async () => {
      const submissions = await flow.countSubmissions();
      const out = join(folder, 'built.dcm');
      const message = file('build.hl7', published.message);
      expect(jsonOf(await drimbox('kos', 'build', message, '--out', out))).toMatchObject({
        studyInstanceUid: published.studyInstanceUid,
        instances: published.instances.length,
      });
      const kos = readFileSync(out);
      expect(judgeManifest(kos)).toEqual({ errors: [], complaints: [] });
      const { kos: sent } = await flow.publishedOf(published.studyInstanceUid);
      const contentOf = (bytes: Uint8Array) => parseManifest(bytes).series.map(({ instances }) => instances);
      expect(contentOf(kos)).toEqual(contentOf(sent));
      expect(await flow.countSubmissions()).toBe(submissions);
    });

    it('kos build: a report of several studies needs --study; images that do not fit are refused', async () => {
      const out = ['--out', join(folder, 'never.dcm')];
      const [first, second] = [1, 2].map((number) => examinationStudy(number).studyInstanceUid);
      const several = file(
        'several.hl7',
        buildExamination({ number: 1, cda: { studies: [{ uids: [first ?? ''] }, { uids: [second ?? ''] }] } }).message,
      );
      expectComplaint(await drimbox('kos', 'build', several, ...out), 'cli/usage', 2);
      expectComplaint(await drimbox('kos', 'build', several, '--study', unknownUid, ...out), 'cli/usage', 2);
      // One order serves both studies, and its accession number is not that of the second one (A4).
      expectComplaint(
        await drimbox('kos', 'build', several, '--study', second ?? '', ...out),
        'publication/images-mismatch',
      );
      const absent = file('absent.hl7', buildExamination({ number: 404 }).message);
      expectComplaint(await drimbox('kos', 'build', absent, ...out), 'publication/study-not-found');
      expect(existsSync(out[1] ?? '')).toBe(false);
    });

    it('config check: fine; or every fault at once, with its place and never a value', async () => {
      expect(jsonOf(await drimbox('config', 'check'))).toMatchObject({ ok: true });
      const text = JSON.parse(readFileSync(flow.site.configFile, 'utf8')) as { DrimBox: Record<string, unknown> };
      const faulty = file(
        'faulty.json',
        JSON.stringify({
          DrimBox: { ...text.DrimBox, Environment: 'moon', Nonsense: 1, Publication: { StabilitySeconds: -1 } },
        }),
      );
      const { status, stdout, stderr } = await flow.site.drimbox('config', 'check', '--config', faulty);
      expect([status, stdout]).toEqual([1, '']);
      expect(stderr).toMatch(/^config\/invalid: /);
      for (const place of ['Environment', 'Nonsense', 'StabilitySeconds']) expect(stderr).toContain(place);
      expect(stderr).not.toContain('moon');
    });

    it('help and an unknown command', async () => {
      const { status, stdout } = await drimbox('help');
      expect([status, stdout.includes('drimbox archive list')]).toEqual([0, true]);
      expectComplaint(await drimbox('fly'), 'cli/usage', 2);
    });
  };
  // Once is enough.
  if (store === 'embedded') describe('commands that need no store', needsNoStore);

  const secondSidecar = async (): Promise<void> => {
    expectComplaint(await drimbox('serve'), 'store/locked');
    const again = buildExamination({ number: 1, message: { controlId: 'EX1-STILL' } });
    await flow.accepts(again.message);
  };
  if (store === 'embedded') {
    it('a second sidecar on the same folder does not start, and the first one goes on (design §6)', secondSidecar);
  }

  it('doctor fails, and says why, when the PACS and the DMP are down', async () => {
    await flow.killOrthanc();
    await flow.dmp.order({ kind: 'down' });
    const { status, stdout, stderr } = await drimbox('doctor', '--json');
    await flow.dmp.clear();
    await flow.restartOrthanc();
    expect([status, stderr]).toEqual([1, '']);
    const { results } = JSON.parse(stdout) as { results: { name: string; state: string; remedy?: string }[] };
    const failed = results.filter(({ state }) => state === 'failed');
    expect(failed.map(({ name }) => name)).toEqual(expect.arrayContaining(['orthanc-reachable', 'dmp-reachable']));
    for (const { remedy } of failed) expect(remedy ?? '').not.toBe('');
  });
});
