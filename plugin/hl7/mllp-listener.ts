import { readFile } from 'node:fs/promises';
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';
import { createServer as createTlsServer } from 'node:tls';
import { DrimboxError, failureFields } from '../errors.ts';
import { createAddressCheck, normalAddress } from './allowed-addresses.ts';
import type { MllpListenerOptions } from './hl7-options.ts';
import { type MllpConnection, type MllpPorts, serveMllpConnection } from './mllp-connection.ts';

/** A port that takes messages. */
export interface MllpListener {
  readonly port: number;
  /** Takes no new connection, lets each message in hand be acknowledged, then closes all; after the grace it cuts. */
  close(): Promise<void>;
}

const handshakeTimeoutMs = 10_000;

const readPem = async (file: string): Promise<Buffer> => {
  try {
    return await readFile(file);
  } catch (cause) {
    throw new DrimboxError('hl7/listen-failed', { cause, detail: 'a TLS file cannot be read', context: { file } });
  }
};

const createListeningServer = async (options: MllpListenerOptions): Promise<Server> => {
  if (options.tls === undefined) return createServer({ allowHalfOpen: true });
  const { certificateFile, keyFile, caFile } = options.tls;
  const [cert, key] = await Promise.all([readPem(certificateFile), readPem(keyFile)]);
  const clients =
    caFile === undefined ? {} : { ca: await readPem(caFile), requestCert: true, rejectUnauthorized: true };
  const settings = { allowHalfOpen: true, minVersion: 'TLSv1.2', handshakeTimeout: handshakeTimeoutMs } as const;
  try {
    return createTlsServer({ ...settings, ...clients, cert, key });
  } catch (cause) {
    throw new DrimboxError('hl7/listen-failed', { cause, detail: 'certificate or key is not usable' });
  }
};

const listen = (server: Server, options: MllpListenerOptions): Promise<number> =>
  new Promise((resolve, reject) => {
    server.once('error', (cause) => {
      const context = { host: options.host, port: options.port };
      reject(new DrimboxError('hl7/listen-failed', { cause, detail: 'the port cannot be opened', context }));
    });
    server.listen(options.port, options.host, () => resolve((server.address() as AddressInfo).port));
  });

const warnAboutOpenPort = (options: MllpListenerOptions, port: number, ports: MllpPorts): void => {
  const isGuarded = options.allowedAddresses !== undefined || options.tls?.caFile !== undefined;
  if (!isGuarded) ports.log.warn({ port }, 'HL7 listener takes messages from any address: set allowedAddresses');
};

/** Refuses a peer before a byte of it is read, TLS included. */
const refuseStrangers = (server: Server, options: MllpListenerOptions, ports: MllpPorts): void => {
  const isAllowed = createAddressCheck(options.allowedAddresses);
  server.on('connection', (socket: Socket) => {
    const address = socket.remoteAddress ?? '';
    if (isAllowed(address)) return;
    ports.log.warn({ address: normalAddress(address) }, 'HL7 connection from an address that is not allowed');
    socket.destroy();
  });
  server.on('tlsClientError', (failure: NodeJS.ErrnoException, socket: Socket) => {
    const address = normalAddress(socket.remoteAddress ?? '');
    ports.log.warn({ address, reason: failure.code ?? failure.name }, 'TLS handshake failed on the HL7 port');
  });
  server.on('drop', () => ports.log.warn({ max: options.maxConnections }, 'HL7 connection dropped: too many'));
};

/** What is open on one port. */
interface OpenPeers {
  readonly connections: Set<MllpConnection>;
  /** TCP connections, also those still in their TLS handshake. */
  readonly sockets: Set<Socket>;
}

const closeGracefully = async (server: Server, peers: OpenPeers, graceMs: number): Promise<void> => {
  const closed = new Promise<void>((resolve) => {
    server.close(() => resolve());
  });
  for (const connection of peers.connections) connection.finish();
  let timer: NodeJS.Timeout | undefined;
  const grace = new Promise<void>((resolve) => {
    timer = setTimeout(resolve, graceMs);
  });
  await Promise.race([Promise.all([...peers.connections].map((connection) => connection.done)), grace]);
  clearTimeout(timer);
  for (const connection of peers.connections) connection.destroy();
  for (const socket of peers.sockets) socket.destroy();
  await closed;
};

/**
 * Opens one MLLP port. On one connection messages are taken one at a time, in order, each answered before the next one
 * is looked at. Every message gets an acknowledgment, even when `receive` throws or the frame is too large.
 *
 * @param closeGraceMs  how long `close` waits for messages in hand
 * @throws hl7/listen-failed
 * @see facts/cisis.md 1.1 · decision B3
 */
export const startMllpListener = async (
  options: MllpListenerOptions,
  ports: MllpPorts,
  closeGraceMs = 10_000,
): Promise<MllpListener> => {
  const server = await createListeningServer(options);
  server.maxConnections = options.maxConnections;
  refuseStrangers(server, options, ports);
  const peers: OpenPeers = { connections: new Set(), sockets: new Set() };
  const limits = { maxFrameBytes: options.maxFrameBytes, idleTimeoutMs: options.idleTimeoutSeconds * 1000 };
  let boundPort = 0;

  const welcome = (socket: Socket): void => {
    if (socket.destroyed) return;
    const from = { address: normalAddress(socket.remoteAddress ?? ''), listener: boundPort };
    const connection = serveMllpConnection(socket, limits, from, ports);
    peers.connections.add(connection);
    void connection.done.then(() => peers.connections.delete(connection));
  };
  server.on('connection', (socket: Socket) => {
    peers.sockets.add(socket);
    socket.once('close', () => peers.sockets.delete(socket));
  });
  server.on(options.tls === undefined ? 'connection' : 'secureConnection', welcome);

  boundPort = await listen(server, options);
  server.on('error', (failure) =>
    ports.log.error({ port: boundPort, ...failureFields(failure) }, 'HL7 listener error'),
  );
  warnAboutOpenPort(options, boundPort, ports);
  ports.log.info({ host: options.host, port: boundPort, tls: options.tls !== undefined }, 'HL7 listener open');

  return { port: boundPort, close: () => closeGracefully(server, peers, closeGraceMs) };
};
