/** A way by which a digest reaches somebody. */
import type { Digest } from './digest.ts';

export const ChannelName = { email: 'email', webhook: 'webhook' } as const;
export type ChannelName = (typeof ChannelName)[keyof typeof ChannelName];

export interface AlertChannel {
  readonly name: ChannelName;
  /**
   * Sends one message. Whoever takes it for sent may have to send it again: a double is better than none.
   *
   * @returns how many of the recipients were refused while others were served
   * @throws notification/unreachable, notification/timeout, notification/tls-refused, notification/login-refused,
   *   notification/refused
   */
  send(digest: Digest, signal: AbortSignal): Promise<{ readonly refusedRecipients: number }>;
  /**
   * Goes as far as it can without sending anything.
   *
   * @throws the same
   */
  checkReachable(): Promise<void>;
}

/** Longest waits, in milliseconds. */
export interface ChannelLimits {
  readonly connectTimeoutMs: number;
  /** Longest silence of a mail server; of a webhook, from the first byte sent to the answer. */
  readonly answerTimeoutMs: number;
}

/** Assumptions of ours: mail servers that look at what they take before they answer need some seconds. */
export const emailLimits: ChannelLimits = { connectTimeoutMs: 10_000, answerTimeoutMs: 30_000 };
export const webhookLimits: ChannelLimits = { connectTimeoutMs: 5_000, answerTimeoutMs: 10_000 };
