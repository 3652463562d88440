/**
 * Whatever bytes come on a connection of the image listener, however slowly, and however it ends: only whole answers of ours
 * go out, every place is given back, and nobody keeps a connection by doing nothing.
 */
import { connect } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import fc from 'fast-check';
import { afterAll, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { encodeRequest, rawBytes } from '../fixtures/wado/hostile-requests.ts';
import { anySyntax, bounded, type HostileSite, startHostileSite } from '../fixtures/wado/hostile-site.ts';
import { buildBulkyCine } from '../fixtures/wado/image-kinds.ts';
import type { PublishedStudy } from '../fixtures/wado/image-site.ts';
import type { RawConnection } from '../fixtures/wado/raw-connection.ts';
import { readAnswers } from '../fixtures/wado/read-answers.ts';
import { openSlowConnections, type SlowConnection } from '../fixtures/wado/slow-connections.ts';
import { splitMultipart } from '../fixtures/wado/split-multipart.ts';
import { personas } from '../peers/psc/index.ts';
import { isSiteHere } from './flow-site.ts';

describe.skipIf(!isSiteHere)('hostile connections to the image listener', () => {
  let site: HostileSite;
  let bulky: PublishedStudy;
  let slow: readonly SlowConnection[];

  beforeAll(async () => {
    site = await startHostileSite(['ct', 'jpeg-ls ct']);
    bulky = await site.publish(2, buildBulkyCine(2, 100));
    const request = encodeRequest({ target: site.seriesPath('ct'), headers: site.headersOf() });
    slow = await openSlowConnections(site.client, site.peer.port, request);
  });
  beforeEach(() => site.renewToken());
  afterAll(() => site.stop());

  it('whatever bytes come inside TLS, only whole answers of ours go out, and the connection ends with the client', async () => {
    await fc.assert(
      fc.asyncProperty(
        rawBytes(encodeRequest({ target: site.seriesPath('ct'), headers: site.headersOf() })),
        fc.nat(3),
        bounded(async (bytes, pieces) => {
          const connection = await site.client.open();
          const size = Math.ceil(bytes.length / (pieces + 1));
          for (let at = 0; at < bytes.length; at += Math.max(size, 1)) {
            connection.write(bytes.subarray(at, at + size));
            if (pieces > 0) await sleep(2);
          }
          await connection.until((received) => readAnswers(received).answers.length > 0, 60).catch(() => undefined);
          connection.socket.end();
          const received = await connection.until(() => connection.isClosed(), 10_000);
          // Cut by the end of the client: what has begun is not an answer.
          const { answers } = readAnswers(received);
          site.client.judge(received.subarray(0, received.length - readAnswers(received).rest.length));
          for (const { status } of answers) expect([200, 400, 401, 403, 404, 405, 406]).toContain(status);
        }),
      ),
      { numRuns: 80 },
    );
  });

  it('bytes that are no TLS end the connection', async () => {
    await fc.assert(
      fc.asyncProperty(
        rawBytes(Buffer.from([0x16, 3, 1, 0, 200, 1, 0, 0, 196, 3, 3])),
        bounded(async (bytes) => {
          await new Promise<void>((resolve) => {
            const socket = connect(site.peer.port, '127.0.0.1', () => socket.end(bytes));
            socket.on('error', () => undefined);
            socket.on('close', () => resolve());
            socket.resume();
          });
        }),
      ),
      { numRuns: 40 },
    );
    await site.expectWhole();
  });

  it('requests in one go on one connection are answered each, in their order, however the bytes are cut', async () => {
    const kinds = {
      series: { target: () => site.seriesPath('ct'), status: 200 },
      metadata: { target: () => `${site.seriesPath('ct')}/metadata`, status: 200 },
      unknown: { target: () => '/nowhere', status: 404 },
      health: { target: () => '/q/health', status: 200 },
      refused: { target: () => site.seriesPath('ct'), status: 401 },
    } as const;
    const names = Object.keys(kinds) as (keyof typeof kinds)[];
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.constantFrom(...names), { minLength: 2, maxLength: 8 }),
        fc.array(fc.nat(4_000), { maxLength: 3 }),
        bounded(async (asked, cuts) => {
          const requests = asked.map((name) => {
            const headers = site.headersOf(name === 'metadata' ? 'application/dicom+json' : anySyntax);
            return encodeRequest({
              target: kinds[name].target(),
              headers: name === 'refused' ? headers.filter(([one]) => one !== 'Authorization') : headers,
            });
          });
          const bytes = Buffer.concat(requests);
          const connection = await site.client.open();
          let from = 0;
          for (const cut of [...cuts.filter((one) => one < bytes.length).toSorted((a, b) => a - b), bytes.length]) {
            connection.write(bytes.subarray(from, cut));
            from = cut;
            await sleep(1);
          }
          const received = await connection.until((came) => readAnswers(came).answers.length >= asked.length, 10_000);
          expect(site.client.judge(received).map(({ status }) => status)).toEqual(
            asked.map((name) => kinds[name].status),
          );
          connection.close();
        }),
      ),
      { numRuns: 40 },
    );
  });

  it('a client that goes away at any byte gives its place back at once', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.constantFrom(0, 1, 200, 5_000, 300_000, 9_000_000),
        fc.boolean(),
        fc.boolean(),
        bounded(async (after, isAbrupt, isBulky) => {
          const connection = await site.client.open();
          const [path, from] = isBulky ? [bulky.path, bulky] : [site.seriesPath('ct'), site.study];
          connection.write(encodeRequest({ target: path, headers: site.headersOf(anySyntax, from) }));
          const whole = (came: Buffer): boolean => came.length >= after || readAnswers(came).answers.length > 0;
          if (after > 0) await connection.until(whole, 10_000);
          if (isAbrupt) connection.close();
          else connection.socket.end();
          await site.expectWhole();
          connection.close();
        }),
      ),
      { numRuns: 40 },
    );
  });

  /** Two are served at once, by the configuration of this site; a third waits, and is told when to come back. */
  const expectTwoPlaces = async (): Promise<void> => {
    const request = encodeRequest({ target: bulky.path, headers: site.headersOf(anySyntax, bulky) });
    const holding: RawConnection[] = [];
    for (const connection of [await site.client.open(), await site.client.open()]) {
      connection.write(request);
      await connection.until((came) => came.length > 0);
      connection.socket.pause();
      holding.push(connection);
    }
    const third = await site.client.ask({ target: site.seriesPath('ct'), headers: site.headersOf() });
    expect([third?.status, third?.headers.get('retry-after')]).toEqual([503, expect.stringMatching(/^\d+$/)]);
    for (const connection of holding) connection.close();
    await site.expectWhole();
  };

  it(
    'after all this every place was given back: two are served at once, the third is told when to come back (DB.SO.121)',
    expectTwoPlaces,
  );

  it('who sends slowly, half, or nothing, and never goes away by itself, is left', async () => {
    const held = (): readonly string[] => slow.filter((one) => !one.isGone()).map(({ name }) => name);
    await vi.waitFor(() => expect(held()).toEqual([]), { timeout: 40_000, interval: 250 });
  }, 60_000);

  it('a client that goes away while several of its requests wait in one connection gives back every place', async () => {
    const connection = await site.client.open();
    const one = encodeRequest({ target: bulky.path, headers: site.headersOf(anySyntax, bulky) });
    connection.write(Buffer.concat([one, one]));
    await connection.until((came) => came.length > 0);
    connection.socket.pause();
    await sleep(300);
    connection.close();
    await sleep(300);
    await expectTwoPlaces();
  });

  it('at the end the same process serves, nothing is left open, Orthanc lives, the log names nobody', () =>
    site.expectSoundEnd());

  // Known faults: these turn red when they are mended, and then lose their `fails` ----------------------------------

  it('an HTTP/1.0 client gets the series, ended by the end of the connection', async () => {
    const connection = await site.client.open();
    connection.write(encodeRequest({ version: '1.0', target: site.seriesPath('ct'), headers: site.headersOf() }));
    const received = await connection.until(() => connection.isClosed(), 3_000);
    const end = received.indexOf('\r\n\r\n');
    const type = /^content-type: (.*)$/im.exec(received.toString('latin1', 0, end))?.[1];
    expect(splitMultipart(type, received.subarray(end + 4))).toHaveLength(site.ofKind('ct').length);
  });

  it('requests in one go are all answered, also when the first has a token that is not known yet', async () => {
    await site.expectWhole();
    const unknown = await site.peer.psc.mintToken(personas.radiologist);
    const first = site.headersWith('Authorization', `Bearer ${unknown}`);
    const connection = await site.client.open();
    const known = encodeRequest({ target: site.seriesPath('ct'), headers: site.headersOf() });
    connection.write(
      Buffer.concat([encodeRequest({ target: site.seriesPath('ct'), headers: first }), known, known, known]),
    );
    const received = await connection.until((came) => readAnswers(came).answers.length >= 4, 10_000);
    expect(site.client.judge(received).map(({ status }) => status)).toEqual([200, 200, 200, 200]);
  });
});
