import type { Mirror, Route } from '../../pipeline/route.js';
import type { GatewayConfig } from '../schema.js';
import { forwardTo, type Withheld } from './destinations.js';
import type { EffectiveRoute } from './effective-route.js';
import type { LayoutOf } from './identity-layouts.js';

interface Parts {
  config: GatewayConfig;
  layoutOf: LayoutOf;
  withheld: Withheld;
}

/**
 * A copy goes by the route's own settings to another upstream, which learns of the caller what it asks for itself, and
 * never gets the caller's credentials.
 */
export function withMirror(
  route: Route,
  { mirror, ...written }: EffectiveRoute,
  { config, layoutOf, withheld }: Parts,
): Route {
  if (mirror === undefined || route.kind !== 'forward') return route;
  const { upstream, percent = 100 } = mirror;
  const mirrored = { ...written, upstream, forward_token: false };
  const to: Mirror = {
    percent,
    route: {
      ...route,
      ...forwardTo(mirrored, upstream, config, withheld),
      identityLayout: layoutOf(mirrored),
    },
  };
  return { ...route, mirror: to };
}
