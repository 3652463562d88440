/** What the downloads of this room have in common: a body is read up to a limit, a failure is told by its code alone. */

/** Code of an error of the network, of TLS or of undici; empty when it has none. */
export const networkCodeOf = (cause: unknown): string =>
  cause instanceof Error && 'code' in cause && typeof cause.code === 'string' ? cause.code : '';

/** @param tooLarge  thrown when there are more than `maxBytes` */
export const readBody = async (
  chunks: AsyncIterable<Uint8Array>,
  maxBytes: number,
  tooLarge: (maxBytes: number) => Error,
): Promise<Uint8Array> => {
  const read: Uint8Array[] = [];
  let total = 0;
  for await (const chunk of chunks) {
    total += chunk.byteLength;
    if (total > maxBytes) throw tooLarge(maxBytes);
    read.push(chunk);
  }
  return Buffer.concat(read, total);
};
