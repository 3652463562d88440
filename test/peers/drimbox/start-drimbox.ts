/**
 * Another DRIMbox: the trust space that it shares with a site (whitelist, revocation lists, Pro Santé Connect), and its requests,
 * by curl. Every name and secret is invented.
 */
import { execFile } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { X509Certificate } from 'node:crypto';
import { join } from 'node:path';
import { distinguishedNameOf, formatDistinguishedName } from '../../../plugin/trust/index.ts';
import { inventedOrganization } from '../../fixtures/report/build-cda.ts';
import { buildList, signList } from '../../fixtures/trust/whitelist-builder.ts';
import type { Credential } from '../ca/openssl-authority.ts';
import { findFreePort } from '../postgres/index.ts';
import { exampleClients, personas, type Psc, startPsc } from '../psc/index.ts';
import type { TestCa } from '../ca/test-ca.ts';

export interface ImageAnswer {
  readonly status: number;
  readonly headers: ReadonlyMap<string, string>;
  readonly body: Buffer;
}

export interface ImageRequest {
  readonly path: string;
  readonly kos?: string;
  /** Absent: that of a doctor. `''`: none. */
  readonly token?: string;
  /** Absent: the one in the whitelist. `null`: none. */
  readonly certificate?: Credential | null;
  readonly accept?: string;
}

const nameOf = (credential: Credential): string =>
  formatDistinguishedName(distinguishedNameOf(new X509Certificate(readFileSync(credential.certificateFile))));

const parseHead = (text: string): ReadonlyMap<string, string> =>
  new Map(
    text
      .trim()
      .split('\r\n')
      .slice(1)
      .map((line): [string, string] => {
        const colon = line.indexOf(':');
        return [line.slice(0, colon).toLowerCase(), line.slice(colon + 1).trim()];
      }),
  );

export interface TrustedSite {
  readonly ca: TestCa;
  /** Where the site keeps its files; it has a folder `secrets`. */
  readonly folder: string;
  /** Orthanc's StorageDirectory. */
  readonly storageFolder: string;
}

/** @returns parts of the `DrimBox` section of the site, and what asks it for images */
export const startDrimbox = async ({ ca, folder, storageFolder }: TrustedSite) => {
  const structure = ca.structures[inventedOrganization.id];
  if (structure === undefined) throw new Error('the test authority lacks the invented structure');
  const psc: Psc = await startPsc({ ca });
  const secretFile = join(folder, 'secrets', 'psc-secret');
  writeFileSync(secretFile, exampleClients.source.secret, { mode: 0o600 });
  const listFile = join(folder, 'whitelist.xml');
  const domain = `<Domaine><Identifiant>7</Identifiant><db>db7.exemple.fr</db><vi/><Denomination>Exemple</Denomination>
<DNCertificatOperateur>${nameOf(structure.authCli)}</DNCertificatOperateur><DateMAJ>2026-01-02T03:04:05Z</DateMAJ></Domaine>`;
  const generatedAt = new Date(Date.now() - 3_600_000).toISOString().replace(/\.\d+/, '');
  writeFileSync(listFile, signList(buildList({ domains: domain, generatedAt }), structure.sign));
  const issuer = nameOf({ certificateFile: ca.intermediateCertificateFile, keyFile: '' });
  const root = nameOf({ certificateFile: ca.rootCertificateFile, keyFile: '' });
  const { issuer: pscIssuer, introspectionUrl, userinfoUrl, keysUrl } = psc.endpoints;
  const port = await findFreePort();
  const section = {
    Orthanc: { StorageFolder: storageFolder },
    Wado: {
      Host: '127.0.0.1',
      Port: port,
      Certificates: [
        { Name: 'localhost', CertificateFile: structure.ssl.certificateFile, KeyFile: structure.ssl.keyFile },
      ],
    },
    Trust: {
      Peers: { CaFiles: [ca.rootCertificateFile, ca.intermediateCertificateFile] },
      Revocation: {
        Lists: [
          { Issuer: issuer, Files: [ca.crlFile] },
          { Issuer: root, Files: [ca.crlFile] },
        ],
      },
      Whitelist: { File: listFile, SignerDns: [nameOf(structure.sign)], SignerIssuerDns: [issuer] },
      Psc: {
        Environment: 'custom',
        Endpoints: {
          Issuer: pscIssuer,
          IntrospectionUrl: introspectionUrl,
          UserinfoUrl: userinfoUrl,
          KeysUrl: keysUrl,
        },
        ClientId: exampleClients.source.clientId,
        ClientSecretFile: secretFile,
        CaFile: ca.rootCertificateFile,
        ClientsByPeer: [{ Peer: nameOf(structure.authCli), Clients: ['drimbox-conso-exemple'] }],
      },
    },
  };
  const doctor = await psc.mintToken(personas.doctor);

  const ask = ({
    path,
    kos,
    token = doctor,
    certificate = structure.authCli,
    accept,
  }: ImageRequest): Promise<ImageAnswer> =>
    new Promise((resolve, reject) => {
      const headers = [
        ...(token === '' ? [] : [`Authorization: Bearer ${token}`]),
        ...(kos === undefined ? [] : [`KOS-SOPInstanceUID: ${kos}`]),
        `Accept: ${accept ?? 'multipart/related; type="application/dicom"; transfer-syntax=*'}`,
      ];
      const shown = certificate === null ? [] : ['--cert', certificate.certificateFile, '--key', certificate.keyFile];
      const parameters = ['-sik', '-m', '30', ...shown, ...headers.flatMap((one) => ['-H', one])];
      const url = `https://127.0.0.1:${port}${path}`;
      execFile('curl', [...parameters, url], { encoding: 'buffer', maxBuffer: 2 ** 28 }, (error, stdout) => {
        const end = stdout.indexOf('\r\n\r\n');
        if (end < 0) return reject(error ?? new Error('no answer'));
        const head = stdout.subarray(0, end).toString('latin1');
        const status = Number(/^HTTP\/\S+ (\d{3})/.exec(head)?.[1]);
        resolve({ status, headers: parseHead(head), body: stdout.subarray(end + 4) });
      });
    });

  return { section, ask, psc, port, doctor, structure, ca, stop: () => psc.stop() };
};
export type DrimboxPeer = Awaited<ReturnType<typeof startDrimbox>>;
