import type { CredentialSources } from '../../pipeline/credential-sources.js';
import type { Issuer } from '../../pipeline/issuer.js';
import type { Route } from '../../pipeline/route.js';
import type { GatewayConfig, RouteConfig } from '../schema.js';
import { compileRules } from './access-rules.js';
import { CORS_RESPONSE_HEADERS, compileCors } from './cors.js';
import { compileCredentials, withheldCredentials } from './credentials.js';
import { compileDestination, type Withheld } from './destinations.js';
import { effectiveRoute } from './effective-route.js';
import { headersReplaced, headersSet } from './header-rules.js';
import { identityLayouts, type LayoutOf, reservedHeaders } from './identity-layouts.js';
import { withMirror } from './mirrors.js';
import { compileRateLimits, RATE_LIMIT_HEADERS } from './rate-limits.js';
import { compileConditions, describeConditions, hostsOf } from './route-conditions.js';
import { profileName, withHead } from './route-names.js';

/** What routes share: made once, looked up by name. */
export interface RouteParts {
  config: GatewayConfig;
  issuers: ReadonlyMap<string, Issuer>;
  credentials: ReadonlyMap<string, CredentialSources>;
  layoutOf: LayoutOf;
  withheld: Withheld;
  /** Names of custom identity headers. */
  reserved: ReadonlySet<string>;
}

export function routeParts(config: GatewayConfig, issuers: ReadonlyMap<string, Issuer>): RouteParts {
  return {
    config,
    issuers,
    credentials: new Map(
      Object.entries(config.auth).map(([name, profile]) => [
        name,
        compileCredentials(profile, config.listen),
      ]),
    ),
    layoutOf: identityLayouts(config),
    withheld: withheldCredentials(config),
    reserved: reservedHeaders(config),
  };
}

export function compileRoute(written: RouteConfig, source: string, parts: RouteParts): Route {
  const { config, issuers, credentials, layoutOf, withheld, reserved } = parts;
  const route = effectiveRoute(written, config);
  const name = route.auth === 'public' ? undefined : profileName(route.auth);
  const profile = name === undefined ? undefined : config.auth[name];
  const origins = route.origins ?? profile?.origins;
  const hosts = hostsOf(route);
  const conditions = compileConditions(route);
  const added = headersSet(route.response_headers);
  const cors = compileCors(route, profile, added);
  const id = `${route.methods.join('|')} ${hosts.join(',')}${route.path}${describeConditions(conditions)}`;
  const rateLimits = compileRateLimits(route, id, config);
  const dropped = [
    ...headersReplaced(route.response_headers),
    ...(cors === undefined ? [] : CORS_RESPONSE_HEADERS),
    ...(rateLimits === undefined ? [] : RATE_LIMIT_HEADERS),
  ];
  const base = {
    id,
    pattern: route.path,
    methods: withHead(route.methods),
    hosts,
    conditions,
    identityLayout: layoutOf(route),
    origins: origins === undefined ? undefined : new Set(origins),
    allowEncodedSlash: route.encoded_slash === 'allow',
    bodyOnGet: route.body_on_get === 'allow',
    rateLimits,
    priority: route.priority ?? ('normal' as const),
    cors,
    responseHeaders: added,
    droppedHeaders: dropped.length === 0 ? reserved : new Set([...reserved, ...dropped]),
    source,
    ...compileDestination(route, config, withheld),
  };
  if (name === undefined) return withMirror({ ...base, access: 'public' }, route, parts);
  const sources = credentials.get(name);
  // The checks have found every name; a route without its profile must not come out as a public one.
  if (profile === undefined || sources === undefined) throw new Error(`there is no profile ${name}`);
  const needs = typeof route.auth === 'string' ? {} : route.auth;
  const access = {
    access: 'protected' as const,
    credentials: sources,
    issuers: (profile.issuers ?? []).flatMap((issuer) => issuers.get(issuer) ?? []),
    rules: compileRules(name, profile, needs),
    reportOnly: typeof route.auth === 'object' && route.auth.report_only === true,
    onStale: profile.on_stale ?? 'deny',
  };
  return withMirror({ ...base, ...access }, route, parts);
}
