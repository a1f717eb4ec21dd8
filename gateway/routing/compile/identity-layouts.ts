import { MIRROR_HEADER } from '../../../contracts/identity-headers.js';
import type { IdentityLayout } from '../../pipeline/identity-layout.js';
import type { GatewayConfig, RouteConfig } from '../schema.js';
import { claimSteps } from './claim-steps.js';

export type LayoutOf = (route: Pick<RouteConfig, 'upstream' | 'identity_headers'>) => IdentityLayout;

/** One layout for all routes with the same custom headers, so that what is built for a token serves all of them. */
export function identityLayouts({ upstreams }: GatewayConfig): LayoutOf {
  const layouts = new Map<string, IdentityLayout>();
  return ({ upstream, identity_headers }) => {
    const named = {
      ...lowerCase(upstreams[upstream ?? '']?.identity_headers),
      ...lowerCase(identity_headers),
    };
    const custom = Object.entries(named).map(([name, claim]) => ({ name, claim: claimSteps(claim) }));
    custom.sort((one, other) => (one.name < other.name ? -1 : 1));
    const key = JSON.stringify(custom);
    const layout = layouts.get(key) ?? { custom };
    layouts.set(key, layout);
    return layout;
  };
}

/** Every name that any route or upstream uses: nobody may send it, wherever. */
export function reservedHeaders({ upstreams, routes }: GatewayConfig): Set<string> {
  return new Set([
    MIRROR_HEADER,
    ...[...Object.values(upstreams), ...routes].flatMap(({ identity_headers }) =>
      Object.keys(lowerCase(identity_headers)),
    ),
  ]);
}

function lowerCase<T>(headers: Record<string, T> = {}): Record<string, T> {
  return Object.fromEntries(Object.entries(headers).map(([name, claim]) => [name.toLowerCase(), claim]));
}
