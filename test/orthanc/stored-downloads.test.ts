/** Files asked of Orthanc by REST, over real sockets, from Orthancs that misbehave. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import fc from 'fast-check';
import { afterEach, describe, expect, it } from 'vitest';
import { createOrthancClient, type OrthancClient, orthancOptions } from '../../plugin/orthanc/index.ts';
import { type FakeOrthanc, startFakeOrthanc } from '../peers/orthanc/index.ts';

const anId = '81bfb4d0-d35b8599-cde9439a-3822b1f8-1cbd6321';
const file = Buffer.from(Array.from({ length: 1_000 }, (_, index) => (index * 7) % 256));
const whole = { start: 0, end: 1_000, totalBytes: 1_000 };
const mebibyte = 1024 * 1024;

const closing: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0).toReversed()) await close();
});

const clientOf = (url: string, more: Record<string, unknown> = {}): OrthancClient => {
  const client = createOrthancClient(orthancOptions.parse({ url, hook: { secretFile: '/nowhere' }, ...more }));
  closing.push(() => client.close());
  return client;
};
const fake = async (answer: RequestListener): Promise<FakeOrthanc> => {
  const server = await startFakeOrthanc(answer);
  closing.push(() => server.close());
  return server;
};

const gather = async (bytes: AsyncIterable<Buffer>): Promise<Buffer> => {
  const pieces: Buffer[] = [];
  for await (const piece of bytes) pieces.push(piece);
  return Buffer.concat(pieces);
};
const none = new AbortController().signal;
const read = async (client: OrthancClient, wanted = whole, signal = none): Promise<Buffer> =>
  gather((await client.downloadFile(anId, wanted, signal)).bytes);

/** As Orthanc 1.10.1: the whole file, whatever is asked. */
const withoutRanges: RequestListener = (_request, response) => {
  response.writeHead(200, { 'content-length': file.length, etag: '"0-a"' }).end(file);
};
/** As Orthanc 1.12.7. */
const withRanges: RequestListener = (request, response) => {
  const [, start, last] = /^bytes=(\d+)-(\d+)$/.exec(request.headers.range ?? '') ?? [];
  if (start === undefined || last === undefined) return withoutRanges(request, response);
  const part = file.subarray(Number(start), Number(last) + 1);
  response
    .writeHead(206, { 'content-length': part.length, 'content-range': `bytes ${start}-${last}/${file.length}` })
    .end(part);
  return undefined;
};

describe('a stored file asked of Orthanc', () => {
  it.each([
    ['that knows ranges', withRanges],
    ['that does not', withoutRanges],
  ])('comes in any part, from an Orthanc %s', async (_what, answer) => {
    const client = clientOf((await fake(answer)).url);
    const range = fc.tuple(fc.nat(999), fc.nat(999)).map(([a, b]) => [Math.min(a, b), Math.max(a, b) + 1] as const);
    await fc.assert(
      fc.asyncProperty(range, async ([start, end]) => {
        expect(await read(client, { start, end, totalBytes: 1_000 })).toEqual(file.subarray(start, end));
      }),
      { seed: 8, numRuns: 60, examples: [[[0, 1_000]], [[0, 1]], [[999, 1_000]]] },
    );
  });

  it('is asked by GET, with the password, and never to be compressed: that costs twenty times the reading', async () => {
    const seen: IncomingMessage[] = [];
    const server = await fake((request, response) => {
      seen.push(request);
      withoutRanges(request, response);
    });
    const folder = mkdtempSync(join(tmpdir(), 'drimbox-password-'));
    closing.push(async () => rmSync(folder, { recursive: true }));
    writeFileSync(join(folder, 'password'), 'sésame\n');
    const access = { username: 'drimbox', passwordFile: join(folder, 'password') };
    await read(clientOf(`${server.url}/pacs/`, access));
    expect(server.requests).toEqual([`GET /pacs/instances/${anId}/attachments/dicom/data`]);
    const headers = seen[0]?.headers ?? {};
    expect(Object.keys(headers).toSorted()).toEqual(['authorization', 'connection', 'host']);
    const [, given = ''] = (headers.authorization ?? '').split(' ');
    expect(Buffer.from(given, 'base64').toString()).toBe('drimbox:sésame');
  });

  it('is not asked under an id that is not Orthanc’s', async () => {
    const server = await fake(withoutRanges);
    const client = clientOf(server.url);
    for (const id of ['../../tools/shutdown', '../../../etc/passwd', '', `${anId}?`]) {
      await expect(client.downloadFile(id, whole, none)).rejects.toMatchObject({ code: 'orthanc/not-found' });
    }
    expect(server.requests).toEqual([]);
  });

  it.each([
    [404, 'orthanc/not-found'],
    [401, 'orthanc/refused'],
    [403, 'orthanc/refused'],
    [416, 'orthanc/answer-invalid'],
    [500, 'orthanc/answer-invalid'],
    [302, 'orthanc/answer-invalid'],
    [204, 'orthanc/answer-invalid'],
  ])('answered %i: %s', async (status, code) => {
    const server = await fake((_request, response) => response.writeHead(status).end());
    await expect(read(clientOf(server.url))).rejects.toMatchObject({ code });
  });

  const lies: [string, (response: ServerResponse) => void][] = [
    [
      'longer than the index said',
      (response) => response.writeHead(200, { 'content-length': 1_001 }).end(Buffer.alloc(1_001)),
    ],
    ['shorter', (response) => response.writeHead(200, { 'content-length': 999 }).end(Buffer.alloc(999))],
    ['longer, without saying so', (response) => response.writeHead(200).end(Buffer.alloc(1_001))],
    ['compressed all the same', (response) => response.writeHead(200, { 'content-encoding': 'gzip' }).end(file)],
    ['part of a longer file', (response) => response.writeHead(206, { 'content-range': 'bytes 0-999/2000' }).end(file)],
    ['a part that says not of what', (response) => response.writeHead(206).end(file)],
  ];
  it.each(lies)('that is %s: orthanc/answer-invalid, for it is another file', async (_what, answer) => {
    const server = await fake((_request, response) => answer(response));
    await expect(read(clientOf(server.url))).rejects.toMatchObject({ code: 'orthanc/answer-invalid' });
  });

  it('that stops short: orthanc/unreachable, never taken for the whole', async () => {
    const server = await fake((_request, response) => response.writeHead(200).end(file.subarray(0, 999)));
    await expect(read(clientOf(server.url))).rejects.toMatchObject({ code: 'orthanc/unreachable' });
  });

  it('cut in the middle: orthanc/unreachable', async () => {
    const server = await fake((_request, response) => {
      response.writeHead(200, { 'content-length': 1_000 }).write(file.subarray(0, 10));
      setImmediate(() => response.destroy());
    });
    await expect(read(clientOf(server.url))).rejects.toMatchObject({ code: 'orthanc/unreachable' });
  });

  it('is asked again when the kept-alive connection was closed meanwhile', async () => {
    let connections = 0;
    const known = new Set<unknown>();
    const server = await fake((request, response) => {
      if (known.has(request.socket)) {
        request.socket.destroy();
        return;
      }
      connections += 1;
      known.add(request.socket);
      withoutRanges(request, response);
    });
    const client = clientOf(server.url);
    expect(await read(client)).toEqual(file);
    expect(await read(client)).toEqual(file);
    expect(connections).toBe(2);
  });
});

describe('silence', () => {
  it('of an Orthanc that never answers: orthanc/timeout', async () => {
    const server = await fake(() => undefined);
    await expect(read(clientOf(server.url, { timeoutMs: 200 }))).rejects.toMatchObject({ code: 'orthanc/timeout' });
  });

  it('in the middle of a file: orthanc/timeout', async () => {
    const server = await fake((_request, response) => {
      response.writeHead(200, { 'content-length': 1_000 }).write(file.subarray(0, 10));
    });
    await expect(read(clientOf(server.url, { timeoutMs: 200 }))).rejects.toMatchObject({ code: 'orthanc/timeout' });
  });

  it('of the reader is none: a slow peer gets its file, and Orthanc’s bytes wait in Orthanc', async () => {
    const totalBytes = 64 * mebibyte;
    let written = 0;
    const server = await fake((_request, response) => {
      response.writeHead(200, { 'content-length': totalBytes });
      const piece = Buffer.alloc(mebibyte);
      const write = (): void => {
        while (written < totalBytes) {
          written += piece.length;
          if (!response.write(piece)) {
            response.once('drain', write);
            return;
          }
        }
        response.end();
      };
      write();
    });
    const client = clientOf(server.url, { timeoutMs: 300 });
    const { bytes } = await client.downloadFile(anId, { start: 0, end: totalBytes, totalBytes }, none);
    let received = 0;
    for await (const piece of bytes) {
      if (received === 0) {
        await sleep(1_500);
        expect(written).toBeLessThan(32 * mebibyte);
      }
      received += piece.length;
    }
    expect(received).toBe(totalBytes);
  });
});

describe('a reader who leaves', () => {
  const endless = async (): Promise<{ server: FakeOrthanc; left: Promise<unknown> }> => {
    let leave: () => void = () => undefined;
    const left = new Promise<void>((resolve) => {
      leave = resolve;
    });
    const server = await fake((_request, response) => {
      response.writeHead(200, { 'content-length': 1_000_000_000 }).write(Buffer.alloc(mebibyte));
      response.once('close', leave);
    });
    return { server, left };
  };
  const wanted = { start: 0, end: 1_000_000_000, totalBytes: 1_000_000_000 };

  it('by its signal ends the exchange with Orthanc, and gets its own reason back', async () => {
    const { server, left } = await endless();
    const leaving = new AbortController();
    const { bytes } = await clientOf(server.url).downloadFile(anId, wanted, leaving.signal);
    const reason = new Error('the peer left');
    const reading = (async () => {
      for await (const piece of bytes) if (piece.length > 0) leaving.abort(reason);
    })();
    await expect(reading).rejects.toBe(reason);
    await left;
  });

  it('before the answer comes gets its own reason back', async () => {
    const server = await fake(() => undefined);
    const leaving = new AbortController();
    const reading = read(clientOf(server.url), whole, leaving.signal);
    leaving.abort(new Error('the peer left'));
    await expect(reading).rejects.toThrow('the peer left');
  });

  it('by not reading on ends the exchange with Orthanc', async () => {
    const { server, left } = await endless();
    const { bytes } = await clientOf(server.url).downloadFile(anId, wanted, none);
    for await (const piece of bytes) if (piece.length > 0) break;
    await left;
  });
});

it('readers who wait hold no connection that questions to Orthanc need', async () => {
  const server = await fake((request, response) => {
    if (request.url === '/system') {
      const system = { Version: '1.10.1', ApiVersion: 16, DicomAet: 'A', DatabaseVersion: 6 };
      response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(system));
    } else response.writeHead(200, { 'content-length': 1_000_000_000 }).write(Buffer.alloc(mebibyte));
  });
  const client = clientOf(server.url, { timeoutMs: 2_000 });
  const leaving = new AbortController();
  const wanted = { start: 0, end: 1_000_000_000, totalBytes: 1_000_000_000 };
  const waiting = Array.from({ length: 20 }, () => client.downloadFile(anId, wanted, leaving.signal));
  const downloads = await Promise.all(waiting);
  expect(downloads.length).toBe(20);
  expect((await client.system()).version).toBe('1.10.1');
});

it('the end of the service does not wait for readers', async () => {
  const server = await startFakeOrthanc((_request, response) => {
    response.writeHead(200, { 'content-length': 1_000_000_000 }).write(Buffer.alloc(mebibyte));
  });
  const client = createOrthancClient(orthancOptions.parse({ url: server.url, hook: { secretFile: '/nowhere' } }));
  const { bytes } = await client.downloadFile(anId, { start: 0, end: 1_000_000_000, totalBytes: 1_000_000_000 }, none);
  const reading = gather(bytes);
  const failed = expect(reading).rejects.toMatchObject({ code: 'orthanc/unreachable' });
  await client.close();
  await failed;
  await server.close();
});
