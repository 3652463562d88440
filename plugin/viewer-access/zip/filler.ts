/** What stands in the place of an image that could not be read: a sentence, then blanks. As long as the stored file. */
import { crc32 } from 'node:zlib';
import type { LentMemory } from '../../lent-memory.ts';

const sentence = Buffer.from(
  'Image non incluse : voir LISEZ-MOI.txt. Fichier de remplissage, sans contenu utile.\r\n',
  'latin1',
);
const blanks = Buffer.alloc(64 * 1024, 0x20);

function* piecesOf(bytes: number, start: number, end: number): Generator<Buffer, void, undefined> {
  const head = sentence.subarray(0, bytes);
  if (start < head.length) yield head.subarray(start, end);
  for (let at = Math.max(start, head.length); at < end; at += blanks.length) {
    yield blanks.subarray(0, Math.min(blanks.length, end - at));
  }
}

export async function* buildFiller(
  bytes: number,
  { start, end }: { readonly start: number; readonly end: number },
): AsyncGenerator<LentMemory, void, undefined> {
  for (const piece of piecesOf(bytes, start, end)) yield { bytes: piece, giveBack: () => undefined };
}

export const fillerChecksum = (bytes: number): number => {
  let checksum = 0;
  for (const piece of piecesOf(bytes, 0, bytes)) checksum = crc32(piece, checksum);
  return checksum;
};
