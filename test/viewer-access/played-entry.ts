/** The listener that the tests of a file ask, fakes behind it: started and closed for them. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach } from 'vitest';
import type { ViewerListener } from '../../plugin/viewer-access/index.ts';
import { makeCa } from '../peers/ca/make-ca.ts';
import type { TestCa } from '../peers/ca/test-ca.ts';
import { type FakedWorld, makeStaticFolder, makeWorld, startEntry } from './faked-entry.ts';

export interface PlayedEntry {
  readonly port: number;
  readonly listener: ViewerListener;
  readonly world: FakedWorld;
  readonly ca: TestCa;
  readonly staticFolder: string;
  /** Ends the listener and starts it anew. @param options  of `viewerAccessOptions` */
  restart(options?: Readonly<Record<string, unknown>>): Promise<void>;
}

const playEntry = (): PlayedEntry & { start(world: FakedWorld): Promise<void>; end(): Promise<void> } => {
  const folder = mkdtempSync(join(tmpdir(), 'drimbox-vi-'));
  const built = makeStaticFolder();
  let ca: TestCa;
  let world: FakedWorld;
  let listener: ViewerListener;
  beforeAll(async () => {
    ca = await makeCa(folder);
  }, 60_000);
  afterAll(() => {
    rmSync(folder, { recursive: true });
    built.remove();
  });
  return {
    get port() {
      return listener.port;
    },
    get listener() {
      return listener;
    },
    get world() {
      return world;
    },
    get ca() {
      return ca;
    },
    staticFolder: built.folder,
    start: async (played) => {
      world = played;
      listener = await startEntry(ca, built.folder, world);
    },
    restart: async (options = {}) => {
      await listener.close(0);
      listener = await startEntry(ca, built.folder, world, options);
    },
    end: () => listener.close(0),
  };
};

/** One listener for all tests of the file. */
export const playEntryForFile = (world: FakedWorld = makeWorld()): PlayedEntry => {
  const entry = playEntry();
  beforeAll(() => entry.start(world));
  afterAll(() => entry.end());
  return entry;
};

/** Another listener, and another world, for each test. */
export const playEntryForEach = (): PlayedEntry => {
  const entry = playEntry();
  beforeEach(() => entry.start(makeWorld()));
  afterEach(() => entry.end());
  return entry;
};
