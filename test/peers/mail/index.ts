export type { ParsedMail } from './parsed-mail.ts';
export {
  type MailMood,
  type MailServer,
  type MailServerOptions,
  type ReceivedMail,
  startMailServer,
} from './start-mail-server.ts';
