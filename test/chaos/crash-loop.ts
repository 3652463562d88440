/** A sidecar that is killed (SIGKILL) and started again, until told to live. */
import { join, resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { startTethered, type TetheredProcess } from '../peers/postgres/index.ts';
import { waitFor } from '../peers/site/index.ts';
import type { Choices } from './seeded-choices.ts';

const cli = resolve(import.meta.dirname, '../../plugin/cli.ts');

export interface SidecarPlace {
  /** Its logs go there, one file per life. */
  readonly folder: string;
  readonly name: string;
  readonly configFile: string;
  readonly env: Readonly<Record<string, string>>;
}

export interface CrashLoop {
  /** How often it was killed so far. */
  kills(): number;
  /** Rejects when the sidecar ends by itself or does not start. */
  readonly failure: Promise<never>;
  /** Ends the killing and answers when the sidecar serves. */
  settle(): Promise<void>;
  /** The one that lives now. */
  process(): TetheredProcess;
  stop(): Promise<void>;
}

export const launchSidecar = async (place: SidecarPlace, life: number): Promise<TetheredProcess> =>
  startTethered({
    command: [process.execPath, cli, 'serve', '--config', place.configFile],
    logFile: join(place.folder, `${place.name}-${life}.log`),
    env: place.env,
    stopSignal: 'TERM',
  });

export const waitUntilServing = async (sidecar: TetheredProcess): Promise<void> => {
  const outcome = await waitFor(
    'the sidecar',
    () => (sidecar.log().includes('drimbox serves') ? 'serves' : sidecar.hasEnded() ? 'ended' : undefined),
    60_000,
  );
  if (outcome === 'ended') throw new Error(`the sidecar ended by itself:\n${sidecar.log().slice(-4000)}`);
};

/** One life: most end 0.3–3 s after the sidecar began to serve, some while it starts. */
const live = async (sidecar: TetheredProcess, choices: Choices, isSettling: () => boolean): Promise<void> => {
  if (choices.chance(0.15)) {
    await sleep(choices.between(50, 1500));
    return;
  }
  await waitUntilServing(sidecar);
  const until = performance.now() + choices.between(300, 3000);
  while (performance.now() < until && !isSettling()) await sleep(20);
  if (sidecar.hasEnded()) throw new Error(`the sidecar ended by itself:\n${sidecar.log().slice(-4000)}`);
};

/** Starts the sidecar and begins to kill it. */
export const startCrashLoop = async (place: SidecarPlace, choices: Choices): Promise<CrashLoop> => {
  let kills = 0;
  let isSettling = false;
  let current = await launchSidecar(place, 1);
  const run = async (): Promise<void> => {
    while (!isSettling) {
      await live(current, choices, () => isSettling);
      if (isSettling) break;
      await current.kill();
      kills += 1;
      current = await launchSidecar(place, kills + 1);
    }
    await waitUntilServing(current);
  };
  const running = run();
  const failure = new Promise<never>((_, reject) => {
    running.catch(reject);
  });
  // It may be that nobody waits for it.
  failure.catch(() => undefined);
  return {
    kills: () => kills,
    failure,
    settle: async () => {
      isSettling = true;
      await running;
    },
    process: () => current,
    stop: async () => {
      isSettling = true;
      await running.catch(() => undefined);
      await current.stop(20_000);
    },
  };
};
