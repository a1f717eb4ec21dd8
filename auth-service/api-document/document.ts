import { REFRESH_COOKIE } from '../../contracts/auth-api.js';
import { PROBLEMS, type ProblemCode, problemSpec } from '../../contracts/problem-codes.js';
import { OAUTH_ERRORS, type OAuthErrorCode } from '../oauth/oauth-error.js';
import { ADMIN_OPERATIONS, GATEWAY_OPERATIONS } from './internal-operations.js';
import { NAMED_SCHEMAS } from './named-schemas.js';
import { OAUTH_OPERATIONS } from './oauth-operations.js';
import { type Answer, BODY_PROBLEMS, COMMON_PROBLEMS, type Operation, TAGS } from './operation.js';
import { SESSION_OPERATIONS } from './session-operations.js';

export { type Operation, TAGS } from './operation.js';

/** Every route that the auth service may register, in the order in which a person reads about them. */
export const OPERATIONS: readonly Operation[] = Object.keys(TAGS).flatMap((tag) =>
  [...SESSION_OPERATIONS, ...OAUTH_OPERATIONS, ...GATEWAY_OPERATIONS, ...ADMIN_OPERATIONS].filter(
    (operation) => operation.tag === tag,
  ),
);

const mutualTls = (description: string) => ({ type: 'mutualTLS', description });

const SECURITY_SCHEMES = {
  accessToken: { type: 'http', scheme: 'bearer', bearerFormat: 'JWT' },
  refreshToken: { type: 'http', scheme: 'refresh_token', description: '`refresh_token` in the body.' },
  refreshCookie: {
    type: 'apiKey',
    in: 'cookie',
    name: REFRESH_COOKIE,
    description: 'From pages of the origins in `cookies.allowed_origins`, by their `Origin`.',
  },
  clientSecret: {
    type: 'http',
    scheme: 'basic',
    description: 'Id and secret, form-encoded first; or `client_id` and `client_secret` in the body.',
  },
  clientAssertion: {
    type: 'http',
    scheme: 'client_assertion',
    description: 'private_key_jwt (RFC 7523): `client_assertion_type` and `client_assertion` in the body.',
  },
  clientCertificate: mutualTls('tls_client_auth (RFC 8705), at a gateway that ends TLS.'),
  gatewayCertificate: mutualTls('A gateway’s: `spiffe://gatehouse.internal/gateway`.'),
  operatorCertificate: mutualTls('An operator’s: `spiffe://gatehouse.internal/operator`.'),
};

const SCHEMAS = {
  Problem: {
    type: 'object',
    description: 'RFC 9457. Branch on `code`; docs/errors.md says what each means.',
    required: ['type', 'title', 'status', 'detail', 'code', 'request_id'],
    properties: {
      type: { type: 'string' },
      title: { type: 'string' },
      status: { type: 'integer' },
      detail: { type: 'string' },
      code: { enum: Object.keys(PROBLEMS) },
      request_id: { type: 'string' },
    },
  },
  OAuthError: {
    type: 'object',
    description: 'RFC 6749 section 5.2.',
    required: ['error', 'error_description'],
    properties: { error: { enum: Object.keys(OAUTH_ERRORS) }, error_description: { type: 'string' } },
  },
};

/** The OpenAPI 3.1 document of the auth service, both listeners. */
export function authApiDocument(version: string): Record<string, unknown> {
  const shared = sharedRefusals();
  const paths: Record<string, Record<string, unknown>> = {};
  for (const operation of OPERATIONS) {
    const path = operation.path.replace(/:(\w+)/g, '{$1}');
    paths[path] = { ...paths[path], [operation.method]: describe(operation, shared) };
  }
  return {
    openapi: '3.1.1',
    info: {
      title: 'Gatehouse auth service',
      version,
      license: { name: 'Apache-2.0', identifier: 'Apache-2.0' },
      description:
        'What clients reach through the gateway, and what gateways and operators reach on the internal listener. The gateway may refuse a request before it gets here: docs/errors.md has all codes.',
    },
    servers: [{ url: 'http://127.0.0.1:8080', description: 'the gateway, as `npm start` has it' }],
    tags: Object.entries(TAGS).map(([name, description]) => ({ name, description })),
    paths,
    components: {
      schemas: { ...SCHEMAS, ...definitions() },
      responses: Object.fromEntries([...shared].map(([key, name]) => [name, JSON.parse(key) as object])),
      securitySchemes: SECURITY_SCHEMES,
    },
  };
}

const definitions = (): Record<string, unknown> =>
  Object.fromEntries(Object.entries(NAMED_SCHEMAS).map(([name, schema]) => [name, plain(schema, true)]));

const INTERNAL_SERVER = {
  url: 'https://127.0.0.1:9444',
  description: 'the internal listener; no route of a gateway may lead here',
};

function describe(operation: Operation, shared: SharedRefusals): Record<string, unknown> {
  const { tag, summary, description, credentials, body, isBodyOptional = false } = operation;
  const parameters = parametersOf(operation);
  const mediaType = operation.bodyType === 'form' ? 'application/x-www-form-urlencoded' : 'application/json';
  return {
    tags: [tag],
    operationId: idOf(operation),
    summary,
    ...(description !== undefined && { description }),
    ...(isInternal(operation) && { servers: [INTERNAL_SERVER] }),
    security: credentials.map((name) => ({ [name]: [] })),
    ...(parameters.length > 0 && { parameters }),
    ...(body && {
      requestBody: { required: !isBodyOptional, content: { [mediaType]: { schema: plain(body) } } },
    }),
    responses: { ...answersOf(operation), ...byReference(refusalsOf(operation), shared) },
  };
}

const isInternal = ({ path }: Operation): boolean => path.startsWith('/internal/');

/** `post /auth/sessions/:id` → `postAuthSessionsId`. */
const idOf = ({ method, path }: Operation): string =>
  method + path.replace(/[^A-Za-z]+(\w)/g, (_, letter: string) => letter.toUpperCase());

function parametersOf({ path, query }: Operation): object[] {
  const inPath = [...path.matchAll(/:(\w+)/g)].map(([, name]) => ({
    ...{ name, in: 'path', required: true },
    schema: { type: 'string' },
  }));
  const inQuery = Object.entries(query?.properties ?? {}).map(([name, schema]) => ({
    ...{ name, in: 'query' },
    schema: plain(schema),
  }));
  return [...inPath, ...inQuery];
}

function answersOf({ answers }: Operation): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries<Answer>(answers).map(
      ([status, { description, schema, mediaType = 'application/json' }]) => [
        status,
        { description, ...(schema && { content: { [mediaType]: { schema: plain(schema) } } }) },
      ],
    ),
  );
}

/** What may refuse the request, by status. */
export function refusalCodes({ oauthErrors, problems = [], body }: Operation): Map<number, string[]> {
  const byStatus = new Map<number, string[]>();
  const add = (status: number, code: string) =>
    byStatus.set(status, [...new Set([...(byStatus.get(status) ?? []), code])]);
  if (oauthErrors === undefined) {
    const codes: ProblemCode[] = [...problems, ...(body ? BODY_PROBLEMS : []), ...COMMON_PROBLEMS];
    for (const code of codes) add(problemSpec(code).status, code);
  } else {
    for (const code of oauthErrors) for (const status of oauthStatuses(code)) add(status, code);
  }
  return new Map([...byStatus].sort(([a], [b]) => a - b));
}

/** Too large, or no form, is a bad request, too; so is a session that refreshes too often a temporary matter. */
function oauthStatuses(code: OAuthErrorCode): number[] {
  if (code === 'invalid_request') return [400, 413, 415];
  return code === 'temporarily_unavailable' ? [429, 503] : [OAUTH_ERRORS[code]];
}

function refusalsOf(operation: Operation): [status: number, refusal: object, codes: string[]][] {
  const isOAuth = operation.oauthErrors !== undefined;
  const mediaType = isOAuth ? 'application/json' : 'application/problem+json';
  const ref = { $ref: `#/components/schemas/${isOAuth ? 'OAuthError' : 'Problem'}` };
  return [...refusalCodes(operation)].map(([status, codes]) => {
    const schema = { allOf: [ref, { properties: { [isOAuth ? 'error' : 'code']: { enum: codes } } }] };
    const description = codes.map((name) => `\`${name}\``).join(', ');
    const isTemporary = status === 429 || status === 503;
    return [
      status,
      { description, ...(isTemporary && RETRY_AFTER), content: { [mediaType]: { schema } } },
      codes,
    ];
  });
}

/** Names of those that several routes have, by what they are as JSON. */
type SharedRefusals = ReadonlyMap<string, string>;

function sharedRefusals(): SharedRefusals {
  const counts = new Map<string, { count: number; name: string }>();
  for (const [, refusal, codes] of OPERATIONS.flatMap(refusalsOf)) {
    const key = JSON.stringify(refusal);
    counts.set(key, { count: (counts.get(key)?.count ?? 0) + 1, name: codes.join('-') });
  }
  const several = [...counts].filter(([, { count }]) => count > 1);
  return new Map(several.map(([key, { name }]) => [key, name]));
}

const byReference = (
  refusals: ReturnType<typeof refusalsOf>,
  shared: SharedRefusals,
): Record<string, unknown> =>
  Object.fromEntries(
    refusals.map(([status, refusal]) => {
      const name = shared.get(JSON.stringify(refusal));
      return [status, name === undefined ? refusal : { $ref: `#/components/responses/${name}` }];
    }),
  );

const RETRY_AFTER = { headers: { 'Retry-After': { description: 'seconds', schema: { type: 'integer' } } } };

/** What has a name in the document is told once. */
const NAMED: ReadonlyMap<unknown, string> = new Map(
  Object.entries(NAMED_SCHEMAS).map(([name, schema]) => [schema, name]),
);

/** Without what TypeBox adds for itself; below the top, what has a name by that. */
const plain = (schema: unknown, isDefinition = false): unknown =>
  JSON.parse(
    JSON.stringify(schema, (_key, value: unknown) => {
      const name = isDefinition && value === schema ? undefined : NAMED.get(value);
      return name === undefined ? value : { $ref: `#/components/schemas/${name}` };
    }),
  );
