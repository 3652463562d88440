/** A real mail server on this machine: SMTP over a socket, with the moods of those that hospitals run. */
import { readFileSync } from 'node:fs';
import type { AddressInfo, Socket } from 'node:net';
import { SMTPServer, type SMTPServerSession } from 'smtp-server';
import type { Credential } from '../ca/openssl-authority.ts';
import { type ParsedMail, parseMail } from './parsed-mail.ts';

export interface ReceivedMail extends ParsedMail {
  readonly from: string;
  readonly to: readonly string[];
  /** The connection was encrypted when the mail came. */
  readonly isEncrypted: boolean;
  readonly username?: string;
}

/** What the server does wrong. */
export type MailMood =
  /** 451 to the first `times` recipients: greylisting. */
  | { readonly kind: 'greylist'; readonly times: number }
  /** 550 to this recipient, quoting it; absent: to each. */
  | { readonly kind: 'refuse-recipient'; readonly address?: string }
  /** Says nothing at this point. */
  | { readonly kind: 'hang'; readonly at: 'greeting' | 'recipient' | 'answer' }
  /** 554 after the message. */
  | { readonly kind: 'refuse-message' };

export interface MailServerOptions {
  /** Its certificate; absent: no encryption is offered. */
  readonly credential?: Credential;
  /** TLS from the first byte, instead of STARTTLS. */
  readonly implicitTls?: boolean;
  /** Name → password; absent: no AUTH. */
  readonly users?: Readonly<Record<string, string>>;
  readonly port?: number;
}

export interface MailServer {
  readonly port: number;
  readonly mails: readonly ReceivedMail[];
  /** Connections until now. */
  connections(): number;
  set(mood: MailMood | undefined): void;
  stop(): Promise<void>;
}

const refusal = (responseCode: number, text: string): Error => Object.assign(new Error(text), { responseCode });

const isEncrypted = (session: SMTPServerSession): boolean => session.secure;

export const startMailServer = async (options: MailServerOptions = {}): Promise<MailServer> => {
  const mails: ReceivedMail[] = [];
  const sockets = new Set<Socket>();
  let mood: MailMood | undefined;
  let connections = 0;
  let greylisted = 0;
  const tls =
    options.credential === undefined
      ? {}
      : { key: readFileSync(options.credential.keyFile), cert: readFileSync(options.credential.certificateFile) };
  const server = new SMTPServer({
    ...tls,
    secure: options.implicitTls ?? false,
    authOptional: options.users === undefined,
    disabledCommands: [
      ...(options.credential === undefined ? ['STARTTLS'] : []),
      ...(options.users === undefined ? ['AUTH'] : []),
    ],
    allowInsecureAuth: true,
    disableReverseLookup: true,
    logger: false,
    onConnect: (_session, done) => {
      connections += 1;
      if (mood?.kind === 'hang' && mood.at === 'greeting') return;
      done();
    },
    onAuth: ({ username = '', password }, _session, done) => {
      if (password !== undefined && options.users?.[username] === password) done(null, { user: username });
      else done(refusal(535, `5.7.8 bad credentials of ${username}`));
    },
    onRcptTo: ({ address }, _session, done) => {
      if (mood?.kind === 'hang' && mood.at === 'recipient') return;
      if (mood?.kind === 'greylist' && greylisted < mood.times) {
        greylisted += 1;
        done(refusal(451, `4.7.1 <${address}>: greylisted`));
      } else if (mood?.kind === 'refuse-recipient' && (mood.address ?? address) === address) {
        done(refusal(550, `5.1.1 <${address}>: no such user`));
      } else done();
    },
    onData: (stream, session, done) => {
      const chunks: Buffer[] = [];
      stream.on('data', (chunk: Buffer) => chunks.push(chunk));
      stream.on('end', () => {
        if (mood?.kind === 'refuse-message') return done(refusal(554, '5.7.1 refused by policy'));
        const { mailFrom, rcptTo } = session.envelope;
        mails.push({
          ...parseMail(Buffer.concat(chunks)),
          from: mailFrom === false ? '' : mailFrom.address,
          to: rcptTo.map(({ address }) => address),
          isEncrypted: isEncrypted(session),
          ...(typeof session.user === 'string' ? { username: session.user } : {}),
        });
        if (mood?.kind === 'hang' && mood.at === 'answer') return;
        done();
      });
    },
  });
  server.on('error', () => undefined);
  server.server.on('connection', (socket: Socket) => {
    sockets.add(socket);
    socket.on('close', () => sockets.delete(socket));
  });
  await new Promise<void>((resolve) => {
    server.listen(options.port ?? 0, '127.0.0.1', resolve);
  });
  return {
    port: (server.server.address() as AddressInfo).port,
    mails,
    connections: () => connections,
    set: (next) => {
      mood = next;
      greylisted = 0;
    },
    stop: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        for (const socket of sockets) socket.destroy();
      }),
  };
};
