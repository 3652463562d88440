/**
 * `/drimbox/…` of Orthanc's REST API, as Orthanc's hook relays it (design §5). It reads; acts need a user whose password
 * Orthanc checked and a token (decision F1). Held deletions are confirmed by the command line only.
 *
 * | path after `/drimbox/`           |      | answer                                             |
 * |----------------------------------|------|----------------------------------------------------|
 * | `studies/{orthancId}/status`     | GET  | state, one French sentence, remedy, allowed actions |
 * | `studies/{orthancId}`            | GET  | the same and the history: reports, orders, answers, journal |
 * | `studies/{orthancId}/reconcile`  | POST | 202: looked at again now, whatever barred it       |
 * | `queue`                          | GET  | orders that wait for the DMP, and why              |
 * | `alerts`                         | GET  | open alerts                                        |
 * | `resync`                         | GET  | how far the latest resynchronisation is, what it found |
 * | `resync/compare`, `resync/apply`, `resync/stop` | POST | 202: as `drimbox resync`, with `--apply`, `--stop` |
 * | `csrf-token`                     | GET  | `{ token, expiresAt }` for `X-CSRF-Token`          |
 */
import {
  type ArchivedStudy,
  loadAlerts,
  loadQueue,
  loadStudy,
  loadStudyByOrthancId,
  releaseStudy,
  saveEvents,
  showArchive,
} from '../archive/index.ts';
import { DrimboxError } from '../errors.ts';
import type { DrimboxEvent, Emit } from '../events.ts';
import type { OrthancClient, RelayedAnswer, RelayedRequest } from '../orthanc/index.ts';
import type { Store } from '../store/index.ts';
import { createCsrfTokens, type CsrfTokens } from './csrf-tokens.ts';
import { alertLine, queueLine, resyncLine, statusOf, withoutStructures } from './rest-extension-views.ts';
import { showResync, startResync, stopResync } from './resync-command.ts';

export interface RestExtensionPorts {
  readonly store: Store;
  readonly orthanc: Pick<OrthancClient, 'resolveStudyOf'>;
  readonly clock: () => number;
  /** Starts due looks at once. */
  readonly wake: () => void;
  /** Starts the comparison of the archive with the PACS at once. */
  readonly wakeComparison: () => void;
  readonly emit: Emit;
  /** Drawn at start: 32 random bytes. */
  readonly csrfKey: Uint8Array;
}

export type RestExtension = (request: RelayedRequest) => Promise<RelayedAnswer>;

interface Ports extends RestExtensionPorts {
  readonly csrf: CsrfTokens;
}
type Endpoint = (ports: Ports, request: RelayedRequest, orthancId: string) => Promise<RelayedAnswer>;

const maxQueueLines = 1_000;
/** An act takes no argument yet; a client may send an empty JSON object. */
const maxActBytes = 1_024;

/** @throws archive/not-found: no report ever named it */
const findStudy = async ({ store, orthanc }: Ports, orthancId: string): Promise<ArchivedStudy> => {
  const uid = await orthanc.resolveStudyOf('study', orthancId);
  // Gone from Orthanc since: the archive remembers where it was.
  const study =
    uid === undefined ? await loadStudyByOrthancId(store.knex, orthancId) : await loadStudy(store.knex, uid);
  if (study === undefined) throw new DrimboxError('archive/not-found', { detail: 'no report ever named this study' });
  return study;
};

const hostOf = (origin: string): string | undefined => {
  try {
    return new URL(origin).host;
  } catch {
    return undefined;
  }
};

/**
 * A page of another site says so in `Origin`; programs send none.
 *
 * @throws admin/user-required, admin/csrf-invalid
 */
const checkUser = ({ user, origin, host }: RelayedRequest): string => {
  if (user === undefined) throw new DrimboxError('admin/user-required');
  if (origin !== undefined && (host === undefined || hostOf(origin) !== host.toLowerCase())) {
    throw new DrimboxError('admin/csrf-invalid', { detail: 'origin' });
  }
  return user;
};

/** @throws admin/user-required, admin/csrf-invalid, orthanc/hook-request-too-large */
const checkAct = ({ csrf }: Ports, request: RelayedRequest): void => {
  csrf.check(checkUser(request), request.csrfToken);
  if (request.body.length > maxActBytes) throw new DrimboxError('orthanc/hook-request-too-large');
};

const answerStatus: Endpoint = async (ports, { user }, orthancId) => ({
  json: statusOf(await findStudy(ports, orthancId), user, ports.clock()),
});

const answerHistory: Endpoint = async (ports, { user }, orthancId) => {
  const study = await findStudy(ports, orthancId);
  const history = withoutStructures(await showArchive(ports.store.knex, study.studyInstanceUid));
  return { json: { status: statusOf(study, user, ports.clock()), history } };
};

/** The journal says that it was asked for here, not by whom: it holds no identity (decision A6). */
const reconcile: Endpoint = async (ports, request, orthancId) => {
  checkAct(ports, request);
  const { studyInstanceUid } = await findStudy(ports, orthancId);
  const atUtcMs = ports.clock();
  const { event, kind } = await ports.store.transaction(async (trx) => {
    const released = await releaseStudy(trx, studyInstanceUid, atUtcMs);
    const hint: DrimboxEvent = {
      name: 'study/hint',
      studyInstanceUid,
      detail: { source: 'orthanc-explorer', was: released.was },
    };
    await saveEvents(trx, atUtcMs, [hint]);
    return { event: hint, kind: released.kind };
  });
  ports.emit(event);
  ports.wake();
  return { status: 202, json: { outcome: kind, text: 'Examen à réexaminer : demande prise en compte.' } };
};

const answerQueue: Endpoint = async ({ store }) => {
  const { total, orders } = await loadQueue(store.knex, maxQueueLines);
  return { json: { total, orders: orders.map(queueLine) } };
};

const answerAlerts: Endpoint = async ({ store }) => ({ json: (await loadAlerts(store.knex)).map(alertLine) });

const answerResync: Endpoint = async (ports) => ({ json: resyncLine(await showResync(ports)) });

const actOnResync =
  (act: (ports: Ports) => Promise<unknown>): Endpoint =>
  async (ports, request) => {
    checkAct(ports, request);
    await act(ports);
    return { status: 202, json: resyncLine(await showResync(ports)) };
  };

const answerToken: Endpoint = ({ csrf }, request) => {
  const { token, expiresAtUtcMs } = csrf.issue(checkUser(request));
  return Promise.resolve({ json: { token, expiresAt: new Date(expiresAtUtcMs).toISOString() } });
};

const id = '([0-9a-f]{8}(?:-[0-9a-f]{8}){4})';
const routes: readonly { readonly path: RegExp; readonly method: 'GET' | 'POST'; readonly answer: Endpoint }[] = [
  { path: new RegExp(`^studies/${id}/status$`), method: 'GET', answer: answerStatus },
  { path: new RegExp(`^studies/${id}$`), method: 'GET', answer: answerHistory },
  { path: new RegExp(`^studies/${id}/reconcile$`), method: 'POST', answer: reconcile },
  { path: /^queue$/, method: 'GET', answer: answerQueue },
  { path: /^alerts$/, method: 'GET', answer: answerAlerts },
  { path: /^resync$/, method: 'GET', answer: answerResync },
  { path: /^resync\/compare$/, method: 'POST', answer: actOnResync((ports) => startResync(ports, false)) },
  { path: /^resync\/apply$/, method: 'POST', answer: actOnResync((ports) => startResync(ports, true)) },
  { path: /^resync\/stop$/, method: 'POST', answer: actOnResync(stopResync) },
  { path: /^csrf-token$/, method: 'GET', answer: answerToken },
];

/**
 * Answers what Orthanc relays.
 *
 * The function throws admin/path-unknown, admin/method-not-allowed, admin/user-required, admin/csrf-invalid,
 * archive/not-found, orthanc/hook-request-too-large, orthanc/*, store/unavailable: the hook's listener answers with their
 * status, code and French text.
 */
export const createRestExtension = (ports: RestExtensionPorts): RestExtension => {
  const open: Ports = { ...ports, csrf: createCsrfTokens(ports.csrfKey, ports.clock) };
  return async (request) => {
    const route = routes.find(({ path }) => path.test(request.path));
    if (route === undefined) throw new DrimboxError('admin/path-unknown');
    if (route.method !== request.method) {
      throw new DrimboxError('admin/method-not-allowed', { context: { allow: route.method } });
    }
    return await route.answer(open, request, route.path.exec(request.path)?.[1] ?? '');
  };
};
