import { isForwardingHeader } from './forwarding-headers.js';
import { filterHeaders } from './headers.js';
import { HOP_BY_HOP } from './hop-by-hop.js';
import type { Forwardable, HeaderList } from './states.js';
import { stripReservedHeaders } from './strip-reserved-headers.js';

/** What a trailer must never say (RFC 9110 section 6.5.1): who asks whom for what, and how the message is framed. */
const NO_TRAILER: ReadonlySet<string> = new Set([
  'authorization',
  'cache-control',
  'content-encoding',
  'content-length',
  'content-range',
  'content-type',
  'cookie',
  'grpc-timeout',
  'host',
]);

/**
 * The client's trailers that go on to the upstream. By now it has most of the request, so nothing can be refused: of
 * trailers with a look-alike of a reserved name none goes on.
 */
export function requestTrailers(trailers: HeaderList, forwardable: Forwardable): string[] {
  const { request, route } = forwardable;
  return filterHeaders(
    strippedOf({ ...forwardable, request: { ...request, headers: trailers } }),
    (name) =>
      !HOP_BY_HOP.has(name) &&
      !NO_TRAILER.has(name) &&
      !isForwardingHeader(name) &&
      !route.withheldHeaders.has(name),
  );
}

function strippedOf(received: Forwardable): HeaderList {
  try {
    return stripReservedHeaders(received).headers;
  } catch {
    return [];
  }
}
