/**
 * Tells "the database is not there" from "the database said no".
 *
 * @see PostgreSQL appendix A, SQLSTATE classes 08 (connection), 53 (resources), 57P (operator intervention), 58 (system)
 */
const outageCodes = new Set([
  'ECONNREFUSED',
  'ECONNRESET',
  'EPIPE',
  'ETIMEDOUT',
  'ENOTFOUND',
  'ENOENT',
  'EHOSTUNREACH',
]);
const outageStates = /^(08|53|57P|58)/;
const outageMessages =
  /timeout acquiring a connection|unable to acquire a connection|timeout expired|connection terminated|connection ended|client has encountered a connection error|database system is (shutting down|starting up)|PGlite is clos/i;

/** True when an error of knex, pg or PGlite means that the database cannot be reached or is out of means. */
export const isStoreOutage = (error: unknown): boolean => {
  if (!(error instanceof Error)) return false;
  const code = 'code' in error && typeof error.code === 'string' ? error.code : '';
  return outageCodes.has(code) || outageStates.test(code) || outageMessages.test(error.message);
};

/** True for a violated unique index (SQLSTATE 23505) of that name. */
export const isUniqueViolation = (error: unknown, index: string): boolean =>
  error instanceof Error &&
  'code' in error &&
  error.code === '23505' &&
  (('constraint' in error && error.constraint === index) || error.message.includes(index));
