import { isIP, isIPv4, isIPv6 } from 'node:net';

/** The address in what proxies write: `192.0.2.1:4711` and `[2001:db8::1]:4711` too. Undefined for anything else. */
export function plainAddress(text: string): string | undefined {
  if (isIP(text) !== 0) return text;
  const [, v4, v6] = /^(?:([0-9.]+):[0-9]+|\[([^\]]+)\](?::[0-9]+)?)$/.exec(text) ?? [];
  const address = v4 ?? v6 ?? '';
  return isIP(address) === 0 ? undefined : address;
}

/**
 * What counts as one address: an IPv4 address, or the /64 of an IPv6 address, which is what one customer is given and
 * can pick from freely. What is no address is taken as it is.
 */
export function addressGroup(ip: string): string {
  const [bare = ''] = ip.split('%', 1); // without a zone
  const mapped = /^::ffff:([0-9.]+)$/i.exec(bare)?.[1];
  if (mapped !== undefined && isIPv4(mapped)) return mapped;
  if (!isIPv6(bare)) return bare;
  const [head = '', tail] = bare.split('::');
  const groups = head === '' ? [] : head.split(':');
  // Whatever `::` stands for reaches into the first four groups only where those are zero, or come after it.
  const after = tail === undefined || tail === '' ? [] : tail.split(':');
  const width = after.length + (after.at(-1)?.includes('.') ? 1 : 0); // a dotted tail is two groups
  const zeros = tail === undefined ? 0 : Math.max(0, 8 - groups.length - width);
  const all = [...groups, ...Array.from({ length: zeros }, () => '0'), ...after];
  return `${all
    .slice(0, 4)
    .map((group) => Number.parseInt(group, 16).toString(16))
    .join(':')}::/64`;
}
