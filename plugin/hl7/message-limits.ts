import { refusal } from './refusal.ts';
import type { Separators } from './separators.ts';

/** Official messages have some 20 segments and 2 repetitions; beyond these figures a message only costs memory. */
const maxSegments = 10_000;
const maxRepetitions = 10_000;

const countUpTo = (text: string, mark: string, max: number): number => {
  let count = 0;
  for (let at = text.indexOf(mark); at >= 0 && count <= max; at = text.indexOf(mark, at + 1)) count += 1;
  return count;
};

/** @throws hl7/message-invalid when a message of allowed size is made of an absurd number of parts */
export const checkMessageLimits = (text: string, segments: readonly string[], separators: Separators): void => {
  if (segments.length > maxSegments) throw refusal('hl7/message-invalid', 'MSH', `over ${maxSegments} segments`);
  if (countUpTo(text, separators.repetition, maxRepetitions) > maxRepetitions) {
    throw refusal('hl7/message-invalid', 'MSH', `over ${maxRepetitions} repetitions`);
  }
};
