import { advance } from './advance.js';
import { forwardingHeaders, isForwardingHeader } from './forwarding-headers.js';
import { cookieName, filterHeaders, headerValues, listTokens } from './headers.js';
import { HOP_BY_HOP } from './hop-by-hop.js';
import { identityHeaders } from './identity-headers.js';
import type { Assertions } from './ports.js';
import type { Addressed, Authorized, Forwardable, HeaderList } from './states.js';
import { removeBearerSubprotocols } from './websocket-protocols.js';

/** Named in `Connection` or not, these belong to the request itself. */
const END_TO_END = new Set(['host', 'content-length', 'content-type', 'authorization', 'cookie']);

/** The whole header list for the upstream: what the client may say, then what the gateway says. */
export function addIdentityHeaders(addressed: Addressed, assertions: Assertions): Forwardable {
  const { route, headers, request } = addressed;
  const listed = headersListedInConnection(headers);
  const upstreamHeaders = filterHeaders(
    headers,
    (name) =>
      !HOP_BY_HOP.has(name) &&
      !isForwardingHeader(name) &&
      !route.withheldHeaders.has(name) &&
      !listed.has(name),
  );
  if (route.withheldCookies.size > 0) removeCookies(upstreamHeaders, route.withheldCookies);
  if (request.isUpgrade) removeBearerSubprotocols(upstreamHeaders);
  append(upstreamHeaders, route.requestHeaders);
  append(upstreamHeaders, forwardingHeaders(addressed));
  append(upstreamHeaders, identityHeadersOf(addressed, assertions));
  append(upstreamHeaders, clientCertificateHeader(addressed));
  return advance(addressed, { upstreamHeaders });
}

/** Spreading them into one call would make a list of them all first. */
function append(headers: string[], more: HeaderList): void {
  for (const text of more) headers.push(text);
}

/** Who the caller is, in the form that the route's upstream wants. Throws `identity_too_large`. */
export function identityHeadersOf(
  { route, caller, identity }: Authorized,
  assertions: Assertions,
): HeaderList {
  const assertion =
    route.kind === 'forward' && route.asserted ? assertions.assert(identity, route.upstream) : undefined;
  return identityHeaders(caller, route.identityLayout, assertion);
}

const NOTHING: ReadonlySet<string> = new Set();

function headersListedInConnection(headers: HeaderList): ReadonlySet<string> {
  const values = headerValues(headers, 'connection');
  if (values.length === 0 || (values.length === 1 && /^(?:keep-alive|close)$/i.test(values[0] ?? '')))
    return NOTHING;
  return new Set(listTokens(values).filter((name) => !END_TO_END.has(name)));
}

/** The refresh token is for the auth service alone, access tokens for the gateway. Other cookies are the application's. */
function removeCookies(headers: string[], withheld: ReadonlySet<string>): void {
  for (let i = headers.length - 2; i >= 0; i -= 2) {
    if (headers[i] !== 'cookie') continue;
    const others = (headers[i + 1] ?? '')
      .split(';')
      .map((cookie) => cookie.trim())
      .filter((cookie) => !withheld.has(cookieName(cookie) ?? ''));
    if (others.length === 0) headers.splice(i, 2);
    else headers[i + 1] = others.join('; ');
  }
}

/** RFC 9440 section 2.2: the DER as a byte sequence of structured fields. */
function clientCertificateHeader({ route, request }: Addressed): HeaderList {
  if (!route.forwardCertificate || request.clientCertificate === undefined) return [];
  return ['client-cert', `:${request.clientCertificate.der.toString('base64')}:`];
}
