/**
 * The VR of a tag, for data sets that do not write it (Implicit VR).
 *
 * From dcmjs's dictionary (PS3.6). Where PS3.6 leaves a choice: "US or SS" follows PixelRepresentation, "OB or OW" is OW
 * (right for any width in little endian), LUTs are OW. Private elements and unknown tags are UN, private creators LO.
 *
 * @see PS3.5 annex A.1, A.2, §6.2.2, §7.8.1 · PS3.6
 */
import { createRequire } from 'node:module';

type Dictionary = Readonly<Record<string, { readonly vr?: string }>>;

const require = createRequire(import.meta.url);
/** Loaded when first needed (and kept by Node): the streaming path never is in need of it. */
const loadDictionary = (): Dictionary =>
  (require('dcmjs/dictionary') as { readonly dictionary: Dictionary }).dictionary;

const hex4 = (number: number): string => number.toString(16).toUpperCase().padStart(4, '0');

/** Groups that repeat: curves (50xx) and overlays (60xx). */
const repeatingKeyOf = (group: number, element: string): string | undefined => {
  if (group % 2 !== 0) return undefined;
  if (group >= 0x5000 && group <= 0x50ff) return `(5000-50FF,${element})`;
  if (group >= 0x6000 && group <= 0x60ff) return `(6000-60FF,${element})`;
  return undefined;
};

/** @param isSigned  PixelRepresentation is 1 */
export const loadDictionaryVr = (tag: number, isSigned: boolean): string => {
  const group = tag >>> 16;
  const element = tag & 0xffff;
  if (element === 0) return 'UL';
  if (group % 2 === 1) return element >= 0x10 && element <= 0xff ? 'LO' : 'UN';
  const dictionary = loadDictionary();
  const repeating = repeatingKeyOf(group, hex4(element));
  const entry = dictionary[`(${hex4(group)},${hex4(element)})`] ?? (repeating ? dictionary[repeating] : undefined);
  const vr = entry?.vr ?? 'UN';
  if (vr === 'xs') return isSigned ? 'SS' : 'US';
  if (vr === 'ox' || vr === 'lt') return 'OW';
  if (vr === 'up') return 'UL';
  return /^[A-Z]{2}$/.test(vr) ? vr : 'UN';
};
