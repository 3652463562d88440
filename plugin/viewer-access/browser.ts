/** Who calls, read from a request: the host it asks for must be one of ours. */
import type { IncomingMessage } from 'node:http';
import type { Browser, FormSource } from './entry-ports.ts';

/** A name, or an address in brackets, and a port. */
const authority = /^([a-z0-9.-]+|\[[0-9a-f:]+\])(?::([0-9]{1,5}))?$/;

const oneHeader = (value: string | string[] | undefined): string | undefined =>
  Array.isArray(value) ? undefined : value;

/**
 * The host that a request is for, as it is said: once, and by `:authority` and `Host` alike where HTTP/2 has both. Whoever
 * says two means one for a proxy and another one for us.
 *
 * @see RFC 9112 §3.2 · RFC 9113 §8.3.1
 */
const hostOf = ({ rawHeaders }: IncomingMessage): string => {
  const lines = rawHeaders.map((text, at) => ({ name: text.toLowerCase(), value: rawHeaders[at + 1] ?? '', at }));
  const said = lines.filter(({ name, at }) => at % 2 === 0 && (name === 'host' || name === ':authority'));
  const names = new Set(said.map(({ name }) => name));
  const [host = '', other] = new Set(said.map(({ value }) => value.toLowerCase()));
  return names.size === said.length && other === undefined ? host : '';
};

/**
 * @param hosts  names served here, lower case
 * @returns undefined when the request is for another host, or for none
 */
export const readBrowser = (
  request: IncomingMessage,
  hosts: readonly string[],
  correlationId: string,
): Browser | undefined => {
  const [, name = '', port] = authority.exec(hostOf(request)) ?? [];
  const host = name.replace(/\.$/, '');
  if (!hosts.includes(host)) return undefined;
  const cookies = oneHeader(request.headers.cookie);
  return {
    host,
    origin: `https://${host}${port === undefined || port === '443' ? '' : `:${port}`}`,
    address: request.socket.remoteAddress ?? '',
    correlationId,
    ...(cookies === undefined ? {} : { cookies }),
  };
};

export const readFormSource = ({ headers }: IncomingMessage): FormSource => {
  const fetchSite = oneHeader(headers['sec-fetch-site']);
  return {
    ...(fetchSite === undefined ? {} : { fetchSite }),
    ...(headers.origin === undefined ? {} : { origin: headers.origin }),
  };
};
