import { parseBasicCredentials } from './basic-credentials.js';
import type { FormParameters } from './form-parameters.js';
import { OAuthError } from './oauth-error.js';
import { ASSERTION_TYPE, assertedClientId } from './verify-assertion.js';

/** What a request says of its client, in whatever way. */
export interface PresentedClient {
  authorization: string | undefined;
  /** The `Client-Cert` header. */
  certificate: string | undefined;
  form: Pick<FormParameters, 'values'>;
  requestId: string;
}

/** Which client a request says it is, and how it means to prove it. */
export type ClientClaim = { clientId: string | undefined } & (
  | { method: 'client_secret'; secret: string }
  | { method: 'private_key_jwt'; assertion: string }
  /** By the certificate of its connection, or not at all. */
  | { method: 'none' }
);

/**
 * Throws OAuthError `invalid_request` for two methods at once (RFC 6749 section 2.3) or two different client ids, and
 * `invalid_client` for a method that is malformed or not known.
 */
export function readClientClaim({ authorization, form: { values } }: PresentedClient): ClientClaim {
  const secret = values.get('client_secret');
  const hasAssertion = values.has('client_assertion') || values.has('client_assertion_type');
  const methods = [authorization !== undefined, secret !== undefined, hasAssertion].filter(Boolean).length;
  if (methods > 1) throw new OAuthError('invalid_request', 'more than one way of client authentication');
  const clientId = values.get('client_id');
  if (authorization !== undefined) return byHeader(authorization, clientId);
  if (hasAssertion) return byAssertion(values, clientId);
  if (secret !== undefined) return { method: 'client_secret', clientId, secret };
  return { method: 'none', clientId };
}

function byHeader(authorization: string, clientId: string | undefined): ClientClaim {
  const basic = parseBasicCredentials(authorization);
  if (basic === undefined)
    throw new OAuthError('invalid_client', 'the Authorization header holds no client credentials');
  return { method: 'client_secret', clientId: same(basic.clientId, clientId), secret: basic.clientSecret };
}

function byAssertion(values: ReadonlyMap<string, string>, clientId: string | undefined): ClientClaim {
  const assertion = values.get('client_assertion');
  if (assertion === undefined || values.get('client_assertion_type') !== ASSERTION_TYPE)
    throw new OAuthError('invalid_client', 'the client assertion is of another type');
  return { method: 'private_key_jwt', clientId: same(assertedClientId(assertion), clientId), assertion };
}

function same(proved: string | undefined, named: string | undefined): string | undefined {
  if (named !== undefined && named !== proved)
    throw new OAuthError('invalid_request', 'the request names two clients');
  return proved;
}
