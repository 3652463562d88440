/**
 * One row per way of signing. SHA-1 is there because the DMP's own samples use it (decision C6), not by preference.
 *
 * @see XML Signature 1.0 §6 · RFC 6931 (RSA-SHA256)
 */

export interface SignatureAlgorithm {
  readonly signatureUri: string;
  readonly digestUri: string;
  /** Name for node:crypto, of the signature and of the digest. */
  readonly hash: 'sha1' | 'sha256';
}

export const signatureAlgorithms = {
  'rsa-sha1': {
    signatureUri: 'http://www.w3.org/2000/09/xmldsig#rsa-sha1',
    digestUri: 'http://www.w3.org/2000/09/xmldsig#sha1',
    hash: 'sha1',
  },
  'rsa-sha256': {
    signatureUri: 'http://www.w3.org/2001/04/xmldsig-more#rsa-sha256',
    digestUri: 'http://www.w3.org/2001/04/xmlenc#sha256',
    hash: 'sha256',
  },
} as const satisfies Record<string, SignatureAlgorithm>;
export type SignatureAlgorithmName = keyof typeof signatureAlgorithms;

const rows: readonly SignatureAlgorithm[] = Object.values(signatureAlgorithms);

/** Hash of a SignatureMethod, undefined when we do not accept it. */
export const hashOfSignature = (uri: string): SignatureAlgorithm['hash'] | undefined =>
  rows.find((row) => row.signatureUri === uri)?.hash;

/** Hash of a DigestMethod, undefined when we do not accept it. */
export const hashOfDigest = (uri: string): SignatureAlgorithm['hash'] | undefined =>
  rows.find((row) => row.digestUri === uri)?.hash;
