import type { Hl7Message } from './hl7-message.ts';
import { refusal } from './refusal.ts';
import type { Segment } from './segment.ts';

/** Where the document of a message lies. */
export interface DocumentPlace {
  /** The OBX that holds it. */
  readonly segment: Segment;
  /** A second document under the same order, which we leave alone (the same report in another form, not in use yet). */
  readonly hasOther: boolean;
}

/** `LN` and `TRE_A05` both name LOINC's document types; senders use either, or none. */
const codingSystem = (system: string): string => (system === 'TRE_A05' || system === '' ? 'LN' : system);

const isSameCode = (observation: Segment, order: Segment): boolean =>
  observation.value(3) === order.value(4) && codingSystem(observation.value(3, 3)) === codingSystem(order.value(4, 3));

/** An OBX with OBX-2 `ED` and the order (OBR) it stands under. */
interface EmbeddedObservation {
  readonly segment: Segment;
  readonly order: Segment | undefined;
}

const embeddedObservations = (message: Hl7Message): readonly EmbeddedObservation[] => {
  const found: EmbeddedObservation[] = [];
  let order: Segment | undefined;
  for (const segment of message.segments) {
    if (segment.name === 'OBR') order = segment;
    if (segment.name === 'OBX' && segment.value(2).toUpperCase() === 'ED') found.push({ segment, order });
  }
  return found;
};

/**
 * Finds the document: the first OBX with OBX-2 `ED` whose OBX-3 is the OBR-4 above it.
 *
 * @throws hl7/field-missing when OBR-4 is empty · hl7/document-missing · hl7/segment-missing when another order of the
 *         message holds a document too: one of the two would be lost without a word
 * @see facts/cisis.md 1.2
 */
export const findDocument = (message: Hl7Message): DocumentPlace => {
  for (const order of message.all('OBR')) {
    if (order.value(4) === '') throw refusal('hl7/field-missing', order.location(4), 'OBR-4 is empty');
  }
  const embedded = embeddedObservations(message);
  const [document, ...others] = embedded.filter(
    ({ segment, order }) => order !== undefined && isSameCode(segment, order),
  );
  if (document === undefined) {
    const location = embedded[0]?.segment.location(3) ?? 'OBX';
    throw refusal('hl7/document-missing', location, 'no OBX with OBX-2 ED and OBX-3 equal to OBR-4');
  }
  const foreign = others.find((other) => other.order !== document.order);
  if (foreign !== undefined) {
    throw refusal('hl7/segment-missing', foreign.segment.location(5), 'documents under several orders');
  }
  return { segment: document.segment, hasOther: others.length > 0 };
};

const alphabet = /^[A-Za-z0-9+/]*$/;
const blankBytes = new Set([0x00, 0x09, 0x0a, 0x0d, 0x20]);

/** One run of base64 without padding; undefined when it is not. A last group of one character holds no byte. */
const decodeRun = (run: string): Uint8Array | undefined =>
  alphabet.test(run) && run.length % 4 !== 1 ? new Uint8Array(Buffer.from(run, 'base64')) : undefined;

/**
 * Decodes base64 as senders write it: with blanks and line breaks, without padding, or followed by an encoded line end
 * (`…Pg==DQo`). Anything else is refused.
 *
 * @returns undefined when it is not base64
 */
export const decodeBase64 = (text: string): Uint8Array | undefined => {
  const dense = text.replace(/\s+/g, '');
  const padding = dense.indexOf('=');
  if (padding < 0) return decodeRun(dense);
  const body = decodeRun(dense.slice(0, padding));
  const rest = decodeRun(dense.slice(padding).replace(/=/g, ''));
  if (body === undefined || rest === undefined) return undefined;
  return rest.every((byte) => blankBytes.has(byte)) ? body : undefined;
};

const byteOrderMarks: readonly (readonly number[])[] = [[0xef, 0xbb, 0xbf], [0xff, 0xfe], [0xfe, 0xff], []];

/** Whether bytes may be XML at all: `<` comes first, after a byte order mark and blanks. */
const isPossiblyXml = (bytes: Uint8Array): boolean => {
  const mark = byteOrderMarks.find((candidate) => candidate.every((byte, index) => bytes[index] === byte)) ?? [];
  const first = bytes.subarray(mark.length).find((byte) => !blankBytes.has(byte));
  return first === 0x3c;
};

/**
 * Takes the document out of its OBX.
 *
 * @returns the bytes of the document, not re-coded: the document declares its own charset
 * @throws hl7/document-missing when OBX-5.5 is empty · hl7/document-invalid when OBX-5.4 is not Base64, OBX-5 repeats,
 *         OBX-5.5 is not base64, or what it holds cannot be XML
 * @see facts/cisis.md 1.1, 1.3 (OBX-5)
 */
export const decodeDocument = (observation: Segment): Uint8Array => {
  const location = observation.location(5);
  const [content, second] = observation.repetitions(5);
  if (content === undefined || content.value(5) === '') {
    throw refusal('hl7/document-missing', location, 'OBX-5.5 is empty');
  }
  if (second !== undefined) throw refusal('hl7/document-invalid', location, 'OBX-5 repeats');
  if (content.value(4).toUpperCase() !== 'BASE64') {
    throw refusal('hl7/document-invalid', location, 'OBX-5.4 is not Base64');
  }
  const bytes = decodeBase64(content.value(5));
  if (bytes === undefined) throw refusal('hl7/document-invalid', location, 'OBX-5.5 is not base64');
  if (!isPossiblyXml(bytes)) throw refusal('hl7/document-invalid', location, 'the document does not begin as XML');
  return bytes;
};
