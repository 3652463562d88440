/** The sidecar as a process of its own, as `drimbox serve` runs it. */
import { execFile } from 'node:child_process';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { startTethered } from '../postgres/index.ts';
import { waitFor } from './wait-for.ts';

const run = promisify(execFile);
/** Of this checkout. */
const ownLauncher = resolve(import.meta.dirname, '../../../scripts/drimbox');

export interface SidecarProcess {
  readonly pid: number;
  hasEnded(): boolean;
  log(): string;
  /** SIGTERM; answers how long it took in milliseconds. */
  stop(): Promise<number>;
  /** SIGKILL. */
  kill(): Promise<void>;
}

const started = 'drimbox serves';

/** @throws Error when it does not serve within 60 s; its log is in the message */
export const startSidecar = async (options: {
  readonly folder: string;
  readonly configFile: string;
  readonly env: Readonly<Record<string, string>>;
  /** Of another installation. */
  readonly launcher?: string;
}): Promise<SidecarProcess> => {
  const logFile = join(options.folder, 'sidecar.log');
  const tethered = await startTethered({
    command: [options.launcher ?? ownLauncher, 'serve', '--config', options.configFile],
    logFile,
    env: options.env,
    stopSignal: 'TERM',
  });
  const isNew = (
    (before) => () =>
      tethered.log().slice(before)
  )(tethered.log().lastIndexOf('\n') + 1);
  const outcome = await waitFor(
    'the sidecar',
    () => (isNew().includes(started) ? 'serves' : tethered.hasEnded() ? 'ended' : undefined),
    60_000,
  );
  if (outcome === 'ended') throw new Error(`the sidecar did not start:\n${isNew()}`);
  return {
    pid: tethered.pid,
    hasEnded: () => tethered.hasEnded(),
    log: () => tethered.log(),
    stop: () => tethered.stop(20_000),
    kill: () => tethered.kill(),
  };
};

/** Runs one `drimbox` command. */
export const runDrimbox = async (
  words: readonly string[],
  options: {
    readonly configFile: string;
    readonly env: Readonly<Record<string, string>>;
    /** Of another installation. */
    readonly launcher?: string;
  },
): Promise<{ readonly status: number; readonly stdout: string; readonly stderr: string }> => {
  try {
    const { stdout, stderr } = await run(options.launcher ?? ownLauncher, [...words, '--config', options.configFile], {
      env: { ...process.env, ...options.env },
      maxBuffer: 64 * 1024 * 1024,
    });
    return { status: 0, stdout, stderr };
  } catch (error) {
    const failed = error as { code?: number; stdout?: string; stderr?: string };
    return { status: failed.code ?? -1, stdout: failed.stdout ?? '', stderr: failed.stderr ?? '' };
  }
};
