import { createHash } from 'node:crypto';
import { WELL_KNOWN } from '../../contracts/well-known.js';
import { closest } from '../../kit/closest.js';
import { ConfigError, type ConfigFile, type ConfigPath, type ConfigProblem } from '../../kit/config-file.js';
import { durationMs, sizeBytes } from '../../kit/units.js';
import type { KeySource } from '../pipeline/ports.js';
import type { Issuer, Route } from '../pipeline/route.js';
import type { Snapshot } from '../pipeline/snapshot.js';
import { createRouteTable, routeShape } from './route-table.js';
import { type AuthProfileConfig, type GatewayConfig, type RouteConfig, targetsOf } from './schema.js';

/** Gives the key source of an issuer by its name in config. */
export type KeySources = (issuerName: string) => KeySource;

/**
 * Config that has the right form, made into a snapshot: every name resolved, every conflict found. All or nothing;
 * throws ConfigError with all problems at once.
 */
export function compileSnapshot(config: ConfigFile<GatewayConfig>, keySources: KeySources): Snapshot {
  const problems = [
    ...checkListeners(config),
    ...checkUpstreams(config),
    ...checkProfiles(config),
    ...checkRoutes(config),
  ];
  if (problems.length > 0) throw new ConfigError(problems);
  const issuers = compileIssuers(config.value, keySources);
  const routes = config.value.routes.map((route, index) => {
    const { line } = config.problem(['routes', index], '', '');
    return compileRoute(route, `${config.file}:${line}`, config.value, issuers);
  });
  return {
    version: createHash('sha256').update(JSON.stringify(config.value)).digest('hex').slice(0, 12),
    routes: createRouteTable(routes),
    maxStalenessMs: durationMs(config.value.revocation.max_staleness ?? '10s'),
  };
}

function compileIssuers(config: GatewayConfig, keySources: KeySources): Map<string, Issuer> {
  return new Map(
    Object.entries(config.issuers).map(([name, issuer]) => [
      name,
      {
        name,
        issuer: issuer.issuer,
        audiences: [issuer.audience].flat(),
        algorithms: issuer.algorithms ?? ['ES256'],
        tokenType: (issuer.token_type ?? 'at+jwt').toLowerCase(),
        leewayS: durationMs(issuer.leeway ?? '30s') / 1000,
        maxLifetimeS: durationMs(issuer.max_lifetime ?? '30d') / 1000,
        own: issuer.own ?? false,
        keys: keySources(name),
      },
    ]),
  );
}

function compileRoute(
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

const profileName = (auth: RouteConfig['auth']): string => (typeof auth === 'string' ? auth : auth.profile);

/** RFC 9110 section 9.3.2: where GET is served, HEAD is. */
const withHead = (methods: readonly string[]): readonly string[] =>
  methods.includes('GET') && !methods.includes('HEAD') ? [...methods, 'HEAD'] : methods;

const LOOPBACK = new Set(['127.0.0.1', '::1', 'localhost']);

function checkListeners(config: ConfigFile<GatewayConfig>): ConfigProblem[] {
  if (LOOPBACK.has(config.value.admin.host)) return [];
  const message = 'the admin listener binds loopback only: use 127.0.0.1 or ::1';
  return [config.problem(['admin', 'host'], 'config_admin_exposed', message)];
}

function checkUpstreams(config: ConfigFile<GatewayConfig>): ConfigProblem[] {
  const internal = targetsOf(config.value.revocation.feed_url).map(hostOf);
  const problems: ConfigProblem[] = [];
  for (const [name, upstream] of Object.entries(config.value.upstreams)) {
    for (const url of targetsOf(upstream.url)) {
      const path: ConfigPath = ['upstreams', name, 'url'];
      const parsed = URL.canParse(url) ? new URL(url) : undefined;
      if (parsed === undefined || parsed.pathname !== '/' || parsed.search !== '' || parsed.username !== '') {
        const message = `"${url}" has to be https://host:port and nothing else`;
        problems.push(config.problem(path, 'config_upstream_url', message));
      } else if (internal.includes(parsed.host)) {
        const message =
          'this is the auth service\u2019s internal listener, which no route may reach: name its public one';
        problems.push(config.problem(path, 'config_upstream_internal', message));
      }
    }
  }
  for (const [name, { upstream }] of Object.entries(config.value.issuers)) {
    if (upstream !== undefined) {
      problems.push(
        ...checkName(config, ['issuers', name, 'upstream'], upstream, config.value.upstreams, 'upstream'),
      );
    }
  }
  return problems;
}

const hostOf = (url: string): string => (URL.canParse(url) ? new URL(url).host : url);

function checkProfiles(config: ConfigFile<GatewayConfig>): ConfigProblem[] {
  return Object.entries(config.value.auth).flatMap(([name, profile]) => [
    ...(name === 'public'
      ? [
          config.problem(
            ['auth', name],
            'config_profile_name',
            '"public" is not a profile: choose another name',
          ),
        ]
      : []),
    ...profile.issuers.flatMap((issuer, index) =>
      checkName(config, ['auth', name, 'issuers', index], issuer, config.value.issuers, 'issuer'),
    ),
  ]);
}

function checkRoutes(config: ConfigFile<GatewayConfig>): ConfigProblem[] {
  const problems: ConfigProblem[] = [];
  const taken = new Map<string, number>();
  for (const [index, route] of config.value.routes.entries()) {
    const at: ConfigPath = ['routes', index];
    problems.push(...checkPattern(config, [...at, 'path'], route.path));
    problems.push(
      ...checkName(config, [...at, 'upstream'], route.upstream, config.value.upstreams, 'upstream'),
    );
    if (route.auth !== 'public') {
      problems.push(
        ...checkName(config, [...at, 'auth'], profileName(route.auth), config.value.auth, 'auth profile'),
      );
    }
    for (const method of withHead(route.methods)) {
      const key = `${method} ${routeShape(route.path)}`;
      const first = taken.get(key);
      if (first === undefined) taken.set(key, index);
      else if (first !== index) {
        const { line } = config.problem(['routes', first], '', '');
        const message = `${method} ${route.path} is taken by the route at line ${line}: remove one of them`;
        problems.push(config.problem([...at, 'path'], 'config_route_duplicate', message));
        break;
      }
    }
  }
  return problems;
}

const STATIC_SEGMENT = /^[A-Za-z0-9._~!$&'()+,=@-]+$/;
const PARAMETER = /^:[A-Za-z][A-Za-z0-9_]*$/;

function checkPattern(config: ConfigFile<GatewayConfig>, at: ConfigPath, pattern: string): ConfigProblem[] {
  const problem = (code: string, message: string): ConfigProblem[] => [config.problem(at, code, message)];
  if (`${pattern}/`.startsWith(WELL_KNOWN.gatewayPrefix)) {
    return problem('config_route_reserved', `${WELL_KNOWN.gatewayPrefix} is the gateway\u2019s own`);
  }
  const segments = pattern.slice(1).split('/');
  for (const [index, segment] of segments.entries()) {
    const isLast = index === segments.length - 1;
    if (isLast && (segment === '' || segment === '*')) continue;
    if (segment === '.' || segment === '..' || !(STATIC_SEGMENT.test(segment) || PARAMETER.test(segment))) {
      const message = `"${segment}" in ${pattern} is no path segment: use plain text, :name, or * as the last one`;
      return problem('config_route_path', message);
    }
  }
  return [];
}

function checkName(
  config: ConfigFile<GatewayConfig>,
  at: ConfigPath,
  name: string,
  known: Readonly<Record<string, unknown>>,
  kind: string,
): ConfigProblem[] {
  if (Object.hasOwn(known, name)) return [];
  const guess = closest(name, Object.keys(known));
  const remedy =
    guess === undefined ? `known: ${Object.keys(known).join(', ') || 'none'}` : `did you mean "${guess}"?`;
  return [config.problem(at, 'config_dangling_name', `there is no ${kind} "${name}": ${remedy}`)];
}
