/** The list of what is served: a server that keeps to it opens no other file. */
import { existsSync, readdirSync, statSync } from 'node:fs';
import { basename, dirname, extname, join, relative } from 'node:path';
import { isWorthFetchingAhead } from './ohif-files.ts';

const types: Readonly<Record<string, string>> = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.json': 'application/json',
  '.svg': 'image/svg+xml',
  '.png': 'image/png',
  '.wasm': 'application/wasm',
  '.woff2': 'font/woff2',
  '.txt': 'text/plain; charset=utf-8',
};

export interface ServedFile {
  /** Below viewer/dist and below `/visionneuse/`, with `/`. */
  readonly path: string;
  readonly type: string;
  readonly bytes: number;
  /** Absent where there is no `.br` beside it. */
  readonly brotliBytes?: number;
  readonly gzipBytes?: number;
  /** The address changes with the content: a browser may keep it for a year. */
  readonly isImmutable: boolean;
}

export interface ServedFiles {
  /** The page of an examination, given at `/examen/{grant}`. */
  readonly page: string;
  /** To be fetched ahead while a person signs in. */
  readonly ahead: readonly string[];
  readonly files: readonly ServedFile[];
}

const sizeOf = (file: string): number | undefined => (existsSync(file) ? statSync(file).size : undefined);

export const listServedFiles = (dist: string, ohif: string): ServedFiles => {
  const files = readdirSync(dist, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && types[extname(entry.name)] !== undefined)
    .map((entry): ServedFile => {
      const file = join(entry.parentPath, entry.name);
      const path = relative(dist, file);
      const brotliBytes = sizeOf(`${file}.br`);
      const gzipBytes = sizeOf(`${file}.gz`);
      return {
        path,
        type: types[extname(entry.name)] ?? '',
        bytes: statSync(file).size,
        ...(brotliBytes === undefined ? {} : { brotliBytes }),
        ...(gzipBytes === undefined ? {} : { gzipBytes }),
        isImmutable: path.startsWith(`${ohif}/`) || path.startsWith('assets/'),
      };
    })
    .toSorted((a, b) => (a.path < b.path ? -1 : 1));
  return {
    page: 'examen.html',
    ahead: files
      .map(({ path }) => path)
      .filter((path) => path.startsWith('assets/') || (dirname(path) === ohif && isWorthFetchingAhead(basename(path)))),
    files,
  };
};
