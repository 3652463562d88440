/**
 * A real Orthanc in a folder of its own: Debian 12's (1.10) or, in its chroot, Debian 13's (1.12).
 *
 * On failure its log stays in the folder named by the error.
 */
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Agent, request } from 'undici';
import { findFreePort, startTethered, type TetheredProcess } from '../postgres/index.ts';

export type OrthancVersion = '1.10' | '1.12';
export type OrthancLevel = 'patients' | 'studies' | 'series' | 'instances';

export interface OrthancPeerOptions {
  readonly version?: OrthancVersion;
  /** `postgres` keeps the index there; files stay in the folder. */
  readonly index?: 'sqlite' | { readonly postgresUrl: string };
  /** Loads orthanc-config/drimbox.py, which tells this sidecar. */
  readonly hook?: { readonly host: string; readonly port: number; readonly secretFile: string };
  readonly aet?: string;
  /** Name → AE title, host, port: Orthanc's DicomModalities. */
  readonly modalities?: Readonly<Record<string, readonly [string, string, number]>>;
  /** With passwords, as `RegisteredUsers`: everybody else gets 401. */
  readonly users?: Readonly<Record<string, string>>;
  /** Loads Debian's DICOMweb plugin. */
  readonly dicomWeb?: boolean;
  /** Further keys of Orthanc's configuration; they win. */
  readonly configuration?: Readonly<Record<string, unknown>>;
}

export interface StoredFile {
  readonly instanceId: string;
  readonly seriesId: string;
  readonly studyId: string;
  readonly patientId: string;
  readonly status: string;
}

export interface OrthancPeer {
  /** `http://127.0.0.1:port` */
  readonly url: string;
  readonly httpPort: number;
  readonly dicomPort: number;
  readonly aet: string;
  readonly pid: number;
  /** Where it keeps configuration, files and log. */
  readonly folder: string;
  readonly version: OrthancVersion;
  storeFile(bytes: Uint8Array): Promise<StoredFile>;
  /** Four at a time. */
  storeFiles(files: Iterable<Uint8Array>): Promise<readonly StoredFile[]>;
  remove(level: OrthancLevel, orthancId: string): Promise<void>;
  removeEverything(): Promise<void>;
  call(
    method: 'GET' | 'POST' | 'PUT' | 'DELETE',
    path: string,
    body?: unknown,
  ): Promise<{ status: number; text: string }>;
  getJson<T = unknown>(path: string): Promise<T>;
  log(): string;
  hasEnded(): boolean;
  /** 0 after a stop in good order. */
  exitStatus(): number | undefined;
  /** SIGTERM; answers how long it took in milliseconds. Removes the folder. */
  stop(options?: { readonly keepFolder?: boolean; readonly forceAfterMs?: number }): Promise<number>;
  /** SIGKILL. Keeps the folder, so that `restart` can follow. */
  kill(): Promise<void>;
  /** SIGKILL and no trace left: the quick end of a test (a stop in good order takes Orthanc 3.5 s). */
  discard(): Promise<void>;
  /** Starts it again on the same folder and ports. */
  restart(): Promise<OrthancPeer>;
}

const project = resolve(import.meta.dirname, '../../..');
const plugins = '/usr/share/orthanc/plugins';
const hookScript = join(project, 'orthanc-config/drimbox.py');
const secondOrthanc = join(project, 'scripts/orthanc-1.12');

/** Whether this machine can run that version; the second one is brought by `scripts/setup --orthanc 1.12`. */
export const isOrthancHere = (version: OrthancVersion): boolean =>
  version === '1.10'
    ? existsSync('/usr/sbin/Orthanc')
    : existsSync(join(project, '.cache/orthanc-1.12/etc/drimbox-recipe')) && process.getuid?.() === 0;

const postgresSection = (postgresUrl: string): Record<string, unknown> => {
  const url = new URL(postgresUrl);
  return {
    EnableIndex: true,
    EnableStorage: false,
    Host: url.hostname,
    Port: Number(url.port),
    Database: decodeURIComponent(url.pathname.slice(1)),
    Username: decodeURIComponent(url.username),
    Password: decodeURIComponent(url.password),
    Lock: false,
    MaximumConnectionRetries: 3,
    ConnectionRetryInterval: 1,
  };
};

const buildConfiguration = (
  options: OrthancPeerOptions,
  place: { folder: string; httpPort: number; dicomPort: number; aet: string },
): Record<string, unknown> => ({
  Name: 'DRIMBOX-TEST',
  StorageDirectory: join(place.folder, 'storage'),
  IndexDirectory: join(place.folder, 'storage'),
  HttpPort: place.httpPort,
  DicomPort: place.dicomPort,
  DicomAet: place.aet,
  DicomModalities: options.modalities ?? {},
  RemoteAccessAllowed: options.users !== undefined,
  AuthenticationEnabled: options.users !== undefined,
  ...(options.users === undefined ? {} : { RegisteredUsers: options.users }),
  StableAge: 1,
  StorageCompression: false,
  SaveJobs: false,
  CheckRevisions: false,
  Plugins: [
    ...(typeof options.index === 'object' ? [`${plugins}/libOrthancPostgreSQLIndex.so`] : []),
    ...(options.dicomWeb === true ? [`${plugins}/libOrthancDicomWeb.so`] : []),
    ...(options.hook === undefined ? [] : [`${plugins}/libOrthancPython.so`]),
  ],
  ...(typeof options.index === 'object' ? { PostgreSQL: postgresSection(options.index.postgresUrl) } : {}),
  ...(options.hook === undefined
    ? {}
    : {
        PythonScript: hookScript,
        DrimBox: {
          Orthanc: {
            Hook: { Host: options.hook.host, Port: options.hook.port, SecretFile: options.hook.secretFile },
          },
        },
      }),
  ...options.configuration,
});

const launch = async (options: OrthancPeerOptions, folder: string): Promise<TetheredProcess> => {
  const binds = options.hook === undefined ? [] : ['--bind', dirname(options.hook.secretFile)];
  const config = join(folder, 'orthanc.json');
  return await startTethered({
    command: options.version === '1.12' ? [secondOrthanc, ...binds, config] : ['/usr/sbin/Orthanc', config],
    logFile: join(folder, 'orthanc.log'),
    env: { TCP_NODELAY: '1', TCP_BUFFER_LENGTH: '131072', MALLOC_ARENA_MAX: '5' },
    stopSignal: 'TERM',
  });
};

const authorization = (users: OrthancPeerOptions['users']): Record<string, string> => {
  const first = Object.entries(users ?? {})[0];
  return first === undefined ? {} : { authorization: `Basic ${Buffer.from(first.join(':')).toString('base64')}` };
};

const isReady = async (server: TetheredProcess, url: string): Promise<boolean> => {
  for (let attempt = 0; attempt < 600 && !server.hasEnded(); attempt += 1) {
    try {
      const { statusCode, body } = await request(`${url}/system`);
      await body.dump();
      // 401 is an answer too.
      if (statusCode < 500) return true;
    } catch {
      // Not listening yet.
    }
    await sleep(50);
  }
  return false;
};

const bindPeer = (
  server: TetheredProcess,
  options: OrthancPeerOptions,
  place: { folder: string; httpPort: number; dicomPort: number; aet: string },
): OrthancPeer => {
  const url = `http://127.0.0.1:${place.httpPort}`;
  const agent = new Agent({ connections: 8, keepAliveTimeout: 500 });
  const send = async (method: string, path: string, body?: Uint8Array | string) => {
    const answer = await request(`${url}${path}`, {
      dispatcher: agent,
      method: method as 'GET',
      headers: authorization(options.users),
      ...(body === undefined ? {} : { body }),
    });
    return { status: answer.statusCode, text: await answer.body.text() };
  };
  const ok = async (method: string, path: string, body?: Uint8Array | string): Promise<string> => {
    const { status, text } = await send(method, path, body);
    if (status >= 300) throw new Error(`${method} ${path}: ${status} ${text.slice(0, 500)}`);
    return text;
  };
  const storeFile = async (bytes: Uint8Array): Promise<StoredFile> => {
    const answer = JSON.parse(await ok('POST', '/instances', bytes)) as Record<string, string>;
    return {
      instanceId: answer['ID'] ?? '',
      seriesId: answer['ParentSeries'] ?? '',
      studyId: answer['ParentStudy'] ?? '',
      patientId: answer['ParentPatient'] ?? '',
      status: answer['Status'] ?? '',
    };
  };
  const remove = async (level: OrthancLevel, orthancId: string): Promise<void> => {
    await ok('DELETE', `/${level}/${orthancId}`);
  };
  return {
    url,
    ...place,
    pid: server.pid,
    version: options.version ?? '1.10',
    storeFile,
    storeFiles: async (files) => {
      const stored: StoredFile[] = [];
      const waiting = files[Symbol.iterator]();
      const work = async (): Promise<void> => {
        for (let next = waiting.next(); next.done !== true; next = waiting.next())
          stored.push(await storeFile(next.value));
      };
      await Promise.all([work(), work(), work(), work()]);
      return stored;
    },
    remove,
    removeEverything: async () => {
      for (const id of JSON.parse(await ok('GET', '/patients')) as string[]) await remove('patients', id);
    },
    call: (method, path, body) => send(method, path, body === undefined ? undefined : JSON.stringify(body)),
    getJson: async <T>(path: string) => JSON.parse(await ok('GET', path)) as T,
    log: () => server.log(),
    hasEnded: () => server.hasEnded(),
    exitStatus: () => server.exitStatus(),
    stop: async ({ keepFolder = false, forceAfterMs = 30_000 } = {}) => {
      await agent.close();
      const tookMs = await server.stop(forceAfterMs);
      if (!keepFolder) rmSync(place.folder, { recursive: true, force: true });
      return tookMs;
    },
    kill: async () => {
      await agent.destroy();
      await server.kill();
    },
    discard: async () => {
      await agent.destroy();
      await server.kill();
      rmSync(place.folder, { recursive: true, force: true });
    },
    restart: async () => {
      const again = await launch(options, place.folder);
      if (!(await isReady(again, url))) throw new Error(`Orthanc did not start again; see ${place.folder}/orthanc.log`);
      return bindPeer(again, options, place);
    },
  };
};

/** @throws Error when it does not start; the log is kept */
export const startOrthanc = async (options: OrthancPeerOptions = {}): Promise<OrthancPeer> => {
  const folder = mkdtempSync(join(tmpdir(), 'drimbox-orthanc-'));
  mkdirSync(join(folder, 'storage'));
  // A free port may be taken before Orthanc listens on it.
  for (let attempt = 0; attempt < 3; attempt += 1) {
    const place = {
      folder,
      httpPort: await findFreePort(),
      dicomPort: await findFreePort(),
      aet: options.aet ?? 'ORTHANC',
    };
    writeFileSync(join(folder, 'orthanc.json'), JSON.stringify(buildConfiguration(options, place), undefined, 2));
    const server = await launch(options, folder);
    if (await isReady(server, `http://127.0.0.1:${place.httpPort}`)) return bindPeer(server, options, place);
    await server.kill();
  }
  throw new Error(`Orthanc did not start; see ${folder}/orthanc.log`);
};
