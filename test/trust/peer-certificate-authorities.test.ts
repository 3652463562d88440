/** Invented authorities say EXEMPLE, those of IGC-Santé's test space say TEST. */
import { writeFileSync } from 'node:fs';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { loadAuthorities } from '../../plugin/trust/index.ts';
import {
  type CertificateAuthority,
  certificateOf,
  dayMs,
  makeCertificateAuthority,
  nowUtcMs,
} from '../fixtures/trust/certificate-authority.ts';
import { concatenatePem, type Credential, issueCredential } from '../peers/ca/openssl-authority.ts';

let ca: CertificateAuthority;
let rootNamed: (name: string) => Promise<Credential>;

beforeAll(async () => {
  ca = await makeCertificateAuthority();
  const validity = { notBeforeUtcMs: nowUtcMs - dayMs, notAfterUtcMs: nowUtcMs + dayMs };
  rootNamed = (name) =>
    issueCredential({
      profile: 'root',
      subject: [
        ['C', 'FR'],
        ['CN', name],
      ],
      validity,
      path: ca.path(name.replaceAll(/\W/g, '-')),
    });
}, 60_000);
afterAll(() => ca.remove());

const load = (environment: 'test' | 'production', ...credentials: readonly Credential[]) =>
  loadAuthorities(
    credentials.map(({ certificateFile }) => certificateFile),
    environment,
  );

test('roots and intermediate authorities come from one file or several, PEM or DER, each once', async () => {
  const both = concatenatePem([ca.intermediate.certificateFile, ca.root.certificateFile], ca.path('both.pem'));
  const der = ca.path('root.der');
  writeFileSync(der, certificateOf(ca.root).raw);
  const { certificates, pem } = await loadAuthorities([both, der, ca.root.certificateFile], 'test');
  expect(certificates.map(({ subject }) => subject)).toEqual([
    certificateOf(ca.intermediate).subject,
    certificateOf(ca.root).subject,
  ]);
  expect(pem.length).toBe(2);
});

test('an authority of the other environment is refused (A1: the two stores are never mixed)', async () => {
  const testRoot = await rootNamed('TEST AC RACINE');
  const realRoot = await rootNamed('AC RACINE');
  const lookalike = await rootNamed('AC RACINE ATTESTATIONS');
  await expect(load('test', testRoot)).resolves.toBeDefined();
  await expect(load('production', realRoot)).resolves.toBeDefined();
  // The word, not a part of another.
  await expect(load('production', lookalike)).resolves.toBeDefined();
  await expect(load('production', realRoot, testRoot)).rejects.toMatchObject({ code: 'trust/ca-environment-mismatch' });
  await expect(load('test', testRoot, realRoot)).rejects.toMatchObject({ code: 'trust/ca-environment-mismatch' });
  await expect(load('production', ca.root)).rejects.toMatchObject({ code: 'trust/ca-environment-mismatch' });
});

test('no authority at all is refused, and so is a file that is not there', async () => {
  await expect(loadAuthorities([], 'test')).rejects.toMatchObject({ code: 'trust/ca-missing' });
  await expect(loadAuthorities([ca.path('absent.pem')], 'test')).rejects.toMatchObject({ code: 'trust/ca-missing' });
});

test('what is no authority, or one without its root, is refused: it would accept nobody', async () => {
  const leaf = await ca.issue('leaf', {
    subject: [
      ['C', 'FR'],
      ['CN', 'db1.exemple'],
    ],
  });
  await expect(load('test', ca.root, ca.intermediate, leaf)).rejects.toMatchObject({ code: 'trust/ca-invalid' });
  await expect(load('test', ca.intermediate)).rejects.toMatchObject({ code: 'trust/ca-invalid' });
  const nothing = ca.path('nothing.pem');
  writeFileSync(nothing, 'nothing');
  await expect(loadAuthorities([nothing], 'test')).rejects.toMatchObject({ code: 'trust/ca-invalid' });
});
