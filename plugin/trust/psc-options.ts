/**
 * Options of Pro Santé Connect as this site meets it when another DRIMbox asks for images.
 *
 * @see facts/identity.md 1.1, 1.3, 1.6, 1.8 · decisions E2, E4
 */
import { z } from 'zod';
import { DrimboxError } from '../errors.ts';

const realm = (host: string) => {
  const issuer = `https://${host}/auth/realms/esante-wallet`;
  const protocol = `${issuer}/protocol/openid-connect`;
  return {
    issuer,
    introspectionUrl: `${protocol}/token/introspect`,
    userinfoUrl: `${protocol}/userinfo`,
    keysUrl: `${protocol}/certs`,
  } as const;
};

/** Where Pro Santé Connect is, and who it says it is. */
export interface PscEndpoints {
  /** Pinned: compared with `iss` of every token, never taken from an answer. */
  readonly issuer: string;
  readonly introspectionUrl: string;
  readonly userinfoUrl: string;
  readonly keysUrl: string;
}

/** `bas` is the test platform of the ANS ("bac à sable"). facts/identity.md 1.1, read in 2026. */
const pscPresets: Readonly<Record<'bas' | 'production', PscEndpoints>> = {
  bas: realm('auth.bas.psc.esante.gouv.fr'),
  production: realm('auth.esw.esante.gouv.fr'),
};

/** Signatures a token may have; symmetric ones and `none` never are. */
const tokenAlgorithms = ['RS256', 'RS384', 'RS512', 'PS256', 'PS384', 'PS512', 'ES256', 'ES384'] as const;

const httpsUrl = z.url({ protocol: /^https$/ });
const milliseconds = (minimum: number, maximum: number) => z.int().min(minimum).max(maximum);

const endpointOptions = z.strictObject({
  issuer: httpsUrl.optional().describe('Only with environment `custom`: the issuers of PSC are pinned'),
  introspectionUrl: httpsUrl.optional(),
  userinfoUrl: httpsUrl.optional(),
  keysUrl: httpsUrl.optional().describe('JWKS'),
});

const bindingOptions = z.strictObject({
  policy: z
    .enum(['off', 'log', 'enforce'])
    .default('log')
    .describe(
      'Whether `cnf` of a token must name the certificate of the peer; a PSC token may name the proxy’s instead',
    ),
  whenAbsent: z.enum(['accept', 'refuse']).default('accept').describe('With `enforce`: a token without `cnf`'),
});

const clientsOfPeer = z.strictObject({
  peer: z.string().min(1).describe('Subject (DN) of the certificate of the peer, as in the whitelist'),
  clients: z.array(z.string().min(1)).min(1).describe('Values of `azp` that it may send'),
});

export const pscOptions = z
  .strictObject({
    environment: z
      .enum(['bas', 'production', 'custom'])
      .describe('`bas` with Environment test, `production` with production; `custom` names every address itself'),
    endpoints: endpointOptions.prefault({}).describe('Other addresses than those of the environment'),
    clientId: z.string().min(1).max(256).describe('Our client at PSC; it must be entitled to introspection'),
    clientSecretFile: z.string().min(1).optional().describe('client_secret_basic (community space)'),
    certificateFile: z
      .string()
      .min(1)
      .optional()
      .describe('tls_client_auth (trust space): ORG AUTH_CLI certificate, PEM; its authorities may follow it'),
    keyFile: z.string().min(1).optional().describe('Its private key, PEM without passphrase'),
    caFile: z.string().min(1).optional().describe('Authorities of PSC’s servers, PEM; absent: those Node trusts'),
    connectTimeoutMs: milliseconds(100, 60_000).default(3_000),
    timeoutMs: milliseconds(100, 60_000).default(5_000).describe('Of one whole exchange with PSC'),
    maxAnswerBytes: z.int().min(1024).default(262_144),
    maxTokenBytes: z.int().min(512).max(65_536).default(16_384),
    clockToleranceMs: milliseconds(0, 300_000).default(30_000).describe('On exp and nbf'),
    algorithms: z
      .array(z.enum(tokenAlgorithms))
      .min(1)
      .default([...tokenAlgorithms]),
    keysRefreshMs: milliseconds(60_000, 86_400_000).default(3_600_000).describe('How long the JWKS is good'),
    keysMaxAgeMs: milliseconds(60_000, 604_800_000)
      .default(86_400_000)
      .describe('How long an old JWKS still serves while PSC does not give a new one'),
    cacheMs: milliseconds(0, 30_000)
      .default(30_000)
      .describe('How long PSC is not asked again about a token it called active; 0: asked each time'),
    refusalCacheMs: milliseconds(0, 10_000).default(2_000).describe('The same for a token it called inactive'),
    cacheEntries: z.int().min(1).max(1_000_000).default(10_000),
    binding: bindingOptions.prefault({}),
    professions: z
      .array(z.string().regex(/^[0-9A-Za-z]+(\^[0-9.]+)?$/))
      .min(1)
      .optional()
      .describe('Codes of SubjectRole, as `10` or `10^1.2.250.1.213.1.1.5.5`; absent: all, known or not'),
    clientsByPeer: z
      .array(clientsOfPeer)
      .default([])
      .describe('Peers that may send tokens of some clients only; a peer not named here may send any'),
    allowOpaqueTokens: z
      .boolean()
      .default(false)
      .describe('Ask PSC about tokens that are not JWT too: nothing is checked before'),
    allowInsecureMissingKeys: z
      .boolean()
      .default(false)
      .describe('INSECURE: without the JWKS, go on to introspection; with it, the signature is checked all the same'),
  })
  .superRefine((options, context) => {
    const fault = (key: string, message: string): void => context.addIssue({ code: 'custom', message, path: [key] });
    const hasCertificate = options.certificateFile !== undefined;
    if (hasCertificate !== (options.keyFile !== undefined)) fault('keyFile', 'a certificate and its key go together');
    if (hasCertificate === (options.clientSecretFile !== undefined)) {
      fault('clientSecretFile', 'either a secret or a certificate with its key');
    }
    const isCustom = options.environment === 'custom';
    if (!isCustom && options.endpoints.issuer !== undefined) {
      fault('endpoints', 'the issuer is that of the environment; only `custom` names one');
    }
    if (isCustom && pscEndpointsOf(options) === undefined) fault('endpoints', '`custom` needs all four addresses');
    const peers = options.clientsByPeer.map(({ peer }) => peer);
    if (new Set(peers).size !== peers.length) fault('clientsByPeer', 'a peer is named twice');
  });

export type PscOptions = z.output<typeof pscOptions>;

const pscEndpointsOf = ({
  environment,
  endpoints,
}: {
  readonly environment: PscOptions['environment'];
  readonly endpoints: z.output<typeof endpointOptions>;
}): PscEndpoints | undefined => {
  const preset = environment === 'custom' ? undefined : pscPresets[environment];
  const issuer = endpoints.issuer ?? preset?.issuer;
  const introspectionUrl = endpoints.introspectionUrl ?? preset?.introspectionUrl;
  const userinfoUrl = endpoints.userinfoUrl ?? preset?.userinfoUrl;
  const keysUrl = endpoints.keysUrl ?? preset?.keysUrl;
  if (issuer === undefined || introspectionUrl === undefined) return undefined;
  if (userinfoUrl === undefined || keysUrl === undefined) return undefined;
  return { issuer, introspectionUrl, userinfoUrl, keysUrl };
};

/**
 * The addresses that the options come to.
 *
 * @throws config/invalid  (never for options that the schema gave)
 */
export const buildPscEndpoints = (options: PscOptions): PscEndpoints => {
  const endpoints = pscEndpointsOf(options);
  if (endpoints !== undefined) return endpoints;
  throw new DrimboxError('config/invalid', { detail: 'Psc.Endpoints: an address is missing' });
};
