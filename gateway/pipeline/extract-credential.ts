import { API_KEY_PREFIX } from '../../contracts/auth-api.js';
import { Problem } from '../../contracts/problem.js';
import { advance } from './advance.js';
import type { CredentialSources, TokenCredential } from './credential-sources.js';
import { cookieValues, headerValues } from './headers.js';
import type { ProtectedRoute } from './route.js';
import type { Presented, PresentedCertificate, Routed } from './states.js';
import { bearerSubprotocols } from './websocket-protocols.js';

/**
 * The one credential of the request, from the sources that the route's profile lists. Two tokens are one too many,
 * since nobody could say which of them decides; a client certificate beside a token is no second one, it is what the
 * token may be bound to (RFC 8705).
 */
export function extractCredential(
  routed: Routed<ProtectedRoute>,
): ({ by: 'token' } & Presented) | ({ by: 'certificate' } & PresentedCertificate) {
  const { credentials } = routed.route;
  const found = findTokens(routed, credentials);
  if (found.length > 1) throw new Problem('ambiguous_credentials');
  const [credential] = found;
  if (credential !== undefined) {
    if (credentials.dpop !== undefined) addProof(credential, routed);
    return advance(routed, { by: 'token', credential });
  }
  const { clientCertificate } = routed.request;
  if (credentials.certificate === undefined || clientCertificate === undefined)
    throw new Problem('credentials_missing');
  return advance(routed, {
    by: 'certificate',
    certificate: clientCertificate,
    accepts: credentials.certificate,
  });
}

function findTokens(
  { headers, request }: Routed<ProtectedRoute>,
  sources: CredentialSources,
): TokenCredential[] {
  const found = fromAuthorization(headerValues(headers, 'authorization'), sources);
  for (const name of sources.cookies) {
    for (const text of cookieValues(headers, name)) found.push({ source: 'cookie', text });
  }
  if (sources.apiKeyHeader !== undefined) {
    for (const text of headerValues(headers, sources.apiKeyHeader)) found.push({ source: 'api-key', text });
  }
  if (sources.websocket && request.isUpgrade) {
    for (const text of bearerSubprotocols(headers)) found.push({ source: 'websocket', text });
  }
  return found;
}

/** RFC 6750 section 2.1, RFC 9449 section 7.1. The scheme's case does not matter; a scheme not listed is no credential. */
function fromAuthorization(values: readonly string[], sources: CredentialSources): TokenCredential[] {
  if (values.length > 1) throw new Problem('ambiguous_credentials');
  const [authorization] = values;
  if (authorization === undefined) return [];
  const [scheme, text] = schemeAndToken(authorization);
  const source = scheme === undefined ? undefined : authorizationSource(scheme, text, sources);
  if (source === undefined) return [];
  if (text === undefined) throw new Problem('token_malformed');
  return [{ source, text }];
}

/** As nearly everybody writes it, without an expression that looks at each character of the token. */
function schemeAndToken(authorization: string): (string | undefined)[] {
  if (authorization.startsWith('Bearer ') && authorization.length > 7 && !authorization.includes(' ', 7))
    return ['bearer', authorization.slice(7)];
  return /^(bearer|dpop)\b(?: +([^ ]+)$)?/i.exec(authorization)?.slice(1) ?? [];
}

function authorizationSource(
  scheme: string,
  text: string | undefined,
  sources: CredentialSources,
): TokenCredential['source'] | undefined {
  if (scheme.toLowerCase() === 'dpop') return sources.dpop === undefined ? undefined : 'dpop';
  if (sources.apiKeyHeader !== undefined && text?.startsWith(API_KEY_PREFIX) === true) return 'api-key';
  return sources.bearer ? 'bearer' : undefined;
}

/** RFC 9449 section 4.3: one proof, with the scheme of its own. A proof beside another kind of token proves nothing. */
function addProof(credential: TokenCredential, { headers }: Routed): void {
  const [proof, ...others] = headerValues(headers, 'dpop');
  if (credential.source !== 'dpop') {
    if (proof !== undefined) throw new Problem('token_binding', { reason: 'dpop.scheme' });
    return;
  }
  if (proof === undefined || others.length > 0) throw new Problem('dpop_invalid', { reason: 'dpop.count' });
  credential.proof = proof;
}
