/** Against a real server that breaks lines on order. */
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { runDownload, type DownloadEnd, type FileSink } from '../../viewer/src/resumable-download.ts';

const archive = Buffer.from(Array.from({ length: 100_000 }, (_, index) => index % 251));

interface Plan {
  /** Bytes after which the line of this attempt breaks. */
  readonly breaksAfter?: readonly number[];
  readonly status?: number;
  /** Refusals of the first attempts: status, and seconds to wait. */
  readonly refusals?: readonly { readonly status: number; readonly retryAfter?: string }[];
  readonly ignoresRange?: boolean;
}

let server: Server | undefined;
afterEach(() => server?.close());

const serve = async (plan: Plan): Promise<{ url: string; asked: string[] }> => {
  const asked: string[] = [];
  server = createServer((request, response) => {
    const from = plan.ignoresRange === true ? 0 : Number(/^bytes=(\d+)-$/.exec(request.headers.range ?? '')?.[1] ?? 0);
    asked.push(`${request.headers.range ?? 'whole'} ${String(request.headers['if-range'] ?? '')}`.trim());
    const refusal = plan.refusals?.[asked.length - 1];
    if (refusal !== undefined) {
      const { status, retryAfter } = refusal;
      return response.writeHead(status, retryAfter === undefined ? {} : { 'retry-after': retryAfter }).end();
    }
    if (plan.status !== undefined) return response.writeHead(plan.status).end();
    const body = archive.subarray(from);
    response.writeHead(from > 0 ? 206 : 200, { etag: '"one"', 'content-length': body.length });
    const cut = plan.breaksAfter?.[asked.length - 1];
    if (cut === undefined) return response.end(body);
    return response.write(body.subarray(0, cut), () => setTimeout(() => response.destroy(), 30));
  });
  await new Promise<void>((ready) => server?.listen(0, '127.0.0.1', ready));
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/images.zip`, asked };
};

interface Faults {
  /** A file that takes so many pieces. */
  readonly pieces?: number;
  readonly cannotClose?: boolean;
}

const run = async (
  url: string,
  signal = new AbortController().signal,
  waitMs: readonly number[] = [1, 1],
  { pieces: room = Number.POSITIVE_INFINITY, cannotClose = false }: Faults = {},
) => {
  const pieces: Uint8Array[] = [];
  const seen = { closed: false, aborted: false, progress: [] as number[], pauses: 0 };
  const sink: FileSink = {
    write: async (bytes) => {
      if (pieces.length >= room) throw new DOMException('no room', 'QuotaExceededError');
      pieces.push(bytes.slice());
    },
    close: async () => {
      if (cannotClose) throw new DOMException('no room', 'QuotaExceededError');
      seen.closed = true;
    },
    abort: async () => {
      seen.aborted = true;
    },
  };
  const onProgress = (bytes: number): void => void seen.progress.push(bytes);
  const end: DownloadEnd = await runDownload({
    path: url,
    totalBytes: archive.length,
    sink,
    onProgress,
    onPause: () => {
      seen.pauses += 1;
    },
    signal,
    waitMs,
  });
  return { end, ...seen, bytes: Buffer.concat(pieces) };
};

describe('download of the images', () => {
  it('writes every byte once and tells how far it is', async () => {
    const { url } = await serve({});
    const { end, bytes, closed, progress } = await run(url);
    expect([end, closed, progress.at(-1), bytes.equals(archive)]).toEqual(['done', true, archive.length, true]);
  });

  it('takes up where the line broke, and only of the same archive (If-Range)', async () => {
    const { url, asked } = await serve({ breaksAfter: [40_000, 10_000] });
    const { end, bytes } = await run(url);
    expect([end, bytes.equals(archive)]).toEqual(['done', true]);
    expect(asked).toEqual([
      'whole',
      expect.stringMatching(/^bytes=\d+- "one"$/),
      expect.stringMatching(/^bytes=\d+- "one"$/),
    ]);
  });

  it('never joins pieces of two archives: a whole answer to a request for the rest ends it', async () => {
    const { url } = await serve({ breaksAfter: [40_000], ignoresRange: true });
    const { end, aborted, closed } = await run(url);
    expect([end, aborted, closed]).toEqual(['broken', true, false]);
  });

  it('gives the file up after the last attempt that brought nothing', async () => {
    const { url, asked } = await serve({ status: 500 });
    const { end, aborted } = await run(url);
    expect([end, aborted, asked.length]).toEqual(['broken', true, 3]);
  });

  it('goes on as long as something comes, however often the line breaks', async () => {
    const { url, asked } = await serve({ breaksAfter: Array.from({ length: 9 }, () => 10_000) });
    const { end, bytes } = await run(url);
    expect([end, bytes.equals(archive), asked.length]).toEqual(['done', true, 10]);
  });

  describe('where the browser says that it has a line', () => {
    const line = new EventTarget();
    let saying: NodeJS.Timeout;
    beforeEach(() => {
      vi.stubGlobal('addEventListener', line.addEventListener.bind(line));
      saying = setInterval(() => line.dispatchEvent(new Event('online')), 50);
    });
    afterEach(() => {
      clearInterval(saying);
      vi.unstubAllGlobals();
    });

    it('asks again at once', async () => {
      const { url } = await serve({ breaksAfter: [10] });
      expect((await run(url, undefined, [3_600_000])).end).toBe('done');
    });

    it('leaves a server alone that asked for patience', async () => {
      const { url } = await serve({ refusals: [{ status: 503, retryAfter: '1' }] });
      const begunMs = performance.now();
      expect((await run(url)).end).toBe('done');
      expect(performance.now() - begunMs).toBeGreaterThan(950);
    });
  });

  it('does not insist when the server refuses', async () => {
    const { url, asked } = await serve({ status: 403 });
    expect([(await run(url)).end, asked.length]).toEqual(['refused', 1]);
  });

  it('says before each further attempt that it waits', async () => {
    const { url } = await serve({ breaksAfter: [40_000, 10_000] });
    expect((await run(url)).pauses).toBe(2);
  });

  it.each([
    ['a full disk', { pieces: 0 }],
    ['a disk that is full at the end', { cannotClose: true }],
  ])('does not ask again for what the file does not take: %s', async (_what, faults) => {
    const { url, asked } = await serve({});
    const { end, aborted, closed } = await run(url, undefined, [1, 1], faults);
    expect([end, aborted, closed, asked.length]).toEqual(['unwritable', true, false, 1]);
  });

  it.each([429, 503])(
    'waits as long as the server asks when it has too much to do (%i, Retry-After)',
    async (status) => {
      const { url, asked } = await serve({ refusals: [{ status, retryAfter: '1' }] });
      const begunMs = performance.now();
      const { end, bytes } = await run(url);
      expect([end, bytes.equals(archive), asked.length]).toEqual(['done', true, 2]);
      expect(performance.now() - begunMs).toBeGreaterThan(950);
    },
  );

  it('leaves a server that asks for too much patience, or never has time, and says which', async () => {
    const patient = await serve({ refusals: [{ status: 429, retryAfter: '3600' }] });
    expect([(await run(patient.url)).end, patient.asked.length]).toEqual(['busy', 1]);
    server?.close();
    const busy = await serve({ status: 429 });
    expect([(await run(busy.url)).end, busy.asked.length]).toEqual(['busy', 3]);
  });

  it('stops at once when the person cancels while it waits for the line', async () => {
    const { url } = await serve({ breaksAfter: [10] });
    const person = new AbortController();
    const ending = run(url, person.signal, [3_600_000]);
    setTimeout(() => person.abort(), 200);
    expect((await ending).end).toBe('cancelled');
  });

  it('stops when the person cancels', async () => {
    const { url, asked } = await serve({});
    const { end, aborted } = await run(url, AbortSignal.abort());
    expect([end, aborted, asked.length]).toEqual(['cancelled', true, 0]);
  });
});
