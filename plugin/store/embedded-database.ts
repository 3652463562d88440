/**
 * PGlite as the embedded database: what it commits is on the disk, and it is modest with memory.
 *
 * As it comes, PGlite runs without fsync and its file layer has none: a power cut would lose rows that were acknowledged. It
 * also takes 160 MB of shared buffers, and writes binary parameters as hexadecimal text, one string per byte.
 *
 * @see facts/toolchain.md §4 · measured by scripts/bench
 */
import { closeSync, fsyncSync, openSync } from 'node:fs';
import { PGlite } from '@electric-sql/pglite';
import { NodeFS } from '@electric-sql/pglite/nodefs';

const int8Oid = 20;
const byteaOid = 17;

/** An open file of Emscripten's NODEFS. */
interface OpenFile {
  /** Descriptor of the file on the host; absent for a folder. */
  readonly nfd?: number;
  readonly node: object;
}

interface NodeFileLayer {
  realPath(node: object): string;
  readonly stream_ops: { fsync?: (file: OpenFile) => number };
}

const syncFile = (layer: NodeFileLayer, file: OpenFile): void => {
  if (file.nfd !== undefined) {
    fsyncSync(file.nfd);
    return;
  }
  // A folder: that a file was made or renamed in it must last too.
  const folder = openSync(layer.realPath(file.node), 'r');
  try {
    fsyncSync(folder);
  } finally {
    closeSync(folder);
  }
};

/** PGlite's own file layer, with the fsync that it lacks. */
class DurableNodeFs extends NodeFS {
  override async init(...args: Parameters<NodeFS['init']>): ReturnType<NodeFS['init']> {
    const { emscriptenOpts } = await super.init(...args);
    const makeDurable = (module: unknown): void => {
      const layer = (module as { NODEFS: NodeFileLayer }).NODEFS;
      layer.stream_ops.fsync = (file) => {
        syncFile(layer, file);
        return 0;
      };
    };
    return { emscriptenOpts: { ...emscriptenOpts, preRun: [...(emscriptenOpts.preRun ?? []), makeDurable] } };
  }
}

/** `-F` turns fsync off. In WASM only `fsync` reaches the file layer: `fdatasync` does nothing there. */
const startParameters = [
  ...PGlite.defaultStartParams.filter((parameter) => parameter !== '-F'),
  ...['-c', 'fsync=on', '-c', 'wal_sync_method=fsync', '-c', 'shared_buffers=16MB'],
];

/**
 * Opens the database in that folder, making it when it is empty.
 *
 * bigint comes back as a number (ids and milliseconds stay far below 2^53), bytea as a Buffer: as from PostgreSQL.
 */
export const openPglite = (dataDir: string): Promise<PGlite> =>
  PGlite.create({
    fs: new DurableNodeFs(dataDir),
    startParams: startParameters,
    parsers: {
      [int8Oid]: Number,
      [byteaOid]: (text: string) => Buffer.from(text.slice(2), 'hex'),
    },
    // Bytes go out as they are (binary parameter); the declared type of a serializer knows text only.
    serializers: { [byteaOid]: (bytes: Uint8Array) => bytes as unknown as string },
  });
