/**
 * Which DRIMbox is at the other end of a connection: its certificate first, then the whitelist, at every request.
 *
 * @see DB.CS.147, 148, 151, 164, 186 · facts/spec.md b.5.3 (checks 1 and 2), facts/identity.md 1.8
 */
import type { X509Certificate } from 'node:crypto';
import type { TLSSocket } from 'node:tls';
import { asDrimboxError, type ErrorCode } from '../errors.ts';
import { distinguishedNameKey, distinguishedNameOf, formatDistinguishedName } from './distinguished-name.ts';
import type { PeerCertificateCheck } from './peer-certificate.ts';
import type { WhitelistEntry } from './whitelist-document.ts';
import type { WhitelistKeeper } from './whitelist-keeper.ts';

/** What TLS tells of the peer. */
export type PeerSocket = Pick<TLSSocket, 'getPeerX509Certificate'>;

/** A DRIMbox of the trust space. */
export interface IdentifiedPeer {
  /** One for each name of a certificate: an operator that renews its certificate keeps it. */
  readonly key: string;
  /** Subject of its certificate, RFC 4514. */
  readonly subject: string;
  /** Its number in the whitelist; its host or its denomination where the list gives none. */
  readonly entry?: string;
}

export type PeerIdentity =
  | { readonly kind: 'accepted'; readonly known: IdentifiedPeer }
  /** `subject` of the certificate shown, where it can be read: it proves nothing. */
  | { readonly kind: 'refused'; readonly code: ErrorCode; readonly subject?: string };

export interface PeerGatePorts {
  readonly certificates: Pick<PeerCertificateCheck, 'check'>;
  readonly whitelist: Pick<WhitelistKeeper, 'match' | 'current'>;
  readonly clock: () => number;
}

export interface PeerGate {
  /** Never throws: what cannot be decided is refused. */
  identifyPeer(socket: PeerSocket): Promise<PeerIdentity>;
}

interface PeerName {
  readonly key: string;
  readonly subject: string;
}

const readName = (certificate: X509Certificate): PeerName => {
  const name = distinguishedNameOf(certificate);
  return { key: distinguishedNameKey(name), subject: formatDistinguishedName(name) };
};

const entryText = ({ identifier, db, name }: WhitelistEntry): string | undefined =>
  [identifier, db, name].find((text) => text !== undefined && text !== '');

/** The name in a certificate that nobody vouches for: for the audit only. */
const shownSubject = (socket: PeerSocket): string | undefined => {
  try {
    const certificate = socket.getPeerX509Certificate();
    return certificate === undefined ? undefined : readName(certificate).subject;
  } catch {
    return undefined;
  }
};

const refuse = (code: ErrorCode, subject: string | undefined): PeerIdentity => ({
  kind: 'refused',
  code,
  ...(subject === undefined ? {} : { subject }),
});

/** A certificate that was accepted a moment ago costs two lookups. */
export const createPeerGate = ({ certificates, whitelist, clock }: PeerGatePorts): PeerGate => {
  const names = new WeakMap<X509Certificate, PeerName>();

  const nameOf = (certificate: X509Certificate): PeerName => {
    const known = names.get(certificate) ?? readName(certificate);
    names.set(certificate, known);
    return known;
  };

  const identify = async (socket: PeerSocket): Promise<PeerIdentity> => {
    const verdict = await certificates.check(socket, clock());
    if (verdict.kind === 'refused') return refuse(verdict.code, shownSubject(socket));
    const { key, subject } = nameOf(verdict.certificate);
    if (whitelist.current() === undefined) return refuse('trust/whitelist-absent', subject);
    const entry = whitelist.match(key);
    if (entry === undefined) return refuse('trust/peer-not-listed', subject);
    const text = entryText(entry);
    return { kind: 'accepted', known: { key, subject, ...(text === undefined ? {} : { entry: text }) } };
  };

  return {
    identifyPeer: async (socket) => {
      try {
        return await identify(socket);
      } catch (cause) {
        // A name that cannot be read is on no list.
        const { code } = asDrimboxError(cause);
        return refuse(code === 'trust/dn-invalid' ? 'trust/peer-not-listed' : 'general/internal', undefined);
      }
    },
  };
};
