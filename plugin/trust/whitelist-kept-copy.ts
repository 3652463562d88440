/**
 * The last good list on disk, so that a restart without network still knows the trust space. It is verified again when
 * loaded: nothing is believed because it lies here.
 */
import { mkdir, open, readFile, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { DrimboxError } from '../errors.ts';

const fileName = 'whitelist.kept';

const header = z.strictObject({
  format: z.literal(1),
  acceptedAtUtcMs: z.number(),
  confirmedAtUtcMs: z.number(),
  validator: z.string(),
});

/** A list that was accepted, and when. */
export interface KeptWhitelist {
  /** The file as received. */
  readonly bytes: Uint8Array;
  /** When this very content was verified for the first time. */
  readonly acceptedAtUtcMs: number;
  /** When its source last said that it is the current one. */
  readonly confirmedAtUtcMs: number;
  /** What names it to its source; empty when nothing does. */
  readonly validator: string;
}

export interface WhitelistKeep {
  /** Undefined when there is none. @throws trust/whitelist-not-kept — there is one and it cannot be read */
  load(): Promise<KeptWhitelist | undefined>;
  /** @throws trust/whitelist-not-kept */
  save(kept: KeptWhitelist): Promise<void>;
}

const notKept = (detail: string, cause: unknown): DrimboxError =>
  new DrimboxError('trust/whitelist-not-kept', { detail, cause });

const isAbsent = (cause: unknown): boolean => cause instanceof Error && 'code' in cause && cause.code === 'ENOENT';

const decodeKept = (content: Buffer): KeptWhitelist => {
  const end = content.indexOf(0x0a);
  const { format: _format, ...kept } = header.parse(JSON.parse(content.subarray(0, end).toString('utf8')));
  return { ...kept, bytes: content.subarray(end + 1) };
};

const syncFolder = async (folder: string): Promise<void> => {
  await using handle = await open(folder, 'r');
  await handle.sync();
};

/** One file, replaced whole: a line of JSON, then the list as received. Only its owner may read it. */
export const createKeptFile = (folder: string): WhitelistKeep => {
  const path = join(folder, fileName);
  const temporary = `${path}.part`;
  return {
    load: async () => {
      try {
        return decodeKept(await readFile(path));
      } catch (cause) {
        if (isAbsent(cause)) return undefined;
        throw notKept('the kept copy cannot be read', cause);
      }
    },
    save: async ({ bytes, ...kept }) => {
      try {
        await mkdir(folder, { recursive: true, mode: 0o700 });
        await rm(temporary, { force: true });
        {
          await using file = await open(temporary, 'wx', 0o600);
          await file.writeFile(`${JSON.stringify({ format: 1, ...kept })}\n`);
          await file.writeFile(bytes);
          await file.sync();
        }
        await rename(temporary, path);
        await syncFolder(folder);
      } catch (cause) {
        throw notKept('the kept copy cannot be written', cause);
      }
    },
  };
};
