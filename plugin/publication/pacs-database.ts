/**
 * Is Orthanc's database the one we know? (decision D2) Another one, or an older copy of it, says "no such study" in good
 * faith: what vanished with it must not vanish from the patients' records. A doubt stays until an administrator ends it.
 */
import type { Knex } from 'knex';
import {
  clearAlerts,
  deleteMarker,
  forgetAbsences,
  loadMarker,
  raiseAlert,
  saveEvents,
  saveMarker,
} from '../archive/index.ts';
import { asDrimboxError, failureFields } from '../errors.ts';
import type { DrimboxEvent } from '../events.ts';
import type { DatabaseIdentity } from '../orthanc/index.ts';
import type { PublicationPorts } from './ports.ts';

export const databaseMarker = 'orthanc-database';
export const databaseDoubtMarker = 'orthanc-database-doubt';
const alertSubject = 'orthanc';
const code = 'publication/pacs-database-changed';

/** Why the database is not recognised; English, for the log and the administrator's detail. */
export type DatabaseDoubt =
  | 'another database'
  | 'the mark of the hook is missing'
  | 'its sequence of changes went backwards';

/** Pure: compares like with like; what one side lacks says nothing, but for a mark that was there before. */
export const compareDatabases = (known: DatabaseIdentity, found: DatabaseIdentity): DatabaseDoubt | undefined => {
  if (known.marker !== undefined) {
    if (found.marker === undefined) return 'the mark of the hook is missing';
    if (found.marker !== known.marker) return 'another database';
  } else if (
    known.serverIdentifier !== undefined &&
    found.serverIdentifier !== undefined &&
    found.serverIdentifier !== known.serverIdentifier
  ) {
    return 'another database';
  }
  return found.lastChange < known.lastChange ? 'its sequence of changes went backwards' : undefined;
};

type DatabasePorts = Pick<PublicationPorts, 'store' | 'clock' | 'emit'> & {
  readonly orthanc: Pick<PublicationPorts['orthanc'], 'databaseIdentity'>;
};

const parse = (marker: { readonly value: string } | undefined): unknown =>
  marker === undefined ? undefined : JSON.parse(marker.value);

/** A doubt and its end do not cross. */
const databaseLock = 7_713_004;

/** @returns false when an administrator accepted a database meanwhile: it is to be asked again */
const doubt = async (ports: DatabasePorts, why: DatabaseDoubt): Promise<boolean> => {
  const atUtcMs = ports.clock();
  const event: DrimboxEvent = { name: 'pacs/database-doubt', errorCode: code, detail: { why } };
  const isTold = await ports.store.transaction(async (trx) => {
    await trx.raw('SELECT pg_advisory_xact_lock(?)', [databaseLock]);
    if ((await loadMarker(trx, databaseMarker)) === undefined) return false;
    await saveMarker(trx, databaseDoubtMarker, JSON.stringify({ why }), atUtcMs);
    await raiseAlert(trx, { code, subject: alertSubject, detail: why }, atUtcMs);
    await saveEvents(trx, atUtcMs, [event]);
    return true;
  });
  if (isTold) ports.emit(event);
  return isTold;
};

/** The doubt that stands, without asking Orthanc. */
export const loadDoubt = async (knex: Knex): Promise<DatabaseDoubt | undefined> =>
  (parse(await loadMarker(knex, databaseDoubtMarker)) as { readonly why: DatabaseDoubt } | undefined)?.why;

/**
 * Compares Orthanc's database with the one that is remembered, and remembers how far its changes are.
 *
 * @returns the doubt, now or from before; undefined when the database is recognised, or met for the first time
 * @throws orthanc/*, store/*
 */
export const checkDatabase = async (ports: DatabasePorts): Promise<DatabaseDoubt | undefined> => {
  const { knex } = ports.store;
  const standing = await loadDoubt(knex);
  if (standing !== undefined) return standing;
  // In this order: what another look writes down meanwhile must not be compared with an older answer.
  const known = parse(await loadMarker(knex, databaseMarker)) as DatabaseIdentity | undefined;
  const found = await ports.orthanc.databaseIdentity();
  const why = known === undefined ? undefined : compareDatabases(known, found);
  if (why !== undefined) return (await doubt(ports, why)) ? why : checkDatabase(ports);
  // What was recognised once stays what it is recognised by: the hook may come after the first meeting.
  const kept = { ...known, ...found };
  if (JSON.stringify(kept) !== JSON.stringify(known)) {
    await saveMarker(knex, databaseMarker, JSON.stringify(kept), ports.clock());
  }
  return undefined;
};

/** An administrator says that the database of now is the right one: it is met for the first time again. */
export const acceptDatabase = async (ports: Pick<PublicationPorts, 'store' | 'clock'>): Promise<void> => {
  const atUtcMs = ports.clock();
  await ports.store.transaction(async (trx) => {
    await trx.raw('SELECT pg_advisory_xact_lock(?)', [databaseLock]);
    // What the other database said proves nothing about this one.
    await forgetAbsences(trx);
    await deleteMarker(trx, databaseMarker);
    await deleteMarker(trx, databaseDoubtMarker);
    await clearAlerts(trx, alertSubject, atUtcMs, code);
    await saveEvents(trx, atUtcMs, [{ name: 'pacs/database-accepted' }]);
  });
};

const watchMs = 60_000;

/**
 * Looks at the database at once and then every minute, so that an older copy is noticed before its changes have caught up
 * with what is remembered.
 *
 * @returns look  to be called when Orthanc has started again
 */
export const watchDatabase = (
  ports: DatabasePorts & Pick<PublicationPorts, 'log'>,
): { readonly look: () => void; readonly stop: () => void } => {
  let last = '';
  /** Once per change: the minute after says nothing new. */
  const tell = (what: string, fields: object): void => {
    if (what !== '' && what !== last) ports.log.warn(fields, 'the database of Orthanc is not recognised');
    last = what;
  };
  const look = (): void => {
    checkDatabase(ports).then(
      (why) => tell(why ?? '', { why }),
      (error: unknown) => tell(asDrimboxError(error).code, failureFields(error)),
    );
  };
  look();
  const timer = setInterval(look, watchMs);
  return { look, stop: () => clearInterval(timer) };
};
