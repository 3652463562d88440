/**
 * Values of keys, as a stored file has them: bytes are copied with their character set, not converted, so that the directory
 * says of a name exactly what the file says.
 *
 * @see PS3.3 F.5 (Specific Character Set of a record) · PS3.5 §6.1.2.5, §6.2
 */
import { isUtf8 } from 'node:buffer';
import { attributeBytes, attributeNumbers, type DicomFileOutline } from '../../dicom-file/index.ts';
import { type DatasetElement, encodeElements } from './explicit-dataset.ts';
import { characterSetKey, type KeyRule, maxValueBytes } from './record-keys.ts';

/** What was read of a file: its outline, and bytes from its beginning that hold the elements before the pixel data. */
export interface FileHead {
  readonly outline: DicomFileOutline;
  readonly head: Buffer;
}

const forms: Readonly<Partial<Record<KeyRule['vr'], RegExp>>> = {
  DA: /^\d{8}$/,
  TM: /^\d{2}(\d{2}(\d{2}(\.\d{1,6})?)?)?$/,
  IS: /^[+-]?\d{1,11}$/,
  CS: /^[A-Z0-9 _\\]+$/,
  UI: /^[0-9.]{1,64}$/,
  DT: /^[0-9.+-]{4,26}$/,
};

const trimmed = (bytes: Buffer): Buffer => {
  let end = bytes.length;
  while (end > 0 && (bytes[end - 1] === 0x20 || bytes[end - 1] === 0x00)) end -= 1;
  let start = 0;
  while (start < end && bytes[start] === 0x20) start += 1;
  return bytes.subarray(start, end);
};

const isUnicode = (characterSet: string): boolean => characterSet.includes('ISO_IR 192');
/** Cutting one of these in the middle would make other characters of the rest. */
const isMultiByte = (characterSet: string): boolean => /\\|GB18030|GBK|ISO 2022/.test(characterSet);

const cut = (bytes: Buffer, maxBytes: number, characterSet: string): Buffer => {
  if (bytes.length <= maxBytes) return bytes;
  if (isMultiByte(characterSet)) return Buffer.alloc(0);
  let end = maxBytes;
  if (isUnicode(characterSet)) while (end > 0 && ((bytes[end] ?? 0) & 0xc0) === 0x80) end -= 1;
  return bytes.subarray(0, end);
};

/** Control characters but ESC have no place in a key. */
const withoutControls = (bytes: Buffer): Buffer =>
  bytes.some((byte) => byte < 0x20 && byte !== 0x1b)
    ? Buffer.from(bytes.map((byte) => (byte < 0x20 && byte !== 0x1b ? 0x20 : byte)))
    : bytes;

/** Bytes that are not of the character set they are said to be in would make strict readers refuse the whole directory. */
const legible = (bytes: Buffer, characterSet: string): Buffer =>
  isUnicode(characterSet) && !isUtf8(bytes) ? Buffer.from(bytes.map((byte) => (byte < 0x80 ? byte : 0x3f))) : bytes;

const readNumber = ({ outline, head }: FileHead, { tag, vr }: KeyRule): Buffer => {
  const [number = 0] = attributeNumbers(outline, head, tag);
  const bytes = Buffer.alloc(vr === 'UL' ? 4 : 2);
  if (!Number.isInteger(number) || number < 0 || number >= 256 ** bytes.length) return bytes;
  bytes.writeUIntLE(number, 0, bytes.length);
  return bytes;
};

const readText = (file: FileHead, tag: number, rule: KeyRule): Buffer => {
  const stored = trimmed(attributeBytes(file.outline, file.head, tag) ?? Buffer.alloc(0));
  const form = forms[rule.vr];
  if (form !== undefined) return form.test(stored.toString('latin1')) ? stored : Buffer.alloc(0);
  return legible(withoutControls(stored), file.outline.specificCharacterSet);
};

const readValue = (file: FileHead, rule: KeyRule): Buffer => {
  if (rule.vr === 'US' || rule.vr === 'UL') return readNumber(file, rule);
  const { specificCharacterSet } = file.outline;
  for (const tag of [rule.tag, ...(rule.alternatives ?? [])]) {
    const stored = readText(file, tag, rule);
    const value = trimmed(cut(stored, rule.maxBytes ?? maxValueBytes[rule.vr], specificCharacterSet));
    if (value.length > 0) return value;
  }
  return Buffer.alloc(0);
};

const isAbsent = ({ outline }: FileHead, { tag, vr }: KeyRule, value: Buffer): boolean =>
  vr === 'US' || vr === 'UL' ? !outline.elements.has(tag) : value.length === 0;

/**
 * The keys of one record.
 *
 * @param given     values that are known otherwise, by tag: they prevail
 * @param fallback  for type 1 keys that have none in the table
 */
export const readKeys = (
  file: FileHead,
  rules: readonly KeyRule[],
  fallback: string,
  given: ReadonlyMap<number, string> = new Map(),
): readonly DatasetElement[] =>
  [characterSetKey, ...rules].flatMap((rule): readonly DatasetElement[] => {
    const { tag, vr, type } = rule;
    const known = given.get(tag);
    if (known !== undefined) return [{ tag, vr, content: Buffer.from(known, 'latin1') }];
    const content = readValue(file, rule);
    if (!isAbsent(file, rule, content)) return [{ tag, vr, content }];
    if (type === 3) return [];
    const isText = vr !== 'US' && vr !== 'UL';
    return [{ tag, vr, content: type === 1 && isText ? Buffer.from(rule.fallback ?? fallback, 'latin1') : content }];
  });

/** As `readKeys`, written. */
export const encodeKeys = (...parameters: Parameters<typeof readKeys>): Buffer =>
  encodeElements(readKeys(...parameters));
