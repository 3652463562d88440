/** The ZIP format: what we write, read by others; what others write, read by us; what is hostile, refused. */
import { execFileSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { type FileHandle, open, readFile, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { deflateRawSync } from 'node:zlib';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { openZip, type ZipEntry } from '../../plugin/archive/xdm-zip-reader.ts';
import { ZipWriter } from '../../plugin/archive/xdm-zip-writer.ts';
import { DrimboxError } from '../../plugin/errors.ts';
import { pack, unpack } from '../fixtures/xdm/index.ts';

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'drimbox-zip-'));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const modifiedAtUtcMs = Date.UTC(2026, 2, 12, 10, 0, 2);
const mebibyte = 1024 * 1024;
const refusedAs = (code: string): unknown => expect.objectContaining({ code });

const write = async (
  path: string,
  files: Iterable<readonly [string, Uint8Array, boolean]>,
  start = 0,
): Promise<void> => {
  const file: FileHandle = await open(path, start === 0 ? 'w' : 'r+');
  let at = start;
  let waiting: Uint8Array[] = [];
  const flush = async (): Promise<void> => {
    const bytes = Buffer.concat(waiting);
    waiting = [];
    await file.write(bytes, 0, bytes.length, at);
    at += bytes.length;
  };
  const zip = new ZipWriter(async (bytes) => {
    if (waiting.push(bytes) === 5_000) await flush();
  }, start);
  for (const [name, bytes, isDeflated] of files) await zip.add({ name, bytes, isDeflated, modifiedAtUtcMs });
  await zip.finish();
  await flush();
  await file.close();
};

const read = async (path: string, maxBytes = 64 * mebibyte): Promise<Map<string, Buffer>> => {
  const zip = await openZip(path);
  try {
    const entries: ZipEntry[] = [];
    for await (const entry of zip.entries()) entries.push(entry);
    const found = new Map<string, Buffer>();
    for (const entry of entries) found.set(entry.name, await zip.read(entry, maxBytes));
    return found;
  } finally {
    zip.close();
  }
};

const python = (script: string, ...args: readonly string[]): string =>
  execFileSync('python3', ['-c', script, ...args], { encoding: 'utf8' }).trim();

describe('what is written', () => {
  const files: [string, Buffer, boolean][] = [
    ['KA202603/README.TXT', Buffer.from('Emetteur :\r\né\r\n'.repeat(200)), true],
    ['KA202603/IHE_XDM/SS000001/KOS_1_1.DCM', randomBytes(5000), false],
    ['KA202603/vide.txt', Buffer.alloc(0), true],
    ['KA202603/é.txt', Buffer.from('x'), false],
  ];

  test('is read by unzip, by Python and by yauzl, byte for byte', async () => {
    const path = join(folder, 'readers.zip');
    await write(path, files);
    execFileSync('unzip', ['-tqq', path]);
    for (const [name, bytes] of files) {
      const script =
        'import sys,zipfile,base64;print(base64.b64encode(zipfile.ZipFile(sys.argv[1]).read(sys.argv[2])).decode())';
      expect(Buffer.from(python(script, path, name), 'base64').equals(bytes), name).toBe(true);
    }
    expect([...(await unpack(path))]).toEqual(files.map(([name, bytes]) => [name, bytes]));
  });

  test('holds the time in UTC, is for its owner only, and stores or deflates as asked', async () => {
    const path = join(folder, 'attributes.zip');
    await write(path, files);
    const script =
      'import sys,zipfile,json;print(json.dumps([[i.date_time,i.compress_type,oct(i.external_attr>>16)] for i in zipfile.ZipFile(sys.argv[1]).infolist()[:2]]))';
    expect(JSON.parse(python(script, path))).toEqual([
      [[2026, 3, 12, 10, 0, 2], 8, '0o100600'],
      [[2026, 3, 12, 10, 0, 2], 0, '0o100600'],
    ]);
  });

  test('has 70,000 files: more than the old format counts (ZIP64)', async () => {
    const path = join(folder, 'many.zip');
    const count = 70_000;
    function* many(): Generator<[string, Uint8Array, boolean]> {
      for (let number = 0; number < count; number += 1) yield [`F${number}`, Buffer.from([number & 0xff]), false];
    }
    await write(path, many());
    expect(python('import sys,zipfile;print(len(zipfile.ZipFile(sys.argv[1]).infolist()))', path)).toBe(`${count}`);
    const zip = await openZip(path);
    let found = 0;
    for await (const entry of zip.entries()) {
      if (found === count - 1) expect(await zip.read(entry, 10)).toEqual(Buffer.from([(count - 1) & 0xff]));
      found += 1;
    }
    zip.close();
    expect(found).toBe(count);
  }, 60_000);

  test('stands beyond 4 GiB: offsets that the old format cannot say (ZIP64)', async () => {
    const path = join(folder, 'far.zip');
    const start = 2 ** 32 + 17;
    // A hole: nothing is written there.
    writeFileSync(path, '');
    truncateSync(path, start);
    await write(path, files, start);
    expect([...(await read(path)).keys()]).toEqual(files.map(([name]) => name));
    const script =
      'import sys,zipfile;print(zipfile.ZipFile(sys.argv[1]).testzip(),zipfile.ZipFile(sys.argv[1]).infolist()[1].header_offset>2**32)';
    expect(python(script, path)).toBe('None True');
    rmSync(path);
  });
});

describe('what is read', () => {
  test('is what another writer wrote, deflated or stored', async () => {
    const path = join(folder, 'foreign.zip');
    const files: [string, Buffer][] = [
      ['a/b.XML', Buffer.from('<a/>'.repeat(1000))],
      ['a/c.DCM', randomBytes(3000)],
    ];
    await pack(path, files);
    expect([...(await read(path))]).toEqual(files);
  });

  test.each(['../evil', 'a/../../evil', '/etc/passwd', 'C:/evil', 'a/\u0000b'])(
    'refuses the name %j: an archive does not choose where files go',
    async (name) => {
      const path = join(folder, 'unsafe.zip');
      await write(path, [[name, Buffer.from('x'), false]]);
      await expect(read(path)).rejects.toEqual(refusedAs('archive/xdm-name-unsafe'));
    },
  );

  test('refuses a file over its limit by what the directory says, before it inflates anything', async () => {
    const path = join(folder, 'large.zip');
    await write(path, [['a', randomBytes(2 * mebibyte), false]]);
    await expect(read(path, mebibyte)).rejects.toEqual(refusedAs('archive/xdm-too-large'));
  });

  test('refuses a bomb: files that inflate beyond what such an archive can', async () => {
    const path = join(folder, 'bomb.zip');
    await write(path, [['a', Buffer.alloc(30 * mebibyte), true]]);
    await expect(read(path)).rejects.toEqual(refusedAs('archive/xdm-too-large'));
  });

  test('refuses a bomb that lies about its size', async () => {
    const path = join(folder, 'lying.zip');
    await write(path, [['a', Buffer.alloc(mebibyte), true]]);
    const bytes = await readFile(path);
    const directory = bytes.indexOf(Buffer.from([0x50, 0x4b, 1, 2]));
    bytes.writeUInt32LE(1000, directory + 24);
    await writeFile(path, bytes);
    await expect(read(path)).rejects.toEqual(refusedAs('archive/xdm-too-large'));
  });

  test('refuses a directory that counts absurdly many files', async () => {
    const path = join(folder, 'count.zip');
    await write(path, [['a', Buffer.from('x'), false]]);
    const bytes = await readFile(path);
    const end = bytes.length - 22;
    const locator = Buffer.alloc(20);
    locator.writeUInt32LE(0x07064b50, 0);
    locator.writeBigUInt64LE(BigInt(end), 8);
    const zip64 = Buffer.alloc(56);
    zip64.writeUInt32LE(0x06064b50, 0);
    zip64.writeBigUInt64LE(5_000_000n, 32);
    zip64.writeBigUInt64LE(BigInt(bytes.readUInt32LE(end + 16)), 48);
    await writeFile(path, Buffer.concat([bytes.subarray(0, end), zip64, locator, bytes.subarray(end)]));
    await expect(read(path)).rejects.toEqual(refusedAs('archive/xdm-too-large'));
  });

  test('refuses a file whose bytes are not what its checksum says, stored or deflated', async () => {
    for (const isDeflated of [false, true]) {
      const path = join(folder, 'flipped.zip');
      const content = Buffer.from('abcdefgh'.repeat(100));
      await write(path, [['a', content, isDeflated]]);
      const bytes = await readFile(path);
      const at = 31 + Math.floor((isDeflated ? deflateRawSync(content) : content).length / 2);
      bytes[at] = (bytes[at] ?? 0) ^ 0x10;
      await writeFile(path, bytes);
      await expect(read(path)).rejects.toEqual(
        expect.objectContaining({ code: expect.stringMatching(/^archive\/xdm-(zip-invalid|too-large)$/) }),
      );
    }
  });

  test('refuses an archive that is cut at any place, and what is no archive', async () => {
    const whole = join(folder, 'whole.zip');
    await write(whole, [
      ['a', randomBytes(50), false],
      ['b', Buffer.from('b'.repeat(300)), true],
    ]);
    const bytes = await readFile(whole);
    for (let length = 0; length < bytes.length; length += 1) {
      const path = join(folder, 'cut.zip');
      await writeFile(path, bytes.subarray(0, length));
      await expect(read(path), `${length} bytes`).rejects.toEqual(refusedAs('archive/xdm-zip-invalid'));
    }
  });

  test('throws nothing but its own errors, whatever byte is changed', async () => {
    const whole = join(folder, 'fuzzed.zip');
    await write(whole, [
      ['IHE_XDM/SS000001/METADATA.XML', Buffer.from('<a/>'.repeat(50)), true],
      ['IHE_XDM/SS000001/KOS_1_1.DCM', randomBytes(40), false],
    ]);
    const bytes = await readFile(whole);
    await fc.assert(
      fc.asyncProperty(fc.nat(bytes.length - 1), fc.integer({ min: 1, max: 255 }), async (at, mask) => {
        const copy = Buffer.from(bytes);
        copy[at] = (copy[at] ?? 0) ^ mask;
        const path = join(folder, 'fuzz.zip');
        await writeFile(path, copy);
        try {
          await read(path, mebibyte);
        } catch (error) {
          expect(error).toBeInstanceOf(DrimboxError);
          expect((error as DrimboxError).code).toMatch(/^archive\/xdm-/);
        }
      }),
      { numRuns: 300 },
    );
  });

  test('says which file is not there', async () => {
    await expect(openZip(join(folder, 'absent.zip'))).rejects.toEqual(refusedAs('cli/file-unreadable'));
  });
});
