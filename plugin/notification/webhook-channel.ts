/**
 * Alerts to a monitoring system: one POST on a connection of its own, the server's certificate verified, no redirect
 * followed, no proxy of the environment. Only 2xx is success.
 */
import { buildConnector, Client } from 'undici';
import { DrimboxError } from '../errors.ts';
import { loadAuthorities } from './authorities.ts';
import { type AlertChannel, ChannelName, type ChannelLimits, webhookLimits } from './channel.ts';
import { asDeliveryError } from './delivery-failure.ts';
import type { WebhookOptions } from './options.ts';
import { buildWebhookBody, signWebhook } from './webhook-body.ts';

export interface WebhookPorts {
  /** Milliseconds since 1970 UTC. */
  readonly clock: () => number;
  /** @throws config/unreadable */
  readonly loadSecret: (file: string) => string;
}

const signedHeaders = (secret: string | undefined, clock: () => number, body: Uint8Array): Record<string, string> => {
  if (secret === undefined) return {};
  const timestamp = String(Math.floor(clock() / 1000));
  return { 'x-drimbox-timestamp': timestamp, 'x-drimbox-signature': signWebhook(secret, timestamp, body) };
};

const isSuccess = (status: number): boolean => status >= 200 && status < 300;

/** @throws config/unreadable — a secret or authorities that cannot be read */
export const createWebhookChannel = (
  options: WebhookOptions,
  ports: WebhookPorts,
  limits: ChannelLimits = webhookLimits,
): AlertChannel => {
  const secret = options.secretFile === undefined ? undefined : ports.loadSecret(options.secretFile);
  const ca = options.caFile === undefined ? undefined : loadAuthorities(options.caFile);
  const url = new URL(options.url);
  const connect = buildConnector({
    timeout: limits.connectTimeoutMs,
    rejectUnauthorized: true,
    minVersion: 'TLSv1.2',
    allowH2: false,
    maxCachedSessions: 0,
    ...(ca === undefined ? {} : { ca }),
  });

  const post = async (body: Uint8Array, signal: AbortSignal): Promise<number> => {
    const client = new Client(url.origin, {
      pipelining: 0,
      maxHeaderSize: 16 * 1024,
      headersTimeout: limits.answerTimeoutMs,
      bodyTimeout: limits.answerTimeoutMs,
      connect,
    });
    const deadline = AbortSignal.timeout(limits.connectTimeoutMs + limits.answerTimeoutMs);
    try {
      const answer = await client.request({
        method: 'POST',
        path: url.pathname + url.search,
        headers: {
          'content-type': 'application/json; charset=utf-8',
          'user-agent': 'DRIMbox',
          ...signedHeaders(secret, ports.clock, body),
        },
        body,
        signal: AbortSignal.any([signal, deadline]),
      });
      // What it says beside its status is of no use; the connection ends with it.
      answer.body.on('error', () => undefined);
      return answer.statusCode;
    } catch (cause) {
      throw asDeliveryError(cause);
    } finally {
      await client.destroy();
    }
  };

  return {
    name: ChannelName.webhook,
    send: async (digest, signal) => {
      const status = await post(buildWebhookBody(digest), signal);
      if (!isSuccess(status)) throw new DrimboxError('notification/refused', { detail: `HTTP ${status}` });
      return { refusedRecipients: 0 };
    },
    // A connection, and its certificate; a request might be taken for an alert.
    checkReachable: () =>
      new Promise((resolve, reject) => {
        const hostname = url.hostname.replace(/^\[|\]$/g, '');
        connect({ hostname, host: url.host, protocol: url.protocol, port: url.port }, (error, socket) => {
          socket?.destroy();
          if (error === null) resolve();
          else reject(asDeliveryError(error));
        });
      }),
  };
};
