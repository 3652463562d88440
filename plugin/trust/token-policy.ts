/**
 * What this site asks of a good token besides: profession, software per peer, binding to the peer's certificate.
 *
 * Judged at each request, also when the facts were remembered: they depend on who sends the token.
 *
 * @see decision E4 · facts/identity.md 1.8 (6)
 */
import type { X509Certificate } from 'node:crypto';
import { compareBinding, type TokenBinding } from './certificate-binding.ts';
import type { PscOptions } from './psc-options.ts';
import type { TokenFacts } from './token-facts.ts';
import { refused, type TokenRefused } from './token-precheck.ts';

/** Professions (G15) in SubjectRole: `10` alone means `10^1.2.250.1.213.1.1.5.5`. */
const professionTable = '1.2.250.1.213.1.1.5.5';

export interface TokenSender {
  readonly peerCertificate?: X509Certificate;
  /** The peer, as the whitelist identifies it. */
  readonly peerKey?: string;
}

export type PolicyVerdict =
  | { readonly kind: 'passed'; readonly role?: string; readonly binding?: TokenBinding }
  | (TokenRefused & { readonly binding?: TokenBinding });

const chooseRole = (roles: readonly string[], professions: PscOptions['professions']): string | undefined => {
  if (professions === undefined) return roles.find((role) => role.endsWith(`^${professionTable}`)) ?? roles[0];
  const listed = new Set(professions.map((code) => (code.includes('^') ? code : `${code}^${professionTable}`)));
  return roles.find((role) => listed.has(role));
};

/** A site that names clients for some peers must know who asks: an unnamed sender is refused there. */
const isClientAllowed = (clientId: string, peerKey: string | undefined, options: PscOptions): boolean => {
  if (options.clientsByPeer.length === 0) return true;
  if (peerKey === undefined) return false;
  const row = options.clientsByPeer.find(({ peer }) => peer === peerKey);
  return row === undefined || row.clients.includes(clientId);
};

export const judgeToken = (facts: TokenFacts, sender: TokenSender, options: PscOptions): PolicyVerdict => {
  const { policy, whenAbsent } = options.binding;
  const binding = policy === 'off' ? undefined : compareBinding(facts.confirmation, sender.peerCertificate);
  const flag = binding === undefined ? {} : { binding };
  const isUnbound = binding === 'mismatch' || (binding === 'absent' && whenAbsent === 'refuse');
  if (policy === 'enforce' && isUnbound) return { ...refused('trust/token-binding-refused'), ...flag };
  if (!isClientAllowed(facts.clientId, sender.peerKey, options)) {
    return { ...refused('trust/token-client-refused'), ...flag };
  }
  const role = chooseRole(facts.roles, options.professions);
  if (role === undefined && options.professions !== undefined) {
    return { ...refused('trust/token-profession-refused'), ...flag };
  }
  return { kind: 'passed', ...(role === undefined ? {} : { role }), ...flag };
};
