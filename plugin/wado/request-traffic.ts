/** Whether somebody is being answered: work that nobody has asked for keeps out of the way. */

export interface RequestTraffic {
  /** A request, from its arrival until nothing of it is under way any more. */
  during<Result>(answering: () => Promise<Result>): Promise<Result>;
  /** Nobody is answered, nor was a moment ago: who fetches a study asks for one series after the other. */
  isQuiet(): boolean;
  /** Aborted when the next request arrives; aborted already while one is answered. */
  untilNext(): AbortSignal;
}

export interface RequestTrafficOptions {
  /** Milliseconds, never backwards. */
  readonly monotonic: () => number;
  /** Without a request, before it is called quiet. */
  readonly quietMs: number;
}

export const createRequestTraffic = ({ monotonic, quietMs }: RequestTrafficOptions): RequestTraffic => {
  let answering = 0;
  let lastEndedAtMs = Number.NEGATIVE_INFINITY;
  let calm = new AbortController();

  const arrive = (): void => {
    answering += 1;
    calm.abort();
  };
  const leave = (): void => {
    answering -= 1;
    lastEndedAtMs = monotonic();
    if (answering === 0) calm = new AbortController();
  };

  return {
    during: async (work) => {
      arrive();
      try {
        return await work();
      } finally {
        leave();
      }
    },
    isQuiet: () => answering === 0 && monotonic() - lastEndedAtMs >= quietMs,
    untilNext: () => calm.signal,
  };
};
