import { setTimeout as sleep } from 'node:timers/promises';

/** Asks again and again until there is an answer. @throws Error after `timeoutMs`, with what was waited for */
export const waitFor = async <Result>(
  what: string,
  ask: () => Promise<Result | undefined> | Result | undefined,
  timeoutMs = 30_000,
): Promise<Result> => {
  const until = performance.now() + timeoutMs;
  let failure: unknown;
  while (performance.now() < until) {
    try {
      const answer = await ask();
      if (answer !== undefined) return answer;
      failure = undefined;
    } catch (error) {
      failure = error;
    }
    await sleep(50);
  }
  throw new Error(`${what}: not within ${timeoutMs} ms`, { cause: failure });
};
