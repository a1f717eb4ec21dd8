import { REFRESH_COOKIE } from '../../contracts/auth-api.js';
import {
  encodeIdentityList,
  encodeIdentityValue,
  IDENTITY_HEADERS,
  IDENTITY_MAX_BYTES,
  IDENTITY_VERSION,
  type Identity,
} from '../../contracts/identity-headers.js';
import { Problem } from '../../contracts/problem.js';
import { FORWARDING_HEADERS, forwardingHeaders } from './forwarding-headers.js';
import { filterHeaders, headerValues, listTokens } from './headers.js';
import type { Admitted, Forwardable, HeaderList } from './states.js';

/** Of one connection only (RFC 9110 section 7.6.1), plus what the gateway itself has already answered. */
const HOP_BY_HOP = new Set([
  'connection',
  'keep-alive',
  'proxy-connection',
  'proxy-authorization',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
  'expect',
]);

/** Named in `Connection` or not, these belong to the request itself. */
const END_TO_END = new Set(['host', 'content-length', 'content-type', 'authorization', 'cookie']);

/** The whole header list for the upstream: what the client may say, then what the gateway says. */
export function addIdentityHeaders(admitted: Admitted): Forwardable {
  const { route, headers } = admitted;
  const listed = new Set(
    listTokens(headerValues(headers, 'connection')).filter((name) => !END_TO_END.has(name)),
  );
  const upstreamHeaders = filterHeaders(headers, (name) => {
    if (HOP_BY_HOP.has(name) || FORWARDING_HEADERS.has(name) || listed.has(name)) return false;
    return name !== 'authorization' || route.forwardToken;
  });
  if (!route.forwardToken) removeRefreshCookie(upstreamHeaders);
  upstreamHeaders.push(...forwardingHeaders(admitted), ...identityHeaders(admitted.identity));
  return { ...admitted, upstreamHeaders };
}

/** The refresh token is for the auth service alone. Other cookies are the application's own. */
function removeRefreshCookie(headers: string[]): void {
  for (let i = headers.length - 2; i >= 0; i -= 2) {
    if (headers[i] !== 'cookie') continue;
    const others = (headers[i + 1] ?? '')
      .split(';')
      .map((cookie) => cookie.trim())
      .filter((cookie) => cookie.split('=', 1)[0]?.trim() !== REFRESH_COOKIE);
    if (others.length === 0) headers.splice(i, 2);
    else headers[i + 1] = others.join('; ');
  }
}

/** Identity headers v1: each exactly once or not at all (design 4.2). */
export function identityHeaders(identity: Identity): HeaderList {
  const headers: string[] = [
    IDENTITY_HEADERS.version,
    IDENTITY_VERSION,
    IDENTITY_HEADERS.kind,
    identity.kind,
  ];
  const add = (name: string, value: string | undefined): void => {
    if (value !== undefined && value !== '') headers.push(name, value);
  };
  const addText = (name: string, value: string | undefined): void =>
    add(name, value === undefined ? undefined : encodeIdentityValue(value));
  addText(IDENTITY_HEADERS.subject, identity.subject);
  addText(IDENTITY_HEADERS.issuer, identity.issuer);
  addText(IDENTITY_HEADERS.client, identity.client);
  addText(IDENTITY_HEADERS.session, identity.session);
  addText(IDENTITY_HEADERS.token, identity.token);
  add(IDENTITY_HEADERS.scopes, encodeIdentityList(identity.scopes));
  add(IDENTITY_HEADERS.roles, encodeIdentityList(identity.roles));
  add(IDENTITY_HEADERS.expires, identity.expires === undefined ? undefined : String(identity.expires));
  // Names, values, and `: ` and CRLF for each.
  const bytes = headers.reduce((sum, text) => sum + text.length + 2, 0);
  if (bytes > IDENTITY_MAX_BYTES) throw new Problem('identity_too_large');
  return headers;
}
