import { Type } from 'typebox';
import { closed, Duration, Texts } from './common.js';

export const Issuer = Type.Object(
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
