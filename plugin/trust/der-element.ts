/** One element of DER at a time: tag, content, end. Definite lengths only. @see X.690 §8.1, §10.1 */
import { DrimboxError } from '../errors.ts';

export interface DerElement {
  readonly tag: number;
  readonly content: Uint8Array;
  /** Where the next element begins. */
  readonly end: number;
}

/** Universal tags that this room reads. */
export const DerTag = {
  integer: 0x02,
  objectIdentifier: 0x06,
  utf8String: 0x0c,
  numericString: 0x12,
  printableString: 0x13,
  teletexString: 0x14,
  ia5String: 0x16,
  visibleString: 0x1a,
  universalString: 0x1c,
  bmpString: 0x1e,
  sequence: 0x30,
  set: 0x31,
  explicit0: 0xa0,
} as const;

const maxObjectIdentifierBytes = 64;

const invalid = (detail: string): DrimboxError => new DrimboxError('trust/dn-invalid', { detail });

/** @throws trust/dn-invalid — cut, or of a form that DER does not have */
export const readDerElement = (bytes: Uint8Array, offset = 0): DerElement => {
  const tag = bytes[offset];
  const first = bytes[offset + 1];
  if (tag === undefined || first === undefined) throw invalid('cut DER element');
  if ((tag & 0x1f) === 0x1f) throw invalid('DER tag of several bytes');
  let start = offset + 2;
  let length = first;
  if (first >= 0x80) {
    const size = first & 0x7f;
    if (size === 0 || size > 4) throw invalid('DER length not accepted');
    length = 0;
    for (let at = 0; at < size; at += 1) length = length * 256 + (bytes[start + at] ?? 0);
    start += size;
  }
  const end = start + length;
  if (end > bytes.length) throw invalid('cut DER element');
  return { tag, content: bytes.subarray(start, end), end };
};

/** @throws trust/dn-invalid */
export const readDerElements = (bytes: Uint8Array): readonly DerElement[] => {
  const found: DerElement[] = [];
  for (let offset = 0; offset < bytes.length; ) {
    const element = readDerElement(bytes, offset);
    found.push(element);
    offset = element.end;
  }
  return found;
};

/** Dotted form. @throws trust/dn-invalid */
export const decodeObjectIdentifier = (content: Uint8Array): string => {
  // Before the loop: its time grows with the square of the length, and names of strangers' certificates are read too.
  if (content.length > maxObjectIdentifierBytes) throw invalid('object identifier not accepted');
  const arcs: bigint[] = [];
  let arc = 0n;
  let isOpen = false;
  for (const byte of content) {
    arc = arc * 128n + BigInt(byte & 0x7f);
    isOpen = byte >= 0x80;
    if (isOpen) continue;
    arcs.push(arc);
    arc = 0n;
  }
  const [first] = arcs;
  if (first === undefined || isOpen) throw invalid('object identifier not accepted');
  const root = first < 40n ? 0n : first < 80n ? 1n : 2n;
  return [root, first - root * 40n, ...arcs.slice(1)].join('.');
};
