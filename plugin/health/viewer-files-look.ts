/** The built viewer as it lies on disk, file by file, against the list that its build left with it (`served.json`). */
import { readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import type { ViewerFilesFacts } from './viewer-facts.ts';

/** @see scripts/viewer-setup/served-files.ts */
const servedFiles = z.object({
  page: z.string().min(1),
  files: z
    .array(
      z.object({
        path: z.string().min(1),
        bytes: z.number(),
        brotliBytes: z.number().optional(),
        gzipBytes: z.number().optional(),
      }),
    )
    .min(1),
});

interface ExpectedFile {
  readonly path: string;
  readonly bytes: number;
}

/** Every file, its compressed siblings too. */
const expectedOf = ({ files }: z.output<typeof servedFiles>): readonly ExpectedFile[] =>
  files.flatMap(({ path, bytes, brotliBytes, gzipBytes }) => [
    { path, bytes },
    ...(brotliBytes === undefined ? [] : [{ path: `${path}.br`, bytes: brotliBytes }]),
    ...(gzipBytes === undefined ? [] : [{ path: `${path}.gz`, bytes: gzipBytes }]),
  ]);

const sizeOf = (file: string): Promise<number | undefined> =>
  stat(file).then(
    (found) => (found.isFile() ? found.size : undefined),
    () => undefined,
  );

const absent = (folder: string, detail: string): ViewerFilesFacts => ({
  ...{ folder, kind: 'absent', code: 'viewer-access/files-missing', detail },
});

/** Reads no content: a copy that broke off shows in the sizes. */
export const lookAtViewerFiles = async (folder: string): Promise<ViewerFilesFacts> => {
  const list = join(folder, 'served.json');
  const text = await readFile(list, 'utf8').catch(() => undefined);
  if (text === undefined) return absent(folder, list);
  let expected: readonly ExpectedFile[];
  try {
    const served = servedFiles.parse(JSON.parse(text));
    if (!served.files.some(({ path }) => path === served.page)) return absent(folder, `${list} does not list its page`);
    expected = expectedOf(served);
  } catch {
    return absent(folder, `${list} is no list of files`);
  }
  const found = await Promise.all(
    expected.map(async ({ path, bytes }) => ({ path, bytes, size: await sizeOf(join(folder, path)) })),
  );
  const missing = found.filter(({ size }) => size === undefined).map(({ path }) => path);
  const changed = found.filter(({ bytes, size }) => size !== undefined && size !== bytes).map(({ path }) => path);
  if (missing.length > 0 || changed.length > 0) return { folder, kind: 'incomplete', missing, changed };
  return { folder, kind: 'complete', files: found.length, bytes: found.reduce((sum, { bytes }) => sum + bytes, 0) };
};
