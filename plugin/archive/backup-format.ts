/**
 * The form of a backup: gzip of lines of JSON.
 *
 *     {"format":"drimbox-backup","version":1,…,"tables":[…]}      the header
 *     {"table":"message"}                                          the rows that follow are of that table
 *     ["1","1773309600000","192.0.2.10",null,…]                    one row: values in the order of the columns of the header
 *     {"end":true,"rows":{"message":12},"lines":40,"sha256":"…"}   the trailer: of every byte before it
 *
 * Values are texts as PostgreSQL writes them, bytes are base64, null is null. A row whose key came before takes its place:
 * it was changed while the backup was written.
 */
import { z } from 'zod';
import { DrimboxError } from '../errors.ts';

export const backupVersion = 1;
const formatName = 'drimbox-backup';

const tableSchema = z.object({
  name: z.string().min(1),
  columns: z.array(z.object({ name: z.string().min(1), type: z.string().min(1) })).min(1),
  key: z.array(z.string()).min(1),
});

const headerSchema = z.object({
  format: z.literal(formatName),
  version: z.int().min(1),
  /** Of this software. */
  software: z.string(),
  /** Names of the migrations of the database, in their order. */
  migrations: z.array(z.string()).min(1),
  createdAtUtc: z.iso.datetime(),
  tables: z.array(tableSchema).min(1),
});
export type BackupHeader = z.infer<typeof headerSchema>;

const trailerSchema = z.object({
  end: z.literal(true),
  rows: z.record(z.string(), z.int().min(0)),
  lines: z.int().min(0),
  sha256: z.string().regex(/^[0-9a-f]{64}$/),
});
export type BackupTrailer = z.infer<typeof trailerSchema>;

export type RowValue = string | null;

export type BackupLine =
  | { readonly kind: 'table'; readonly table: string }
  | { readonly kind: 'row'; readonly values: readonly RowValue[] }
  | { readonly kind: 'trailer'; readonly trailer: BackupTrailer };

export const unreadable = (detail: string, cause?: unknown): DrimboxError =>
  new DrimboxError('archive/backup-unreadable', { detail, ...(cause === undefined ? {} : { cause }) });

export const encodeHeader = (header: Omit<BackupHeader, 'format' | 'version'>): string =>
  `${JSON.stringify({ format: formatName, version: backupVersion, ...header })}\n`;

export const encodeTable = (table: string): string => `${JSON.stringify({ table })}\n`;
export const encodeRow = (values: readonly RowValue[]): string => `${JSON.stringify(values)}\n`;
export const encodeTrailer = (trailer: Omit<BackupTrailer, 'end'>): string =>
  `${JSON.stringify({ end: true, ...trailer })}\n`;

const parseJson = (line: string): unknown => {
  try {
    return JSON.parse(line);
  } catch (cause) {
    throw unreadable('a line is not JSON', cause);
  }
};

/** @throws archive/backup-unreadable, archive/backup-newer */
export const decodeHeader = (line: string): BackupHeader => {
  const value = parseJson(line);
  const isOurs = typeof value === 'object' && value !== null && 'format' in value && value.format === formatName;
  if (!isOurs) throw unreadable('not a backup of this archive');
  if ('version' in value && typeof value.version === 'number' && value.version > backupVersion) {
    throw new DrimboxError('archive/backup-newer', { detail: `format ${value.version}, known: ${backupVersion}` });
  }
  const header = headerSchema.safeParse(value);
  if (!header.success) throw unreadable('the header is damaged', header.error);
  return header.data;
};

const isRow = (value: unknown): value is readonly RowValue[] =>
  Array.isArray(value) && value.every((one) => one === null || typeof one === 'string');

/** @throws archive/backup-unreadable */
export const decodeLine = (line: string): BackupLine => {
  const value = parseJson(line);
  if (isRow(value)) return { kind: 'row', values: value };
  const trailer = trailerSchema.safeParse(value);
  if (trailer.success) return { kind: 'trailer', trailer: trailer.data };
  if (typeof value === 'object' && value !== null && 'table' in value && typeof value.table === 'string') {
    return { kind: 'table', table: value.table };
  }
  throw unreadable('a line is none of a backup');
};
