import type { Issuer } from './issuer.js';

/** Routes as the compiler makes them from config: everything resolved, nothing left to look up by name. */
export type Route = PublicRoute | ProtectedRoute;

interface RouteBase {
  /** Unique and readable: methods and path as written. */
  id: string;
  /** As written in config. */
  pattern: string;
  methods: readonly string[];
  upstream: string;
  /** The caller's own `Authorization` header is passed on. */
  forwardToken: boolean;
  /** `%2F` inside one parameter is let through as it is. */
  allowEncodedSlash: boolean;
  maxBodyBytes: number;
  /** Time to the first byte of the response. */
  timeoutMs: number;
  /** Longest silence of the upstream in the middle of a response; 0 for none. Streams of events are exempt. */
  idleTimeoutMs: number;
  rateLimit: RateLimit | undefined;
  /** Where it stands: `file:line`. */
  source: string;
}

/** Anybody may call. Always written out in config as `auth: public`. */
export interface PublicRoute extends RouteBase {
  access: 'public';
}

export interface ProtectedRoute extends RouteBase {
  access: 'protected';
  issuers: readonly Issuer[];
  /** All of them are needed. */
  scopes: readonly string[];
  /** One of them is needed, where any is named. */
  roles: readonly string[];
  /** What to do when the revocation copy is older than `maxStalenessMs`. */
  onStale: 'deny' | 'allow';
}

export interface RateLimit {
  requests: number;
  perMs: number;
}
