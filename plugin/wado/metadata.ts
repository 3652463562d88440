/**
 * The metadata of one instance in the DICOM JSON model, from the beginning of its stored file.
 *
 * Large binary values and pixel data are left out: this service gives no bulk data by reference.
 *
 * @see PS3.18 annex F, §10.4.3.3.2
 */
import dcmjs from 'dcmjs';
import { type DicomFileOutline, withPlainSequences } from '../dicom-file/index.ts';
import { DrimboxError } from '../errors.ts';

/** Binary values up to this are written inline. */
const maxInlineBytes = 64 * 1024;

/** One attribute as dcmjs reads it. */
interface ReadElement {
  readonly vr: string;
  readonly Value?: readonly unknown[];
}
type ReadDataset = Readonly<Record<string, ReadElement>>;

export interface JsonAttribute {
  readonly vr: string;
  readonly Value?: readonly unknown[];
  readonly InlineBinary?: string;
}
export type JsonDataset = Readonly<Record<string, JsonAttribute>>;

const binaryVrs = new Set(['OB', 'OD', 'OF', 'OL', 'OV', 'OW', 'UN']);
const numberVrs = new Set(['DS', 'IS', 'FL', 'FD', 'SL', 'SS', 'UL', 'US', 'SV', 'UV']);

const hexTag = (value: unknown): string =>
  (typeof value === 'number' ? value.toString(16).padStart(8, '0') : String(value)).toUpperCase();

/** Numbers that JSON cannot hold are left out: F.2.3.1 has no form for them. */
const numberOf = (value: unknown): number | string | null => {
  if (typeof value === 'bigint') return Number.isSafeInteger(Number(value)) ? Number(value) : value.toString();
  const number = typeof value === 'number' ? value : Number(value);
  return Number.isFinite(number) && value !== '' && value !== null ? number : null;
};

/** `ArrayBuffer` or a view of one. */
const bytesOf = (value: unknown): Buffer | undefined => {
  if (value instanceof ArrayBuffer) return Buffer.from(value);
  return ArrayBuffer.isView(value) ? Buffer.from(value.buffer, value.byteOffset, value.byteLength) : undefined;
};

const personName = (value: unknown): object | null => {
  if (typeof value === 'string') return value === '' ? null : { Alphabetic: value };
  if (typeof value !== 'object' || value === null) return null;
  const groups = Object.entries(value).filter(([, text]) => typeof text === 'string' && text !== '');
  return groups.length === 0 ? null : Object.fromEntries(groups);
};

const valueOf = (vr: string, value: unknown): unknown => {
  if (vr === 'SQ') return jsonDataset(value as ReadDataset);
  if (vr === 'PN') return personName(value);
  if (vr === 'AT') return hexTag(value);
  if (numberVrs.has(vr)) return numberOf(value);
  return value === '' || value === undefined ? null : value;
};

const binaryAttribute = (vr: string, values: readonly unknown[]): JsonAttribute | undefined => {
  const parts = values.map(bytesOf);
  if (parts.some((part) => part === undefined)) return undefined;
  const bytes = Buffer.concat(parts as readonly Buffer[]);
  if (bytes.length === 0) return { vr };
  return bytes.length <= maxInlineBytes ? { vr, InlineBinary: bytes.toString('base64') } : undefined;
};

const attributeOf = ({ vr, Value: values = [] }: ReadElement): JsonAttribute | undefined => {
  if (binaryVrs.has(vr)) return binaryAttribute(vr, values);
  const written = values.map((value) => valueOf(vr, value));
  while (written.length > 0 && written.at(-1) === null) written.pop();
  return written.length === 0 ? { vr } : { vr, Value: written };
};

/** File meta information, group lengths and pixel data are not part of what is told. */
const isModelled = (tag: string): boolean =>
  /^[0-9A-F]{8}$/.test(tag) && !/^(0002|7FE0)/.test(tag) && !tag.endsWith('0000');

const jsonDataset = (dataset: ReadDataset): JsonDataset => {
  const written: Record<string, JsonAttribute> = {};
  for (const [tag, element] of Object.entries(dataset).toSorted(([a], [b]) => (a < b ? -1 : 1))) {
    if (!isModelled(tag)) continue;
    const attribute = attributeOf(element);
    if (attribute !== undefined) written[tag] = attribute;
  }
  return written;
};

const readDataset = (file: Uint8Array): ReadDataset => {
  const bytes = file.buffer.slice(file.byteOffset, file.byteOffset + file.byteLength);
  return (dcmjs.data.DicomMessage.readFile(bytes, { untilTag: '7FE00010' }) as { dict: ReadDataset }).dict;
};

/**
 * dcmjs takes the items of a sequence that is written as UN for fragments, and gives up where their length is undefined: so a
 * PACS writes private sequences that it has no dictionary of. What it cannot read is therefore read once more without any.
 *
 * @param file     a Part 10 file that ends anywhere after the last attribute before its pixel data
 * @param outline  of the file that begins so
 * @throws wado/metadata-unreadable
 */
export const buildMetadata = (file: Uint8Array, outline: Pick<DicomFileOutline, 'encoding' | 'image'>): JsonDataset => {
  try {
    return jsonDataset(readDataset(file));
  } catch {
    try {
      return jsonDataset(readDataset(withPlainSequences(file, outline)));
    } catch (cause) {
      throw new DrimboxError('wado/metadata-unreadable', { cause });
    }
  }
};
