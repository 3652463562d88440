/**
 * Bytes that have their memory for themselves, so that another thread may take it. Copied when they share it: small
 * Buffers lie in a pool that others use.
 */
export const giveAway = (bytes: Uint8Array): Uint8Array<ArrayBuffer> =>
  bytes.buffer instanceof ArrayBuffer && bytes.byteOffset === 0 && bytes.byteLength === bytes.buffer.byteLength
    ? new Uint8Array(bytes.buffer)
    : new Uint8Array(bytes);
