/**
 * The service of images alone, in a process of its own: what it takes of memory and time is nobody else's. Peers and
 * professionals are taken at their word: the order of checks, the archive, the audit and the images are the real ones.
 *
 * Started by `images.ts` with one word of JSON; writes one line of JSON when it listens, and ends with its standard input.
 */
import { randomBytes, randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { createServer, type RequestListener, type Server } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { createLoadServing } from '../../plugin/archive/index.ts';
import { createAudit } from '../../plugin/audit/index.ts';
import { createMemoryLender } from '../../plugin/lent-memory.ts';
import {
  createOrthancClient,
  createRestFileIndex,
  createSqlFileIndex,
  createStoredFiles,
  orthancOptions,
} from '../../plugin/orthanc/index.ts';
import { createTranscoder, openRenditionCache, renditionOptions } from '../../plugin/renditions/index.ts';
import { openStore } from '../../plugin/store/index.ts';
import {
  createAdmission,
  createImageServing,
  createMetadataServing,
  createOrthancImages,
  createRetrieveService,
  createWorkshop,
} from '../../plugin/wado/index.ts';

export interface ImageServerOrder {
  readonly orthancUrl: string;
  /** Of Orthanc: holds `storage`. */
  readonly orthancFolder: string;
  /** Orthanc's PostgreSQL index, where names of files are read. */
  readonly indexUrl?: string;
  /** The archive, where the studies are published. */
  readonly store: { readonly url: string; readonly folder: string };
  readonly threads: number;
  /** Renditions are kept here. */
  readonly cacheFolder: string;
  readonly tls: { readonly certificateFile: string; readonly keyFile: string; readonly authorityFile: string };
}

export interface ImageServerReady {
  readonly port: number;
  readonly tlsPort: number;
}

const listen = (server: Server): Promise<number> =>
  new Promise((resolve) => {
    server.listen(0, '127.0.0.1', () => resolve((server.address() as AddressInfo).port));
  });

const order = JSON.parse(process.argv[2] ?? '{}') as ImageServerOrder;
const { threads, indexUrl, tls } = order;
const log = { warn: (fields: object, text: string) => console.error(text, fields) };
const monotonic = (): number => performance.now();
const store = await openStore(order.store);
const options = orthancOptions.parse({ url: order.orthancUrl, hook: { secretFile: '/dev/null' } });
const client = createOrthancClient(options);
const index =
  indexUrl === undefined
    ? createRestFileIndex(client)
    : createSqlFileIndex({ indexUrl, timeoutMs: options.timeoutMs }, { log });
const ports = {
  images: createOrthancImages(
    client,
    createStoredFiles(client, {
      folder: join(order.orthancFolder, 'storage'),
      index,
      clock: Date.now,
      memory: createMemoryLender(64 * 1024 * 1024),
    }),
    monotonic,
  ),
  workshop: createWorkshop({
    transcoder: createTranscoder({ ...renditionOptions.parse({}), threads }),
    cache: await openRenditionCache(
      { folder: order.cacheFolder, maxBytes: 4e9, minFreeBytes: 1e9, isEncrypted: false, software: 'bench' },
      { clock: Date.now, randomBytes, log },
    ),
  }),
  monotonic,
  randomBytes,
  ahead: Math.max(4, threads * 2),
  retrieveUrlBase: 'https://db.exemple.invalid',
};
const answer = createRetrieveService({
  loadServing: createLoadServing(store.knex),
  audit: createAudit({ store, clock: Date.now, log }),
  gate: {
    identifyPeer: () => Promise.resolve({ kind: 'accepted', known: { key: 'bench', subject: 'CN=bench' } }),
    identifyProfessional: () =>
      Promise.resolve({ kind: 'accepted', known: { nationalId: '899900000099', clientId: 'bench' } }),
  },
  admission: createAdmission({ total: 32, perPeer: 32, maxQueued: 32, queueTimeoutMs: 60_000 }, monotonic),
  images: ports.images,
  serveImages: createImageServing(ports),
  serveMetadata: createMetadataServing(ports),
  basePaths: ['/'],
  monotonic,
  newCorrelationId: randomUUID,
  keepEvents: () => undefined,
  log,
});
const listener: RequestListener = (request, response) => void answer(request, response);
const mutual = createTlsServer(
  {
    cert: readFileSync(tls.certificateFile),
    key: readFileSync(tls.keyFile),
    ca: readFileSync(tls.authorityFile),
    requestCert: true,
    rejectUnauthorized: true,
    noDelay: true,
  },
  listener,
);
const ready: ImageServerReady = {
  port: await listen(createServer({ noDelay: true }, listener)),
  tlsPort: await listen(mutual),
};
console.log(JSON.stringify(ready));
process.stdin.on('end', () => void store.close().then(() => process.exit(0))).resume();
