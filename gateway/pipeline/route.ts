import type { AccessRule } from './access-rule.js';
import type { CredentialSources } from './credential-sources.js';
import type { IdentityLayout } from './identity-layout.js';
import type { Issuer } from './issuer.js';
import type { RouteCondition } from './route-condition.js';

/** Routes as the compiler makes them from config: everything resolved, nothing left to look up by name. */
export type Route = PublicRoute | ProtectedRoute;

interface RouteBase {
  /** Unique and readable: methods, hosts, path and conditions as written. */
  id: string;
  /** As written in config. */
  pattern: string;
  methods: readonly string[];
  /** In lower case, without port; `*.example.com` for one label more. Empty: any host. */
  hosts: readonly string[];
  /** All of them have to be met. */
  conditions: readonly RouteCondition[];
  upstream: string;
  /** The caller's own credentials are passed on, in whatever header or cookie they came. */
  forwardToken: boolean;
  /** Request headers that stay here: where any profile takes credentials from. Empty with `forwardToken`. */
  withheldHeaders: ReadonlySet<string>;
  /** Cookies likewise. */
  withheldCookies: ReadonlySet<string>;
  /** A verified client certificate is handed on as `Client-Cert`. */
  forwardCertificate: boolean;
  identityLayout: IdentityLayout;
  /** The upstream gets a signed `x-identity-assertion`. */
  asserted: boolean;
  /** Pages that may open WebSockets and use cookies. Undefined: WebSockets of the same host only. */
  origins: ReadonlySet<string> | undefined;
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
  credentials: CredentialSources;
  issuers: readonly Issuer[];
  /** All of them have to hold. */
  rules: readonly AccessRule[];
  /** Refusals are recorded, and the caller let through as anonymous. */
  reportOnly: boolean;
  /** What to do when the revocation copy is older than `maxStalenessMs`. */
  onStale: 'deny' | 'allow';
}

export interface RateLimit {
  requests: number;
  perMs: number;
}
