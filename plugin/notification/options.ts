/** To whom alerts are sent, beside the list of `drimbox alerts`. They hold no identity. */
import { z } from 'zod';

/** A mail server and nothing else: no account, path or parameter in its address. */
const isMailServer = (text: string): boolean => {
  const url = URL.parse(text);
  // What is no URL has its own fault.
  if (url === null) return true;
  return url.hostname !== '' && url.username === '' && /^\/?$/.test(url.pathname + url.search + url.hash);
};

const emailOptions = z
  .strictObject({
    smtpUrl: z
      .url({ protocol: /^smtps?$/, error: 'must be smtp://host:port or smtps://host:port' })
      .refine(isMailServer, 'must be smtp://host:port or smtps://host:port, and nothing after it')
      .describe(
        'Mail server: `smtps://host:465`, or `smtp://host:25`, which is encrypted (STARTTLS) when the server offers it, and must be with Username',
      ),
    username: z.string().min(1).optional().describe('Account on the mail server'),
    passwordFile: z.string().min(1).optional().describe('File that holds its password'),
    caFile: z
      .string()
      .min(1)
      .optional()
      .describe('Authorities (PEM) of the mail server’s certificate; absent: those that Node.js knows'),
    from: z.email().describe('Sender of the mails'),
    to: z.array(z.email()).min(1).max(50).describe('Who receives them'),
  })
  .refine((email) => (email.username === undefined) === (email.passwordFile === undefined), {
    error: 'Username and PasswordFile go together',
    // Told together with the other faults of this section.
    when: ({ value }) => typeof value === 'object' && value !== null,
  });
export type EmailOptions = z.infer<typeof emailOptions>;

const webhookOptions = z.strictObject({
  url: z
    .url({ protocol: /^https?$/, error: 'must be a URL: https://…' })
    .refine(
      (text) => (URL.parse(text)?.username ?? '') === '',
      'must have no user: the receiver knows us by SecretFile',
    )
    .describe('Receives the alerts as a JSON POST'),
  secretFile: z.string().min(1).optional().describe('File with the secret that signs each POST'),
  caFile: z
    .string()
    .min(1)
    .optional()
    .describe('Authorities (PEM) of the server’s certificate; absent: those that Node.js knows'),
  allowInsecureUrl: z.boolean().default(false).describe('INSECURE: accept `http://` to another machine'),
});
export type WebhookOptions = z.infer<typeof webhookOptions>;

/** Options of this room. */
export const alertsOptions = z.strictObject({
  siteName: z
    .string()
    .regex(/^[^\p{Cc}\p{Zl}\p{Zp}]{1,64}$/u)
    .optional()
    .describe('How alerts name the site; absent: the host of RetrieveUrlBase. Not the name of a person'),
  remindHours: z
    .number()
    .min(0)
    .max(8_760)
    .default(24)
    .describe(
      'An alert that is still open, and that nobody marked as seen, is told again after so many hours; 0: never',
    ),
  email: emailOptions.optional().describe('Alerts by e-mail'),
  webhook: webhookOptions.optional().describe('Alerts to a monitoring system'),
});
export type AlertsOptions = z.infer<typeof alertsOptions>;
