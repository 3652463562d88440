/**
 * Composition root of `drimbox serve`: reads the clock and randomness, opens what is held open, gives each room its ports.
 * No rules here.
 */
import { AsyncLocalStorage } from 'node:async_hooks';
import { randomBytes, randomUUID } from 'node:crypto';
import { createServer, type Server } from 'node:http';
import { hostname } from 'node:os';
import { chmod, mkdir } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import express from 'express';
import { pino, type Logger } from 'pino';
import { archiveSiteOf, createRestExtension, runStoreCommand, startControl } from './admin/index.ts';
import { dropMessagePayloads, hookContactMarker, saveMarker } from './archive/index.ts';
import type { Configuration } from './config/index.ts';
import { createDmpClient, type KeptExchange } from './dmp/index.ts';
import { asDrimboxError, DrimboxError } from './errors.ts';
import type { DrimboxEvent } from './events.ts';
import { type ImageListeners, startImageListeners } from './image-listeners.ts';
import { startMllpListener, type MllpListener } from './hl7/index.ts';
import { createChannels, startNotification, type Notification } from './notification/index.ts';
import {
  createHookRouter,
  createOrthancClient,
  createRestStudyIndex,
  createSqlStudyIndex,
  loadSecret,
  type OrthancClient,
  type StudyIndex,
} from './orthanc/index.ts';
import {
  type ArchiveComparison,
  createIntake,
  startArchiveComparison,
  startLooks,
  takeHints,
  watchDatabase,
  type Looks,
  type PublicationPorts,
  type SiteDescription,
} from './publication/index.ts';
import { remedyOf } from './remedies.ts';
import { openStore, type Store } from './store/index.ts';

export const softwareVersion = '0.1.0';
/** Of this writer of DICOM files (0002,0012); UUID-derived, drawn once. */
const implementationClassUid = '2.25.281473914722096410388563911245671327731';

export type ClosableIndex = StudyIndex & { close(): Promise<void> };

export interface RunningSidecar {
  readonly mllpPorts: readonly number[];
  /** Where other DRIMboxes ask for images; absent when Wado is not configured. */
  readonly imagePort?: number;
  /** Of the viewer; absent: there is none. */
  readonly viewerPort?: number;
  close(): Promise<void>;
}

/** A UUID as one decimal arc (PS3.5 annex B.2): at most 39 digits, no leading zero. */
const uuidArc = (): string => BigInt(`0x${randomUUID().replaceAll('-', '')}`).toString();

export const createUidSource = (uidRoot: string) => (): string => `${uidRoot}.${uuidArc()}`;

export const createLog = (configuration: Pick<Configuration, 'log'>): Logger =>
  pino({ level: configuration.log.level, base: null, timestamp: pino.stdTimeFunctions.isoTime });

/** @param options.asIs  for a command beside the service: no table is made or changed, and the store must exist */
export const openConfiguredStore = (
  configuration: Configuration,
  options: { readonly asIs?: boolean; readonly create?: boolean } = {},
): Promise<Store> =>
  openStore({
    ...options,
    url: configuration.store.url,
    folder: configuration.store.folder,
    ...(configuration.store.passwordFile === undefined
      ? {}
      : { password: loadSecret(configuration.store.passwordFile) }),
  });

/** SQL on Orthanc's PostgreSQL index where it is configured, REST otherwise. */
export const createStudyIndex = (configuration: Configuration, client: OrthancClient, log: Logger): ClosableIndex => {
  const { indexUrl, indexPasswordFile, timeoutMs } = configuration.orthanc;
  if (indexUrl === undefined) return { ...createRestStudyIndex(client), close: () => Promise.resolve() };
  return createSqlStudyIndex(
    { indexUrl, timeoutMs, ...(indexPasswordFile === undefined ? {} : { indexPasswordFile }) },
    { readSopClassUid: (instanceId) => client.readSopClassUid(instanceId), log },
  );
};

/** The exchanges of a piece of work follow its asynchronous calls. */
const connectDmp = (configuration: Configuration, log: Logger): Pick<PublicationPorts, 'dmp' | 'exchanges'> => {
  const recording = new AsyncLocalStorage<KeptExchange[]>();
  return {
    dmp: createDmpClient(configuration.dmp, {
      clock: Date.now,
      newUuid: randomUUID,
      log,
      keepExchange: (exchange) => {
        recording.getStore()?.push(exchange);
      },
    }),
    exchanges: {
      run: (work) => recording.run([], work),
      last: () => recording.getStore()?.at(-1),
    },
  };
};

export const createPublicationPorts = (
  configuration: Configuration,
  open: { readonly store: Store; readonly orthanc: OrthancClient; readonly index: StudyIndex; readonly log: Logger },
): PublicationPorts => ({
  ...open,
  ...connectDmp(configuration, open.log),
  dmpSettings: configuration.dmp,
  site: siteOf(configuration),
  manifests: configuration.kos,
  senders: configuration.hl7,
  options: configuration.publication,
  clock: Date.now,
  newUid: createUidSource(configuration.uidRoot),
  owner: `${hostname()}:${process.pid}:${randomBytes(4).toString('hex')}`,
  emit: (event: DrimboxEvent) => open.log.info({ event }, event.name),
});

const siteOf = (configuration: Configuration): SiteDescription => ({
  environment: configuration.environment,
  timeZone: configuration.siteTimeZone,
  retrieveUrlBase: configuration.retrieveUrlBase,
  software: {
    name: configuration.software.name,
    manufacturer: configuration.software.manufacturer,
    version: configuration.software.version ?? softwareVersion,
  },
  implementationClassUid,
});

/** What `drimbox kos build` needs: the PACS and the site, no store and no DMP. */
export const openForBuilding = (configuration: Configuration, log: Logger) => {
  const orthanc = createOrthancClient(configuration.orthanc);
  const index = createStudyIndex(configuration, orthanc, log);
  const newUid = createUidSource(configuration.uidRoot);
  return {
    ports: { index, orthanc, site: siteOf(configuration), manifests: configuration.kos, clock: Date.now, newUid },
    close: async () => {
      await Promise.all([orthanc.close(), index.close()]);
    },
  };
};

const listen = (server: Server, port: number, host: string): Promise<void> =>
  new Promise((resolve, reject) => {
    const detail = `${host}:${port} cannot be listened to: is another service there?`;
    const refuse = (cause: Error): void => reject(new DrimboxError('orthanc/hook-listen-failed', { cause, detail }));
    server.once('error', refuse);
    server.listen(port, host, () => {
      server.off('error', refuse);
      resolve();
    });
  });

const closeServer = (server: Server): Promise<void> =>
  new Promise((resolve) => {
    server.close(() => resolve());
    server.closeAllConnections();
  });

/** What the open ports set going; it starts after them. */
interface Worker {
  looks?: Looks;
  comparison?: ArchiveComparison;
  lookAtDatabase?: () => void;
  images?: ImageListeners;
  readonly wake: () => void;
}

const startHook = async (
  configuration: Configuration,
  ports: PublicationPorts,
  orthanc: OrthancClient,
  worker: Worker,
  log: Logger,
): Promise<Server> => {
  const application = express();
  application.disable('x-powered-by');
  application.use(
    createHookRouter({
      secret: loadSecret(configuration.orthanc.hook.secretFile),
      onChanges: async (batch) => {
        if ((await takeHints({ ...ports, orthanc }, batch)) > 0) worker.wake();
        if (batch.started === true) worker.lookAtDatabase?.();
        if (batch.started === true || batch.dropped > 0) worker.comparison?.wake();
        await saveMarker(ports.store.knex, hookContactMarker, batch.database ?? '', Date.now());
      },
      answer: createRestExtension({
        ...ports,
        orthanc,
        csrfKey: randomBytes(32),
        wake: () => worker.wake(),
        wakeComparison: () => worker.comparison?.wake(),
      }),
      log,
    }),
  );
  const server = createServer(application);
  await listen(server, configuration.orthanc.hook.port, configuration.orthanc.hook.host);
  return server;
};

const startListeners = async (
  configuration: Configuration,
  ports: PublicationPorts,
  wake: () => void,
  closers: Closers,
): Promise<readonly MllpListener[]> => {
  const receive = createIntake(ports, wake);
  const newControlId = (): string => uuidArc().slice(-20);
  const listeners: MllpListener[] = [];
  for (const options of configuration.hl7.listeners) {
    const listener = await startMllpListener(options, { receive, log: ports.log, clock: Date.now, newControlId });
    closers.push(() => listener.close());
    listeners.push(listener);
  }
  return listeners;
};

const hourMs = 3_600_000;
const dayMs = 24 * hourMs;

/** Forgets the payloads of old messages, at the start and then every hour (decision G2). */
const startRetention = (store: Store, days: number, log: Logger): (() => void) => {
  const drop = (): void => {
    dropMessagePayloads(store.knex, Date.now() - days * dayMs).then(
      (count) => count > 0 && log.info({ count }, 'payloads of old messages dropped'),
      (error: unknown) => log.warn({ code: asDrimboxError(error).code }, 'payloads of old messages not dropped'),
    );
  };
  drop();
  const timer = setInterval(drop, hourMs);
  return () => clearInterval(timer);
};

const startAlerting = (configuration: Configuration, store: Store, log: Logger): Promise<Notification> => {
  const { environment, timeZone, software, retrieveUrlBase } = siteOf(configuration);
  const name = configuration.alerts.siteName ?? new URL(retrieveUrlBase).host;
  return startNotification({
    store,
    log,
    site: { name, environment, timeZone, software: { name: software.name, version: software.version } },
    remedyOf,
    remindHours: configuration.alerts.remindHours,
    clock: Date.now,
    newUuid: randomUUID,
    channels: createChannels(configuration.alerts, { clock: Date.now, newUuid: randomUUID, loadSecret }),
  });
};

/** What was opened, to be closed in reverse: also when the start fails half-way, so that the process ends. */
type Closers = (() => Promise<unknown>)[];

const closeAll = async (closers: Closers): Promise<void> => {
  for (const close of closers.toReversed()) await close();
};

const startImages = (
  configuration: Configuration,
  { store, newUid, site }: PublicationPorts,
  orthanc: OrthancClient,
  log: Logger,
): Promise<ImageListeners> =>
  startImageListeners(configuration, {
    ...{ store, orthanc, log, randomBytes, newUid, softwareVersion },
    clock: Date.now,
    monotonic: () => performance.now(),
    newUuid: randomUUID,
    wait: (ms) => sleep(ms),
    implementationClassUid,
    timeZone: site.timeZone,
  });

type Started = Pick<RunningSidecar, 'mllpPorts' | 'imagePort' | 'viewerPort'>;

const start = async (configuration: Configuration, log: Logger, closers: Closers): Promise<Started> => {
  const { folder } = configuration.store;
  const store = await openConfiguredStore(configuration);
  closers.push(() => store.close());
  const orthanc = createOrthancClient(configuration.orthanc);
  closers.push(() => orthanc.close());
  const index = createStudyIndex(configuration, orthanc, log);
  closers.push(() => index.close());
  const publication = createPublicationPorts(configuration, { store, orthanc, index, log });
  closers.push(() => publication.dmp.close());

  // The ports open before the first look starts: one that is taken ends the start, and nothing was sent.
  const worker: Worker = { wake: () => worker.looks?.wake() };
  const { wake } = worker;
  const emit = (event: DrimboxEvent): void => {
    publication.emit(event);
    worker.images?.heard(event);
  };
  const ports: PublicationPorts = { ...publication, emit };
  const archiveSite = archiveSiteOf(configuration, softwareVersion);
  const commandPorts = {
    store,
    clock: Date.now,
    software: softwareVersion,
    archiveSite,
    wake,
    wakeComparison: () => worker.comparison?.wake(),
  };
  const control = await startControl(folder, (words, report, signal) =>
    runStoreCommand(commandPorts, words, report, signal),
  );
  closers.push(() => control.close());
  const hook = await startHook(configuration, ports, orthanc, worker, log);
  closers.push(() => closeServer(hook));
  const listeners = await startListeners(configuration, ports, wake, closers);
  const stopRetention = startRetention(store, configuration.store.messageRetentionDays, log);
  closers.push(() => Promise.resolve(stopRetention()));
  const images = await startImages(configuration, ports, orthanc, log);
  worker.images = images;
  closers.push(() => images.close());
  const database = watchDatabase(ports);
  worker.lookAtDatabase = database.look;
  closers.push(() => Promise.resolve(database.stop()));
  const notification = await startAlerting(configuration, store, log);
  closers.push(() => notification.stop());
  const looks = await startLooks(ports);
  worker.looks = looks;
  closers.push(() => looks.stop());
  const comparison = await startArchiveComparison({ ...ports, wakeLooks: wake });
  worker.comparison = comparison;
  closers.push(() => comparison.stop());

  const mllp = listeners.map((listener) => listener.port);
  const { imagePort, viewerPort } = images;
  const listening = {
    ...(imagePort === undefined ? {} : { imagePort }),
    ...(viewerPort === undefined ? {} : { viewerPort }),
  };
  log.info({ mllp, ...listening, store: store.kind, index: index.describe() }, 'drimbox serves');
  return { mllpPorts: mllp, ...listening };
};

/**
 * Starts everything that `drimbox serve` runs.
 *
 * @throws store/*, config/*, dmp/certificate-unreadable, hl7/listen-failed, orthanc/hook-listen-failed, trust/*,
 *   wado/listen-failed, renditions/cache-*: what was opened is closed again
 */
export const startSidecar = async (configuration: Configuration, log: Logger): Promise<RunningSidecar> => {
  const { folder } = configuration.store;
  await mkdir(folder, { recursive: true, mode: 0o700 });
  await chmod(folder, 0o700);
  const closers: Closers = [];
  try {
    return { ...(await start(configuration, log, closers)), close: () => closeAll(closers) };
  } catch (error) {
    await closeAll(closers);
    throw error;
  }
};

/** Serves until SIGTERM or SIGINT. */
export const serve = async (configuration: Configuration): Promise<void> => {
  const log = createLog(configuration);
  for (const warning of configuration.warnings) log.warn({ path: warning.path }, warning.problem);
  const sidecar = await startSidecar(configuration, log);
  const stop = (): void => {
    log.info('drimbox stops');
    sidecar.close().then(
      () => process.exit(0),
      (error: unknown) => {
        log.error({ code: asDrimboxError(error).code }, 'not stopped cleanly');
        process.exit(1);
      },
    );
  };
  process.once('SIGTERM', stop);
  process.once('SIGINT', stop);
};
