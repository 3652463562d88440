/** A media type with its parameters, as HTTP and MIME headers carry it. @see RFC 9110 §8.3 · RFC 2045 §5.1 */
export interface MediaType {
  /** Lower case: `multipart/related`. */
  readonly type: string;
  /** Names in lower case; quoted values are unquoted. */
  readonly parameters: ReadonlyMap<string, string>;
}

const parameterPattern =
  /;[ \t]*([!#$%&'*+.^_`|~0-9A-Za-z-]+)=(?:"((?:[^"\\\r\n]|\\.)*)"|([!#$%&'*+.^_`|~0-9A-Za-z:/<>@-]+))[ \t]*/y;

/** @returns undefined when it is no media type: nothing is guessed. A value outside quotes may hold `:/<>@`, as senders write it. */
export const parseMediaType = (header: string): MediaType | undefined => {
  const head = /^[ \t]*([!#$%&'*+.^_`|~0-9A-Za-z-]+\/[!#$%&'*+.^_`|~0-9A-Za-z-]+)[ \t]*/.exec(header);
  if (head?.[1] === undefined) return undefined;
  const parameters = new Map<string, string>();
  parameterPattern.lastIndex = head[0].length;
  while (parameterPattern.lastIndex < header.length) {
    const found = parameterPattern.exec(header);
    const name = found?.[1]?.toLowerCase();
    if (found === null || name === undefined || parameters.has(name)) return undefined;
    parameters.set(name, found[2]?.replaceAll(/\\(.)/g, '$1') ?? found[3] ?? '');
  }
  return { type: head[1].toLowerCase(), parameters };
};
