/**
 * The service of images to other DRIMboxes, put together: whom it trusts, what it reads, what it makes, what it writes down.
 * No rules here.
 *
 * @see facts/spec.md b.5, b.6, b.9
 */
import { readFile } from 'node:fs/promises';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import type { TLSSocket } from 'node:tls';
import {
  clearAlerts,
  createEventKeeper,
  createLoadServing,
  type LoadServing,
  raiseAlert,
  type Serving,
} from './archive/index.ts';
import { type Audit, createAudit } from './audit/index.ts';
import type { Configuration } from './config/index.ts';
import { asDrimboxError, type ErrorCode } from './errors.ts';
import type { DrimboxEvent } from './events.ts';
import { createServiceStatus } from './health/index.ts';
import { createMemoryLender } from './lent-memory.ts';
import {
  createFileIndexWithFallback,
  createRestFileIndex,
  createSqlFileIndex,
  createStoredFiles,
  type FileIndex,
  type OrthancClient,
} from './orthanc/index.ts';
import { parseStudyInstanceUid, type StudyInstanceUid } from './standards/index.ts';
import type { Store } from './store/index.ts';
import {
  buildSecureContextOptions,
  buildServerTlsOptions,
  type CertificateAlerts,
  createFileSource,
  createHttpsSource,
  createKeptFile,
  createPeerCertificateCheck,
  createPeerGate,
  createRevocation,
  createServerCertificates,
  createTokenVerifier,
  createWhitelistKeeper,
  distinguishedNameKey,
  loadAuthorities,
  parseDistinguishedName,
  type PeerGate,
  serverCertificatesOptions,
  type TokenVerifier,
  type TrustOptions,
  type WhitelistOptions,
  type WhitelistSource,
} from './trust/index.ts';
import {
  createAdmission,
  createImageServing,
  createMetadataServing,
  createOrthancImages,
  createRetrieveService,
  type Gate,
  type ImageStore,
  openRenditions,
  startWadoListener,
  type WadoOptions,
  type Workshop,
} from './wado/index.ts';

export interface ImageServicePorts {
  readonly store: Store;
  readonly orthanc: OrthancClient;
  readonly log: { info(fields: object, message: string): void; warn(fields: object, message: string): void };
  /** Milliseconds since 1970 UTC. */
  readonly clock: () => number;
  /** Milliseconds, never backwards. */
  readonly monotonic: () => number;
  readonly randomBytes: (size: number) => Buffer;
  readonly newUuid: () => string;
  /** Versions of what makes renditions. */
  readonly software: string;
}

/** What the viewer has in common with it. */
export interface SharedImages {
  readonly audit: Audit;
  readonly images: ImageStore;
  readonly workshop: Workshop;
  readonly files: FileIndex;
  readonly loadServing: LoadServing;
  readonly keepEvents: (events: readonly DrimboxEvent[]) => void;
  readonly certificateAlerts: CertificateAlerts;
  readonly status: () => Promise<{ readonly status: 'UP' | 'DOWN' }>;
}

export interface ImageService {
  readonly port: number;
  readonly shared: SharedImages;
  /** What happened to a study: what is kept of one that left the DMP is dropped (decision E5). */
  readonly heard: (event: DrimboxEvent) => void;
  close(): Promise<void>;
}

/** What was opened, to be closed in reverse: also when the start fails half-way. */
type Closers = (() => Promise<unknown>)[];

const closeAll = async (closers: Closers): Promise<void> => {
  for (const close of closers.toReversed()) await close();
};

/** What a few peers keep under way. */
const keptMemoryBytes = 64 * 1024 * 1024;

/** Alerts are written one after the other, so that a clearing never overtakes what it clears. */
const createAlertWriter = ({ store, clock, log }: ImageServicePorts) => {
  let last: Promise<unknown> = Promise.resolve();
  const write = (work: () => Promise<unknown>): void => {
    last = last.then(work).catch((error: unknown) => {
      log.warn({ code: asDrimboxError(error).code }, 'an alert was not written');
    });
  };
  const certificates: CertificateAlerts = {
    raise: (code, subject, detail) => write(() => raiseAlert(store.knex, { code, subject, detail }, clock())),
    clear: (code, subject) => write(() => clearAlerts(store.knex, subject, clock(), code)),
  };
  const about = (subject: string) => ({
    raise: (code: ErrorCode, detail: string) => certificates.raise(code, subject, detail),
    clear: (code: ErrorCode) => certificates.clear(code, subject),
  });
  return { certificates, about, settled: () => last };
};
type AlertWriter = ReturnType<typeof createAlertWriter>;

// Trust ------------------------------------------------------------------------------------------------------------

const openSource = async (options: WhitelistOptions, clock: () => number): Promise<WhitelistSource> => {
  const { url, file, caFile, timeoutSeconds, maxBytes } = options;
  if (url === undefined) return createFileSource(file ?? '', maxBytes, clock);
  const authoritiesPem = caFile === undefined ? {} : { authoritiesPem: await readFile(caFile, 'utf8') };
  return createHttpsSource({ url, timeoutMs: timeoutSeconds * 1000, maxBytes, ...authoritiesPem }, clock);
};

const startTrust = async (
  trust: TrustOptions,
  environment: Configuration['environment'],
  folder: string,
  ports: ImageServicePorts,
  alerts: AlertWriter,
  closers: Closers,
) => {
  const { clock, randomBytes } = ports;
  const authorities = await loadAuthorities(trust.peers.caFiles, environment);
  const revocation = createRevocation(trust.revocation, {
    keep: join(folder, 'revocation'),
    clock,
    alerts: alerts.certificates,
    randomBytes,
  });
  closers.push(() => Promise.resolve(revocation.stop()));
  await revocation.start(authorities.certificates);
  const whitelist = createWhitelistKeeper(trust.whitelist, {
    source: await openSource(trust.whitelist, clock),
    keep: createKeptFile(folder),
    trust: { authorities: authorities.certificates, revocation },
    clock,
    alerts: alerts.about('whitelist'),
  });
  closers.push(() => whitelist.stop());
  await whitelist.start();
  // Peers are configured by their names as a person writes them, and known by their normal form.
  const clientsByPeer = trust.psc.clientsByPeer.map(({ peer, clients }) => ({
    peer: distinguishedNameKey(parseDistinguishedName(peer)),
    clients,
  }));
  const tokens = createTokenVerifier({ ...trust.psc, clientsByPeer }, { clock, alerts: alerts.about('psc') });
  closers.push(() => tokens.close());
  const certificates = createPeerCertificateCheck({
    authorities: authorities.certificates,
    revocation,
    purposes: trust.peers.purposes,
    cacheMs: trust.peers.cacheSeconds * 1000,
  });
  const peers = createPeerGate({ certificates, whitelist, clock });
  return { authoritiesPem: authorities.pem, peers, tokens };
};

const gateOf = (peers: PeerGate, tokens: TokenVerifier, log: ImageServicePorts['log']): Gate => ({
  // The listener speaks TLS only.
  identifyPeer: (request) => peers.identifyPeer(request.socket as TLSSocket),
  identifyProfessional: async (request, peer) => {
    const certificate = (request.socket as TLSSocket).getPeerX509Certificate();
    const verdict = await tokens.verify({
      authorization: request.headersDistinct['authorization'],
      peerKey: peer.key,
      ...(certificate === undefined ? {} : { peerCertificate: certificate }),
    });
    if ('binding' in verdict && verdict.binding === 'mismatch') {
      log.warn({ peer: peer.key, verdict: verdict.kind }, 'a token is bound to another certificate than its sender’s');
    }
    if (verdict.kind !== 'accepted') return { kind: 'refused', code: verdict.code };
    const { nationalId, clientId } = verdict.professional;
    return { kind: 'accepted', known: { nationalId, clientId } };
  },
});

// Images -----------------------------------------------------------------------------------------------------------

const openFileIndex = (configuration: Configuration, ports: ImageServicePorts, closers: Closers): FileIndex => {
  const rest = createRestFileIndex(ports.orthanc);
  const { indexUrl, indexPasswordFile, timeoutMs } = configuration.orthanc;
  if (indexUrl === undefined) return rest;
  const password = indexPasswordFile === undefined ? {} : { indexPasswordFile };
  const tables = createSqlFileIndex({ indexUrl, timeoutMs, ...password }, { log: ports.log });
  closers.push(() => tables.close());
  return createFileIndexWithFallback(tables, rest, { log: ports.log, clock: ports.clock });
};

const threadsOf = ({ transcoding }: WadoOptions): number =>
  transcoding.threads ?? Math.max(1, availableParallelism() - 1);

/** What another DRIMbox would be given of a study, by the manifest that the DMP holds. */
const createLoadServingOfStudy =
  ({ knex }: Store, loadServing: LoadServing) =>
  async (studyInstanceUid: StudyInstanceUid): Promise<Serving | undefined> => {
    const current: { document_uid: string } | undefined = await knex('study')
      .join('submission', 'submission.id', 'study.published_submission_id')
      .where('study.study_uid', studyInstanceUid)
      .first('submission.document_uid');
    return current === undefined ? undefined : loadServing(current.document_uid);
  };

const listPublished = async ({ knex }: Store): Promise<readonly StudyInstanceUid[]> => {
  const uids: string[] = await knex('study').whereNotNull('published_submission_id').pluck('study_uid');
  return uids.map(parseStudyInstanceUid);
};

const startJournal = (
  { store, clock, log }: ImageServicePorts,
  closers: Closers,
): ((events: readonly DrimboxEvent[]) => void) => {
  const keeper = createEventKeeper({ store, clock, log });
  closers.push(() => keeper.close());
  return (events) => keeper.keep(events);
};

const basePathsOf = (configuration: Configuration, { basePaths }: WadoOptions): readonly string[] => [
  ...new Set([new URL(configuration.retrieveUrlBase).pathname, ...basePaths]),
];

const startAudit = async (configuration: Configuration, ports: ImageServicePorts, closers: Closers): Promise<Audit> => {
  const { store, clock, log } = ports;
  const audit = createAudit({ store, clock, log, options: configuration.audit });
  closers.push(() => audit.stop());
  await audit.start();
  return audit;
};

const start = async (
  configuration: Configuration,
  options: { readonly wado: WadoOptions; readonly trust: TrustOptions },
  ports: ImageServicePorts,
  closers: Closers,
): Promise<Omit<ImageService, 'close'>> => {
  const { wado, trust } = options;
  const { folder } = configuration.store;
  const { clock, monotonic, randomBytes, orthanc, store, log } = ports;
  const alerts = createAlertWriter(ports);
  closers.push(() => alerts.settled());
  const trusted = await startTrust(trust, configuration.environment, folder, ports, alerts, closers);
  const audit = await startAudit(configuration, ports, closers);
  const index = openFileIndex(configuration, ports, closers);
  const memory = createMemoryLender(keptMemoryBytes);
  const files = createStoredFiles(orthanc, { folder: configuration.orthanc.storageFolder, index, clock, memory });
  const images = createOrthancImages(orthanc, files, monotonic);
  const loadServing = createLoadServing(store.knex);
  const threads = threadsOf(wado);
  const renditions = await openRenditions(
    wado,
    { threads, storeFolder: folder },
    {
      ...ports,
      images,
      loadServing: createLoadServingOfStudy(store, loadServing),
      listPublished: () => listPublished(store),
    },
  );
  closers.push(() => renditions.close());
  const { workshop } = renditions;
  const ahead = Math.max(4, 2 * threads);
  const { retrieveUrlBase } = configuration;
  const serving = { images, workshop, monotonic, randomBytes, ahead, retrieveUrlBase };
  const { requests, requestsPerPeer, waiting, waitSeconds } = wado.limits;
  const basePaths = basePathsOf(configuration, wado);
  const keepEvents = startJournal(ports, closers);
  const answer = createRetrieveService({
    loadServing,
    audit,
    images,
    basePaths,
    monotonic,
    log,
    gate: gateOf(trusted.peers, trusted.tokens, log),
    admission: createAdmission(
      { total: requests, perPeer: requestsPerPeer, maxQueued: waiting, queueTimeoutMs: waitSeconds * 1000 },
      monotonic,
    ),
    serveImages: createImageServing(serving),
    serveMetadata: createMetadataServing(serving),
    newCorrelationId: ports.newUuid,
    keepEvents,
  });
  const certificates = await createServerCertificates(
    serverCertificatesOptions.parse({ certificates: wado.certificates }),
    {
      shared: buildSecureContextOptions(trusted.authoritiesPem),
      clock,
      alerts: alerts.certificates,
    },
  );
  closers.push(() => Promise.resolve(certificates.stop()));
  certificates.start();
  const status = createServiceStatus({
    clock: monotonic,
    looks: { DRIMbox: () => store.knex.raw('SELECT 1'), PACS: () => orthanc.system() },
  });
  const listener = await startWadoListener(wado, {
    tls: buildServerTlsOptions(certificates),
    onServer: (server) => certificates.attach(server),
    answer: (request, response) => renditions.during(() => answer(request, response)),
    status,
    basePaths,
  });
  closers.push(() => listener.close());
  return {
    port: listener.port,
    heard: renditions.heard,
    shared: {
      ...{ audit, images, workshop, files: index, loadServing, keepEvents, status },
      certificateAlerts: alerts.certificates,
    },
  };
};

/**
 * @throws trust/*: authorities, certificates or names that cannot be used · config/* · wado/listen-failed · renditions/cache-*;
 *   what was opened is closed again
 */
export const startImageService = async (
  configuration: Configuration,
  options: { readonly wado: WadoOptions; readonly trust: TrustOptions },
  ports: ImageServicePorts,
): Promise<ImageService> => {
  const closers: Closers = [];
  try {
    const started = await start(configuration, options, ports, closers);
    return { ...started, close: () => closeAll(closers) };
  } catch (error) {
    await closeAll(closers);
    throw error;
  }
};
