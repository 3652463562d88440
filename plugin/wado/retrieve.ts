/**
 * A request for images of another DRIMbox, from the first byte to the audit: reading this file is reading the order of checks
 * of facts/spec.md b.5.3.
 *
 * Every refusal has its reason in the audit; outside it is a bare status. Nothing of a study is looked up before the peer and
 * the professional are known, nothing leaves before the audit has it on disk.
 *
 * @see facts/spec.md b.5 · decisions E1–E5
 */
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { LoadServing, ServedManifest } from '../archive/index.ts';
import {
  type Audit,
  type AuditEntry,
  type AuditHandle,
  AuditOutcome,
  type AuditResult,
  AuditTransaction,
} from '../audit/index.ts';
import { asDrimboxError, DrimboxError, type ErrorCode } from '../errors.ts';
import type { DrimboxEvent } from '../events.ts';
import type { Admission } from './admission-limits.ts';
import { answerRefusal, refusalStatus } from './refusal-answer.ts';
import {
  parseResource,
  parseRetrieveHeaders,
  type RetrieveHeaders,
  type RetrieveResource,
} from './retrieve-request.ts';
import { RetrieveOutcome, type RetrieveResult, statisticsOfRetrieve } from './retrieve-statistics.ts';
import type { ImageStore, StudyImages } from './image-store.ts';
import { checkPossession, type WantedInstance } from './possession.ts';

/** Another DRIMbox, known by its certificate and its entry in the whitelist. */
export interface KnownPeer {
  /** One for each operator: limits count by it. */
  readonly key: string;
  readonly subject: string;
  readonly entry?: string;
}

export interface KnownProfessional {
  readonly nationalId: string;
  readonly clientId: string;
}

export type Verdict<Known> =
  | { readonly kind: 'accepted'; readonly known: Known }
  | { readonly kind: 'refused'; readonly code: ErrorCode; readonly subject?: string };

/** Steps 1 to 4. */
export interface Gate {
  /** Certificate of the connection, then the whitelist. */
  identifyPeer(request: IncomingMessage): Promise<Verdict<KnownPeer>>;
  /** Pro Santé Connect token. */
  identifyProfessional(request: IncomingMessage, peer: KnownPeer): Promise<Verdict<KnownProfessional>>;
}

/** What was asked for, by whom, and what the manifest that they hold opens. */
export interface GrantedRequest {
  readonly resource: RetrieveResource;
  readonly headers: RetrieveHeaders;
  readonly manifest: ServedManifest;
  /** In the order of the manifest; at least one. */
  readonly instances: readonly WantedInstance[];
  /** What the PACS has of the study; asked while the manifest was looked for. @throws orthanc/* */
  readonly study: Promise<StudyImages>;
  readonly correlationId: string;
  /** Monotonic, milliseconds. */
  readonly startedAtMs: number;
}

/** What became of an answer. */
export interface Served {
  readonly httpStatus: number;
  readonly bytes: number;
  readonly objects: number;
  readonly firstByteMs?: number;
  readonly syntaxes: ReadonlyMap<string, number>;
  readonly modalities: ReadonlyMap<string, number>;
  readonly pixelBytes: number;
  readonly isCancelled: boolean;
  /** Of what could not be sent, the first. */
  readonly failure?: DrimboxError;
}

/**
 * Steps 7 to 10: finds the images, chooses the syntaxes, writes the answer. Calls `beginAudit` before the first byte.
 *
 * @throws DrimboxError: nothing was written
 */
export type Serve = (
  granted: GrantedRequest,
  response: ServerResponse,
  beginAudit: () => Promise<void>,
) => Promise<Served>;

export interface RetrievePorts {
  readonly loadServing: LoadServing;
  readonly gate: Gate;
  readonly audit: Audit;
  readonly admission: Admission;
  readonly images: Pick<ImageStore, 'find'>;
  readonly serveImages: Serve;
  readonly serveMetadata: Serve;
  readonly basePaths: readonly string[];
  /** Monotonic, milliseconds. */
  readonly monotonic: () => number;
  readonly newCorrelationId: () => string;
  /** Keeps lines of the journal. Never throws. */
  readonly keepEvents: (events: readonly DrimboxEvent[]) => void;
  readonly log: { warn(fields: object, message: string): void };
}

/** A refusal that may tell more than its status. */
export class RefusedError extends DrimboxError {
  readonly body: string | undefined;
  readonly headers: Readonly<Record<string, string>>;

  constructor(
    code: ErrorCode,
    told: { readonly body?: string; readonly headers?: Readonly<Record<string, string>> } = {},
  ) {
    super(code);
    this.body = told.body;
    this.headers = told.headers ?? {};
  }
}

/** One request, and what is known of it so far. */
class Exchange {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  readonly correlationId: string;
  readonly startedAtMs: number;
  readonly gone = new AbortController();
  entry: AuditEntry;
  isTrusted = false;
  manifest: ServedManifest | undefined;
  resource: RetrieveResource | undefined;
  /** The row of the audit is being written. */
  auditing: Promise<void> | undefined;
  handle: AuditHandle | undefined;
  wasPacsAsked = false;

  constructor(request: IncomingMessage, response: ServerResponse, correlationId: string, startedAtMs: number) {
    this.request = request;
    this.response = response;
    this.correlationId = correlationId;
    this.startedAtMs = startedAtMs;
    this.entry = { transaction: AuditTransaction.wadoRs, correlationId, address: request.socket.remoteAddress ?? '' };
    response.once('close', () => {
      if (!response.writableFinished) this.gone.abort();
    });
  }

  know(more: Partial<AuditEntry>): void {
    this.entry = { ...this.entry, ...more };
  }
}

const knownOf = <Known>(verdict: Verdict<Known>): Known => {
  if (verdict.kind === 'refused') throw new DrimboxError(verdict.code);
  return verdict.known;
};

const identify = async ({ gate }: RetrievePorts, exchange: Exchange): Promise<KnownPeer & KnownProfessional> => {
  const met = await gate.identifyPeer(exchange.request);
  if (met.kind === 'refused' && met.subject !== undefined) exchange.know({ peerSubject: met.subject });
  const peer = knownOf(met);
  exchange.know({ peerSubject: peer.subject, ...(peer.entry === undefined ? {} : { peerEntry: peer.entry }) });
  const professional = knownOf(await gate.identifyProfessional(exchange.request, peer));
  exchange.know({ actorNationalId: professional.nationalId, actorClient: professional.clientId });
  exchange.isTrusted = true;
  return { ...peer, ...professional };
};

const levelOf = ({ level, isMetadata }: RetrieveResource): string => (isMetadata ? `${level}/metadata` : level);

const uidsOf = ({ studyInstanceUid, seriesInstanceUid, sopInstanceUid }: RetrieveResource): Partial<AuditEntry> => ({
  studyInstanceUid,
  ...(seriesInstanceUid === undefined ? {} : { seriesInstanceUid }),
  ...(sopInstanceUid === undefined ? {} : { sopInstanceUid }),
});

const readRequest = ({ basePaths }: RetrievePorts, exchange: Exchange) => {
  const { request } = exchange;
  if (request.method !== 'GET') throw new RefusedError('wado/method-not-allowed', { headers: { Allow: 'GET' } });
  const resource = parseResource(request.url ?? '', basePaths);
  exchange.resource = resource;
  exchange.know({ ...uidsOf(resource), level: levelOf(resource) });
  exchange.know({ accept: request.headersDistinct['accept']?.join(', ') ?? '' });
  const headers = parseRetrieveHeaders(request.rawHeaders);
  exchange.know({ kosSopInstanceUid: headers.kosSopInstanceUid });
  return { resource, headers };
};

const findManifest = async (
  { loadServing }: RetrievePorts,
  exchange: Exchange,
  wanted: ReturnType<typeof readRequest>,
  nationalId: string,
) => {
  const serving = await loadServing(wanted.headers.kosSopInstanceUid);
  const possession = checkPossession(serving, wanted.resource, nationalId);
  if (serving.kind === 'served') exchange.know({ patient: serving.manifest.ins });
  if (possession.kind === 'refused') throw new DrimboxError(possession.code);
  if (serving.kind === 'refused') throw new DrimboxError('general/internal');
  exchange.manifest = serving.manifest;
  return { manifest: serving.manifest, instances: possession.instances };
};

/** @throws wado/busy */
const enter = async ({ admission }: RetrievePorts, exchange: Exchange, key: string): Promise<() => void> => {
  const admittance = await admission.enter(key, exchange.gone.signal);
  switch (admittance.kind) {
    case 'entered':
      return admittance.leave;
    case 'busy':
      throw new RefusedError('wado/busy', { headers: { 'Retry-After': String(admittance.retryAfterSeconds) } });
    case 'cancelled':
      throw new DrimboxError('wado/cancelled');
  }
};

const outcomeOf = (served: Served): RetrieveOutcome => {
  if (served.isCancelled) return RetrieveOutcome.cancelled;
  return served.httpStatus === 206 || served.failure !== undefined ? RetrieveOutcome.partial : RetrieveOutcome.served;
};

const tell = (
  ports: RetrievePorts,
  exchange: Exchange,
  outcome: RetrieveOutcome,
  served: Served | undefined,
  errorCode?: ErrorCode,
): void => {
  const { resource, manifest, isTrusted, wasPacsAsked } = exchange;
  const result: RetrieveResult = {
    outcome,
    isTrusted,
    level: resource?.level ?? 'study',
    isMetadata: resource?.isMetadata ?? false,
    syntaxes: served?.syntaxes ?? new Map(),
    modalities: served?.modalities ?? new Map(),
    pixelBytes: served?.pixelBytes ?? 0,
    ...(manifest === undefined ? {} : { structureId: manifest.structureId }),
    ...(resource === undefined ? {} : { studyInstanceUid: resource.studyInstanceUid }),
    ...(errorCode === undefined ? {} : { errorCode }),
    ...(wasPacsAsked
      ? { pacs: { images: served?.objects ?? 0, ...(errorCode?.startsWith('orthanc/') === true ? { errorCode } : {}) } }
      : {}),
  };
  ports.keepEvents(statisticsOfRetrieve(result));
};

/** Of the row that was begun, also when nobody has waited for it so far; undefined when none was, or could be. */
const handleOf = async (exchange: Exchange): Promise<AuditHandle | undefined> => {
  await exchange.auditing?.catch(() => undefined);
  return exchange.handle;
};

const finish = async (ports: RetrievePorts, exchange: Exchange, served: Served): Promise<void> => {
  const outcome = outcomeOf(served);
  const handle = await handleOf(exchange);
  const result: AuditResult = {
    outcome: AuditOutcome[outcome],
    httpStatus: served.httpStatus,
    objects: served.objects,
    bytes: served.bytes,
    syntaxes: Object.fromEntries(served.syntaxes),
    ...(served.failure === undefined ? {} : { reasonCode: served.failure.code }),
    ...(served.firstByteMs === undefined ? {} : { firstByteMs: served.firstByteMs }),
  };
  if (handle !== undefined) await ports.audit.finish(handle, result);
  tell(ports, exchange, outcome, served, served.failure?.code);
};

/** The peer's fault, or ours. */
const isRefusal = (code: ErrorCode): boolean => refusalStatus(code) < 500 && code !== 'wado/cancelled';

const refuse = async (ports: RetrievePorts, exchange: Exchange, cause: unknown): Promise<void> => {
  const { response, correlationId, entry } = exchange;
  const error = asDrimboxError(cause);
  const isGone = exchange.gone.signal.aborted || error.code === 'wado/cancelled';
  if (error.code === 'general/internal')
    ports.log.warn({ correlationId, code: error.code }, 'a request for images failed');
  const told = error instanceof RefusedError ? error : undefined;
  const answer = (): number => {
    const options = {
      correlationId,
      ...(told?.body === undefined ? {} : { body: told.body }),
      ...(told === undefined ? {} : { headers: told.headers }),
    };
    try {
      return answerRefusal(response, error.code, options);
    } catch (failure) {
      // The audit is told how it ended, whatever the connection takes.
      ports.log.warn({ correlationId, code: asDrimboxError(failure).code }, 'a refusal could not be sent');
      response.destroy();
      return refusalStatus(error.code);
    }
  };
  const httpStatus = isGone ? 499 : answer();
  const outcome = isGone
    ? RetrieveOutcome.cancelled
    : isRefusal(error.code)
      ? RetrieveOutcome.refused
      : RetrieveOutcome.failed;
  const result: AuditResult = { outcome: AuditOutcome[outcome], httpStatus, reasonCode: error.code };
  tell(ports, exchange, outcome, undefined, error.code);
  const handle = await handleOf(exchange);
  if (handle !== undefined) return ports.audit.finish(handle, result);
  await ports.audit.record(entry, result).catch((failure: unknown) => {
    ports.log.warn({ correlationId, code: asDrimboxError(failure).code }, 'a refusal is not in the audit yet');
  });
};

/** Steps 6 to 10, in the place that was given. */
const serve = async (
  ports: RetrievePorts,
  exchange: Exchange,
  wanted: ReturnType<typeof readRequest>,
  nationalId: string,
): Promise<Served> => {
  const study = ports.images.find(wanted.resource.studyInstanceUid);
  // Its failure matters to those alone who may know of the study.
  study.catch(() => undefined);
  const { manifest, instances } = await findManifest(ports, exchange, wanted, nationalId);
  const { correlationId, startedAtMs } = exchange;
  const serveLevel = wanted.resource.isMetadata ? ports.serveMetadata : ports.serveImages;
  const begin = async (): Promise<void> => {
    exchange.handle = await ports.audit.begin(exchange.entry);
  };
  const beginAudit = (): Promise<void> => {
    exchange.auditing = begin();
    // Who waits for it is told; who fails meanwhile need not wait.
    exchange.auditing.catch(() => undefined);
    return exchange.auditing;
  };
  exchange.wasPacsAsked = true;
  const granted = { ...wanted, manifest, instances, study, correlationId, startedAtMs };
  return serveLevel(granted, exchange.response, beginAudit);
};

const retrieve = async (ports: RetrievePorts, exchange: Exchange): Promise<void> => {
  const who = await identify(ports, exchange);
  const wanted = readRequest(ports, exchange);
  const leave = await enter(ports, exchange, who.key);
  // The place is given back before the end is written down: a slow database must not fill the house.
  const served = await serve(ports, exchange, wanted, who.nationalId).finally(leave);
  await finish(ports, exchange, served);
};

/** Answers one request; never throws. */
export const createRetrieveService =
  (ports: RetrievePorts) =>
  async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const exchange = new Exchange(request, response, ports.newCorrelationId(), ports.monotonic());
    try {
      await retrieve(ports, exchange);
    } catch (error) {
      await refuse(ports, exchange, error).catch((failure: unknown) => {
        ports.log.warn(
          { correlationId: exchange.correlationId, code: asDrimboxError(failure).code },
          'a refusal failed',
        );
        response.destroy();
      });
    }
  };
