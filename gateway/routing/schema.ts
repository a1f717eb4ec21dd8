import { type Static, Type } from 'typebox';
import { AdminListen } from './schema/admin-listen.js';
import { Assertions } from './schema/assertions.js';
import { AuthProfile } from './schema/auth-profile.js';
import { closed, Duration, Name } from './schema/common.js';
import { Defaults } from './schema/defaults.js';
import { Issuer } from './schema/issuer.js';
import { Limits } from './schema/limits.js';
import { PublicListen } from './schema/listen.js';
import { Log } from './schema/log.js';
import { Overload } from './schema/overload.js';
import { RateLimits } from './schema/rate-limit.js';
import { Revocation } from './schema/revocation.js';
import { Route } from './schema/route.js';
import { InternalTls, Upstream } from './schema/upstream.js';
import { Workers } from './schema/workers.js';

/** `config/gateway.yaml` (design 4.8). `config/schema/gateway.schema.json` is generated from this. */
export const GatewayConfigSchema = Type.Object(
  {
    listen: PublicListen,
    admin: AdminListen,
    limits: Type.Optional(Limits),
    overload: Type.Optional(Overload),
    workers: Type.Optional(Workers),
    internal_tls: InternalTls,
    log: Type.Optional(Log),
    shutdown_delay: Type.Optional(Duration('time between not ready and no longer accepting; default 5s')),
    keys_dir: Type.Optional(
      Type.String({
        minLength: 1,
        description: 'folder for the last good keys, to start without their issuers',
      }),
    ),
    drain_timeout: Type.Optional(
      Duration('time that open requests get to end before they are cut; default 10s'),
    ),
    issuers: Type.Record(Name, Issuer, closed),
    revocation: Revocation,
    upstreams: Type.Record(Name, Upstream, closed),
    assertions: Type.Optional(Assertions),
    auth: Type.Record(Name, AuthProfile, closed),
    rate_limits: Type.Optional(RateLimits),
    defaults: Type.Optional(Defaults),
    routes: Type.Array(Route, { minItems: 1 }),
  },
  { ...closed, $id: 'https://gatehouse.test/schema/gateway.json', title: 'Gatehouse gateway configuration' },
);

export type GatewayConfig = Static<typeof GatewayConfigSchema>;
export type RouteConfig = GatewayConfig['routes'][number];
export type AuthProfileConfig = GatewayConfig['auth'][string];
export type IssuerConfig = GatewayConfig['issuers'][string];
export type UpstreamConfig = GatewayConfig['upstreams'][string];
