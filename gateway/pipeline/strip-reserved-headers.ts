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
  const headers = filterHeaders(received.request.headers, (name) => {
    if (isReserved(name)) return false;
    if (isReserved(name.replace(/[_.]/g, '-')) || name === 'transfer_encoding')
      throw new Problem('header_name');
    return !STEERING.has(name);
  });
  return { ...received, headers };
}

function isReserved(name: string): boolean {
  return name.startsWith(IDENTITY_PREFIX) || (CLIENT_CERT_HEADERS as readonly string[]).includes(name);
}
