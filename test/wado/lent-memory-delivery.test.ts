/**
 * Memory that is used again must never carry one patient's image to who asked for another's: many clients at once, slow ones,
 * some that go away in the middle, over HTTP and over TLS, all through one lender with little memory.
 */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createServer as createHttpServer, type IncomingMessage, request as httpRequest, type Server } from 'node:http';
import { createServer as createHttpsServer, request as httpsRequest } from 'node:https';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { createMemoryLender } from '../../plugin/lent-memory.ts';
import { transferSyntaxes } from '../../plugin/standards/index.ts';
import { PayloadForm } from '../../plugin/wado/acceptable-syntaxes.ts';
import { deliver } from '../../plugin/wado/delivery.ts';
import type { StoredImage } from '../../plugin/wado/image-store.ts';
import { drawBoundary } from '../../plugin/wado/multipart.ts';
import type { PreparedPart } from '../../plugin/wado/part-preparation.ts';
import { makeCa } from '../peers/ca/make-ca.ts';

const imagesPerPatient = 40;
const wholeBytes = 300_000;
const pieceBytes = 150_000;
const transferSyntax = transferSyntaxes.explicitVrLittleEndian;

const folder = mkdtempSync(join(tmpdir(), 'drimbox-lent-'));
let tls: { cert: Buffer; key: Buffer };
beforeAll(async () => {
  const { server } = await makeCa(folder);
  tls = { cert: readFileSync(server.certificateFile), key: readFileSync(server.keyFile) };
}, 60_000);
afterAll(() => rmSync(folder, { recursive: true }));

const images: readonly StoredImage[] = Array.from({ length: imagesPerPatient }, (_, at) => ({
  orthancId: `${at}`,
  seriesInstanceUid: '2.25.1',
  sopInstanceUid: `2.25.1.${at}`,
  modality: 'CT',
}));

/** Every byte of a patient's images is that patient's number; odd images leave piece by piece. */
const answering = () => {
  const lender = createMemoryLender(3_000_000);
  const prepare = async (patient: number, image: StoredImage): Promise<PreparedPart> => {
    await sleep(patient % 3);
    const shared = { transferSyntax, sizeBytes: wholeBytes, pixelBytes: wholeBytes, close: () => Promise.resolve() };
    const lend = (sizeBytes: number) => {
      const lent = lender.lend(sizeBytes);
      lent.bytes.fill(patient);
      return lent;
    };
    const chunks = async function* () {
      for (let at = 0; at < wholeBytes; at += pieceBytes) yield lend(pieceBytes);
    };
    if (Number(image.orthancId) % 2 === 1) return { ...shared, chunks };
    const { bytes, giveBack: onLeft } = lend(wholeBytes);
    return { ...shared, chunks, whole: { pieces: [bytes.subarray(0, 100), bytes.subarray(100)], onLeft } };
  };
  return (request: IncomingMessage, response: Parameters<typeof deliver>[0]): void => {
    const patient = Number(request.url?.slice(1));
    const order = {
      images,
      plannedSyntaxes: images.map(() => transferSyntax),
      form: PayloadForm.multipart,
      missing: 0,
      boundary: drawBoundary((size) => Buffer.alloc(size, 7)),
      locationOf: () => 'x',
      headers: {},
    };
    const ports = {
      prepare: (image: StoredImage) => prepare(patient, image),
      audited: Promise.resolve(),
      clock: () => performance.now(),
      startedAtMs: 0,
      ahead: 4,
    };
    deliver(response, order, ports).catch(() => response.destroy());
  };
};

type Behaviour = 'quick' | 'slow' | 'leaves';

/** Bytes of images in what came, of each patient's number. */
const countBytes = (body: Buffer): Map<number, number> => {
  const counts = new Uint32Array(256);
  for (let at = 0; at < body.length; at += 1) counts[body[at] ?? 0] = (counts[body[at] ?? 0] ?? 0) + 1;
  return new Map([...counts.entries()].filter(([byte, count]) => byte >= 128 && count > 0));
};

const fetchAs = (url: string, behaviour: Behaviour): Promise<Buffer> =>
  new Promise((resolve, reject) => {
    const start = url.startsWith('https') ? httpsRequest : httpRequest;
    const request = start(url, { rejectUnauthorized: false, agent: false }, (response) => {
      const got: Buffer[] = [];
      response.on('data', (piece: Buffer) => {
        got.push(piece);
        if (behaviour === 'leaves' && got.length > 8) response.destroy();
      });
      // Until the connection takes no more: what waits then is in the memory that was lent.
      if (behaviour === 'slow') {
        response.pause();
        setTimeout(() => response.resume(), 300);
      }
      response.on('close', () => resolve(Buffer.concat(got)));
      response.on('error', () => undefined);
    });
    request.on('error', reject);
    request.end();
  });

test.each(['http', 'https'] as const)(
  'each client gets the bytes of its own patient alone, over %s',
  async (scheme) => {
    const answer = answering();
    const server: Server = scheme === 'http' ? createHttpServer(answer) : createHttpsServer(tls, answer);
    await new Promise<void>((resolve) => {
      server.listen(0, '127.0.0.1', () => resolve());
    });
    const { port } = server.address() as AddressInfo;
    const behaviours: readonly Behaviour[] = ['quick', 'slow', 'leaves', 'slow'];
    try {
      for (let round = 0; round < 2; round += 1) {
        const asked = Array.from({ length: 12 }, (_, at) => ({
          // Beyond ASCII, which heads and boundaries are made of.
          patient: 128 + round * 12 + at,
          behaviour: behaviours[at % behaviours.length] ?? 'quick',
        }));
        const bodies = await Promise.all(
          asked.map(({ patient, behaviour }) => fetchAs(`${scheme}://127.0.0.1:${port}/${patient}`, behaviour)),
        );
        for (const [at, { patient, behaviour }] of asked.entries()) {
          const counts = countBytes(bodies[at] ?? Buffer.alloc(0));
          expect([...counts.keys()].filter((one) => one !== patient)).toEqual([]);
          if (behaviour !== 'leaves') expect(counts.get(patient)).toBe(imagesPerPatient * wholeBytes);
        }
      }
    } finally {
      server.closeAllConnections();
      server.close();
    }
  },
  60_000,
);
