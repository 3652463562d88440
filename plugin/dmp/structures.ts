/**
 * The structures this site sends for, each with its own certificates: one for TLS, one to sign.
 *
 * @see facts/identity.md 4.3 (the certificate follows the structure of the report)
 */
import { readFileSync } from 'node:fs';
import { DrimboxError } from '../errors.ts';
import type { DmpOptions, DmpStructureOptions } from './options.ts';
import {
  formatDistinguishedName,
  loadSigningIdentity,
  parseCertificate,
  type SigningIdentity,
} from './signing-identity.ts';
import { structureKey } from './structure-key.ts';
import { createTlsContext, createTransport, type DmpTransport } from './transport.ts';

/** What the doctor command shows of a certificate. */
export interface CertificateSummary {
  readonly structureId: string;
  readonly structureName: string;
  readonly use: 'authentication' | 'signature';
  readonly subject: string;
  readonly issuer: string;
  readonly notBeforeUtcMs: number;
  readonly notAfterUtcMs: number;
}

export interface DmpStructure {
  readonly options: DmpStructureOptions;
  readonly signing: SigningIdentity;
  readonly transport: DmpTransport;
  readonly certificates: readonly CertificateSummary[];
}

const summarize = (
  options: DmpStructureOptions,
  use: CertificateSummary['use'],
  certificatePem: string,
): CertificateSummary => {
  const certificate = parseCertificate(certificatePem);
  return {
    structureId: options.id,
    structureName: options.name,
    use,
    subject: formatDistinguishedName(certificate.subject, ', '),
    issuer: formatDistinguishedName(certificate.issuer, ', '),
    notBeforeUtcMs: Date.parse(certificate.validFrom),
    notAfterUtcMs: Date.parse(certificate.validTo),
  };
};

/**
 * Reads every certificate and key once. @throws dmp/certificate-unreadable
 */
export const loadStructures = (options: DmpOptions): readonly DmpStructure[] => {
  let authoritiesPem: string;
  try {
    authoritiesPem = readFileSync(options.caFile, 'utf8');
  } catch (cause) {
    throw new DrimboxError('dmp/certificate-unreadable', { detail: `cannot read ${options.caFile}`, cause });
  }
  parseCertificate(authoritiesPem);
  return options.structures.map((structure) => {
    const authentication = loadSigningIdentity(structure.authCertificateFile, structure.authKeyFile);
    const signing = loadSigningIdentity(structure.signCertificateFile, structure.signKeyFile);
    return {
      options: structure,
      signing,
      transport: createTransport(createTlsContext({ ...authentication, authoritiesPem }), options),
      certificates: [
        summarize(structure, 'authentication', authentication.certificatePem),
        summarize(structure, 'signature', signing.certificatePem),
      ],
    };
  });
};

/** By identifier or alias, in any usual form: `750000001`, `1750000001`… */
export const findStructure = (structures: readonly DmpStructure[], id: string): DmpStructure | undefined => {
  const key = structureKey(id);
  return structures.find(({ options }) =>
    [options.id, ...options.aliases].some((known) => structureKey(known) === key),
  );
};
