import { Type } from 'typebox';
import { closed, Duration, Secret, Targets } from './common.js';

export const Revocation = Type.Object(
  {
    mode: Type.Optional(
      Type.Union([Type.Literal('replica'), Type.Literal('lookup'), Type.Literal('off')], {
        description:
          'a copy in memory (default), Redis asked on each request, or tokens live to their expiry',
      }),
    ),
    redis_url: Type.Optional(Secret('redis://host:6379, or file: and a path of it; empty: no Redis')),
    feed_url: Targets('the auth service\u2019s internal listener'),
    feed_spiffe_id: Type.String({ pattern: '^spiffe://' }),
    max_staleness: Type.Optional(Duration('age of the copy past which on_stale decides; default 10s')),
  },
  closed,
);
