/**
 * Options of signing in: which Pro Santé Connect and which FranceConnect+, and as whom this site is known there.
 *
 * @see facts/identity.md 1.1–1.3, 3.1–3.3, 3.5
 */
import { z } from 'zod';
import { sessionOptions } from './session-options.ts';

const httpsUrl = z.url({ protocol: /^https$/ });
const milliseconds = (minimum: number, maximum: number) => z.int().min(minimum).max(maximum);
const file = z.string().min(1);

/** How both services are reached, and how long what they gave is good. */
const exchangeOptions = (clockToleranceMs: number) => ({
  caFile: file.optional().describe('Authorities of the servers of the service, PEM; absent: those Node trusts'),
  connectTimeoutMs: milliseconds(100, 60_000).default(3_000),
  timeoutMs: milliseconds(100, 60_000).default(10_000).describe('Of one whole exchange'),
  maxAnswerBytes: z.int().min(1024).max(16_777_216).default(262_144),
  clockToleranceMs: milliseconds(0, 300_000)
    .default(clockToleranceMs)
    .describe('On the dates of tokens: the difference between their clock and ours'),
  metadataRefreshMs: milliseconds(60_000, 86_400_000)
    .default(3_600_000)
    .describe('How long the discovery document and the keys are good'),
  metadataMaxAgeMs: milliseconds(60_000, 604_800_000)
    .default(86_400_000)
    .describe('How long old ones still serve while the service does not give new ones'),
});

const customAddresses = {
  issuer: httpsUrl.optional().describe('Only with environment `custom`: issuers are pinned'),
  discoveryUrl: httpsUrl.optional().describe('Only with environment `custom`: the whole address of the document'),
};

interface Addressed {
  readonly environment: string;
  readonly issuer?: string | undefined;
  readonly discoveryUrl?: string | undefined;
}

const addressFault = ({ environment, issuer, discoveryUrl }: Addressed): string | undefined => {
  const hasBoth = issuer !== undefined && discoveryUrl !== undefined;
  const hasNone = issuer === undefined && discoveryUrl === undefined;
  if (environment === 'custom' && !hasBoth) return '`custom` needs an issuer and a discoveryUrl';
  if (environment !== 'custom' && !hasNone)
    return 'the addresses are those of the environment; only `custom` names them';
  return undefined;
};

/** Signatures of tokens; symmetric ones and `none` never are. */
const signatures = ['RS256', 'RS384', 'RS512', 'PS256', 'PS384', 'PS512', 'ES256', 'ES384'] as const;

export const pscSignInOptions = z
  .strictObject({
    environment: z.enum(['bas', 'production', 'custom']).describe('`bas` with Environment test'),
    ...customAddresses,
    clientId: z.string().min(1).max(256).describe('Our client at Pro Santé Connect'),
    clientSecretFile: file.optional().describe('client_secret_basic (community space)'),
    certificateFile: file.optional().describe('tls_client_auth (trust space): ORG AUTH_CLI certificate, PEM'),
    keyFile: file.optional().describe('Its private key, PEM without passphrase'),
    scope: z
      .string()
      .regex(/^openid( [!-~]+)*$/)
      .default('openid scope_all'),
    acceptedLevels: z
      .array(z.enum(['eidas1', 'eidas2', 'eidas3']))
      .min(1)
      .default(['eidas1', 'eidas2', 'eidas3'])
      .describe('Values of `acr` that let in; eidas1 is asked for'),
    algorithms: z.array(z.enum(signatures)).min(1).default(['RS256', 'PS256', 'ES256']),
    ...exchangeOptions(30_000),
  })
  .superRefine((options, context) => {
    const fault = (key: string, message: string): void => context.addIssue({ code: 'custom', message, path: [key] });
    const address = addressFault(options);
    if (address !== undefined) fault('issuer', address);
    const hasCertificate = options.certificateFile !== undefined;
    if (hasCertificate !== (options.keyFile !== undefined)) fault('keyFile', 'a certificate and its key go together');
    if (hasCertificate === (options.clientSecretFile !== undefined)) {
      fault('clientSecretFile', 'either a secret or a certificate with its key');
    }
  });
export type PscSignInOptions = z.output<typeof pscSignInOptions>;

const isJsonObject = (text: string): boolean => {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null && !Array.isArray(value);
  } catch {
    return false;
  }
};

const fqdn = z.string().regex(/^[a-z0-9-]+(\.[a-z0-9-]+)*$/, 'a host name in lower case, without port');

const franceConnectClient = z.strictObject({
  hosts: z.array(fqdn).min(1).describe('Names (`viN…`) whose visitors sign in by this client'),
  clientId: z.string().min(1).max(256).describe('Given by the Datapass of the structure behind these names'),
  clientSecretFile: file.describe('client_secret_post'),
});

export const franceConnectOptions = z
  .strictObject({
    environment: z.enum(['integration', 'production', 'custom']).describe('`integration` with Environment test'),
    ...customAddresses,
    clients: z.array(franceConnectClient).min(1),
    encryptionKeyFiles: z
      .array(file)
      .min(1)
      .describe(
        'Private keys, PEM, newest first: EC P-256 (ECDH-ES) or RSA (RSA-OAEP-256). The older ones still decrypt',
      ),
    scope: z
      .string()
      .regex(/^openid( [!-~]+)*$/)
      .default('openid rnipp_identite_pivot identite_pivot')
      .describe('Each one must be granted by the Datapass'),
    claims: z.string().refine(isJsonObject, 'a JSON object').optional().describe('Parameter `claims`, as JSON text'),
    level: z.enum(['eidas2', 'eidas3']).default('eidas2').describe('Asked for; a higher one is accepted'),
    pkce: z
      .boolean()
      .default(false)
      .describe('FranceConnect+ does not document PKCE, and versions of it refuse parameters they do not know'),
    ...exchangeOptions(10_000),
  })
  .superRefine((options, context) => {
    const fault = (key: string, message: string): void => context.addIssue({ code: 'custom', message, path: [key] });
    const address = addressFault(options);
    if (address !== undefined) fault('issuer', address);
    const hosts = options.clients.flatMap((client) => client.hosts);
    if (new Set(hosts).size !== hosts.length) fault('clients', 'a host is named twice');
  });
export type FranceConnectOptions = z.output<typeof franceConnectOptions>;

/** Whoever is absent is not offered. */
export const signInOptions = z.strictObject({
  proSanteConnect: pscSignInOptions.optional().describe('Professionals'),
  franceConnect: franceConnectOptions.optional().describe('Patients'),
  sessions: sessionOptions.prefault({}),
});
export type SignInOptions = z.output<typeof signInOptions>;

/** Where a service says who it is. */
export interface ProviderAddress {
  /** Pinned: compared with the document, with every token and with `iss` of the answer. */
  readonly issuer: string;
  readonly discoveryUrl: string;
}

const realm = (host: string): ProviderAddress => {
  const issuer = `https://${host}/auth/realms/esante-wallet`;
  return { issuer, discoveryUrl: `${issuer}/.well-known/wallet-openid-configuration` };
};
const platform = (host: string): ProviderAddress => {
  const issuer = `https://${host}/api/v2`;
  return { issuer, discoveryUrl: `${issuer}/.well-known/openid-configuration` };
};

/** facts/identity.md 1.1 and 3.1, read in 2026. */
const addresses: Readonly<Record<'bas' | 'integration' | 'pscProduction' | 'fcProduction', ProviderAddress>> = {
  bas: realm('auth.bas.psc.esante.gouv.fr'),
  pscProduction: realm('auth.esw.esante.gouv.fr'),
  integration: platform('auth.integ01.dev-franceconnect.fr'),
  fcProduction: platform('auth.franceconnect.gouv.fr'),
};

const customAddress = ({ issuer = '', discoveryUrl = '' }: Addressed): ProviderAddress => ({ issuer, discoveryUrl });

export const pscAddress = (options: PscSignInOptions): ProviderAddress => {
  switch (options.environment) {
    case 'bas':
      return addresses.bas;
    case 'production':
      return addresses.pscProduction;
    case 'custom':
      return customAddress(options);
  }
};

export const franceConnectAddress = (options: FranceConnectOptions): ProviderAddress => {
  switch (options.environment) {
    case 'integration':
      return addresses.integration;
    case 'production':
      return addresses.fcProduction;
    case 'custom':
      return customAddress(options);
  }
};
