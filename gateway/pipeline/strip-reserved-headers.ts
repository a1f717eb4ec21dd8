import { CLIENT_CERT_HEADERS, IDENTITY_PREFIX } from '../../contracts/identity-headers.js';
import { Problem } from '../../contracts/problem.js';
import { filterHeaders } from './headers.js';
import type { Received, Stripped } from './states.js';

/** Sent by clients to steer servers behind a proxy. The gateway routes by none of them and hands on none of them. */
const STEERING = new Set([
  'x-http-method-override',
  'x-http-method',
  'x-method-override',
  'x-original-url',
  'x-rewrite-url',
]);

/**
 * Removes every header that an upstream would take for the gateway's word (design 4.2), on every route, before
 * anything else is decided. PHP, WSGI and CGI read `_` and `.` as `-`, so such look-alikes are refused: a client that
 * sends one is probing.
 */
export function stripReservedHeaders(received: Received): Stripped {
  const { reservedHeaders } = received.snapshot;
  const isReserved = (name: string): boolean =>
    name.startsWith(IDENTITY_PREFIX) || CLIENT_CERT.has(name) || reservedHeaders.has(name);
  const headers = filterHeaders(received.request.headers, (name) => {
    if (isReserved(name)) return false;
    if (LOOK_ALIKE.test(name) && (isReserved(name.replace(/[_.]/g, '-')) || name === 'transfer_encoding'))
      throw new Problem('header_name');
    return !STEERING.has(name);
  });
  return { ...received, headers };
}

const CLIENT_CERT: ReadonlySet<string> = new Set(CLIENT_CERT_HEADERS);
const LOOK_ALIKE = /[_.]/;
