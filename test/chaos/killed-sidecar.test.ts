/** `kill -9` of the sidecar at random moments: every acknowledged report ends published exactly once, on both stores. */
import { afterEach, describe, expect, test } from 'vitest';
import { startPostgres, type Postgres } from '../peers/postgres/index.ts';
import { startSite, type Site } from '../peers/site/index.ts';
import { startCrashLoop, type CrashLoop } from './crash-loop.ts';
import { runStory } from './crash-story.ts';
import { chooseSeed, createChoices } from './seeded-choices.ts';
import { checkArchive } from './verdict.ts';

const seed = chooseSeed();
const reports = 200;

let site: Site | undefined;
let postgres: Postgres | undefined;
let sidecar: CrashLoop | undefined;

afterEach(async () => {
  await sidecar?.stop();
  await site?.stop();
  await postgres?.kill();
  [sidecar, site, postgres] = [undefined, undefined, undefined];
});

const killAgainAndAgain = async (store: string): Promise<void> => {
  site = await startSite({ store });
  await site.sidecar().kill();
  const { folder, configFile, env, mllpPort } = site;
  const loop = await startCrashLoop({ folder, name: 'sidecar', configFile, env }, createChoices(seed, 'kills'));
  sidecar = loop;
  const { cases, ris, manifests } = await runStory({
    ...{ site, store, seed, reports, ports: [mllpPort], quietWithinMs: 120_000 },
    failure: loop.failure,
    settle: () => loop.settle(),
  });
  console.log(`      the sidecar was killed ${loop.kills()} times`);
  expect(loop.kills()).toBeGreaterThan(5);
  expect(ris.broken).toBeGreaterThan(0);
  await loop.stop();
  await checkArchive({ url: store, folder: `${folder}/store` }, cases, manifests);
};

describe('kill -9 of the sidecar during 200 reports', () => {
  test('on the embedded store every acknowledged report is published exactly once', async () => {
    await killAgainAndAgain('embedded');
  });

  test('on PostgreSQL every acknowledged report is published exactly once', async () => {
    postgres = await startPostgres({ durable: true });
    await killAgainAndAgain(await postgres.createDatabase('drimbox'));
  });
});
