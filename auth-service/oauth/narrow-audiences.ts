import { OAuthError } from './oauth-error.js';

/**
 * The audiences for these `resource` parameters (RFC 8707); the first of the allowed ones when there is none. Throws
 * OAuthError `invalid_target`.
 */
export function narrowAudiences(allowed: readonly string[], resources: readonly string[]): readonly string[] {
  if (resources.length === 0) return allowed.slice(0, 1);
  if (!resources.every((resource) => allowed.includes(resource)))
    throw new OAuthError('invalid_target', 'the resource is not one that this client may name');
  return [...new Set(resources)];
}
