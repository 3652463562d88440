/** Starts everything, in the order in which a site would, and ends it again. */
import { randomBytes } from 'node:crypto';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { inventedOrganization } from '../../fixtures/report/build-cda.ts';
import { makeCa, type TestCa } from '../ca/make-ca.ts';
import type { TrustedSite } from '../drimbox/index.ts';
import { startOrthanc, type OrthancPeer, type OrthancPeerOptions } from '../orthanc/index.ts';
import { findFreePort } from '../postgres/index.ts';
import { connectRis, type RisConnection } from '../ris/index.ts';
import { copyEmptyStore } from '../../fixtures/store/kept-store.ts';
import { runDrimbox, startSidecar, type SidecarProcess } from './sidecar-process.ts';
import { startStandIn, type StandInProcess } from './stand-in-process.ts';

const project = resolve(import.meta.dirname, '../../..');

export interface SiteOptions {
  /** `embedded` or a `postgres://` URL. */
  readonly store?: string;
  readonly orthanc?: Pick<OrthancPeerOptions, 'version' | 'index' | 'users' | 'configuration'>;
  /** Orthanc's PostgreSQL index, for the SQL reader. */
  readonly indexUrl?: string;
  /** Stands between the sidecar and Orthanc's REST API: Orthanc's port → the port that the sidecar is told. */
  readonly gatePacs?: (httpPort: number) => Promise<number>;
  /** Parts of the `DrimBox` section that replace those below. */
  readonly section?: Readonly<Record<string, unknown>>;
  /** Further parts of the section, once it is known where everything is; those of `Orthanc` are added to its own. */
  readonly prepare?: (place: TrustedSite) => Promise<Readonly<Record<string, unknown>> & { readonly Orthanc?: object }>;
  /** Where everything is kept; a temporary folder, removed at the end, when absent. */
  readonly folder?: string;
}

export interface Site {
  readonly folder: string;
  readonly orthanc: OrthancPeer;
  readonly dmp: StandInProcess;
  readonly ca: TestCa;
  readonly mllpPort: number;
  readonly configFile: string;
  readonly env: Readonly<Record<string, string>>;
  sidecar(): SidecarProcess;
  /** Starts the sidecar again after `sidecar().kill()` or `.stop()`. */
  restartSidecar(): Promise<SidecarProcess>;
  connectRis(timeoutMs?: number): Promise<RisConnection>;
  /** Runs `drimbox …`; JSON of its standard output when there is any. */
  drimbox(...words: readonly string[]): ReturnType<typeof runDrimbox>;
  stop(): Promise<void>;
}

interface Place {
  readonly ca: TestCa;
  readonly dmpUrl: string;
  readonly orthancUrl: string;
  readonly mllpPort: number;
  readonly hookPort: number;
  readonly secretFile: string;
  readonly folder: string;
}

/** The `DrimBox` section of an invented site. */
const sectionOf = (
  place: Place,
  options: SiteOptions,
  prepared: Readonly<Record<string, unknown>> & { readonly Orthanc?: object } = {},
): Record<string, unknown> => {
  const { Orthanc: orthanc = {}, ...more } = prepared;
  const credentials = place.ca.structures[inventedOrganization.id];
  if (credentials === undefined) throw new Error('the test authority lacks the invented structure');
  return {
    Environment: 'test',
    RetrieveUrlBase: 'https://db.exemple.invalid/drimbox',
    Store: { Folder: join(place.folder, 'store') },
    Orthanc: {
      Url: place.orthancUrl,
      ...(options.indexUrl === undefined ? {} : { IndexUrl: options.indexUrl }),
      Hook: { Host: '127.0.0.1', Port: place.hookPort, SecretFile: place.secretFile },
      ...orthanc,
    },
    Hl7: { Listeners: [{ Host: '127.0.0.1', Port: place.mllpPort }] },
    Dmp: {
      BaseUrl: place.dmpUrl,
      CaFile: place.ca.chainFile,
      SourceId: '1.2.250.1.999999.30.1',
      Lps: { HomologationNumber: 'EXEMPLE-0001' },
      Structures: [
        {
          Id: inventedOrganization.id,
          Name: inventedOrganization.name,
          AuthCertificateFile: credentials.authCli.certificateFile,
          AuthKeyFile: credentials.authCli.keyFile,
          SignCertificateFile: credentials.sign.certificateFile,
          SignKeyFile: credentials.sign.keyFile,
          Sector: 'SA08',
        },
      ],
    },
    Publication: {
      StabilitySeconds: 1,
      AmbiguousDelaySeconds: 1,
      RetryFirstDelaySeconds: 1,
      RetryMaxDelayMinutes: 0.05,
    },
    ...more,
    ...options.section,
  };
};

export const startSite = async (options: SiteOptions = {}): Promise<Site> => {
  const folder = options.folder ?? mkdtempSync(join(tmpdir(), 'drimbox-site-'));
  mkdirSync(join(folder, 'secrets'), { recursive: true });
  mkdirSync(join(folder, 'dmp'), { recursive: true });
  const secretFile = join(folder, 'secrets', 'hook-secret');
  writeFileSync(secretFile, randomBytes(24).toString('hex'), { mode: 0o600 });
  const caFolder = join(project, '.cache/ca-site');
  const ca = await makeCa(caFolder, { structures: [inventedOrganization] });
  const [mllpPort, hookPort] = [await findFreePort(), await findFreePort()];
  const dmp = await startStandIn({ folder: join(folder, 'dmp'), caFolder });
  const orthanc = await startOrthanc({ ...options.orthanc, hook: { host: '127.0.0.1', port: hookPort, secretFile } });
  const gatePort = await options.gatePacs?.(orthanc.httpPort);
  const orthancUrl = gatePort === undefined ? orthanc.url : `http://127.0.0.1:${gatePort}`;
  const place = { ca, dmpUrl: dmp.baseUrl, orthancUrl, mllpPort, hookPort, secretFile, folder };
  const prepared = await options.prepare?.({ ca, folder, storageFolder: join(orthanc.folder, 'storage') });
  const configFile = join(folder, 'drimbox.json');
  writeFileSync(configFile, JSON.stringify({ DrimBox: sectionOf(place, options, prepared) }, undefined, 2));
  const env: Record<string, string> = { DRIMBOX_STORE: options.store ?? 'embedded' };
  if (options.folder === undefined && env['DRIMBOX_STORE'] === 'embedded') await copyEmptyStore(join(folder, 'store'));
  const start = (): Promise<SidecarProcess> => startSidecar({ folder, configFile, env });
  let sidecar = await start();
  return {
    folder,
    orthanc,
    dmp,
    ca,
    mllpPort,
    configFile,
    env,
    sidecar: () => sidecar,
    restartSidecar: async () => {
      sidecar = await start();
      return sidecar;
    },
    connectRis: (timeoutMs = 20_000) => connectRis({ port: mllpPort, timeoutMs }),
    drimbox: (...words) => runDrimbox(words, { configFile, env }),
    stop: async () => {
      await sidecar.stop();
      await orthanc.stop();
      await dmp.stop();
      if (options.folder === undefined) rmSync(folder, { recursive: true, force: true });
    },
  };
};
