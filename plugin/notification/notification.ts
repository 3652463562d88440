/**
 * The worker that tells people of alerts: each configured channel by itself, so that one that hangs holds up no other, and
 * nothing of it holds up the service.
 */
import { dropChannelLease } from '../archive/index.ts';
import { asDrimboxError, failureFields } from '../errors.ts';
import { asStoreError } from '../store/index.ts';
import type { AlertChannel } from './channel.ts';
import { createEmailChannel } from './email-channel.ts';
import type { AlertsOptions } from './options.ts';
import { createRounds, type RoundPorts } from './rounds.ts';
import { createWebhookChannel } from './webhook-channel.ts';

export interface ChannelPorts {
  readonly clock: () => number;
  readonly newUuid: () => string;
  /** Reads a secret from its file. @throws config/unreadable */
  readonly loadSecret: (file: string) => string;
}

/** The configured channels; none is opened yet. @throws config/unreadable */
export const createChannels = (options: AlertsOptions, ports: ChannelPorts): readonly AlertChannel[] => [
  ...(options.email === undefined ? [] : [createEmailChannel(options.email, ports)]),
  ...(options.webhook === undefined ? [] : [createWebhookChannel(options.webhook, ports)]),
];

export interface Notification {
  /** Begins no new message; waits a short while for one under way, then cuts it. */
  stop(): Promise<void>;
}

/** Silence between two passes, in milliseconds: a first alert is told within it. */
const pollMs = 5_000;
const stopGraceMs = 2_000;

const logPass = ({ log }: RoundPorts, channel: string, cause: unknown): void => {
  const error = asDrimboxError(asStoreError(cause));
  const fields = { channel, code: error.code };
  log.warn(
    error.code === 'store/unavailable' ? fields : { ...fields, ...failureFields(cause) },
    'alerts not looked at',
  );
};

const serveChannel = (ports: RoundPorts, channel: AlertChannel, intervalMs: number): Notification => {
  const rounds = createRounds(ports, channel);
  const stopping = new AbortController();
  const cutting = new AbortController();
  let wasFailing = false;

  const pass = async (): Promise<void> => {
    try {
      await rounds.run(cutting.signal);
      wasFailing = false;
    } catch (cause) {
      if (!wasFailing) logPass(ports, channel.name, cause);
      wasFailing = true;
    }
  };
  const sleep = (): Promise<void> =>
    new Promise((resolve) => {
      const timer = setTimeout(end, intervalMs);
      function end(): void {
        clearTimeout(timer);
        stopping.signal.removeEventListener('abort', end);
        resolve();
      }
      stopping.signal.addEventListener('abort', end, { once: true });
    });
  const run = async (): Promise<void> => {
    while (!stopping.signal.aborted) {
      await pass();
      if (!stopping.signal.aborted) await sleep();
    }
  };
  const loop = run();
  return {
    stop: async () => {
      stopping.abort();
      const timer = setTimeout(() => cutting.abort(), stopGraceMs);
      await loop;
      clearTimeout(timer);
    },
  };
};

/**
 * Starts one worker per channel; without a channel there is nothing to run.
 *
 * @param intervalMs  between two looks at the alerts
 * @throws store/*
 */
export const startNotification = async (
  ports: RoundPorts & { readonly channels: readonly AlertChannel[] },
  intervalMs = pollMs,
): Promise<Notification> => {
  const { store, channels, clock } = ports;
  // The embedded store has no other sidecar; on a shared one, leases of the killed run out.
  if (store.kind === 'embedded') {
    for (const { name } of channels) await store.transaction((trx) => dropChannelLease(trx, name, clock()));
  }
  const running = channels.map((channel) => serveChannel(ports, channel, intervalMs));
  return {
    stop: async () => {
      await Promise.all(running.map((one) => one.stop()));
    },
  };
};
