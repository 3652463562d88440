import { execFile } from 'node:child_process';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { whitelistVerify } from '../../plugin/admin/index.ts';
import { makeWhitelistAuthority, nowUtcMs, type WhitelistAuthority } from '../fixtures/trust/whitelist-authority.ts';
import { buildList, signList } from '../fixtures/trust/whitelist-builder.ts';

const command = fileURLToPath(new URL('../../plugin/cli.ts', import.meta.url));
let ca: WhitelistAuthority;
let list = '';
beforeAll(async () => {
  ca = await makeWhitelistAuthority();
  list = join(ca.folder, 'liste.xml');
  await writeFile(list, signList(buildList(), ca.signers.good));
}, 60_000);
afterAll(() => ca.remove());

const ports = { clock: () => nowUtcMs, readFile: (path: string) => readFile(path) };
const verify = (...words: readonly string[]) => whitelistVerify(['whitelist', 'verify', ...words], ports);
const authorities = (): readonly string[] => ['--ca', ca.root.certificateFile, ca.intermediate.certificateFile];

const drimbox = (...words: readonly string[]): Promise<{ status: number; out: string; error: string }> =>
  new Promise((resolve) => {
    execFile(process.execPath, [command, 'whitelist', ...words], (failure, out, error) => {
      resolve({ status: failure === null ? 0 : Number(failure.code), out, error });
    });
  });

describe('drimbox whitelist verify', () => {
  // The command line trusts the signer of ANS only, which no invented certificate can be.
  test('names the signer it expects: another one is refused, with the exact reason', async () => {
    expect(await verify(list, ...authorities())).toEqual({
      kind: 'refused',
      verifiedAt: '2026-03-12T10:00:00.000Z',
      code: 'trust/whitelist-signer-unknown',
      reason: 'La liste blanche n’est pas signée par l’ANS.',
      detail: 'the signer is another than the configured one',
    });
  });

  test('prints signer, dates, revocation and entries of a good one (decision G6)', async () => {
    const withSigners = { ...ports, signers: ca.options };
    const answer = await whitelistVerify(['whitelist', 'verify', list, ...authorities()], withSigners);
    expect(answer).toMatchObject({
      kind: 'accepted',
      signer: 'CN=Liste Blanche EXEMPLE,OU=319999999900020,O=AGENCE EXEMPLE,ST=Paris (75),C=FR',
      signedAt: '2026-03-11T18:10:00.000Z',
      generatedAt: '2026-03-11T18:06:52.000Z',
      revocation: 'not checked',
      warnings: [],
    });
    expect(answer).toHaveProperty('entries.1.db', 'db2.exemple.fr');
    const asked = (file: string) =>
      whitelistVerify(['whitelist', 'verify', list, ...authorities(), '--crl', file], withSigners);
    expect(await asked(ca.emptyRevocationList)).toMatchObject({ kind: 'accepted', revocation: 'good (crl)' });
    expect(await asked(ca.revocationList)).toMatchObject({ kind: 'refused', code: 'trust/whitelist-signer-revoked' });
  });

  test('needs authorities, a file, and options it knows (cli/usage)', async () => {
    const usage = expect.objectContaining({ code: 'cli/usage' });
    await expect(verify(list)).rejects.toEqual(usage);
    await expect(verify(...authorities())).rejects.toEqual(usage);
    await expect(verify(list, 'other', ...authorities())).rejects.toEqual(usage);
    await expect(verify(list, '--ca')).rejects.toEqual(usage);
    await expect(verify(list, ...authorities(), '--at', 'yesterday')).rejects.toEqual(usage);
    await expect(verify(list, ...authorities(), '--force')).rejects.toEqual(usage);
  });

  test('says that a file given as authority or revocation list is none: trust/whitelist-ca-invalid', async () => {
    const invalid = expect.objectContaining({ code: 'trust/whitelist-ca-invalid' });
    await expect(verify(list, '--ca', list)).rejects.toEqual(invalid);
    await expect(verify(list, ...authorities(), '--crl', list)).rejects.toEqual(invalid);
  });

  test('exits 1 when refused, 1 when a file is missing, 2 when the command is wrong', async () => {
    const refused = await drimbox('verify', list, ...authorities(), '--at', '2026-03-12');
    expect(refused.status).toBe(1);
    expect(JSON.parse(refused.out)).toMatchObject({ kind: 'refused', code: 'trust/whitelist-signer-unknown' });
    expect(await drimbox('verify', 'none.xml', ...authorities())).toMatchObject({ status: 1 });
    expect(await drimbox('verify', list)).toMatchObject({ status: 2, out: '' });
  }, 60_000);
});
