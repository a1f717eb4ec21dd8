import type { OfflineGateway } from '../offline-explain.js';
import { describeAccess, describeDestination } from './describe-access.js';

/** One route, as `gatehouse routes` prints it. */
export interface RouteRow {
  methods: string[];
  hosts: string[];
  path: string;
  /** Profile and rules, or `public`. */
  auth: string;
  public: boolean;
  /** The upstream's name; null where the gateway answers by itself. */
  upstream: string | null;
  /** The upstream, or what is answered. */
  destination: string;
  /** `file:line` */
  source: string;
}

/** All routes, in the order of the config. */
export function listRoutes({ snapshot, config }: OfflineGateway): RouteRow[] {
  return snapshot.routes.all.flatMap((route, index) => {
    const written = config.routes[index];
    if (written === undefined) return [];
    return {
      methods: [...route.methods],
      hosts: [...route.hosts],
      path: route.pattern,
      auth: describeAccess(route, written),
      public: route.access === 'public',
      upstream: route.upstream ?? null,
      destination: describeDestination(route),
      source: route.source,
    };
  });
}
