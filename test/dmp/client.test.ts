import { createHash } from 'node:crypto';
import { createServer, type Server } from 'node:net';
import type { TLSSocket } from 'node:tls';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import {
  buildDeletion,
  buildSubmission,
  createDmpClient,
  type KeptExchange,
  verifyVihf,
} from '../../plugin/dmp/index.ts';
import { decodeMultipart } from '../../plugin/dmp/mtom.ts';
import { dmpCipherSuites } from '../../plugin/dmp/transport.ts';
import { envelope, fault, multipart, queryResponse, registryResponse } from '../fixtures/dmp/answers.ts';
import { makeCertificates, type TestCertificates } from '../fixtures/dmp/certificates.ts';
import { type LocalServer, type Respond, startLocalServer } from '../fixtures/dmp/local-server.ts';
import {
  sampleKos,
  sampleMetadata,
  sampleOptions,
  sampleSubject,
  submissionOptions,
} from '../fixtures/dmp/sample-metadata.ts';

const now = Date.UTC(2026, 0, 10, 12, 0, 0);
const entryUuid = 'urn:uuid:00000000-0000-4000-8000-000000000001';
const soap = 'application/soap+xml; charset=UTF-8';

let certificates: TestCertificates;
const servers: LocalServer[] = [];
beforeAll(() => {
  certificates = makeCertificates();
});
afterAll(() => certificates.remove());
afterEach(async () => {
  await Promise.all(servers.splice(0).map((server) => server.close()));
});

const start = async (respond: Respond, tls: object = {}): Promise<LocalServer> => {
  const mutual = { ca: certificates.authorityPem, requestCert: true, rejectUnauthorized: true };
  const server = await startLocalServer({ ...certificates.server, ...mutual, ...tls }, respond);
  servers.push(server);
  return server;
};
const answering =
  (xml: string, status = 200): Respond =>
  (_, response) => {
    response.writeHead(status, { 'content-type': soap }).end(xml);
  };
const connect = (baseUrl: string, changes: object = {}) => {
  const kept: KeptExchange[] = [];
  let uuids = 0;
  const client = createDmpClient(sampleOptions(baseUrl, certificates.files, changes), {
    clock: () => now,
    newUuid: () => `00000000-0000-4000-8000-${String((uuids += 1)).padStart(12, '0')}`,
    keepExchange: (exchange) => void kept.push(exchange),
  });
  const submission = buildSubmission(sampleMetadata, sampleKos, certificates.signing, submissionOptions);
  return { client, kept, submission, publish: () => client.provideAndRegister(submission, { vihf: sampleSubject }) };
};
const codeOf = async (run: Promise<unknown>): Promise<string> =>
  run.then(
    (value) => `answered ${JSON.stringify(value)}`,
    (error: unknown) => (error as { code: string; retry: string }).code,
  );

describe('publishing (TD2.1, DB.SO.18)', () => {
  it('sends the envelope and both documents as multipart, signed by the structure, and reads a multipart answer', async () => {
    const { contentType, body } = multipart(envelope(registryResponse('Success')));
    const server = await start(
      (_, response) => void response.writeHead(200, { 'content-type': contentType }).end(body),
    );
    const { submission, publish } = connect(server.baseUrl);
    expect((await publish()).kind).toBe('success');

    const [request] = server.requests;
    expect(request?.url).toBe('/si-dmp-server/v2/services/repository');
    const [root, signature, kos] = decodeMultipart(request?.contentType ?? '', request?.body ?? Buffer.alloc(0));
    expect(Buffer.from(kos?.bytes ?? []).equals(sampleKos)).toBe(true);
    expect(Buffer.from(signature?.bytes ?? []).equals(Buffer.from(submission.signature))).toBe(true);
    const text = Buffer.from(root.bytes).toString('utf8');
    expect(text).toContain(submission.submitObjectsRequest);
    const trust = { kind: 'certificate', certificatePem: certificates.signing.certificatePem } as const;
    expect(verifyVihf(text, trust).attributes.get('Identifiant_Structure')).toEqual(['1750000001']);
  });

  it('reads a plain answer and hands it over whole for the archive', async () => {
    const xml = envelope(registryResponse('Success'));
    const { publish, kept } = connect((await start(answering(xml))).baseUrl);
    expect(await publish()).toEqual({ kind: 'success', answer: xml, warnings: [] });
    expect(kept).toMatchObject([{ transaction: 'TD2.1', httpStatus: 200, answer: xml, sentAtUtcMs: now }]);
    expect(kept[0]?.envelope).toContain('<soap:Envelope');
  });

  it('sends the same documents but a fresh VIHF and message at each attempt (decision C2)', async () => {
    const server = await start(answering(envelope(registryResponse('Success'))));
    const { publish, kept } = connect(server.baseUrl);
    await publish();
    await publish();
    const bodies = kept.map(({ envelope: sent }) =>
      createHash('sha256')
        .update(/<soap:Body>.*/s.exec(sent)?.[0] ?? '')
        .digest('hex'),
    );
    expect(bodies[0]).toBe(bodies[1]);
    expect(new Set(kept.map(({ messageId }) => messageId)).size).toBe(2);
    expect(new Set(kept.map(({ envelope: sent }) => /Assertion [^>]*ID="([^"]+)"/.exec(sent)?.[1])).size).toBe(2);
  });

  it('gives a refusal as a result, a busy registry as a transient error', async () => {
    const duplicate = envelope(registryResponse('Failure', [['XDSDuplicateUniqueIdInRegistry']]));
    expect(await connect((await start(answering(duplicate))).baseUrl).publish()).toMatchObject({
      kind: 'refused',
      error: { code: 'dmp/document-duplicate' },
    });
    const busy = envelope(registryResponse('Failure', [['XDSRegistryBusy']]));
    expect(await codeOf(connect((await start(answering(busy))).baseUrl).publish())).toBe('dmp/unavailable');
    const wrongKey = envelope(fault('Sender', 'soap:DMPInvalidCertificate'));
    expect(await connect((await start(answering(wrongKey, 500))).baseUrl).publish()).toMatchObject({
      error: { code: 'dmp/certificate-refused' },
    });
  });

  it('refuses a structure without certificates before anything is sent', async () => {
    const server = await start(answering(envelope(registryResponse('Success'))));
    const { client, submission } = connect(server.baseUrl);
    const vihf = { ...sampleSubject, structureId: '750000099' };
    expect(await codeOf(client.provideAndRegister(submission, { vihf }))).toBe('publication/structure-unconfigured');
    expect(server.requests).toEqual([]);
  });

  it('connects and signs with the certificates of the structure that sends, never another’s (facts 4.3)', async () => {
    const seen: string[] = [];
    const server = await start((request, response, message) => {
      seen.push((message.socket as TLSSocket).getPeerCertificate().subject.CN.toString());
      answering(envelope(registryResponse('Success')))(request, response, message);
    });
    const { authCertificateFile, authKeyFile, signCertificateFile, signKeyFile } = certificates.files;
    const auth = { authCertificateFile, authKeyFile };
    const swapped = { authCertificateFile: signCertificateFile, authKeyFile: signKeyFile };
    const structures = [
      { id: '1750000001', name: 'one', ...auth, signCertificateFile, signKeyFile },
      { id: '1750000002', name: 'two', ...swapped, signCertificateFile: authCertificateFile, signKeyFile: authKeyFile },
    ];
    const { client, submission, kept } = connect(server.baseUrl, { structures });
    for (const structureId of ['750000002', '750000001']) {
      await client.provideAndRegister(submission, { vihf: { ...sampleSubject, structureId } });
    }
    expect(seen).toEqual(['DRIMbox de test', 'auth']);
    expect(kept.map(({ envelope: sent }) => /X509SubjectName">CN=([^,]+)/.exec(sent)?.[1])).toEqual([
      'auth',
      'DRIMbox de test',
    ]);
  });

  it('goes on when the archive fails: the outcome of the exchange is not changed', async () => {
    const server = await start(answering(envelope(registryResponse('Success'))));
    const warnings: object[] = [];
    const client = createDmpClient(sampleOptions(server.baseUrl, certificates.files), {
      clock: () => now,
      newUuid: () => crypto.randomUUID(),
      keepExchange: () => Promise.reject(new Error('disk full')),
      log: { warn: (context) => void warnings.push(context) },
    });
    const { submission } = connect(server.baseUrl);
    expect((await client.provideAndRegister(submission, { vihf: sampleSubject })).kind).toBe('success');
    expect(JSON.stringify(warnings)).not.toMatch(/EXEMPLE|1990175/);
  });
});

describe('asking and deleting (TD3.1, TD3.3c, DB.SO.15)', () => {
  it('asks the registry for an entryUUID, then deletes that entry', async () => {
    const server = await start((request, response) => {
      const isQuery = request.body.includes('AdhocQueryRequest');
      answering(envelope(isQuery ? queryResponse([entryUuid]) : registryResponse('Success')))(
        request,
        response,
        undefined as never,
      );
    });
    const { client } = connect(server.baseUrl);
    const found = await client.findEntryUuid('2.25.1003', sampleSubject);
    expect(found).toMatchObject({ kind: 'found', entryUuid });
    const deletion = buildDeletion({ ...sampleMetadata, ins: sampleMetadata.patient.ins });
    expect((await client.deleteDocument(deletion, { vihf: sampleSubject, entryUuid })).kind).toBe('success');
    expect(server.requests.map((request) => request.url)).toEqual(Array(2).fill('/si-dmp-server/v2/services/registry'));
    expect(server.requests[0]?.contentType).toBe(
      'application/soap+xml; charset=UTF-8; action="urn:ihe:iti:2007:RegistryStoredQuery"',
    );
  });

  it('is never ambiguous for a question: it can be asked again', async () => {
    const server = await start((_, response) => void response.socket?.destroy());
    expect(await codeOf(connect(server.baseUrl).client.findEntryUuid('2.25.1003', sampleSubject))).toBe(
      'dmp/unavailable',
    );
  });
});

describe('failures of the network', () => {
  it('is transient when nobody listens: nothing was sent', async () => {
    const server = await start(() => undefined);
    await server.close();
    const { publish, kept } = connect(server.baseUrl);
    expect(await codeOf(publish())).toBe('dmp/unreachable');
    expect(kept).toMatchObject([{ error: { code: 'dmp/unreachable' } }]);
  });

  it('is transient when the connection never completes', async () => {
    const silent: Server = createServer(() => undefined);
    await new Promise<void>((resolve) => silent.listen(0, '127.0.0.1', resolve));
    const { port } = silent.address() as { port: number };
    const { publish } = connect(`https://localhost:${port}/services`, { connectTimeoutMs: 300 });
    expect(await codeOf(publish())).toBe('dmp/unreachable');
    silent.close();
  });

  it('is permanent when the server’s certificate is not of our authorities', async () => {
    const stranger = makeCertificates();
    try {
      const server = await start(answering(''), stranger.server);
      expect(await codeOf(connect(server.baseUrl).publish())).toBe('dmp/tls-refused');
      expect(server.requests).toEqual([]);
    } finally {
      stranger.remove();
    }
  });

  it('is permanent when the certificate is not for that name', async () => {
    const signer = { cert: certificates.signing.certificatePem, key: certificates.signing.privateKeyPem };
    const server = await start(answering(''), signer);
    expect(await codeOf(connect(server.baseUrl).publish())).toBe('dmp/tls-refused');
  });

  it('is permanent when the server speaks TLS 1.3 only: the DMP is TLS 1.2 (PDT-INF-579)', async () => {
    const server = await start(answering(''), { minVersion: 'TLSv1.3' });
    expect(await codeOf(connect(server.baseUrl).publish())).toBe('dmp/tls-refused');
  });

  it('is permanent when the server has none of the four suites', async () => {
    const server = await start(answering(''), { ciphers: 'AES128-GCM-SHA256', maxVersion: 'TLSv1.2' });
    expect(await codeOf(connect(server.baseUrl).publish())).toBe('dmp/tls-refused');
  });

  it.each(dmpCipherSuites)('speaks %s', async (ciphers) => {
    const server = await start(answering(envelope(registryResponse('Success'))), { ciphers, maxVersion: 'TLSv1.2' });
    expect((await connect(server.baseUrl).publish()).kind).toBe('success');
  });

  it('is ambiguous when the connection breaks after the request', async () => {
    const server = await start((_, response) => void response.socket?.destroy());
    expect(await codeOf(connect(server.baseUrl).publish())).toBe('dmp/connection-lost');
  });

  it('is ambiguous when the answer breaks off in its middle', async () => {
    const server = await start((_, response) => {
      const xml = envelope(registryResponse('Success'));
      response.writeHead(200, { 'content-type': soap, 'content-length': xml.length });
      response.write(xml.slice(0, 40), () => response.socket?.destroy());
    });
    expect(await codeOf(connect(server.baseUrl).publish())).toBe('dmp/connection-lost');
  });

  it.each(['before the answer', 'in the middle of the answer'])('is ambiguous when the DMP hangs %s', async (when) => {
    const server = await start((_, response) => {
      if (when.startsWith('in')) response.writeHead(200, { 'content-type': soap }).write('<soap');
    });
    expect(await codeOf(connect(server.baseUrl, { timeoutMs: 300 }).publish())).toBe('dmp/timeout');
  });

  it('is ambiguous when the answer is too large or garbage, and keeps the garbage', async () => {
    const large = await start(answering('x'.repeat(5000)));
    expect(await codeOf(connect(large.baseUrl, { maxAnswerBytes: 2048 }).publish())).toBe('dmp/answer-invalid');
    const { publish, kept } = connect((await start(answering('<soap:Envelope'))).baseUrl);
    expect(await codeOf(publish())).toBe('dmp/answer-invalid');
    expect(kept).toMatchObject([{ answer: '<soap:Envelope', error: { code: 'dmp/answer-invalid' } }]);
  });

  it('is transient on 503 and ambiguous on a gateway’s 502', async () => {
    expect(await codeOf(connect((await start(answering('busy', 503))).baseUrl).publish())).toBe('dmp/unavailable');
    expect(await codeOf(connect((await start(answering('<html/>', 502))).baseUrl).publish())).toBe('dmp/server-error');
  });

  it('does not follow a redirect: identities go nowhere else', async () => {
    const other = await start(answering(envelope(registryResponse('Success'))));
    const server = await start(
      (_, response) => void response.writeHead(307, { location: `${other.baseUrl}/repository` }).end(),
    );
    expect(await codeOf(connect(server.baseUrl).publish())).toBe('dmp/fault');
    expect(other.requests).toEqual([]);
  });
});

describe('what doctor asks', () => {
  it('says that the DMP answers and how far its clock is (decision G4)', async () => {
    const server = await start((_, response) => {
      response.writeHead(405, { date: new Date(now + 90_000).toUTCString() }).end();
    });
    expect(await connect(server.baseUrl).client.checkReachable()).toEqual({
      structureId: '1750000001',
      httpStatus: 405,
      serverDate: 'Sat, 10 Jan 2026 12:01:30 GMT',
      clockDifferenceMs: 90_000,
    });
  });

  it('lists both certificates of each structure', async () => {
    const { client } = connect('https://localhost:1/services');
    expect(client.certificates().map(({ structureId, use, subject }) => ({ structureId, use, subject }))).toEqual([
      {
        structureId: '1750000001',
        use: 'authentication',
        subject: 'CN=auth, OU=1750000001, O=RADIO TEST, ST=Paris (75), C=FR',
      },
      {
        structureId: '1750000001',
        use: 'signature',
        subject: 'CN=DRIMbox de test, OU=1750000001, O=RADIO TEST, ST=Paris (75), C=FR',
      },
    ]);
    expect(client.certificates().every(({ notAfterUtcMs }) => notAfterUtcMs > Date.now())).toBe(true);
    await client.close();
  });

  it.each(['1750000001', '750000001', '312345678900011', '12345678900011'])('finds the structure by %s', (id) => {
    expect(connect('https://localhost:1/services').client.structureFor(id)?.options.id).toBe('1750000001');
  });

  it.each(['750000002', '', '175000000', '4750000001'])('finds no structure by %j', (id) => {
    expect(connect('https://localhost:1/services').client.structureFor(id)).toBeUndefined();
  });
});
