/** Loads a WebAssembly codec from its package: the fast build, from the file beside it. */
import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';

type ModuleFactory = (options: {
  readonly wasmBinary: Uint8Array;
  readonly print: (line: string) => void;
  readonly printErr: (line: string) => void;
}) => Promise<unknown>;

const require = createRequire(import.meta.url);
const silent = (): void => {};

/**
 * The packages have no types, and their main export is the slow build without WebAssembly.
 *
 * @param packageName  exports `./wasmjs` and `./wasm`
 */
export const loadWasmModule = async (packageName: string): Promise<unknown> => {
  const create = require(`${packageName}/wasmjs`) as ModuleFactory;
  // What codecs print may quote the image; their failures are thrown.
  return create({
    wasmBinary: await readFile(require.resolve(`${packageName}/wasm`)),
    print: silent,
    printErr: silent,
  });
};

/** A copy out of a codec's memory, which may move or be overwritten. @param view some codecs give a clamped array */
export const takeBytes = (view: Uint8Array | Uint8ClampedArray): Uint8Array =>
  new Uint8Array(view.buffer, view.byteOffset, view.byteLength).slice();
