import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { DrimboxError } from '../../plugin/errors.ts';
import {
  type CertificateFacts,
  type CheckName,
  type CheckResult,
  checkTitles,
  createChecks,
  defaultDoctorLimits,
  type DoctorLimits,
  type DoctorPorts,
  formatDoctorReport,
  isHealthy,
  runDoctor,
} from '../../plugin/health/index.ts';
import { wellTrust } from '../fixtures/health/trust-facts.ts';
import { wellViewer } from '../fixtures/health/viewer-facts.ts';

const now = Date.UTC(2026, 10, 21, 12);
const dayMs = 86_400_000;
const hourMs = 3_600_000;

const certificate = (daysLeft: number, changes: Partial<CertificateFacts> = {}): CertificateFacts => ({
  structureName: 'CH EXEMPLE',
  use: 'authentication',
  notBeforeUtcMs: now - 100 * dayMs,
  notAfterUtcMs: now + daysLeft * dayMs,
  ...changes,
});

const sweep = { startedAtUtcMs: now - 9 * hourMs, finishedAtUtcMs: now - 8 * hourMs, compared: 120, total: 120 };

/** Ports of an installation where all is well; everything in it is invented. */
const healthy = (): Required<DoctorPorts> => ({
  clock: () => now,
  configuration: () => Promise.resolve({ faults: [], warnings: [], files: ['/etc/orthanc/drimbox.json'] }),
  orthanc: {
    system: () => Promise.resolve({ version: '1.12.7', name: 'EXEMPLE' }),
    listPlugins: () => Promise.resolve(['explorer.js', 'python', 'dicom-web']),
    lastHookContactAtUtcMs: () => Promise.resolve(now - 5 * 60_000),
  },
  index: { checkReadable: () => Promise.resolve(), listWritableTables: () => Promise.resolve([]) },
  database: { kind: 'postgres', checkAlive: () => Promise.resolve() },
  folder: { path: '/var/lib/drimbox', checkWritable: () => Promise.resolve() },
  certificates: () => Promise.resolve([certificate(400)]),
  dmp: {
    checkReachable: () => Promise.resolve([{ structureId: '1990000001', httpStatus: 405, clockDifferenceMs: 900 }]),
  },
  trust: wellTrust(now),
  viewer: wellViewer(now),
  alertChannels: () => [{ name: 'email', checkReachable: () => Promise.resolve() }],
  archive: {
    countHolds: () => Promise.resolve([]),
    countOpenAlerts: () => Promise.resolve([]),
    describeQueue: () => Promise.resolve({ waiting: 0 }),
    describeSweep: () => Promise.resolve(sweep),
  },
});

const resultOf = async (
  name: CheckName,
  changes: Partial<DoctorPorts>,
  limits: DoctorLimits = defaultDoctorLimits,
): Promise<CheckResult> => {
  const report = await runDoctor({ ...healthy(), ...changes }, limits);
  const result = report.results.find((one) => one.name === name);
  if (result === undefined) throw new Error(`no check ${name}`);
  return result;
};
const fail = (code: ConstructorParameters<typeof DrimboxError>[0]) => () => Promise.reject(new DrimboxError(code));

describe('the doctor', () => {
  test('is healthy where all is well, and says so', async () => {
    const report = await runDoctor(healthy());
    expect(report.results.map(({ state }) => state)).toEqual(report.results.map(() => 'ok'));
    expect(isHealthy(report)).toBe(true);
    expect(formatDoctorReport(report)).toMatch(/\nTout va bien\.\n$/);
  });

  test('has every check of the closed list once, in its order', () =>
    expect(createChecks(healthy()).map(({ name }) => name)).toEqual(Object.keys(checkTitles)));

  test('what it was not given a way to look at is skipped, never ok', async () => {
    const report = await runDoctor({ clock: () => now });
    expect(report.state).toBe('skipped');
    expect(report.results.every(({ state }) => state === 'skipped')).toBe(true);
    expect(formatDoctorReport(report)).toContain('22 vérifications non faites');
  });

  test('each warning and each failure comes with a remedy', async () => {
    const broken: Partial<DoctorPorts> = {
      configuration: fail('config/unreadable'),
      orthanc: {
        system: fail('orthanc/unreachable'),
        listPlugins: fail('orthanc/unreachable'),
        lastHookContactAtUtcMs: fail('store/unavailable'),
      },
      index: { checkReadable: fail('orthanc/index-unsupported'), listWritableTables: () => Promise.resolve([]) },
      database: { kind: 'embedded', checkAlive: fail('store/unavailable') },
      folder: { path: '/x', checkWritable: () => Promise.reject(new Error('EACCES')) },
      certificates: fail('dmp/certificate-unreadable'),
      dmp: { checkReachable: fail('dmp/unreachable') },
      trust: {
        whitelist: fail('trust/ca-missing'),
        revocation: fail('trust/ca-invalid'),
        psc: fail('config/unreadable'),
      },
      viewer: {
        files: fail('general/internal'),
        names: fail('general/internal'),
        proSanteConnect: fail('config/unreadable'),
        franceConnect: fail('config/invalid'),
      },
      alertChannels: () => [{ name: 'webhook', checkReachable: fail('notification/unreachable') }],
      archive: {
        countHolds: fail('store/unavailable'),
        countOpenAlerts: fail('store/unavailable'),
        describeQueue: fail('store/unavailable'),
        describeSweep: fail('store/unavailable'),
      },
    };
    const report = await runDoctor({ ...healthy(), ...broken });
    expect(report.results.filter(({ state }) => state === 'failed').map(({ name }) => name)).toEqual(
      Object.keys(checkTitles).filter((name) => name !== 'clock-skew'),
    );
    expect(report.results.filter(({ state }) => state === 'failed').every(({ remedy }) => remedy !== undefined)).toBe(
      true,
    );
    expect(isHealthy(report)).toBe(false);
  });

  test('a check that hangs ends by itself and holds nobody up', async () => {
    const database = { kind: 'postgres' as const, checkAlive: () => new Promise<void>(() => undefined) };
    const report = await runDoctor({ ...healthy(), database }, { ...defaultDoctorLimits, timeoutMs: 1_000 });
    const states = new Map(report.results.map(({ name, state }) => [name, state]));
    expect(states.get('database')).toBe('failed');
    expect(report.results.find(({ name }) => name === 'database')?.message).toBe('Pas de réponse en 1 s.');
    expect([...states.values()].filter((state) => state === 'ok')).toHaveLength(21);
  });

  test('never throws, whatever is thrown at it, and shows no foreign text (property)', () =>
    fc.assert(
      fc.asyncProperty(fc.anything(), async (thrown) => {
        // oxlint-disable-next-line typescript/prefer-promise-reject-errors
        const reject = () => Promise.reject(thrown);
        const report = await runDoctor({ ...healthy(), certificates: reject, configuration: reject });
        expect(report.results.find(({ name }) => name === 'certificates')?.state).toBe('failed');
      }),
      { numRuns: 30 },
    ));

  test('the text of a foreign error stays out of the report: it may name somebody', async () => {
    const certificates = () => Promise.reject(new Error('EXEMPLE Jeanne'));
    expect(formatDoctorReport(await runDoctor({ ...healthy(), certificates }))).not.toContain('Jeanne');
  });

  test('the DMP is asked once for reachability and clock', async () => {
    let calls = 0;
    const dmp = { checkReachable: () => Promise.resolve(((calls += 1), [])) };
    await runDoctor({ ...healthy(), dmp });
    expect(calls).toBe(1);
  });
});

describe('configuration and machine', () => {
  test('faults fail, warnings warn, and both are listed', async () => {
    const fault = { path: 'DrimBox.Dmp.BaseUrl', problem: 'is required and missing', hint: 'give it' };
    expect(
      await resultOf('configuration', {
        configuration: () => Promise.resolve({ faults: [fault], warnings: [], files: [] }),
      }),
    ).toMatchObject({
      state: 'failed',
      message: 'La configuration comporte 1 erreur.',
      details: ['DrimBox.Dmp.BaseUrl: is required and missing — give it'],
    });
    expect(
      await resultOf('configuration', {
        configuration: () => Promise.resolve({ faults: [], warnings: [fault, fault], files: [] }),
      }),
    ).toMatchObject({
      state: 'warning',
      message: 'La configuration est valide, avec 2 remarques.',
    });
  });

  test('names the folder that cannot be written', async () =>
    expect(
      await resultOf('folder-writable', {
        folder: { path: '/srv/x', checkWritable: () => Promise.reject(new Error('EACCES')) },
      }),
    ).toMatchObject({
      state: 'failed',
      message: 'Impossible d’écrire dans /srv/x.',
    }));

  test.each([
    ['postgres', /PasswordFile/],
    ['embedded', /un seul processus/],
  ] as const)('a database that is down has a remedy of its kind: %s', async (kind, remedy) =>
    expect((await resultOf('database', { database: { kind, checkAlive: fail('store/unavailable') } })).remedy).toMatch(
      remedy,
    ),
  );
});

describe('the PACS', () => {
  test.each([
    ['1.10.1', 'ok'],
    ['1.12.7', 'ok'],
    ['1.12.10', 'ok'],
    ['2.0.0', 'ok'],
    ['1.10.0', 'failed'],
    ['1.9.7', 'failed'],
    ['0.99.9', 'failed'],
    ['mainline', 'warning'],
    ['', 'warning'],
  ])('version %s: %s (floor 1.10.1)', async (version, state) =>
    expect(
      (await resultOf('orthanc-reachable', { orthanc: { system: () => Promise.resolve({ version, name: '' }) } }))
        .state,
    ).toBe(state),
  );

  test('a version cannot write on the terminal', async () => {
    const system = () => Promise.resolve({ version: '1.12.7\u001b[2J', name: '' });
    expect((await resultOf('orthanc-reachable', { orthanc: { system } })).message).toBe('Orthanc inconnue répond.');
  });

  test('without the Python plugin there is no hook', async () => {
    const orthanc = { ...healthy().orthanc, listPlugins: () => Promise.resolve(['dicom-web']) };
    expect(await resultOf('orthanc-plugins', { orthanc })).toMatchObject({
      state: 'failed',
      remedy: expect.stringContaining('PythonScript'),
    });
  });

  test.each([
    [undefined, 'warning', 'Le crochet d’Orthanc ne s’est jamais manifesté.'],
    [now - 3 * dayMs, 'warning', 'Dernier message du crochet d’Orthanc il y a 3 jours.'],
    [now - 24 * hourMs, 'ok', 'Dernier message du crochet d’Orthanc il y a 24 h.'],
  ] as const)('hook last seen at %s: %s', async (last, state, message) => {
    const orthanc = { ...healthy().orthanc, lastHookContactAtUtcMs: () => Promise.resolve(last) };
    expect(await resultOf('orthanc-hook', { orthanc })).toMatchObject({ state, message });
  });

  test('a role that could write in Orthanc’s index is a warning', async () => {
    const index = { checkReadable: () => Promise.resolve(), listWritableTables: () => Promise.resolve(['Resources']) };
    expect(await resultOf('orthanc-index', { index })).toMatchObject({ state: 'warning', details: ['Resources'] });
  });
});

describe('the DMP and the clock (decision G4)', () => {
  const dmpOf = (httpStatus: number, clockDifferenceMs?: number): Partial<DoctorPorts> => ({
    dmp: {
      checkReachable: () =>
        Promise.resolve([
          { structureId: '1990000001', httpStatus, ...(clockDifferenceMs === undefined ? {} : { clockDifferenceMs }) },
        ]),
    },
  });

  test.each([
    [200, 'ok'],
    [404, 'ok'],
    [405, 'ok'],
    [401, 'failed'],
    [403, 'failed'],
    [500, 'failed'],
    [503, 'failed'],
  ])('HTTP %i: %s', async (status, state) =>
    expect((await resultOf('dmp-reachable', dmpOf(status))).state).toBe(state),
  );

  test.each([
    [0, 'ok', 'concorde'],
    [30_000, 'ok', 'concorde'],
    [31_000, 'warning', 'avance de 31 s'],
    [-31_000, 'warning', 'retarde de 31 s'],
    [-300_000, 'warning', 'retarde de 5 min'],
    [301_000, 'failed', 'avance de 5 min'],
  ])('a difference of %i ms: %s', async (difference, state, text) => {
    const result = await resultOf('clock-skew', dmpOf(200, difference));
    expect(result.state).toBe(state);
    expect(result.message).toContain(text);
  });

  test('the clock is not compared when the DMP gives no Date or no answer', async () => {
    expect((await resultOf('clock-skew', dmpOf(200))).state).toBe('skipped');
    expect((await resultOf('clock-skew', { dmp: { checkReachable: fail('dmp/timeout') } })).state).toBe('skipped');
  });
});

describe('what waits', () => {
  const archive = (changes: Partial<NonNullable<DoctorPorts['archive']>>): Partial<DoctorPorts> => ({
    archive: { ...healthy().archive, ...changes },
  });

  const running = { startedAtUtcMs: now - hourMs, compared: 40, total: 120 };
  test.each([
    [undefined, 'warning', 'Aucune comparaison n’a encore eu lieu.'],
    [sweep, 'ok', 'Dernière comparaison terminée il y a 8 h : 120 sur 120 examens.'],
    [{ ...sweep, finishedAtUtcMs: now - 26 * hourMs - 1 }, 'warning', 'terminée il y a 26 h'],
    [running, 'ok', 'En cours depuis 1 h : 40 sur 120 examens.'],
    [{ ...running, startedAtUtcMs: now - 27 * hourMs }, 'warning', 'En cours depuis 27 h'],
    [{ ...running, pausedBy: 'orthanc/unreachable' as const }, 'warning', 'En cours depuis 1 h'],
  ])('sweep %o: %s', async (facts, state, text) => {
    const result = await resultOf('sweep', archive({ describeSweep: () => Promise.resolve(facts) }));
    expect(result.state).toBe(state);
    expect(result.message).toContain(text);
  });

  test('a sweep that waits says what for', async () => {
    const facts = { ...running, pausedBy: 'orthanc/unreachable' as const };
    const result = await resultOf('sweep', archive({ describeSweep: () => Promise.resolve(facts) }));
    expect(result.details).toEqual([expect.stringContaining('(orthanc/unreachable)')]);
  });

  test.each([
    [hourMs, 'ok', '2 envois en attente, le plus ancien depuis 1 h'],
    [hourMs + 1, 'warning', 'le plus ancien depuis 1 h'],
    [24 * hourMs + 1, 'failed', 'le plus ancien depuis 24 h'],
  ])('oldest order %i ms old: %s', async (age, state, text) => {
    const describeQueue = () => Promise.resolve({ waiting: 2, oldestSinceUtcMs: now - age });
    const result = await resultOf('queue', archive({ describeQueue }));
    expect(result.state).toBe(state);
    expect(result.message).toContain(text);
  });

  test('holds are counted by reason, in words', async () => {
    const countHolds = () => Promise.resolve([{ code: 'publication/images-mismatch' as const, count: 2 }]);
    expect(await resultOf('holds', archive({ countHolds }))).toMatchObject({
      state: 'warning',
      message: '2 examens sont retenus : rien n’est envoyé pour eux.',
      details: ['2 × Les images et le compte-rendu ne concordent pas. (publication/images-mismatch)'],
    });
  });

  test('open alerts are a warning', async () => {
    const countOpenAlerts = () => Promise.resolve([{ code: 'dmp/unreachable' as const, count: 1 }]);
    expect(await resultOf('alerts', archive({ countOpenAlerts }))).toMatchObject({
      state: 'warning',
      message: '1 alerte ouverte.',
    });
  });
});

describe('the report as text', () => {
  test('one line per check, details and remedy under it, a summary at the end', async () => {
    const ports = {
      ...healthy(),
      certificates: () => Promise.resolve([certificate(5)]),
      database: { kind: 'postgres' as const, checkAlive: fail('store/unavailable') },
    };
    const text = formatDoctorReport(await runDoctor(ports));
    expect(text).toContain('[ECHEC] Base de données');
    expect(text).toContain('[ !  ]  Certificats');
    expect(text).toContain('            · CH EXEMPLE, authentification : URGENT, expire dans 5 jours');
    expect(text).toContain('            → Renouveler auprès d’IGC-Santé');
    expect(text).toMatch(/\n1 échec, 1 avertissement\.\n$/);
  });

  test('control characters of a peer do not reach the terminal', async () => {
    const certificates = () => Promise.resolve([certificate(5, { structureName: 'CH\u001b[2J\u202eX\n[ ok ] faux' })]);
    const text = formatDoctorReport(await runDoctor({ ...healthy(), certificates }));
    expect(text).not.toMatch(/[\u001b\u202e]/u);
    expect(text).not.toContain('\n[ ok ] faux');
  });
});
