/**
 * Who is at the other end of a TLS connection: the certificate it proved to hold, judged by us and not by a flag of the
 * socket, so that a refusal has its reason.
 *
 * @see facts/spec.md b.5.3 (check 1), facts/identity.md 1.8 · decision E3 (asked for at the handshake, demanded per route)
 */
import type { X509Certificate } from 'node:crypto';
import type { TLSSocket } from 'node:tls';
import { asDrimboxError, type ErrorCode } from '../errors.ts';
import { KeyUsageFlags } from './certificate-fields.ts';
import { findCertificationPath, type PathRefusalCode } from './certification-path.ts';
import type { RevocationChecker } from './revocation-port.ts';

export type PeerRefusalCode =
  | PathRefusalCode
  | Extract<
      ErrorCode,
      'trust/certificate-missing' | 'trust/certificate-revoked' | 'trust/certificate-revocation-unknown'
    >;

export type PeerVerdict =
  | {
      readonly kind: 'accepted';
      readonly certificate: X509Certificate;
      /** The certificate first, the root last. */
      readonly chain: readonly X509Certificate[];
    }
  /** `detail` is for the log: English, names nobody. */
  | { readonly kind: 'refused'; readonly code: PeerRefusalCode; readonly detail: string };

export interface PeerCertificatePorts {
  readonly authorities: readonly X509Certificate[];
  readonly revocation: RevocationChecker;
  /** OIDs of which the certificate must name one. */
  readonly purposes: readonly string[];
  /** For how long an acceptance is believed without another look, ms. */
  readonly cacheMs: number;
}

export interface PeerCertificateCheck {
  /** Never throws. @param atUtcMs  now, ms UTC */
  check(socket: Pick<TLSSocket, 'getPeerX509Certificate'>, atUtcMs: number): Promise<PeerVerdict>;
  /** The same for a certificate at hand. */
  checkCertificate(certificate: X509Certificate, atUtcMs: number): Promise<PeerVerdict>;
}

const maxCached = 1_000;

/** A client certificate names its purpose, and its key signs the handshake. */
const peerPolicy = { mayNameNoPurpose: false, keyUses: [KeyUsageFlags.digitalSignature] } as const;

interface CachedVerdict {
  readonly verdict: Extract<PeerVerdict, { readonly kind: 'accepted' }>;
  readonly fromUtcMs: number;
  readonly untilUtcMs: number;
}

const refuse = (code: PeerRefusalCode, detail: string): PeerVerdict => ({ kind: 'refused', code, detail });

/** OpenSSL gives an unreadable certificate as none. */
const certificateOf = (socket: Pick<TLSSocket, 'getPeerX509Certificate'>): X509Certificate | undefined => {
  try {
    return socket.getPeerX509Certificate();
  } catch {
    return undefined;
  }
};

/** Acceptances are kept for a short while, refusals never. */
export const createPeerCertificateCheck = (ports: PeerCertificatePorts): PeerCertificateCheck => {
  const cached = new Map<string, CachedVerdict>();
  const underWay = new Map<string, Promise<PeerVerdict>>();
  /** A connection has one certificate for life: renegotiation is off. */
  const ofSocket = new WeakMap<object, X509Certificate>();

  const judge = async (certificate: X509Certificate, atUtcMs: number): Promise<PeerVerdict> => {
    const path = findCertificationPath(certificate, ports.authorities, {
      ...peerPolicy,
      purposes: ports.purposes,
      atUtcMs,
    });
    if (path.kind === 'refused') return path;
    const revocation = await ports.revocation.check(path.chain, atUtcMs);
    switch (revocation.kind) {
      case 'revoked':
        return refuse('trust/certificate-revoked', revocation.detail);
      case 'unknown':
        return refuse('trust/certificate-revocation-unknown', revocation.detail);
      case 'good': {
        const verdict = { kind: 'accepted', certificate, chain: path.chain } as const;
        const untilUtcMs = Math.min(atUtcMs + ports.cacheMs, path.endsAtUtcMs);
        cached.delete(certificate.fingerprint256);
        cached.set(certificate.fingerprint256, { verdict, fromUtcMs: atUtcMs, untilUtcMs });
        const oldest = cached.keys().next();
        if (cached.size > maxCached && oldest.done === false) cached.delete(oldest.value);
        return verdict;
      }
    }
  };

  const judgeSafely = async (certificate: X509Certificate, atUtcMs: number): Promise<PeerVerdict> => {
    try {
      return await judge(certificate, atUtcMs);
    } catch (cause) {
      const { code, detail } = asDrimboxError(cause);
      const known = code === 'trust/certificate-untrusted';
      return refuse(
        known ? code : 'trust/certificate-revocation-unknown',
        known ? detail : `the check itself failed (${code})`,
      );
    }
  };

  const checkCertificate = (certificate: X509Certificate, atUtcMs: number): Promise<PeerVerdict> => {
    const key = certificate.fingerprint256;
    const known = cached.get(key);
    if (known !== undefined && known.fromUtcMs <= atUtcMs && atUtcMs < known.untilUtcMs) {
      return Promise.resolve(known.verdict);
    }
    const running = underWay.get(key);
    if (running !== undefined) return running;
    const started = judgeSafely(certificate, atUtcMs).finally(() => underWay.delete(key));
    underWay.set(key, started);
    return started;
  };

  return {
    checkCertificate,
    check: (socket, atUtcMs) => {
      const certificate = ofSocket.get(socket) ?? certificateOf(socket);
      if (certificate === undefined) {
        return Promise.resolve(refuse('trust/certificate-missing', 'the peer showed no certificate'));
      }
      ofSocket.set(socket, certificate);
      return checkCertificate(certificate, atUtcMs);
    },
  };
};
