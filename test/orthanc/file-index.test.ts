/** Names of stored files: the tables, or REST where they cannot be read. Names are invented. */
import { describe, expect, it } from 'vitest';
import { DrimboxError } from '../../plugin/errors.ts';
import { createFileIndexWithFallback, type FileIndex, type FilePlace } from '../../plugin/orthanc/index.ts';
import { idOf } from '../fixtures/orthanc/stored-pacs.ts';

describe('names of files read in PostgreSQL', () => {
  const answering = (uuid: string): FileIndex => ({
    listFiles: async (asked) => {
      await Promise.resolve();
      return new Map(asked.map((id): [string, FilePlace] => [id, { uuid, sizeBytes: 1 }]));
    },
  });
  const setting = (failure?: DrimboxError) => {
    const state = { nowMs: 0, failure, asked: 0, warnings: [] as unknown[] };
    const tables: FileIndex = {
      listFiles: async (asked) => {
        state.asked += 1;
        if (state.failure !== undefined) throw state.failure;
        return await answering('tables').listFiles(asked);
      },
    };
    const log = { warn: (fields: unknown) => void state.warnings.push(fields) };
    const index = createFileIndexWithFallback(tables, answering('rest'), { log, clock: () => state.nowMs });
    const read = async (): Promise<string | undefined> => {
      const place = (await index.listFiles([idOf(1)])).get(idOf(1));
      return place === 'without-file' ? place : place?.uuid;
    };
    return { state, read };
  };

  it('are taken from there', async () => {
    const { read } = setting();
    expect(await read()).toBe('tables');
  });

  it.each(['orthanc/refused', 'orthanc/index-unsupported'] as const)(
    '%s: REST instead, said once; the tables are tried again after five minutes',
    async (code) => {
      const { state, read } = setting(new DrimboxError(code));
      expect([await read(), await read(), await read()]).toEqual(['rest', 'rest', 'rest']);
      expect([state.asked, state.warnings.length]).toEqual([1, 1]);
      state.nowMs += 300_000;
      state.failure = undefined;
      expect(await read()).toBe('tables');
    },
  );

  it.each(['orthanc/unreachable', 'orthanc/timeout', 'orthanc/answer-invalid'] as const)(
    '%s: told, for Orthanc uses the same database',
    async (code) => {
      const { read } = setting(new DrimboxError(code));
      await expect(read()).rejects.toMatchObject({ code });
    },
  );
});
