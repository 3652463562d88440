import { expect, test } from 'vitest';
import { createServiceStatus } from '../../plugin/health/service-status.ts';

const up = (): Promise<void> => Promise.resolve();
const down = (): Promise<void> => Promise.reject(new Error('no'));
const never = (): Promise<void> => new Promise(() => undefined);

test('tells DRIMbox and PACS apart; one that is down takes the whole down (DB.SO.182, DB.SO.183)', async () => {
  const status = (looks: Readonly<Record<string, () => Promise<void>>>) =>
    createServiceStatus({ clock: () => 0, looks, timeoutMs: 20 })();
  expect(await status({ DRIMbox: up, PACS: up })).toEqual({
    status: 'UP',
    checks: [
      { name: 'DRIMbox', status: 'UP' },
      { name: 'PACS', status: 'UP' },
    ],
  });
  expect(await status({ DRIMbox: up, PACS: down })).toMatchObject({ status: 'DOWN', checks: [{ status: 'UP' }, {}] });
  expect(await status({ DRIMbox: down, PACS: up })).toMatchObject({ status: 'DOWN', checks: [{ status: 'DOWN' }, {}] });
  // One that does not answer is down.
  expect(await status({ DRIMbox: up, PACS: never })).toMatchObject({ status: 'DOWN' });
});

test('many who ask at once, and soon after, cause one look; later it looks again', async () => {
  let now = 0;
  let looked = 0;
  let works = true;
  const look = (): Promise<void> => {
    looked += 1;
    return works ? up() : down();
  };
  const status = createServiceStatus({ clock: () => now, looks: { PACS: look }, keepMs: 2_000 });
  const answers = await Promise.all(Array.from({ length: 50 }, () => status()));
  expect([looked, new Set(answers.map((one) => one.status))]).toEqual([1, new Set(['UP'])]);
  works = false;
  now = 1_999;
  expect((await status()).status).toBe('UP');
  now = 2_000;
  expect((await status()).status).toBe('DOWN');
  expect(looked).toBe(2);
  works = true;
  now = 4_000;
  expect((await status()).status).toBe('UP');
});
