/** Alerts by e-mail over a real socket, to mail servers in every mood. */
import { afterEach, beforeAll, describe, expect, test } from 'vitest';
import { DrimboxError } from '../../plugin/errors.ts';
import { createEmailChannel } from '../../plugin/notification/email-channel.ts';
import { type EmailOptions, alertsOptions } from '../../plugin/notification/options.ts';
import { makeCa, type TestCa } from '../peers/ca/make-ca.ts';
import { findFreePort } from '../peers/postgres/index.ts';
import { type MailServer, type MailServerOptions, startMailServer } from '../peers/mail/index.ts';
import { digestOf, notice, nowUtcMs, secretFiles, studyUid } from './invented.ts';

let ca: TestCa;
beforeAll(async () => {
  ca = await makeCa('.cache/ca-notification');
}, 60_000);

let server: MailServer | undefined;
afterEach(async () => {
  await server?.stop();
  server = undefined;
});

const password = 'EXEMPLE-MOT-DE-PASSE';
const files = secretFiles({ password });
const signal = new AbortController().signal;

const optionsOf = (changes: Partial<EmailOptions>): EmailOptions => {
  const { email } = alertsOptions.parse({
    email: { smtpUrl: 'smtp://127.0.0.1:25', from: 'drimbox@exemple.fr', to: ['pacs@exemple.fr'], ...changes },
  });
  if (email === undefined) throw new Error('no e-mail');
  return email;
};

const channelTo = (port: number, changes: Partial<EmailOptions> = {}, protocol = 'smtp') =>
  createEmailChannel(
    optionsOf({ smtpUrl: `${protocol}://127.0.0.1:${port}`, ...changes }),
    { newUuid: () => 'uuid-1', loadSecret: () => password },
    { connectTimeoutMs: 1_500, answerTimeoutMs: 1_500 },
  );

const start = async (options: MailServerOptions = {}): Promise<MailServer> => {
  server = await startMailServer(options);
  return server;
};

const account = { username: 'drimbox', passwordFile: files['password'] ?? '' };
const digest = digestOf([notice(1)]);

const failureOf = async (work: Promise<unknown>): Promise<DrimboxError> => {
  const error: unknown = await work.then(
    () => new Error('it was sent'),
    (cause: unknown) => cause,
  );
  if (!(error instanceof DrimboxError)) throw error;
  return error;
};

describe('a mail that leaves', () => {
  test('is plain text in UTF-8, dated, with an identifier, a thread and the mark of an automatic message (RFC 3834)', async () => {
    const { port, mails } = await start();
    expect(await channelTo(port).send(digest, signal)).toEqual({ refusedRecipients: 0 });
    const [mail] = mails;
    expect(mail).toMatchObject({ from: 'drimbox@exemple.fr', to: ['pacs@exemple.fr'], isEncrypted: false });
    const header = (name: string): readonly string[] | undefined => mail?.headers.get(name);
    expect(header('content-type')).toEqual(['text/plain; charset=utf-8']);
    expect(header('date')?.map((text) => Date.parse(text))).toEqual([nowUtcMs]);
    expect(header('message-id')).toEqual(['<drimbox.uuid-1@exemple.fr>']);
    expect(header('references')).toEqual([expect.stringMatching(/^<drimbox-alert\.[0-9a-f]{24}@exemple\.fr>$/)]);
    expect(header('auto-submitted')).toEqual(['auto-generated']);
    expect(header('subject')).toEqual(['[DRIMbox db.exemple.invalid TEST] 1 alerte : Le DMP ne répond pas.']);
    expect(header('x-mailer')).toBeUndefined();
    expect(mail?.text).toContain(`n° 1  ${studyUid(1)}`);
    expect(mail?.text).toContain('ALERTE — Le DMP ne répond pas. (dmp/unreachable)');
  });

  test('is encrypted by STARTTLS when the server offers it, its certificate verified', async () => {
    const { port, mails } = await start({ credential: ca.server });
    await channelTo(port, { caFile: ca.rootCertificateFile }).send(digest, signal);
    expect(mails).toMatchObject([{ isEncrypted: true }]);
  });

  test('is encrypted from the first byte with smtps://, and signs in', async () => {
    const { port, mails } = await start({ credential: ca.server, implicitTls: true, users: { drimbox: password } });
    await channelTo(port, { caFile: ca.rootCertificateFile, ...account }, 'smtps').send(digest, signal);
    expect(mails).toMatchObject([{ isEncrypted: true, username: 'drimbox' }]);
  });

  test('signs in after STARTTLS', async () => {
    const { port, mails } = await start({ credential: ca.server, users: { drimbox: password } });
    await channelTo(port, { caFile: ca.rootCertificateFile, ...account }).send(digest, signal);
    expect(mails).toMatchObject([{ isEncrypted: true, username: 'drimbox' }]);
  });

  test('reaches the other recipients when one is refused, and says how many were', async () => {
    const mail = await start();
    mail.set({ kind: 'refuse-recipient', address: 'parti@exemple.fr' });
    const channel = channelTo(mail.port, { to: ['pacs@exemple.fr', 'parti@exemple.fr'] });
    expect(await channel.send(digest, signal)).toEqual({ refusedRecipients: 1 });
    expect(mail.mails).toMatchObject([{ to: ['pacs@exemple.fr'] }]);
  });

  test('no text of an alert becomes a header or a recipient', async () => {
    const { port, mails } = await start();
    const evil = 'x\r\nBcc: autre@exemple.fr\r\n\r\n.\r\nMAIL FROM:<autre@exemple.fr>';
    await channelTo(port).send(digestOf([notice(1, { subject: evil }), notice(2, { code: evil })]), signal);
    expect(mails).toHaveLength(1);
    expect(mails[0]?.to).toEqual(['pacs@exemple.fr']);
    expect(mails[0]?.headers.has('bcc')).toBe(false);
    expect(mails[0]?.text).not.toContain('autre@exemple.fr');
  });

  test('no proxy of the environment is used', async () => {
    const { port, mails } = await start();
    const before = { ...process.env };
    Object.assign(process.env, {
      HTTP_PROXY: 'http://127.0.0.1:9',
      HTTPS_PROXY: 'http://127.0.0.1:9',
      ALL_PROXY: 'socks://127.0.0.1:9',
    });
    try {
      await channelTo(port).send(digest, signal);
    } finally {
      for (const name of ['HTTP_PROXY', 'HTTPS_PROXY', 'ALL_PROXY']) {
        delete process.env[name];
        if (before[name] !== undefined) process.env[name] = before[name];
      }
    }
    expect(mails).toHaveLength(1);
  });
});

describe('a mail that does not leave says why, without address and without what the server wrote (A6)', () => {
  test.each<readonly [string, Parameters<MailServer['set']>[0], string, string]>([
    ['greylisted', { kind: 'greylist', times: 1 }, 'notification/refused', 'RCPT TO 451 4.7.1'],
    ['every recipient refused', { kind: 'refuse-recipient' }, 'notification/refused', 'RCPT TO 550 5.1.1'],
    ['the message refused', { kind: 'refuse-message' }, 'notification/refused', 'DATA 554 5.7.1'],
    ['no greeting', { kind: 'hang', at: 'greeting' }, 'notification/timeout', 'ETIMEDOUT'],
    ['silence after the recipient', { kind: 'hang', at: 'recipient' }, 'notification/timeout', 'ETIMEDOUT'],
    ['silence after the message', { kind: 'hang', at: 'answer' }, 'notification/timeout', 'ETIMEDOUT'],
  ])('%s', async (_, mood, code, detail) => {
    const mail = await start();
    mail.set(mood);
    const error = await failureOf(channelTo(mail.port).send(digest, signal));
    expect({ code: error.code, detail: error.detail }).toEqual({ code, detail });
    expect(error.message).not.toContain('@');
  });

  test('nobody listens', async () => {
    const error = await failureOf(channelTo(await findFreePort()).send(digest, signal));
    expect(error).toMatchObject({ code: 'notification/unreachable', detail: 'ECONNREFUSED', retry: 'transient' });
  });

  test.each(['smtp', 'smtps'] as const)('%s: a certificate of an authority that is not ours', async (protocol) => {
    const mail = await start({ credential: ca.server, implicitTls: protocol === 'smtps' });
    const error = await failureOf(
      channelTo(mail.port, { caFile: ca.negative.rogueRootCertificateFile }, protocol).send(digest, signal),
    );
    expect(error.code).toBe('notification/tls-refused');
    expect(mail.mails).toEqual([]);
  });

  test('a certificate that no authority known to Node.js made', async () => {
    const mail = await start({ credential: ca.server });
    const error = await failureOf(channelTo(mail.port).send(digest, signal));
    expect(error.code).toBe('notification/tls-refused');
    expect(mail.mails).toEqual([]);
  });

  test('a wrong password', async () => {
    const mail = await start({ credential: ca.server, users: { drimbox: 'autre' } });
    const error = await failureOf(
      channelTo(mail.port, { caFile: ca.rootCertificateFile, ...account }).send(digest, signal),
    );
    expect(error).toMatchObject({ code: 'notification/login-refused', detail: 'AUTH 535 5.7.8' });
    expect(JSON.stringify(error)).not.toContain(password);
  });

  test('with an account, a server that offers no encryption gets no password', async () => {
    const mail = await start({ users: { drimbox: password } });
    const error = await failureOf(channelTo(mail.port, account).send(digest, signal));
    expect(error.code).toBe('notification/tls-refused');
    expect(mail.mails).toEqual([]);
  });

  test('an account that the server does not want is a refusal, not a mail without an account', async () => {
    const mail = await start({ credential: ca.server });
    const error = await failureOf(
      channelTo(mail.port, { caFile: ca.rootCertificateFile, ...account }).send(digest, signal),
    );
    expect(error.code).toBe('notification/login-refused');
    expect(mail.mails).toEqual([]);
  });

  test('a stop cuts the sending that is under way', async () => {
    const mail = await start();
    mail.set({ kind: 'hang', at: 'recipient' });
    const abort = new AbortController();
    const sending = failureOf(channelTo(mail.port).send(digest, abort.signal));
    setTimeout(() => abort.abort(), 100);
    expect((await sending).code).toBe('notification/timeout');
  });
});

describe('the check of the doctor', () => {
  test('goes as far as the account, and sends nothing', async () => {
    const mail = await start({ credential: ca.server, users: { drimbox: password } });
    const good = channelTo(mail.port, { caFile: ca.rootCertificateFile, ...account });
    await good.checkReachable();
    expect(mail.connections()).toBe(1);
    expect(mail.mails).toEqual([]);
  });

  test('says what is wrong', async () => {
    const mail = await start({ credential: ca.server });
    expect((await failureOf(channelTo(mail.port).checkReachable())).code).toBe('notification/tls-refused');
    await mail.stop();
    expect((await failureOf(channelTo(mail.port).checkReachable())).code).toBe('notification/unreachable');
  });
});

test('authorities that cannot be read end the start', () => {
  expect(() => channelTo(25, { caFile: files['password'] ?? '' })).toThrow(
    expect.objectContaining({ code: 'config/unreadable' }),
  );
});
