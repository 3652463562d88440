/**
 * One list of one authority, held in memory: fetched ahead of its end, never older than before, used a while after its end
 * when nothing newer can be had.
 */
import type { X509Certificate } from 'node:crypto';
import { asDrimboxError, DrimboxError, type ErrorCode } from '../errors.ts';
import type { CertificateAlerts } from './certificate-alerts.ts';
import type { RevocationListKeep } from './kept-revocation-lists.ts';
import { type RevocationList, verifyRevocationList } from './revocation-list.ts';

const minuteMs = 60_000;
const hourMs = 60 * minuteMs;
/** Clocks differ a little. */
const maxFutureMs = 10 * minuteMs;

/** Where the list stands in time. */
export type ListState = 'absent' | 'fresh' | 'grace' | 'ended';

export interface HeldListPlace {
  /** Address or path: what alerts are about. */
  readonly label: string;
  readonly authority: X509Certificate;
  /** @throws trust/revocation-unreachable */
  readonly fetch: (signal: AbortSignal) => Promise<Uint8Array>;
  /** Absent for what lies on disk anyway. */
  readonly keep?: RevocationListKeep;
}

export interface HeldListPorts {
  readonly clock: () => number;
  readonly alerts: CertificateAlerts;
  readonly signal: AbortSignal;
  readonly refreshHours: number;
  readonly retryMinutes: number;
  readonly graceHours: number;
}

const refreshAlerts = ['trust/revocation-unreachable', 'trust/revocation-list-refused'] as const satisfies ErrorCode[];
const stateAlerts = ['trust/revocation-list-stale', 'trust/revocation-list-absent'] as const satisfies ErrorCode[];

export class HeldRevocationList {
  readonly label: string;
  readonly #place: HeldListPlace;
  readonly #ports: HeldListPorts;
  #list: RevocationList | undefined;
  #loading: Promise<void> | undefined;
  #refreshing: Promise<void> | undefined;
  #nextTryUtcMs = Number.NEGATIVE_INFINITY;
  #told: { readonly state: ListState; readonly atUtcMs: number } | undefined;

  constructor(place: HeldListPlace, ports: HeldListPorts) {
    this.label = place.label;
    this.#place = place;
    this.#ports = ports;
  }

  /** What is in memory; it may have ended: ask `stateAt`. */
  get list(): RevocationList | undefined {
    return this.#list;
  }

  stateAt(atUtcMs: number): ListState {
    const list = this.#list;
    if (list === undefined) return 'absent';
    if (atUtcMs <= list.nextUpdateUtcMs) return 'fresh';
    return atUtcMs <= list.nextUpdateUtcMs + this.#ports.graceHours * hourMs ? 'grace' : 'ended';
  }

  isUsable(atUtcMs: number): boolean {
    const state = this.stateAt(atUtcMs);
    return state === 'fresh' || state === 'grace';
  }

  /** Loads and fetches only when nothing usable is in memory; what is merely due is fetched without waiting for it. */
  async ensure(atUtcMs: number): Promise<void> {
    this.#loading ??= this.#loadKept();
    await this.#loading;
    if (!this.isUsable(atUtcMs)) return this.refreshIfDue();
    void this.refreshIfDue();
  }

  /** Never throws. */
  async refreshIfDue(): Promise<void> {
    this.#loading ??= this.#loadKept();
    await this.#loading;
    const now = this.#ports.clock();
    // A clock that was put back must not put refreshing off.
    const isDue = now >= this.#nextTryUtcMs || this.#nextTryUtcMs - now > this.#ports.refreshHours * hourMs;
    if (this.#refreshing !== undefined || isDue) await this.refresh();
    else this.#tellState();
  }

  /** Fetches now; calls at the same time share one. Never throws. */
  refresh(): Promise<void> {
    this.#refreshing ??= this.#refreshOnce().finally(() => {
      this.#refreshing = undefined;
    });
    return this.#refreshing;
  }

  async #refreshOnce(): Promise<void> {
    const { retryMinutes, alerts, signal, clock } = this.#ports;
    try {
      const bytes = await this.#place.fetch(signal);
      const list = verifyRevocationList(bytes, this.#place.authority);
      this.#take(list);
      this.#nextTryUtcMs = this.#nextRefresh(list, clock());
      for (const code of refreshAlerts) alerts.clear(code, this.label);
      await this.#save(bytes);
    } catch (cause) {
      if (signal.aborted) return;
      const { code, detail } = asDrimboxError(cause);
      this.#nextTryUtcMs = clock() + retryMinutes * minuteMs;
      const alert = code === 'trust/revocation-list-refused' ? code : 'trust/revocation-unreachable';
      alerts.raise(alert, this.label, detail);
      for (const other of refreshAlerts) if (other !== alert) alerts.clear(other, this.label);
    }
    this.#tellState();
  }

  /** @throws trust/revocation-list-refused — from the future, or older than the one we have (somebody replays it) */
  #take(list: RevocationList): void {
    if (list.thisUpdateUtcMs > this.#ports.clock() + maxFutureMs) throw refused('a list of the future');
    if (this.#list !== undefined && list.thisUpdateUtcMs < this.#list.thisUpdateUtcMs) {
      throw refused('older than the list we have');
    }
    this.#list = list;
  }

  /** In the last tenth of a list's life, every `retryMinutes`: the next list is out before this one ends. */
  #nextRefresh({ thisUpdateUtcMs, nextUpdateUtcMs }: RevocationList, now: number): number {
    const lastTenth = nextUpdateUtcMs - (nextUpdateUtcMs - thisUpdateUtcMs) / 10;
    const ordinary = Math.min(now + this.#ports.refreshHours * hourMs, lastTenth);
    return Math.max(ordinary, now + this.#ports.retryMinutes * minuteMs);
  }

  async #loadKept(): Promise<void> {
    try {
      const kept = await this.#place.keep?.load(this.#keepName());
      if (kept === undefined) return;
      const list = verifyRevocationList(kept.bytes, this.#place.authority);
      this.#take(list);
      this.#nextTryUtcMs = this.#nextRefresh(list, Math.min(kept.fetchedAtUtcMs, this.#ports.clock()));
    } catch (cause) {
      // As if there were none: it is fetched again.
      const { code, detail } = asDrimboxError(cause);
      if (code === 'trust/revocation-list-not-kept') this.#ports.alerts.raise(code, this.label, detail);
    }
  }

  /** A list that cannot be kept serves all the same: only a restart would miss it. */
  async #save(bytes: Uint8Array): Promise<void> {
    if (this.#place.keep === undefined) return;
    try {
      await this.#place.keep.save(this.#keepName(), bytes);
      this.#ports.alerts.clear('trust/revocation-list-not-kept', this.label);
    } catch (cause) {
      this.#ports.alerts.raise('trust/revocation-list-not-kept', this.label, asDrimboxError(cause).detail);
    }
  }

  #keepName(): string {
    return `${this.#place.authority.fingerprint256} ${this.label}`;
  }

  #tellState(): void {
    const { alerts, clock } = this.#ports;
    const now = clock();
    const state = this.stateAt(now);
    if (this.#told?.state === state && Math.abs(now - this.#told.atUtcMs) < hourMs) return;
    this.#told = { state, atUtcMs: now };
    const alert = state === 'fresh' ? undefined : stateAlerts[state === 'grace' ? 0 : 1];
    for (const code of stateAlerts) if (code !== alert) alerts.clear(code, this.label);
    if (alert === undefined) return;
    const end = this.#list === undefined ? '' : `: it ended at ${new Date(this.#list.nextUpdateUtcMs).toISOString()}`;
    alerts.raise(alert, this.label, state === 'absent' ? 'no list could be had' : `the list is ${state}${end}`);
  }
}

const refused = (detail: string): DrimboxError => new DrimboxError('trust/revocation-list-refused', { detail });
