import { readFileSync } from 'node:fs';
import { DrimboxError } from '../errors.ts';

/**
 * Reads a password or a shared secret; white space around it does not count.
 *
 * @throws config/unreadable, config/invalid (shorter than `minLength`)
 */
export const loadSecret = (file: string, minLength = 1): string => {
  let secret: string;
  try {
    secret = readFileSync(file, 'utf8').trim();
  } catch (cause) {
    throw new DrimboxError('config/unreadable', { cause, detail: `secret file ${file} cannot be read` });
  }
  if (secret.length < minLength) {
    throw new DrimboxError('config/invalid', {
      detail: `secret file ${file} holds fewer than ${minLength} characters`,
    });
  }
  return secret;
};
