/** Whether the storage folder is the one that Orthanc writes to. Names and bytes are invented. */
import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { describeStorage, probeStorage } from '../../plugin/orthanc/index.ts';
import { clientOf, createPacs, idOf, type Pacs, removePacs, storeIn, uuidOf } from '../fixtures/orthanc/stored-pacs.ts';

const made: Pacs[] = [];
afterEach(() => {
  for (const pacs of made.splice(0)) removePacs(pacs);
});
const pacsOf = (...given: Parameters<typeof createPacs>): Pacs => {
  const pacs = createPacs(...given);
  made.push(pacs);
  return pacs;
};

describe('the storage folder is looked at', () => {
  const probe = (pacs: Pacs, where: string | undefined = pacs.folder, storagePlugin?: string) =>
    probeStorage(
      {
        ...clientOf(pacs),
        system: () => Promise.resolve({ ...(storagePlugin === undefined ? {} : { storagePlugin }) } as never),
        listSomeInstanceIds: (limit) => Promise.resolve([...pacs.files.keys()].slice(0, limit)),
      },
      where,
    );

  it('files that are there: read there', async () => {
    const found = await probe(pacsOf(20));
    expect(found).toEqual({ kind: 'folder', looked: 8, readable: 8 });
    expect(describeStorage(found)).toContain('8 of 8');
  });

  it('some that are there: read there, for each file is looked at when it is needed', async () => {
    const pacs = pacsOf(3);
    rmSync(join(pacs.folder, '00/00', uuidOf(1)));
    expect(await probe(pacs)).toEqual({ kind: 'folder', looked: 3, readable: 2 });
  });

  it('no instance yet: nothing to look at', async () => {
    const found = await probe(pacsOf(0));
    expect(found).toEqual({ kind: 'empty' });
    expect(describeStorage(found)).toContain('empty');
  });

  it('another folder than Orthanc’s', async () => {
    expect(await probe(pacsOf(3), '/nowhere')).toEqual({ kind: 'rest', reason: 'not-there' });
  });

  it('files of another size, as Orthanc’s compression makes them', async () => {
    const pacs = pacsOf(3);
    for (const number of [0, 1, 2]) storeIn(pacs.folder, uuidOf(number), Buffer.from('packed'));
    expect(await probe(pacs)).toEqual({ kind: 'rest', reason: 'compressed' });
  });

  it('a folder that is none', async () => {
    const pacs = pacsOf(3);
    writeFileSync(join(pacs.folder, 'file'), '');
    expect(await probe(pacs, join(pacs.folder, 'file'))).toEqual({ kind: 'rest', reason: 'not-readable' });
  });

  it('a storage plugin, without looking', async () => {
    const pacs = pacsOf(3);
    expect(await probe(pacs, pacs.folder, '/libOrthancPostgreSQLStorage.so')).toEqual({
      kind: 'rest',
      reason: 'storage-plugin',
    });
    expect(pacs.asked).toEqual([]);
  });

  it('Orthanc names no file at all: orthanc/answer-invalid', async () => {
    const pacs = pacsOf(0);
    pacs.files.set(idOf(0), undefined);
    await expect(probe(pacs)).rejects.toMatchObject({ code: 'orthanc/answer-invalid' });
  });

  it('says in words why files are asked by REST', () => {
    const reasons = ['not-configured', 'storage-plugin', 'not-there', 'compressed', 'not-readable'] as const;
    const texts = reasons.map((reason) => describeStorage({ kind: 'rest', reason }));
    expect(new Set(texts).size).toBe(5);
    for (const text of texts) expect(text).toContain('REST');
  });
});
