/**
 * Names of stored files read in the tables of Orthanc's PostgreSQL index: one statement for hundreds of instances.
 */
import { asDrimboxError } from '../errors.ts';
import { buildFilePlace, type FileIndex } from './file-index.ts';
import { type IndexPoolPorts, openIndexPool, type Query, type Rows } from './index-pool.ts';
import { checkFileSchema, dicomFileType, MetadataType, ResourceType } from './index-schema.ts';
import { loadSecret } from './secret-file.ts';
import type { SqlStudyIndexOptions } from './sql-study-index.ts';

const filesSql = `
  SELECT r.publicid AS id, a.uuid, a.uncompressedsize::text AS size, m.value AS syntax
  FROM resources r
  LEFT JOIN attachedfiles a ON a.id = r.internalid AND a.filetype = ${dicomFileType}
  LEFT JOIN metadata m ON m.id = r.internalid AND m.type = ${MetadataType.transferSyntax}
  WHERE r.publicid = ANY($1::text[]) AND r.resourcetype = ${ResourceType.instance}`;

const textOf = (value: unknown): string | undefined => (typeof value === 'string' ? value : undefined);

const toEntry = (row: Rows[number]): [string, ReturnType<typeof buildFilePlace>] => {
  const size = textOf(row['size']);
  const place = buildFilePlace(
    textOf(row['uuid']),
    size === undefined ? undefined : Number(size),
    textOf(row['syntax']),
  );
  return [textOf(row['id']) ?? '', place];
};

/** @throws config/unreadable: the password file */
export const createSqlFileIndex = (
  options: SqlStudyIndexOptions,
  ports: IndexPoolPorts,
): FileIndex & { close(): Promise<void> } => {
  const password = options.indexPasswordFile === undefined ? undefined : loadSecret(options.indexPasswordFile);
  const { timeoutMs, indexUrl } = options;
  const pool = openIndexPool({ url: indexUrl, password, timeoutMs, maxConnections: 2 }, ports);
  let isSchemaKnown = false;
  return {
    listFiles: (ids) =>
      pool
        .read(async (query: Query) => {
          if (!isSchemaKnown) await checkFileSchema(query);
          isSchemaKnown = true;
          return new Map((await query(filesSql, [ids])).map(toEntry));
        })
        .catch((error: unknown) => {
          // Orthanc may have been upgraded meanwhile, the role changed.
          isSchemaKnown = false;
          throw error;
        }),
    close: () => pool.close(),
  };
};

export interface FallbackPorts extends IndexPoolPorts {
  /** UTC, milliseconds. */
  readonly clock: () => number;
}

/** The role may have been given the right meanwhile. */
const askedAgainMs = 300_000;

/**
 * Asks the tables, and REST where they cannot be read: a role granted by an older read-only-role.sql may not see the table of
 * files, and a newer Orthanc may have another one. What is not there, or not now, is no reason.
 */
export const createFileIndexWithFallback = (tables: FileIndex, rest: FileIndex, ports: FallbackPorts): FileIndex => {
  let restUntilMs = Number.NEGATIVE_INFINITY;
  return {
    listFiles: async (ids) => {
      if (ports.clock() < restUntilMs) return await rest.listFiles(ids);
      try {
        return await tables.listFiles(ids);
      } catch (error) {
        const { code, detail } = asDrimboxError(error);
        if (code !== 'orthanc/refused' && code !== 'orthanc/index-unsupported') throw error;
        restUntilMs = ports.clock() + askedAgainMs;
        ports.log.warn({ code, detail }, 'names of stored files are asked by REST: run read-only-role.sql again');
        return await rest.listFiles(ids);
      }
    },
  };
};
