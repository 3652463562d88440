/** `drimbox queue`: what waits for the DMP, since when, and why it has not gone. */
import { explain, loadQueue, type QueuedOrder } from '../archive/index.ts';
import { checkOptions, numberOptionOf } from './command-words.ts';
import type { StoreCommand } from './store-command.ts';

const isoOf = (utcMs: number): string => new Date(utcMs).toISOString();

const viewOf = (order: QueuedOrder): object => ({
  order: order.order,
  studyInstanceUid: order.studyInstanceUid,
  kind: order.kind,
  because: order.cause,
  structure: order.structureId,
  kosSopInstanceUid: order.documentUid,
  waitingSince: isoOf(order.waitingSinceUtcMs),
  mayHaveArrived: order.mayHaveArrived,
  failedAttempts: order.failedAttempts,
  ...(order.nextAttemptAtUtcMs === undefined ? {} : { nextAttemptAt: isoOf(order.nextAttemptAtUtcMs) }),
  ...(order.lastError === undefined
    ? {}
    : { error: order.lastError, detail: order.lastErrorDetail ?? '', ...explain(order.lastError) }),
});

export const queueCommand: StoreCommand = async ({ store }, words) => {
  checkOptions(words, ['--limit']);
  const limit = numberOptionOf(words, '--limit', { least: 1, most: 100_000, otherwise: 1_000 });
  const { total, orders } = await loadQueue(store.knex, limit);
  return { total, orders: orders.map(viewOf) };
};
