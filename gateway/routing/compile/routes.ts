import { durationMs, sizeBytes } from '../../../kit/units.js';
import type { Issuer } from '../../pipeline/issuer.js';
import type { Route } from '../../pipeline/route.js';
import type { AuthProfileConfig, GatewayConfig, RouteConfig } from '../schema.js';
import { profileName, withHead } from './route-names.js';

export function compileRoute(
  route: RouteConfig,
  source: string,
  config: GatewayConfig,
  issuers: Map<string, Issuer>,
): Route {
  const base = {
    id: `${route.methods.join('|')} ${route.path}`,
    pattern: route.path,
    methods: withHead(route.methods),
    upstream: route.upstream,
    forwardToken: route.forward_token ?? false,
    allowEncodedSlash: route.encoded_slash === 'allow',
    maxBodyBytes: sizeBytes(route.max_body ?? '1MiB'),
    timeoutMs: durationMs(route.timeout ?? '30s'),
    idleTimeoutMs: durationMs(route.idle_timeout ?? '60s'),
    rateLimit:
      route.rate_limit === undefined
        ? undefined
        : { requests: route.rate_limit.requests, perMs: durationMs(route.rate_limit.per) },
    source,
  };
  const { profile, needs } = resolveAuth(route, config);
  if (profile === undefined) return { ...base, access: 'public' };
  return {
    ...base,
    access: 'protected',
    issuers: profile.issuers.flatMap((name) => issuers.get(name) ?? []),
    scopes: [...new Set([...(profile.scopes ?? []), ...(needs.scopes ?? [])])],
    // A role is "one of": what the route names narrows the profile, it never widens it.
    roles: needs.roles ?? profile.roles ?? [],
    onStale: profile.on_stale ?? 'deny',
  };
}

function resolveAuth(
  { auth }: RouteConfig,
  config: GatewayConfig,
): { profile?: AuthProfileConfig; needs: { scopes?: string[]; roles?: string[] } } {
  if (auth === 'public') return { needs: {} };
  const needs = typeof auth === 'string' ? {} : auth;
  const profile = config.auth[profileName(auth)];
  return profile === undefined ? { needs } : { profile, needs };
}
