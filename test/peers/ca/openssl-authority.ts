/** One certificate or revocation list at a time, made by the system's `openssl`. */
import { execFileSync } from 'node:child_process';
import { generateKeyPair } from 'node:crypto';
import { copyFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { type CertificateProfile, certificateProfiles, type SubjectName } from './certificate-profiles.ts';

/** A certificate and its private key, both PEM files. */
export interface Credential {
  readonly certificateFile: string;
  readonly keyFile: string;
}

export interface Validity {
  readonly notBeforeUtcMs: number;
  readonly notAfterUtcMs: number;
}

interface Issuing {
  readonly profile: CertificateProfile;
  readonly subject: SubjectName;
  readonly validity: Validity;
  /** Absent for a self-signed root. */
  readonly issuer?: Credential;
  /** Where to write, without extension: `<path>.crt` and `<path>.key`. */
  readonly path: string;
  /** Lines of extensions beside those of the profile. */
  readonly extensions?: readonly string[];
  /** A key to certify again, instead of a new one. */
  readonly keyFile?: string;
  /** Size of the RSA key [2048]. */
  readonly keyBits?: number;
  /** Hash of the signature [sha256]. */
  readonly digest?: 'sha1' | 'sha256';
}

/** What a revocation list says beside its entries. */
export interface ListTerms {
  /** When it was made [as the entries]. */
  readonly thisUpdateUtcMs?: number;
  /** When it ends [in ten years]. */
  readonly nextUpdateUtcMs?: number;
  /** Lines of extensions; sections for them may follow. */
  readonly extensions?: readonly string[];
  readonly digest?: 'sha1' | 'sha256';
}

const openssl = (parameters: readonly string[]): string =>
  execFileSync('openssl', parameters, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] });

/** `YYYYMMDDHHMMSSZ` */
const asn1Time = (utcMs: number): string => `${new Date(utcMs).toISOString().replaceAll(/[-:T]/g, '').slice(0, 14)}Z`;

const subjectArgument = (subject: SubjectName): string =>
  subject.map(([type, value]) => `/${type}=${value.replaceAll(/[\\/+]/g, (character) => `\\${character}`)}`).join('');

const configuration = (work: string, extensions: readonly string[], digest = 'sha256'): string =>
  [
    '[ca]',
    'default_ca = authority',
    '[authority]',
    `database = ${work}/index.txt`,
    `new_certs_dir = ${work}`,
    `crlnumber = ${work}/crlnumber`,
    'rand_serial = yes',
    `default_md = ${digest}`,
    'default_crl_days = 3650',
    'unique_subject = no',
    'policy = anything',
    'preserve = yes',
    '[anything]',
    ...['countryName', 'stateOrProvinceName', 'organizationName', 'organizationalUnitName', 'commonName'].map(
      (name) => `${name} = optional`,
    ),
    '[req]',
    'distinguished_name = names',
    'string_mask = utf8only',
    '[names]',
    '[extensions]',
    ...extensions,
    '',
  ].join('\n');

const inTemporaryFolder = <Result>(work: (folder: string) => Result): Result => {
  const folder = mkdtempSync(join(tmpdir(), 'drimbox-ca-'));
  try {
    return work(folder);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
};

/** Writes the key, a new RSA one unless ordered otherwise, and the certificate over it. */
export const issueCredential = async (order: Issuing): Promise<Credential> => {
  const credential = { certificateFile: `${order.path}.crt`, keyFile: `${order.path}.key` };
  if (order.keyFile === undefined) {
    const { privateKey } = await promisify(generateKeyPair)('rsa', { modulusLength: order.keyBits ?? 2048 });
    writeFileSync(credential.keyFile, privateKey.export({ type: 'pkcs8', format: 'pem' }), { mode: 0o600 });
  } else copyFileSync(order.keyFile, credential.keyFile);
  inTemporaryFolder((work) => {
    const config = join(work, 'openssl.cnf');
    const request = join(work, 'request.csr');
    const extensions = [...certificateProfiles[order.profile], ...(order.extensions ?? [])];
    writeFileSync(config, configuration(work, extensions, order.digest));
    writeFileSync(join(work, 'index.txt'), '');
    openssl([
      ...['req', '-new', '-utf8', '-config', config, '-key', credential.keyFile],
      ...['-subj', subjectArgument(order.subject), '-out', request],
    ]);
    openssl([
      ...['ca', '-batch', '-notext', '-config', config, '-extensions', 'extensions', '-in', request],
      ...['-startdate', asn1Time(order.validity.notBeforeUtcMs), '-enddate', asn1Time(order.validity.notAfterUtcMs)],
      ...(order.issuer === undefined
        ? ['-selfsign', '-keyfile', credential.keyFile]
        : ['-cert', order.issuer.certificateFile, '-keyfile', order.issuer.keyFile]),
      ...['-out', credential.certificateFile],
    ]);
  });
  return credential;
};

/** Hexadecimal. */
export const serialOf = (certificateFile: string): string =>
  openssl(['x509', '-in', certificateFile, '-noout', '-serial']).trim().replace('serial=', '');

/** Writes the PEM revocation list of `issuer` that names the given certificates. */
export const writeRevocationList = (
  issuer: Credential,
  revokedCertificateFiles: readonly string[],
  atUtcMs: number,
  file: string,
  terms: ListTerms = {},
): void =>
  inTemporaryFolder((work) => {
    const config = join(work, 'openssl.cnf');
    writeFileSync(config, configuration(work, terms.extensions ?? [], terms.digest));
    writeFileSync(join(work, 'crlnumber'), '01\n');
    // The database of `openssl ca`: status, expiry, revocation, serial, file, subject
    const rows = revokedCertificateFiles.map(
      (revoked) => `R\t491231235959Z\t${asn1Time(atUtcMs).slice(2)}\t${serialOf(revoked)}\tunknown\t/CN=revoked\n`,
    );
    writeFileSync(join(work, 'index.txt'), rows.join(''));
    openssl([
      ...['ca', '-gencrl', '-config', config, '-cert', issuer.certificateFile, '-keyfile', issuer.keyFile],
      ...(terms.extensions === undefined ? [] : ['-crlexts', 'extensions']),
      ...(terms.thisUpdateUtcMs === undefined ? [] : ['-crl_lastupdate', asn1Time(terms.thisUpdateUtcMs)]),
      ...(terms.nextUpdateUtcMs === undefined ? [] : ['-crl_nextupdate', asn1Time(terms.nextUpdateUtcMs)]),
      ...['-out', file],
    ]);
  });

/** Puts several PEM files one after the other. */
export const concatenatePem = (files: readonly string[], target: string): string => {
  writeFileSync(
    target,
    files
      .map((file) => readFileSync(file, 'utf8').trimEnd())
      .join('\n')
      .concat('\n'),
  );
  return target;
};
