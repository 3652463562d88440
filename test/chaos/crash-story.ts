/** The story that the crash tests share: reports come in, images come in, the DMP fails now and then, something is killed. */
import type { RegistryEntry } from '../peers/dmp/registry.ts';
import type { Site } from '../peers/site/index.ts';
import { buildCaseLoad, type Case } from './case-load.ts';
import { startWeather } from './dmp-weather.ts';
import { storeEarlyImages, storeLateImages } from './modality.ts';
import { waitUntilFree, waitUntilQuiet } from './quiet.ts';
import { createChoices } from './seeded-choices.ts';
import { sendReports, type RisRecord } from './stubborn-ris.ts';
import { checkRegistry, isComplete } from './verdict.ts';

export interface Story {
  readonly site: Site;
  readonly seed: number;
  readonly reports: number;
  readonly ports: readonly number[];
  /** The DMP behaves by itself; the test orders its failures. */
  readonly isCalm?: true;
  /** Rejects when what is killed cannot be started again: the story ends at once. */
  readonly failure: Promise<never>;
  /** Called when reports and images are in: ends the killing and leaves everything running. */
  settle(): Promise<void>;
  /** Longest wait from then on until all is published. */
  readonly quietWithinMs: number;
  /** URL of a PostgreSQL database, or `embedded`. */
  readonly store: string;
}

export interface Ending {
  readonly cases: readonly Case[];
  readonly ris: RisRecord;
  readonly manifests: readonly RegistryEntry[];
}

const say = (text: string): void => console.log(`      ${text}`);

/** Runs it to its end and checks the registry. */
export const runStory = async (story: Story): Promise<Ending> => {
  const { site, seed } = story;
  const stream = (actor: string) => createChoices(seed, actor);
  say(`seed ${seed} (DRIMBOX_TEST_SEED repeats the draws), work in ${site.folder}`);
  const cases = buildCaseLoad(story.reports, stream('cases'));
  await storeEarlyImages(site.orthanc, cases);
  const weather = story.isCalm === true ? undefined : startWeather(site.dmp, stream('weather'));
  const from = performance.now();
  const connections = Math.trunc(stream('connections').between(2, 5));
  const all = Promise.all([
    sendReports(cases, { ports: story.ports, connections, maxPauseMs: 150 * connections, choices: stream('ris') }),
    storeLateImages(site.orthanc, cases, stream('modality')),
  ]);
  const [ris] = await Promise.race([all, story.failure]);
  const sentMs = performance.now() - from;
  await story.settle();
  await weather?.clear();
  say(
    `${ris.acknowledged.length} reports acknowledged in ${(sentMs / 1000).toFixed(0)} s on ${connections} connections: ` +
      `${ris.broken} attempts broken, ${ris.askedToRetry} answered AR, ${ris.repeated} sent again after AA; ` +
      `DMP: ${JSON.stringify(weather?.met ?? {})}`,
  );
  const quietMs = await waitUntilQuiet(site, cases.length, () => isComplete(site.dmp, cases), story.quietWithinMs);
  await waitUntilFree(story.store, story.quietWithinMs);
  const manifests = await checkRegistry(site.dmp, cases);
  say(`all published ${(quietMs / 1000).toFixed(1)} s after the last kill; ${manifests.length} manifests submitted`);
  return { cases, ris, manifests };
};
