/**
 * `drimbox whitelist verify FILE`: who signed a whitelist and what it says, or the exact reason why it is refused.
 * It needs neither configuration nor store nor network.
 */
import { DrimboxError } from '../errors.ts';
import type { VerifiedWhitelist, WhitelistEntry } from '../trust/index.ts';
import { checkOptions, instantOptionOf, subjectsOf, usage } from './command-words.ts';

export interface WhitelistCommandPorts {
  readonly clock: () => number;
  /** @throws cli/file-unreadable */
  readonly readFile: (path: string) => Promise<Uint8Array>;
  /** Names (DN) of the signer and of its authority; absent: ANS and IGC-Santé. */
  readonly signers?: { readonly signerDns: readonly string[]; readonly signerIssuerDns: readonly string[] };
}

const synopsis = 'whitelist verify FILE --ca FILE… [--crl FILE…] [--at TIME]';

/** The words after every `name`, up to the next option: the option may be repeated, and have several values. */
const valuesOf = (words: readonly string[], name: string): readonly string[] =>
  words.flatMap((word, at) => {
    if (word !== name) return [];
    const values = subjectsOf(words, at + 1);
    if (values.length === 0) throw usage(`${name} needs a value`);
    return values;
  });

const instant = (atUtcMs: number): string => new Date(atUtcMs).toISOString();

const describeEntry = ({ identifier, db, vi, name, operatorNames, updatedAtUtcMs }: WhitelistEntry): object => ({
  ...(identifier === undefined ? {} : { identifier }),
  ...(db === undefined ? {} : { db }),
  ...(vi === undefined ? {} : { vi }),
  name,
  certificateNames: operatorNames.map(({ text }) => text),
  ...(updatedAtUtcMs === undefined ? {} : { updatedAt: instant(updatedAtUtcMs) }),
});

const describeAccepted = (verified: VerifiedWhitelist, atUtcMs: number): object => ({
  kind: 'accepted',
  verifiedAt: instant(atUtcMs),
  signer: verified.signer.subject,
  issuer: verified.signer.issuer,
  serialNumber: verified.signer.serialNumber,
  signerValidFrom: instant(verified.signer.notBeforeUtcMs),
  signerValidUntil: instant(verified.signer.notAfterUtcMs),
  ...(verified.signedAtUtcMs === undefined ? {} : { signedAt: instant(verified.signedAtUtcMs) }),
  revocation: verified.revocation.kind === 'good' ? `good (${verified.revocation.source})` : 'not checked',
  generatedAt: instant(verified.list.generatedAtUtcMs),
  warnings: verified.list.warnings,
  entries: verified.list.entries.map(describeEntry),
});

/**
 * @param words  the command line, beginning with `whitelist verify`
 * @returns `kind: accepted` with the list, or `kind: refused` with the reason
 * @throws cli/usage, cli/file-unreadable, trust/whitelist-ca-invalid — --ca or --crl holds something else
 */
export const whitelistVerify = async (words: readonly string[], ports: WhitelistCommandPorts): Promise<object> => {
  checkOptions(words, ['--ca', '--crl', '--at']);
  // Only here: no other command needs what the room of trust loads.
  const { createGivenRevocationLists, parseAuthorities, verifyWhitelist, whitelistOptions } = await import(
    '../trust/index.ts'
  );
  const [path, ...others] = subjectsOf(words, 2);
  if (path === undefined || others.length > 0) throw usage(synopsis);
  const atUtcMs = instantOptionOf(words, '--at') ?? ports.clock();
  const authorityFiles = valuesOf(words, '--ca');
  if (authorityFiles.length === 0) throw usage(`${synopsis}: --ca is needed, the configuration is not read`);
  const readAll = (paths: readonly string[]): Promise<Uint8Array[]> => Promise.all(paths.map(ports.readFile));
  const authorities = (await readAll(authorityFiles)).flatMap(parseAuthorities);
  const lists = await readAll(valuesOf(words, '--crl'));
  const revocation = lists.length === 0 ? {} : { revocation: createGivenRevocationLists(lists) };
  const { signerDns, signerIssuerDns, maxBytes } = whitelistOptions.parse({ file: path });
  const bytes = await ports.readFile(path);
  try {
    const trust = { signerDns, signerIssuerDns, ...ports.signers, authorities, maxBytes, ...revocation };
    return describeAccepted(await verifyWhitelist(bytes, trust, atUtcMs), atUtcMs);
  } catch (cause) {
    if (!(cause instanceof DrimboxError)) throw cause;
    const { code, publicText, detail } = cause;
    return { kind: 'refused', verifiedAt: instant(atUtcMs), code, reason: publicText, detail };
  }
};
