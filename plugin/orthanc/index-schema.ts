/**
 * Whether a PostgreSQL database is an Orthanc index that we know how to read.
 *
 * @see orthanc-databases PostgreSQL plugin, PrepareIndex.sql; checked on plugin 4.0 (Orthanc 1.10.1) and 5.0 (1.12.7)
 */
import { DrimboxError } from '../errors.ts';

/** Kinds of rows of `resources.resourcetype`: zero-based in the database. */
export const ResourceType = { patient: 0, study: 1, series: 2, instance: 3 } as const;

/** `metadata.type` */
export const MetadataType = { lastUpdate: 7, transferSyntax: 9, sopClassUid: 10 } as const;

/** `attachedfiles.filetype` of the DICOM file itself. */
export const dicomFileType = 1;

/** `globalproperties.property` of the schema version, and the only version that ever was since Orthanc 1.0. */
const schemaVersionProperty = 1;
const schemaVersion = '6';

/** Table → column → type. */
type Columns = Readonly<Record<string, Readonly<Record<string, string>>>>;

const neededColumns: Columns = {
  resources: { internalid: 'bigint', resourcetype: 'integer', publicid: 'character varying', parentid: 'bigint' },
  maindicomtags: { id: 'bigint', taggroup: 'integer', tagelement: 'integer', value: 'text' },
  dicomidentifiers: { id: 'bigint', taggroup: 'integer', tagelement: 'integer', value: 'text' },
  metadata: { id: 'bigint', type: 'integer', value: 'text' },
  globalproperties: { property: 'integer', value: 'text' },
};

/** What the places of stored files are read in, beside the above. */
const fileColumns: Columns = {
  attachedfiles: { id: 'bigint', filetype: 'integer', uuid: 'character varying', uncompressedsize: 'bigint' },
};

type Query = (sql: string, values?: readonly unknown[]) => Promise<readonly Record<string, unknown>[]>;

/** Catalogue rows are readable whatever the role may read, so a missing right and a missing table stay apart. */
const columnsSql = `
  SELECT c.relname AS table_name, a.attname AS column_name,
         regexp_replace(format_type(a.atttypid, a.atttypmod), '\\(.*\\)', '') AS type,
         has_column_privilege(c.oid, a.attnum, 'SELECT') AS readable
  FROM unnest($1::text[]) AS wanted(name)
  JOIN pg_class c ON c.oid = to_regclass(wanted.name)
  JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped`;

const unsupported = (detail: string): DrimboxError => new DrimboxError('orthanc/index-unsupported', { detail });

const checkVersion = async (query: Query): Promise<void> => {
  const [row] = await query('SELECT value FROM globalproperties WHERE property = $1', [schemaVersionProperty]);
  const found = row?.['value'];
  if (found !== schemaVersion) {
    throw unsupported(`schema version ${typeof found === 'string' ? found : 'absent'}, expected ${schemaVersion}`);
  }
};

/** Resources with a StudyInstanceUID are studies; if not, types are numbered otherwise. A sample tells. */
const checkNumbering = async (query: Query): Promise<void> => {
  const [row] = await query(
    `SELECT r.resourcetype
     FROM (SELECT id FROM dicomidentifiers WHERE taggroup = 32 AND tagelement = 13 LIMIT 100) i
     JOIN resources r ON r.internalid = i.id
     WHERE r.resourcetype <> $1 LIMIT 1`,
    [ResourceType.study],
  );
  if (row !== undefined)
    throw unsupported(`a StudyInstanceUID belongs to resource type ${String(row['resourcetype'])}`);
};

const checkColumns = async (query: Query, needed: Columns): Promise<void> => {
  const rows = await query(columnsSql, [Object.keys(needed)]);
  const found = new Map(rows.map((row) => [`${String(row['table_name'])}.${String(row['column_name'])}`, row]));
  for (const [table, columns] of Object.entries(needed)) {
    for (const [column, type] of Object.entries(columns)) {
      const row = found.get(`${table}.${column}`);
      if (row === undefined) throw unsupported(`column ${table}.${column} is missing`);
      if (row['type'] !== type) throw unsupported(`column ${table}.${column} is ${String(row['type'])}, not ${type}`);
      if (row['readable'] !== true) {
        throw new DrimboxError('orthanc/refused', { detail: `the role of IndexUrl may not read ${table}.${column}` });
      }
    }
  }
};

/**
 * @throws orthanc/index-unsupported: a table or column is missing or of another type, another schema version
 * @throws orthanc/refused: the role may not read a column
 */
export const checkIndexSchema = async (query: Query): Promise<void> => {
  await checkColumns(query, neededColumns);
  await checkVersion(query);
  await checkNumbering(query);
};

/** As above, and the table of the stored files: a role granted before that table was needed may not read it. */
export const checkFileSchema = async (query: Query): Promise<void> => {
  await checkIndexSchema(query);
  await checkColumns(query, fileColumns);
};
