import { CLIENT_CERT_HEADERS, IDENTITY_PREFIX } from '../../contracts/identity-headers.js';
import { Problem } from '../../contracts/problem.js';
import { advance } from './advance.js';
import { isForwardingHeader } from './forwarding-headers.js';
import { USUAL_NAMES } from './header-names.js';
import { filterHeaders } from './headers.js';
import type { Received, Stripped } from './states.js';

/** Sent by clients to steer servers behind a proxy. The gateway routes by none of them and hands on none of them. */
const STEERING = new Set([
  'x-host',
  'x-http-host-override',
  'x-http-method-override',
  'x-http-method',
  'x-method-override',
  'x-original-host',
  'x-original-method',
  'x-original-uri',
  'x-original-url',
  'x-rewrite-url',
]);

/** What a server behind us could frame the message by (RFC 9112 section 6). */
const FRAMING = new Set(['content-length', 'transfer-encoding']);

/**
 * Removes every header that an upstream would take for the gateway's word (design 4.2), on every route, before
 * anything else is decided. PHP and WSGI read `_` and `.` as `-`, and some servers read any character that is no letter
 * or digit so. Such look-alikes of reserved names are refused, since a client that sends one is probing; those of
 * names that the gateway writes itself or hands on to nobody are removed as the names themselves are.
 */
export function stripReservedHeaders(received: Received): Stripped {
  const { reservedHeaders } = received.snapshot;
  const isReserved = (name: string): boolean =>
    name.startsWith(IDENTITY_PREFIX) || CLIENT_CERT.has(name) || reservedHeaders.has(name);
  const headers = filterHeaders(received.request.headers, (name) => {
    if (PLAIN.has(name)) return !reservedHeaders.has(name);
    if (isReserved(name)) return false;
    if (!ODD_CHARACTER.test(name)) return !STEERING.has(name);
    const read = name.replace(ODD_CHARACTERS, '-');
    if (FRAMING.has(read)) throw new Problem('header_name', { headers: { connection: 'close' } });
    if (isReserved(read)) throw new Problem('header_name');
    return !STEERING.has(read) && !isForwardingHeader(read);
  });
  return advance(received, { headers });
}

const CLIENT_CERT: ReadonlySet<string> = new Set(CLIENT_CERT_HEADERS);
const ODD_CHARACTER = /[^a-z0-9-]/;
const ODD_CHARACTERS = /[^a-z0-9-]/g;

/** Nothing but this version's own reserved names can be against these: most headers of a request need no further look. */
const PLAIN: ReadonlySet<string> = new Set(
  USUAL_NAMES.filter(
    (name) =>
      !name.startsWith(IDENTITY_PREFIX) &&
      !CLIENT_CERT.has(name) &&
      !ODD_CHARACTER.test(name) &&
      !STEERING.has(name),
  ),
);
