/**
 * A digest as a mail.
 *
 * @see RFC 5322 3.6.4 (threads) · RFC 3834 (automatic messages)
 */
import { createHash } from 'node:crypto';
import type { Digest } from './digest.ts';
import { digestSubjectLine, formatDigest } from './digest-text.ts';

/** What nodemailer is given; headers are its work, so that no text can become one. */
export interface EmailMessage {
  readonly from: string;
  readonly to: string[];
  readonly subject: string;
  readonly text: string;
  readonly date: Date;
  readonly messageId: string;
  readonly references: string[];
  readonly headers: Record<string, string>;
  readonly textEncoding: 'quoted-printable';
  readonly xMailer: false;
  readonly disableFileAccess: true;
  readonly disableUrlAccess: true;
}

/** The message that every mail about one code of one site answers to: it was never sent, but mail programs group by it. */
export const threadIdOf = (code: string, siteName: string, domain: string): string => {
  const key = createHash('sha256').update(`${siteName}\n${code}`).digest('hex').slice(0, 24);
  return `<drimbox-alert.${key}@${domain}>`;
};

export const buildEmail = (
  digest: Digest,
  given: { readonly from: string; readonly to: readonly string[]; readonly uuid: string },
): EmailMessage => {
  const domain = given.from.slice(given.from.lastIndexOf('@') + 1);
  const codes = [...new Set(digest.groups.map(({ code }) => code))].toSorted();
  return {
    from: given.from,
    to: [...given.to],
    subject: digestSubjectLine(digest),
    text: formatDigest(digest),
    date: new Date(digest.atUtcMs),
    messageId: `<drimbox.${given.uuid}@${domain}>`,
    references: codes.map((code) => threadIdOf(code, digest.site.name, domain)),
    headers: { 'Auto-Submitted': 'auto-generated', 'X-Auto-Response-Suppress': 'All' },
    textEncoding: 'quoted-printable',
    xMailer: false,
    disableFileAccess: true,
    disableUrlAccess: true,
  };
};
