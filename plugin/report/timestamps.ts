import { parseHl7Timestamp } from '../standards/index.ts';

/** Whether the text is an HL7 timestamp; reports keep them as sent. */
export const isTimestamp = (text: string): boolean => {
  try {
    parseHl7Timestamp(text);
    return true;
  } catch {
    return false;
  }
};
