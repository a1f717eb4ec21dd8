import { DPOP_ALGORITHMS } from '../../contracts/problem.js';
import { OAUTH, WELL_KNOWN } from '../../contracts/well-known.js';
import { CLIENT_GRANTS } from './client.js';
import { ASSERTION_ALGORITHMS } from './client-key.js';

const METHODS = ['client_secret_basic', 'client_secret_post', 'private_key_jwt', 'tls_client_auth'] as const;

/**
 * RFC 8414 metadata. There is no authorization endpoint, hence no response types: people log in at `/auth/login`, and
 * what comes of that may be refreshed here.
 */
export function oauthMetadata(issuer: string): Record<string, unknown> {
  const withMethods = (endpoint: string, methods: readonly string[]) => ({
    [`${endpoint}_endpoint_auth_methods_supported`]: methods,
    [`${endpoint}_endpoint_auth_signing_alg_values_supported`]: ASSERTION_ALGORITHMS,
  });
  return {
    issuer,
    token_endpoint: issuer + OAUTH.token,
    revocation_endpoint: issuer + OAUTH.revoke,
    introspection_endpoint: issuer + OAUTH.introspect,
    jwks_uri: issuer + WELL_KNOWN.jwks,
    grant_types_supported: CLIENT_GRANTS,
    response_types_supported: [],
    subject_types_supported: ['public'],
    ...withMethods('token', [...METHODS, 'none']),
    ...withMethods('revocation', [...METHODS, 'none']),
    ...withMethods('introspection', METHODS),
    dpop_signing_alg_values_supported: DPOP_ALGORITHMS,
    tls_client_certificate_bound_access_tokens: true,
  };
}
