/**
 * Reads studies in the tables of Orthanc's PostgreSQL index: three queries on one snapshot, whatever their number and size.
 */
import { DrimboxError } from '../errors.ts';
import { checkIndexSchema, MetadataType, ResourceType } from './index-schema.ts';
import { openIndexPool, type IndexPoolPorts, type Query, type Rows } from './index-pool.ts';
import {
  buildStudyContent,
  failedLookup,
  type SeriesRow,
  type StudyIndex,
  type StudyLookup,
  type StudyLookupOfMany,
} from './study-content.ts';
import type { StudyInstanceUid } from '../standards/index.ts';
import { loadSecret } from './secret-file.ts';

export interface SqlStudyIndexOptions {
  /** `postgres://role@host:port/database`, without password. */
  readonly indexUrl: string;
  readonly indexPasswordFile?: string | undefined;
  readonly timeoutMs: number;
}

export interface SqlStudyIndexPorts extends IndexPoolPorts {
  /** For instances without the metadata: reads the stored file (`OrthancClient.readSopClassUid`). */
  readSopClassUid(instanceId: string): Promise<string>;
}

/** `taggroup * 65536 + tagelement` → keyword, of the tags that a study's content is made of. */
const keywords: Readonly<Record<number, string>> = {
  0x00080018: 'SOPInstanceUID',
  0x00080020: 'StudyDate',
  0x00080030: 'StudyTime',
  0x00080050: 'AccessionNumber',
  0x00080060: 'Modality',
  0x00080080: 'InstitutionName',
  0x00080090: 'ReferringPhysicianName',
  0x00081030: 'StudyDescription',
  0x0008103e: 'SeriesDescription',
  0x00100010: 'PatientName',
  0x00100020: 'PatientID',
  0x00100030: 'PatientBirthDate',
  0x00100040: 'PatientSex',
  0x00180015: 'BodyPartExamined',
  0x0020000d: 'StudyInstanceUID',
  0x0020000e: 'SeriesInstanceUID',
  0x00200010: 'StudyID',
  0x00200011: 'SeriesNumber',
  0x00200013: 'InstanceNumber',
  0x00280008: 'NumberOfFrames',
};

/** `dicomidentifiers` is the indexed, upper-case copy: the exact value is checked on `maindicomtags`. */
const studiesSql = `
  SELECT i.value AS parent, r.internalid::text AS key, r.publicid AS id, t.taggroup, t.tagelement, t.value, m.value AS updated
  FROM dicomidentifiers i
  JOIN resources r ON r.internalid = i.id AND r.resourcetype = ${ResourceType.study}
  LEFT JOIN metadata m ON m.id = r.internalid AND m.type = ${MetadataType.lastUpdate}
  LEFT JOIN maindicomtags t ON t.id = r.internalid
  WHERE i.taggroup = 32 AND i.tagelement = 13 AND i.value = ANY($1::text[])`;

const seriesSql = `
  SELECT r.parentid::text AS parent, r.internalid::text AS key, r.publicid AS id, t.taggroup, t.tagelement, t.value
  FROM resources r
  LEFT JOIN maindicomtags t ON t.id = r.internalid
  WHERE r.parentid = ANY($1::bigint[]) AND r.resourcetype = ${ResourceType.series}`;

const tagOf = (alias: string, group: number, element: number): string =>
  `LEFT JOIN maindicomtags ${alias} ON ${alias}.id = r.internalid AND ${alias}.taggroup = ${group} AND ${alias}.tagelement = ${element}`;

const instancesSql = `
  SELECT r.parentid::text AS parent, r.publicid AS id, m.value AS class, u.value AS uid, n.value AS number, f.value AS frames
  FROM resources s
  JOIN resources r ON r.parentid = s.internalid AND r.resourcetype = ${ResourceType.instance}
  LEFT JOIN metadata m ON m.id = r.internalid AND m.type = ${MetadataType.sopClassUid}
  ${tagOf('u', 0x0008, 0x0018)}
  ${tagOf('n', 0x0020, 0x0013)}
  ${tagOf('f', 0x0028, 0x0008)}
  WHERE s.parentid = ANY($1::bigint[]) AND s.resourcetype = ${ResourceType.series}`;

interface TaggedResource {
  readonly key: string;
  /** Of a study: its UID as it was asked. Of a series: the key of its study. */
  readonly parent: string;
  readonly orthancId: string;
  /** LastUpdate; '' where it was not asked. */
  readonly updated: string;
  readonly tags: Record<string, string>;
}

const text = (value: unknown): string => (typeof value === 'string' ? value : '');

/** One row a tag → one entry a resource. */
const collectTags = (rows: Rows): readonly TaggedResource[] => {
  const resources = new Map<string, TaggedResource>();
  for (const row of rows) {
    const key = text(row['key']);
    const resource = resources.get(key) ?? {
      key,
      parent: text(row['parent']),
      orthancId: text(row['id']),
      updated: text(row['updated']),
      tags: {},
    };
    resources.set(key, resource);
    const keyword = keywords[Number(row['taggroup']) * 0x10000 + Number(row['tagelement'])];
    if (keyword !== undefined) resource.tags[keyword] = text(row['value']);
  }
  return [...resources.values()];
};

type InstanceRowWithParent = SeriesRow['instances'][number] & { readonly parent: string };

const toInstanceRow = (row: Rows[number]): InstanceRowWithParent => ({
  parent: text(row['parent']),
  orthancId: text(row['id']),
  sopClassUid: text(row['class']),
  tags: { SOPInstanceUID: text(row['uid']), InstanceNumber: text(row['number']), NumberOfFrames: text(row['frames']) },
});

/** What one snapshot holds: studies by UID, series by study, instances by series. */
interface Snapshot {
  readonly studies: ReadonlyMap<string, readonly TaggedResource[]>;
  readonly series: ReadonlyMap<string, readonly TaggedResource[]>;
  readonly instances: ReadonlyMap<string, readonly InstanceRowWithParent[]>;
}

const byParent = <Row extends { readonly parent: string }>(rows: readonly Row[]): ReadonlyMap<string, readonly Row[]> =>
  Map.groupBy(rows, ({ parent }) => parent);

const readSnapshot = async (query: Query, uids: readonly StudyInstanceUid[]): Promise<Snapshot> => {
  const studies = byParent(collectTags(await query(studiesSql, [uids])));
  // What is duplicated is not opened.
  const keys = [...studies.values()].flatMap(([study, ...others]) =>
    study === undefined || others.length > 0 ? [] : [study.key],
  );
  if (keys.length === 0) return { studies, series: new Map(), instances: new Map() };
  const series = byParent(collectTags(await query(seriesSql, [keys])));
  const instances = byParent((await query(instancesSql, [keys])).map(toInstanceRow));
  return { studies, series, instances };
};

const answerFrom = async (
  snapshot: Snapshot,
  uid: StudyInstanceUid,
  ports: Pick<SqlStudyIndexPorts, 'readSopClassUid'>,
): Promise<StudyLookup> => {
  const [study, ...others] = snapshot.studies.get(uid) ?? [];
  if (study === undefined) return { kind: 'absent' };
  if (others.length > 0) {
    return { kind: 'duplicated', orthancIds: [study, ...others].map(({ orthancId }) => orthancId).toSorted() };
  }
  const series: SeriesRow[] = [];
  for (const { key, orthancId, tags } of snapshot.series.get(study.key) ?? []) {
    const instances: InstanceRowWithParent[] = [];
    for (const row of snapshot.instances.get(key) ?? []) {
      instances.push(
        row.sopClassUid === '' ? { ...row, sopClassUid: await ports.readSopClassUid(row.orthancId) } : row,
      );
    }
    series.push({ orthancId, tags, instances });
  }
  return {
    kind: 'found',
    study: buildStudyContent(uid, { orthancId: study.orthancId, lastUpdate: study.updated, tags: study.tags, series }),
  };
};

/** @throws config/unreadable: the password file */
export const createSqlStudyIndex = (
  options: SqlStudyIndexOptions,
  ports: SqlStudyIndexPorts,
): StudyIndex & { close(): Promise<void> } => {
  const password = options.indexPasswordFile === undefined ? undefined : loadSecret(options.indexPasswordFile);
  const { timeoutMs, indexUrl } = options;
  const pool = openIndexPool({ url: indexUrl, password, timeoutMs, maxConnections: 4 }, ports);
  const { hostname, port, pathname } = new URL(indexUrl);
  let isSchemaKnown = false;

  const readChecked = (uids: readonly StudyInstanceUid[]): Promise<Snapshot> =>
    pool
      .read(async (query) => {
        if (!isSchemaKnown) await checkIndexSchema(query);
        isSchemaKnown = true;
        return await readSnapshot(query, uids);
      })
      .catch((error: unknown) => {
        // Orthanc may have been upgraded meanwhile.
        if (error instanceof DrimboxError && error.code === 'orthanc/index-unsupported') isSchemaKnown = false;
        throw error;
      });

  return {
    describe: () => `PostgreSQL ${hostname}:${port === '' ? '5432' : port}${pathname}`,
    lookup: async (uid) => answerFrom(await readChecked([uid]), uid, ports),
    lookupMany: async (uids) => {
      const answers = new Map<StudyInstanceUid, StudyLookupOfMany>();
      if (uids.length === 0) return answers;
      const wanted = [...new Set(uids)];
      const snapshot = await readChecked(wanted);
      for (const uid of wanted) {
        answers.set(uid, await answerFrom(snapshot, uid, ports).catch(failedLookup));
      }
      return answers;
    },
    close: () => pool.close(),
  };
};
