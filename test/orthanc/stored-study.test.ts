/** What Orthanc has of a study, from answers over a real socket. Everything named is invented. */
import { once } from 'node:events';
import type { RequestListener } from 'node:http';
import { type AddressInfo, createServer, type Socket } from 'node:net';
import { afterEach, expect, it } from 'vitest';
import { DrimboxError } from '../../plugin/errors.ts';
import {
  createOrthancClient,
  createStoredFiles,
  lookUpStoredStudy,
  type OrthancClient,
  orthancOptions,
} from '../../plugin/orthanc/index.ts';
import { parseStudyInstanceUid } from '../../plugin/standards/index.ts';
import { type FakeOrthanc, startFakeOrthanc } from '../peers/orthanc/index.ts';
import { findFreePort } from '../peers/postgres/index.ts';

const uid = parseStudyInstanceUid('2.25.999999.81');
const idOf = (number: number): string => `${String(number).padStart(8, '0')}${'-00000000'.repeat(4)}`;

const closing: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0).toReversed()) await close();
});

const clientOf = (url: string, timeoutMs = 5_000): OrthancClient => {
  const client = createOrthancClient(orthancOptions.parse({ url, timeoutMs, hook: { secretFile: '/nowhere' } }));
  closing.push(() => client.close());
  return client;
};

const fake = async (answer: RequestListener): Promise<FakeOrthanc> => {
  const server = await startFakeOrthanc(answer);
  closing.push(() => server.close());
  return server;
};

const study = (number: number, patient: Record<string, string> = { PatientID: 'IPP-0081' }) => ({
  Type: 'Study',
  ID: idOf(number),
  MainDicomTags: { StudyInstanceUID: uid },
  PatientMainDicomTags: patient,
  Series: [idOf(2)],
});
const series = (tags: Record<string, string>, instances: readonly string[]) => ({
  Type: 'Series',
  ID: idOf(2),
  ParentStudy: idOf(1),
  MainDicomTags: tags,
  Instances: instances,
});

const answering = (studies: unknown, listed: unknown): Promise<FakeOrthanc> =>
  fake((request, response) => {
    response.writeHead(200, { 'content-type': 'application/json' });
    response.end(JSON.stringify(request.url === '/tools/find' ? studies : listed));
  });

const failureOf = async (client: OrthancClient): Promise<string> => {
  const error: unknown = await lookUpStoredStudy(client, uid).catch((thrown: unknown) => thrown);
  expect(error).toBeInstanceOf(DrimboxError);
  return (error as DrimboxError).code;
};

it('is found by two questions, whatever the number of instances', async () => {
  const instances = Array.from({ length: 1_300 }, (_, number) => idOf(number + 10));
  const server = await answering([study(1)], [series({ SeriesInstanceUID: '2.25.1', Modality: 'CT' }, instances)]);
  expect(await lookUpStoredStudy(clientOf(server.url), uid)).toEqual({
    kind: 'found',
    orthancId: idOf(1),
    patientId: 'IPP-0081',
    series: [{ orthancId: idOf(2), seriesInstanceUid: '2.25.1', modality: 'CT', instanceIds: new Set(instances) }],
  });
  expect(server.requests).toEqual(['POST /tools/find', 'POST /tools/bulk-content']);
});

it('what the objects do not say is empty: their ids are made of it', async () => {
  const server = await answering([study(1, {})], [series({}, [])]);
  expect(await lookUpStoredStudy(clientOf(server.url), uid)).toMatchObject({
    patientId: '',
    series: [{ seriesInstanceUid: '', modality: '', instanceIds: new Set() }],
  });
});

it('is absent only by an empty answer', async () => {
  const server = await answering([], []);
  expect(await lookUpStoredStudy(clientOf(server.url), uid)).toEqual({ kind: 'absent' });
  expect(server.requests.length).toBe(1);
});

it('is duplicated when two patients have that UID, and not looked at further (A5)', async () => {
  const server = await answering([study(1), study(3, { PatientID: 'IPP-0082' })], []);
  expect(await lookUpStoredStudy(clientOf(server.url), uid)).toEqual({ kind: 'duplicated' });
  expect(server.requests.length).toBe(1);
});

it('has no series when it is deleted between the two questions: nothing of it can be given', async () => {
  const server = await answering([study(1)], []);
  expect(await lookUpStoredStudy(clientOf(server.url), uid)).toMatchObject({ kind: 'found', series: [] });
});

it.each([
  ['an id that leads elsewhere', [{ ...study(1), ID: '../../etc/passwd' }], []],
  ['an instance id that leads elsewhere', [study(1)], [series({}, ['../../etc/passwd'])]],
  ['another thing than a list', { studies: [] }, []],
  ['a series that is a study', [study(1)], [study(1)]],
])('%s: orthanc/answer-invalid', async (_what, studies, listed) => {
  const server = await answering(studies, listed);
  expect(await failureOf(clientOf(server.url))).toBe('orthanc/answer-invalid');
});

it('a PACS that is not there, or refuses, is never an absent study (D1)', async () => {
  expect(await failureOf(clientOf(`http://127.0.0.1:${await findFreePort()}`))).toBe('orthanc/unreachable');
  const refusing = await fake((_request, response) => response.writeHead(401).end());
  expect(await failureOf(clientOf(refusing.url))).toBe('orthanc/refused');
  const lost = await fake((_request, response) => response.writeHead(404).end());
  expect(await failureOf(clientOf(lost.url))).toBe('orthanc/answer-invalid');
});

it('a PACS that is silent from the second question on: orthanc/timeout', async () => {
  const server = await fake((request, response) => {
    if (request.url === '/tools/find') response.writeHead(200).end(JSON.stringify([study(1)]));
  });
  expect(await failureOf(clientOf(server.url, 300))).toBe('orthanc/timeout');
});

it('an answer that breaks off: orthanc/unreachable', async () => {
  const server = await fake((_request, response) => {
    response.writeHead(200, { 'content-length': '1000' });
    response.write('[{', () => response.destroy());
  });
  expect(await failureOf(clientOf(server.url))).toBe('orthanc/unreachable');
});

it.each([
  '../../etc/passwd',
  '/etc/passwd',
  '..',
  '',
  'A0000000-0000-4000-8000-000000000000',
  'a0000000-0000-4000-8000-000000000000\n',
  7,
])(
  'a file named %j reaches no path and is not downloaded: orthanc/answer-invalid; its neighbour is read',
  async (FileUuid) => {
    const good = Buffer.from('the bytes of the other file');
    const instance = {
      Type: 'Instance',
      ParentSeries: idOf(2),
      MainDicomTags: {},
      Metadata: {},
      FileSize: good.length,
    };
    const server = await fake((request, response) => {
      if (request.method === 'GET') return void response.writeHead(200).end(good);
      const listed = [
        { ...instance, ID: idOf(10), FileUuid },
        { ...instance, ID: idOf(11), FileUuid: 'a0000000-0000-4000-8000-000000000000' },
      ];
      response.writeHead(200).end(JSON.stringify(listed));
    });
    const files = createStoredFiles(clientOf(server.url), { folder: '/', clock: Date.now });
    const signal = new AbortController().signal;
    await expect(files.open(idOf(10), [idOf(11)], signal)).rejects.toMatchObject({ code: 'orthanc/answer-invalid' });
    const other = await files.open(idOf(11), [], signal);
    expect((await other.readAll()).equals(good)).toBe(true);
    expect(server.requests).toEqual(['POST /tools/bulk-content', `GET /instances/${idOf(11)}/attachments/dicom/data`]);
  },
);

/** Orthanc from 1.12.5: each answer is the range that was asked for, and the connection stays open. */
const startRangeServer = async (file: Buffer): Promise<{ url: string; sockets: Socket[] }> => {
  const sockets: Socket[] = [];
  const server = createServer((socket) => {
    sockets.push(socket);
    socket.on('error', () => undefined);
    socket.on('data', (data) => {
      const [, start = '0', last = '0'] = /range: bytes=(\d+)-(\d+)/i.exec(data.toString('latin1')) ?? [];
      const part = file.subarray(Number(start), Number(last) + 1);
      const length = `content-length: ${part.length}`;
      socket.write(
        `HTTP/1.1 206 Partial Content\r\ncontent-range: bytes ${start}-${last}/${file.length}\r\n${length}\r\n\r\n`,
      );
      socket.write(part);
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  closing.push(async () => {
    const closed = once(server, 'close');
    server.close();
    for (const socket of sockets) socket.destroy();
    await closed;
  });
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, sockets };
};

it('parts of a stored file come one after the other on one connection', async () => {
  const file = Buffer.from(Array.from({ length: 1_000_000 }, (_, at) => at % 251));
  const { url, sockets } = await startRangeServer(file);
  const client = clientOf(url);
  for (const [start, end] of [
    [0, 600_000],
    [600_000, 999_999],
    [10, 11],
  ] as const) {
    const wanted = { start, end, totalBytes: file.length };
    const { bytes } = await client.downloadFile(idOf(1), wanted, new AbortController().signal);
    const pieces: Buffer[] = [];
    for await (const piece of bytes) pieces.push(piece);
    expect(Buffer.concat(pieces).equals(file.subarray(start, end))).toBe(true);
    // The pool takes a connection back a moment after its last byte.
    await new Promise((resolve) => setImmediate(resolve));
  }
  expect(sockets.length).toBe(1);
});
