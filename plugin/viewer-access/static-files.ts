/**
 * What a browser loads and no person is named in: style, viewer, drawings. Every file is known from the start, so no name in
 * a request ever reaches the disk; compressed siblings (`.br`, `.gz`) made at set-up are sent as they are.
 *
 * @see RFC 9110 §12.5.3 (Accept-Encoding), §13 (conditional requests) · RFC 8246 (immutable)
 */
import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { readdir, readFile } from 'node:fs/promises';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { extname, join, relative, sep } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { DrimboxError } from '../errors.ts';

const contentTypes: Readonly<Record<string, string>> = {
  '.css': 'text/css; charset=utf-8',
  '.gif': 'image/gif',
  '.html': 'text/html; charset=utf-8',
  '.ico': 'image/x-icon',
  '.jpg': 'image/jpeg',
  '.js': 'text/javascript; charset=utf-8',
  '.json': 'application/json; charset=utf-8',
  '.mjs': 'text/javascript; charset=utf-8',
  '.png': 'image/png',
  '.svg': 'image/svg+xml; charset=utf-8',
  '.ttf': 'font/ttf',
  '.txt': 'text/plain; charset=utf-8',
  '.wasm': 'application/wasm',
  '.webmanifest': 'application/manifest+json',
  '.webp': 'image/webp',
  '.woff': 'font/woff',
  '.woff2': 'font/woff2',
};

const encodings = { br: '.br', gzip: '.gz' } as const;
type Encoding = keyof typeof encodings;

/** One body: of the file itself, or compressed. */
interface StoredBody {
  readonly file: string;
  readonly bytes: number;
  readonly etag: string;
}

export interface StaticFile {
  readonly contentType: string;
  /** Its name changes with its content: kept for good by the browser. */
  readonly isImmutable: boolean;
  readonly plain: StoredBody;
  readonly encoded: Readonly<Partial<Record<Encoding, StoredBody>>>;
}

/** By path, from the `/` after the prefix on. */
export type StaticFiles = ReadonlyMap<string, StaticFile>;

/** Names made of the content: by webpack (`.0f3a….`, sixteen digits and more), by Vite and by us (`-B8xQ_2kZ.`). */
const hashedName = /\.[0-9a-f]{16,}\.[a-z0-9]+$|-(?=[A-Za-z0-9_-]*[A-Z0-9])[A-Za-z0-9_-]{8}\.[a-z0-9]+$/;
/** A folder of that kind: what is in it never changes under this address. */
const hashedFolder = /^\/[a-z]+-[0-9a-f]{12}\//;

const readBody = async (file: string): Promise<StoredBody> => {
  const content = await readFile(file);
  const digest = createHash('sha256').update(content).digest('base64url').slice(0, 27);
  return { file, bytes: content.length, etag: `"${digest}"` };
};

const describe = async (file: string, names: ReadonlySet<string>, path = ''): Promise<StaticFile> => {
  const found = (Object.keys(encodings) as Encoding[]).filter((encoding) => names.has(file + encodings[encoding]));
  const bodies = await Promise.all(
    found.map(async (encoding) => [encoding, await readBody(file + encodings[encoding])] as const),
  );
  return {
    contentType: contentTypes[extname(file).toLowerCase()] ?? 'application/octet-stream',
    isImmutable: hashedName.test(file) || hashedFolder.test(path),
    plain: await readBody(file),
    encoded: Object.fromEntries(bodies),
  };
};

/**
 * Reads a folder, once: files added or changed later are served after a restart.
 *
 * @throws viewer-access/files-missing
 */
export const loadStaticFiles = async (folder: string): Promise<StaticFiles> => {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true }).catch((cause: unknown) => {
    throw new DrimboxError('viewer-access/files-missing', { cause, detail: folder });
  });
  const names = new Set(
    entries.filter((entry) => entry.isFile()).map(({ parentPath, name }) => join(parentPath, name)),
  );
  const files = new Map<string, StaticFile>();
  for (const file of names) {
    const isSibling = /\.(br|gz)$/.test(file) && names.has(file.replace(/\.(br|gz)$/, ''));
    const path = `/${relative(folder, file).split(sep).join('/')}`;
    if (!isSibling && !path.includes('/.') && !path.endsWith('.map'))
      files.set(path, await describe(file, names, path));
  }
  return files;
};

const isListOfNames = (value: unknown): value is readonly string[] =>
  Array.isArray(value) && value.every((name) => typeof name === 'string');

/**
 * What a browser may fetch before the images are needed, as the built viewer lists it (`ahead` of served.json).
 *
 * @returns paths of `files`; none where nothing is listed
 */
export const listFilesAhead = async (folder: string, files: StaticFiles): Promise<readonly string[]> => {
  const text = await readFile(join(folder, 'served.json'), 'utf8').catch(() => '{}');
  const { ahead } = JSON.parse(text) as { readonly ahead?: unknown };
  return isListOfNames(ahead) ? ahead.map((name) => `/${name}`).filter((path) => files.has(path)) : [];
};

/** One file under a name of ours, made of its content. @throws viewer-access/files-missing */
export const loadNamedFile = async (file: string, name: string): Promise<readonly [string, StaticFile]> => {
  try {
    const described = await describe(file, new Set());
    const mark = createHash('sha256').update(described.plain.etag).digest('hex').slice(0, 16);
    return [`/${name}.${mark}${extname(file).toLowerCase()}`, { ...described, isImmutable: true }];
  } catch (cause) {
    throw new DrimboxError('viewer-access/files-missing', { cause, detail: file });
  }
};

/** Whether `Accept-Encoding` takes this one; a weight of 0 refuses. */
const accepts = (header: string, encoding: Encoding): boolean =>
  header.split(',').some((part) => {
    const [name = '', ...parameters] = part.split(';').map((text) => text.trim().toLowerCase());
    return name === encoding && !parameters.some((parameter) => /^q=0(\.0*)?$/.test(parameter));
  });

const choose = (file: StaticFile, header: string): { readonly body: StoredBody; readonly encoding?: Encoding } => {
  const encoding = (Object.keys(encodings) as Encoding[]).find(
    (one) => file.encoded[one] !== undefined && accepts(header, one),
  );
  const body = encoding === undefined ? undefined : file.encoded[encoding];
  return body === undefined || encoding === undefined ? { body: file.plain } : { body, encoding };
};

const isKnown = (request: IncomingMessage, etag: string): boolean =>
  (request.headers['if-none-match'] ?? '').split(',').some((one) => one.trim().replace(/^W\//, '') === etag);

/** @throws whatever reading the file throws after the headers left */
export const sendStaticFile = async (
  file: StaticFile,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> => {
  const { body, encoding } = choose(file, String(request.headers['accept-encoding'] ?? ''));
  response.setHeader('Cache-Control', file.isImmutable ? 'public, max-age=31536000, immutable' : 'no-cache');
  response.setHeader('Vary', 'Accept-Encoding');
  response.setHeader('ETag', body.etag);
  if (isKnown(request, body.etag)) {
    response.statusCode = 304;
    response.end();
    return;
  }
  response.setHeader('Content-Type', file.contentType);
  response.setHeader('Content-Length', body.bytes);
  if (encoding !== undefined) response.setHeader('Content-Encoding', encoding);
  if (request.method === 'HEAD') {
    response.end();
    return;
  }
  await pipeline(createReadStream(body.file), response);
};
