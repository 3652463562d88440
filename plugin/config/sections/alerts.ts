/** To whom alerts are sent, beside the list of `drimbox alerts`. They hold no identity. */
import { z } from 'zod';

const emailOptions = z.strictObject({
  smtpUrl: z
    .url({ protocol: /^smtps?$/, error: 'must be smtp://host:port or smtps://host:port' })
    .describe('Mail server: `smtps://host:465`, or `smtp://host:25`'),
  username: z.string().min(1).optional().describe('Account on the mail server'),
  passwordFile: z.string().min(1).optional().describe('File that holds its password'),
  from: z.email().describe('Sender of the mails'),
  to: z.array(z.email()).min(1).describe('Who receives them'),
});

const webhookOptions = z.strictObject({
  url: z
    .url({ protocol: /^https?$/, error: 'must be a URL: https://…' })
    .describe('Receives each alert as a JSON POST'),
  secretFile: z.string().min(1).optional().describe('File with the secret that signs each POST'),
  allowInsecureUrl: z.boolean().default(false).describe('INSECURE: accept `http://` to another machine'),
});

export const alertsOptions = z.strictObject({
  email: emailOptions.optional().describe('Alerts by e-mail'),
  webhook: webhookOptions.optional().describe('Alerts to a monitoring system'),
});
