/** The value of an attribute of a name, whichever of the string types of X.520 holds it. */
import { DrimboxError } from '../errors.ts';
import { type DerElement, DerTag } from './der-element.ts';

const invalid = (detail: string, cause?: unknown): DrimboxError =>
  new DrimboxError('trust/dn-invalid', { detail, ...(cause === undefined ? {} : { cause }) });

/** @throws trust/dn-invalid — not UTF-8 */
export const decodeUtf8 = (bytes: Uint8Array): string => {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch (cause) {
    throw invalid('value is not UTF-8', cause);
  }
};

const decodeWide = (bytes: Uint8Array, width: 2 | 4): string => {
  if (bytes.length % width !== 0) throw invalid('cut value');
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  let text = '';
  for (let at = 0; at < bytes.length; at += width) {
    const unit = width === 2 ? view.getUint16(at) : view.getUint32(at);
    if (unit > 0x10ffff) throw invalid('value is not Unicode');
    text += width === 2 ? String.fromCharCode(unit) : String.fromCodePoint(unit);
  }
  return text;
};

const decodeAscii = (bytes: Uint8Array): string => {
  if (bytes.some((byte) => byte > 0x7f)) throw invalid('value is not ASCII');
  return Buffer.from(bytes).toString('latin1');
};

/**
 * @returns the text; undefined when the type is no string type
 * @throws trust/dn-invalid — bytes that the type does not allow
 * @see RFC 5280 §4.1.2.4, appendix B (TeletexString is ISO 8859-1 in practice)
 */
export const decodeDirectoryString = (element: DerElement): string | undefined => {
  switch (element.tag) {
    case DerTag.utf8String:
      return decodeUtf8(element.content);
    case DerTag.printableString:
    case DerTag.numericString:
    case DerTag.ia5String:
    case DerTag.visibleString:
      return decodeAscii(element.content);
    case DerTag.teletexString:
      return Buffer.from(element.content).toString('latin1');
    case DerTag.bmpString:
      return decodeWide(element.content, 2);
    case DerTag.universalString:
      return decodeWide(element.content, 4);
    default:
      return undefined;
  }
};
