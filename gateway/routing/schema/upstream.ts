import { type Static, Type } from 'typebox';
import { IdentityHeaders } from './auth-profile.js';
import { closed, Duration, Targets, targetsOf } from './common.js';

export const InternalTls = Type.Object(
  {
    ca: Type.String({ description: 'CA certificates that upstreams are verified against (PEM file)' }),
    cert: Type.String({ description: 'the certificate that the gateway shows to upstreams (PEM file)' }),
    key: Type.String({ description: 'its private key (PEM file)' }),
  },
  closed,
);

const Percent = (description: string) => Type.Integer({ minimum: 0, maximum: 100, description });
const Count = (minimum: number, description: string) =>
  Type.Integer({ minimum, maximum: 1_000_000, description });

const WeightedTarget = Type.Object(
  {
    url: Type.String({ pattern: '^https://' }),
    weight: Type.Optional(
      Type.Integer({
        minimum: 0,
        maximum: 100,
        description: 'its share of the requests, against the sum of all; 0 gets none; default 1',
      }),
    ),
  },
  closed,
);

const Connections = Type.Object(
  {
    max: Type.Optional(Count(1, 'connections to each target; default 1024')),
    idle: Type.Optional(
      Duration('how long an idle one is kept: less than the upstream keeps it; default 4s'),
    ),
    connect_timeout: Type.Optional(Duration('for a connection and its handshake; default 3s')),
    warm: Type.Optional(
      Type.Integer({
        minimum: 0,
        maximum: 100,
        description: 'opened to each target ahead of the first request; default 1',
      }),
    ),
  },
  { ...closed, description: 'bounds of the connection pools' },
);

const Outliers = Type.Object(
  {
    failures: Type.Optional(Type.Integer({ minimum: 1, maximum: 100, description: 'in a row; default 5' })),
    eject: Type.Optional(
      Duration('for how long the first time, longer each further time in a row; default 30s'),
    ),
  },
  { ...closed, description: 'when a target is left out for a while; at most half of them are' },
);

const RetryBudget = Type.Object(
  {
    percent: Type.Optional(Percent('retries in a hundred requests; default 20')),
    per_second: Type.Optional(
      Type.Integer({ minimum: 0, maximum: 1000, description: 'on top of it; default 1' }),
    ),
  },
  { ...closed, description: 'how many retries all routes to the upstream get together, over ten seconds' },
);

const Health = Type.Object(
  {
    path: Type.String({ pattern: '^/[\\x21-\\x7E]*$', description: 'asked for with GET; 2xx is good' }),
    interval: Type.Optional(Duration('between two checks of a target, a fifth more or less; default 5s')),
    timeout: Type.Optional(Duration('of a check; default 2s')),
    healthy: Type.Optional(
      Type.Integer({ minimum: 1, maximum: 100, description: 'good answers in a row; default 2' }),
    ),
    unhealthy: Type.Optional(
      Type.Integer({ minimum: 1, maximum: 100, description: 'failures in a row; default 3' }),
    ),
  },
  { ...closed, description: 'checks of each target, over the same verified connections' },
);

const CircuitBreaker = Type.Object(
  {
    failures: Type.Optional(
      Type.Integer({ minimum: 1, maximum: 100, description: 'in a hundred requests; default 50' }),
    ),
    min_requests: Type.Optional(Count(1, 'in ten seconds; fewer say nothing; default 20')),
    open: Type.Optional(Duration('until one request tries again; default 10s')),
  },
  { ...closed, description: 'when the upstream as a whole is not asked any more; default never' },
);

const Concurrency = Type.Object(
  {
    max: Count(1, 'requests under way, streams included'),
    queue: Type.Optional(
      Type.Integer({ minimum: 0, maximum: 100_000, description: 'that may wait; default 0' }),
    ),
    queue_timeout: Type.Optional(Duration('how long they may; default 1s')),
  },
  { ...closed, description: 'bound of the requests at the upstream; the rest gets 503; default none' },
);

export const Upstream = Type.Object(
  {
    url: Type.Optional(Targets('one target, or several that are equal')),
    targets: Type.Optional(
      Type.Array(WeightedTarget, { minItems: 1, description: 'in place of url: targets with weights' }),
    ),
    spiffe_id: Type.String({ pattern: '^spiffe://', description: 'who has to answer there' }),
    protocol: Type.Optional(
      Type.Union([Type.Literal('http1'), Type.Literal('http2')], {
        description: 'what the targets speak; default http1; http2 for gRPC',
      }),
    ),
    allow_link_local: Type.Optional(
      Type.Boolean({
        description:
          'a target may be a link-local or cloud metadata address; for a service that really is there',
      }),
    ),
    allow_close_delimited: Type.Optional(
      Type.Boolean({
        description:
          'take responses whose body ends with the connection; a lost connection may make a part of one look whole',
      }),
    ),
    identity_headers: Type.Optional(IdentityHeaders),
    assertion: Type.Optional(
      Type.Boolean({
        description: 'send x-identity-assertion, a JWT signed by the gateway for this upstream',
      }),
    ),
    balance: Type.Optional(
      Type.Union([Type.Literal('least_requests'), Type.Literal('round_robin'), Type.Literal('hash')], {
        description: 'how a target is chosen; default least_requests: the less busy of two',
      }),
    ),
    hash_on: Type.Optional(
      Type.Union([Type.Literal('subject'), Type.Literal('address')], {
        description: 'what balance: hash keeps together; default subject, and the address of who has none',
      }),
    ),
    slow_start: Type.Optional(
      Duration(
        'in which the share of a target that is new or has returned grows to its full one; default 0s',
      ),
    ),
    dns_refresh: Type.Optional(Duration('how often host names are looked up again; default 30s')),
    connections: Type.Optional(Connections),
    outliers: Type.Optional(Type.Union([Type.Literal(false), Outliers])),
    retry_budget: Type.Optional(RetryBudget),
    health: Type.Optional(Health),
    circuit_breaker: Type.Optional(CircuitBreaker),
    concurrency: Type.Optional(Concurrency),
  },
  closed,
);

/** The targets of an upstream, whichever way they are written. */
export function weightedTargets({
  url,
  targets,
}: Pick<Static<typeof Upstream>, 'url' | 'targets'>): { url: string; weight: number }[] {
  return targets === undefined
    ? targetsOf(url ?? []).map((each) => ({ url: each, weight: 1 }))
    : targets.map((target) => ({ url: target.url, weight: target.weight ?? 1 }));
}

/** Where they are written. */
export const targetsKey = ({ targets }: Pick<Static<typeof Upstream>, 'targets'>): 'targets' | 'url' =>
  targets === undefined ? 'url' : 'targets';
