/**
 * Keeps the whitelist: fetches it daily, accepts only a verified list that is not older, serves the last good one
 * meanwhile, and tells an administrator when something is wrong.
 *
 * @see DB.CS.147, 148, 151, 164, 186 · facts/identity.md 5.4 · decision G6 (equal date accepted, older refused)
 */
import { asDrimboxError, DrimboxError, type ErrorCode } from '../errors.ts';
import type { Alerts } from './alerts.ts';
import { verifyWhitelist, type VerifiedWhitelist, type WhitelistTrust } from './whitelist.ts';
import { createWhitelistAlerts, type OpenAlerts } from './whitelist-alerts.ts';
import {
  type CurrentWhitelist,
  currentWhitelist,
  SignerState,
  signerStateOf,
  Staleness,
  stalenessOf,
} from './whitelist-current.ts';
import type { Whitelist, WhitelistEntry } from './whitelist-document.ts';
import type { KeptWhitelist, WhitelistKeep } from './whitelist-kept-copy.ts';
import type { WhitelistOptions } from './whitelist-options.ts';
import type { Fetched, WhitelistSource } from './whitelist-source.ts';

const minuteMs = 60_000;
const hourMs = 60 * minuteMs;
/** Clocks differ a little; a list of tomorrow would make every later one look too old. */
const maxFutureMs = 24 * hourMs;

export interface WhitelistKeeperPorts {
  readonly source: WhitelistSource;
  readonly keep: WhitelistKeep;
  readonly trust: Pick<WhitelistTrust, 'authorities'> & Required<Pick<WhitelistTrust, 'revocation'>>;
  readonly clock: () => number;
  readonly alerts: Alerts;
  /** Calls `work` once after `delayMs`; gives what calls it off. Absent: a timer that keeps no process alive. */
  readonly schedule?: (delayMs: number, work: () => void) => () => void;
}

/** What one refresh did. */
export type RefreshOutcome =
  | { readonly kind: 'accepted'; readonly generatedAtUtcMs: number; readonly entries: number }
  | { readonly kind: 'unchanged'; readonly generatedAtUtcMs: number }
  | { readonly kind: 'failed'; readonly code: ErrorCode; readonly detail: string };

export interface WhitelistState {
  readonly list: Whitelist;
  readonly signer: VerifiedWhitelist['signer'];
  readonly acceptedAtUtcMs: number;
  readonly confirmedAtUtcMs: number;
  readonly staleness: Staleness;
  readonly signerState: SignerState;
}

export interface WhitelistKeeper {
  /** The list in force; undefined when none may be served. */
  current(): WhitelistState | undefined;
  /** @param nameKey  `distinguishedNameKey` of the subject of the peer's certificate */
  match(nameKey: string): WhitelistEntry | undefined;
  /** Fetches and verifies now; calls at the same time share one. Never throws. */
  refresh(): Promise<RefreshOutcome>;
  /** Loads the kept copy, then refreshes at once and regularly until `stop`. Resolves when the kept copy is loaded. */
  start(): Promise<void>;
  stop(): Promise<void>;
}

const scheduleTimer = (delayMs: number, work: () => void): (() => void) => {
  const timer = setTimeout(work, delayMs).unref();
  return () => clearTimeout(timer);
};

/** Delay before the next refresh, ms. @param failures  in a row */
export const nextRefreshDelayMs = (
  { refreshHours, retryMinutes, maxRetryMinutes }: WhitelistOptions,
  failures: number,
): number => {
  if (failures === 0) return refreshHours * hourMs;
  const doubled = retryMinutes * 2 ** Math.min(failures - 1, 20);
  return Math.min(doubled, Math.max(maxRetryMinutes, retryMinutes), refreshHours * 60) * minuteMs;
};

const future = (generatedAtUtcMs: number): DrimboxError =>
  new DrimboxError('trust/whitelist-from-future', { detail: new Date(generatedAtUtcMs).toISOString() });

class Keeper implements WhitelistKeeper {
  readonly #options: WhitelistOptions;
  readonly #ports: WhitelistKeeperPorts;
  readonly #alerts: OpenAlerts;
  readonly #stopping = new AbortController();
  #current: CurrentWhitelist | undefined;
  /** The latest DateDeGeneration ever accepted here, even if that list is no longer served. */
  #latestGeneratedAtUtcMs = Number.NEGATIVE_INFINITY;
  #failures = 0;
  #refreshing: Promise<RefreshOutcome> | undefined;
  #cancel: (() => void) | undefined;

  constructor(options: WhitelistOptions, ports: WhitelistKeeperPorts) {
    this.#options = options;
    this.#ports = ports;
    this.#alerts = createWhitelistAlerts(ports.alerts);
  }

  current(): WhitelistState | undefined {
    const current = this.#current;
    if (current === undefined) return undefined;
    const atUtcMs = this.#ports.clock();
    const staleness = stalenessOf(current, this.#options, atUtcMs);
    const signerState = signerStateOf(current, this.#options, atUtcMs);
    if (staleness === Staleness.refused || signerState === SignerState.ended) return undefined;
    const { list, signer } = current.verified;
    const { acceptedAtUtcMs, confirmedAtUtcMs } = current.kept;
    return { list, signer, acceptedAtUtcMs, confirmedAtUtcMs, staleness, signerState };
  }

  match(nameKey: string): WhitelistEntry | undefined {
    return this.current() === undefined ? undefined : this.#current?.entryOfName.get(nameKey);
  }

  refresh(): Promise<RefreshOutcome> {
    this.#refreshing ??= this.#refreshOnce().finally(() => {
      this.#refreshing = undefined;
    });
    return this.#refreshing;
  }

  async start(): Promise<void> {
    const failure = await this.#review();
    if (failure !== undefined) this.#alerts.raise(failure);
    void this.#refreshAndSchedule();
  }

  async stop(): Promise<void> {
    this.#stopping.abort();
    this.#cancel?.();
    await this.#refreshing;
  }

  async #refreshAndSchedule(): Promise<void> {
    await this.refresh();
    if (this.#stopping.signal.aborted) return;
    const schedule = this.#ports.schedule ?? scheduleTimer;
    const delayMs = nextRefreshDelayMs(this.#options, this.#failures);
    this.#cancel = schedule(delayMs, () => void this.#refreshAndSchedule());
  }

  async #refreshOnce(): Promise<RefreshOutcome> {
    try {
      const fetched = await this.#ports.source.fetch(this.#current?.kept.validator, this.#stopping.signal);
      const outcome = await this.#take(fetched);
      this.#failures = 0;
      this.#tell([]);
      return outcome;
    } catch (cause) {
      const failure = asDrimboxError(cause);
      this.#failures += 1;
      if (!this.#stopping.signal.aborted) this.#tell([failure, await this.#review()]);
      return { kind: 'failed', code: failure.code, detail: failure.detail };
    }
  }

  async #take(fetched: Fetched): Promise<RefreshOutcome> {
    const former = this.#current;
    const atUtcMs = this.#ports.clock();
    const bytes = fetched.kind === 'content' ? fetched.bytes : former?.kept.bytes;
    if (bytes === undefined)
      throw new DrimboxError('trust/whitelist-unreachable', { detail: 'unchanged, but no copy' });
    const verified = await this.#verify(bytes, atUtcMs);
    const { generatedAtUtcMs, entries } = verified.list;
    if (generatedAtUtcMs > atUtcMs + maxFutureMs) throw future(generatedAtUtcMs);
    if (generatedAtUtcMs < this.#latestGeneratedAtUtcMs) {
      throw new DrimboxError('trust/whitelist-too-old', { detail: new Date(generatedAtUtcMs).toISOString() });
    }
    const isSame = former !== undefined && Buffer.compare(former.kept.bytes, bytes) === 0;
    const kept: KeptWhitelist = {
      bytes,
      acceptedAtUtcMs: isSame ? former.kept.acceptedAtUtcMs : atUtcMs,
      // Never of the future: a clock that ran ahead must not keep the list fresh.
      confirmedAtUtcMs: Math.min(
        Math.max(fetched.confirmedAtUtcMs, isSame ? former.kept.confirmedAtUtcMs : 0),
        atUtcMs,
      ),
      validator: fetched.kind === 'content' ? fetched.validator : (former?.kept.validator ?? ''),
    };
    this.#put(currentWhitelist(verified, kept));
    await this.#save(kept);
    return isSame
      ? { kind: 'unchanged', generatedAtUtcMs }
      : { kind: 'accepted', generatedAtUtcMs, entries: entries.length };
  }

  #verify(bytes: Uint8Array, atUtcMs: number, revocationAtUtcMs = atUtcMs): Promise<VerifiedWhitelist> {
    return verifyWhitelist(bytes, { ...this.#options, ...this.#ports.trust }, atUtcMs, revocationAtUtcMs);
  }

  #put(current: CurrentWhitelist): void {
    this.#current = current;
    this.#latestGeneratedAtUtcMs = Math.max(this.#latestGeneratedAtUtcMs, current.verified.list.generatedAtUtcMs);
  }

  /** A list that cannot be kept is served all the same: only a restart would miss it. */
  async #save(kept: KeptWhitelist): Promise<void> {
    try {
      await this.#ports.keep.save(kept);
      this.#alerts.clear('trust/whitelist-not-kept');
    } catch (cause) {
      this.#alerts.raise(asDrimboxError(cause));
    }
  }

  /**
   * Verified now; and where only time has passed over the signer's certificate, at the moment it was accepted.
   *
   * @throws as `verifyWhitelist`
   */
  async #verifyKept(kept: KeptWhitelist): Promise<VerifiedWhitelist> {
    const atUtcMs = this.#ports.clock();
    try {
      return await this.#verify(kept.bytes, atUtcMs);
    } catch (cause) {
      if (asDrimboxError(cause).code !== 'trust/whitelist-signer-expired' || kept.acceptedAtUtcMs > atUtcMs)
        throw cause;
      return this.#verify(kept.bytes, kept.acceptedAtUtcMs, atUtcMs);
    }
  }

  /**
   * Looks at what is in force, or kept, again: a signer revoked meanwhile is no longer believed, a kept copy that could
   * not be checked before may be now. A check that cannot be made changes nothing in a list in force.
   */
  async #review(): Promise<DrimboxError | undefined> {
    const reviewed = this.#current;
    try {
      const kept = reviewed?.kept ?? (await this.#ports.keep.load());
      if (kept === undefined) return undefined;
      const verified = await this.#verifyKept(kept);
      const confirmedAtUtcMs = Math.min(kept.confirmedAtUtcMs, this.#ports.clock());
      if (this.#current === undefined) this.#put(currentWhitelist(verified, { ...kept, confirmedAtUtcMs }));
      return undefined;
    } catch (cause) {
      const failure = asDrimboxError(cause);
      // Another list may have come meanwhile: what is wrong with the former one is nothing against it.
      if (this.#current !== reviewed) return undefined;
      if (reviewed !== undefined && failure.code !== 'trust/whitelist-signer-revoked') return undefined;
      this.#current = undefined;
      return failure;
    }
  }

  /** Alerts after a refresh: its failure, the age of what is served, its signer, or that nothing is served. */
  #tell(failures: readonly (DrimboxError | undefined)[]): void {
    const state = this.current();
    const found = failures.filter((failure) => failure !== undefined);
    if (state === undefined) found.push(new DrimboxError('trust/whitelist-absent', { detail: 'no list in force' }));
    if (state?.staleness === Staleness.stale) {
      const since = new Date(state.confirmedAtUtcMs).toISOString();
      found.push(new DrimboxError('trust/whitelist-stale', { detail: `not confirmed by its source since ${since}` }));
    }
    if (state?.signerState === SignerState.grace) {
      found.push(
        new DrimboxError('trust/whitelist-signer-expired', { detail: 'the list is served for a time of grace' }),
      );
    }
    this.#alerts.set(found);
  }
}

/** Fetches nothing until `start` or `refresh`. */
export const createWhitelistKeeper = (options: WhitelistOptions, ports: WhitelistKeeperPorts): WhitelistKeeper =>
  new Keeper(options, ports);
