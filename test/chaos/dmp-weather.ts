/** Failures of the DMP while reports are published, one every few seconds. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { StandInProcess } from '../peers/site/index.ts';
import type { Choices } from './seeded-choices.ts';

export interface Weather {
  /** What happened so far: kind → how often. */
  readonly met: Readonly<Record<string, number>>;
  clear(): Promise<void>;
}

const kinds = ['lost-answer', 'lost-answer', 'slow', 'reset-mid-body', 'garbage-answer', 'http', 'down'] as const;
type Kind = (typeof kinds)[number];

const strike = async (dmp: StandInProcess, kind: Kind, choices: Choices): Promise<void> => {
  switch (kind) {
    case 'lost-answer':
    case 'reset-mid-body':
    case 'garbage-answer':
      return dmp.order({ kind }, { times: 1 });
    case 'slow':
      return dmp.order({ kind, delayMs: Math.trunc(choices.between(200, 2500)) }, { times: 2 });
    case 'http':
      return dmp.order({ kind, status: 503 }, { times: 1 });
    case 'down':
      await dmp.order({ kind });
      await sleep(choices.between(300, 1500));
      return dmp.clear();
  }
};

export const startWeather = (dmp: StandInProcess, choices: Choices): Weather => {
  const met: Record<string, number> = {};
  let isOver = false;
  const run = async (): Promise<void> => {
    while (!isOver) {
      await sleep(choices.between(500, 3000));
      if (isOver) break;
      const kind = choices.pick(kinds);
      met[kind] = (met[kind] ?? 0) + 1;
      await strike(dmp, kind, choices);
    }
  };
  const running = run();
  running.catch(() => undefined);
  return {
    met,
    clear: async () => {
      isOver = true;
      await running;
      await dmp.clear();
    },
  };
};
