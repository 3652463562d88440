/**
 * The state of the service as the national status page asks for it ("météo des services"): to anybody, so it names nothing.
 *
 * @see facts/spec.md b.6, d 2 (path and body are assumptions: MicroProfile Health, as the proof of concept has it) ·
 *   DB.SO.182, DB.SO.183
 */

export type UpOrDown = 'UP' | 'DOWN';

export interface ServiceStatus {
  readonly status: UpOrDown;
  readonly checks: readonly { readonly name: string; readonly status: UpOrDown }[];
}

/** Looks, and throws when what it looks at does not work. */
export type StatusLook = () => Promise<unknown>;

export interface StatusPorts {
  /** Milliseconds, never backwards. */
  readonly clock: () => number;
  /** In the order of the answer: name → look. */
  readonly looks: Readonly<Record<string, StatusLook>>;
  /** Longest wait for one look [3 s]. */
  readonly timeoutMs?: number;
  /** An answer is good for so long [2 s]: strangers who ask often do not burden the PACS. */
  readonly keepMs?: number;
}

const defaultTimeoutMs = 3_000;
const defaultKeepMs = 2_000;

const isUp = async (look: StatusLook, timeoutMs: number): Promise<UpOrDown> => {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<UpOrDown>((resolve) => {
    timer = setTimeout(() => resolve('DOWN'), timeoutMs);
  });
  const looked = Promise.resolve()
    .then(look)
    .then(
      (): UpOrDown => 'UP',
      (): UpOrDown => 'DOWN',
    );
  return Promise.race([looked, late]).finally(() => clearTimeout(timer));
};

/** @returns asks for the state: 200 when everything is `UP`, else 503 (the caller's) */
export const createServiceStatus = (ports: StatusPorts): (() => Promise<ServiceStatus>) => {
  const { clock, looks, timeoutMs = defaultTimeoutMs, keepMs = defaultKeepMs } = ports;
  let looking: Promise<ServiceStatus> | undefined;
  let goodUntilMs = 0;

  const lookAtAll = async (): Promise<ServiceStatus> => {
    const names = Object.keys(looks);
    const states = await Promise.all(Object.values(looks).map((look) => isUp(look, timeoutMs)));
    goodUntilMs = clock() + keepMs;
    const checks = names.map((name, at) => ({ name, status: states[at] ?? 'DOWN' }));
    return { status: checks.every(({ status }) => status === 'UP') ? 'UP' : 'DOWN', checks };
  };

  return () => {
    if (looking === undefined || clock() >= goodUntilMs) {
      goodUntilMs = Number.POSITIVE_INFINITY;
      looking = lookAtAll();
    }
    return looking;
  };
};
