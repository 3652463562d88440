/**
 * One pass over one channel: is there something to tell, may we tell it now, tell it, note how it went. The database decides
 * who sends; what is sent is noted after it left, so a crash in between sends it twice rather than never.
 */
import type { Knex } from 'knex';
import {
  type ChannelState,
  claimChannel,
  clearAlerts,
  type DueNotice,
  isChannelFree,
  loadChannelState,
  loadDueNotices,
  raiseAlert,
  releaseChannel,
  saveFailedNotices,
  saveToldNotices,
} from '../archive/index.ts';
import { asDrimboxError, type DrimboxError, type ErrorCode, failureFields } from '../errors.ts';
import type { Store } from '../store/index.ts';
import type { AlertChannel } from './channel.ts';
import { type AlertingSite, buildDigest, type RemedyOf } from './digest.ts';

export interface Log {
  info(fields: object, message: string): void;
  warn(fields: object, message: string): void;
}

export interface RoundPorts {
  readonly store: Store;
  readonly site: AlertingSite;
  readonly remedyOf: RemedyOf;
  /** Hours after which an alert that is open and not seen is told again; 0: never. */
  readonly remindHours: number;
  readonly clock: () => number;
  /** Unique to this process. */
  readonly newUuid: () => string;
  readonly log: Log;
}

const minuteMs = 60_000;
const hourMs = 60 * minuteMs;

/** At most one message in so long. */
export const restMs = minuteMs;
/** Longer than the longest attempt. */
const leaseMs = 3 * minuteMs;
const attemptMs = 2 * minuteMs;
/** Beyond, the rest goes with the next message. */
const maxNotices = 10_000;
/** Alerts whose reminder is nearly due are told with those whose reminder is. */
const reminderSlack = 0.9;
/** Failures in a row after which the failing channel is an alert itself, for the other channel and the list. */
const alertAfterFailures = 3;

/** 1 min, 2 min, 4 min … 1 h. */
export const retryAfterMs = (failures: number): number =>
  Math.min(hourMs, minuteMs * 2 ** Math.min(Math.max(failures, 1) - 1, 10));

const errorText = ({ code, detail }: DrimboxError): string => (detail === '' ? code : `${code}: ${detail}`);

const recipientRefused = 'notification/recipient-refused';

/** One message under way. */
interface Attempt {
  readonly token: string;
  readonly before: ChannelState;
  readonly notices: readonly DueNotice[];
}

interface Problem {
  readonly code: ErrorCode;
  readonly detail: string;
  readonly before: ChannelState;
  readonly atUtcMs: number;
}

interface Next {
  readonly atUtcMs: number;
  readonly notBeforeUtcMs: number;
  readonly failures: number;
  readonly lastError?: string | undefined;
}

const remindBefore = ({ remindHours, clock }: RoundPorts, share: number): number | undefined =>
  remindHours === 0 ? undefined : clock() - remindHours * hourMs * share;

/** @returns undefined when there is nothing to tell, or when this is not the moment */
const claim = async (ports: RoundPorts, channel: string): Promise<Attempt | undefined> => {
  const { knex } = ports.store;
  if (!isChannelFree(await loadChannelState(knex, channel), ports.clock())) return undefined;
  const first = { channel, remindBeforeUtcMs: remindBefore(ports, 1), limit: 1 };
  if ((await loadDueNotices(knex, first)).length === 0) return undefined;
  const token = ports.newUuid();
  return ports.store.transaction(async (trx) => {
    const nowUtcMs = ports.clock();
    const before = await claimChannel(trx, { channel, token, nowUtcMs, untilUtcMs: nowUtcMs + leaseMs });
    if (before === undefined) return undefined;
    const remindBeforeUtcMs = remindBefore(ports, reminderSlack);
    return { token, before, notices: await loadDueNotices(trx, { channel, remindBeforeUtcMs, limit: maxNotices }) };
  });
};

/** A channel that does not work is told by the others, and by the list of alerts. */
const tellOfChannel = async (trx: Knex.Transaction, channel: string, problem: Problem): Promise<void> => {
  const wasTheSame = problem.before.lastError?.startsWith(problem.code) ?? false;
  if (!wasTheSame) await clearAlerts(trx, channel, problem.atUtcMs);
  await raiseAlert(trx, { code: problem.code, subject: channel, detail: problem.detail }, problem.atUtcMs);
};

const release = async (trx: Knex.Transaction, channel: string, attempt: Attempt, next: Next): Promise<void> => {
  const { atUtcMs, notBeforeUtcMs, failures, lastError } = next;
  const state = { notBeforeUtcMs, failures, ...(lastError === undefined ? {} : { lastError }) };
  await releaseChannel(trx, { channel, token: attempt.token, state, atUtcMs });
};

const noteSent = (ports: RoundPorts, channel: string, attempt: Attempt, refusedRecipients: number): Promise<void> =>
  ports.store.transaction(async (trx) => {
    const atUtcMs = ports.clock();
    const remark = refusedRecipients === 0 ? undefined : recipientRefused;
    await saveToldNotices(trx, { channel, notices: attempt.notices, atUtcMs, remark });
    await release(trx, channel, attempt, { atUtcMs, notBeforeUtcMs: atUtcMs + restMs, failures: 0, lastError: remark });
    if (remark === undefined) await clearAlerts(trx, channel, atUtcMs);
    else {
      const detail = `recipients refused: ${refusedRecipients}`;
      await tellOfChannel(trx, channel, { code: remark, detail, before: attempt.before, atUtcMs });
    }
  });

const noteFailed = (ports: RoundPorts, channel: string, attempt: Attempt, error: DrimboxError): Promise<void> =>
  ports.store.transaction(async (trx) => {
    const atUtcMs = ports.clock();
    const failures = attempt.before.failures + 1;
    const notBeforeUtcMs = atUtcMs + retryAfterMs(failures);
    const lastError = errorText(error);
    await saveFailedNotices(trx, { channel, notices: attempt.notices, error: lastError, dueAtUtcMs: notBeforeUtcMs });
    await release(trx, channel, attempt, { atUtcMs, notBeforeUtcMs, failures, lastError });
    if (failures < alertAfterFailures) return;
    const detail = `messages in a row that did not leave: ${failures}`;
    await tellOfChannel(trx, channel, { code: error.code, detail, before: attempt.before, atUtcMs });
  });

/** Gives back a channel with nothing sent, or with a message that a stop cut: the next start sends it, twice rather than never. */
const giveBack = (ports: RoundPorts, channel: string, attempt: Attempt): Promise<void> =>
  ports.store.transaction(async (trx) => {
    const atUtcMs = ports.clock();
    await release(trx, channel, attempt, { ...attempt.before, atUtcMs });
  });

/** Once per change, and never what the server wrote. */
const logFailure = ({ log }: RoundPorts, channel: string, { before }: Attempt, error: DrimboxError): void => {
  if (before.failures > 0 && before.lastError === errorText(error)) return;
  const fields = { channel, code: error.code, detail: error.detail };
  log.warn(
    error.code === 'general/internal' ? { ...fields, ...failureFields(error.cause) } : fields,
    'alerts not sent',
  );
};

const logSuccess = ({ log }: RoundPorts, channel: string, attempt: Attempt, refusedRecipients: number): void => {
  const { before, notices } = attempt;
  if (before.failures > 0) log.info({ channel, failures: before.failures }, 'alerts are sent again');
  log.info({ channel, alerts: notices.length }, 'alerts sent');
  if (refusedRecipients > 0 && before.lastError !== recipientRefused) {
    log.warn({ channel, code: recipientRefused, refusedRecipients }, 'some recipients of alerts are refused');
  }
};

export interface Rounds {
  /**
   * Sends what is due, if anything, as one message.
   *
   * @param stop  ends the sending that is under way
   * @throws store/* — what was sent is noted by the next pass
   */
  run(stop: AbortSignal): Promise<void>;
}

export const createRounds = (ports: RoundPorts, channel: AlertChannel): Rounds => {
  const { name } = channel;
  /** How the last message went, while the database does not take it. */
  let unnoted: (() => Promise<void>) | undefined;
  const note = async (write: () => Promise<void>): Promise<void> => {
    unnoted = write;
    await write();
    unnoted = undefined;
  };

  const send = async (attempt: Attempt, stop: AbortSignal): Promise<void> => {
    const { site, remedyOf, clock } = ports;
    const digest = buildDigest(attempt.notices, { site, remedyOf, atUtcMs: clock() });
    try {
      const signal = AbortSignal.any([stop, AbortSignal.timeout(attemptMs)]);
      const { refusedRecipients } = await channel.send(digest, signal);
      logSuccess(ports, name, attempt, refusedRecipients);
      await note(() => noteSent(ports, name, attempt, refusedRecipients));
    } catch (cause) {
      if (unnoted !== undefined) throw cause;
      if (stop.aborted) return giveBack(ports, name, attempt);
      const error = asDrimboxError(cause);
      logFailure(ports, name, attempt, error);
      await note(() => noteFailed(ports, name, attempt, error));
    }
  };

  return {
    run: async (stop) => {
      if (unnoted !== undefined) await note(unnoted);
      const attempt = await claim(ports, name);
      if (attempt === undefined) return;
      if (attempt.notices.length === 0) await giveBack(ports, name, attempt);
      else await send(attempt, stop);
    },
  };
};
