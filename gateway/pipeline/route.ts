import type { AccessRule } from './access-rule.js';
import type { CorsPolicy } from './cors-policy.js';
import type { CredentialSources } from './credential-sources.js';
import type { HeaderList } from './header-list.js';
import type { IdentityLayout } from './identity-layout.js';
import type { Issuer } from './issuer.js';
import type { PathTemplate } from './path-template.js';
import type { RouteCondition } from './route-condition.js';

/** Routes as the compiler makes them from config: everything resolved, nothing left to look up by name. */
export type Route = RouteBase & Access & Destination;
export type PublicRoute = RouteBase & PublicAccess & Destination;
export type ProtectedRoute = RouteBase & ProtectedAccess & Destination;
/** A route that has an upstream. */
export type ForwardRoute = RouteBase & Access & ForwardTo;

export type Access = PublicAccess | ProtectedAccess;
export type Destination = ForwardTo | RedirectTo | ReplyWith;

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
  identityLayout: IdentityLayout;
  /** Pages that may open WebSockets and use cookies. Undefined: WebSockets of the same host only. */
  origins: ReadonlySet<string> | undefined;
  /** `%2F` inside one parameter is let through as it is. */
  allowEncodedSlash: boolean;
  /** A body on GET or HEAD is let through. */
  bodyOnGet: boolean;
  /** Undefined: as often as they like. */
  rateLimits: RouteRateLimits | undefined;
  /** Who is refused last when there is too much to do. */
  priority: Priority;
  cors: CorsPolicy | undefined;
  /** Added to every answer on this route; part of the CORS headers where there are any. */
  responseHeaders: HeaderList;
  /** Lower-case names of the upstream's headers that do not go on: removed or set here, or identity headers. */
  droppedHeaders: ReadonlySet<string>;
  /** Where it stands: `file:line`. */
  source: string;
}

/** Anybody may call. Always written out in config as `auth: public`. */
export interface PublicAccess {
  access: 'public';
}

export interface ProtectedAccess {
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

export interface ForwardTo {
  kind: 'forward';
  upstream: string;
  upstreamProtocol: 'http1' | 'http2';
  /** A response has to say where its body ends (ADR 19). */
  needsFraming: boolean;
  /** What the upstream is asked for in place of the request's own path. */
  rewrite: PathTemplate | undefined;
  /** What `strip_prefix` took away, for `X-Forwarded-Prefix`. */
  strippedPrefix: string | undefined;
  /** The caller's own credentials are passed on, in whatever header or cookie they came. */
  forwardToken: boolean;
  /** Request headers that stay here: where any profile takes credentials from, and what the route removes or sets. */
  withheldHeaders: ReadonlySet<string>;
  /** Cookies that hold credentials. Empty with `forwardToken`. */
  withheldCookies: ReadonlySet<string>;
  /** Sent to the upstream with every request. */
  requestHeaders: HeaderList;
  /** A verified client certificate is handed on as `Client-Cert`. */
  forwardCertificate: boolean;
  /** The upstream gets a signed `x-identity-assertion`. */
  asserted: boolean;
  maxBodyBytes: number;
  /** Time to the first byte of the response. */
  timeoutMs: number;
  /** From one target, before another is tried; 0 for no such bound. */
  tryTimeoutMs: number;
  /** How often what is safe to repeat is sent again, once it may have reached a target. */
  retries: number;
  /** To the end of the response; 0 for no such bound. Streams of events are exempt. */
  totalTimeoutMs: number;
  /** Longest silence of the upstream in the middle of a response; 0 for none. Streams of events are exempt. */
  idleTimeoutMs: number;
  /** Longest silence of a stream of events or a WebSocket, either way; 0 for none. */
  streamIdleTimeoutMs: number;
  /** Where copies of requests go. */
  mirror: Mirror | undefined;
}

export interface Mirror {
  /** Of the requests, 0 to 100. */
  percent: number;
  /** The route as a copy takes it: to the mirror. */
  route: ForwardRoute;
}

export interface RedirectTo {
  kind: 'redirect';
  upstream: undefined;
  /** Without its `location`. */
  answer: OwnAnswer;
  location: {
    /** Fixed text, so that no request decides on the host: `https://host`, or empty for the host that was asked. */
    origin: string;
    template: PathTemplate;
    /** A fixed query. Undefined: the request's own. */
    suffix: string | undefined;
  };
}

export interface ReplyWith {
  kind: 'reply';
  upstream: undefined;
  answer: OwnAnswer;
}

/** What the gateway itself answers. */
export interface OwnAnswer {
  status: number;
  headers: HeaderList;
  body: string;
}

/** The most important first. */
export const PRIORITIES = ['critical', 'normal', 'low'] as const;
export type Priority = (typeof PRIORITIES)[number];

/** Whose requests are counted together. */
export const RATE_LIMIT_BY = ['subject', 'client', 'api_key', 'address'] as const;
export type RateLimitBy = (typeof RATE_LIMIT_BY)[number];

/** All of them have to have room for a request. */
export interface RouteRateLimits {
  limits: readonly RateLimit[];
  /** What one request counts for; at most the smallest burst. */
  cost: number;
  /** `RateLimit-Policy`. */
  policy: string;
}

export interface RateLimit {
  /** For clients and for the log: its name in config, or `route` for one that is the route's own. */
  name: string;
  /** What is counted together: the same numbers, under the same name or on the same route. */
  id: string;
  requests: number;
  perMs: number;
  /** How many may come at once. */
  burst: number;
  by: RateLimitBy;
  /** Counted by all gateways together. */
  shared: boolean;
}
