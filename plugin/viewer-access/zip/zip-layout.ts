/**
 * Where everything stands in the archive, told before any content is known: so its length can be announced, and any part of it
 * made again.
 */
import { buildEnd, type CentralPlace, centralBytes, type EntryRoom, roomBytes } from '../../zip-records.ts';

export interface ZipLayout {
  readonly rooms: readonly EntryRoom[];
  /** Of each room: first byte. */
  readonly starts: readonly number[];
  readonly central: CentralPlace;
  readonly totalBytes: number;
}

export const planZip = (rooms: readonly EntryRoom[]): ZipLayout => {
  const starts: number[] = [];
  let at = 0;
  for (const room of rooms) {
    starts.push(at);
    at += roomBytes(room);
  }
  const bytes = rooms.reduce((sum, room, index) => sum + centralBytes(room, starts[index] ?? 0), 0);
  const central = { start: at, bytes, entries: rooms.length };
  return { rooms, starts, central, totalBytes: at + bytes + buildEnd(central).length };
};
