/**
 * The parts of certificates and revocation lists that must be had as the very bytes that were signed or hashed, and lists
 * too long for a general reader of ASN.1.
 *
 * @see X.690 §10 (DER) · RFC 5280 §4.1, §5.1
 */
import { DrimboxError } from '../errors.ts';
import { type DerElement, DerTag, readDerElement } from './der-element.ts';

/** A DER element together with its own bytes, tag and length included. */
export interface WholeElement extends DerElement {
  readonly whole: Uint8Array;
}

/** Tags beyond those of names. */
export const MoreDerTag = {
  bitString: 0x03,
  octetString: 0x04,
  enumerated: 0x0a,
  utcTime: 0x17,
  generalizedTime: 0x18,
} as const;

const cut = (detail: string): DrimboxError => new DrimboxError('trust/dn-invalid', { detail });

/** The elements that stand one after the other in `bytes`. @throws trust/dn-invalid */
export function* walkDer(bytes: Uint8Array): Generator<WholeElement, void, undefined> {
  for (let offset = 0; offset < bytes.length; ) {
    const element = readDerElement(bytes, offset);
    yield { ...element, whole: bytes.subarray(offset, element.end) };
    offset = element.end;
  }
}

/** The content of a sequence that fills `bytes`. @throws trust/dn-invalid */
export const openSequence = (bytes: Uint8Array): readonly WholeElement[] => {
  const outer = readDerElement(bytes);
  if (outer.tag !== DerTag.sequence || outer.end !== bytes.length) throw cut('not one DER sequence');
  return [...walkDer(outer.content)];
};

/** @throws trust/dn-invalid */
export const expectElement = (element: WholeElement | undefined, ...tags: readonly number[]): WholeElement => {
  if (element === undefined || !tags.includes(element.tag)) throw cut('unexpected DER element');
  return element;
};

/** The octets of a BIT STRING without unused bits. @throws trust/dn-invalid */
export const bitsOf = (element: WholeElement | undefined): Uint8Array => {
  const { content } = expectElement(element, MoreDerTag.bitString);
  if (content[0] !== 0) throw cut('bit string with unused bits');
  return content.subarray(1);
};

const utcForm = /^(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)Z$/;
const generalizedForm = /^(\d{4})(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)Z$/;

/** UTCTime or GeneralizedTime, in ms UTC. @throws trust/dn-invalid @see RFC 5280 §4.1.2.5 (two-digit years from 1950 on) */
export const parseDerTime = (element: WholeElement | undefined): number => {
  const { tag, content } = expectElement(element, MoreDerTag.utcTime, MoreDerTag.generalizedTime);
  const text = Buffer.from(content).toString('latin1');
  const match = (tag === MoreDerTag.utcTime ? utcForm : generalizedForm).exec(text);
  if (match === null) throw cut('time not accepted');
  const [year = 0, month = 0, day = 0, hour = 0, minute = 0, second = 0] = match.slice(1).map(Number);
  const fullYear = tag === MoreDerTag.generalizedTime ? year : year < 50 ? 2000 + year : 1900 + year;
  const utcMs = Date.UTC(fullYear, month - 1, day, hour, minute, second);
  if (
    !new Date(utcMs)
      .toISOString()
      .startsWith(`${String(fullYear).padStart(4, '0')}-${match[2]}-${match[3]}T${match[4]}:${match[5]}`)
  ) {
    throw cut('time not accepted');
  }
  return utcMs;
};
