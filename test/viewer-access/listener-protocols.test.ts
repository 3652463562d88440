/** The listener itself: static files, HTTP/2 beside HTTP/1.1, ports, connections, the end. */
import { connect, type IncomingHttpHeaders } from 'node:http2';
import { createServer, type AddressInfo } from 'node:net';
import { join } from 'node:path';
import { connect as connectTls } from 'node:tls';
import { describe, expect, test } from 'vitest';
import { ask, cookieOf, grantOf, linkOf, pathOf, startEntry, studyOf, submit, tokenOf } from './faked-entry.ts';
import { playEntryForEach } from './played-entry.ts';

const entry = playEntryForEach();

describe('static files', () => {
  const hashed = '/visionneuse/ohif/app.bundle.0123456789abcdef.js';

  test.each([
    ['br, gzip', 'br', 'BROTLI'],
    ['gzip, deflate', 'gzip', 'GZIP'],
    ['gzip;q=1, br;q=0', 'gzip', 'GZIP'],
    ['identity', undefined, 'plain script'],
    ['br;q=0.0', undefined, 'plain script'],
  ])('come compressed as the browser accepts (%s)', async (accepted, encoding, text) => {
    const { headers, body } = await ask(entry.port, hashed, { headers: { 'Accept-Encoding': accepted } });
    expect([headers['content-encoding'], body, headers.vary]).toEqual([encoding, text, 'Accept-Encoding']);
    expect(headers['content-type']).toBe('text/javascript; charset=utf-8');
  });

  test('stay for a year where their name holds their content, else are asked for again', async () => {
    for (const path of [
      hashed,
      '/visionneuse/assets/shell-B8xQ_2kZ.css',
      '/visionneuse/ohif-0123456789ab/viewer.css',
    ]) {
      expect((await ask(entry.port, path)).headers['cache-control']).toBe('public, max-age=31536000, immutable');
    }
    for (const path of ['/visionneuse/index.html', '/visionneuse/ohif/dicom-microscopy-viewer.js']) {
      const { headers } = await ask(entry.port, path);
      expect(headers['cache-control']).toBe('no-cache');
      const again = await ask(entry.port, path, { headers: { 'If-None-Match': `"other", W/${headers.etag}` } });
      expect([again.status, again.body]).toEqual([304, '']);
    }
  });

  test('what the built viewer lists is fetched ahead by the page where people choose how to sign in, if it is there', async () => {
    const { body } = await ask(
      entry.port,
      '/IHEInvokeImageDisplay?requestType=STUDY&studyUID=1.2&accessionNumber=A&idCDA=1.3',
    );
    const ahead = [...body.matchAll(/<link rel="prefetch" href="([^"]*)">/g)].map(([, path]) => path);
    expect(ahead).toEqual([hashed]);
    for (const path of ahead) expect((await ask(entry.port, path ?? '')).status).toBe(200);
  });

  test('WebAssembly has its type; HEAD has no body', async () => {
    expect((await ask(entry.port, '/visionneuse/codec.wasm')).headers['content-type']).toBe('application/wasm');
    const head = await ask(entry.port, hashed, { method: 'HEAD' });
    expect([head.status, head.headers['content-length'], head.body]).toEqual([200, '12', '']);
  });

  test.each([
    '/visionneuse/.secret',
    '/visionneuse/ohif/app.bundle.0123456789abcdef.js.map',
    '/visionneuse/ohif/app.bundle.0123456789abcdef.js.br',
    '/visionneuse/../package.json',
    '/visionneuse/%2e%2e/%2e%2e/etc/passwd',
    '/visionneuse/..%2f..%2fetc%2fpasswd',
    '/visionneuse/ohif',
    '/visionneuse/ohif/viewer',
    '/visionneuse/ohif/viewer/x.js',
    '/visionneuse/__proto__',
    '/visionneuse/%00',
    '/pages/pages.css',
  ])('%s is none', async (path) => {
    const { status, body } = await ask(entry.port, path);
    expect([404, 400]).toContain(status);
    expect(body).not.toMatch(/root:|"name"|secret/);
  });

  test('a folder that is not there stops the start (viewer-access/files-missing)', async () => {
    const start = startEntry(entry.ca, join(entry.staticFolder, 'absent'), entry.world);
    await expect(start).rejects.toMatchObject({ code: 'viewer-access/files-missing' });
    const button = startEntry(entry.ca, entry.staticFolder, entry.world, {
      buttons: { proSanteConnectFile: '/absent.svg' },
    });
    await expect(button).rejects.toMatchObject({ code: 'viewer-access/files-missing' });
  });

  test('the official drawings of the buttons are shown where the site has put them', async () => {
    const file = join(entry.staticFolder, 'codec.wasm');
    await entry.restart({ buttons: { franceConnectPlusFile: file, proSanteConnectFile: file } });
    const { body } = await ask(entry.port, pathOf(1));
    const paths = [...body.matchAll(/<img src="([^"]+)"/g)].map((match) => match[1] ?? '');
    expect(paths).toHaveLength(2);
    for (const path of paths) expect((await ask(entry.port, path)).status).toBe(200);
  });
});

describe('on HTTP/2', () => {
  interface Answer {
    readonly headers: IncomingHttpHeaders;
    readonly body: string;
  }
  const over = async (
    asked: readonly { readonly headers: Readonly<Record<string, string>>; readonly body?: string }[],
    authority = `https://localhost:${entry.port}`,
  ): Promise<readonly Answer[]> => {
    const session = connect(authority, {
      rejectUnauthorized: false,
      createConnection: () =>
        connectTls({
          host: '127.0.0.1',
          port: entry.port,
          ALPNProtocols: ['h2'],
          servername: 'localhost',
          rejectUnauthorized: false,
        }),
    });
    const refused = new Promise<never>((_, reject) => session.once('error', reject));
    refused.catch(() => undefined);
    const one = ({ headers, body }: (typeof asked)[number]) =>
      new Promise<Answer>((resolve, reject) => {
        const stream = session.request(headers);
        let text = '';
        let answered: IncomingHttpHeaders = {};
        stream.on('response', (given) => (answered = given));
        stream.setEncoding('utf8').on('data', (chunk: string) => (text += chunk));
        stream.on('end', () => resolve({ headers: answered, body: text })).on('error', reject);
        stream.end(body);
      });
    try {
      return await Promise.race([refused, Promise.all(asked.map(one))]);
    } finally {
      session.close();
    }
  };

  test('pages, forms, files and examinations are those of HTTP/1.1, many on one connection', async () => {
    const cookie = cookieOf('camille');
    const form = new URLSearchParams({ lien: linkOf(1), jeton: tokenOf(cookie) }).toString();
    const [page, opened, file, examination, state, unknown] = await over([
      { headers: { ':path': pathOf(1) } },
      {
        headers: {
          ':path': '/acces',
          ':method': 'POST',
          cookie,
          'content-type': 'application/x-www-form-urlencoded',
          origin: `https://localhost:${entry.port}`,
          'sec-fetch-site': 'same-origin',
        },
        body: form,
      },
      { headers: { ':path': '/visionneuse/ohif/app.bundle.0123456789abcdef.js', 'accept-encoding': 'br' } },
      { headers: { ':path': `/examen/${grantOf(1)}/dicomweb/studies`, cookie } },
      { headers: { ':path': '/q/health' } },
      { headers: { ':path': '/nowhere', accept: 'text/html' } },
    ]);
    expect([page?.headers[':status'], page?.body]).toEqual([200, expect.stringContaining('Vous êtes le patient')]);
    expect([opened?.headers[':status'], opened?.headers.location]).toEqual([303, `/examen/${grantOf(1)}`]);
    expect([file?.body, file?.headers['content-encoding']]).toEqual(['BROTLI', 'br']);
    expect(examination?.body).toBe(`dicomweb ${studyOf(1)} /studies`);
    expect(JSON.parse(state?.body ?? '')).toEqual({ status: 'UP' });
    expect([unknown?.headers[':status'], unknown?.headers['content-security-policy']]).toEqual([
      404,
      expect.any(String),
    ]);
  });

  test('another authority is not served', async () => {
    const [page] = await over([{ headers: { ':path': pathOf(1) } }], 'https://evil.example.test');
    expect(page?.headers[':status']).toBe(421);
  });

  test('can be turned off', async () => {
    await entry.restart({ http2: false });
    expect((await ask(entry.port, pathOf(1))).status).toBe(200);
    await expect(over([{ headers: { ':path': '/q/health' } }])).rejects.toThrow();
  });
});

describe('the listener', () => {
  test('a port that is taken is told by its code (viewer-access/listen-failed)', async () => {
    const other = createServer();
    await new Promise<void>((resolve) => other.listen(0, '127.0.0.1', resolve));
    const taken = (other.address() as AddressInfo).port;
    const code = 'viewer-access/listen-failed';
    await expect(startEntry(entry.ca, entry.staticFolder, entry.world, { port: taken })).rejects.toMatchObject({
      code,
    });
    await new Promise((resolve) => other.close(resolve));
  });

  test('rubbish on the connection disturbs nobody', async () => {
    await new Promise<void>((resolve) => {
      const socket = connectTls({ port: entry.port, host: '127.0.0.1', rejectUnauthorized: false }, () =>
        socket.write('rubbish\r\n\r\n'),
      );
      socket
        .resume()
        .on('error', () => undefined)
        .on('close', () => resolve());
    });
    expect((await ask(entry.port, pathOf(1))).status).toBe(200);
  });

  test('closing lets what is under way end', async () => {
    let goOn: () => void = () => undefined;
    entry.world.pause = new Promise((resolve) => (goOn = resolve));
    const reached = new Promise<void>((resolve) => {
      entry.world.decide = () => {
        resolve();
        return { kind: 'refused', reason: 'viewer-access/masked' };
      };
    });
    const answered = submit(entry.port, '/acces', { lien: linkOf(1) }, cookieOf('camille'));
    await reached;
    const closing = entry.listener.close(5_000);
    goOn();
    expect((await answered).status).toBe(404);
    await closing;
    await expect(ask(entry.port, pathOf(1))).rejects.toThrow();
  });

  test('closing cuts what does not end', async () => {
    entry.world.pause = new Promise(() => undefined);
    const reached = new Promise<void>((resolve) => {
      entry.world.decide = () => {
        resolve();
        return { kind: 'refused', reason: 'viewer-access/masked' };
      };
    });
    const answered = submit(entry.port, '/acces', { lien: linkOf(1) }, cookieOf('camille'));
    const failed = expect(answered).rejects.toThrow();
    await reached;
    await entry.listener.close(50);
    await failed;
  });
});
