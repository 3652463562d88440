/**
 * What a service of identity announces, against what we ask of it. A member that it leaves out says nothing.
 *
 * `acr_values_supported` of Pro Santé Connect is not looked at: it is `["0","0"]` whatever it does.
 *
 * @see OpenID Connect Discovery 1.0 §3 · RFC 8414 §2 · facts/identity.md 1.1, 3.2
 */
import type { FranceConnectOptions, PscSignInOptions } from '../sign-in/index.ts';
import type { Shortcoming } from './viewer-facts.ts';

export type DiscoveryDocument = Readonly<Record<string, unknown>>;

interface Need {
  readonly member: string;
  readonly values: readonly string[];
  /** One of the values will do; else each is needed. */
  readonly any?: boolean;
  /** [true] */
  readonly isVital?: boolean;
}

const judge = (document: DiscoveryDocument, { member, values, any, isVital = true }: Need): readonly Shortcoming[] => {
  const announced = document[member];
  if (!Array.isArray(announced)) return [];
  const missing = values.filter((value) => !announced.includes(value));
  const isEnough = any === true ? missing.length < values.length : missing.length === 0;
  return isEnough ? [] : [{ member, wanted: missing, isVital }];
};

/** Without its address nobody is signed out there. */
const judgeLogout = ({ end_session_endpoint: address }: DiscoveryDocument): readonly Shortcoming[] =>
  typeof address === 'string' ? [] : [{ member: 'end_session_endpoint', wanted: [], isVital: false }];

const codeFlow: readonly Need[] = [
  { member: 'response_types_supported', values: ['code'] },
  { member: 'grant_types_supported', values: ['authorization_code'] },
];
const pkce: Need = { member: 'code_challenge_methods_supported', values: ['S256'] };
const scopes = (scope: string): Need => ({
  member: 'scopes_supported',
  values: scope.split(' '),
  isVital: false,
});

export const shortcomingsOfPsc = (document: DiscoveryDocument, options: PscSignInOptions): readonly Shortcoming[] => {
  const authentication = options.clientSecretFile === undefined ? 'tls_client_auth' : 'client_secret_basic';
  const needs: readonly Need[] = [
    ...codeFlow,
    pkce,
    { member: 'token_endpoint_auth_methods_supported', values: [authentication] },
    { member: 'id_token_signing_alg_values_supported', values: options.algorithms, any: true },
    scopes(options.scope),
  ];
  const tellsOfLogout = document['backchannel_logout_supported'] !== false;
  return [
    ...needs.flatMap((need) => judge(document, need)),
    ...judgeLogout(document),
    ...(tellsOfLogout ? [] : [{ member: 'backchannel_logout_supported', wanted: ['true'], isVital: false }]),
  ];
};

/** @param keyAlgorithms  of our encryption keys: the one that FranceConnect+ was told in the Datapass is among them */
export const shortcomingsOfFranceConnect = (
  document: DiscoveryDocument,
  options: FranceConnectOptions,
  keyAlgorithms: readonly string[],
): readonly Shortcoming[] => {
  const needs: readonly Need[] = [
    ...codeFlow,
    ...(options.pkce ? [pkce] : []),
    { member: 'token_endpoint_auth_methods_supported', values: ['client_secret_post'] },
    { member: 'acr_values_supported', values: [options.level] },
    ...['id_token', 'userinfo'].flatMap((token): readonly Need[] => [
      { member: `${token}_signing_alg_values_supported`, values: ['ES256'] },
      { member: `${token}_encryption_alg_values_supported`, values: keyAlgorithms, any: true },
      { member: `${token}_encryption_enc_values_supported`, values: ['A256GCM'] },
    ]),
    scopes(options.scope),
  ];
  const takesClaims = options.claims === undefined || document['claims_parameter_supported'] !== false;
  return [
    ...needs.flatMap((need) => judge(document, need)),
    ...judgeLogout(document),
    ...(takesClaims ? [] : [{ member: 'claims_parameter_supported', wanted: ['true'], isVital: false }]),
  ];
};
