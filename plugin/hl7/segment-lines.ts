import type { Separators } from './separators.ts';

const segmentId = /^[A-Z][A-Z0-9]{2}/;

/**
 * Cuts a message into segments. CR, LF and CRLF all end a line, because samples and senders use all three; blank lines
 * are skipped. A line that does not begin with a segment id and the field separator belongs to the segment above: base64
 * in OBX-5 is often broken in lines. A bare segment id (`PV1`) is a segment, except under OBX, where it may be base64.
 *
 * @param text  begins with `MSH`
 * @returns     one string per segment; the line breaks inside it are `\n`
 * @see facts/cisis.md 1.1
 */
export const splitSegments = (text: string, separators: Separators): string[] => {
  const segments: string[][] = [];
  const beginsSegment = (line: string): boolean => {
    if (!segmentId.test(line)) return false;
    if (line.charAt(3) === separators.field) return true;
    return line.trimEnd().length === 3 && segments.at(-1)?.[0]?.startsWith('OBX') !== true;
  };
  for (const line of text.split(/\r\n|\r|\n/)) {
    if (line.trim() === '' || line === '\0') continue;
    if (beginsSegment(line)) segments.push([line]);
    else segments.at(-1)?.push(line);
  }
  return segments.map((lines) => (lines.length === 1 ? (lines[0] as string) : lines.join('\n')));
};
