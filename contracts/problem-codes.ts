/**
 * The closed table of everything a client can be told went wrong (design 4.3). `docs/errors.md` is generated from it.
 * `detail` is fixed text: it never holds a token, a claim value or anything else from the request.
 */
export interface ProblemSpec {
  status: number;
  title: string;
  detail: string;
  /**
   * The `WWW-Authenticate` answer (RFC 6750 section 3): `bare` names the scheme only, for requests that carried no
   * credential; the others become the `error` attribute.
   */
  challenge?: 'bare' | 'invalid_token' | 'insufficient_scope' | 'invalid_dpop_proof';
  /** Default `Retry-After` in seconds. */
  retryAfterS?: number;
}

const invalidToken = (title: string, detail: string): ProblemSpec => ({
  status: 401,
  title,
  detail,
  challenge: 'invalid_token',
});

const unavailable = (title: string, detail: string, retryAfterS = 5): ProblemSpec => ({
  status: 503,
  title,
  detail,
  retryAfterS,
});

export const PROBLEMS = {
  // The request itself
  request_invalid: {
    status: 400,
    title: 'Bad request',
    detail: 'The request is not well-formed HTTP, or its body does not fit.',
  },
  path_invalid: {
    status: 400,
    title: 'Invalid path',
    detail: 'The path has a form that different servers would read differently.',
  },
  header_name: {
    status: 400,
    title: 'Reserved header look-alike',
    detail: 'A header name reads as a reserved identity header to some servers.',
  },
  host_invalid: {
    status: 400,
    title: 'Invalid Host',
    detail: 'The Host header is missing, repeated or not a host name.',
  },
  upgrade_invalid: {
    status: 400,
    title: 'Invalid upgrade',
    detail: 'The upgrade request is not one this gateway can serve.',
  },
  ambiguous_credentials: {
    status: 400,
    title: 'Ambiguous credentials',
    detail: 'The request carries more than one credential.',
  },
  json_invalid: {
    status: 400,
    title: 'Invalid JSON',
    detail: 'The body is not the JSON object that this endpoint takes.',
  },
  route_not_found: { status: 404, title: 'Not found', detail: 'No route matches this request.' },
  method_not_allowed: {
    status: 405,
    title: 'Method not allowed',
    detail: 'The route does not take this method. See the Allow header.',
  },
  request_timeout: { status: 408, title: 'Request timeout', detail: 'The request did not arrive in time.' },
  body_too_large: {
    status: 413,
    title: 'Body too large',
    detail: 'The body is larger than this route allows.',
  },
  media_type_unsupported: {
    status: 415,
    title: 'Unsupported media type',
    detail: 'This endpoint takes application/json.',
  },
  expectation_failed: {
    status: 417,
    title: 'Expectation failed',
    detail: 'Only Expect: 100-continue is understood.',
  },
  host_unknown: {
    status: 421,
    title: 'Misdirected request',
    detail: 'This gateway does not serve that host.',
  },
  rate_limited: {
    status: 429,
    title: 'Too many requests',
    detail: 'The limit for this caller is used up. See Retry-After.',
    retryAfterS: 1,
  },
  headers_too_large: {
    status: 431,
    title: 'Headers too large',
    detail: 'The request headers are larger than allowed.',
  },
  method_unknown: {
    status: 501,
    title: 'Method not implemented',
    detail: 'The method is not one this gateway knows.',
  },

  // The caller's token
  credentials_missing: {
    status: 401,
    title: 'Authentication required',
    detail: 'This route needs a credential, and the request carries none that it takes.',
    challenge: 'bare',
  },
  token_malformed: invalidToken('Malformed token', 'The access token is not a well-formed signed JWT.'),
  token_alg: invalidToken(
    'Algorithm not accepted',
    'The access token is signed with an algorithm that is not accepted.',
  ),
  token_crit: invalidToken(
    'Critical header not understood',
    'The access token demands an extension that is not supported.',
  ),
  token_kid: invalidToken('Unknown key', 'The access token names no key that its issuer has in force.'),
  token_type: invalidToken('Wrong token type', 'The token is not an access token of this issuer.'),
  token_signature: invalidToken('Invalid signature', 'The signature of the access token does not verify.'),
  token_expired: invalidToken('Token expired', 'The access token has expired.'),
  token_claims: invalidToken(
    'Claims not accepted',
    'A claim of the access token is missing or not acceptable here.',
  ),
  token_revoked: invalidToken('Token revoked', 'The access token has been revoked.'),
  token_binding: invalidToken(
    'Token not proven',
    'The access token is bound to a key or a certificate, and the request does not prove it.',
  ),
  api_key_invalid: invalidToken('Invalid API key', 'The API key is unknown, or has ended.'),
  dpop_invalid: {
    status: 401,
    title: 'Invalid DPoP proof',
    detail: 'The DPoP proof is missing, malformed, too old or for another request.',
    challenge: 'invalid_dpop_proof',
  },
  dpop_replayed: {
    status: 401,
    title: 'DPoP proof used before',
    detail: 'Each DPoP proof is good for one request.',
    challenge: 'invalid_dpop_proof',
  },

  // What the caller may do
  insufficient_scope: {
    status: 403,
    title: 'Insufficient scope',
    detail: 'The access token lacks a scope that this route needs.',
    challenge: 'insufficient_scope',
  },
  insufficient_role: {
    status: 403,
    title: 'Insufficient role',
    detail: 'The caller lacks a role that this route needs.',
  },
  access_denied: {
    status: 403,
    title: 'Access denied',
    detail: 'This route is not for this caller.',
  },
  certificate_not_accepted: {
    status: 403,
    title: 'Certificate not accepted',
    detail: 'The client certificate names nobody whom this route admits.',
  },
  identity_too_large: {
    status: 403,
    title: 'Identity too large',
    detail: 'The identity headers for this token would exceed 8 KiB.',
  },

  // The gateway's own state
  keys_unavailable: unavailable(
    'Keys unavailable',
    'The keys of the token\u2019s issuer are not available at the moment.',
  ),
  api_key_unverified: unavailable('API key not verified', 'The API key cannot be looked up at the moment.'),
  revocation_stale: unavailable('Revocations stale', 'The revocation list is too old to decide by.'),
  overloaded: unavailable('Overloaded', 'There is more work than can be done at the moment.', 1),
  shutting_down: unavailable('Shutting down', 'This instance is shutting down. Try again.', 1),

  // The upstream
  grpc_unsupported: {
    status: 501,
    title: 'gRPC not served here',
    detail: 'The upstream service of this route does not speak HTTP/2, which gRPC needs.',
  },
  upstream_unreachable: {
    status: 502,
    title: 'Upstream unreachable',
    detail: 'The upstream service could not be reached.',
  },
  upstream_untrusted: {
    status: 502,
    title: 'Upstream not trusted',
    detail: 'The upstream service did not prove its identity.',
  },
  upstream_reset: {
    status: 502,
    title: 'Upstream reset',
    detail: 'The upstream service broke off before it answered.',
  },
  upstream_response_invalid: {
    status: 502,
    title: 'Upstream response invalid',
    detail: 'The upstream service did not answer in valid HTTP.',
  },
  upstream_timeout: {
    status: 504,
    title: 'Upstream timeout',
    detail: 'The upstream service did not answer in time.',
  },
  upstream_unavailable: unavailable(
    'Upstream unavailable',
    'Most requests to the upstream service fail at the moment: this one was not sent.',
  ),
  upstream_busy: unavailable(
    'Upstream busy',
    'The upstream service has as many requests as it may have: this one was not sent.',
    1,
  ),

  // An upstream's own refusals, made by the upstream kit
  gateway_required: {
    status: 403,
    title: 'Gateway required',
    detail: 'This service takes connections from the gateway only.',
  },
  identity_invalid: {
    status: 403,
    title: 'Identity not readable',
    detail: 'The identity headers are missing, repeated or malformed.',
  },

  // The admin listeners
  admin_certificate: {
    status: 403,
    title: 'Caller not allowed',
    detail:
      'The admin listener is not for the certificate that was shown: admin.tls.clients lists whose it is.',
  },
  admin_token: {
    status: 401,
    title: 'Admin token required',
    detail: 'The admin listener asks for its token: Authorization: Bearer, with what admin.token says.',
    challenge: 'bare',
  },

  // The auth service
  peer_not_allowed: {
    status: 403,
    title: 'Caller not allowed',
    detail: 'This endpoint is not for the certificate that was shown.',
  },
  not_found: { status: 404, title: 'Not found', detail: 'There is nothing by that name (any more).' },
  key_too_new: {
    status: 409,
    title: 'Key too new',
    detail: 'The next signing key has not been published for long enough: caches may not have seen it.',
  },
  conflict: {
    status: 409,
    title: 'Not possible now',
    detail: 'The current state does not allow it.',
  },
  invalid_credentials: {
    status: 401,
    title: 'Invalid credentials',
    detail: 'The e-mail address or the password is wrong.',
    challenge: 'bare',
  },
  too_many_attempts: {
    status: 429,
    title: 'Too many attempts',
    detail: 'There were too many failed attempts. Try again after Retry-After seconds.',
    retryAfterS: 1,
  },
  password_wrong: { status: 403, title: 'Wrong password', detail: 'The current password is wrong.' },
  email_invalid: { status: 422, title: 'Invalid address', detail: 'This is no e-mail address.' },
  password_too_short: {
    status: 422,
    title: 'Password too short',
    detail: 'A password has at least 12 characters.',
  },
  password_too_long: {
    status: 422,
    title: 'Password too long',
    detail: 'A password has at most 128 characters.',
  },
  password_too_common: {
    status: 422,
    title: 'Password too common',
    detail: 'This password is among the first that anybody would try. Take another one.',
  },
  reset_token_invalid: {
    status: 400,
    title: 'Link not valid',
    detail: 'This link was used before, has expired, or was replaced by a newer one.',
  },
  email_taken: {
    status: 409,
    title: 'Address taken',
    detail: 'There is an account with this e-mail address already.',
  },
  client_invalid: {
    status: 401,
    title: 'Client not authenticated',
    detail: 'The application that asks is unknown, did not prove itself, or may not log people in.',
    challenge: 'bare',
  },
  refresh_token_missing: {
    status: 400,
    title: 'Refresh token missing',
    detail: 'Send a refresh token in the body or in the cookie, not in both.',
  },
  refresh_token_invalid: {
    status: 401,
    title: 'Invalid refresh token',
    detail: 'The refresh token is not valid.',
    challenge: 'bare',
  },
  refresh_token_reused: {
    status: 401,
    title: 'Refresh token reused',
    detail: 'The refresh token was used before. Its session has been ended.',
    challenge: 'bare',
  },
  session_expired: {
    status: 401,
    title: 'Session expired',
    detail: 'The session has reached its end. Log in again.',
    challenge: 'bare',
  },
  session_revoked: {
    status: 401,
    title: 'Session ended',
    detail: 'The session has been ended. Log in again.',
    challenge: 'bare',
  },
  account_disabled: { status: 403, title: 'Account disabled', detail: 'This account may not log in.' },
  origin_not_allowed: {
    status: 403,
    title: 'Origin not allowed',
    detail: 'Preflights, requests with a cookie, and WebSockets are accepted from allow-listed origins only.',
  },
  store_unavailable: unavailable('Store unavailable', 'The database cannot be reached at the moment.'),

  internal_error: {
    status: 500,
    title: 'Internal error',
    detail: 'Something went wrong here. The request id helps to find it.',
  },
} as const satisfies Record<string, ProblemSpec>;

export type ProblemCode = keyof typeof PROBLEMS;

export function problemSpec(code: ProblemCode): ProblemSpec {
  return PROBLEMS[code];
}

/** RFC 9457 body, media type `application/problem+json`. */
export interface ProblemBody {
  type: string;
  title: string;
  status: number;
  detail: string;
  code: ProblemCode;
  request_id: string;
}

export function problemBody(code: ProblemCode, requestId: string): ProblemBody {
  const { status, title, detail } = problemSpec(code);
  return { type: `urn:gatehouse:problem:${code}`, title, status, detail, code, request_id: requestId };
}
