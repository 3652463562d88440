/**
 * Typed bindings to Orthanc's REST API; every call only reads.
 */
import { z } from 'zod';
import { DrimboxError } from '../errors.ts';
import { parseStudyInstanceUid, type StudyInstanceUid } from '../standards/index.ts';
import * as answers from './answers.ts';
import { buildAuthorization, openConnection } from './connection.ts';
import { type Download, openDownloads, type WantedBytes } from './downloads.ts';
import { buildKeyObject, type KeyObject } from './key-object.ts';
import { buildObjectIdentity, identityTags, type ObjectIdentity } from './object-identity.ts';
import type { OrthancOptions } from './options.ts';
import { loadSecret } from './secret-file.ts';

export interface OrthancSystem {
  readonly version: string;
  readonly apiVersion: number;
  readonly name: string;
  readonly aet: string;
  readonly databaseVersion: number;
  /** Path of the index plugin; absent with the built-in SQLite. */
  readonly indexPlugin?: string;
  readonly storagePlugin?: string;
  readonly hasExtendedFind: boolean;
}

export interface OrthancStatistics {
  readonly patients: number;
  readonly studies: number;
  readonly series: number;
  readonly instances: number;
}

/**
 * By what a database is recognised (decision D2). Compare like with like: a field that one side lacks says nothing.
 */
export interface DatabaseIdentity {
  /**
   * Drawn by the hook and kept in the database: another database has another one. Absent if, and only if, Orthanc runs
   * without the hook (a hook that cannot read its mark is an error, not an absence).
   */
  readonly marker?: string;
  /** From Orthanc 1.11.1. It names the Orthanc server, so an emptied database keeps it: weaker than the marker. */
  readonly serverIdentifier?: string;
  /**
   * Number of the last change that was ever logged: in one database it never goes backwards, an older copy has a lower one.
   *
   * `Last` of `/changes?last` is another thing: that of the last change still there, and those of a deleted study go with it.
   * Tried on 1.10.1 and 1.12.7, SQLite and PostgreSQL index, all four alike (`since` = `/changes?since=` beyond the end):
   *
   * | after                              | `Last` of `last` | `Last` of `since` |
   * |------------------------------------|------------------|-------------------|
   * | two studies stored, both stable    | 18               | 18                |
   * | the last stored study deleted      | **15**           | 18                |
   * | Orthanc started again              | **15**           | 18                |
   * | everything deleted                 | 18               | 18                |
   * | `DELETE /changes`, kill -9, start  | 18               | 18                |
   */
  readonly lastChange: number;
}

export interface ControlStudy {
  readonly orthancId: string;
  readonly studyInstanceUid: StudyInstanceUid;
}

/** Every method throws orthanc/unreachable, orthanc/timeout, orthanc/refused or orthanc/answer-invalid. */
export interface OrthancClient {
  readonly url: string;
  system(): Promise<OrthancSystem>;
  statistics(): Promise<OrthancStatistics>;
  /** Names of the plugins that are loaded. */
  listPlugins(): Promise<readonly string[]>;
  /** Every Orthanc study under that UID; an empty list is a positive answer. */
  findStudies(uid: StudyInstanceUid): Promise<readonly answers.StudyAnswer[]>;
  /** Series of one Orthanc study, with the ids of their instances; none when the study is gone. */
  listSeries(studyId: string): Promise<readonly answers.SeriesAnswer[]>;
  /** Those of the instances that still exist, in any order. */
  listInstances(instanceIds: readonly string[]): Promise<readonly answers.InstanceAnswer[]>;
  /** All instances of one Orthanc study at once; only where `hasExtendedFind` (one SQL request inside Orthanc). */
  findInstances(studyId: string): Promise<readonly answers.InstanceAnswer[]>;
  /** Read in the stored file. @throws also orthanc/not-found */
  readSopClassUid(instanceId: string): Promise<string>;
  /** @throws also orthanc/not-found */
  readObjectIdentity(instanceId: string): Promise<ObjectIdentity>;
  /** @throws also orthanc/not-found */
  readKeyObject(instanceId: string): Promise<KeyObject>;
  /** Some study that Orthanc has (decision D1); undefined when it has none. */
  findControlStudy(): Promise<ControlStudy | undefined>;
  databaseIdentity(): Promise<DatabaseIdentity>;
  /** undefined when the resource is gone, or its UID is not well formed (no report can name it). */
  resolveStudyOf(level: 'study' | 'series' | 'instance', orthancId: string): Promise<StudyInstanceUid | undefined>;
  /** Bytes of the stored file of an instance, as they come. @throws also orthanc/not-found */
  downloadFile(instanceId: string, wanted: WantedBytes, signal: AbortSignal): Promise<Download>;
  /** Some of all instances, in no order that means anything. */
  listSomeInstanceIds(limit: number): Promise<readonly string[]>;
  close(): Promise<void>;
}

/** Beyond the last change there is none, and Orthanc then tells the counter of its database. */
const changesBeyondTheEnd = `/changes?since=${Number.MAX_SAFE_INTEGER}&limit=1`;

/** 10,000 instances answer about 8 MB in all; tags of one large key object 5 MB. */
const maxAnswerBytes = 64 * 1024 * 1024;

const studyPaths = {
  study: (id: string) => `/studies/${id}`,
  series: (id: string) => `/series/${id}/study`,
  instance: (id: string) => `/instances/${id}/study`,
} as const;

const wellFormedUid = (text: string | undefined): StudyInstanceUid | undefined => {
  try {
    return parseStudyInstanceUid(text ?? '');
  } catch {
    return undefined;
  }
};

const isNotFound = (error: unknown): boolean => error instanceof DrimboxError && error.code === 'orthanc/not-found';

/** A resource that is not there is no failure of the call. */
const orUndefined = async <T>(answer: Promise<T>): Promise<T | undefined> => {
  try {
    return await answer;
  } catch (error) {
    if (isNotFound(error)) return undefined;
    throw error;
  }
};

/** Ids reach a path: nothing but Orthanc's form may. */
const checkId = (orthancId: string): string => {
  if (/^[0-9a-f]{8}(-[0-9a-f]{8}){4}$/.test(orthancId)) return orthancId;
  throw new DrimboxError('orthanc/not-found', { detail: 'not an Orthanc identifier' });
};

/** @throws config/unreadable, config/invalid: the password file */
export const createOrthancClient = (options: OrthancOptions): OrthancClient => {
  const { url, timeoutMs, username } = options;
  const password = options.passwordFile === undefined ? undefined : loadSecret(options.passwordFile);
  const headers = buildAuthorization(username, password);
  const connection = openConnection({ url, timeoutMs, headers, maxAnswerBytes });
  const downloads = openDownloads({ url, timeoutMs, headers });
  const readTags = (instanceId: string): Promise<answers.TagTree> => {
    const path = `/instances/${checkId(instanceId)}/tags?short&ignore-length=${identityTags.join(',')}`;
    return connection.get(path, answers.tagTree, 'resource');
  };
  const bulk = <Shape extends z.ZodType>(ids: readonly string[], level: string, withMetadata: boolean, shape: Shape) =>
    connection.ask('/tools/bulk-content', { Resources: ids, Level: level, Metadata: withMetadata }, shape);
  const readSystem = () => connection.get('/system', answers.systemAnswer);

  return {
    url: options.url,
    system: async () => {
      const answer = await readSystem();
      return {
        version: answer.Version,
        apiVersion: answer.ApiVersion,
        name: answer.Name,
        aet: answer.DicomAet,
        databaseVersion: answer.DatabaseVersion,
        ...(typeof answer.DatabaseBackendPlugin === 'string' ? { indexPlugin: answer.DatabaseBackendPlugin } : {}),
        ...(typeof answer.StorageAreaPlugin === 'string' ? { storagePlugin: answer.StorageAreaPlugin } : {}),
        hasExtendedFind: answer.Capabilities.HasExtendedFind,
      };
    },
    statistics: async () => {
      const answer = await connection.get('/statistics', answers.statisticsAnswer);
      return {
        patients: answer.CountPatients,
        studies: answer.CountStudies,
        series: answer.CountSeries,
        instances: answer.CountInstances,
      };
    },
    listPlugins: () => connection.get('/plugins', z.array(z.string().max(200))),
    findStudies: (uid) =>
      connection.ask(
        '/tools/find',
        { Level: 'Study', CaseSensitive: true, Expand: true, Query: { StudyInstanceUID: uid } },
        z.array(answers.studyAnswer),
      ),
    listSeries: (studyId) => bulk([checkId(studyId)], 'Series', false, z.array(answers.seriesAnswer)),
    listInstances: (ids) => bulk(ids.map(checkId), 'Instance', true, z.array(answers.instanceAnswer)),
    findInstances: (studyId) =>
      connection.ask(
        '/tools/find',
        {
          Level: 'Instance',
          ParentStudy: checkId(studyId),
          Query: {},
          ResponseContent: ['Parent', 'MainDicomTags', 'Metadata'],
        },
        z.array(answers.instanceAnswer),
      ),
    readSopClassUid: async (instanceId) => {
      const value = (await readTags(instanceId))['0008,0016'];
      return typeof value === 'string' ? value : '';
    },
    readObjectIdentity: async (instanceId) => buildObjectIdentity(await readTags(instanceId)),
    readKeyObject: async (instanceId) => buildKeyObject(await readTags(instanceId)),
    findControlStudy: async () => {
      for (const orthancId of await connection.get('/studies?since=0&limit=20', answers.orthancIds)) {
        const study = await orUndefined(connection.get(`/studies/${orthancId}`, answers.studyAnswer, 'resource'));
        const studyInstanceUid = wellFormedUid(study?.MainDicomTags['StudyInstanceUID']);
        if (studyInstanceUid !== undefined) return { orthancId, studyInstanceUid };
      }
      return undefined;
    },
    databaseIdentity: async () => {
      const [system, counter, latest, hook] = await Promise.all([
        readSystem(),
        connection.get(changesBeyondTheEnd, answers.changesAnswer),
        connection.get('/changes?last', answers.changesAnswer),
        orUndefined(connection.get('/drimbox-hook', answers.hookAnswer, 'resource')),
      ]);
      if (hook !== undefined && typeof hook.database !== 'string') {
        throw new DrimboxError('orthanc/answer-invalid', { detail: 'the hook cannot read its mark in the database' });
      }
      return {
        // Two transactions that end at once on PostgreSQL may leave the counter at the lower of their numbers for a moment.
        lastChange: Math.max(counter.Last, latest.Last),
        ...(typeof hook?.database === 'string' ? { marker: hook.database } : {}),
        ...(system.DatabaseServerIdentifier === undefined ? {} : { serverIdentifier: system.DatabaseServerIdentifier }),
      };
    },
    resolveStudyOf: async (level, orthancId) => {
      const path = studyPaths[level](checkId(orthancId));
      const study = await orUndefined(connection.get(path, answers.studyAnswer, 'resource'));
      return wellFormedUid(study?.MainDicomTags['StudyInstanceUID']);
    },
    downloadFile: async (instanceId, wanted, signal) =>
      downloads.start(`/instances/${checkId(instanceId)}/attachments/dicom/data`, wanted, signal),
    listSomeInstanceIds: (limit) => connection.get(`/instances?since=0&limit=${limit}`, answers.orthancIds),
    close: async () => {
      await Promise.all([connection.close(), downloads.close()]);
    },
  };
};
