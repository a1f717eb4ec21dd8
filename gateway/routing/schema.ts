import { type Static, Type } from 'typebox';
import { DURATION_PATTERN, SIZE_PATTERN } from '../../kit/units.js';

/** `config/gateway.yaml` (design 4.8). `config/schema/gateway.schema.json` is generated from this. */

const closed = { additionalProperties: false };
const Duration = (description: string) => Type.String({ pattern: DURATION_PATTERN, description });
const Size = (description: string) => Type.String({ pattern: SIZE_PATTERN, description });
const Port = Type.Integer({ minimum: 0, maximum: 65535, description: '0 takes a free port' });
const Name = Type.String({ pattern: '^[a-z][a-z0-9-]{0,62}$' });
const Texts = Type.Array(Type.String({ minLength: 1 }), { uniqueItems: true });
const Methods = Type.Array(
  Type.Union(
    ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS'].map((method) => Type.Literal(method)),
  ),
  { minItems: 1, uniqueItems: true },
);

const Listen = Type.Object({ host: Type.String({ minLength: 1 }), port: Port }, closed);

const InternalTls = Type.Object(
  {
    ca: Type.String({ description: 'CA certificates that upstreams are verified against (PEM file)' }),
    cert: Type.String({ description: 'the certificate that the gateway shows to upstreams (PEM file)' }),
    key: Type.String({ description: 'its private key (PEM file)' }),
  },
  closed,
);

const Issuer = Type.Object(
  {
    issuer: Type.String({ minLength: 1, description: 'the exact iss claim' }),
    audience: Type.Union([Type.String({ minLength: 1 }), Texts], { description: 'accepted in aud' }),
    jwks_uri: Type.String({ pattern: '^https://', description: 'where its public keys are' }),
    upstream: Type.Optional(Type.String({ description: 'fetch the keys over the mTLS of this upstream' })),
    own: Type.Optional(Type.Boolean({ description: 'our own auth service: ver is believed' })),
    algorithms: Type.Optional(
      Type.Array(
        Type.Union(['ES256', 'ES384', 'EdDSA', 'RS256', 'PS256'].map((algorithm) => Type.Literal(algorithm))),
        { minItems: 1, uniqueItems: true, description: 'default: ES256' },
      ),
    ),
    token_type: Type.Optional(Type.String({ minLength: 1, description: 'the typ header; default at+jwt' })),
    leeway: Type.Optional(Duration('allowed clock difference; default 30s')),
    max_lifetime: Type.Optional(Duration('longest accepted lifetime of a token; default 30d')),
  },
  closed,
);

/** Also as one text with commas, so that a variable of the environment can name several. */
const Targets = (description: string) =>
  Type.Union(
    [
      Type.String({ pattern: '^https://' }),
      Type.Array(Type.String({ pattern: '^https://' }), { minItems: 1 }),
    ],
    {
      description,
    },
  );

const Upstream = Type.Object(
  {
    url: Targets('one target, or several that are equal'),
    spiffe_id: Type.String({ pattern: '^spiffe://', description: 'who has to answer there' }),
  },
  closed,
);

const Revocation = Type.Object(
  {
    redis_url: Type.Optional(Type.String({ description: 'empty: no Redis' })),
    feed_url: Targets('the auth service\u2019s internal listener'),
    feed_spiffe_id: Type.String({ pattern: '^spiffe://' }),
    max_staleness: Type.Optional(Duration('age of the copy past which on_stale decides; default 10s')),
  },
  closed,
);

const AuthProfile = Type.Object(
  {
    issuers: Texts,
    scopes: Type.Optional(Texts),
    roles: Type.Optional(Texts),
    on_stale: Type.Optional(Type.Union([Type.Literal('deny'), Type.Literal('allow')])),
  },
  closed,
);

const RouteAuth = Type.Object(
  {
    profile: Type.String({ description: 'a name under auth' }),
    scopes: Type.Optional(Texts),
    roles: Type.Optional(Texts),
  },
  closed,
);

const RateLimit = Type.Object(
  { requests: Type.Integer({ minimum: 1 }), per: Duration('the window that the requests are spread over') },
  closed,
);

const Route = Type.Object(
  {
    path: Type.String({ pattern: '^/', description: 'static, with :parameters, or ending in /*' }),
    methods: Methods,
    auth: Type.Union([Type.String({ minLength: 1, description: 'public, or a name under auth' }), RouteAuth]),
    upstream: Type.String(),
    forward_token: Type.Optional(Type.Boolean()),
    encoded_slash: Type.Optional(Type.Union([Type.Literal('refuse'), Type.Literal('allow')])),
    max_body: Type.Optional(Size('default: 1MiB')),
    timeout: Type.Optional(Duration('to the first byte of the response; default 30s')),
    rate_limit: Type.Optional(RateLimit),
  },
  closed,
);

export const GatewayConfigSchema = Type.Object(
  {
    listen: Listen,
    admin: Listen,
    internal_tls: InternalTls,
    log: Type.Optional(Type.Object({ level: Type.Optional(Type.String()) }, closed)),
    shutdown_delay: Type.Optional(Duration('time between not ready and no longer accepting; default 5s')),
    issuers: Type.Record(Name, Issuer),
    revocation: Revocation,
    upstreams: Type.Record(Name, Upstream),
    auth: Type.Record(Name, AuthProfile),
    routes: Type.Array(Route, { minItems: 1 }),
  },
  { ...closed, $id: 'https://gatehouse.test/schema/gateway.json', title: 'Gatehouse gateway configuration' },
);

export type GatewayConfig = Static<typeof GatewayConfigSchema>;
export type RouteConfig = GatewayConfig['routes'][number];
export type AuthProfileConfig = GatewayConfig['auth'][string];
export type IssuerConfig = GatewayConfig['issuers'][string];
export type UpstreamConfig = GatewayConfig['upstreams'][string];

/** The single targets of an upstream. */
export function targetsOf(url: string | readonly string[]): string[] {
  return [url].flat().flatMap((text) => text.split(',').map((target) => target.trim()));
}
