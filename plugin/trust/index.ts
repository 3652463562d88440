export type { AuthorizationHeader } from './bearer-credentials.ts';
export { thumbprintOf } from './certificate-binding.ts';
export { followCredentials } from './credentials-reload.ts';
export type { Every } from './every.ts';
export {
  openProviderConnection,
  type ProviderConnection,
  type ProviderFetch,
  readCredential,
} from './provider-connection.ts';
export {
  classifyPscFailure,
  classifyStatus,
  type PscFailureCode,
  type PscUnavailable,
} from './psc-failure.ts';
export { PscKeys } from './psc-keys.ts';
export {
  buildPscEndpoints,
  type PscEndpoints,
  type PscOptions,
  pscOptions,
} from './psc-options.ts';
export {
  createTokenVerifier,
  type TokenProfessional,
  type TokenRequest,
  type TokenVerdict,
  type TokenVerifier,
  type TokenVerifierPorts,
} from './psc-token.ts';
export { createPscClient } from './token-introspection.ts';
export type { TokenSender } from './token-policy.ts';
export type { TokenRefusalCode, TokenRefused } from './token-precheck.ts';
export {
  type DistinguishedName,
  distinguishedNameKey,
  distinguishedNameOf,
  formatDistinguishedName,
  issuerNameOf,
  type NameAttribute,
} from './distinguished-name.ts';
export { parseDistinguishedName } from './distinguished-name-text.ts';
export { createGivenRevocationLists } from './given-revocation-lists.ts';
export type { RevocationChecker, RevocationStatus } from './revocation-port.ts';
export {
  parseAuthorities,
  type VerifiedWhitelist,
  verifyWhitelist,
  type WhitelistSigner,
  type WhitelistTrust,
} from './whitelist.ts';
export { SignerState, Staleness } from './whitelist-current.ts';
export { type OperatorName, parseWhitelist, type Whitelist, type WhitelistEntry } from './whitelist-document.ts';
export {
  createWhitelistKeeper,
  nextRefreshDelayMs,
  type RefreshOutcome,
  type WhitelistKeeper,
  type WhitelistKeeperPorts,
  type WhitelistState,
} from './whitelist-keeper.ts';
export { createKeptFile, type KeptWhitelist, type WhitelistKeep } from './whitelist-kept-copy.ts';
export { type WhitelistOptions, whitelistOptions } from './whitelist-options.ts';
export { createFileSource, createHttpsSource, type Fetched, type WhitelistSource } from './whitelist-source.ts';
export type { CertificateAlerts } from './certificate-alerts.ts';
export { readCertificateFeatures } from './certificate-fields.ts';
export { type CertificateAuthorities, loadAuthorities, type TrustEnvironment } from './certificate-authorities.ts';
export { expiryDays, expiryThreshold } from './certificate-expiry.ts';
export { createKeptLists, type RevocationListKeep } from './kept-revocation-lists.ts';
export {
  createPeerCertificateCheck,
  type PeerCertificateCheck,
  type PeerCertificatePorts,
  type PeerRefusalCode,
  type PeerVerdict,
} from './peer-certificate.ts';
export {
  createPeerGate,
  type IdentifiedPeer,
  type PeerGate,
  type PeerGatePorts,
  type PeerIdentity,
  type PeerSocket,
} from './peer-gate.ts';
export { createRevocation, type RevocationPorts, type RevocationService } from './revocation.ts';
export { createRevocationExchange, type RevocationExchange, type RevocationQuestion } from './revocation-exchange.ts';
export { type RevocationList, verifyRevocationList } from './revocation-list.ts';
export { isAllowedHost } from './revocation-lists.ts';
export { type RevocationOptions, revocationOptions } from './revocation-options.ts';
export {
  createServerCertificates,
  type ServerCertificateFacts,
  type ServerCertificates,
  type ServerCertificatesPorts,
} from './server-certificates.ts';
export {
  peerCertificateOptions,
  type ServerCertificatesOptions,
  serverCertificatesOptions,
} from './server-certificates-options.ts';
export { buildSecureContextOptions, buildServerTlsOptions, buildViewerTlsOptions } from './tls-options.ts';
export { type TrustOptions, trustOptions } from './trust-options.ts';
