/** Turns, idle browsers, HTTP/2: the same answers whatever the line. Invented images. */
import { EventEmitter } from 'node:events';
import { connect as connectHttp2, createServer } from 'node:http2';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { type AddressInfo, connect } from 'node:net';
import express from 'express';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createAnswerWriter } from '../../plugin/viewer-access/dicomweb/answer.ts';
import { createDualApplication } from '../../plugin/viewer-access/http2-application.ts';
import type { InventedInstance } from '../fixtures/dicom/index.ts';
import { outlineOf } from '../fixtures/renditions/judges.ts';
import { type DicomWebBench, rootPath, startDicomWebBench } from '../fixtures/viewer-access/dicomweb-bench.ts';
import {
  buildViewedInstances,
  ctPixels,
  viewedSeries,
  viewedStudyUid,
} from '../fixtures/viewer-access/viewed-images.ts';

let bench: DicomWebBench;
let instances: readonly InventedInstance[];
beforeAll(async () => {
  instances = buildViewedInstances();
  bench = await startDicomWebBench(instances);
}, 60_000);
afterAll(() => bench.stop());

const { ct } = viewedSeries;
const codeOf = (body: Buffer): string => (JSON.parse(body.toString()) as { code: string }).code;

describe('limits', () => {
  test('a session that asks for too much waits, then is told when to come back; another one is served', async () => {
    let release = (): void => undefined;
    const held = new Promise<void>((resolve) => {
      release = resolve;
    });
    let isSlow = true;
    const busy = await startDicomWebBench(
      instances,
      { requestsPerSession: 1, waiting: 1, waitSeconds: 30 },
      (store) => ({
        ...store,
        find: async (uid) => {
          if (isSlow) {
            isSlow = false;
            await held;
          }
          return store.find(uid);
        },
      }),
    );
    try {
      const path = `/studies/${viewedStudyUid}/series/${ct}/metadata`;
      const first = busy.ask(path);
      while (isSlow) await new Promise((resolve) => setTimeout(resolve, 5));
      const others = [busy.ask(path), busy.ask(path), busy.ask(path)];
      // One waits; both others have been told.
      while (busy.told.length < 2) await new Promise((resolve) => setTimeout(resolve, 5));
      busy.state.viewed = { ...busy.viewed, sessionKey: 'session-2' };
      expect((await busy.ask(path)).status).toBe(200);
      release();
      await first;
      const answers = await Promise.all(others);
      expect(answers.map(({ status }) => status).toSorted((a, b) => a - b)).toEqual([200, 503, 503]);
      const refused = answers.find(({ status }) => status === 503);
      expect(codeOf(refused?.body ?? Buffer.alloc(0))).toBe('viewer-access/images-busy');
      expect(Number(refused?.headers['retry-after'])).toBeGreaterThan(0);
    } finally {
      release();
      await busy.stop();
    }
  });

  test.each([
    ['of which the examination was closed meanwhile is refused (E5)', 1_500, false, 404, 1],
    ['of which the examination is still open is answered', 1_500, true, 200, 1],
    ['for a moment only is not asked about again', 900, false, 200, 0],
  ])('a request that waited %s', async (_, waitedMs, isOpen, status, times) => {
    let release = (): void => undefined;
    const held = new Promise<void>((resolve) => {
      release = resolve;
    });
    let isHeld = false;
    const busy = await startDicomWebBench(instances, { requestsPerSession: 1, waiting: 1 }, (store) => ({
      ...store,
      find: async (uid) => {
        if (!isHeld) {
          isHeld = true;
          await held;
        }
        return store.find(uid);
      },
    }));
    let asked = 0;
    busy.state.nowMs = 0;
    busy.state.isStillOpen = () => {
      asked += 1;
      return Promise.resolve(isOpen);
    };
    try {
      const first = busy.ask(`/studies/${viewedStudyUid}/series/${ct}/metadata`);
      await expect.poll(() => isHeld).toBe(true);
      const others = [busy.askPreview(ct), busy.askPreview(ct)];
      // One was told that there is no room: the other one waits.
      await expect.poll(() => busy.told.length).toBe(1);
      busy.state.nowMs = waitedMs;
      release();
      await first;
      const answers = await Promise.all(others);
      expect(answers.map((one) => one.status).toSorted((a, b) => a - b)).toEqual([status, 503]);
      expect(asked).toBe(times);
      const refused = answers.find((one) => one.status === 404);
      if (refused !== undefined) expect(codeOf(refused.body)).toBe('viewer-access/link-refused');
      // A refused one has given its place back.
      expect((await busy.askPreview(ct)).status).toBe(200);
    } finally {
      release();
      await busy.stop();
    }
  });

  test('a browser that takes nothing any more is left', async () => {
    const slice = instances.find((one) => one.seriesInstanceUid === viewedSeries.ct);
    const huge = slice?.bytes ?? Buffer.alloc(0);
    const outline = outlineOf(huge);
    // 20 MB of pixels: more than any buffer between us and who takes nothing.
    const size = 1_600;
    const header = Buffer.from(huge.subarray(0, outline.scanEnd));
    for (const tag of [0x00280010, 0x00280011])
      header.writeUInt16LE(size * 2, outline.elements.get(tag)?.valueOffset ?? 0);
    const pixel = Buffer.from('e07f10004f5700000000000000', 'hex').subarray(0, 12);
    pixel.writeUInt32LE(size * size * 8, 8);
    const big = Buffer.concat([header, pixel, Buffer.alloc(size * size * 8)]);
    const slow = await startDicomWebBench([{ ...(slice as InventedInstance), bytes: big }], { idleSeconds: 1 });
    const socket = connect(slow.port, '127.0.0.1');
    try {
      socket.pause();
      const path = `${rootPath}/studies/${viewedStudyUid}/series/${ct}/instances/${ct}.1/frames/1`;
      socket.write(`GET ${path} HTTP/1.1\r\nHost: x\r\n\r\n`);
      while (slow.told.length === 0) await new Promise((resolve) => setTimeout(resolve, 20));
      expect(slow.told[0]).toMatchObject({ kind: 'frames', code: 'viewer-access/images-cancelled' });
      expect(slow.study.openFiles()).toBe(0);
    } finally {
      socket.destroy();
      await slow.stop();
    }
  }, 30_000);

  test('what was answered is told, without an identity', async () => {
    bench.told.length = 0;
    const answer = await bench.ask(`/studies/${viewedStudyUid}/series/${ct}/instances/${ct}.1/frames/1`);
    expect(bench.told).toMatchObject([{ kind: 'frames', httpStatus: 200, bytes: answer.body.length }]);
  });
});

describe('a slow line', () => {
  /** Of an answer that is never taken at once. */
  const createSlowResponse = () => {
    const written: number[] = [];
    const response = Object.assign(new EventEmitter(), {
      destroyed: false,
      write: (piece: Uint8Array) => {
        written.push(piece.length);
        setImmediate(() => response.emit('drain'));
        return false;
      },
    });
    return { response: response as unknown as ServerResponse, written };
  };

  test('takes a large frame a little at a time, and is not left as if it took nothing', async () => {
    const { response, written } = createSlowResponse();
    const writer = createAnswerWriter(response, { idleMs: 30_000, clock: () => 0 });
    await writer.write(new Uint8Array(5_000_000));
    expect(written.reduce((sum, length) => sum + length, 0)).toBe(5_000_000);
    expect(Math.max(...written)).toBeLessThanOrEqual(2 ** 20);
    expect(writer.bytes()).toBe(5_000_000);
  });
});

describe('over HTTP/2', () => {
  test('each kind of answer is the same as over HTTP/1.1', async () => {
    const router = express.Router();
    router.use('/under', bench.service.router);
    const application = createDualApplication(router, (_request, response) => void response.destroy());
    const server = createServer((request, response) =>
      application(request as unknown as IncomingMessage, response as unknown as ServerResponse),
    );
    await new Promise<void>((resolve) => {
      server.listen(0, '127.0.0.1', resolve);
    });
    const client = connectHttp2(`http://127.0.0.1:${(server.address() as AddressInfo).port}`);
    const ask = (path: string): Promise<{ readonly status: unknown; readonly body: Buffer }> =>
      new Promise((resolve, reject) => {
        const stream = client.request({ ':path': `/under${path}`, accept: '*/*' });
        const pieces: Buffer[] = [];
        let status: unknown;
        stream.on('response', (headers) => {
          status = headers[':status'];
        });
        stream.on('data', (piece: Buffer) => pieces.push(piece));
        stream.on('end', () => resolve({ status, body: Buffer.concat(pieces) }));
        stream.on('error', reject);
      });
    try {
      bench.told.length = 0;
      const series = `/studies/${viewedStudyUid}/series/${ct}`;
      for (const path of [
        '/studies',
        `${series}/metadata`,
        `${series}/thumbnail`,
        `${series}/instances/${ct}.1`,
        '/x',
      ]) {
        const [first, second] = [await bench.ask(path, { Accept: '*/*' }), await ask(path)];
        expect([path, second.status, second.body.length]).toEqual([path, first.status, first.body.length]);
      }
      const frames = await ask(`${series}/instances/${ct}.1/frames/1`);
      expect(frames.body.includes(Buffer.from(ctPixels(1)))).toBe(true);
      await expect.poll(() => bench.told.filter(({ kind }) => kind === 'frames').length).toBe(1);
      expect(bench.told.map(({ code }) => code).filter((code) => code !== undefined)).toEqual([]);
    } finally {
      client.close();
      await new Promise((resolve) => {
        server.close(resolve);
      });
    }
  });
});
