/**
 * Refuses every TCP connection of a test that leaves this machine: loopback addresses and Unix sockets pass.
 *
 * A refused attempt fails at once as an error of the socket, and fails the test too, so that code which swallows
 * network errors cannot hide it. Child processes are not covered.
 *
 * @see house-style 30
 */
import { lookup as systemLookup, type LookupAddress, type LookupOptions } from 'node:dns';
import { BlockList, Socket, type LookupFunction } from 'node:net';
import { afterEach } from 'vitest';

const loopback = new BlockList();
loopback.addSubnet('127.0.0.0', 8, 'ipv4');
loopback.addAddress('::1', 'ipv6');
loopback.addSubnet('::ffff:127.0.0.0', 104, 'ipv6');

const isLoopback = (address: string): boolean => loopback.check(address, address.includes(':') ? 'ipv6' : 'ipv4');
const isAddress = (host: string): boolean => /^[\d.]+$/.test(host) || host.includes(':');

const refused: string[] = [];

/** Gives the hosts refused since the last call and forgets them: for the test of this guard. */
export const takeRefusedConnections = (): string[] => refused.splice(0);

const refuse = (host: string): Error => {
  refused.push(host);
  return Object.assign(new Error(`a test may not connect to ${host}: only to this machine`), { code: 'ENOTLOOPBACK' });
};

interface ConnectOptions {
  path?: string;
  host?: string;
  lookup?: LookupFunction;
}

/** Lets a test resolve invented names by a `lookup` of its own, as long as the answer is this machine. */
const guardedLookup =
  (lookup: LookupFunction | undefined): LookupFunction =>
  (host, options: LookupOptions, done) => {
    if (lookup === undefined && host !== 'localhost') {
      done(refuse(host), '', 0);
      return;
    }
    const answer = (error: NodeJS.ErrnoException | null, found: string | LookupAddress[], family?: number): void => {
      const addresses = typeof found === 'string' ? [found] : (found ?? []).map((row) => row.address);
      const outside = error === null ? addresses.find((address) => !isLoopback(address)) : undefined;
      if (outside === undefined) done(error, found, family);
      else done(refuse(`${host} (${outside})`), found, family);
    };
    if (lookup === undefined) systemLookup(host, options, answer);
    else lookup(host, options, answer);
  };

/** `connect` takes (options), (port, host), (path), or, from `net.connect`, one array of already normalised arguments. */
const guardedArguments = (args: unknown[]): { blocked: string } | { args: unknown[] } => {
  const [first, second] = args;
  if (Array.isArray(first)) {
    const inner = guardedArguments(first);
    // The array carries a mark of Node's: it is kept and its first item replaced.
    if ('args' in inner) first[0] = inner.args[0];
    return 'args' in inner ? { args } : inner;
  }
  if (typeof first === 'object' && first !== null) {
    const options = first as ConnectOptions;
    if (options.path !== undefined && options.path !== null) return { args };
    const host = options.host ?? 'localhost';
    if (isAddress(host)) return isLoopback(host) ? { args } : { blocked: host };
    return { args: [{ ...options, host, lookup: guardedLookup(options.lookup) }, ...args.slice(1)] };
  }
  const isPort = typeof first === 'number' || /^\d+$/.test(String(first));
  if (!isPort) return { args };
  const host = typeof second === 'string' ? second : 'localhost';
  if (isAddress(host)) return isLoopback(host) ? { args } : { blocked: host };
  return host === 'localhost' ? { args } : { blocked: host };
};

const connect = Reflect.get(Socket.prototype, 'connect') as (...args: unknown[]) => Socket;

function guardedConnect(this: Socket, ...args: unknown[]): Socket {
  const guarded = guardedArguments(args);
  if ('args' in guarded) return connect.apply(this, guarded.args);
  const error = refuse(guarded.blocked);
  process.nextTick(() => this.destroy(error));
  return this;
}
Reflect.set(Socket.prototype, 'connect', guardedConnect);

afterEach(() => {
  const hosts = takeRefusedConnections();
  if (hosts.length > 0) throw new Error(`the test tried to connect to ${hosts.join(', ')}: tests stay on this machine`);
});
