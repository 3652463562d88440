/**
 * How many requests for images are served at once: in total, and of one peer, so that a peer that asks for much leaves room
 * for the others (DB.SO.121). The next ones wait a while, each peer in its turn; then they are told when to come back.
 *
 * When the queue is full, the last in line of the peer with the longest line gives way to a peer with a shorter one.
 */
export interface AdmissionOptions {
  /** Served at once. */
  readonly total: number;
  /** …of which for one peer at most. */
  readonly perPeer: number;
  /** That may wait; 0: nobody waits. */
  readonly maxQueued: number;
  readonly queueTimeoutMs: number;
}

export type Admittance =
  /** `leave` gives the place back; to call it again changes nothing. */
  | { readonly kind: 'entered'; readonly leave: () => void }
  | { readonly kind: 'busy'; readonly retryAfterSeconds: number }
  /** Whoever asked went away while waiting. */
  | { readonly kind: 'cancelled' };

/** For metrics: what is now, and what was since the start. */
export interface AdmissionGauges {
  readonly active: number;
  readonly queued: number;
  /** Peers that are served or wait. */
  readonly peers: number;
  readonly enteredTotal: number;
  readonly busyTotal: number;
  readonly cancelledTotal: number;
}

export interface Admission {
  /** @param peerKey  whom it is for: the entry of the whitelist */
  enter(peerKey: string, signal: AbortSignal): Promise<Admittance>;
  gauges(): AdmissionGauges;
}

interface Waiter {
  /** Removes it from its line and answers. */
  readonly settle: (admittance: Admittance) => void;
}

interface Peer {
  active: number;
  readonly waiting: Waiter[];
}

const leastRetrySeconds = 1;
const mostRetrySeconds = 60;
/** Weight of the last stay in the mean. */
const meanWeight = 0.1;

/**
 * @param clock  milliseconds; tells how long places are held, and so when to come back
 */
export const createAdmission = (options: AdmissionOptions, clock: () => number): Admission => {
  // In the order of their turns.
  const peers = new Map<string, Peer>();
  let active = 0;
  let queued = 0;
  let meanStayMs = 1_000;
  const totals = { entered: 0, busy: 0, cancelled: 0 };

  const peerOf = (key: string): Peer => {
    const known = peers.get(key);
    if (known !== undefined) return known;
    const peer: Peer = { active: 0, waiting: [] };
    peers.set(key, peer);
    return peer;
  };

  const forgetIdle = (key: string, peer: Peer): void => {
    if (peer.active === 0 && peer.waiting.length === 0 && peers.get(key) === peer) peers.delete(key);
  };

  const hasRoom = (peer: Peer): boolean => active < options.total && peer.active < options.perPeer;

  const busy = (): Admittance => {
    totals.busy += 1;
    const waitMs = ((queued + 1) * meanStayMs) / options.total;
    const seconds = Math.min(Math.max(Math.ceil(waitMs / 1_000), leastRetrySeconds), mostRetrySeconds);
    return { kind: 'busy', retryAfterSeconds: seconds };
  };

  const admit = (key: string, peer: Peer): Admittance => {
    const enteredAtMs = clock();
    // Whoever got a place goes to the end of the turns.
    peers.delete(key);
    peers.set(key, peer);
    peer.active += 1;
    active += 1;
    totals.entered += 1;
    let isIn = true;
    const leave = (): void => {
      if (!isIn) return;
      isIn = false;
      peer.active -= 1;
      active -= 1;
      meanStayMs += meanWeight * (Math.max(clock() - enteredAtMs, 0) - meanStayMs);
      admitNext();
      forgetIdle(key, peer);
    };
    return { kind: 'entered', leave };
  };

  /** Gives free places to whose turn it is. */
  const admitNext = (): void => {
    while (active < options.total) {
      const next = [...peers].find(([, peer]) => peer.waiting.length > 0 && hasRoom(peer));
      if (next === undefined) return;
      const [key, peer] = next;
      peer.waiting[0]?.settle(admit(key, peer));
    }
  };

  /** Makes room in a full queue at the cost of a longer line; false when there is none. */
  const displaceLongest = (peer: Peer): boolean => {
    const longest = [...peers.values()].reduce((a, b) => (b.waiting.length > a.waiting.length ? b : a), peer);
    if (longest.waiting.length <= peer.waiting.length + 1) return false;
    longest.waiting.at(-1)?.settle(busy());
    return true;
  };

  const waitInLine = (key: string, peer: Peer, signal: AbortSignal): Promise<Admittance> =>
    new Promise((resolve) => {
      const settle = (admittance: Admittance): void => {
        clearTimeout(timer);
        signal.removeEventListener('abort', cancel);
        peer.waiting.splice(peer.waiting.indexOf(waiter), 1);
        queued -= 1;
        forgetIdle(key, peer);
        resolve(admittance);
      };
      const waiter: Waiter = { settle };
      const cancel = (): void => {
        totals.cancelled += 1;
        settle({ kind: 'cancelled' });
      };
      const timer = setTimeout(() => settle(busy()), options.queueTimeoutMs);
      signal.addEventListener('abort', cancel, { once: true });
      peer.waiting.push(waiter);
      queued += 1;
    });

  return {
    enter: (key, signal) => {
      if (signal.aborted) {
        totals.cancelled += 1;
        return Promise.resolve({ kind: 'cancelled' });
      }
      const peer = peerOf(key);
      if (peer.waiting.length === 0 && hasRoom(peer)) return Promise.resolve(admit(key, peer));
      if (options.maxQueued > 0 && (queued < options.maxQueued || displaceLongest(peer)))
        return waitInLine(key, peer, signal);
      forgetIdle(key, peer);
      return Promise.resolve(busy());
    },
    gauges: () => ({
      active,
      queued,
      peers: peers.size,
      enteredTotal: totals.entered,
      busyTotal: totals.busy,
      cancelledTotal: totals.cancelled,
    }),
  };
};
