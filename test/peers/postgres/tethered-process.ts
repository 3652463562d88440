/**
 * A server process that cannot outlive the test: a shell holds it, reads our end of a pipe, and ends it when the pipe
 * closes, so also when the test process is killed.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, openSync, readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';

export interface TetheredOptions {
  /** Program and arguments. */
  readonly command: readonly [string, ...string[]];
  /** stdout and stderr of the server. */
  readonly logFile: string;
  readonly env?: Readonly<Record<string, string>>;
  /** What ends it in good order. */
  readonly stopSignal: 'TERM' | 'INT';
}

export interface TetheredProcess {
  /** Of the server itself, not of the shell. */
  readonly pid: number;
  /** Settles when the server has ended. */
  readonly ended: Promise<void>;
  hasEnded(): boolean;
  /** 128 + signal when a signal ended it; undefined while it runs. */
  exitStatus(): number | undefined;
  log(): string;
  /** Ends it in good order, by force after `forceAfterMs` [20 s]; answers how long that took in milliseconds. */
  stop(forceAfterMs?: number): Promise<number>;
  /** As a power cut would. */
  kill(): Promise<void>;
}

/** The server's number goes out on stdout; a read that ends means that the test is over. */
const tether = `
log=$1; signal=$2; shift 2
exec 3<&0
"$@" >>"$log" 2>&1 </dev/null 3<&- &
pid=$!
echo $pid
( wait_parent() { while read -r _; do :; done; }; wait_parent; kill -CONT $pid 2>/dev/null; kill -$signal $pid 2>/dev/null
  i=0; while [ $i -lt 100 ] && kill -0 $pid 2>/dev/null; do sleep 0.1; i=$((i+1)); done; kill -KILL $pid 2>/dev/null ) <&3 >/dev/null 2>&1 &
guard=$!
wait $pid
status=$?
kill -KILL $guard 2>/dev/null
exit $status
`;

/** @throws Error when the program cannot be started */
export const startTethered = async (options: TetheredOptions): Promise<TetheredProcess> => {
  closeSync(openSync(options.logFile, 'a'));
  const shell = spawn('/bin/sh', ['-c', tether, 'tether', options.logFile, options.stopSignal, ...options.command], {
    // The shell's own complaints ("Killed") are of no use.
    stdio: ['pipe', 'pipe', 'ignore'],
    // Its own group: Ctrl-C reaches the test, and the closing pipe reaches the server.
    detached: true,
    env: { ...process.env, ...options.env },
  });
  const ended = once(shell, 'exit').then(() => undefined);
  const [line] = (await once(shell.stdout, 'data')) as [Buffer];
  const pid = Number.parseInt(line.toString(), 10);
  if (!Number.isInteger(pid)) throw new Error(`not started: ${options.command[0]}`);
  const signal = (name: NodeJS.Signals): void => {
    try {
      process.kill(pid, name);
    } catch {
      // It has ended already.
    }
  };
  return {
    pid,
    ended,
    hasEnded: () => shell.exitCode !== null || shell.signalCode !== null,
    exitStatus: () => shell.exitCode ?? undefined,
    log: () => readFileSync(options.logFile, 'utf8'),
    stop: async (forceAfterMs = 20_000) => {
      const from = performance.now();
      signal(`SIG${options.stopSignal}`);
      const waiting = new AbortController();
      await Promise.race([ended, sleep(forceAfterMs, undefined, { signal: waiting.signal }).catch(() => undefined)]);
      waiting.abort();
      const tookMs = performance.now() - from;
      signal('SIGKILL');
      await ended;
      return tookMs;
    },
    kill: async () => {
      signal('SIGKILL');
      await ended;
    },
  };
};
