import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { openStore, type Store } from '../../plugin/store/index.ts';
import { openTestStore, type TestStore } from '../fixtures/store/index.ts';
import { type Postgres, startPostgres } from '../peers/postgres/index.ts';

const room = fileURLToPath(new URL('../../plugin/store/index.ts', import.meta.url));

let postgres: Postgres;
let both: readonly TestStore[];
beforeAll(async () => {
  postgres = await startPostgres();
  both = [await openTestStore(await postgres.createDatabase('values')), await openTestStore()];
}, 120_000);
afterAll(async () => {
  for (const opened of both) await opened.close();
  await postgres.stop();
});

/** Opens the store in a process of its own and says how it went. */
const openElsewhere = async (url: string): Promise<string> => {
  const script =
    `import { openStore } from ${JSON.stringify(room)};` +
    `try { const store = await openStore({ url: ${JSON.stringify(url)}, folder: '/nowhere' });` +
    `await store.knex('message').select('id'); await store.close(); console.log('open'); }` +
    `catch (error) { console.log(error.message, error.cause); }`;
  const child = spawn(process.execPath, ['--input-type=module', '--eval', script], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  let said = '';
  child.stdout.on('data', (chunk: Buffer) => {
    said += chunk.toString();
  });
  await once(child, 'close');
  return said.trim();
};

/** One row with every type that the tables use, and what the usual figures are made of. */
const readBack = async ({ knex }: Store) => {
  const [message] = await knex('message')
    .insert({
      received_at_utc_ms: 1_773_309_600_123,
      peer_address: '192.0.2.1',
      sender_application: 'RIS é € 😀',
      sender_facility: "S'ITE",
      control_id: 'A',
      message_type: 'ORU^R01',
      content_sha256: 'ab',
      raw: Uint8Array.from({ length: 256 }, (_, index) => index),
      outcome: 'accepted',
    })
    .returning('*');
  const [report] = await knex('report')
    .insert({
      message_id: message.id,
      received_at_utc_ms: 0,
      document_key: '1.2',
      parent_keys: ['1.1', 'with "quotes", commas and {braces}', ''],
      action: 'initial',
      state: 'current',
      ins_value: '1',
      ins_oid: '2',
      sent_to_dmp: true,
      header: JSON.stringify({ b: [1, 2.5, null, true, 'é'], a: {} }),
      transmission: JSON.stringify({}),
      cda: new Uint8Array(),
    })
    .returning('*');
  const [figures] = await knex('message').count('* as count').min('received_at_utc_ms as first').max('id as last');
  const changed = await knex('message').where({ id: message.id }).update({ error_code: 'x' });
  const missing: unknown = await knex('message').where({ id: 99 }).first('id');
  const found: unknown = await knex('report').whereRaw('parent_keys @> ARRAY[?]::text[]', ['1.1']).first('id');
  const bytes = (value: Uint8Array) => ({ isBytes: value instanceof Uint8Array, values: [...value] });
  return {
    message: { ...message, raw: bytes(message.raw) },
    report: { ...report, cda: bytes(report.cda) },
    figures,
    changed,
    missing,
    found,
  };
};

describe('PostgreSQL and the embedded database', () => {
  test('give the same values: bigint as number, bytea as bytes, jsonb, text[], counts', async () => {
    const [onPostgres, embedded] = await Promise.all(both.map(({ store }) => readBack(store)));
    expect(embedded).toEqual(onPostgres);
    expect(onPostgres).toMatchObject({
      message: { id: 1, received_at_utc_ms: 1_773_309_600_123, raw: { isBytes: true } },
      report: { parent_keys: ['1.1', 'with "quotes", commas and {braces}', ''], sent_to_dmp: true },
      figures: { count: 1, first: 1_773_309_600_123, last: 1 },
      changed: 1,
    });
  });

  test('roll back alike, and say no alike', async () => {
    for (const { store } of both) {
      await expect(
        store.transaction(async (trx) => {
          await trx('marker').insert({ name: 'a', value: '1', at_utc_ms: 1 });
          await trx('marker').insert({ name: 'a', value: '2', at_utc_ms: 2 });
        }),
      ).rejects.toMatchObject({ code: '23505' });
      expect(await store.knex('marker')).toEqual([]);
    }
  });

  test('never put the values of a row into the text of an error (A6)', async () => {
    for (const { store } of both) {
      const insert = () => store.knex('marker').insert({ name: 'SECRET', value: 'SECRET', at_utc_ms: 1 });
      await insert();
      const error: unknown = await insert().catch((cause: unknown) => cause);
      expect(error).toBeInstanceOf(Error);
      expect((error as Error).message).not.toContain('SECRET');
      await store.knex('marker').delete();
    }
  });
});

describe('migration of a shared PostgreSQL', () => {
  test('by three processes at once: each finds its tables, each migration is made once', async () => {
    const url = await postgres.createDatabase('at_once');
    expect(await Promise.all([openElsewhere(url), openElsewhere(url), openElsewhere(url)])).toEqual([
      'open',
      'open',
      'open',
    ]);
    const rows = await postgres.run(
      'SELECT name, count(*)::int AS times FROM knex_migrations GROUP BY name',
      'at_once',
    );
    expect(rows.length).toBeGreaterThan(0);
    expect(rows.filter(({ times }) => times !== 1)).toEqual([]);
  }, 60_000);

  test('by six stores that open at the very same moment, several times over', async () => {
    for (const name of ['moment_1', 'moment_2', 'moment_3']) {
      const url = await postgres.createDatabase(name);
      const opening = Array.from({ length: 6 }, () => openStore({ url, folder: '/nowhere' }));
      const stores = await Promise.allSettled(opening);
      expect(stores.map(({ status }) => status)).toEqual(stores.map(() => 'fulfilled'));
      for (const store of stores) if (store.status === 'fulfilled') await store.value.close();
    }
  }, 60_000);

  test('is not stopped by the lock that a killed process left', async () => {
    const url = await postgres.createDatabase('left_locked');
    await (await openStore({ url, folder: '/nowhere' })).close();
    await postgres.run('UPDATE knex_migrations_lock SET is_locked = 1', 'left_locked');
    await (await openStore({ url, folder: '/nowhere' })).close();
  });

  test('made by a later version is told, not undone (store/migration-failed)', async () => {
    const url = await postgres.createDatabase('later');
    await (await openStore({ url, folder: '/nowhere' })).close();
    await postgres.run(
      "INSERT INTO knex_migrations (name, batch, migration_time) VALUES ('9999-later.ts', 9, now())",
      'later',
    );
    await expect(openStore({ url, folder: '/nowhere' })).rejects.toMatchObject({ code: 'store/migration-failed' });
  });

  test('of a database that was not made yet is an outage (store/unavailable)', async () => {
    await expect(openStore({ url: postgres.url('absent'), folder: '/nowhere' })).rejects.toMatchObject({
      code: 'store/unavailable',
    });
  });
});

describe('a PostgreSQL that stops', () => {
  test('is an outage for a transaction, a question and the check alike, and no process dies of it', async () => {
    const stopping = await startPostgres();
    const store = await openStore({ url: await stopping.createDatabase('stops'), folder: '/nowhere' });
    await store.knex('study');
    await stopping.kill();
    const unavailable = { code: 'store/unavailable', ack: { code: 'AR' } };
    await expect(store.transaction((trx) => trx('study').select('*'))).rejects.toMatchObject(unavailable);
    await expect(store.checkAlive()).rejects.toMatchObject(unavailable);
    await store.close();
  }, 60_000);
});
