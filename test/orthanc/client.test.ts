import type { RequestListener } from 'node:http';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { DrimboxError } from '../../plugin/errors.ts';
import {
  createOrthancClient,
  createRestStudyIndex,
  type OrthancClient,
  orthancOptions,
} from '../../plugin/orthanc/index.ts';
import { parseStudyInstanceUid } from '../../plugin/standards/index.ts';
import { type FakeOrthanc, startFakeOrthanc } from '../peers/orthanc/index.ts';
import { findFreePort } from '../peers/postgres/index.ts';

const uid = parseStudyInstanceUid('2.25.999999.1');
const anId = '81bfb4d0-d35b8599-cde9439a-3822b1f8-1cbd6321';
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

/** The error of a lookup. */
const failure = async (client: OrthancClient): Promise<DrimboxError> => {
  const error: unknown = await createRestStudyIndex(client)
    .lookup(uid)
    .then(
      (found) => found,
      (thrown: unknown) => thrown,
    );
  expect(error).toBeInstanceOf(DrimboxError);
  return error as DrimboxError;
};

const answering = async (status: number, body: string, more?: Record<string, unknown>): Promise<DrimboxError> => {
  const server = await fake((_request, response) =>
    response.writeHead(status, { 'content-type': 'application/json' }).end(body),
  );
  return await failure(clientOf(server.url, more));
};

describe('"PACS unreachable" is never "images gone" (D1)', () => {
  it('an Orthanc that is not there: orthanc/unreachable, transient', async () => {
    const error = await failure(clientOf(`http://127.0.0.1:${await findFreePort()}`));
    expect([error.code, error.retry]).toEqual(['orthanc/unreachable', 'transient']);
  });

  it('an Orthanc that never answers: orthanc/timeout', async () => {
    const server = await fake(() => undefined);
    expect((await failure(clientOf(server.url, { timeoutMs: 150 }))).code).toBe('orthanc/timeout');
  });

  it('an answer that starts and never ends: orthanc/timeout, for the time is that of the whole answer', async () => {
    const server = await fake((_request, response) => {
      response.writeHead(200).write('[');
    });
    expect((await failure(clientOf(server.url, { timeoutMs: 150 }))).code).toBe('orthanc/timeout');
  });

  it('a connection cut in the middle of an answer: orthanc/unreachable', async () => {
    const server = await fake((_request, response) => {
      response.writeHead(200, { 'content-length': '100' }).write('[');
      setImmediate(() => response.destroy());
    });
    expect((await failure(clientOf(server.url))).code).toBe('orthanc/unreachable');
  });

  it.each([401, 403])('%i: orthanc/refused, permanent, somebody must act', async (status) => {
    const error = await answering(status, '{}');
    expect([error.code, error.retry]).toEqual(['orthanc/refused', 'permanent']);
  });

  it.each([
    ['404 of a route that every Orthanc has: another server answers', 404, '[]'],
    ['500', 500, '[]'],
    ['503', 503, '[]'],
    ['a redirection, which is not followed', 302, '[]'],
    ['204', 204, ''],
    ['a page of a proxy', 200, '<html>ok</html>'],
    ['no byte at all', 200, ''],
    ['null', 200, 'null'],
    ['an object where a list is due', 200, '{}'],
    ['ids where resources are due', 200, `["${anId}"]`],
    ['a study of another shape', 200, `[{"Type":"Study","ID":"${anId}"}]`],
  ])('%s: orthanc/answer-invalid, never an empty answer', async (_what, status, body) => {
    const error = await answering(status, body);
    expect([error.code, error.retry]).toEqual(['orthanc/answer-invalid', 'transient']);
  });

  it('an answer without end is cut at 64 MiB: orthanc/answer-invalid', async () => {
    const server = await fake((_request, response) => {
      const chunk = Buffer.alloc(1024 * 1024, ' ');
      const write = (): void => {
        while (!response.destroyed && response.write(chunk));
        response.once('drain', write);
      };
      write();
    });
    expect((await failure(clientOf(server.url))).code).toBe('orthanc/answer-invalid');
  });

  it('another study than asked: orthanc/answer-invalid', async () => {
    const server = await fake((request, response) => {
      const study = {
        Type: 'Study',
        ID: anId,
        MainDicomTags: { StudyInstanceUID: '2.25.2' },
        PatientMainDicomTags: {},
        Series: [anId],
      };
      const series = {
        Type: 'Series',
        ID: anId,
        ParentStudy: anId,
        MainDicomTags: { SeriesInstanceUID: '2.25.3' },
        Instances: [anId],
      };
      const instance = {
        Type: 'Instance',
        ID: anId,
        ParentSeries: anId,
        MainDicomTags: { SOPInstanceUID: '2.25.4' },
        Metadata: { SopClassUid: '2.25.5' },
      };
      const system = { Version: '1.10.1', ApiVersion: 16, DicomAet: 'A', DatabaseVersion: 6 };
      let body = '';
      request.on('data', (chunk: Buffer) => (body += chunk.toString()));
      request.on('end', () => {
        const bulk = body.includes('"Series"') ? [series] : [instance];
        const answer = request.url === '/system' ? system : request.url === '/tools/find' ? [study] : bulk;
        response.end(JSON.stringify(answer));
      });
    });
    const error = await failure(clientOf(server.url));
    expect([error.code, error.detail]).toEqual(['orthanc/answer-invalid', 'another study than asked']);
  });

  it('a positive empty list, and only that, says absent', async () => {
    const server = await fake((_request, response) => response.end('[]'));
    expect(await createRestStudyIndex(clientOf(server.url)).lookup(uid)).toEqual({ kind: 'absent' });
  });
});

describe('errors hold no identity (A6)', () => {
  it('an answer that cannot be read is not quoted', async () => {
    const error = await answering(200, '[{"PatientName":"EXEMPLE^CAMILLE",');
    expect(JSON.stringify([error.message, error.detail, error.context, String(error.cause)])).not.toContain('EXEMPLE');
  });
});

describe('calls', () => {
  it('ask again once when a kept-alive connection was closed meanwhile: Orthanc 1.10 closes after one second', async () => {
    let calls = 0;
    const server = await fake((request, response) => {
      calls += 1;
      if (calls === 2) request.socket.destroy();
      else response.end('[]');
    });
    const index = createRestStudyIndex(clientOf(server.url));
    await index.lookup(uid);
    expect([await index.lookup(uid), calls]).toEqual([{ kind: 'absent' }, 3]);
  });

  it('carry user and password, and keep the path of a reverse proxy', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'drimbox-'));
    writeFileSync(join(folder, 'password'), 'sésame\n');
    let seen = '';
    const server = await fake((request, response) => {
      seen = request.headers.authorization ?? '';
      response.end('[]');
    });
    const client = clientOf(`${server.url}/pacs/`, { username: 'drimbox', passwordFile: join(folder, 'password') });
    await client.findStudies(uid);
    rmSync(folder, { recursive: true });
    expect(Buffer.from(seen.replace('Basic ', ''), 'base64').toString()).toBe('drimbox:sésame');
    expect(server.requests).toEqual(['POST /pacs/tools/find']);
  });

  it('never put in a path what is not an Orthanc identifier', async () => {
    const server = await fake((_request, response) => response.end('{}'));
    const client = clientOf(server.url);
    await expect(client.readObjectIdentity('../../tools/shutdown')).rejects.toMatchObject({
      code: 'orthanc/not-found',
    });
    expect(server.requests).toEqual([]);
  });

  it('tell a resource that is gone from a call that failed', async () => {
    const server = await fake((_request, response) => response.writeHead(404).end());
    const client = clientOf(server.url);
    await expect(client.readKeyObject(anId)).rejects.toMatchObject({ code: 'orthanc/not-found' });
    expect(await client.resolveStudyOf('series', anId)).toBeUndefined();
    await expect(client.findControlStudy()).rejects.toMatchObject({ code: 'orthanc/answer-invalid' });
  });

  it('do not start with a password file that is not there', () => {
    const options = orthancOptions.parse({
      username: 'a',
      passwordFile: '/nowhere/password',
      hook: { secretFile: 'x' },
    });
    expect(() => createOrthancClient(options)).toThrow(expect.objectContaining({ code: 'config/unreadable' }));
  });
});

describe('options', () => {
  const parse = (more: object) => orthancOptions.safeParse({ hook: { secretFile: '/etc/secret' }, ...more }).success;
  it('have working defaults but for the secret, which has none', () => {
    expect(orthancOptions.parse({ hook: { secretFile: '/etc/secret' } })).toEqual({
      url: 'http://127.0.0.1:8042',
      timeoutMs: 10_000,
      hook: { host: '127.0.0.1', port: 8077, secretFile: '/etc/secret' },
    });
    expect(orthancOptions.safeParse({}).success).toBe(false);
  });

  it.each([
    ['a password in the address', { url: 'http://a:b@host:8042' }],
    ['a password in the address of the index', { indexUrl: 'postgres://a:b@host/orthanc' }],
    ['an index without database', { indexUrl: 'postgres://a@host' }],
    ['a user without password file', { username: 'a' }],
    ['a password file without user', { passwordFile: '/a' }],
    ['an unknown key', { urll: 'http://host' }],
    ['another protocol', { url: 'ftp://host' }],
  ])('refuse %s (house-style 22, 23)', (_what, more) => {
    expect([parse({}), parse(more)]).toEqual([true, false]);
  });
});

describe('by what the database is recognised (D2)', () => {
  const identityOf = async (hook: { status: number; body: object } | undefined, counter = 18, latest = 15) => {
    const server = await fake((request, response) => {
      const { pathname, searchParams } = new URL(request.url ?? '', 'http://orthanc');
      const answer = (body: object, status = 200): void => {
        response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
      };
      if (pathname === '/drimbox-hook') answer(hook?.body ?? {}, hook?.status ?? 404);
      else if (pathname === '/system') answer({ Version: '1.10.1', ApiVersion: 15, DicomAet: 'A', DatabaseVersion: 6 });
      else answer({ Changes: [], Done: true, Last: searchParams.has('since') ? counter : latest });
    });
    return await clientOf(server.url).databaseIdentity();
  };

  it('the counter of changes is asked beyond their end: the last one still there is not the last one there was', async () => {
    expect(await identityOf(undefined)).toEqual({ lastChange: 18 });
  });

  it('the last change still there counts when the counter lags behind it for a moment', async () => {
    expect(await identityOf(undefined, 18, 19)).toEqual({ lastChange: 19 });
  });

  it('without the hook there is no mark; with it there is', async () => {
    expect(await identityOf(undefined)).not.toHaveProperty('marker');
    expect(await identityOf({ status: 200, body: { hook: 1, database: 'mark' } })).toMatchObject({ marker: 'mark' });
  });

  it.each([
    ['a hook that cannot read its mark', { status: 200, body: { hook: 1 } }],
    ['a hook whose mark is empty', { status: 200, body: { hook: 1, database: '' } }],
    ['a hook that fails', { status: 500, body: {} }],
    ['something that is no hook', { status: 200, body: { database: 'mark' } }],
  ])('%s: orthanc/answer-invalid, never "no hook"', async (_what, hook) => {
    await expect(identityOf(hook)).rejects.toMatchObject({ code: 'orthanc/answer-invalid', retry: 'transient' });
  });
});
