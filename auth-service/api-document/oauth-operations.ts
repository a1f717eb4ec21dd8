import { Type } from 'typebox';
import { OAUTH, WELL_KNOWN } from '../../contracts/well-known.js';
import type { OAuthErrorCode } from '../oauth/oauth-error.js';
import { answer, JwksAnswer, Text } from './answers.js';
import type { Credential, Operation } from './operation.js';

const CLIENT: readonly Credential[] = ['clientSecret', 'clientAssertion', 'clientCertificate'];
const ANY: readonly OAuthErrorCode[] = [
  'invalid_request',
  'invalid_client',
  'temporarily_unavailable',
  'server_error',
];

const field = (description: string) => Type.Optional(Type.String({ description }));

/** How a client proves itself, where it does not by header or certificate. */
const ClientFields = {
  client_id: field('unless it is in `Authorization: Basic` or in the assertion'),
  client_secret: field('client_secret_post'),
  client_assertion_type: field('`urn:ietf:params:oauth:client-assertion-type:jwt-bearer`'),
  client_assertion: field('private_key_jwt (RFC 7523)'),
};

export const TokenForm = Type.Object({
  grant_type: Type.Union([Type.Literal('client_credentials'), Type.Literal('refresh_token')]),
  scope: field('with spaces; narrows what the client, or the session, has'),
  resource: field('audience (RFC 8707); of client_credentials alone'),
  refresh_token: field('of the grant of that name'),
  ...ClientFields,
});

const TokenQuestionForm = Type.Object({
  token: Type.String({ description: 'an access token or a refresh token' }),
  token_type_hint: field('not needed, and not looked at'),
  ...ClientFields,
});

export const OAuthTokenAnswer = answer({
  access_token: Text,
  token_type: Type.Union([Type.Literal('Bearer'), Type.Literal('DPoP')]),
  expires_in: Type.Integer({ minimum: 1, description: 'seconds' }),
  scope: Text,
  refresh_token: Type.Optional(Text),
});

export const IntrospectionAnswer = Type.Union([
  Type.Object({ active: Type.Literal(false) }, { additionalProperties: false }),
  answer({
    active: Type.Literal(true),
    sub: Text,
    client_id: Text,
    sid: Text,
    iat: Type.Integer(),
    exp: Type.Integer(),
    token_type: Type.Optional(Text),
    scope: Type.Optional(Text),
    iss: Type.Optional(Text),
    jti: Type.Optional(Text),
    aud: Type.Optional(Type.Union([Text, Type.Array(Text)])),
  }),
]);

export const MetadataAnswer = answer({
  issuer: Text,
  token_endpoint: Text,
  revocation_endpoint: Text,
  introspection_endpoint: Text,
  jwks_uri: Text,
  grant_types_supported: Type.Array(Text),
  token_endpoint_auth_methods_supported: Type.Array(Text),
  dpop_signing_alg_values_supported: Type.Array(Text),
});

const form = { method: 'post', tag: 'OAuth', bodyType: 'form' } as const;

/** OAuth 2.0, keys and metadata (public listener). */
export const OAUTH_OPERATIONS: readonly Operation[] = [
  {
    ...form,
    path: OAUTH.token,
    summary: 'A token for a service, or the next tokens of a session.',
    description: 'With a DPoP proof the token is bound to that key.',
    credentials: CLIENT,
    body: TokenForm,
    example: { grant_type: 'client_credentials', scope: 'orders:read' },
    answers: { 200: { description: 'A token.', schema: OAuthTokenAnswer } },
    oauthErrors: [
      ...ANY,
      'invalid_grant',
      'unauthorized_client',
      'unsupported_grant_type',
      'invalid_scope',
      'invalid_target',
      'invalid_dpop_proof',
    ],
  },
  {
    ...form,
    path: OAUTH.introspect,
    summary: 'Whether a token is good at this moment, and its claims (RFC 7662).',
    credentials: CLIENT,
    body: TokenQuestionForm,
    example: { token: '$TOKEN' },
    answers: { 200: { description: 'What is known of it.', schema: IntrospectionAnswer } },
    oauthErrors: ANY,
  },
  {
    ...form,
    path: OAUTH.revoke,
    summary: 'Revokes a token of the client’s own; with a refresh token the whole session (RFC 7009).',
    credentials: CLIENT,
    body: TokenQuestionForm,
    example: { token: '$SERVICE_TOKEN' },
    answers: { 200: { description: 'Revoked at every gateway, or never a token.' } },
    oauthErrors: [...ANY, 'unauthorized_client'],
  },
  {
    method: 'get',
    path: WELL_KNOWN.jwks,
    tag: 'Discovery',
    summary: 'The public keys of access tokens.',
    description: 'With `ETag`; `Cache-Control` says how long it may be kept.',
    credentials: [],
    answers: {
      200: { description: 'The key set.', schema: JwksAnswer, mediaType: 'application/jwk-set+json' },
      304: { description: 'As `If-None-Match` has it.' },
    },
  },
  ...WELL_KNOWN.oauthMetadata.map(
    (path): Operation => ({
      method: 'get',
      path,
      tag: 'Discovery',
      summary: 'What the OAuth endpoints can do (RFC 8414).',
      credentials: [],
      answers: { 200: { description: 'The metadata.', schema: MetadataAnswer } },
    }),
  ),
];
