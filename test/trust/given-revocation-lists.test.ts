import { readFileSync } from 'node:fs';
import { X509Certificate } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createGivenRevocationLists } from '../../plugin/trust/index.ts';
import { makeWhitelistAuthority, nowUtcMs, type WhitelistAuthority } from '../fixtures/trust/whitelist-authority.ts';

let ca: WhitelistAuthority;
beforeAll(async () => {
  ca = await makeWhitelistAuthority();
}, 60_000);
afterAll(() => ca.remove());

const certificate = (file: string): X509Certificate => new X509Certificate(readFileSync(file));
const chainOf = (signer: { certificateFile: string }): readonly X509Certificate[] =>
  [signer, ca.intermediate, ca.root].map(({ certificateFile }) => certificate(certificateFile));
const ask = (files: readonly string[], signer = ca.signers.good, atUtcMs = nowUtcMs) =>
  createGivenRevocationLists(files.map((file) => readFileSync(file))).check(chainOf(signer), atUtcMs);

describe('revocation lists given by hand', () => {
  test('say good, revoked, or that nothing is known', async () => {
    expect(await ask([ca.emptyRevocationList])).toEqual({ kind: 'good', source: 'crl' });
    expect(await ask([ca.revocationList])).toMatchObject({ kind: 'revoked' });
    expect(await ask([ca.revocationList], ca.signers.next)).toMatchObject({ kind: 'good' });
    expect(await ask([])).toMatchObject({ kind: 'unknown' });
  });

  test('of another authority, even of the same names, say nothing', async () => {
    const rogue = [ca.signers.rogue, ca.root, ca.root].map(({ certificateFile }) => certificate(certificateFile));
    const lists = createGivenRevocationLists([readFileSync(ca.emptyRevocationList)]);
    expect(await lists.check(rogue, nowUtcMs)).toMatchObject({
      kind: 'unknown',
      detail: 'no list of its authority was given',
    });
  });

  test('that have ended say nothing; one that names the certificate does', async () => {
    const later = nowUtcMs + 5000 * 86_400_000;
    expect(await ask([ca.emptyRevocationList], ca.signers.good, Date.parse('2049-01-01'))).toMatchObject({
      kind: 'unknown',
    });
    expect(await ask([ca.revocationList], ca.signers.good, later)).toMatchObject({ kind: 'revoked' });
  });

  test('changed by a byte say nothing', async () => {
    const text = readFileSync(ca.emptyRevocationList, 'latin1');
    const der = Buffer.from(text.replaceAll(/-----[^-]+-----|\s/g, ''), 'base64');
    der[der.length - 1] = (der.at(-1) ?? 0) ^ 1;
    expect(await createGivenRevocationLists([der]).check(chainOf(ca.signers.good), nowUtcMs)).toMatchObject({
      kind: 'unknown',
    });
  });

  test('that are no lists are refused: trust/whitelist-ca-invalid', () => {
    for (const bytes of [Buffer.from('x'), readFileSync(ca.root.certificateFile), Buffer.alloc(0)])
      expect(() => createGivenRevocationLists([bytes])).toThrow(
        expect.objectContaining({ code: 'trust/whitelist-ca-invalid' }),
      );
  });
});
