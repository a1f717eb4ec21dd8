import { BlockList, isIP } from 'node:net';

/** Addresses and networks (`10.0.0.0/8`, `::1`), and whether one address is among them. */
export interface AddressList {
  has(address: string): boolean;
}

/** Returns the entry that is neither an address nor a network, if there is one. */
export function invalidAddress(entries: readonly string[]): string | undefined {
  return entries.find((entry) => parseEntry(entry) === undefined);
}

/** A look-up costs more than the rest of what is read off a connection; its answer never changes. */
const MAX_KNOWN = 4096;

/** Entries have to be valid. An IPv4 address in its IPv6 form (`::ffff:10.0.0.1`) counts as the IPv4 one. */
export function createAddressList(entries: readonly string[]): AddressList {
  if (entries.length === 0) return { has: () => false };
  const list = new BlockList();
  const known = new Map<string, boolean>();
  for (const entry of entries) {
    const parsed = parseEntry(entry);
    if (parsed === undefined) throw new RangeError('not an address or network');
    list.addSubnet(parsed.address, parsed.prefix, parsed.family);
  }
  const check = (address: string): boolean => {
    const plain = address.replace(/^::ffff:(?=\d+\.)/i, '');
    return isIP(plain) !== 0 && list.check(plain, isIP(plain) === 6 ? 'ipv6' : 'ipv4');
  };
  return {
    has(address) {
      let has = known.get(address);
      if (has === undefined) {
        has = check(address);
        if (known.size >= MAX_KNOWN) known.clear();
        // What a proxy hands on may be of any length.
        if (isIP(address) !== 0) known.set(address, has);
      }
      return has;
    },
  };
}

function parseEntry(entry: string): { address: string; prefix: number; family: 'ipv4' | 'ipv6' } | undefined {
  const [address = '', prefixText, ...rest] = entry.split('/');
  const version = isIP(address);
  if (version === 0 || rest.length > 0) return undefined;
  const longest = version === 6 ? 128 : 32;
  const prefix = prefixText === undefined ? longest : Number(prefixText);
  if (prefixText !== undefined && (!/^[0-9]{1,3}$/.test(prefixText) || prefix > longest)) return undefined;
  return { address, prefix, family: version === 6 ? 'ipv6' : 'ipv4' };
}
