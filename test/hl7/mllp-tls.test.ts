import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import {
  buildAcknowledgment,
  guessHeader,
  type MllpListener,
  mllpListenerOptions,
  startMllpListener,
} from '../../plugin/hl7/index.ts';
import { buildOru, connectRis } from '../peers/ris/index.ts';
import { cda } from './invented.ts';

const folder = mkdtempSync(join(tmpdir(), 'drimbox-hl7-tls-'));
const file = (name: string): string => join(folder, name);
const openssl = (...args: string[]): void => {
  execFileSync('openssl', args, { stdio: 'pipe', cwd: folder });
};
const issue = (name: string, subject: string, issuer: 'authority' | 'stranger', extension: string): void => {
  const newKey = ['-newkey', 'rsa:2048', '-nodes', '-keyout', `${name}.key`];
  const signed = ['-CA', `${issuer}.pem`, '-CAkey', `${issuer}.key`];
  openssl(
    'req',
    '-x509',
    ...newKey,
    ...signed,
    '-subj',
    subject,
    '-days',
    '1',
    '-addext',
    extension,
    '-out',
    `${name}.pem`,
  );
};
const issueAuthority = (name: string): void => {
  const key = ['-newkey', 'rsa:2048', '-nodes', '-keyout', `${name}.key`];
  openssl('req', '-x509', ...key, '-subj', `/CN=Invented ${name}`, '-days', '1', '-out', `${name}.pem`);
};

const listeners: MllpListener[] = [];
const start = async (tls: object): Promise<number> => {
  const silent = (): void => undefined;
  const listener = await startMllpListener(mllpListenerOptions.parse({ port: 0, tls }), {
    receive: async (message) =>
      buildAcknowledgment(guessHeader(message), { kind: 'accepted' }, { controlId: 'ACK1', atUtcMs: 0 }),
    clock: () => 0,
    newControlId: () => 'NACK1',
    log: { info: silent, warn: silent, error: silent },
  });
  listeners.push(listener);
  return listener.port;
};

beforeAll(() => {
  issueAuthority('authority');
  issueAuthority('stranger');
  issue('server', '/CN=localhost', 'authority', 'subjectAltName=IP:127.0.0.1');
  issue('ris', '/CN=ris.example', 'authority', 'extendedKeyUsage=clientAuth');
  issue('intruder', '/CN=intruder.example', 'stranger', 'extendedKeyUsage=clientAuth');
});

afterAll(async () => {
  await Promise.all(listeners.map((listener) => listener.close()));
  rmSync(folder, { recursive: true });
});

const serverFiles = () => ({ certificateFile: file('server.pem'), keyFile: file('server.key') });
const send = async (port: number, client?: string): Promise<string> => {
  const identity =
    client === undefined ? {} : { cert: readFileSync(file(`${client}.pem`)), key: readFileSync(file(`${client}.key`)) };
  const ris = await connectRis({ port, tls: { ca: readFileSync(file('authority.pem')), ...identity } });
  try {
    return (await ris.send(buildOru({ cda }))).code;
  } finally {
    await ris.close();
  }
};

describe('TLS', () => {
  test('serves a sender that trusts our certificate', async () => {
    expect(await send(await start(serverFiles()))).toBe('AA');
  });

  test('with caFile serves only senders whose certificate stands under it', async () => {
    const port = await start({ ...serverFiles(), caFile: file('authority.pem') });
    expect(await send(port, 'ris')).toBe('AA');
    await expect(send(port)).rejects.toThrow();
    await expect(send(port, 'intruder')).rejects.toThrow();
    expect(await send(port, 'ris')).toBe('AA');
  });

  test('plain TCP gets no answer and does no harm', async () => {
    const port = await start(serverFiles());
    const plain = await connectRis({ port });
    await expect(plain.send(buildOru({ cda }))).rejects.toThrow();
    expect(await send(port)).toBe('AA');
  });

  test('close does not wait for a peer that never begins its handshake', async () => {
    const port = await start(serverFiles());
    const mute = await connectRis({ port });
    await listeners.pop()?.close();
    await mute.closed;
  });

  test('files that cannot be read or are no certificate are hl7/listen-failed', async () => {
    const missing = { ...serverFiles(), keyFile: file('absent.key') };
    await expect(start(missing)).rejects.toMatchObject({ code: 'hl7/listen-failed' });
    const swapped = { certificateFile: file('server.key'), keyFile: file('server.pem') };
    await expect(start(swapped)).rejects.toMatchObject({ code: 'hl7/listen-failed' });
  });
});
