/** Orthanc's PostgreSQL index, locked, closed, altered, restarted or damaged. */
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createSqlStudyIndex } from '../../plugin/orthanc/index.ts';
import { parseStudyInstanceUid } from '../../plugin/standards/index.ts';
import { findFreePort, type Postgres, startPostgres } from '../peers/postgres/index.ts';

const rich = parseStudyInstanceUid('2.25.999999.10');
const twice = parseStudyInstanceUid('2.25.999999.20');
const large = parseStudyInstanceUid('2.25.999999.30');

let postgres: Postgres;
beforeAll(async () => {
  postgres = await startPostgres();
});
afterAll(() => postgres.kill());

describe('an index that cannot be read is never an empty one (D1)', () => {
  const client = { readSopClassUid: () => Promise.reject(new Error('not asked')) };
  const codeOf = async (indexUrl: string, timeoutMs = 5_000): Promise<string> => {
    const index = createSqlStudyIndex({ indexUrl, timeoutMs }, { log: { warn: () => undefined }, ...client });
    const outcome = await index.lookup(rich).then(
      ({ kind }) => kind,
      (error: { code: string }) => error.code,
    );
    await index.close();
    return outcome;
  };
  const tables = `
    CREATE TABLE resources(internalid BIGSERIAL PRIMARY KEY, resourcetype INTEGER, publicid VARCHAR(64), parentid BIGINT);
    CREATE TABLE maindicomtags(id BIGINT, taggroup INTEGER, tagelement INTEGER, value TEXT);
    CREATE TABLE dicomidentifiers(id BIGINT, taggroup INTEGER, tagelement INTEGER, value TEXT);
    CREATE TABLE metadata(id BIGINT, type INTEGER, value TEXT, revision INTEGER);
    CREATE TABLE globalproperties(property INTEGER, value TEXT);
    INSERT INTO globalproperties VALUES (1, '6');`;
  const tampered = async (name: string, change: string): Promise<string> => {
    const url = await postgres.createDatabase(name);
    await postgres.run(tables + change, name);
    return await codeOf(url);
  };

  it('the same tables, empty, are an empty index', async () => {
    expect(await tampered('untouched', '')).toBe('absent');
  });

  it.each([
    ['no table', 'DROP TABLE metadata'],
    ['no column', 'ALTER TABLE metadata DROP COLUMN type'],
    ['a column of another type', 'ALTER TABLE resources ALTER COLUMN publicid TYPE INTEGER USING 0'],
    ['another schema version', "UPDATE globalproperties SET value = '7'"],
    ['no schema version', 'DELETE FROM globalproperties'],
    [
      'resource types that count from one',
      "INSERT INTO resources VALUES (1, 2, 'x', NULL); INSERT INTO dicomidentifiers VALUES (1, 32, 13, '2.25.1')",
    ],
  ])('%s: orthanc/index-unsupported', async (what, change) => {
    expect(await tampered(what.replaceAll(' ', '_'), change)).toBe('orthanc/index-unsupported');
  });

  it('a database that does not exist: orthanc/index-unsupported', async () => {
    expect(await codeOf(postgres.url('nowhere'))).toBe('orthanc/index-unsupported');
  });

  it('a role that does not exist, or may not read a table: orthanc/refused', async () => {
    expect(await codeOf(postgres.url('postgres', 'nobody_at_all'))).toBe('orthanc/refused');
    await postgres.createDatabase('closed');
    await postgres.run(`${tables}; CREATE ROLE blind LOGIN; GRANT SELECT ON resources TO blind;`, 'closed');
    expect(await codeOf(postgres.url('closed', 'blind'))).toBe('orthanc/refused');
  });

  it('nobody listens: orthanc/unreachable', async () => {
    expect(await codeOf(`postgres://a@127.0.0.1:${await findFreePort()}/orthanc`)).toBe('orthanc/unreachable');
  });

  it('a table that Orthanc holds locked: orthanc/timeout', async () => {
    const url = await postgres.createDatabase('locked');
    await postgres.run(tables, 'locked');
    const locker = new pg.Client({ connectionString: url });
    await locker.connect();
    await locker.query('BEGIN; LOCK TABLE maindicomtags IN ACCESS EXCLUSIVE MODE');
    const code = await codeOf(url, 300);
    await locker.query('ROLLBACK');
    await locker.end();
    expect([code, await codeOf(url)]).toEqual(['orthanc/timeout', 'absent']);
  });

  it('goes on after the server has been restarted under it', async () => {
    const url = await postgres.createDatabase('restarted');
    await postgres.run(tables, 'restarted');
    const index = createSqlStudyIndex(
      { indexUrl: url, timeoutMs: 5_000 },
      { log: { warn: () => undefined }, ...client },
    );
    expect(await index.lookup(rich)).toEqual({ kind: 'absent' });
    await postgres.run(
      `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = 'restarted' AND application_name = 'drimbox'`,
    );
    // The first call may meet the broken connection; it fails as unreachable, never as absent by mistake.
    const first = await index.lookup(rich).then(
      ({ kind }) => kind,
      (error: { code: string }) => error.code,
    );
    expect(['absent', 'orthanc/unreachable']).toContain(first);
    expect(await index.lookup(rich)).toEqual({ kind: 'absent' });
    await index.close();
  });

  it('a study with a hole spoils no other of its batch, and is not told as absent', async () => {
    const url = await postgres.createDatabase('one_hole');
    await postgres.run(
      `${tables}
       INSERT INTO resources VALUES (1, 1, 'x', NULL), (2, 1, 'y', NULL), (3, 2, 'z', 2), (4, 3, 'i', 3);
       INSERT INTO dicomidentifiers VALUES (1, 32, 13, '${rich}'), (2, 32, 13, '${large}');
       INSERT INTO maindicomtags VALUES (1, 32, 13, '${rich}'), (2, 32, 13, '${large}'), (3, 32, 14, '2.25.1'), (4, 8, 24, '2.25.2');
       INSERT INTO metadata VALUES (4, 10, '1.2.840.10008.5.1.4.1.1.2');`,
      'one_hole',
    );
    const index = createSqlStudyIndex(
      { indexUrl: url, timeoutMs: 5_000 },
      { log: { warn: () => undefined }, ...client },
    );
    const answers = await index.lookupMany([rich, large, twice]);
    await index.close();
    expect([answers.get(rich), answers.get(large), answers.get(twice)]).toMatchObject([
      { kind: 'failed', error: { code: 'orthanc/answer-invalid' } },
      { kind: 'found', study: { orthancId: 'y' } },
      { kind: 'absent' },
    ]);
  });

  it('an index that does not answer gives no answer for any study of a batch', async () => {
    const indexUrl = `postgres://a@127.0.0.1:${await findFreePort()}/orthanc`;
    const index = createSqlStudyIndex({ indexUrl, timeoutMs: 5_000 }, { log: { warn: () => undefined }, ...client });
    await expect(index.lookupMany([rich, large])).rejects.toMatchObject({ code: 'orthanc/unreachable' });
    await index.close();
  });

  it('an index in which a study has no instance: orthanc/answer-invalid', async () => {
    const url = await postgres.createDatabase('hollow');
    await postgres.run(
      `${tables}
       INSERT INTO resources VALUES (1, 1, 'x', NULL);
       INSERT INTO dicomidentifiers VALUES (1, 32, 13, '${rich}');
       INSERT INTO maindicomtags VALUES (1, 32, 13, '${rich}');`,
      'hollow',
    );
    expect(await codeOf(url)).toBe('orthanc/answer-invalid');
  });
});
