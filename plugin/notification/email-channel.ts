/**
 * Alerts by e-mail: one SMTP connection per message, the server's certificate verified, no proxy of the environment.
 *
 * @see RFC 5321 · RFC 3207 (STARTTLS) · RFC 8314 (implicit TLS)
 */
import { createTransport } from 'nodemailer';
import { loadAuthorities } from './authorities.ts';
import { type AlertChannel, ChannelName, type ChannelLimits, emailLimits } from './channel.ts';
import { asDeliveryError } from './delivery-failure.ts';
import { buildEmail } from './email-message.ts';
import type { EmailOptions } from './options.ts';

export interface EmailPorts {
  readonly newUuid: () => string;
  /** @throws config/unreadable */
  readonly loadSecret: (file: string) => string;
}

const defaultPorts: Readonly<Record<string, number>> = { 'smtp:': 25, 'smtps:': 465 };

/** @param ca  PEM; undefined: the authorities that Node.js knows */
const smtpOptions = (
  options: EmailOptions,
  password: string | undefined,
  ca: string | undefined,
  limits: ChannelLimits,
) => {
  const url = new URL(options.smtpUrl);
  const { username } = options;
  return {
    host: url.hostname.replace(/^\[|\]$/g, ''),
    port: url.port === '' ? (defaultPorts[url.protocol] ?? 25) : Number(url.port),
    secure: url.protocol === 'smtps:',
    // A password never leaves in clear; without one, encryption is taken when it is offered, and then verified.
    requireTLS: username !== undefined,
    ...(username === undefined || password === undefined
      ? {}
      : { auth: { user: username, pass: password }, forceAuth: true }),
    tls: { minVersion: 'TLSv1.2' as const, rejectUnauthorized: true, ...(ca === undefined ? {} : { ca }) },
    connectionTimeout: limits.connectTimeoutMs,
    dnsTimeout: limits.connectTimeoutMs,
    greetingTimeout: limits.connectTimeoutMs,
    socketTimeout: limits.answerTimeoutMs,
    socketCloseTimeout: 1_000,
    maxResponseSize: 64 * 1024,
    logger: false as const,
  };
};

/** @throws config/unreadable — a secret or authorities that cannot be read */
export const createEmailChannel = (
  options: EmailOptions,
  ports: EmailPorts,
  limits: ChannelLimits = emailLimits,
): AlertChannel => {
  const password = options.passwordFile === undefined ? undefined : ports.loadSecret(options.passwordFile);
  const ca = options.caFile === undefined ? undefined : loadAuthorities(options.caFile);
  const open = () => createTransport(smtpOptions(options, password, ca, limits));
  return {
    name: ChannelName.email,
    send: async (digest, signal) => {
      const message = buildEmail(digest, { from: options.from, to: options.to, uuid: ports.newUuid() });
      try {
        const { rejected } = await open().sendMail({ ...message, signal });
        return { refusedRecipients: rejected.length };
      } catch (cause) {
        throw asDeliveryError(cause);
      }
    },
    checkReachable: async () => {
      try {
        await open().verify();
      } catch (cause) {
        throw asDeliveryError(cause);
      }
    },
  };
};
