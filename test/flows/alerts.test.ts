/**
 * A site whose DMP refuses: those who must know are told, by mail and by webhook, of what and what to do, and of no person
 * (decisions A6, G3; issue 3).
 */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import type { WebhookBody } from '../../plugin/notification/index.ts';
import { buildExamination, examinationPatient } from '../fixtures/examination.ts';
import { type MailServer, startMailServer } from '../peers/mail/index.ts';
import { isSignedBy, startWebhook, type Webhook } from '../peers/webhook/index.ts';
import { type FlowSite, isSiteHere, soon, startFlowSite } from './flow-site.ts';

const password = 'EXEMPLE-MOT-DE-PASSE';
const secret = 'EXEMPLE-SECRET';
const told = { timeout: 15_000, interval: 100 } as const;

describe.skipIf(!isSiteHere)('alerts by mail and webhook', () => {
  let flow: FlowSite;
  let mail: MailServer;
  let hook: Webhook;
  beforeAll(async () => {
    flow = await startFlowSite({ store: 'postgres' });
    const { ca, folder } = flow.site;
    mail = await startMailServer({ credential: ca.server, users: { drimbox: password } });
    hook = await startWebhook({ credential: ca.server });
    const secretFile = (name: string, text: string): string => {
      const path = join(folder, 'secrets', name);
      writeFileSync(path, `${text}\n`, { mode: 0o600 });
      return path;
    };
    await flow.reconfigure((section) => {
      section['Alerts'] = {
        Email: {
          SmtpUrl: `smtp://127.0.0.1:${mail.port}`,
          Username: 'drimbox',
          PasswordFile: secretFile('smtp-password', password),
          CaFile: ca.rootCertificateFile,
          From: 'drimbox@exemple.fr',
          To: ['pacs@exemple.fr'],
        },
        Webhook: { Url: hook.url, SecretFile: secretFile('webhook', secret), CaFile: ca.rootCertificateFile },
      };
    });
  });
  afterAll(async () => {
    await flow.stop();
    await mail.stop();
    await hook.stop();
  });

  /** The minute of rest after a message, or the lease of a killed sidecar, is over. */
  const endRest = async (): Promise<void> => {
    await flow.postgres?.run(
      `UPDATE marker SET value = (value::jsonb || '{"notBeforeUtcMs":0}')::text WHERE name LIKE 'alert-channel-%'`,
      'drimbox',
    );
  };
  const bodies = (): readonly WebhookBody[] => hook.posts.map(({ body }) => JSON.parse(body) as WebhookBody);
  const { ins, birthFamilyName, firstBirthGivenName } = examinationPatient;
  const traits = [birthFamilyName, firstBirthGivenName, ins[0]?.value ?? ''];

  it('the DMP refuses a report: a mail and a POST say so within 10 s, with the UID and no person', async () => {
    const examination = buildExamination({ number: 1 });
    await flow.keep(examination.instances);
    await flow.dmp.order(
      { kind: 'registry-error', errorCode: 'DMPClosed', codeContext: `DMP fermé : ${traits.join(' ')}` },
      { transaction: 'provideAndRegister' },
    );
    await flow.accepts(examination.message);
    const { studyInstanceUid } = examination;
    await flow.reaches(studyInstanceUid, 'failed', 'dmp/patient-closed');
    await vi.waitFor(() => expect([mail.mails.length, hook.posts.length]).toEqual([1, 1]), told);

    const [one] = mail.mails;
    expect(one).toMatchObject({ from: 'drimbox@exemple.fr', isEncrypted: true, username: 'drimbox' });
    expect(one?.headers.get('subject')).toEqual([
      '[DRIMbox db.exemple.invalid TEST] 1 alerte : Le DMP du patient est fermé.',
    ]);
    expect(one?.text).toContain(studyInstanceUid);
    expect(one?.text).toMatch(/À faire : \S/);
    const [post] = hook.posts;
    expect(post !== undefined && isSignedBy(post, secret)).toBe(true);
    expect(bodies()[0]).toMatchObject({
      version: 1,
      environment: 'test',
      alerts: [{ state: 'raised', code: 'dmp/patient-closed', count: 1, subjects: [{ subject: studyInstanceUid }] }],
    });
    const everything = `${JSON.stringify([...(one?.headers ?? [])])}${one?.text}${post?.body}${JSON.stringify(post?.headers)}`;
    for (const trait of traits) {
      expect(trait.length).toBeGreaterThan(3);
      expect(everything).not.toContain(trait);
    }
    const { stdout } = await flow.site.drimbox('alerts');
    expect(JSON.parse(stdout)).toMatchObject([
      {
        code: 'dmp/patient-closed',
        notices: [{ channel: 'email', sentAt: expect.any(String) }, { channel: 'webhook' }],
      },
    ]);
  });

  it('the DMP takes it after all: what was told is told to be over', async () => {
    const { studyInstanceUid } = buildExamination({ number: 1 });
    await flow.dmp.clear();
    await flow.site.drimbox('archive', 'release');
    await flow.reaches(studyInstanceUid, 'published');
    await endRest();
    await vi.waitFor(() => expect([mail.mails.length, hook.posts.length]).toEqual([2, 2]), told);
    expect(mail.mails[1]?.headers.get('subject')?.[0]).toContain('résolu, 1 alerte');
    expect(mail.mails[1]?.headers.get('references')).toEqual(mail.mails[0]?.headers.get('references'));
    expect(bodies()[1]).toMatchObject({ alerts: [{ state: 'cleared', subjects: [{ subject: studyInstanceUid }] }] });
  });

  it('kill -9 while the mail is being sent: it is sent by the next start, and the log names nobody', async () => {
    mail.set({ kind: 'hang', at: 'recipient' });
    await endRest();
    const before = mail.connections();
    const examination = buildExamination({ number: 2 });
    await flow.dmp.order({ kind: 'registry-error', errorCode: 'DMPClosed', codeContext: 'DMP fermé' });
    await flow.keep(examination.instances);
    await flow.accepts(examination.message);
    await vi.waitFor(() => expect(mail.connections()).toBeGreaterThan(before), soon);
    await flow.site.sidecar().kill();
    expect(mail.mails).toHaveLength(2);
    mail.set(undefined);
    await flow.site.restartSidecar();
    await endRest();
    await vi.waitFor(() => expect(mail.mails).toHaveLength(3), told);
    expect(mail.mails[2]?.text).toContain(examination.studyInstanceUid);
    const log = flow.site.sidecar().log();
    expect(log).toContain('alerts sent');
    for (const hidden of [password, secret, 'pacs@exemple.fr', hook.url, ...traits]) expect(log).not.toContain(hidden);
  });

  it('the doctor reaches both, and says which one it cannot reach', async () => {
    const stateOf = async (): Promise<{ readonly state: string; readonly details?: readonly string[] } | undefined> => {
      const { stdout } = await flow.site.drimbox('doctor', '--json');
      const { results } = JSON.parse(stdout) as { results: readonly { name: string; state: string }[] };
      return results.find(({ name }) => name === 'alert-channels');
    };
    expect(await stateOf()).toMatchObject({ state: 'ok' });
    await hook.stop();
    expect(await stateOf()).toMatchObject({ state: 'failed', details: [expect.stringMatching(/^webhook : /)] });
  });
});
