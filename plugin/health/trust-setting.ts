/** What the looks at the trust space have in common: the options of the service, cut to the doctor's patience. */
import { X509Certificate } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import type { TrustEnvironment, TrustOptions } from '../trust/index.ts';

export interface TrustSetting {
  readonly trust: TrustOptions;
  readonly environment: TrustEnvironment;
  /** Where the service keeps its copies: `Store.Folder`. */
  readonly folder: string;
  /** Those that this service shows to other DRIMboxes. */
  readonly certificates: readonly { readonly name: string; readonly certificateFile: string }[];
}

export interface LookPorts {
  /** Milliseconds since 1970 UTC. */
  readonly clock: () => number;
  readonly randomBytes: (size: number) => Uint8Array;
  /** Longest wait for one exchange [5 s]; the service itself may wait longer. */
  readonly timeoutMs?: number;
}

const defaultTimeoutMs = 5_000;

/** The shorter of the service's patience and the doctor's. */
export const patienceMs = (ofServiceMs: number, { timeoutMs = defaultTimeoutMs }: LookPorts): number =>
  Math.min(ofServiceMs, timeoutMs);

export interface OwnCertificate {
  readonly name: string;
  /** Undefined: it cannot be read; the check of the certificates says why. */
  readonly certificate: X509Certificate | undefined;
}

export const readOwnCertificates = ({ certificates }: TrustSetting): Promise<readonly OwnCertificate[]> =>
  Promise.all(
    certificates.map(async ({ name, certificateFile }) => {
      try {
        return { name, certificate: new X509Certificate(await readFile(certificateFile)) };
      } catch {
        return { name, certificate: undefined };
      }
    }),
  );
