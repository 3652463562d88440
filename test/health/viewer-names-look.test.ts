/** The doctor asks the listener of the viewer by each of its names, over real TLS: certificates are invented. */
import { copyFileSync } from 'node:fs';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { lookAtViewerNames } from '../../plugin/health/viewer-names-look.ts';
import { signInOptions } from '../../plugin/sign-in/index.ts';
import { type ViewerListenerStandIn, startViewerListenerStandIn } from '../fixtures/health/viewer-listener.ts';
import {
  type CertificateAuthority,
  certificateOf,
  dayMs,
  makeCertificateAuthority,
  nowUtcMs,
} from '../fixtures/trust/certificate-authority.ts';
import type { Credential } from '../peers/ca/openssl-authority.ts';

let ca: CertificateAuthority;
let first: Credential;
let second: Credential;
let renewed: Credential;
let listener: ViewerListenerStandIn | undefined;

const serverOf = (name: string, extendedKeyUsage = 'serverAuth', days = 90): Promise<Credential> =>
  ca.issue(`${name}-${extendedKeyUsage}-${days}`, {
    profile: 'bare',
    subject: [['CN', name]],
    extensions: [`extendedKeyUsage = ${extendedKeyUsage}`, `subjectAltName = DNS:${name}`],
    toUtcMs: nowUtcMs + days * dayMs,
  });

beforeAll(async () => {
  ca = await makeCertificateAuthority();
  [first, second, renewed] = await Promise.all([
    serverOf('vi1.exemple.fr'),
    serverOf('vi2.exemple.fr'),
    serverOf('vi1.exemple.fr', 'serverAuth', 200),
  ]);
}, 60_000);
afterEach(async () => {
  await listener?.stop();
  listener = undefined;
});
afterAll(() => ca.remove());

const start = async (...args: Parameters<typeof startViewerListenerStandIn>): Promise<ViewerListenerStandIn> => {
  listener = await startViewerListenerStandIn(...args);
  return listener;
};
const look = (
  { options: viewer }: Pick<ViewerListenerStandIn, 'options'>,
  environment: 'test' | 'production' = 'test',
  timeoutMs = 5_000,
) =>
  lookAtViewerNames(
    { viewer, signIn: signInOptions.parse({}), environment, staticFolder: '/nulle/part' },
    { clock: () => nowUtcMs, randomBytes: (size) => Buffer.alloc(size), timeoutMs },
  );

describe('the names of the viewer, looked at by the doctor', () => {
  test('each is asked for by itself, on this machine, and shows the certificate of its file', async () => {
    const site = await start({ 'vi1.exemple.fr': first, 'vi2.exemple.fr': second });
    const facts = await look(site);
    expect(facts.place).toBe(`127.0.0.1:${site.options.port}`);
    expect(facts.mustBePublic).toBe(false);
    expect(facts.names).toEqual(
      [first, second].map((credential, at) => ({
        name: `vi${at + 1}.exemple.fr`,
        certificate: {
          kind: 'good',
          notBeforeUtcMs: certificateOf(credential).validFromDate.getTime(),
          notAfterUtcMs: nowUtcMs + 90 * dayMs,
        },
        // An authority of ours: a browser would warn.
        answer: { kind: 'answering', isUp: true, showsOurs: true, untrusted: expect.stringMatching(/^[A-Z_]+$/) },
      })),
    );
    expect(site.asked.toSorted()).toEqual(['vi1.exemple.fr /q/health', 'vi2.exemple.fr /q/health']);
  });

  test('in production the chain must end at a public authority', async () => {
    const facts = await look(await start({ 'vi1.exemple.fr': first }), 'production');
    expect(facts.mustBePublic).toBe(true);
  });

  test('a service that says that it is down, or answers something else', async () => {
    const site = await start({ 'vi1.exemple.fr': first });
    site.says.status = 503;
    expect((await look(site)).names[0]?.answer).toMatchObject({ isUp: false });
    site.says.status = 404;
    expect((await look(site)).names[0]?.answer).toMatchObject({ isUp: undefined });
  });

  test('a renewed certificate that the service has not taken', async () => {
    const site = await start({ 'vi1.exemple.fr': renewed }, { 'vi1.exemple.fr': first });
    expect((await look(site)).names[0]).toMatchObject({
      certificate: { kind: 'good', notAfterUtcMs: nowUtcMs + 200 * dayMs },
      answer: { kind: 'answering', showsOurs: false },
    });
  });

  test('a name that the service does not know is silent, and the others are not', async () => {
    const site = await start({ 'vi1.exemple.fr': first, 'vi2.exemple.fr': second }, { 'vi1.exemple.fr': first });
    const { names } = await look(site);
    expect(names.map(({ answer }) => answer.kind)).toEqual(['answering', 'silent']);
  });

  test('nobody listens', async () => {
    const site = await start({ 'vi1.exemple.fr': first });
    await site.stop();
    expect((await look(site)).names[0]).toMatchObject({
      certificate: { kind: 'good' },
      answer: { kind: 'silent', detail: 'ECONNREFUSED' },
    });
  });

  test('a listener that hangs is not waited for', async () => {
    const site = await start({ 'vi1.exemple.fr': first });
    site.says.hangs = true;
    expect((await look(site, 'test', 200)).names[0]?.answer).toEqual({ kind: 'silent', detail: expect.any(String) });
  });

  test.each([
    ['of another name', async () => ({ ...second }), /is not a certificate for vi1\.exemple\.fr/],
    ['with the key of another', async () => ({ ...first, keyFile: second.keyFile }), /is not the key of/],
    ['that is not for servers', () => serverOf('vi1.exemple.fr', 'clientAuth'), /not a certificate for servers/],
    ['that is not there', async () => ({ ...first, certificateFile: ca.path('absent.pem') }), /cannot be read/],
  ])('a certificate %s is told as the service would', async (_, files, detail) => {
    const site = await start({ 'vi1.exemple.fr': await files() }, { 'vi1.exemple.fr': first });
    expect((await look(site)).names[0]?.certificate).toEqual({
      kind: 'unusable',
      code: 'trust/server-certificate-invalid',
      detail: expect.stringMatching(detail),
    });
  });

  test('a certificate without its intermediate authorities is seen as a browser sees it', async () => {
    const chained = { certificateFile: ca.path('chained.pem'), keyFile: first.keyFile };
    copyFileSync(first.certificateFile, chained.certificateFile);
    const facts = await look(await start({ 'vi1.exemple.fr': chained }));
    expect(facts.names[0]?.answer).toMatchObject({ untrusted: 'UNABLE_TO_VERIFY_LEAF_SIGNATURE' });
  });
});
