import type { RouteRateLimitConfig } from '../schema/rate-limit.js';
import type { GatewayConfig, RouteConfig } from '../schema.js';
import { profileName } from './route-names.js';

type CorsConfig = NonNullable<NonNullable<GatewayConfig['defaults']>['cors']>;

/** A route with everything that it takes from `defaults` and from its profile. */
export type EffectiveRoute = Omit<RouteConfig, 'cors' | 'rate_limit'> & {
  cors?: CorsConfig | undefined;
  rate_limit?: RouteRateLimitConfig | undefined;
};

/**
 * What the route says wins over its profile, and that over `defaults`, key by key; header rules are joined name by
 * name. `false` turns a default off. What is about upstreams passes by the routes that have none.
 */
export function effectiveRoute(route: RouteConfig, { defaults = {}, auth }: GatewayConfig): EffectiveRoute {
  const { max_body, timeout, try_timeout, retries, total_timeout, idle_timeout } = defaults;
  const { stream_idle_timeout, request_headers } = defaults;
  const profile = route.auth === 'public' ? undefined : auth[profileName(route.auth)];
  const forUpstream =
    route.upstream === undefined
      ? {}
      : {
          ...present({ max_body, timeout, try_timeout, retries, total_timeout }),
          ...present({ idle_timeout, stream_idle_timeout }),
          ...present({
            max_body: route.max_body,
            timeout: route.timeout,
            try_timeout: route.try_timeout,
            retries: route.retries,
            total_timeout: route.total_timeout,
            idle_timeout: route.idle_timeout,
            stream_idle_timeout: route.stream_idle_timeout,
            request_headers: joinRules(request_headers, route.request_headers),
          }),
        };
  return {
    ...route,
    ...forUpstream,
    ...present({ response_headers: joinRules(defaults.response_headers, route.response_headers) }),
    cors: (route.cors ?? profile?.cors ?? defaults.cors) || undefined,
    ...present({ priority: route.priority ?? defaults.priority }),
    rate_limit: (route.rate_limit ?? defaults.rate_limit) || undefined,
  };
}

interface Rules {
  set?: Record<string, string>;
  remove?: string[];
}

/** A name that the route sets or removes is no business of the defaults any more. */
function joinRules(defaults: Rules | undefined, own: Rules | undefined): Rules | undefined {
  if (defaults === undefined || own === undefined) return own ?? defaults;
  const named = new Set(
    [...Object.keys(own.set ?? {}), ...(own.remove ?? [])].map((name) => name.toLowerCase()),
  );
  const others = Object.entries(defaults.set ?? {}).filter(([name]) => !named.has(name.toLowerCase()));
  return {
    set: { ...Object.fromEntries(others), ...own.set },
    remove: [
      ...(defaults.remove ?? []).filter((name) => !named.has(name.toLowerCase())),
      ...(own.remove ?? []),
    ],
  };
}

function present<T extends object>(values: T): { [K in keyof T]?: Exclude<T[K], undefined> } {
  const given = Object.entries(values).filter(([, value]) => value !== undefined);
  return Object.fromEntries(given) as { [K in keyof T]?: Exclude<T[K], undefined> };
}
