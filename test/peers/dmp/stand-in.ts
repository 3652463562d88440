/** The whole stand-in: registry on disk, service, TLS listener, ordered failures. */
import { randomUUID } from 'node:crypto';
import { mkdirSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { loadTrustStore } from './certificate-chain.ts';
import { type Fault, type FaultOrder, FaultOrders } from './fault-orders.ts';
import { HttpsListener } from './https-listener.ts';
import { createPatientDirectory, type PatientRecord } from './patient-directory.ts';
import { DocumentRegistry, type RegistryEntry } from './registry.ts';
import { type LogLine, RequestLog } from './request-log.ts';
import { createSchemaCheck } from './schema-check.ts';
import { DmpService } from './service.ts';
import { servicesPath } from './transactions.ts';

/** The files of the authority the stand-in believes, as `makeCa` names them. */
export interface StandInCa {
  readonly chainFile: string;
  readonly crlFile?: string;
  readonly server: { readonly certificateFile: string; readonly keyFile: string };
}

export interface DmpStandInOptions {
  /** Where entries, documents and the log are kept. */
  readonly folder: string;
  readonly ca: StandInCa;
  /** [a free one] */
  readonly port?: number;
  /** The only patients with a record [every INS under the test OID …1.4.10]. */
  readonly patients?: readonly PatientRecord[];
  /** XSD of the DMP [`../shared/schemas/dmp/schema` beside the project, where present]; null: none. */
  readonly schemaFolder?: string | null;
  /** Refuse what only schemas forbid [true]; false tolerates it, as a DMP did. */
  readonly strictForm?: boolean;
  /** [5 min] */
  readonly maxSkewMs?: number;
  readonly clock?: () => number;
  /** EJ/EG: OU of a certificate → other structures that may speak under it. */
  readonly relatedStructures?: Readonly<Record<string, readonly string[]>>;
}

export interface DmpStandIn {
  /** `https://localhost:PORT/si-dmp-server/v2/services` */
  readonly baseUrl: string;
  readonly port: number;
  /** Whether XSD were found and are used. */
  readonly validatesSchemas: boolean;
  readonly entries: () => readonly RegistryEntry[];
  /** The stored bytes of an entry. */
  readonly documentOf: (entryUuid: string) => Buffer;
  readonly log: () => readonly LogLine[];
  /** Orders a failure; `down` has happened when the promise resolves. */
  readonly order: (fault: Fault, limits?: Omit<FaultOrder, 'fault'>) => Promise<void>;
  /** Forgets every order and listens again. */
  readonly clear: () => Promise<void>;
  /** Takes a document out as somebody else would: the patient, or the operator of the DMP. */
  readonly vanish: (entryUuid: string) => void;
  readonly close: () => Promise<void>;
}

const defaultSchemaFolder = resolve(import.meta.dirname, '../../../../shared/schemas/dmp/schema');

export const startDmpStandIn = async (options: DmpStandInOptions): Promise<DmpStandIn> => {
  const clock = options.clock ?? Date.now;
  mkdirSync(options.folder, { recursive: true });
  const registry = new DocumentRegistry(join(options.folder, 'registry'));
  const log = new RequestLog(options.folder);
  const faults = new FaultOrders();
  const schema = createSchemaCheck(
    options.schemaFolder === undefined ? defaultSchemaFolder : (options.schemaFolder ?? undefined),
  );
  const service = new DmpService({
    ...{ registry, faults, schema, clock, newUuid: randomUUID },
    trust: loadTrustStore(options.ca),
    patients: createPatientDirectory(options.patients),
    maxSkewMs: options.maxSkewMs ?? 300_000,
    strictForm: options.strictForm ?? true,
    relatedStructures: options.relatedStructures ?? {},
  });
  const { chainFile, crlFile, server } = options.ca;
  const files = { ...server, chainFile, ...(crlFile === undefined ? {} : { crlFile }) };
  const listener = new HttpsListener(
    { ...files, port: options.port ?? 0, maxBodyBytes: 64 * 1024 * 1024 },
    service,
    faults,
    log,
    clock,
  );
  await listener.open();
  return {
    baseUrl: `https://localhost:${listener.port}${servicesPath}`,
    port: listener.port,
    validatesSchemas: schema.isAvailable,
    entries: () => registry.entries,
    documentOf: (entryUuid) => registry.documentOf(entryUuid),
    log: () => log.lines,
    order: async (fault, limits = {}) => {
      if (fault.kind === 'down') await listener.close();
      else faults.add({ fault, ...limits });
    },
    clear: async () => {
      faults.clear();
      await listener.open();
    },
    vanish: (entryUuid) => registry.vanish(entryUuid),
    close: () => listener.close(),
  };
};
