import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { pipeline } from 'node:stream/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { ExaminationZip } from '../../plugin/viewer-access/zip/examination-zip.ts';
import { buildZipHead, chooseRange } from '../../plugin/viewer-access/zip/zip-range.ts';
import { createZipShelf } from '../../plugin/viewer-access/zip/zip-shelf.ts';
import { buildLargeCtStudy } from '../fixtures/dicom/index.ts';
import { unzipFindings } from '../fixtures/viewer-access/zip-judges.ts';
import { createZipStore } from '../fixtures/viewer-access/zip-store.ts';
import { createZip, study, take } from '../fixtures/viewer-access/zip-taking.ts';

const stored = createZipStore(buildLargeCtStudy({ instanceCount: 300, study }));
const shelf = createZipShelf({ clock: () => 0 });

async function* bytesOf(zip: ExaminationZip, range: { start: number; end: number }, signal: AbortSignal) {
  for await (const { bytes } of zip.stream({ range, signal })) yield bytes;
}

/** As a listener answers: the archive that is known, or a new one. */
const startServer = async (): Promise<Server> => {
  const server = createServer((request, response) => {
    const leaving = new AbortController();
    response.once('close', () => leaving.abort());
    const { range } = request.headers;
    const ifRange = String(request.headers['if-range'] ?? '');
    const answer = async (): Promise<void> => {
      const zip = shelf.find('grant', ifRange) ?? (await createZip(stored));
      shelf.keep('grant', zip);
      const choice = chooseRange({ range, ifRange }, zip);
      const { status, headers } = buildZipHead(choice, zip, 'examen-imagerie.zip');
      response.writeHead(status, headers);
      const part = choice.kind === 'part' ? choice.range : { start: 0, end: zip.sizeBytes };
      await pipeline(bytesOf(zip, part, leaving.signal), response);
    };
    answer().catch(() => response.destroy());
  });
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve);
  });
  return server;
};

describe('a download over HTTP', () => {
  let server: Server;
  let url = '';
  beforeAll(async () => {
    server = await startServer();
    url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
  });
  afterAll(() => {
    server.closeAllConnections();
    server.close();
  });

  it('that breaks off goes on where it was, and is the same archive (resumable)', async () => {
    const leaving = new AbortController();
    const first = await fetch(url, { signal: leaving.signal });
    const etag = first.headers.get('etag') ?? '';
    const total = Number(first.headers.get('content-length'));
    const got: Buffer[] = [];
    for await (const piece of first.body ?? []) {
      got.push(Buffer.from(piece));
      if (Buffer.concat(got).length > 100_000) break;
    }
    leaving.abort();
    const beginning = Buffer.concat(got);
    expect(beginning.length).toBeLessThan(total);
    const rest = await fetch(url, { headers: { Range: `bytes=${beginning.length}-`, 'If-Range': etag } });
    expect(rest.status).toBe(206);
    const archive = Buffer.concat([beginning, Buffer.from(await rest.arrayBuffer())]);
    expect(archive.length).toBe(total);
    expect(unzipFindings(archive).status).toBe(0);
    expect(archive.equals(await take(await createZip(stored)))).toBe(true);
  });

  it('whose archive is not known any more begins again, cleanly', async () => {
    const headers = { Range: 'bytes=5000-', 'If-Range': '"2.25.1"' };
    const again = await fetch(url, { headers });
    expect(again.status).toBe(200);
    const archive = Buffer.from(await again.arrayBuffer());
    expect(archive.length).toBe(Number(again.headers.get('content-length')));
    expect(unzipFindings(archive).status).toBe(0);
  });

  it('that its taker leaves closes every file', async () => {
    const leaving = new AbortController();
    const answer = await fetch(url, { signal: leaving.signal });
    await answer.body?.getReader().read();
    leaving.abort();
    await expect.poll(() => stored.figures.openFiles, { timeout: 5_000 }).toBe(0);
  });
});
