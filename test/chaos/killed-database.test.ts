/** PostgreSQL loses its power while reports come in: AR or no ACK, and nothing acknowledged is lost. */
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, describe, expect, test } from 'vitest';
import { startPostgres, type Postgres } from '../peers/postgres/index.ts';
import { startSite, type Site } from '../peers/site/index.ts';
import { runStory } from './crash-story.ts';
import { attachPowerSwitch, type PowerSwitch } from './power-cut.ts';
import { chooseSeed, createChoices, type Choices } from './seeded-choices.ts';
import { checkArchive } from './verdict.ts';

const seed = chooseSeed();

let site: Site | undefined;
let postgres: Postgres | undefined;
let power: PowerSwitch | undefined;

afterEach(async () => {
  await site?.stop();
  await power?.stop();
  await postgres?.kill();
  [site, power, postgres] = [undefined, undefined, undefined];
});

/** Cuts the power every few seconds, for some seconds, until told to leave it on. */
const cutAgainAndAgain = (grid: PowerSwitch, choices: Choices): { running: Promise<void>; settle(): Promise<void> } => {
  let isSettling = false;
  const run = async (): Promise<void> => {
    while (!isSettling) {
      const until = performance.now() + choices.between(1000, 5000);
      while (performance.now() < until && !isSettling) await sleep(20);
      if (isSettling) break;
      await grid.cut();
      await sleep(choices.between(100, 4000));
      await grid.restore();
    }
  };
  const running = run();
  running.catch(() => undefined);
  return {
    running,
    settle: async () => {
      isSettling = true;
      await running;
    },
  };
};

describe('power cuts of PostgreSQL during 150 reports', () => {
  test('answers AR or nothing while it is down, and every acknowledged report is published exactly once', async () => {
    postgres = await startPostgres({ durable: true });
    const url = await postgres.createDatabase('drimbox');
    site = await startSite({ store: url });
    power = await attachPowerSwitch(postgres);
    const cutting = cutAgainAndAgain(power, createChoices(seed, 'power'));
    const { cases, ris, manifests } = await runStory({
      ...{ site, store: url, seed, reports: 150, ports: [site.mllpPort], quietWithinMs: 120_000 },
      failure: cutting.running.then(() => new Promise<never>(() => undefined)),
      settle: () => cutting.settle(),
    });
    console.log(`      the power was cut ${power.cuts()} times`);
    expect(power.cuts()).toBeGreaterThan(3);
    expect(ris.askedToRetry + ris.broken).toBeGreaterThan(0);
    expect(site.sidecar().hasEnded()).toBe(false);
    await site.sidecar().stop();
    await checkArchive({ url, folder: `${site.folder}/store` }, cases, manifests);
  });
});
