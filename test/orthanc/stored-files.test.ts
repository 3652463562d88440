/** Which way a stored file is read, and how often Orthanc is asked where it is. Names and bytes are invented. */
import { afterEach, describe, expect, it } from 'vitest';
import { DrimboxError } from '../../plugin/errors.ts';
import { createMemoryLender, type LentMemory } from '../../plugin/lent-memory.ts';
import { createStoredFiles, type StoredFile, type StoredFiles } from '../../plugin/orthanc/index.ts';
import {
  clientOf,
  createPacs,
  idOf,
  ids,
  type Pacs,
  removePacs,
  storeIn,
  uuidOf,
} from '../fixtures/orthanc/stored-pacs.ts';

const none = new AbortController().signal;
const made: Pacs[] = [];
afterEach(() => {
  for (const pacs of made.splice(0)) removePacs(pacs);
});
const pacsOf = (...given: Parameters<typeof createPacs>): Pacs => {
  const pacs = createPacs(...given);
  made.push(pacs);
  return pacs;
};
const filesOf = (pacs: Pacs, more: Partial<Parameters<typeof createStoredFiles>[1]> = {}): StoredFiles =>
  createStoredFiles(clientOf(pacs), { folder: pacs.folder, clock: () => pacs.nowMs, ...more });

const gather = async (pieces: AsyncIterable<LentMemory>): Promise<string> => {
  const kept: Uint8Array[] = [];
  for await (const { bytes } of pieces) kept.push(bytes);
  return Buffer.concat(kept).toString();
};
/** Everything that can be read of a file, in every way. */
const readEveryWay = async (file: StoredFile): Promise<readonly string[]> => {
  const all = { start: 0, end: file.sizeBytes };
  const answers = [
    (await file.readAll()).toString(),
    (await file.readPrefix(5)).toString(),
    (await file.readPrefix(1_000)).toString(),
    await gather(file.stream(all, none)),
    await gather(file.stream({ start: 3, end: 9 }, none)),
    await gather(file.stream({ start: 3, end: 3 }, none)),
  ];
  await file.close();
  return answers;
};
const everyWay = ['bytes of file 3', 'bytes', 'bytes of file 3', 'bytes of file 3', 'es of ', ''];

describe('a stored file that is read as it is opened', () => {
  const open = async (pacs: Pacs, wholeUpToBytes: number, memory = createMemoryLender(1_000_000)) =>
    filesOf(pacs, { memory }).open(idOf(3), [], none, wholeUpToBytes);

  it('has its bytes at once, where it is not longer than that', async () => {
    const file = await open(pacsOf(5), 15);
    expect(file.whole?.bytes.toString()).toBe('bytes of file 3');
    expect(file).toMatchObject({ source: 'folder', uuid: uuidOf(3), sizeBytes: 15 });
    expect(await readEveryWay(file)).toEqual(everyWay);
  });

  it('has not where it is longer, or is asked of Orthanc', async () => {
    expect((await open(pacsOf(5), 14)).whole).toBeUndefined();
    const elsewhere = filesOf(pacsOf(5), { folder: undefined });
    const file = await elsewhere.open(idOf(3), [], none, 15);
    expect(file).toMatchObject({ source: 'orthanc' });
    expect(file.whole).toBeUndefined();
  });

  it('gives its memory back when it is closed; what was read of it are copies', async () => {
    const memory = createMemoryLender(1_000_000);
    const file = await open(pacsOf(5), 15, memory);
    const lent = file.whole?.bytes;
    const [all, head] = [await file.readAll(), await file.readPrefix(5)];
    await file.close();
    await file.close();
    const next = memory.lend(10);
    expect(next.bytes.buffer).toBe(lent?.buffer);
    next.bytes.fill(0);
    expect([all.toString(), head.toString()]).toEqual(['bytes of file 3', 'bytes']);
    expect(memory.lend(10).bytes.buffer).not.toBe(lent?.buffer);
  });

  it('keeps its memory from the next image until the caller gives it back', async () => {
    const memory = createMemoryLender(1_000_000);
    const file = await open(pacsOf(5), 15, memory);
    const kept = file.whole?.keep();
    await file.close();
    expect(memory.lend(10).bytes.buffer).not.toBe(kept?.bytes.buffer);
    expect(kept?.bytes.toString()).toBe('bytes of file 3');
    kept?.giveBack();
    expect(memory.lend(10).bytes.buffer).toBe(kept?.bytes.buffer);
  });
});

describe('a stored file', () => {
  it('is read in the folder, and Orthanc gives no byte of it', async () => {
    const pacs = pacsOf(5);
    const file = await filesOf(pacs).open(idOf(3), [], none);
    expect(file).toMatchObject({
      source: 'folder',
      uuid: uuidOf(3),
      sizeBytes: 15,
      transferSyntaxUid: '1.2.840.10008.1.2.1',
    });
    expect(await readEveryWay(file)).toEqual(everyWay);
    expect(pacs.downloads).toEqual([]);
  });

  it.each([
    ['without a folder', { folder: undefined }],
    ['with a folder where it is not', { folder: '/nowhere' }],
  ])('is asked of Orthanc %s, and reads alike', async (_what, more) => {
    const file = await filesOf(pacsOf(5, { inFolder: false }), more).open(idOf(3), [], none);
    expect(file).toMatchObject({ source: 'orthanc', uuid: uuidOf(3), sizeBytes: 15 });
    expect(await readEveryWay(file)).toEqual(everyWay);
  });

  it.each([{ folder: undefined }, {}])('of another part than it has is a fault of the caller (%j)', async (more) => {
    const file = await filesOf(pacsOf(5), more).open(idOf(3), [], none);
    for (const range of [
      { start: 0, end: 16 },
      { start: -1, end: 3 },
      { start: 4, end: 3 },
    ]) {
      await expect((async () => gather(file.stream(range, none)))()).rejects.toThrow(RangeError);
    }
    await file.close();
  });

  it.each([{ folder: undefined }, {}])('too large for memory is streamed, not read whole (%j)', async (more) => {
    const pacs = pacsOf(1);
    const file = await filesOf(pacs, { ...more, maxWholeBytes: 14 }).open(idOf(0), [], none);
    await expect(file.readAll()).rejects.toMatchObject({ code: 'orthanc/file-too-large', retry: 'permanent' });
    expect(await gather(file.stream({ start: 0, end: 15 }, none))).toBe('bytes of file 0');
    expect((await file.readPrefix(5)).toString()).toBe('bytes');
    await file.close();
  });

  it('is not opened for who has left', async () => {
    const pacs = pacsOf(1);
    await expect(filesOf(pacs).open(idOf(0), [], AbortSignal.abort(new Error('left')))).rejects.toThrow('left');
    expect(pacs.asked).toEqual([]);
  });

  it('in the folder is not read on for who has left', async () => {
    const file = await filesOf(pacsOf(1)).open(idOf(0), [], none);
    const left = AbortSignal.abort(new Error('left'));
    await expect(gather(file.stream({ start: 0, end: 15 }, left))).rejects.toThrow('left');
    await file.close();
  });
});

describe('an instance', () => {
  it.each([{ folder: undefined }, {}])('that is gone: orthanc/not-found (%j)', async (more) => {
    await expect(filesOf(pacsOf(1), more).open(idOf(7), [], none)).rejects.toMatchObject({ code: 'orthanc/not-found' });
  });

  it('deleted after it was found: orthanc/not-found, by Orthanc’s own word', async () => {
    const pacs = pacsOf(2);
    const files = filesOf(pacs);
    await (await files.open(idOf(0), [idOf(1)], none)).close();
    pacs.files.delete(idOf(1));
    removePacs(pacs);
    const file = await files.open(idOf(1), [], none);
    await expect(file.readAll()).rejects.toMatchObject({ code: 'orthanc/not-found' });
    pacs.nowMs += 1_000;
    await expect(files.open(idOf(1), [], none)).rejects.toMatchObject({ code: 'orthanc/not-found' });
  });

  it.each([{ folder: undefined }, {}])('replaced since it was asked about is read as it is now (%j)', async (more) => {
    const pacs = pacsOf(1);
    const files = filesOf(pacs, more);
    await (await files.open(idOf(0), [], none)).close();
    removePacs(pacs);
    storeIn(pacs.folder, uuidOf(99), Buffer.from('corrected image'));
    pacs.files.set(idOf(0), { uuid: uuidOf(99), bytes: Buffer.from('corrected image') });
    // In the folder it is noticed at once, by REST after half a minute.
    pacs.nowMs += 'folder' in more ? 30_000 : 1_000;
    const file = await files.open(idOf(0), [], none);
    expect([file.uuid, (await file.readAll()).toString()]).toEqual([uuidOf(99), 'corrected image']);
    await file.close();
  });

  it('replaced by one of another size a moment ago: refused once, then read as it is now', async () => {
    const pacs = pacsOf(1);
    const files = filesOf(pacs, { folder: undefined });
    const before = await files.open(idOf(0), [], none);
    pacs.files.set(idOf(0), { uuid: uuidOf(99), bytes: Buffer.from('corrected') });
    await expect(before.readAll()).rejects.toMatchObject({ code: 'orthanc/answer-invalid' });
    expect((await (await files.open(idOf(0), [], none)).readAll()).toString()).toBe('corrected');
  });

  it('replaced between two parts of it: orthanc/answer-invalid, never the head of one and the tail of another', async () => {
    const pacs = pacsOf(1);
    const file = await filesOf(pacs, { folder: undefined }).open(idOf(0), [], none);
    await file.readPrefix(5);
    pacs.etag = '"0-b"';
    const tail = gather(file.stream({ start: 5, end: 15 }, none));
    await expect(tail).rejects.toMatchObject({ code: 'orthanc/answer-invalid' });
  });

  it('without a file, or with a name that no Orthanc gives, fails alone', async () => {
    const pacs = pacsOf(4);
    pacs.files.set(idOf(1), undefined);
    pacs.files.set(idOf(2), { uuid: '../../etc/passwd', bytes: Buffer.from('x') });
    const files = filesOf(pacs);
    for (const id of [idOf(1), idOf(2)]) {
      await expect(files.open(id, ids(4), none)).rejects.toMatchObject({ code: 'orthanc/answer-invalid' });
    }
    for (const id of [idOf(0), idOf(3)]) await (await files.open(id, ids(4), none)).close();
    expect(pacs.downloads).toEqual([]);
  });
});

describe('Orthanc is asked where files are', () => {
  const walk = async (files: StoredFiles, all: readonly string[], window = 300): Promise<void> => {
    for (const [place, id] of all.entries()) {
      await (await files.open(id, all.slice(place + 1, place + 1 + window), none)).close();
    }
  };

  it.each([
    ['in the folder', {}],
    ['by REST', { folder: undefined }],
    ['of a storage that compresses its files', { folder: '/nowhere' }],
  ])('a few times for a thousand images read %s, and once for each', async (_what, more) => {
    const pacs = pacsOf(1_000);
    await walk(filesOf(pacs, more), ids(1_000));
    expect(pacs.asked.length).toBeLessThanOrEqual(8);
    expect(pacs.asked.flat().toSorted()).toEqual(ids(1_000));
    // The first image does not wait for the answer about all of them.
    expect(pacs.asked[0]?.length).toBe(16);
  });

  it('not again for the next peer, when the files are in the folder', async () => {
    const pacs = pacsOf(100);
    const files = filesOf(pacs);
    await walk(files, ids(100));
    const before = pacs.asked.length;
    pacs.nowMs += 240_000;
    await walk(files, ids(100));
    expect(pacs.asked.length).toBe(before);
  });

  it('again after a while, and again together, when only Orthanc can tell that they are the same', async () => {
    const pacs = pacsOf(100);
    const files = filesOf(pacs, { folder: undefined });
    await walk(files, ids(100));
    const before = pacs.asked.length;
    pacs.nowMs += 60_000;
    await walk(files, ids(100));
    expect(pacs.asked.length - before).toBeLessThanOrEqual(3);
    expect(pacs.asked.slice(before).flat().toSorted()).toEqual(ids(100));
  });

  it('again after it failed; who needed the answer is told', async () => {
    const pacs = pacsOf(40);
    const files = filesOf(pacs);
    pacs.failure = new DrimboxError('orthanc/timeout');
    await expect(files.open(idOf(0), ids(40), none)).rejects.toMatchObject({ code: 'orthanc/timeout' });
    pacs.failure = undefined;
    await walk(files, ids(40));
  });

  it('a failure ahead of need troubles nobody', async () => {
    const pacs = pacsOf(40);
    const files = filesOf(pacs);
    const first = await files.open(idOf(0), ids(16).slice(1), none);
    pacs.failure = new DrimboxError('orthanc/timeout');
    await first.close();
    await (await files.open(idOf(1), ids(40).slice(2), none)).close();
    await new Promise((resolve) => setImmediate(resolve));
    pacs.failure = undefined;
    await walk(files, ids(40));
  });

  it('once by two who need the same at the same time', async () => {
    const pacs = pacsOf(10);
    const files = filesOf(pacs);
    const opened = await Promise.all(ids(10).map((id) => files.open(id, ids(10), none)));
    await Promise.all(opened.map((file) => file.close()));
    expect(pacs.asked.flat().toSorted()).toEqual(ids(10));
  });
});
