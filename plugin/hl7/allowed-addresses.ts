import { BlockList, isIP } from 'node:net';

/** Whether a text is an IP address or a range `address/prefix`. */
export const isAddressRange = (text: string): boolean => {
  const [address = '', prefix, ...rest] = text.split('/');
  const family = isIP(address);
  if (family === 0 || rest.length > 0) return false;
  if (prefix === undefined) return true;
  return /^[0-9]{1,3}$/.test(prefix) && Number(prefix) <= (family === 4 ? 32 : 128);
};

const mappedPrefix = /^::ffff:(?=[0-9]+\.)/i;

/** The address as an administrator writes it: IPv4 in IPv6 (`::ffff:10.0.0.1`) as IPv4, no zone (`%eth0`). */
export const normalAddress = (address: string): string => address.replace(/%.*$/, '').replace(mappedPrefix, '');

/**
 * Makes the check of peers.
 *
 * @param ranges  each `isAddressRange`; absent: every address
 */
export const createAddressCheck = (ranges: readonly string[] | undefined): ((address: string) => boolean) => {
  if (ranges === undefined) return () => true;
  const list = new BlockList();
  for (const range of ranges) {
    const [address = '', prefix] = range.split('/');
    const family = isIP(address) === 4 ? 'ipv4' : 'ipv6';
    if (prefix === undefined) list.addAddress(address, family);
    else list.addSubnet(address, Number(prefix), family);
  }
  return (peer) => {
    const address = normalAddress(peer);
    const family = isIP(address);
    return family !== 0 && list.check(address, family === 4 ? 'ipv4' : 'ipv6');
  };
};
