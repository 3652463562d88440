/**
 * Tells "the database is not there" from "the database said no".
 *
 * @see PostgreSQL appendix A, SQLSTATE classes
 */
import { DrimboxError } from '../errors.ts';

const outageCodes = new Set([
  'ECONNREFUSED',
  'ECONNRESET',
  'EPIPE',
  'ETIMEDOUT',
  'ENOTFOUND',
  'ENOENT',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'EAI_AGAIN',
]);
const outageMessages =
  /timeout acquiring a connection|unable to acquire a connection|timeout expired|connection terminated|connection ended|client has encountered a connection error|database system is (shutting down|starting up)|PGlite is clos/i;

/**
 * SQLSTATE classes that speak of the statement and its values: 22 data, 23 integrity, 42 names and syntax, 54 limits. All
 * others speak of the server's state: a standby that cannot write, a role that lost its right, a cancelled statement.
 */
const statementStates = /^(22|23|42|54)/;
/** …but 42501: a role that may not; somebody is at work on the database. */
const rightState = '42501';

const codeOf = (error: Error): string => ('code' in error && typeof error.code === 'string' ? error.code : '');

const isSqlState = (code: string): boolean => /^[0-9A-Z]{5}$/.test(code) && /[0-9]/.test(code);

/** True when an error of knex, pg or PGlite means that the database cannot be reached or cannot work now. */
export const isStoreOutage = (error: unknown): boolean => {
  if (!(error instanceof Error)) return false;
  const code = codeOf(error);
  if (outageCodes.has(code) || outageMessages.test(error.message)) return true;
  return isSqlState(code) && (code === rightState || !statementStates.test(code));
};

/** True when the same transaction may succeed if it is run once more: 40001 serialization, 40P01 deadlock. */
export const isRetriable = (error: unknown): boolean =>
  error instanceof Error && (codeOf(error) === '40001' || codeOf(error) === '40P01');

/** An outage as `store/unavailable`, told to an HL7 sender as AR; anything else unchanged. */
export const asStoreError = (error: unknown): unknown =>
  isStoreOutage(error) ? new DrimboxError('store/unavailable', { cause: error }) : error;

/** True for a violated unique index (SQLSTATE 23505) of that name. */
export const isUniqueViolation = (error: unknown, index: string): boolean =>
  error instanceof Error &&
  'code' in error &&
  error.code === '23505' &&
  (('constraint' in error && error.constraint === index) || error.message.includes(index));
