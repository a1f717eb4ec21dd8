import { OAuthError } from './oauth-error.js';

/** RFC 6749 section 3.3. */
const SCOPE = /^[\x21\x23-\x5b\x5d-\x7e]+( [\x21\x23-\x5b\x5d-\x7e]+)*$/;
const SCOPE_TOKEN = /^[\x21\x23-\x5b\x5d-\x7e]{1,128}$/;

export const isScopeToken = (text: string): boolean => SCOPE_TOKEN.test(text);

/**
 * What of the granted scopes is asked for; all of them when nothing is. Asking for more is an error and not quietly
 * less: a client that was misconfigured should hear of it. Throws OAuthError `invalid_scope`.
 */
export function narrowScopes(granted: readonly string[], requested: string | undefined): readonly string[] {
  if (requested === undefined) return granted;
  if (!SCOPE.test(requested)) throw new OAuthError('invalid_scope', 'the scope is malformed');
  const wanted = new Set(requested.split(' '));
  if (![...wanted].every((scope) => granted.includes(scope)))
    throw new OAuthError('invalid_scope', 'the scope goes beyond what was granted');
  return [...wanted];
}
