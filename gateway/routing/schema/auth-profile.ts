import { Type } from 'typebox';
import { ClaimPath, closed, HeaderName, Texts } from './common.js';
import { Cors } from './cors.js';

/** RFC 6749 section 3.3: anything else could not stand in `WWW-Authenticate`. */
const Scopes = Type.Array(Type.String({ pattern: '^[\\x21\\x23-\\x5B\\x5D-\\x7E]+$' }), {
  minItems: 1,
  uniqueItems: true,
});
const Scalar = Type.Union([Type.String({ minLength: 1 }), Type.Number(), Type.Boolean()]);

const ClaimRule = Type.Union([
  Scalar,
  Type.Object({ one_of: Type.Array(Scalar, { minItems: 1 }) }, closed),
  Type.Object(
    { param: Type.String({ minLength: 1, description: 'a parameter of the route\u2019s path, without :' }) },
    closed,
  ),
]);

/** Who may: each that is given has to hold. A profile's and its route's hold together, so a route only narrows. */
const accessRules = {
  scopes: Type.Optional(Scopes),
  any_scope: Type.Optional(Scopes),
  roles: Type.Optional(
    Type.Array(Type.String({ minLength: 1 }), { minItems: 1, uniqueItems: true, description: 'one of them' }),
  ),
  services: Type.Optional(
    Type.Array(Type.String({ minLength: 1 }), {
      minItems: 1,
      uniqueItems: true,
      description: 'services of our own auth service: orders is the subject svc:orders',
    }),
  ),
  claims: Type.Optional(
    Type.Record(Type.String({ pattern: '^.+$' }), ClaimRule, {
      ...closed,
      description: 'claim, as a path with dots, to its value, { one_of: [..] } or { param: name }',
    }),
  ),
};

const CookieName = Type.String({ pattern: "^[!#$%&'*+.^_`|~0-9A-Za-z-]+$" });

const Certificate = Type.Object(
  {
    identity: Type.Optional(
      Type.Union([Type.Literal('spiffe_id'), Type.Literal('subject')], {
        description: 'what names the caller; default spiffe_id',
      }),
    ),
    scopes: Type.Optional(Scopes),
    roles: Type.Optional(Texts),
  },
  { ...closed, description: 'scopes and roles: what a caller with a certificate has' },
);

const CredentialSource = Type.Union([
  Type.Literal('bearer'),
  Type.Literal('dpop'),
  Type.Literal('api_key'),
  Type.Literal('websocket'),
  Type.Literal('certificate'),
  Type.Object({ cookie: Type.Object({ name: CookieName }, closed) }, closed),
  Type.Object({ api_key: Type.Object({ header: HeaderName }, closed) }, closed),
  Type.Object({ certificate: Certificate }, closed),
]);

export const Origins = Type.Array(Type.String({ minLength: 1 }), {
  uniqueItems: true,
  description: 'pages that may open WebSockets and use cookies, as https://app.example.com',
});

export const AuthProfile = Type.Object(
  {
    issuers: Type.Optional(Texts),
    credentials: Type.Optional(
      Type.Array(CredentialSource, { minItems: 1, uniqueItems: true, description: 'default: [bearer]' }),
    ),
    origins: Type.Optional(Origins),
    cors: Type.Optional(Cors),
    ...accessRules,
    on_stale: Type.Optional(Type.Union([Type.Literal('deny'), Type.Literal('allow')])),
  },
  closed,
);

export const RouteAuth = Type.Object(
  {
    profile: Type.String({ description: 'a name under auth' }),
    report_only: Type.Optional(
      Type.Boolean({ description: 'decide and record; let everybody through, the refused as anonymous' }),
    ),
    ...accessRules,
  },
  closed,
);

/** Header name to claim: `X-User-Id: sub`. */
export const IdentityHeaders = Type.Record(HeaderName, ClaimPath, {
  ...closed,
  description: 'further headers for the upstream: name to claim; the names are then reserved on every route',
});
