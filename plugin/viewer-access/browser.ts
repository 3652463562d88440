/** Who calls, read from a request: the host it asks for must be one of ours. */
import type { IncomingMessage } from 'node:http';
import type { Browser, FormSource } from './entry-ports.ts';

/** A name, or an address in brackets, and a port. */
const authority = /^([a-z0-9.-]+|\[[0-9a-f:]+\])(?::([0-9]{1,5}))?$/;

const oneHeader = (value: string | string[] | undefined): string | undefined =>
  Array.isArray(value) ? undefined : value;

/**
 * @param hosts  names served here, lower case
 * @returns undefined when the request is for another host, or for none
 */
export const readBrowser = (
  request: IncomingMessage,
  hosts: readonly string[],
  correlationId: string,
): Browser | undefined => {
  const [, name = '', port] = authority.exec((request.headers.host ?? '').toLowerCase()) ?? [];
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
