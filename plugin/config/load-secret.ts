import { DrimboxError } from '../errors.ts';
import { type ConfigurationFileReader, diskFileReader } from './configuration-files.ts';

const maxSecretBytes = 64 * 1024;

/**
 * Reads a secret from its file; white space around it does not count.
 *
 * @throws config/unreadable — absent, not readable, larger than 64 KiB, not UTF-8, or empty. The path is told, never the content
 */
export const loadSecret = (path: string, files: ConfigurationFileReader = diskFileReader): string => {
  const refuse = (detail: string, cause?: unknown): DrimboxError =>
    new DrimboxError('config/unreadable', { cause, detail: `secret file ${path.replace(/\p{Cc}/gu, '?')}: ${detail}` });
  let bytes: Uint8Array;
  try {
    bytes = files.read(path);
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
