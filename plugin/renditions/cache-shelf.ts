/** What the cache holds, by study: the least recently used first, and how much they take. In memory only. */

/** A study that is kept. */
export interface KeptStudy {
  /** Name → bytes on the disk. */
  readonly files: Map<string, number>;
  bytes: number;
  /** When it was last used or added to, to the minute. */
  touchedAtUtcMs: number;
}

export interface RoomWish {
  /** The study that room is made for. */
  readonly except: string;
  /** What was used since then stays. */
  readonly usedBeforeUtcMs: number;
  readonly wantedBytes: number;
}

export const createShelf = () => {
  const studies = new Map<string, KeptStudy>();
  let files = 0;
  let bytes = 0;
  const remove = (name: string): void => {
    const study = studies.get(name);
    if (study === undefined) return;
    studies.delete(name);
    files -= study.files.size;
    bytes -= study.bytes;
  };
  return {
    studies,
    figures: () => ({ studies: studies.size, files, bytes }),
    remove,
    removeFile: (name: string, file: string): void => {
      const study = studies.get(name);
      const size = study?.files.get(file);
      if (study === undefined || size === undefined) return;
      study.files.delete(file);
      study.bytes -= size;
      files -= 1;
      bytes -= size;
      if (study.files.size === 0) studies.delete(name);
    },
    add: (name: string, file: string, size: number, atUtcMs: number): void => {
      const study = studies.get(name) ?? { files: new Map<string, number>(), bytes: 0, touchedAtUtcMs: atUtcMs };
      const before = study.files.get(file);
      study.files.set(file, size);
      study.bytes += size - (before ?? 0);
      bytes += size - (before ?? 0);
      if (before === undefined) files += 1;
      study.touchedAtUtcMs = Math.max(study.touchedAtUtcMs, atUtcMs);
      studies.delete(name);
      studies.set(name, study);
    },
    /** The one to take away first; undefined where all that may be taken away do not make up the wanted bytes. */
    oldest: (wish: RoomWish): string | undefined => {
      let first: string | undefined;
      let found = 0;
      for (const [name, study] of studies) {
        if (name === wish.except || study.touchedAtUtcMs >= wish.usedBeforeUtcMs) continue;
        first ??= name;
        found += study.bytes;
        if (found >= wish.wantedBytes) return first;
      }
      return undefined;
    },
    /** Now the most recently used. */
    use: (name: string, study: KeptStudy): void => {
      studies.delete(name);
      studies.set(name, study);
    },
  };
};
