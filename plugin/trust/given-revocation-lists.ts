/**
 * Revocation by lists (CRL) that somebody put at hand, for a check by hand: nothing is fetched, nothing is cached.
 *
 * @see RFC 5280 §5 (CRL), §6.3 — a list with a critical extension (delta, partial) is not used
 */
import { type X509Certificate, verify } from 'node:crypto';
import { AsnConvert } from '@peculiar/asn1-schema';
import { CertificateList } from '@peculiar/asn1-x509';
import { DrimboxError } from '../errors.ts';
import type { RevocationChecker, RevocationStatus } from './revocation-port.ts';
import { readDerElement } from './der-element.ts';

interface GivenList {
  /** DER of TBSCertList, which is signed. */
  readonly signed: Uint8Array;
  readonly signature: Uint8Array;
  readonly hash: string;
  readonly endsAtUtcMs: number;
  /** Hexadecimal, upper case, without leading zeros. */
  readonly serialNumbers: ReadonlySet<string>;
  readonly isWhole: boolean;
}

/** OID of the signature algorithm → name for node:crypto. */
const hashes: Readonly<Record<string, string>> = {
  '1.2.840.113549.1.1.11': 'sha256',
  '1.2.840.113549.1.1.12': 'sha384',
  '1.2.840.113549.1.1.13': 'sha512',
  '1.2.840.10045.4.3.2': 'sha256',
  '1.2.840.10045.4.3.3': 'sha384',
  '1.2.840.10045.4.3.4': 'sha512',
};

const normalSerial = (hex: string): string => hex.toUpperCase().replace(/^0+(?=.)/, '');

const derOf = (bytes: Uint8Array): Uint8Array => {
  const pem = /-----BEGIN X509 CRL-----([^-]+)-----END X509 CRL-----/.exec(Buffer.from(bytes).toString('latin1'))?.[1];
  return pem === undefined ? bytes : Buffer.from(pem, 'base64');
};

const parseList = (bytes: Uint8Array): GivenList => {
  try {
    const der = derOf(bytes);
    const { tbsCertList, signature, signatureAlgorithm } = AsnConvert.parse(der, CertificateList);
    const outer = readDerElement(der).content;
    return {
      signed: outer.subarray(0, readDerElement(outer).end),
      signature: new Uint8Array(signature),
      hash: hashes[signatureAlgorithm.algorithm] ?? '',
      endsAtUtcMs: tbsCertList.nextUpdate?.getTime().getTime() ?? Number.POSITIVE_INFINITY,
      serialNumbers: new Set(
        (tbsCertList.revokedCertificates ?? []).map(({ userCertificate }) =>
          normalSerial(Buffer.from(userCertificate).toString('hex')),
        ),
      ),
      isWhole: !(tbsCertList.crlExtensions ?? []).some(({ critical }) => critical),
    };
  } catch (cause) {
    throw new DrimboxError('trust/whitelist-ca-invalid', { detail: 'not a revocation list (CRL)', cause });
  }
};

const isSignedBy = (list: GivenList, authority: X509Certificate): boolean =>
  list.hash !== '' && verify(list.hash, list.signed, authority.publicKey, list.signature);

const statusOf = (
  certificate: X509Certificate,
  authority: X509Certificate,
  lists: readonly GivenList[],
  atUtcMs: number,
): RevocationStatus => {
  const ofAuthority = lists.filter((list) => isSignedBy(list, authority));
  const serial = normalSerial(certificate.serialNumber);
  if (ofAuthority.some((list) => list.serialNumbers.has(serial))) {
    return { kind: 'revoked', detail: `serial number ${serial} is on the list of its authority` };
  }
  const isGood = ofAuthority.some((list) => list.isWhole && atUtcMs <= list.endsAtUtcMs);
  if (isGood) return { kind: 'good', source: 'crl' };
  const why = ofAuthority.length === 0 ? 'no list of its authority was given' : 'the list of its authority has ended';
  return { kind: 'unknown', detail: why };
};

/**
 * The signer must be on none of the lists and its authority's must be given; lists of the authorities above count where
 * they are given.
 *
 * @param files  PEM or DER
 * @throws trust/whitelist-ca-invalid — a file is no revocation list
 */
export const createGivenRevocationLists = (files: readonly Uint8Array[]): RevocationChecker => {
  const lists = files.map(parseList);
  return {
    check: (chain, atUtcMs) => {
      const statuses = chain.slice(0, -1).map((certificate, at) => {
        const authority = chain[at + 1];
        if (authority === undefined) throw new DrimboxError('general/internal');
        return statusOf(certificate, authority, lists, atUtcMs);
      });
      const revoked = statuses.find(({ kind }) => kind === 'revoked');
      return Promise.resolve(revoked ?? statuses[0] ?? { kind: 'unknown', detail: 'no chain' });
    },
  };
};
