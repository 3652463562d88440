/** A PostgreSQL cluster that loses its power and comes back with what was on its disk. */
import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { startTethered, type Postgres, type TetheredProcess } from '../peers/postgres/index.ts';

export interface PowerSwitch {
  cuts(): number;
  /** Kills every process of the cluster at once; `restore` starts it again. */
  cut(): Promise<void>;
  restore(): Promise<void>;
  stop(): Promise<void>;
}

const commandOf = (pid: number): string[] =>
  readFileSync(`/proc/${pid}/cmdline`, 'utf8')
    .split('\0')
    .filter((word) => word !== '');

const asServerUser = (command: readonly string[]): [string, ...string[]] =>
  (process.getuid?.() === 0
    ? ['setpriv', '--reuid=postgres', '--regid=postgres', '--init-groups', ...command]
    : command) as [string, ...string[]];

const childrenOf = (pid: number): readonly number[] =>
  readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim().split(' ').filter(Boolean).map(Number);

const killAll = (pids: readonly number[]): void => {
  for (const pid of pids) {
    try {
      process.kill(pid, 'SIGKILL');
    } catch {
      // It ended by itself.
    }
  }
};

const isReady = async (postgres: Postgres): Promise<boolean> => {
  try {
    await postgres.run('SELECT 1');
    return true;
  } catch {
    return false;
  }
};

/** The cluster is started again by the same command, on the same port. */
export const attachPowerSwitch = async (postgres: Postgres): Promise<PowerSwitch> => {
  const command = commandOf(postgres.pid);
  const [place] = await postgres.run('SHOW data_directory');
  const logFile = join(dirname(String(place?.['data_directory'])), 'postgres-again.log');
  let pid = postgres.pid;
  let again: TetheredProcess | undefined;
  let cuts = 0;
  return {
    cuts: () => cuts,
    cut: async () => {
      killAll([pid, ...childrenOf(pid)]);
      cuts += 1;
      await again?.kill();
    },
    restore: async () => {
      for (let attempt = 0; attempt < 50; attempt += 1) {
        again = await startTethered({ command: asServerUser(command), logFile, stopSignal: 'INT' });
        pid = again.pid;
        while (!again.hasEnded()) {
          if (await isReady(postgres)) return;
          await sleep(50);
        }
        // Children of the dead server may still hold its shared memory for a moment.
        await sleep(200);
      }
      throw new Error(`PostgreSQL did not start again; see ${logFile}`);
    },
    stop: async () => {
      await again?.kill();
    },
  };
};
