import { Type } from 'typebox';
import { closed, Duration } from './common.js';

const Text = (description: string) => Type.String({ minLength: 1, description });

/** `realm_access.roles` is split at its dots; a list gives the steps one by one, for names that have dots themselves. */
const ClaimPath = (description: string) =>
  Type.Union(
    [Type.String({ minLength: 1 }), Type.Array(Type.String({ minLength: 1 }), { minItems: 1, maxItems: 8 })],
    { description },
  );

const Claims = Type.Object(
  {
    subject: Type.Optional(ClaimPath('default: sub')),
    client: Type.Optional(ClaimPath('default: client_id')),
    session: Type.Optional(ClaimPath('what a session revocation goes by; default: sid')),
    token_id: Type.Optional(ClaimPath('what a token revocation goes by; default: jti')),
    scopes: Type.Optional(ClaimPath('text with spaces, or a list; default: scope')),
    roles: Type.Optional(ClaimPath('a list, or one role as text; default: roles')),
  },
  { ...closed, description: 'where a foreign issuer puts things: a path with dots, or a list of its steps' },
);

const algorithm = ['ES256', 'ES384', 'EdDSA', 'RS256', 'PS256'].map((name) => Type.Literal(name));

/** Its keys come from exactly one of `jwks_uri`, `discovery`, `jwks_file` and `jwks`; `check-issuers.ts` sees to it. */
export const Issuer = Type.Object(
  {
    issuer: Text('the exact iss claim'),
    audience: Type.Union(
      [
        Type.String({ minLength: 1 }),
        Type.Array(Type.String({ minLength: 1 }), { minItems: 1, uniqueItems: true }),
      ],
      { description: 'accepted in aud' },
    ),
    jwks_uri: Type.Optional(Text('where its public keys are (https)')),
    discovery: Type.Optional(
      Type.Union([Type.Literal(true), Type.String({ minLength: 1 })], {
        description:
          'URL of its metadata, which names the key set; true: OpenID Connect\u2019s URL below the issuer',
      }),
    ),
    jwks_file: Type.Optional(Text('a file that holds its public keys; read again each minute')),
    jwks: Type.Optional(
      Type.Object(
        { keys: Type.Array(Type.Record(Type.String(), Type.Unknown()), { minItems: 1 }) },
        { ...closed, description: 'its public keys themselves' },
      ),
    ),
    upstream: Type.Optional(Type.String({ description: 'fetch jwks_uri over the mTLS of this upstream' })),
    ca: Type.Optional(
      Text('CA certificates that its server is verified against (PEM file); default: public CAs'),
    ),
    insecure_http: Type.Optional(
      Type.Boolean({ description: 'http to a server on this machine, for trying things out' }),
    ),
    own: Type.Optional(Type.Boolean({ description: 'our own auth service: ver is believed' })),
    algorithms: Type.Optional(
      Type.Array(Type.Union(algorithm), { minItems: 1, uniqueItems: true, description: 'default: ES256' }),
    ),
    token_type: Type.Optional(
      Type.Union(
        [
          Type.String({ minLength: 1 }),
          Type.Array(Type.String({ minLength: 1 }), { minItems: 1, uniqueItems: true }),
        ],
        { description: 'accepted typ headers; none: a token without one; default: at+jwt' },
      ),
    ),
    leeway: Type.Optional(Duration('allowed clock difference; default 30s')),
    max_lifetime: Type.Optional(Duration('longest accepted lifetime of a token; default 30d')),
    max_staleness: Type.Optional(Duration('how long keys serve without a good answer; default 24h')),
    claims: Type.Optional(Claims),
  },
  closed,
);
