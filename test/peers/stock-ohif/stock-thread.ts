/** The thread of the server: files from memory, images from Orthanc. */
import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { Agent, createServer, type IncomingMessage, request, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { extname, join, relative } from 'node:path';
import { parentPort, workerData } from 'node:worker_threads';
import { gzipSync } from 'node:zlib';

export interface StockOrder {
  /** `dist/` of the published package. */
  readonly folder: string;
  readonly orthancPort: number;
}

const { folder, orthancPort } = workerData as StockOrder;

const types: Readonly<Record<string, string>> = {
  '.css': 'text/css; charset=utf-8',
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.json': 'application/json; charset=utf-8',
  '.png': 'image/png',
  '.svg': 'image/svg+xml',
  '.wasm': 'application/wasm',
  '.woff2': 'font/woff2',
};

interface StockFile {
  readonly type: string;
  readonly plain: Buffer;
  readonly zipped?: Buffer;
  readonly etag: string;
  readonly isHashed: boolean;
}

const load = (file: string): StockFile => {
  const plain = readFileSync(file);
  const isText = /\.(css|html|js|json|svg|wasm)$/.test(file);
  return {
    type: types[extname(file)] ?? 'application/octet-stream',
    plain,
    ...(isText ? { zipped: gzipSync(plain, { level: 6 }) } : {}),
    etag: `"${createHash('sha256').update(plain).digest('hex').slice(0, 20)}"`,
    isHashed: /[0-9a-f]{16}\.(js|wasm|woff2)$/.test(file),
  };
};

const files = new Map(
  readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && !entry.name.endsWith('.map'))
    .map((entry) => join(entry.parentPath, entry.name))
    .map((file) => [`/${relative(folder, file)}`, load(file)]),
);
files.set('/app-config.js', load(join(import.meta.dirname, 'app-config.js')));
const page = files.get('/index.html');
if (page === undefined) throw new Error(`no built OHIF in ${folder}`);

const giveFile = (file: StockFile, asked: IncomingMessage, answer: ServerResponse): void => {
  const isZipped = file.zipped !== undefined && (asked.headers['accept-encoding'] ?? '').includes('gzip');
  const body = isZipped ? (file.zipped ?? file.plain) : file.plain;
  const isKnown = asked.headers['if-none-match'] === file.etag;
  answer.writeHead(isKnown ? 304 : 200, {
    'Content-Type': file.type,
    'Cache-Control': file.isHashed ? 'public, max-age=31536000, immutable' : 'no-cache',
    ETag: file.etag,
    ...(isKnown ? {} : { 'Content-Length': body.length }),
    ...(isZipped ? { 'Content-Encoding': 'gzip', Vary: 'Accept-Encoding' } : {}),
  });
  answer.end(isKnown ? undefined : body);
};

const agent = new Agent({ keepAlive: true, maxSockets: 32 });

const passOn = (asked: IncomingMessage, answer: ServerResponse): void => {
  const { method, url, headers } = asked;
  const passed = request({ agent, host: '127.0.0.1', port: orthancPort, method, path: url, headers }, (given) => {
    answer.writeHead(given.statusCode ?? 502, given.headers);
    given.pipe(answer);
  });
  passed.on('error', () => answer.destroy());
  asked.pipe(passed);
};

const server = createServer({ noDelay: true, keepAlive: true }, (asked, answer) => {
  const [path = '/'] = (asked.url ?? '/').split('?');
  if (path.startsWith('/dicom-web/')) return passOn(asked, answer);
  const file = files.get(path) ?? (extname(path) === '' ? page : undefined);
  if (file !== undefined) return giveFile(file, asked, answer);
  return void answer.writeHead(404).end();
});
server.listen(0, '127.0.0.1', () => parentPort?.postMessage({ port: (server.address() as AddressInfo).port }, []));
