import { refusal } from './refusal.ts';

/** MSH-1 and MSH-2: what cuts a message into fields and smaller. */
export interface Separators {
  readonly field: string;
  readonly component: string;
  readonly repetition: string;
  readonly escape: string;
  readonly subcomponent: string;
}

/** `|^~\&`, as the French profiles require and as nearly everybody sends. */
export const usualSeparators: Separators = {
  field: '|',
  component: '^',
  repetition: '~',
  escape: '\\',
  subcomponent: '&',
};

const punctuation = /^[!-/:-@[-`{-~]$/;

/**
 * Reads MSH-1 and MSH-2 from the first nine characters of a message. Other separators than the usual ones are accepted
 * when they are five different punctuation marks. A fifth encoding character (truncation, HL7 2.7) is accepted.
 *
 * @param header  begins with `MSH`
 * @throws hl7/field-missing, hl7/field-invalid
 */
export const parseSeparators = (header: string): Separators => {
  const [field, component, repetition, escape, subcomponent] = [3, 4, 5, 6, 7].map((index) => header.charAt(index));
  const separators = { field, component, repetition, escape, subcomponent } as Separators;
  const marks = Object.values(separators);
  if (field === '') throw refusal('hl7/field-missing', 'MSH^1^1', 'message ends after MSH');
  if (!marks.every((mark) => punctuation.test(mark))) {
    throw refusal('hl7/field-invalid', 'MSH^1^2', 'a separator is not a punctuation mark');
  }
  if (new Set(marks).size !== marks.length)
    throw refusal('hl7/field-invalid', 'MSH^1^2', 'two separators are the same');
  return separators;
};
