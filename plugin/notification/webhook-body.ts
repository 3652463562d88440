/** A digest as the JSON that a webhook receives; the schema is `WebhookBody`. Pure. */
import { createHmac } from 'node:crypto';
import type { NoticeKind } from '../archive/index.ts';
import type { Digest, DigestGroup } from './digest.ts';

/** One cause. Times are ISO 8601, UTC. */
export interface WebhookAlert {
  readonly state: NoticeKind;
  readonly code: string;
  /** French. */
  readonly text: string;
  readonly remedy?: string;
  /** How many alerts have this cause and state. */
  readonly count: number;
  readonly since: string;
  /** The oldest of them, at most 20. `alert` is the number that `drimbox alerts` shows. */
  readonly subjects: readonly {
    readonly alert: number;
    readonly subject?: string;
    readonly occurrences: number;
    readonly raisedAt: string;
    readonly clearedAt?: string;
  }[];
}

export interface WebhookBody {
  /** Changes when a reader of this one could misunderstand. */
  readonly version: 1;
  readonly sentAt: string;
  readonly site: string;
  readonly environment: 'test' | 'production';
  readonly software: { readonly name: string; readonly version: string };
  readonly alerts: readonly WebhookAlert[];
}

const maxBodyBytes = 256 * 1024;
const isoOf = (utcMs: number): string => new Date(utcMs).toISOString();

const alertOf = (group: DigestGroup): WebhookAlert => ({
  state: group.kind,
  code: group.code,
  text: group.text,
  ...(group.remedy === undefined ? {} : { remedy: group.remedy }),
  count: group.count,
  since: isoOf(group.sinceUtcMs),
  subjects: group.subjects.map((one) => ({
    alert: one.alertId,
    ...(one.subject === undefined ? {} : { subject: one.subject }),
    occurrences: one.occurrences,
    raisedAt: isoOf(one.raisedAtUtcMs),
    ...(one.clearedAtUtcMs === undefined ? {} : { clearedAt: isoOf(one.clearedAtUtcMs) }),
  })),
});

const bodyOf = ({ site, atUtcMs }: Digest, alerts: readonly WebhookAlert[]): WebhookBody => ({
  version: 1,
  sentAt: isoOf(atUtcMs),
  site: site.name,
  environment: site.environment,
  software: site.software,
  alerts,
});

/** UTF-8; at most 256 KiB: beyond, the subjects are left out and the counts stay. */
export const buildWebhookBody = (digest: Digest): Uint8Array => {
  const alerts = digest.groups.map(alertOf);
  const whole = Buffer.from(JSON.stringify(bodyOf(digest, alerts)));
  if (whole.byteLength <= maxBodyBytes) return whole;
  return Buffer.from(
    JSON.stringify(
      bodyOf(
        digest,
        alerts.map((alert) => ({ ...alert, subjects: [] })),
      ),
    ),
  );
};

/**
 * Signature by which the receiver knows that a POST is ours and not a repetition of an old one.
 *
 * @param timestamp  seconds since 1970 UTC, decimal, as in `X-Drimbox-Timestamp`
 * @returns          `sha256=` and HMAC-SHA-256 of `timestamp.body`, hexadecimal
 */
export const signWebhook = (secret: string, timestamp: string, body: Uint8Array): string =>
  `sha256=${createHmac('sha256', secret).update(`${timestamp}.`).update(body).digest('hex')}`;
