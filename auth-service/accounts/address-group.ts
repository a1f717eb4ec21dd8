import { isIPv4, isIPv6 } from 'node:net';

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
