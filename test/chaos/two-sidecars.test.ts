/** Two sidecars share one PostgreSQL: one look per study at a time, whichever of them dies or freezes. */
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, describe, expect, test } from 'vitest';
import { startPostgres, type Postgres } from '../peers/postgres/index.ts';
import { startSite, waitFor, type Site } from '../peers/site/index.ts';
import { launchSidecar, startCrashLoop, waitUntilServing, type CrashLoop } from './crash-loop.ts';
import { runStory } from './crash-story.ts';
import { describeSecondSidecar } from './second-sidecar.ts';
import { chooseSeed, createChoices } from './seeded-choices.ts';
import { checkArchive } from './verdict.ts';

const seed = chooseSeed();

let site: Site | undefined;
let postgres: Postgres | undefined;
const closing: (() => Promise<unknown>)[] = [];

afterEach(async () => {
  await Promise.all(closing.splice(0).map((close) => close()));
  await site?.stop();
  await postgres?.kill();
  [site, postgres] = [undefined, undefined];
});

const startSharedSite = async (): Promise<{ site: Site; url: string }> => {
  postgres = await startPostgres({ durable: true });
  const url = await postgres.createDatabase('drimbox');
  site = await startSite({ store: url });
  return { site, url };
};

describe('two sidecars on one PostgreSQL', () => {
  test('both killed again and again: every acknowledged report is published exactly once', async () => {
    const { site: shared, url } = await startSharedSite();
    await shared.sidecar().kill();
    const { folder, configFile, env } = shared;
    const second = await describeSecondSidecar(shared);
    const loops: readonly CrashLoop[] = [
      await startCrashLoop({ folder, name: 'first', configFile, env }, createChoices(seed, 'kills of the first')),
      await startCrashLoop(second, createChoices(seed, 'kills of the second')),
    ];
    closing.push(...loops.map((loop) => () => loop.stop()));
    const { cases, manifests } = await runStory({
      ...{
        site: shared,
        store: url,
        seed,
        reports: 150,
        ports: [shared.mllpPort, second.mllpPort],
        quietWithinMs: 120_000,
      },
      failure: Promise.race(loops.map((loop) => loop.failure)),
      settle: async () => {
        await Promise.all(loops.map((loop) => loop.settle()));
      },
    });
    console.log(`      killed ${loops.map((loop) => loop.kills()).join(' and ')} times`);
    await Promise.all(loops.map((loop) => loop.stop()));
    await checkArchive({ url, folder: `${folder}/store` }, cases, manifests);
  });

  test('one frozen for longer than its lease, then awake again: it does not undo or repeat what the other one did', async () => {
    const { site: shared, url } = await startSharedSite();
    const second = await describeSecondSidecar(shared);
    const frozen = await launchSidecar(second, 1);
    closing.push(() => frozen.stop());
    await waitUntilServing(frozen);
    const choices = createChoices(seed, 'freeze');
    const countOrders = (): number => frozen.log().split('"msg":"dmp/order-created"').length - 1;
    const freezeOnce = async (): Promise<void> => {
      await sleep(choices.between(2000, 4000));
      // In the middle of something: an order of its own is on its way.
      const slow = { kind: 'slow', delayMs: 4000 } as const;
      await shared.dmp.order(slow, { times: 8, transaction: 'provideAndRegister' });
      const before = countOrders();
      await waitFor('an order on its way', () => countOrders() > before || undefined);
      await sleep(choices.between(0, 300));
      process.kill(frozen.pid, 'SIGSTOP');
      // Longer than a lease, with the time that the other one needs.
      await sleep(36_000);
      process.kill(frozen.pid, 'SIGCONT');
    };
    const freezing = freezeOnce();
    closing.push(() => freezing);
    const { cases, manifests } = await runStory({
      ...{
        site: shared,
        store: url,
        seed,
        reports: 60,
        ports: [shared.mllpPort, second.mllpPort],
        quietWithinMs: 120_000,
      },
      isCalm: true,
      failure: new Promise<never>(() => undefined),
      settle: () => freezing,
    });
    expect(frozen.hasEnded()).toBe(false);
    // It was in the middle of something, and could not write what came of it.
    expect(frozen.log()).toContain('store/lease-lost');
    await frozen.stop();
    await shared.sidecar().stop();
    await checkArchive({ url, folder: `${shared.folder}/store` }, cases, manifests);
  });
});
