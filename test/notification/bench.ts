/** A bench for the worker: a store, a clock that the test moves, a channel that records what it is given. */
import { raiseAlert } from '../../plugin/archive/index.ts';
import { DrimboxError, type ErrorCode } from '../../plugin/errors.ts';
import type { AlertChannel, ChannelName, RoundPorts } from '../../plugin/notification/index.ts';
import type { Digest } from '../../plugin/notification/digest.ts';
import type { Store } from '../../plugin/store/index.ts';
import { nowUtcMs, site } from './invented.ts';

export interface RecordingChannel extends AlertChannel {
  readonly digests: Digest[];
  /** `raised 1 2`, `cleared 1` … of each message. */
  told(): readonly string[];
  /** Fails the next sendings; undefined: works again. */
  fail(error: Error | undefined): void;
  /** Never answers, unless it is cut. */
  hang(isHanging: boolean): void;
  refuse(recipients: number): void;
}

export const recordingChannel = (name: ChannelName = 'email'): RecordingChannel => {
  const digests: Digest[] = [];
  let failure: Error | undefined;
  let isHanging = false;
  let refusedRecipients = 0;
  return {
    name,
    digests,
    told: () =>
      digests.map(({ groups }) =>
        groups.map(({ kind, subjects }) => [kind, ...subjects.map(({ alertId }) => alertId)].join(' ')).join(', '),
      ),
    fail: (error) => {
      failure = error;
    },
    hang: (next) => {
      isHanging = next;
    },
    refuse: (recipients) => {
      refusedRecipients = recipients;
    },
    send: async (digest, signal) => {
      if (isHanging) {
        await new Promise((_, reject) => {
          signal.addEventListener('abort', () => reject(new Error('cut')), { once: true });
        });
      }
      if (failure !== undefined) throw failure;
      digests.push(digest);
      return { refusedRecipients };
    },
    checkReachable: () => Promise.resolve(),
  };
};

export interface LogLine {
  readonly level: 'info' | 'warn';
  readonly message: string;
  readonly fields: Readonly<Record<string, unknown>>;
}

export interface RoundBench {
  readonly ports: RoundPorts;
  readonly lines: LogLine[];
  advance(ms: number): void;
  raise(subject: string, code?: ErrorCode, detail?: string): Promise<boolean>;
}

let lastUuid = 0;

export const roundBench = (store: Store, changes: Partial<RoundPorts> = {}): RoundBench => {
  let now = nowUtcMs;
  const lines: LogLine[] = [];
  const write =
    (level: LogLine['level']) =>
    (fields: object, message: string): void => {
      lines.push({ level, message, fields: { ...fields } });
    };
  return {
    lines,
    advance: (ms) => {
      now += ms;
    },
    raise: (subject, code = 'dmp/unreachable', detail = '') => raiseAlert(store.knex, { code, subject, detail }, now),
    ports: {
      store,
      site,
      remedyOf: () => undefined,
      remindHours: 24,
      clock: () => now,
      newUuid: () => {
        lastUuid += 1;
        return `token-${lastUuid}`;
      },
      log: { info: write('info'), warn: write('warn') },
      ...changes,
    },
  };
};

export const refused = new DrimboxError('notification/refused', { detail: 'RCPT TO 451 4.7.1' });
export const unreachable = new DrimboxError('notification/unreachable', { detail: 'ECONNREFUSED' });
