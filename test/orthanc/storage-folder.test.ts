/** Orthanc's storage folder, with invented files. */
import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { deflateSync } from 'node:zlib';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createMemoryLender, type MemoryLender } from '../../plugin/lent-memory.ts';
import { type OpenedFile, openInFolder, readInFolder, type ReadFile } from '../../plugin/orthanc/storage-folder.ts';

const uuid = '17a5a954-4757-4c98-8b65-ce92dae81d0f';
const bytes = Buffer.from(Array.from({ length: 5_000 }, (_, index) => index % 251));

let root: string;
let folder: string;
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'drimbox-storage-'));
  folder = join(root, 'storage');
  mkdirSync(join(folder, '17/a5'), { recursive: true });
});
afterEach(() => rmSync(root, { recursive: true }));

const pathOf = (name = uuid): string => join(folder, '17/a5', name);
const opening: OpenedFile[] = [];
const open = async (named: { uuid: string; sizeBytes: number }): Promise<OpenedFile> => {
  const opened = await openInFolder(folder, named);
  opening.push(opened);
  return opened;
};
const fileOf = async (named: { uuid: string; sizeBytes: number }) => {
  const opened = await open(named);
  if (opened.kind !== 'open') throw new Error(opened.kind);
  return opened.file;
};
afterEach(async () => {
  for (const one of opening.splice(0)) if (one.kind === 'open') await one.file.close();
});

it('opens the file of that name and size, and reads any part of it', async () => {
  writeFileSync(pathOf(), bytes);
  const file = await fileOf({ uuid, sizeBytes: 5_000 });
  expect(await file.read(0, 5_000)).toEqual(bytes);
  expect(await file.read(4_999, 5_000)).toEqual(bytes.subarray(4_999));
  expect(await file.read(100, 100)).toEqual(Buffer.alloc(0));
});

it('goes on reading a file that Orthanc deletes meanwhile: what is leaving leaves whole', async () => {
  writeFileSync(pathOf(), bytes);
  const file = await fileOf({ uuid, sizeBytes: 5_000 });
  rmSync(pathOf());
  expect(await file.read(0, 5_000)).toEqual(bytes);
});

it('a file cut while it is read: orthanc/answer-invalid, never fewer bytes than asked', async () => {
  writeFileSync(pathOf(), bytes);
  const file = await fileOf({ uuid, sizeBytes: 5_000 });
  truncateSync(pathOf(), 100);
  await expect(file.read(0, 5_000)).rejects.toMatchObject({ code: 'orthanc/answer-invalid' });
});

it('closing twice is harmless, reading what is closed is an error of ours', async () => {
  writeFileSync(pathOf(), bytes);
  const file = await fileOf({ uuid, sizeBytes: 5_000 });
  await file.close();
  await file.close();
  await expect(file.read(0, 10)).rejects.toMatchObject({ code: 'orthanc/answer-invalid' });
});

describe('is not taken for the stored file', () => {
  it('nothing there', async () => {
    expect(await open({ uuid, sizeBytes: 5_000 })).toEqual({ kind: 'missing' });
  });

  it.each([4_999, 5_001, 0])('a file of another size than %i bytes', async (sizeBytes) => {
    writeFileSync(pathOf(), bytes);
    expect(await open({ uuid, sizeBytes })).toEqual({ kind: 'not-as-stored' });
  });

  it('a link, wherever it leads: another tenant’s file must not be reached through the folder', async () => {
    writeFileSync(join(root, 'elsewhere'), bytes);
    symlinkSync(join(root, 'elsewhere'), pathOf());
    expect(await open({ uuid, sizeBytes: 5_000 })).toEqual({ kind: 'unreadable', systemCode: 'ELOOP' });
  });

  it('a folder', async () => {
    mkdirSync(pathOf());
    expect((await open({ uuid, sizeBytes: 4_096 })).kind).toBe('not-as-stored');
  });

  it('a pipe, which would be waited for without end', async () => {
    execFileSync('mkfifo', [pathOf()]);
    expect(await open({ uuid, sizeBytes: 0 })).toEqual({ kind: 'not-as-stored' });
  });

  it('a file that Orthanc compressed, even where it is as long as it was before', async () => {
    const packed = deflateSync(bytes);
    const prefix = Buffer.alloc(8);
    const stored = Buffer.concat([prefix, packed]);
    prefix.writeBigUInt64LE(BigInt(stored.length));
    writeFileSync(pathOf(), Buffer.concat([prefix, packed]));
    expect(await open({ uuid, sizeBytes: stored.length })).toEqual({ kind: 'not-as-stored' });
    // The same bytes with another size in front are no compressed file of that size.
    prefix.writeBigUInt64LE(1n);
    writeFileSync(pathOf(), Buffer.concat([prefix, packed]));
    expect((await open({ uuid, sizeBytes: stored.length })).kind).toBe('open');
  });
});

describe('never leaves the folder', () => {
  it.each([
    '../../secret',
    '../../../secret',
    '/etc/passwd',
    `${uuid}/../${uuid}`,
    `${uuid}\0`,
    `${uuid}\n`,
    uuid.toUpperCase(),
    '',
    '.',
    '..',
  ])('for the name %j', async (name) => {
    writeFileSync(join(root, 'secret'), bytes);
    writeFileSync(join(folder, 'secret'), bytes);
    writeFileSync(pathOf(), bytes);
    expect(await open({ uuid: name, sizeBytes: 5_000 })).toEqual({ kind: 'missing' });
  });

  it('for any text', async () => {
    await fc.assert(
      fc.asyncProperty(fc.oneof(fc.string(), fc.constantFrom('..', '/', '../..')), async (name) => {
        expect(await openInFolder(folder, { uuid: name, sizeBytes: 1 })).toEqual({ kind: 'missing' });
      }),
      { seed: 8, numRuns: 200 },
    );
  });
});

describe('read in one go', () => {
  /** Counts what is lent and not given back. */
  const counted = (): MemoryLender & { out: number } => {
    const lender = createMemoryLender(1_000_000);
    const counting = {
      out: 0,
      lend: (sizeBytes: number) => {
        const { bytes: memory, giveBack } = lender.lend(sizeBytes);
        counting.out += 1;
        memory.fill(0xee);
        return {
          bytes: memory,
          giveBack: () => {
            counting.out -= 1;
            giveBack();
          },
        };
      },
    };
    return counting;
  };
  const read = async (named: { uuid: string; sizeBytes: number }): Promise<ReadFile & { out: number }> => {
    const memory = counted();
    const one = await readInFolder(folder, named, memory);
    return { ...one, out: memory.out };
  };

  it('gives the file of that name and size, in memory that is lent', async () => {
    writeFileSync(pathOf(), bytes);
    const one = await read({ uuid, sizeBytes: 5_000 });
    if (one.kind !== 'read') throw new Error(one.kind);
    expect(one.whole.bytes.equals(bytes)).toBe(true);
    expect(one.out).toBe(1);
  });

  it('an empty file', async () => {
    writeFileSync(pathOf(), '');
    expect(await read({ uuid, sizeBytes: 0 })).toMatchObject({ kind: 'read', whole: { bytes: Buffer.alloc(0) } });
  });

  it.each([4_999, 5_001, 1, 9_999])(
    'not a file of another size than %i bytes; its memory is given back',
    async (sizeBytes) => {
      writeFileSync(pathOf(), bytes);
      expect(await read({ uuid, sizeBytes })).toEqual({ kind: 'not-as-stored', out: 0 });
    },
  );

  it('not what is missing, a link, or a folder; the memory is given back', async () => {
    expect(await read({ uuid, sizeBytes: 5_000 })).toEqual({ kind: 'missing', out: 0 });
    writeFileSync(join(root, 'elsewhere'), bytes);
    symlinkSync(join(root, 'elsewhere'), pathOf());
    expect(await read({ uuid, sizeBytes: 5_000 })).toEqual({ kind: 'unreadable', systemCode: 'ELOOP', out: 0 });
    rmSync(pathOf());
    mkdirSync(pathOf());
    expect(await read({ uuid, sizeBytes: 4_096 })).toEqual({ kind: 'unreadable', systemCode: 'EISDIR', out: 0 });
  });

  it('not what Orthanc compressed', async () => {
    const packed = deflateSync(bytes);
    const stored = Buffer.concat([Buffer.alloc(8), packed]);
    stored.writeBigUInt64LE(BigInt(stored.length));
    writeFileSync(pathOf(), stored);
    expect(await read({ uuid, sizeBytes: stored.length })).toEqual({ kind: 'not-as-stored', out: 0 });
  });

  it('never outside the folder', async () => {
    writeFileSync(join(root, 'secret'), bytes);
    expect(await read({ uuid: '../../secret', sizeBytes: 5_000 })).toEqual({ kind: 'missing', out: 0 });
  });
});
