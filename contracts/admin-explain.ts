import type { IdentityKind } from './identity-headers.js';

/** `POST /explain` at the gateway's admin listener: what would become of a request. Nothing is forwarded or counted. */
export interface ExplainRequest {
  method: string;
  /** A path with its query, or a whole http(s) URL; taken as it stands, as a client might send it. */
  url: string;
  /** Names in any case. `Host` defaults to the URL's, or to what the gateway is reached by. */
  headers?: [name: string, value: string][];
  /** An access token or an API key, sent as `Authorization: Bearer …`. No answer ever holds it. */
  token?: string;
  /** A caller who is taken for verified, in place of a token. */
  as?: AssumedCaller;
}

export interface AssumedCaller {
  subject: string;
  scopes?: string[];
  roles?: string[];
  /** Default `user`; a subject `svc:…` of our own issuer is a service in any case. */
  kind?: Exclude<IdentityKind, 'anonymous'>;
  client?: string;
  /** Further claims, for rules and headers that read them. */
  claims?: Record<string, unknown>;
  /** An issuer's name in config, or its `iss`. Default: the first that the route accepts. */
  issuer?: string;
}

/** The answer. Texts are for people and may change; names, codes and values are for programs. */
export interface Explanation {
  /** `live`: by a running gateway, with its keys and revocations. */
  mode: 'offline' | 'live';
  /** Version hash of the config that decided. */
  config: string;
  request: {
    method: string;
    host: string | null;
    /** As the gateway reads it, the only form that it matches and forwards; null when it refuses the path. */
    path: string | null;
    query: string;
  };
  verdict: Verdict;
  route: ExplainedRoute | null;
  /** The route that was taken, and the others that came near. */
  candidates: Candidate[];
  /** In the order in which they are taken; the first that failed decided. */
  steps: ExplainedStep[];
  headers: {
    /** The client's that the upstream does not get. */
    stripped: { name: string; why: string }[];
    /** The gateway's own. */
    injected: [name: string, value: string][];
    /** All that the upstream gets, in order; credentials are not shown. Empty when nothing is forwarded. */
    upstream: [name: string, value: string][];
  };
}

export interface Verdict {
  /** `answered`: by the gateway itself, such as a redirect. */
  outcome: 'forwarded' | 'answered' | 'refused';
  /** Null when forwarded: the upstream decides. */
  status: number | null;
  /** Of the closed table of errors. */
  code: string | null;
  /** The rule or check that refused. */
  reason: string | null;
  /** What `report_only` would have refused. */
  reported: { code: string; reason: string | null } | null;
}

export interface ExplainedRoute {
  id: string;
  /** `file:line` */
  source: string;
  params: Record<string, string>;
  access: 'public' | 'protected';
  /** Null where the gateway answers itself: a redirect or a fixed reply. */
  upstream: string | null;
  /** Another upstream that gets copies, of so much per cent of the requests; null for none. */
  mirror: { upstream: string; percent: number } | null;
  targets: string[];
  /** Method and path as the upstream gets them; null when nothing is forwarded. */
  sends: { method: string; path: string } | null;
  /** How requests are spread over the targets, repeated and bounded, by the names of the config's keys, in words. */
  upstream_settings: Record<string, string>;
  /** Of the way to the upstream; null without one. 0: no such bound. */
  timeout_ms: number | null;
  try_timeout_ms: number | null;
  total_timeout_ms: number | null;
  /** How often what is safe to repeat is sent again. */
  retries: number | null;
  idle_timeout_ms: number | null;
  stream_idle_timeout_ms: number | null;
  max_body_bytes: number | null;
  /** When there is too much to do, `low` is refused first and `critical` last. */
  priority: 'critical' | 'normal' | 'low';
  /** All of them hold. */
  rate_limits: ExplainedRateLimit[];
  /** What a request counts for in them. */
  cost: number;
}

export interface ExplainedRateLimit {
  /** Under `rate_limits`, or `route` for one that is the route's own. */
  name: string;
  requests: number;
  per_ms: number;
  burst: number;
  by: 'subject' | 'client' | 'api_key' | 'address';
  /** Counted by all gateways together. */
  shared: boolean;
}

export interface Candidate {
  route: string;
  source: string;
  /** Null for the one that was taken. */
  lost: string | null;
}

export interface ExplainedStep {
  name: string;
  result: 'passed' | 'failed';
  expected: string | null;
  found: string | null;
  /** With result `failed`. */
  code: string | null;
}
