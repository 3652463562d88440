/**
 * Revocation by lists (CRL) that somebody put at hand, for a check by hand: nothing is fetched, nothing is cached.
 *
 * @see RFC 5280 §5 (CRL), §6.3
 */
import type { X509Certificate } from 'node:crypto';
import { DrimboxError } from '../errors.ts';
import { readCertificateFeatures, readCertificateFields } from './certificate-fields.ts';
import { checkRevocationListForm, isInScope, type RevocationList, verifyRevocationList } from './revocation-list.ts';
import type { RevocationChecker, RevocationStatus } from './revocation-port.ts';

const checkForm = (file: Uint8Array): Uint8Array => {
  try {
    checkRevocationListForm(file);
    return file;
  } catch (cause) {
    throw new DrimboxError('trust/whitelist-ca-invalid', { detail: 'not a revocation list (CRL)', cause });
  }
};

/** Those that this authority signed, and that are of a kind we understand. */
const listsOf = (files: readonly Uint8Array[], authority: X509Certificate): readonly RevocationList[] =>
  files.flatMap((file) => {
    try {
      return [verifyRevocationList(file, authority)];
    } catch {
      return [];
    }
  });

const statusOf = (
  certificate: X509Certificate,
  authority: X509Certificate,
  files: readonly Uint8Array[],
  atUtcMs: number,
): RevocationStatus => {
  const lists = listsOf(files, authority);
  const { serialNumber } = readCertificateFields(certificate);
  if (lists.some((list) => list.serialNumbers.has(serialNumber))) {
    return { kind: 'revoked', detail: `serial number ${serialNumber.toUpperCase()} is on the list of its authority` };
  }
  const urls = readCertificateFeatures(certificate).revocationListUrls;
  const speaking = lists.filter((list) => isInScope(list, certificate, urls));
  if (speaking.some((list) => atUtcMs <= list.nextUpdateUtcMs)) return { kind: 'good', source: 'crl' };
  const why = speaking.length === 0 ? 'no list of its authority was given' : 'the list of its authority has ended';
  return { kind: 'unknown', detail: why };
};

/**
 * The signer must be on none of the lists and its authority's must be given; lists of the authorities above count where
 * they are given.
 *
 * @param files  PEM, of one list or several, or DER
 * @throws trust/whitelist-ca-invalid — a file is no revocation list
 */
export const createGivenRevocationLists = (files: readonly Uint8Array[]): RevocationChecker => {
  const checked = files.map(checkForm);
  return {
    check: (chain, atUtcMs) => {
      const statuses = chain.slice(0, -1).map((certificate, at) => {
        const authority = chain[at + 1];
        if (authority === undefined) throw new DrimboxError('general/internal');
        return statusOf(certificate, authority, checked, atUtcMs);
      });
      const revoked = statuses.find(({ kind }) => kind === 'revoked');
      return Promise.resolve(revoked ?? statuses[0] ?? { kind: 'unknown', detail: 'no chain' });
    },
  };
};
