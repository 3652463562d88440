/**
 * A test authority in the shape of IGC-Santé: root → "ELEMENTAIRE ORGANISATIONS" → ORG AUTH_CLI, ORG SIGN, SSL.
 * Every name is invented. Run by hand: `node test/peers/ca/make-ca.ts [FOLDER]`.
 *
 * @see facts/identity.md 5.1, 5.3 · toolchain: system `openssl`
 */
import { existsSync, mkdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { authorityNames, type CertificateProfile, type SubjectName } from './certificate-profiles.ts';
import {
  concatenatePem,
  type Credential,
  issueCredential,
  type Validity,
  writeRevocationList,
} from './openssl-authority.ts';
import { exampleStructures, type StructureCredentials, type StructureOrder, type TestCa } from './test-ca.ts';

export { exampleStructures, type StructureCredentials, type StructureOrder, type TestCa } from './test-ca.ts';

const dayMs = 86_400_000;
const layoutVersion = 1;

interface Authority {
  readonly root: Credential;
  readonly intermediate: Credential;
}

/** What is remembered between runs, beside the certificates. */
interface Manifest {
  readonly layoutVersion: number;
  readonly madeAtUtcMs: number;
  readonly ca: TestCa;
}

const structureName = (order: StructureOrder): SubjectName => [
  ['C', 'FR'],
  ['ST', order.place ?? 'Paris (75)'],
  ['O', order.name],
  ['OU', order.id],
  ['CN', order.commonName ?? 'drimbox.exemple'],
];

const makeAuthority = async (folder: string, nowMs: number): Promise<Authority> => {
  const validity = { notBeforeUtcMs: nowMs - 365 * dayMs, notAfterUtcMs: nowMs + 3650 * dayMs };
  const root = await issueCredential({
    profile: 'root',
    subject: authorityNames.root,
    validity,
    path: join(folder, 'root'),
  });
  const intermediate = await issueCredential({
    profile: 'intermediate',
    subject: authorityNames.intermediate,
    validity,
    issuer: root,
    path: join(folder, 'intermediate'),
  });
  return { root, intermediate };
};

const leafValidity = (nowMs: number): Validity => ({
  notBeforeUtcMs: nowMs - dayMs,
  notAfterUtcMs: nowMs + 3 * 365 * dayMs,
});
const expiredValidity = (nowMs: number): Validity => ({
  notBeforeUtcMs: nowMs - 300 * dayMs,
  notAfterUtcMs: nowMs - dayMs,
});

const issueLeaf = (
  authority: Authority,
  profile: CertificateProfile,
  subject: SubjectName,
  validity: Validity,
  path: string,
): Promise<Credential> => issueCredential({ profile, subject, validity, issuer: authority.intermediate, path });

const issueServer = async (
  authority: Authority,
  subject: SubjectName,
  nowMs: number,
  path: string,
): Promise<Credential> => {
  const leaf = await issueLeaf(authority, 'ssl', subject, leafValidity(nowMs), path);
  const withChain = concatenatePem([leaf.certificateFile, authority.intermediate.certificateFile], `${path}-chain.crt`);
  return { certificateFile: withChain, keyFile: leaf.keyFile };
};

const issueStructure = async (
  authority: Authority,
  order: StructureOrder,
  nowMs: number,
  folder: string,
): Promise<StructureCredentials> => {
  mkdirSync(folder, { recursive: true });
  const subject = structureName(order);
  const validity = leafValidity(nowMs);
  const [authCli, sign, ssl] = await Promise.all([
    issueLeaf(authority, 'authCli', subject, validity, join(folder, 'auth-cli')),
    issueLeaf(authority, 'sign', subject, validity, join(folder, 'sign')),
    issueServer(authority, subject, nowMs, join(folder, 'ssl')),
  ]);
  return { authCli, sign, ssl };
};

const issueNegative = async (
  folder: string,
  authority: Authority,
  first: StructureOrder,
  nowMs: number,
): Promise<TestCa['negative']> => {
  const rogueFolder = join(folder, 'rogue');
  mkdirSync(rogueFolder, { recursive: true });
  const rogue = await makeAuthority(rogueFolder, nowMs);
  const subject = structureName(first);
  const other = structureName({ id: '1990000009', name: 'AUTRE STRUCTURE EXEMPLE' });
  const valid = leafValidity(nowMs);
  const expired = expiredValidity(nowMs);
  const path = (name: string): string => join(folder, name);
  const [rogueAuthCli, rogueSign, expiredAuthCli, expiredSign] = await Promise.all([
    issueLeaf(rogue, 'authCli', subject, valid, path('rogue-auth-cli')),
    issueLeaf(rogue, 'sign', subject, valid, path('rogue-sign')),
    issueLeaf(authority, 'authCli', subject, expired, path('expired-auth-cli')),
    issueLeaf(authority, 'sign', subject, expired, path('expired-sign')),
  ]);
  const [revokedAuthCli, revokedSign, noOuAuthCli, otherStructureSign] = await Promise.all([
    issueLeaf(authority, 'authCli', subject, valid, path('revoked-auth-cli')),
    issueLeaf(authority, 'sign', subject, valid, path('revoked-sign')),
    issueLeaf(
      authority,
      'authCli',
      subject.filter(([type]) => type !== 'OU'),
      valid,
      path('no-ou-auth-cli'),
    ),
    issueLeaf(authority, 'sign', other, valid, path('other-structure-sign')),
  ]);
  const rogueRootCertificateFile = rogue.root.certificateFile;
  return {
    ...{ rogueRootCertificateFile, rogueAuthCli, rogueSign, expiredAuthCli, expiredSign },
    ...{ revokedAuthCli, revokedSign, noOuAuthCli, otherStructureSign },
  };
};

const makeWholeCa = async (folder: string, orders: readonly StructureOrder[], nowMs: number): Promise<TestCa> => {
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(join(folder, 'negative'), { recursive: true });
  const authority = await makeAuthority(folder, nowMs);
  const serverName: SubjectName = [
    ...structureName({ id: '1990000000', name: 'DMP EXEMPLE', commonName: 'localhost' }),
  ];
  const first = orders[0] ?? exampleStructures[0];
  const negative = await issueNegative(join(folder, 'negative'), authority, first, nowMs);
  const server = await issueServer(authority, serverName, nowMs, join(folder, 'server'));
  const revoked = [negative.revokedAuthCli.certificateFile, negative.revokedSign.certificateFile];
  writeRevocationList(authority.intermediate, revoked, nowMs, join(folder, 'intermediate.crl'));
  writeRevocationList(authority.root, [], nowMs, join(folder, 'root.crl'));
  const { root, intermediate } = authority;
  return {
    folder,
    rootCertificateFile: root.certificateFile,
    intermediateCertificateFile: intermediate.certificateFile,
    chainFile: concatenatePem([intermediate.certificateFile, root.certificateFile], join(folder, 'chain.crt')),
    crlFile: concatenatePem([join(folder, 'intermediate.crl'), join(folder, 'root.crl')], join(folder, 'all.crl')),
    structures: {},
    server,
    negative,
  };
};

const loadManifest = (folder: string, nowMs: number): TestCa | undefined => {
  const file = join(folder, 'ca.json');
  if (!existsSync(file)) return undefined;
  const manifest = JSON.parse(readFileSync(file, 'utf8')) as Manifest;
  const isUsable =
    manifest.layoutVersion === layoutVersion &&
    manifest.ca.folder === folder &&
    nowMs - manifest.madeAtUtcMs < 365 * dayMs &&
    nowMs >= manifest.madeAtUtcMs - dayMs;
  return isUsable ? manifest.ca : undefined;
};

const saveManifest = (ca: TestCa, madeAtUtcMs: number): void => {
  const manifest: Manifest = { layoutVersion, madeAtUtcMs, ca };
  const temporary = join(ca.folder, `ca.json.${process.pid}`);
  writeFileSync(temporary, JSON.stringify(manifest, undefined, 2));
  renameSync(temporary, join(ca.folder, 'ca.json'));
};

/** Several test files may ask at once: one makes, the others wait and find it made. */
const withLock = async <Result>(folder: string, work: () => Promise<Result>): Promise<Result> => {
  const lock = `${folder}.lock`;
  mkdirSync(resolve(folder, '..'), { recursive: true });
  for (;;) {
    try {
      mkdirSync(lock);
      break;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
      const age = Date.now() - (statSync(lock, { throwIfNoEntry: false })?.mtimeMs ?? Date.now());
      if (age > 120_000) rmSync(lock, { recursive: true, force: true });
      else await delay(50);
    }
  }
  try {
    return await work();
  } finally {
    rmSync(lock, { recursive: true, force: true });
  }
};

/**
 * Makes the authority and the certificates of the asked structures, or finds them made.
 *
 * @param folder     kept between runs; its content is replaced when a year old or of another layout
 * @param options    structures wanted, the invented two by default; `nowMs` for tests
 */
export const makeCa = (
  folder: string,
  options: { readonly structures?: readonly StructureOrder[]; readonly nowMs?: number } = {},
): Promise<TestCa> => {
  const target = resolve(folder);
  const orders: readonly StructureOrder[] = options.structures ?? exampleStructures;
  const nowMs = options.nowMs ?? Date.now();
  return withLock(target, async () => {
    const known = loadManifest(target, nowMs);
    const missing = orders.filter(({ id }) => known === undefined || !Object.hasOwn(known.structures, id));
    if (known !== undefined && missing.length === 0) return known;
    const whole = known ?? (await makeWholeCa(target, orders, nowMs));
    const credential = (name: string): Credential => ({
      certificateFile: join(target, `${name}.crt`),
      keyFile: join(target, `${name}.key`),
    });
    const authority: Authority = { root: credential('root'), intermediate: credential('intermediate') };
    const structures: Record<string, StructureCredentials> = { ...whole.structures };
    for (const order of missing) {
      structures[order.id] = await issueStructure(authority, order, nowMs, join(target, 'structures', order.id));
    }
    const ca: TestCa = { ...whole, structures };
    saveManifest(ca, nowMs);
    return ca;
  });
};

if (process.argv[1] === import.meta.filename) {
  const ca = await makeCa(process.argv[2] ?? '.cache/ca');
  console.log(JSON.stringify(ca, undefined, 2));
}
