/**
 * The channels by which alerts are told. A channel is served by one process at a time: its lease, its rest between two
 * messages and its failures in a row stand in one marker that all processes share.
 */
import type { Knex } from 'knex';
import { loadMarker, saveMarker } from './markers.ts';

/** How a channel is doing. */
export interface ChannelState {
  /** Nothing is sent before: a lease, the rest after a message, or the delay after a failure. */
  readonly notBeforeUtcMs: number;
  /** Of the process that serves it. */
  readonly token?: string;
  /** Failures in a row. */
  readonly failures: number;
  readonly lastError?: string;
}

const markerOf = (channel: string): string => `alert-channel-${channel}`;
const idle: ChannelState = { notBeforeUtcMs: 0, failures: 0 };
/** No lease, rest or delay is longer: what is further away was written while the clock was wrong. */
const longestRestMs = 2 * 3_600_000;

/** Whether a channel may send now. */
export const isChannelFree = ({ notBeforeUtcMs }: ChannelState, nowUtcMs: number): boolean =>
  notBeforeUtcMs <= nowUtcMs || notBeforeUtcMs - nowUtcMs > longestRestMs;

const lockState = async (trx: Knex.Transaction, channel: string): Promise<ChannelState> => {
  const name = markerOf(channel);
  await trx('marker')
    .insert({ name, value: JSON.stringify(idle), at_utc_ms: 0 })
    .onConflict('name')
    .ignore();
  const row: { readonly value: string } = await trx('marker').where({ name }).forUpdate().first('value');
  return JSON.parse(row.value) as ChannelState;
};

export const loadChannelState = async (knex: Knex, channel: string): Promise<ChannelState> => {
  const marker = await loadMarker(knex, markerOf(channel));
  return marker === undefined ? idle : (JSON.parse(marker.value) as ChannelState);
};

/**
 * Takes a channel for one message, so that no other process sends meanwhile.
 *
 * @returns its state before; undefined when another process has it, or when it must not be used yet
 */
export const claimChannel = async (
  trx: Knex.Transaction,
  claim: { readonly channel: string; readonly token: string; readonly nowUtcMs: number; readonly untilUtcMs: number },
): Promise<ChannelState | undefined> => {
  const state = await lockState(trx, claim.channel);
  if (!isChannelFree(state, claim.nowUtcMs)) return undefined;
  const taken: ChannelState = { ...state, token: claim.token, notBeforeUtcMs: claim.untilUtcMs };
  await saveMarker(trx, markerOf(claim.channel), JSON.stringify(taken), claim.nowUtcMs);
  return state;
};

/** Gives a channel back; returns false, and changes nothing, when another process has taken it over meanwhile. */
export const releaseChannel = async (
  trx: Knex.Transaction,
  release: {
    readonly channel: string;
    readonly token: string;
    readonly state: Omit<ChannelState, 'token'>;
    readonly atUtcMs: number;
  },
): Promise<boolean> => {
  const { token } = await lockState(trx, release.channel);
  if (token !== release.token) return false;
  await saveMarker(trx, markerOf(release.channel), JSON.stringify(release.state), release.atUtcMs);
  return true;
};

/** Ends the lease of a process that was killed: only where no other process can have the store. */
export const dropChannelLease = async (trx: Knex.Transaction, channel: string, nowUtcMs: number): Promise<void> => {
  const { token, ...state } = await lockState(trx, channel);
  if (token === undefined) return;
  await saveMarker(trx, markerOf(channel), JSON.stringify({ ...state, notBeforeUtcMs: nowUtcMs }), nowUtcMs);
};
