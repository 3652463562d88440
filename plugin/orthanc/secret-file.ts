import { readFileSync } from 'node:fs';
import { DrimboxError } from '../errors.ts';

const maxSecretBytes = 64 * 1024;

/**
 * Reads a password or a shared secret from its file; white space around it does not count.
 *
 * It stands here because this room needs it and every room that reads a secret may see this one.
 *
 * @throws config/unreadable — absent, not readable, larger than 64 KiB, not UTF-8, or empty. The path is told, never the content
 */
export const loadSecret = (file: string): string => {
  const refuse = (detail: string, cause?: unknown): DrimboxError =>
    new DrimboxError('config/unreadable', { cause, detail: `secret file ${file.replace(/\p{Cc}/gu, '?')}: ${detail}` });
  let bytes: Uint8Array;
  try {
    bytes = readFileSync(file);
  } catch (error) {
    throw refuse('cannot be read', error);
  }
  if (bytes.byteLength > maxSecretBytes) throw refuse('larger than 64 KiB');
  let secret: string;
  try {
    secret = new TextDecoder('utf-8', { fatal: true }).decode(bytes).trim();
  } catch {
    throw refuse('not UTF-8 text');
  }
  if (secret === '') throw refuse('empty');
  return secret;
};
