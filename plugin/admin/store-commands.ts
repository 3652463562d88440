/**
 * Commands that read or mark the store. The command line runs them itself on PostgreSQL; when the running sidecar holds the
 * embedded database it asks it to (design §6).
 */
import {
  type ArchiveFigures,
  hookContactMarker,
  listArchive,
  loadAlerts,
  loadFigures,
  loadLatestKos,
  loadMarkerTime,
  markAlertSeen,
  releaseFailedStudies,
  releaseOrders,
  requestLooksByState,
  showArchive,
  StudyState,
} from '../archive/index.ts';
import { DrimboxError, errorTable } from '../errors.ts';
import type { Store } from '../store/index.ts';

export interface StoreCommandPorts {
  readonly store: Store;
  readonly clock: () => number;
  /** Starts due looks at once, in the running sidecar. */
  readonly wake?: () => void;
}

/** What `archive status` answers. */
export interface StoreFigures extends ArchiveFigures {
  readonly database: 'embedded' | 'postgres';
  readonly lastHookContactAtUtcMs?: number;
}

const usage = (detail: string): DrimboxError => new DrimboxError('cli/usage', { detail });

const optionOf = (words: readonly string[], name: string): string | undefined => {
  const at = words.indexOf(name);
  if (at === -1) return undefined;
  const value = words[at + 1];
  if (value === undefined) throw usage(`${name} needs a value`);
  return value;
};

const stateOf = (text: string): StudyState => {
  const state = Object.values(StudyState).find((known) => known === text);
  if (state === undefined) throw usage(`--state is one of ${Object.values(StudyState).join(', ')}`);
  return state;
};

const limitOf = (text: string | undefined): number => {
  const limit = Number(text ?? '100');
  if (!Number.isInteger(limit) || limit < 1 || limit > 100_000) throw usage('--limit is a number from 1 to 100000');
  return limit;
};

const alertNumberOf = (text: string): number => {
  if (!/^[1-9][0-9]{0,14}$/.test(text)) throw usage('--seen is the number of an alert');
  return Number(text);
};

const listCommand = ({ store }: StoreCommandPorts, words: readonly string[]): Promise<unknown> => {
  const state = optionOf(words, '--state');
  return listArchive(store.knex, {
    ...(state === undefined ? {} : { states: [stateOf(state)] }),
    limit: limitOf(optionOf(words, '--limit')),
  });
};

const kosCommand = async ({ store }: StoreCommandPorts, studyInstanceUid: string): Promise<unknown> => ({
  studyInstanceUid,
  kosBase64: Buffer.from(await loadLatestKos(store.knex, studyInstanceUid)).toString('base64'),
});

const alertsCommand = async ({ store, clock }: StoreCommandPorts, words: readonly string[]): Promise<unknown> => {
  const seen = optionOf(words, '--seen');
  if (seen !== undefined && !(await markAlertSeen(store.knex, alertNumberOf(seen), clock()))) {
    throw new DrimboxError('archive/not-found', { detail: 'no open alert of that number' });
  }
  const alerts = await loadAlerts(store.knex, words.includes('--all'));
  return alerts.map((alert) => ({
    alert: alert.id,
    code: alert.code,
    text: errorTable[alert.code].publicText,
    subject: alert.subject,
    detail: alert.detail,
    count: alert.count,
    raisedAt: new Date(alert.raisedAtUtcMs).toISOString(),
    lastAt: new Date(alert.lastAtUtcMs).toISOString(),
    ...(alert.seenAtUtcMs === undefined ? {} : { seenAt: new Date(alert.seenAtUtcMs).toISOString() }),
    ...(alert.clearedAtUtcMs === undefined ? {} : { clearedAt: new Date(alert.clearedAtUtcMs).toISOString() }),
  }));
};

/** Looks again at every held or failed study, once an administrator has put right what held it or made it fail. */
const releaseCommand = async ({ store, clock, wake }: StoreCommandPorts): Promise<unknown> => {
  const held = await requestLooksByState(store.knex, [StudyState.held], clock());
  const failed = await releaseFailedStudies(store.knex, clock());
  const postponed = await releaseOrders(store.knex);
  if (postponed > 0) await requestLooksByState(store.knex, [StudyState.sending], clock());
  wake?.();
  return { due: held + failed + postponed };
};

/** Figures for `doctor` and monitoring; no identity. */
const figuresCommand = async ({ store }: StoreCommandPorts): Promise<StoreFigures> => {
  const lastHookContactAtUtcMs = await loadMarkerTime(store.knex, hookContactMarker);
  return {
    ...(await loadFigures(store.knex)),
    database: store.kind,
    ...(lastHookContactAtUtcMs === undefined ? {} : { lastHookContactAtUtcMs }),
  };
};

/**
 * @param words  the command line without options of the launcher: `['archive', 'list', '--state', 'held']`
 * @returns what is printed as JSON
 * @throws cli/usage, archive/not-found, store/unavailable
 */
export const runStoreCommand = async (ports: StoreCommandPorts, words: readonly string[]): Promise<unknown> => {
  const [room, verb, subject] = words;
  switch (`${room} ${verb ?? ''}`) {
    case 'archive list':
      return listCommand(ports, words);
    case 'archive show':
      if (subject === undefined) throw usage('archive show STUDY-INSTANCE-UID');
      return showArchive(ports.store.knex, subject);
    case 'archive kos':
      if (subject === undefined) throw usage('archive kos STUDY-INSTANCE-UID');
      return kosCommand(ports, subject);
    case 'archive release':
      return releaseCommand(ports);
    case 'archive status':
      return figuresCommand(ports);
    default:
      if (room === 'alerts') return alertsCommand(ports, words);
      throw usage(`unknown command: ${words.slice(0, 2).join(' ')}`);
  }
};
