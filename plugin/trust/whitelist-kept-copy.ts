/**
 * The last good list on disk, so that a restart without network still knows the trust space. It is verified again when
 * loaded: nothing is believed because it lies here.
 */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { DrimboxError } from '../errors.ts';
import { isAbsent, replaceFile } from './kept-file.ts';

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

const decodeKept = (content: Buffer): KeptWhitelist => {
  const end = content.indexOf(0x0a);
  const { format: _format, ...kept } = header.parse(JSON.parse(content.subarray(0, end).toString('utf8')));
  return { ...kept, bytes: content.subarray(end + 1) };
};

/** One file, replaced whole: a line of JSON, then the list as received. */
export const createKeptFile = (folder: string): WhitelistKeep => {
  const path = join(folder, fileName);
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
        await replaceFile(path, `${JSON.stringify({ format: 1, ...kept })}\n`, bytes);
      } catch (cause) {
        throw notKept('the kept copy cannot be written', cause);
      }
    },
  };
};
