import { Type } from 'typebox';
import { MAX_CLIENT_TOKEN_TTL_S } from '../../oauth/client.js';

const strict = { additionalProperties: false } as const;

const MAX_OVERLAP_S = 30 * 86_400;
const MAX_KEY_LIFETIME_S = 10 * 366 * 86_400;

/** Of clients and services: what goes into `client_id` and `svc:…`, and into URLs of this API. */
const Name = Type.String({ pattern: '^[a-z0-9]([a-z0-9._-]{0,62}[a-z0-9])?$' });
const Scopes = Type.Array(Type.String({ pattern: '^[\\x21\\x23-\\x5b\\x5d-\\x7e]{1,128}$' }), {
  maxItems: 100,
  uniqueItems: true,
});
/** An absolute URI without a fragment (RFC 8707 section 2). */
const Audience = Type.String({ pattern: '^[A-Za-z][A-Za-z0-9+.-]*:[!$-~]{1,500}$', not: { pattern: '#' } });

const newCredential = {
  jwk: Type.Optional(Type.Record(Type.String(), Type.Unknown())),
  certificate_name: Type.Optional(Type.String({ maxLength: 600 })),
};

export const NewClientBody = Type.Object(
  {
    client_id: Name,
    service: Type.Optional(Name),
    auth_method: Type.Optional(Type.Enum(['client_secret', 'private_key_jwt', 'tls_client_auth'])),
    grants: Type.Optional(
      Type.Array(Type.Enum(['client_credentials', 'refresh_token']), { minItems: 1, uniqueItems: true }),
    ),
    scopes: Type.Optional(Scopes),
    audiences: Type.Optional(Type.Array(Audience, { minItems: 1, maxItems: 8, uniqueItems: true })),
    token_ttl: Type.Optional(Type.Integer({ minimum: 60, maximum: MAX_CLIENT_TOKEN_TTL_S })),
    dpop_bound_access_tokens: Type.Optional(Type.Boolean()),
    ...newCredential,
  },
  strict,
);

const Overlap = Type.Integer({ minimum: 0, maximum: MAX_OVERLAP_S });

export const ClientRotationBody = Type.Object({ overlap: Overlap, ...newCredential }, strict);

export const NewApiKeyBody = Type.Object(
  {
    name: Type.String({ pattern: '^[^\\p{Cc}]{1,128}$' }),
    service: Name,
    scopes: Type.Optional(Scopes),
    expires_in: Type.Optional(Type.Integer({ minimum: 60, maximum: MAX_KEY_LIFETIME_S })),
  },
  strict,
);

export const ApiKeyRotationBody = Type.Object({ overlap: Overlap }, strict);

export const ById = Type.Object({ id: Type.String() }, strict);
