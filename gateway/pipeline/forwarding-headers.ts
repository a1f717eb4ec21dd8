import { plainAddress } from '../../kit/address-group.js';
import { headerValues, listTokens } from './headers.js';
import type { Addressed } from './states.js';

/** The gateway's own word on where a request came from. A client's is not passed on; a trusted proxy's is continued. */
const FORWARDING_HEADERS: ReadonlySet<string> = new Set([
  'forwarded',
  'true-client-ip',
  'via',
  'x-client-ip',
  'x-cluster-client-ip',
  // The gateway tells how long it waits; a client's wish only goes into that (`http/outgoing-request.ts`).
  'x-envoy-expected-rq-timeout-ms',
  'x-forwarded',
  'x-real-ip',
  'x-request-id',
]);

/** All of `X-Forwarded-*`: servers know more of them than are listed. */
export const isForwardingHeader = (name: string): boolean =>
  FORWARDING_HEADERS.has(name) || name.startsWith('x-forwarded-');

/** Alternating names and values for the upstream. */
export function forwardingHeaders({ request, host, route }: Addressed): string[] {
  const { headers, peer } = request;
  const before = peer.isTrustedProxy ? listTokens(headerValues(headers, 'x-forwarded-for')) : [];
  const proxied = peer.isTrustedProxy
    ? headerValues(headers, 'x-forwarded-proto').at(-1)?.toLowerCase()
    : undefined;
  const protocol = proxied === 'http' || proxied === 'https' ? proxied : request.protocol;
  const words = [
    'x-forwarded-for',
    before.length === 0 ? peer.address : `${before.join(', ')}, ${peer.address}`,
    'x-forwarded-proto',
    protocol,
    'x-forwarded-host',
    host,
    'via',
    `${request.httpVersion} gatehouse`,
    'x-request-id',
    request.id,
  ];
  if (route.strippedPrefix !== undefined) words.push('x-forwarded-prefix', route.strippedPrefix);
  return words;
}

/**
 * The client's address: the nearest hop that is no trusted proxy (rightmost first, since only what a trusted proxy
 * appended is known). `isTrusted` knows the proxies. A hop that is no address is nobody: whoever could write anything
 * there would be another client each time.
 */
export function clientAddress(
  peerAddress: string,
  forwardedFor: readonly string[],
  isTrusted: (address: string) => boolean,
): string {
  let address = peerAddress;
  for (const hop of listTokens(forwardedFor).toReversed()) {
    if (!isTrusted(address)) return address;
    const next = plainAddress(hop);
    if (next === undefined) return address;
    address = next;
  }
  return address;
}
