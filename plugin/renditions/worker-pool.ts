/**
 * Threads that do one job at a time. One that hangs, dies or says that it is not sound any more is replaced; the jobs of
 * the others do not notice.
 */
import { Worker } from 'node:worker_threads';

export interface WorkerPoolOptions {
  /** A module that answers each message with one `WorkerAnswer`. */
  readonly file: URL;
  readonly threads: number;
  /** From the moment a thread takes the job; its start-up counts. */
  readonly timeoutMs: number;
}

/** What a thread posts for each job. */
export interface WorkerAnswer<Answer> {
  readonly answer: Answer;
  /** The thread should not take another job. */
  readonly isSpent: boolean;
}

export type WorkerOutcome<Answer> =
  | { readonly kind: 'answered'; readonly answer: Answer }
  | { readonly kind: 'timed-out' }
  | { readonly kind: 'died' }
  /** Before it began, while it ran, or by `close`. */
  | { readonly kind: 'cancelled' };

export interface WorkerPool<Request, Answer> {
  readonly run: (request: Request, options: RunOptions) => Promise<WorkerOutcome<Answer>>;
  readonly counts: () => { readonly running: number; readonly waiting: number };
  /** Cancels what waits and what runs. */
  readonly close: () => Promise<void>;
}

export interface RunOptions {
  readonly transfer: readonly ArrayBuffer[];
  readonly signal?: AbortSignal;
}

interface Job<Request, Answer> extends RunOptions {
  readonly request: Request;
  readonly settle: (outcome: WorkerOutcome<Answer>) => void;
}

/** An abandoned job that is nearly done costs less than a new thread. */
const abandonAfterMs = 500;

export const createWorkerPool = <Request, Answer>(options: WorkerPoolOptions): WorkerPool<Request, Answer> => {
  const idle: Worker[] = [];
  const busy = new Set<Worker>();
  const line: Job<Request, Answer>[] = [];
  let isClosed = false;

  const spawn = (): Worker => {
    // What codecs print may quote an image: it is read and dropped.
    const worker = new Worker(options.file, { execArgv: [], env: {}, stdout: true, stderr: true });
    worker.stdout.resume();
    worker.stderr.resume();
    worker.on('error', () => {});
    worker.on('exit', () => {
      const at = idle.indexOf(worker);
      if (at !== -1) idle.splice(at, 1);
    });
    return worker;
  };

  const serveLine = (): void => {
    while (!isClosed && line.length > 0 && busy.size < options.threads) {
      const job = line.shift();
      if (job !== undefined) start(idle.pop() ?? spawn(), job);
    }
  };

  const start = (worker: Worker, job: Job<Request, Answer>): void => {
    busy.add(worker);
    const timers = [setTimeout(() => finish({ kind: 'timed-out' }, true), options.timeoutMs)];
    const abandon = (): void => {
      timers.push(setTimeout(() => finish({ kind: 'cancelled' }, true), abandonAfterMs));
      job.settle({ kind: 'cancelled' });
    };
    const takeAnswer = ({ answer, isSpent }: WorkerAnswer<Answer>): void =>
      finish({ kind: 'answered', answer }, isSpent);
    const takeDeath = (): void => finish({ kind: isClosed ? 'cancelled' : 'died' }, true);
    const finish = (outcome: WorkerOutcome<Answer>, isSpent: boolean): void => {
      if (!busy.delete(worker)) return;
      for (const timer of timers) clearTimeout(timer);
      worker.off('message', takeAnswer).off('error', takeDeath).off('exit', takeDeath);
      job.signal?.removeEventListener('abort', abandon);
      if (isSpent || isClosed) void worker.terminate();
      else idle.push(worker);
      job.settle(outcome);
      serveLine();
    };
    worker.on('message', takeAnswer).on('error', takeDeath).on('exit', takeDeath);
    job.signal?.addEventListener('abort', abandon, { once: true });
    worker.postMessage(job.request, job.transfer);
  };

  const run = (request: Request, { transfer, signal }: RunOptions): Promise<WorkerOutcome<Answer>> => {
    if (isClosed || signal?.aborted === true) return Promise.resolve({ kind: 'cancelled' });
    return new Promise((resolve) => {
      const leave = (): void => {
        const at = line.indexOf(job);
        if (at === -1) return;
        line.splice(at, 1);
        resolve({ kind: 'cancelled' });
      };
      const settle = (outcome: WorkerOutcome<Answer>): void => {
        signal?.removeEventListener('abort', leave);
        resolve(outcome);
      };
      const job = { request, transfer, settle, ...(signal === undefined ? {} : { signal }) };
      signal?.addEventListener('abort', leave, { once: true });
      line.push(job);
      serveLine();
    });
  };

  const close = async (): Promise<void> => {
    isClosed = true;
    for (const job of line.splice(0)) job.settle({ kind: 'cancelled' });
    await Promise.all([...idle, ...busy].map((worker) => worker.terminate()));
  };

  return { run, counts: () => ({ running: busy.size, waiting: line.length }), close };
};
