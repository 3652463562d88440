import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { isUniqueViolation, openStore, type Store } from '../../plugin/store/index.ts';

const message = (controlId: string, outcome: string) => ({
  received_at_utc_ms: 1_700_000_000_123,
  peer_address: '127.0.0.1',
  sender_application: 'RIS',
  sender_facility: 'SITE',
  control_id: controlId,
  message_type: 'ORU^R01',
  content_sha256: 'ab',
  raw: new Uint8Array([0, 255, 10]),
  outcome,
});

describe('embedded store', () => {
  let folder: string;
  let store: Store;
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'drimbox-store-'));
    store = await openStore({ url: 'embedded', folder });
  }, 60_000);
  afterAll(async () => {
    await store.close();
    await rm(folder, { recursive: true, force: true });
  });

  test('gives bigint as number and bytea as bytes, as PostgreSQL does', async () => {
    const [row] = await store
      .knex('message')
      .insert(message('A', 'accepted'))
      .returning(['id', 'received_at_utc_ms', 'raw']);
    expect(row.id).toBe(1);
    expect(row.received_at_utc_ms).toBe(1_700_000_000_123);
    expect([...row.raw]).toEqual([0, 255, 10]);
  });

  test('keeps one accepted row per sender, control id and content (B2), and any number of refused ones', async () => {
    await store.knex('message').insert(message('B', 'refused'));
    await store.knex('message').insert(message('B', 'refused'));
    await store.knex('message').insert(message('B', 'accepted'));
    const again = store.knex('message').insert(message('B', 'accepted'));
    await expect(again).rejects.toSatisfy((error) => isUniqueViolation(error, 'message_accepted_once'));
  });

  test('rolls a failed transaction back', async () => {
    const failing = store.transaction(async (trx) => {
      await trx('message').insert(message('C', 'accepted'));
      throw new Error('no');
    });
    await expect(failing).rejects.toThrow('no');
    expect(await store.knex('message').where({ control_id: 'C' })).toHaveLength(0);
  });

  test('refuses a second opening of the same folder, which would lose rows', async () => {
    await expect(openStore({ url: 'embedded', folder })).rejects.toMatchObject({ code: 'store/locked' });
  });
});

test('says that PostgreSQL cannot be reached (store/unavailable), which becomes AR', async () => {
  const opening = openStore({ url: 'postgres://nobody@127.0.0.1:1/none', folder: tmpdir() });
  await expect(opening).rejects.toMatchObject({ code: 'store/unavailable', ack: { code: 'AR' } });
});

test('a command beside the service makes no database: store/absent says what to do', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'drimbox-no-store-'));
  const opening = openStore({ url: 'embedded', folder, asIs: true });
  await expect(opening).rejects.toMatchObject({ code: 'store/absent' });
  expect(await readdir(folder)).toEqual([]);
  await rm(folder, { recursive: true });
});
