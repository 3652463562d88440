/** `drimbox alerts`: what needs a person, why, and what to do (decision G3). */
import { type AlertNotice, explain, loadAlertNotices, loadAlerts, markAlertSeen } from '../archive/index.ts';
import { DrimboxError } from '../errors.ts';
import { checkOptions, optionOf, usage } from './command-words.ts';
import type { StoreCommand } from './store-command.ts';

const alertNumberOf = (text: string): number => {
  if (!/^[1-9][0-9]{0,14}$/.test(text)) throw usage('--seen is the number of an alert');
  return Number(text);
};

const isoOf = (utcMs: number): string => new Date(utcMs).toISOString();

/** How a channel told it; `error` is why it did not leave, or what was wrong although it left. */
const noticeLine = (notice: AlertNotice) => ({
  channel: notice.channel,
  ...(notice.sentAtUtcMs === undefined ? {} : { sentAt: isoOf(notice.sentAtUtcMs) }),
  ...(notice.clearedToldAtUtcMs === undefined ? {} : { clearedToldAt: isoOf(notice.clearedToldAtUtcMs) }),
  ...(notice.failedAttempts === 0 ? {} : { failedAttempts: notice.failedAttempts, nextAt: isoOf(notice.dueAtUtcMs) }),
  ...(notice.lastError === undefined ? {} : { error: notice.lastError }),
});

export const alertsCommand: StoreCommand = async ({ store, clock }, words) => {
  checkOptions(words, ['--all', '--seen']);
  const seen = optionOf(words, '--seen');
  if (seen !== undefined && !(await markAlertSeen(store.knex, alertNumberOf(seen), clock()))) {
    throw new DrimboxError('archive/not-found', { detail: 'no open alert of that number' });
  }
  const alerts = await loadAlerts(store.knex, words.includes('--all'));
  const noticesOf = await loadAlertNotices(
    store.knex,
    alerts.map(({ id }) => id),
  );
  return alerts.map((alert) => {
    const notices = noticesOf.get(alert.id) ?? [];
    const { cause, remedy } = explain(alert.code);
    return {
      alert: alert.id,
      code: alert.code,
      text: cause ?? alert.code,
      ...(remedy === undefined ? {} : { remedy }),
      subject: alert.subject,
      detail: alert.detail,
      count: alert.count,
      raisedAt: isoOf(alert.raisedAtUtcMs),
      lastAt: isoOf(alert.lastAtUtcMs),
      ...(alert.seenAtUtcMs === undefined ? {} : { seenAt: isoOf(alert.seenAtUtcMs) }),
      ...(alert.clearedAtUtcMs === undefined ? {} : { clearedAt: isoOf(alert.clearedAtUtcMs) }),
      ...(notices.length === 0 ? {} : { notices: notices.map(noticeLine) }),
    };
  });
};
