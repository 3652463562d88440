import { once } from 'node:events';
import { createServer, request } from 'node:http';
import { connect, Socket, type AddressInfo } from 'node:net';
import { connect as connectTls } from 'node:tls';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Agent, fetch } from 'undici';
import { afterEach, describe, expect, test } from 'vitest';
import { takeRefusedConnections } from './network-guard.ts';

// An address of the documentation range (RFC 5737): nobody answers there, were the guard to fail.
const outside = '192.0.2.1';

const failureOf = async (socket: Socket): Promise<unknown> => {
  const [error] = await once(socket, 'error');
  return (error as NodeJS.ErrnoException).code;
};

describe('network guard (house-style 30)', () => {
  const closing: (() => unknown)[] = [];
  afterEach(async () => {
    for (const close of closing.splice(0)) await close();
  });

  const startServer = async (): Promise<number> => {
    const server = createServer((_, answer) => answer.end('here'));
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    closing.push(() => server.close());
    return (server.address() as AddressInfo).port;
  };

  test.each([
    ['net.connect with options', () => connect({ host: outside, port: 4242 }), outside],
    ['net.connect with port and host', () => connect(4242, outside), outside],
    ['Socket.connect with port and host', () => new Socket().connect(4242, outside), outside],
    ['an IPv6 address', () => connect({ host: '2001:db8::1', port: 4242 }), '2001:db8::1'],
    ['a name, before any DNS query', () => connect({ host: 'example.org', port: 4242 }), 'example.org'],
    ['TLS', () => connectTls({ host: outside, port: 4242 }), outside],
    ['HTTP', () => request({ host: outside, port: 4242 }), outside],
  ])('refuses %s', async (_, open, host) => {
    expect(await failureOf(open() as Socket)).toBe('ENOTLOOPBACK');
    expect(takeRefusedConnections()).toEqual([host]);
  });

  test('refuses fetch, and a lookup that leads outside', async () => {
    await expect(fetch(`http://${outside}:4242/`)).rejects.toThrow();
    const lookup = (_: string, __: unknown, done: (error: null, address: { address: string; family: 4 }[]) => void) =>
      done(null, [{ address: outside, family: 4 }]);
    const agent = new Agent({ connect: { lookup } });
    closing.push(() => agent.close());
    await expect(fetch('http://pacs.example:4242/', { dispatcher: agent })).rejects.toThrow();
    expect(takeRefusedConnections()).toEqual([outside, `pacs.example (${outside})`]);
  });

  test('lets loopback through by address, by name, by HTTP and by a lookup of the test', async () => {
    const port = await startServer();
    const lookup = (_: string, __: unknown, done: (error: null, address: { address: string; family: 4 }[]) => void) =>
      done(null, [{ address: '127.0.0.1', family: 4 }]);
    const agent = new Agent({ connect: { lookup } });
    closing.push(() => agent.close());
    expect(await (await fetch(`http://127.0.0.1:${port}/`)).text()).toBe('here');
    expect(await (await fetch(`http://localhost:${port}/`)).text()).toBe('here');
    expect(await (await fetch(`http://pacs.example:${port}/`, { dispatcher: agent })).text()).toBe('here');
    const socket = connect(port, 'localhost');
    await once(socket, 'connect');
    socket.destroy();
    expect(takeRefusedConnections()).toEqual([]);
  });

  test('lets Unix sockets through', async () => {
    expect(await failureOf(connect(join(tmpdir(), 'no-such-socket')))).toBe('ENOENT');
    expect(await failureOf(connect({ path: join(tmpdir(), 'no-such-socket') }))).toBe('ENOENT');
    expect(takeRefusedConnections()).toEqual([]);
  });
});
