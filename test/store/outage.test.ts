import { describe, expect, test } from 'vitest';
import { asStoreError, isRetriable, isStoreOutage, isUniqueViolation } from '../../plugin/store/index.ts';

const failure = (fields: object, message = 'refused'): Error => Object.assign(new Error(message), fields);

/** What knex, pg and PGlite throw, and whether the database is not there (AR: send again) or said no (a fault of ours). */
const table: readonly (readonly [string, unknown, boolean])[] = [
  ['connection refused', failure({ code: 'ECONNREFUSED' }), true],
  ['connection reset', failure({ code: 'ECONNRESET' }), true],
  ['broken pipe', failure({ code: 'EPIPE' }), true],
  ['time-out of the connection', failure({ code: 'ETIMEDOUT' }), true],
  ['unknown host', failure({ code: 'ENOTFOUND' }), true],
  ['no socket file', failure({ code: 'ENOENT' }), true],
  ['no route', failure({ code: 'EHOSTUNREACH' }), true],
  ['SQLSTATE 08006, connection failure', failure({ code: '08006' }), true],
  ['SQLSTATE 53300, too many connections', failure({ code: '53300' }), true],
  ['SQLSTATE 53100, disk full', failure({ code: '53100' }), true],
  ['SQLSTATE 57P01, server shut down by its administrator', failure({ code: '57P01' }), true],
  ['SQLSTATE 57P03, server starting', failure({ code: '57P03' }), true],
  ['SQLSTATE 58030, input or output error', failure({ code: '58030' }), true],
  ['SQLSTATE 57014, statement cancelled', failure({ code: '57014' }), true],
  ['SQLSTATE 25006, a standby that only reads', failure({ code: '25006' }), true],
  ['SQLSTATE 42501, a role that lost its right', failure({ code: '42501' }), true],
  ['SQLSTATE 40P01, deadlock', failure({ code: '40P01' }), true],
  ['SQLSTATE XX000, internal error of the server', failure({ code: 'XX000' }), true],
  ['knex waits in vain for a connection', failure({}, 'Knex: Timeout acquiring a connection. The pool is full'), true],
  ['knex after its end', failure({}, 'Unable to acquire a connection'), true],
  ['pg waits in vain for the server', failure({}, 'timeout expired'), true],
  ['pg, cut', failure({}, 'Connection terminated unexpectedly'), true],
  ['pg, cut before', failure({}, 'Client has encountered a connection error and is not queryable'), true],
  ['server shuts down', failure({}, 'the database system is shutting down'), true],
  ['PGlite closed', failure({}, 'PGlite is closed'), true],
  ['PGlite closing', failure({}, 'PGlite is closing'), true],
  ['SQLSTATE 23505, unique index', failure({ code: '23505' }), false],
  ['SQLSTATE 42P01, no such table', failure({ code: '42P01' }), false],
  ['SQLSTATE 22021, a character that no text holds', failure({ code: '22021' }), false],
  ['SQLSTATE 54000, limit passed', failure({ code: '54000' }), false],
  ['an error of ours', new TypeError('x is not a function'), false],
  ['an error code of Node', failure({ code: 'ERR_INVALID_ARG_TYPE' }), false],
  ['a number as code', failure({ code: 8006 }), false],
  ['no error at all', { code: 'ECONNREFUSED' }, false],
  ['nothing', undefined, false],
];

describe('outage of the database', () => {
  test.each(table)('%s', (_title, error, isOutage) => {
    expect(isStoreOutage(error)).toBe(isOutage);
  });
});

describe('told to others', () => {
  test('as store/unavailable, which is AR and transient; anything else as it was', () => {
    expect(asStoreError(failure({ code: '57P01' }))).toMatchObject({
      code: 'store/unavailable',
      retry: 'transient',
      ack: { code: 'AR' },
      httpStatus: 503,
    });
    const said = failure({ code: '23505' });
    expect(asStoreError(said)).toBe(said);
  });

  test.each([
    ['40001', true],
    ['40P01', true],
    ['40003', false],
    ['23505', false],
    ['08006', false],
  ])('SQLSTATE %s may be run once more: %s', (code, isOnce) => {
    expect(isRetriable(failure({ code }))).toBe(isOnce);
  });
});

describe('violated unique index', () => {
  test.each([
    ['named by the driver', failure({ code: '23505', constraint: 'alert_open' }), true],
    ['named in the message only', failure({ code: '23505' }, 'duplicate key value violates "alert_open"'), true],
    ['of another index', failure({ code: '23505', constraint: 'other' }), false],
    ['another failure', failure({ code: '23503', constraint: 'alert_open' }), false],
    ['no error', 'alert_open', false],
  ])('%s', (_title, error, expected) => {
    expect(isUniqueViolation(error, 'alert_open')).toBe(expected);
  });
});
