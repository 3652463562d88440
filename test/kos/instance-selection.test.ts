import { describe, expect, test } from 'vitest';
import { selectManifestInstances, type KeyObject } from '../../plugin/kos/index.ts';

const kos = '1.2.840.10008.5.1.4.1.1.88.59';
const ct = '1.2.840.10008.5.1.4.1.1.2';
const series = (name: string, sopClassUid: string, ...sopInstanceUids: string[]) => ({
  name,
  instances: sopInstanceUids.map((sopInstanceUid) => ({ sopInstanceUid, sopClassUid })),
});
const keyObject = (sopInstanceUid: string, titleCode: string, ...references: string[]): KeyObject => ({
  sopInstanceUid,
  titleCode,
  references,
});
const listed = (...args: Parameters<typeof selectManifestInstances<ReturnType<typeof series>>>): unknown =>
  selectManifestInstances(...args).map(({ name, instances }) => [name, ...instances.map((one) => one.sopInstanceUid)]);

const images = series('images', ct, '1.1', '1.2', '1.3');

describe('what a manifest lists (decision C3)', () => {
  test('every instance of a study without key objects, in its order', () => {
    expect(listed([images, series('more', ct, '2.1')], [])).toEqual([
      ['images', '1.1', '1.2', '1.3'],
      ['more', '2.1'],
    ]);
  });

  test.each(['113001', '113037', '113038', '113039'])(
    'neither a rejection note %s nor what it rejects: rejected images must not be shown',
    (title) => {
      expect(listed([images, series('notes', kos, '9.1')], [keyObject('9.1', title, '1.1', '1.3')])).toEqual([
        ['images', '1.2'],
      ]);
    },
  );

  test('no manifest (113030), but what a stored manifest names', () => {
    expect(listed([images, series('kos', kos, '9.1')], [keyObject('9.1', '113030', '1.1')])).toEqual([
      ['images', '1.1', '1.2', '1.3'],
    ]);
  });

  test.each(['113000', '113010', ''])('any other key object (%j) like an image', (title) => {
    expect(listed([images, series('kos', kos, '9.1')], [keyObject('9.1', title, '1.1')])).toEqual([
      ['images', '1.1', '1.2', '1.3'],
      ['kos', '9.1'],
    ]);
  });

  test('no key object that was itself rejected', () => {
    const objects = [keyObject('9.1', '113000', '1.1'), keyObject('9.2', '113001', '9.1')];
    expect(listed([images, series('kos', kos, '9.1', '9.2')], objects)).toEqual([['images', '1.1', '1.2', '1.3']]);
  });

  test('nothing when everything was rejected: no series without instance is left', () => {
    expect(listed([images, series('notes', kos, '9.1')], [keyObject('9.1', '113001', '1.1', '1.2', '1.3')])).toEqual(
      [],
    );
  });

  test('rejections of instances of other studies do not matter', () => {
    expect(listed([images, series('notes', kos, '9.1')], [keyObject('9.1', '113001', '7.7')])).toEqual([
      ['images', '1.1', '1.2', '1.3'],
    ]);
  });

  test('refuses to choose when a key object was not read: it might be a rejection note', () => {
    expect(() => listed([images, series('notes', kos, '9.1')], [])).toThrow('kos/unreadable');
  });

  test('leaves its arguments as they were', () => {
    const study = [images, series('notes', kos, '9.1')];
    const before = structuredClone(study);
    selectManifestInstances(study, [keyObject('9.1', '113001', '1.1')]);
    expect(study).toEqual(before);
  });
});
