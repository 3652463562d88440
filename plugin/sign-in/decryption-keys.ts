/**
 * Our keys for what FranceConnect+ encrypts for us: read from files, published as a JWKS.
 *
 * To renew: put the new file first; FranceConnect+ takes it when it next reads our JWKS, and the older ones still decrypt.
 *
 * @see RFC 7516, 7517, 7518 §4.3, §4.6, 7638 · facts/identity.md 3.2
 */
import { createPrivateKey, createPublicKey, type KeyObject } from 'node:crypto';
import { calculateJwkThumbprint, type CryptoKey, exportJWK, importPKCS8, type JWK } from 'jose';
import { DrimboxError } from '../errors.ts';
import { readCredential } from '../trust/index.ts';

export type KeyManagementAlgorithm = 'ECDH-ES' | 'RSA-OAEP-256';

export interface DecryptionKey {
  /** RFC 7638 thumbprint. */
  readonly kid: string;
  readonly algorithm: KeyManagementAlgorithm;
  readonly key: CryptoKey;
}

export interface DecryptionKeys {
  /** Newest first. */
  readonly keys: readonly DecryptionKey[];
  readonly contentEncryption: readonly string[];
  /**
   * What is published: the newest key of each algorithm, because a service may encrypt to the first that fits.
   */
  readonly jwks: { readonly keys: readonly JWK[] };
}

const minimumRsaBits = 2048;

const algorithmOf = ({ asymmetricKeyType: type, asymmetricKeyDetails: details }: KeyObject) => {
  if (type === 'ec' && details?.namedCurve === 'prime256v1') return 'ECDH-ES';
  if (type === 'rsa' && (details?.modulusLength ?? 0) >= minimumRsaBits) return 'RSA-OAEP-256';
  return undefined;
};

const readPrivateKey = (path: string): KeyObject => {
  const text = readCredential(path, 'SignIn.FranceConnect');
  try {
    return createPrivateKey(text);
  } catch {
    // What OpenSSL says may quote the file.
    throw new DrimboxError('config/invalid', {
      detail: `${path} (SignIn) is no private key in PEM without passphrase`,
    });
  }
};

interface LoadedKey extends DecryptionKey {
  readonly jwk: JWK;
}

const loadKey = async (path: string): Promise<LoadedKey> => {
  const privateKey = readPrivateKey(path);
  const algorithm = algorithmOf(privateKey);
  if (algorithm === undefined) {
    const detail = `${path} (SignIn) is neither EC P-256 nor RSA of ${minimumRsaBits} bits`;
    throw new DrimboxError('config/invalid', { detail });
  }
  const jwk = await exportJWK(createPublicKey(privateKey));
  const kid = await calculateJwkThumbprint(jwk);
  const key = await importPKCS8(String(privateKey.export({ type: 'pkcs8', format: 'pem' })), algorithm);
  return { kid, algorithm, key, jwk: { ...jwk, kid, alg: algorithm, use: 'enc' } };
};

/**
 * @param paths  newest first; at least one
 * @throws config/unreadable, config/invalid
 */
export const loadDecryptionKeys = async (paths: readonly string[]): Promise<DecryptionKeys> => {
  const loaded = await Promise.all(paths.map(loadKey));
  const kids = loaded.map(({ kid }) => kid);
  if (new Set(kids).size !== kids.length) {
    throw new DrimboxError('config/invalid', { detail: 'FranceConnect.EncryptionKeyFiles: a key is there twice' });
  }
  const isNewest = ({ algorithm }: LoadedKey, at: number): boolean =>
    loaded.findIndex((other) => other.algorithm === algorithm) === at;
  return {
    keys: loaded.map(({ kid, algorithm, key }) => ({ kid, algorithm, key })),
    contentEncryption: ['A256GCM'],
    jwks: { keys: loaded.filter(isNewest).map(({ jwk }) => jwk) },
  };
};
