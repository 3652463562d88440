/**
 * One name, three spellings: `baseUrl` in code, `BaseUrl` in the JSON, `BASE_URL` in an environment variable. All mechanical.
 */
export const pascalCase = (key: string): string => key.charAt(0).toUpperCase() + key.slice(1);

export const upperSnakeCase = (key: string): string => key.replace(/([a-z0-9])([A-Z])/g, '$1_$2').toUpperCase();

/** A path of camelCase keys and list positions as people write it: `DrimBox.Hl7.Listeners[0].Port`. */
export const displayPath = (path: readonly PropertyKey[], root = 'DrimBox'): string =>
  path.reduce<string>(
    (text, part) => (typeof part === 'number' ? `${text}[${part}]` : `${text}.${pascalCase(String(part))}`),
    root,
  );

/** A name as it was written, made safe to print. */
export const printableName = (name: string): string =>
  name.replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}]/gu, '?').slice(0, 60);

/** Edits (insert, remove, replace, swap of neighbours) between two short names. */
const editDistance = (a: string, b: string): number => {
  let beforePrevious: number[] = [];
  let previous = Array.from({ length: b.length + 1 }, (_, index) => index);
  for (let i = 1; i <= a.length; i += 1) {
    const current = [i];
    for (let j = 1; j <= b.length; j += 1) {
      const cost = a[i - 1] === b[j - 1] ? 0 : 1;
      let best = Math.min((previous[j] ?? 0) + 1, (current[j - 1] ?? 0) + 1, (previous[j - 1] ?? 0) + cost);
      const isSwap = i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1];
      if (isSwap) best = Math.min(best, (beforePrevious[j - 2] ?? 0) + 1);
      current.push(best);
    }
    beforePrevious = previous;
    previous = current;
  }
  return previous[b.length] ?? 0;
};

/** The candidate that was probably meant: same letters in another case, or few edits away; undefined when none is near. */
export const nearestName = (name: string, candidates: readonly string[]): string | undefined => {
  const plain = (text: string): string => text.replaceAll(/[_\-. ]/g, '').toLowerCase();
  const wanted = plain(name.slice(0, 60));
  const ranked = candidates
    .map((candidate) => ({ candidate, distance: editDistance(wanted, plain(candidate)) }))
    .sort((a, b) => a.distance - b.distance);
  const best = ranked[0];
  if (best === undefined) return undefined;
  const limit = Math.max(1, Math.floor(Math.max(wanted.length, best.candidate.length) / 3));
  if (best.distance <= limit) return best.candidate;
  // Cut short or drawn out: `warning` for `warn`.
  const isPrefix = (short: string, long: string): boolean => short.length >= 3 && long.startsWith(short);
  return candidates.find((one) => isPrefix(plain(one), wanted) || isPrefix(wanted, plain(one)));
};
