/**
 * Turns the bytes of a value into text, by (0008,0005).
 *
 * @see PS3.3 C.12.1.1.2 (defined terms), edition 2026c
 */

/** Defined term, without its `ISO_IR ` or `ISO 2022 IR ` → encoding of the platform. */
const encodings: Readonly<Record<string, string>> = {
  '101': 'iso-8859-2',
  '109': 'iso-8859-3',
  '110': 'iso-8859-4',
  '126': 'iso-8859-7',
  '127': 'iso-8859-6',
  '138': 'iso-8859-8',
  '144': 'iso-8859-5',
  '148': 'iso-8859-9',
  '166': 'windows-874',
  '192': 'utf-8',
  '203': 'iso-8859-15',
  GB18030: 'gb18030',
  GBK: 'gbk',
};

/**
 * @param specificCharacterSet  (0008,0005): of several values the first counts; code extensions are not followed
 * @returns a function of bytes; ISO 8859-1 when the term is absent, `ISO_IR 6`, `ISO_IR 100` or unknown
 */
export const createTextDecoder = (
  specificCharacterSet: string,
): ((bytes: Buffer, start: number, end: number) => string) => {
  const term = (specificCharacterSet.split('\\')[0] ?? '').trim().replace(/^ISO(?:_IR| 2022 IR) /, '');
  const encoding = encodings[term];
  // The platform's own "iso-8859-1" is windows-1252.
  if (encoding === undefined) return (bytes, start, end) => bytes.toString('latin1', start, end);
  if (encoding === 'utf-8') return (bytes, start, end) => bytes.toString('utf8', start, end);
  const decoder = new TextDecoder(encoding);
  return (bytes, start, end) => decoder.decode(bytes.subarray(start, end));
};
