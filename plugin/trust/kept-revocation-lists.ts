/**
 * Lists on disk, so that a restart without network still knows who was revoked. They are verified again when loaded:
 * nothing is believed because it lies here.
 */
import { createHash } from 'node:crypto';
import { readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { DrimboxError } from '../errors.ts';
import { isAbsent, replaceFile } from './kept-file.ts';

export interface KeptList {
  readonly bytes: Uint8Array;
  readonly fetchedAtUtcMs: number;
}

export interface RevocationListKeep {
  /** Undefined when there is none. @throws trust/revocation-list-not-kept */
  load(name: string): Promise<KeptList | undefined>;
  /** @throws trust/revocation-list-not-kept */
  save(name: string, bytes: Uint8Array): Promise<void>;
}

const notKept = (detail: string, cause: unknown): DrimboxError =>
  new DrimboxError('trust/revocation-list-not-kept', { detail, cause });

/** One file a list, replaced whole. @param folder  made when absent */
export const createKeptLists = (folder: string): RevocationListKeep => {
  const pathOf = (name: string): string => join(folder, `${createHash('sha256').update(name).digest('hex')}.crl`);
  return {
    load: async (name) => {
      const path = pathOf(name);
      try {
        const bytes = await readFile(path);
        return { bytes, fetchedAtUtcMs: Math.floor((await stat(path)).mtimeMs) };
      } catch (cause) {
        if (isAbsent(cause)) return undefined;
        throw notKept('a kept list cannot be read', cause);
      }
    },
    save: async (name, bytes) => {
      try {
        await replaceFile(pathOf(name), bytes);
      } catch (cause) {
        throw notKept('a list cannot be kept', cause);
      }
    },
  };
};
