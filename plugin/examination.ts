/**
 * Composition root of `drimbox doctor`: gives each check its port. The store is opened when it is free; when the running
 * sidecar holds it, that one is asked.
 */
import { X509Certificate } from 'node:crypto';
import { constants } from 'node:fs';
import { access, readFile } from 'node:fs/promises';
import { askSidecar, runStoreCommand, type StoreFigures } from './admin/index.ts';
import { configurationFaults, loadConfiguration, type Configuration, type ConfigurationFault } from './config/index.ts';
import { createDmpClient, type DmpClient } from './dmp/index.ts';
import { asDrimboxError, DrimboxError } from './errors.ts';
import {
  type CertificateFacts,
  createTrustLooks,
  createViewerLooks,
  formatDoctorReport,
  isHealthy,
  runDoctor,
  type DoctorPorts,
} from './health/index.ts';
import { createChannels } from './notification/index.ts';
import { createOrthancClient, loadSecret, openIndexRole } from './orthanc/index.ts';
import type { Store } from './store/index.ts';
import { builtViewerFolder } from './viewer-access/index.ts';

/** What the command line gives: this file reads neither clock nor randomness. */
export interface ExaminationPorts {
  readonly clock: () => number;
  readonly newUuid: () => string;
  readonly randomBytes: (size: number) => Uint8Array;
  /** @throws store/* */
  openStore(configuration: Configuration): Promise<Store>;
}

export interface ExaminationOptions {
  readonly configPath: string;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly asJson: boolean;
}

type Loaded = { readonly configuration?: Configuration; readonly faults: readonly ConfigurationFault[] };

const load = ({ configPath, env }: ExaminationOptions): Loaded => {
  try {
    return { configuration: loadConfiguration({ path: configPath, env }), faults: [] };
  } catch (cause) {
    const faults = configurationFaults(cause);
    if (faults.length > 0) return { faults };
    const error = asDrimboxError(cause);
    return { faults: [{ path: configPath, problem: error.detail === '' ? error.publicText : error.detail }] };
  }
};

/** @throws store/*, cli/sidecar-unreachable */
const loadFigures = async (ports: ExaminationPorts, configuration: Configuration): Promise<StoreFigures> => {
  const words = ['archive', 'status'];
  try {
    const store = await ports.openStore(configuration);
    try {
      return (await runStoreCommand({ store, clock: ports.clock }, words)) as StoreFigures;
    } finally {
      await store.close();
    }
  } catch (cause) {
    if (asDrimboxError(cause).code !== 'store/locked') throw cause;
    return (await askSidecar(configuration.store.folder, words)) as StoreFigures;
  }
};

const connectDmp = (ports: ExaminationPorts, configuration: Configuration): DmpClient | undefined => {
  try {
    return createDmpClient(configuration.dmp, ports);
  } catch {
    // The configuration check has named the file already.
    return undefined;
  }
};

/** Certificates that this service shows to other DRIMboxes. @throws trust/server-certificate-invalid */
const shownCertificates = async ({ wado }: Configuration): Promise<readonly CertificateFacts[]> =>
  Promise.all(
    (wado?.certificates ?? []).map(async ({ name, certificateFile }) => {
      try {
        const { validFromDate, validToDate } = new X509Certificate(await readFile(certificateFile));
        const dates = { notBeforeUtcMs: validFromDate.getTime(), notAfterUtcMs: validToDate.getTime() };
        return { structureName: name, use: 'server', ...dates };
      } catch (cause) {
        throw new DrimboxError('trust/server-certificate-invalid', { cause, detail: certificateFile });
      }
    }),
  );

const dmpPorts = (given: ExaminationPorts, configuration: Configuration): Pick<DoctorPorts, 'dmp' | 'certificates'> => {
  const dmp = connectDmp(given, configuration);
  if (dmp === undefined) return {};
  return {
    certificates: async () => [...dmp.certificates(), ...(await shownCertificates(configuration))],
    dmp: {
      checkReachable: () =>
        Promise.all(
          configuration.dmp.structures.map(async ({ id }) => {
            const { clockDifferenceMs, ...rest } = await dmp.checkReachable(id);
            return { ...rest, ...(clockDifferenceMs === undefined ? {} : { clockDifferenceMs: -clockDifferenceMs }) };
          }),
        ),
    },
  };
};

const trustPort = (
  given: ExaminationPorts,
  { wado, trust, environment, store }: Configuration,
): Required<DoctorPorts>['trust'] => {
  if (wado === undefined || trust === undefined) return 'not-configured';
  return createTrustLooks({ trust, environment, folder: store.folder, certificates: wado.certificates }, given);
};

const viewerPort = (
  given: ExaminationPorts,
  { viewer, signIn, environment }: Configuration,
): Required<DoctorPorts>['viewer'] => {
  if (viewer === undefined || signIn === undefined) return 'not-configured';
  return createViewerLooks({ viewer, signIn, environment, staticFolder: builtViewerFolder }, given);
};

/** Ports of a configuration that could be read; `close` ends what they hold open. */
const connect = (
  given: ExaminationPorts,
  configuration: Configuration,
): { ports: Partial<DoctorPorts>; close: () => Promise<void> } => {
  const orthanc = createOrthancClient(configuration.orthanc);
  const { indexUrl, indexPasswordFile, timeoutMs } = configuration.orthanc;
  const index =
    indexUrl === undefined
      ? undefined
      : openIndexRole(
          { indexUrl, timeoutMs, ...(indexPasswordFile === undefined ? {} : { indexPasswordFile }) },
          { log: { warn: () => undefined } },
        );
  let figures: Promise<StoreFigures> | undefined;
  const ask = (): Promise<StoreFigures> => {
    figures ??= loadFigures(given, configuration);
    return figures;
  };
  const ports: Partial<DoctorPorts> = {
    ...dmpPorts(given, configuration),
    trust: trustPort(given, configuration),
    viewer: viewerPort(given, configuration),
    orthanc: {
      system: () => orthanc.system(),
      listPlugins: () => orthanc.listPlugins(),
      lastHookContactAtUtcMs: async () => (await ask()).lastHookContactAtUtcMs,
    },
    ...(index === undefined ? {} : { index }),
    alertChannels: () => createChannels(configuration.alerts, { ...given, loadSecret }),
    database: {
      kind: configuration.store.url === 'embedded' ? 'embedded' : 'postgres',
      checkAlive: async () => {
        await ask();
      },
    },
    folder: {
      path: configuration.store.folder,
      checkWritable: () => access(configuration.store.folder, constants.W_OK | constants.X_OK),
    },
    archive: {
      countHolds: async () => (await ask()).holds,
      countOpenAlerts: async () => (await ask()).openAlerts,
      describeQueue: async () => (await ask()).queue,
      describeSweep: async () => (await ask()).sweep,
    },
  };
  return {
    ports,
    close: async () => {
      await Promise.all([orthanc.close(), index?.close()]);
    },
  };
};

/** Runs every check; the text is the report in French, or JSON. */
export const examine = async (
  given: ExaminationPorts,
  options: ExaminationOptions,
): Promise<{ text: string; isHealthy: boolean }> => {
  const { configuration, faults } = load(options);
  const connected = configuration === undefined ? undefined : connect(given, configuration);
  const report = await runDoctor({
    clock: given.clock,
    configuration: () =>
      Promise.resolve({ faults, warnings: configuration?.warnings ?? [], files: configuration?.files ?? [] }),
    ...connected?.ports,
  });
  await connected?.close();
  const text = options.asJson ? `${JSON.stringify(report, undefined, 2)}\n` : formatDoctorReport(report);
  return { text, isHealthy: isHealthy(report) };
};
