/** A change of published text that stops when it does not fit. */

export interface Patch {
  readonly reason: string;
  readonly find: RegExp;
  readonly replace: string;
  /** Over all files that are served. */
  readonly count: number;
}

/**
 * @param files  name → text
 * @returns      the patched texts
 * @throws       Error naming the first patch that does not fit this release
 */
export const applyPatches = (files: ReadonlyMap<string, string>, patches: readonly Patch[]): Map<string, string> => {
  const patched = new Map(files);
  for (const { reason, find, replace, count } of patches) {
    let found = 0;
    for (const [name, text] of patched) {
      const hits = text.match(find)?.length ?? 0;
      if (hits === 0) continue;
      found += hits;
      patched.set(name, text.replace(find, replace));
    }
    if (found !== count) {
      throw new Error(`this release of OHIF does not fit our patch (${found} places, not ${count}): ${reason}`);
    }
  }
  return patched;
};
