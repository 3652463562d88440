/** One certificate of ours with its key, as two PEM files, and what it is good for. */
import { createPrivateKey, X509Certificate } from 'node:crypto';
import { readFile, stat } from 'node:fs/promises';
import { createSecureContext, type SecureContext, type SecureContextOptions } from 'node:tls';
import { DrimboxError } from '../errors.ts';
import { readCertificateFeatures } from './certificate-fields.ts';
import { distinguishedNameOf } from './distinguished-name.ts';

export interface CertificateFiles {
  /** PEM: the certificate, then its intermediate authorities. */
  readonly certificateFile: string;
  /** PEM, not encrypted. */
  readonly keyFile: string;
  /** The name (FQDN) it must be for; absent: whatever it says. */
  readonly name?: string | undefined;
}

export interface ServerCertificate {
  /** Lower case; the first is the one it is called by: the configured one where there is one. */
  readonly names: readonly string[];
  readonly notBeforeUtcMs: number;
  readonly notAfterUtcMs: number;
  readonly fingerprint: string;
  readonly contextOptions: SecureContextOptions;
  readonly context: SecureContext;
}

const serverAuth = '1.3.6.1.5.5.7.3.1';
const commonNameType = '2.5.4.3';
const pemForm = /-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/;

const invalid = (detail: string, cause?: unknown): DrimboxError =>
  new DrimboxError('trust/server-certificate-invalid', { detail, ...(cause === undefined ? {} : { cause }) });

const readPem = async (file: string): Promise<Buffer> => {
  try {
    return await readFile(file);
  } catch (cause) {
    throw invalid(`${file} cannot be read`, cause);
  }
};

/** Without the final dot, in lower case: as names of servers are compared. */
export const foldServerName = (name: string): string => name.toLowerCase().replace(/\.$/, '');

/** DNS names of the certificate; its common name where it has none. @see RFC 9525 */
const namesOf = (certificate: X509Certificate): readonly string[] => {
  const alternative = [...(certificate.subjectAltName ?? '').matchAll(/(?:^|, )DNS:([^,"]+)/g)].map(
    (match) => match[1] ?? '',
  );
  const common = distinguishedNameOf(certificate)
    .flat()
    .filter(({ type }) => type === commonNameType)
    .map(({ value }) => value);
  const names = alternative.length > 0 ? alternative : common;
  return names.map(foldServerName);
};

const calledBy = (names: readonly string[], { name, certificateFile }: CertificateFiles): readonly string[] => {
  if (names.length === 0) throw invalid(`${certificateFile} names no server`);
  if (name === undefined) return names;
  const wanted = foldServerName(name);
  if (!names.includes(wanted)) throw invalid(`${certificateFile} is not a certificate for ${wanted}`);
  return [wanted, ...names.filter((one) => one !== wanted)];
};

const parsePair = (certificatePem: Buffer, keyPem: Buffer, files: CertificateFiles): X509Certificate => {
  const pem = pemForm.exec(certificatePem.toString('latin1'))?.[0];
  if (pem === undefined) throw invalid(`${files.certificateFile} holds no certificate in PEM`);
  const certificate = new X509Certificate(pem);
  if (!certificate.checkPrivateKey(createPrivateKey(keyPem))) {
    throw invalid(`${files.keyFile} is not the key of ${files.certificateFile}`);
  }
  const { purposes } = readCertificateFeatures(certificate);
  if (purposes !== undefined && !purposes.includes(serverAuth)) {
    throw invalid(`${files.certificateFile} is not a certificate for servers`);
  }
  return certificate;
};

/**
 * @param shared  what the contexts of all certificates share
 * @throws trust/server-certificate-invalid — unreadable, key of another, not for servers, without a name or the wanted one
 */
export const loadServerCertificate = async (
  files: CertificateFiles,
  shared: SecureContextOptions,
): Promise<ServerCertificate> => {
  const [cert, key] = await Promise.all([readPem(files.certificateFile), readPem(files.keyFile)]);
  try {
    const certificate = parsePair(cert, key, files);
    const names = calledBy(namesOf(certificate), files);
    const contextOptions = { ...shared, cert, key };
    return {
      names,
      notBeforeUtcMs: certificate.validFromDate.getTime(),
      notAfterUtcMs: certificate.validToDate.getTime(),
      fingerprint: certificate.fingerprint256,
      contextOptions,
      context: createSecureContext(contextOptions),
    };
  } catch (cause) {
    if (cause instanceof DrimboxError && cause.code === 'trust/server-certificate-invalid') throw cause;
    throw invalid(`${files.certificateFile} and ${files.keyFile} cannot be used`, cause);
  }
};

/** Changes when one of the two files is replaced or written. Empty when one is absent. */
export const filesMark = async ({ certificateFile, keyFile }: CertificateFiles): Promise<string> => {
  try {
    const states = await Promise.all([certificateFile, keyFile].map((file) => stat(file, { bigint: true })));
    return states.map(({ mtimeNs, ino, size }) => `${mtimeNs}-${ino}-${size}`).join(' ');
  } catch {
    return '';
  }
};
