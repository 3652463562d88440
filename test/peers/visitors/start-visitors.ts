/**
 * The services where visitors of a site's viewer sign in, and the sections of its configuration that name them. Every name, key
 * and secret is invented.
 */
import { generateKeyPairSync } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { TestCa } from '../ca/test-ca.ts';
import { type FranceConnectStandIn, startFranceConnect } from '../franceconnect/index.ts';
import { findFreePort } from '../postgres/index.ts';
import { type Psc, startPsc } from '../psc/index.ts';

export interface VisitorsSite {
  readonly ca: TestCa;
  /** Where the site keeps its files; it has a folder `secrets`. */
  readonly folder: string;
}

export interface Visitors {
  readonly psc: Psc;
  readonly franceConnect: FranceConnectStandIn;
  /** `https://localhost:port` of the viewer. */
  readonly origin: string;
  /** Parts of the `DrimBox` section of the site. */
  readonly section: { readonly Viewer: object; readonly SignIn: object };
  stop(): Promise<void>;
}

const secrets = { psc: 'secret-exemple-vi-psc-0123456789', franceConnect: 'secret-exemple-vi-fc-0123456789abcdef' };

/** @param more  further keys of `Viewer` */
export const startVisitors = async (
  { ca, folder }: VisitorsSite,
  more: Readonly<Record<string, unknown>> = {},
): Promise<Visitors> => {
  const port = await findFreePort();
  const origin = `https://localhost:${port}`;
  const write = (name: string, text: string | Buffer): string => {
    const file = join(folder, 'secrets', name);
    writeFileSync(file, text, { mode: 0o600 });
    return file;
  };
  const psc = await startPsc({
    ca,
    clients: [
      {
        clientId: 'drimbox-vi-exemple',
        secret: secrets.psc,
        redirectUris: [`${origin}/connexion/psc/retour`],
        postLogoutRedirectUris: [`${origin}/deconnexion`],
        backchannelLogoutUri: `${origin}/connexion/psc/fin`,
      },
    ],
  });
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const key = { ...publicKey.export({ format: 'jwk' }), use: 'enc', alg: 'ECDH-ES' };
  const franceConnect = await startFranceConnect({
    ca,
    clients: [
      {
        clientId: 'drimbox-vi-fc-exemple',
        secret: secrets.franceConnect,
        redirectUris: [`${origin}/connexion/franceconnect/retour`],
        postLogoutRedirectUris: [`${origin}/deconnexion`],
        jwks: { keys: [key] },
      },
    ],
  });
  return {
    psc,
    franceConnect,
    origin,
    section: {
      Viewer: {
        Host: '127.0.0.1',
        Port: port,
        SiteName: 'Centre d’imagerie Exemple',
        Certificates: [{ Name: 'localhost', CertificateFile: ca.server.certificateFile, KeyFile: ca.server.keyFile }],
        ...more,
      },
      SignIn: {
        ProSanteConnect: {
          Environment: 'custom',
          Issuer: psc.issuer,
          DiscoveryUrl: psc.endpoints.discoveryUrl,
          ClientId: 'drimbox-vi-exemple',
          ClientSecretFile: write('vi-psc', secrets.psc),
          CaFile: ca.chainFile,
        },
        FranceConnect: {
          Environment: 'custom',
          Issuer: franceConnect.issuer,
          DiscoveryUrl: franceConnect.discoveryUrl,
          CaFile: ca.chainFile,
          Clients: [
            {
              Hosts: ['localhost'],
              ClientId: 'drimbox-vi-fc-exemple',
              ClientSecretFile: write('vi-fc', secrets.franceConnect),
            },
          ],
          EncryptionKeyFiles: [write('vi-fc.pem', privateKey.export({ type: 'pkcs8', format: 'pem' }))],
        },
      },
    },
    stop: async () => {
      await psc.stop();
      await franceConnect.stop();
    },
  };
};
