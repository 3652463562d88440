/**
 * The DMP as the rest of the sidecar sees it: publish, find, delete, check. Nothing is retried here.
 */
import { asDrimboxError, DrimboxError } from '../errors.ts';
import { exchange, type DmpPorts, serviceUrl } from './exchange.ts';
import type { DmpOptions } from './options.ts';
import { buildProvideAndRegister } from './provide-and-register.ts';
import { asQueryError, buildGetDocuments, type EntryLookup, readEntryLookup } from './registry-stored-query.ts';
import { readOutcome, type RegistryOutcome } from './registry-response.ts';
import { type CertificateSummary, type DmpStructure, findStructure, loadStructures } from './structures.ts';
import type { Submission } from './submission.ts';
import { buildUpdateDocumentSet, type Deletion } from './update-document-set.ts';
import type { VihfSubject } from './vihf.ts';

/** What answered, and how far its clock is from ours. */
export interface Reachability {
  readonly structureId: string;
  readonly httpStatus: number;
  /** Date header, as written. */
  readonly serverDate?: string;
  /** Theirs minus ours; a Date header has whole seconds, so under 1 s means nothing. */
  readonly clockDifferenceMs?: number;
}

export interface DmpClient {
  /**
   * Publishes, or replaces when `replacesEntryUuid` is given (TD2.1). Transaction order: ask, then replace.
   *
   * @throws publication/structure-unconfigured; transient: dmp/unreachable, dmp/unavailable; ambiguous: dmp/timeout,
   *         dmp/connection-lost, dmp/answer-invalid, dmp/server-error; permanent: dmp/tls-refused,
   *         dmp/certificate-refused, dmp/fault, dmp/value-invalid
   */
  provideAndRegister(
    submission: Submission,
    send: { readonly vihf: VihfSubject; readonly replacesEntryUuid?: string },
  ): Promise<RegistryOutcome>;
  /** TD3.1. Never ambiguous: a question can be asked again. @throws as above, and dmp/document-several */
  findEntryUuid(uniqueId: string, vihf: VihfSubject): Promise<EntryLookup>;
  /** TD3.3c. @throws as provideAndRegister */
  deleteDocument(
    deletion: Deletion,
    send: { readonly vihf: VihfSubject; readonly entryUuid: string },
  ): Promise<RegistryOutcome>;
  /** The structure a report's identifier names, in any usual form, with what signs for it. */
  structureFor(id: string): DmpStructure | undefined;
  certificates(): readonly CertificateSummary[];
  /** TLS with the client certificate and one GET, for each structure; any HTTP answer counts. @throws transport codes */
  checkReachable(structureId?: string): Promise<Reachability>;
  /** Connections live as long as their exchange: nothing to wait for. */
  close(): Promise<void>;
}

const unconfigured = (): DrimboxError =>
  new DrimboxError('publication/structure-unconfigured', { detail: 'no certificate for this structure' });

const checkReachable = async (structure: DmpStructure, options: DmpOptions, ports: DmpPorts): Promise<Reachability> => {
  const url = serviceUrl(options.baseUrl, 'registry');
  const { httpStatus, date } = await structure.transport.exchange({ method: 'GET', url });
  const serverAtUtcMs = date === undefined ? Number.NaN : Date.parse(date);
  return {
    structureId: structure.options.id,
    httpStatus,
    ...(date === undefined ? {} : { serverDate: date }),
    ...(Number.isNaN(serverAtUtcMs) ? {} : { clockDifferenceMs: serverAtUtcMs - ports.clock() }),
  };
};

/**
 * Reads the certificates of every structure; opens no connection.
 *
 * @throws dmp/certificate-unreadable
 */
export const createDmpClient = (options: DmpOptions, ports: DmpPorts): DmpClient => {
  const structures = loadStructures(options);
  const structureOf = (vihf: VihfSubject): DmpStructure => {
    const structure = findStructure(structures, vihf.structureId);
    if (structure === undefined) throw unconfigured();
    return structure;
  };
  return {
    provideAndRegister: async (submission, { vihf, replacesEntryUuid }) => {
      const request = buildProvideAndRegister(submission, replacesEntryUuid, options.kosTransferEncoding);
      const { soap, answer } = await exchange(structureOf(vihf), vihf, request, options, ports);
      return readOutcome(soap, 'TD2.1', answer);
    },
    findEntryUuid: async (uniqueId, vihf) => {
      try {
        return readEntryLookup(await exchange(structureOf(vihf), vihf, buildGetDocuments(uniqueId), options, ports));
      } catch (error) {
        throw asQueryError(asDrimboxError(error));
      }
    },
    deleteDocument: async (deletion, { vihf, entryUuid }) => {
      const request = buildUpdateDocumentSet(deletion, entryUuid);
      const { soap, answer } = await exchange(structureOf(vihf), vihf, request, options, ports);
      return readOutcome(soap, 'TD3.3c', answer);
    },
    structureFor: (id) => findStructure(structures, id),
    certificates: () => structures.flatMap((structure) => structure.certificates),
    checkReachable: async (structureId) => {
      const structure = structureId === undefined ? structures[0] : findStructure(structures, structureId);
      if (structure === undefined) throw unconfigured();
      return checkReachable(structure, options, ports);
    },
    close: () => Promise.resolve(),
  };
};
