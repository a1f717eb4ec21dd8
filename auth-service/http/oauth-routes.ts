import type { FastifyReply, FastifyRequest } from 'fastify';
import { OAUTH, WELL_KNOWN } from '../../contracts/well-known.js';
import { asOAuthError } from '../oauth/as-oauth-error.js';
import type { AuthenticateClient } from '../oauth/authenticate-client.js';
import { requireProof } from '../oauth/client-terms.js';
import { type FormParameters, NO_PARAMETERS, parseForm } from '../oauth/form-parameters.js';
import type { GrantClientCredentials } from '../oauth/grant-client-credentials.js';
import type { GrantRefreshToken } from '../oauth/grant-refresh-token.js';
import type { IntrospectToken } from '../oauth/introspect-token.js';
import type { GrantRequest, IssuedToken } from '../oauth/issued-token.js';
import { oauthMetadata } from '../oauth/metadata.js';
import { OAuthError } from '../oauth/oauth-error.js';
import type { RevokeToken } from '../oauth/revoke-token.js';
import type { HttpServer } from './http-server.js';
import { originOf } from './origin-of.js';
import { presentedClient } from './presented-client.js';
import type { ProveKey } from './prove-key.js';

export interface OAuthRouteDeps {
  issuer: string;
  authenticateClient: AuthenticateClient;
  proveKey: ProveKey;
  grantClientCredentials: GrantClientCredentials;
  grantRefreshToken: GrantRefreshToken;
  revokeToken: RevokeToken;
  introspectToken: IntrospectToken;
}

const FORM = 'application/x-www-form-urlencoded';
/** An assertion by a certified RSA key is a few KiB. */
const MAX_BODY_BYTES = 16 * 1024;
const METADATA_MAX_AGE_S = 300;

/** OAuth 2.0 (RFC 6749): forms in, RFC 6749 JSON out, for errors too, in a scope of its own. */
export function addOAuthRoutes(app: HttpServer, deps: OAuthRouteDeps): void {
  addMetadataRoutes(app, deps.issuer);
  app.register(async (scope) => {
    scope.removeAllContentTypeParsers();
    scope.addContentTypeParser(
      FORM,
      { parseAs: 'string', bodyLimit: MAX_BODY_BYTES },
      (_request, body, done) => {
        try {
          done(null, parseForm(String(body)));
        } catch (error) {
          done(error as Error);
        }
      },
    );
    scope.setErrorHandler(sendOAuthError);
    addEndpoints(scope as HttpServer, deps);
  });
}

function addMetadataRoutes(app: HttpServer, issuer: string): void {
  const metadata = JSON.stringify(oauthMetadata(issuer));
  for (const path of WELL_KNOWN.oauthMetadata) {
    app.get(path, async (_request, reply) =>
      reply
        .header('cache-control', `public, max-age=${METADATA_MAX_AGE_S}`)
        .type('application/json')
        .send(metadata),
    );
  }
}

function addEndpoints(scope: HttpServer, deps: OAuthRouteDeps): void {
  const { authenticateClient, proveKey } = deps;
  const grants: Readonly<Record<string, (request: GrantRequest) => Promise<IssuedToken>>> = {
    client_credentials: deps.grantClientCredentials,
    refresh_token: deps.grantRefreshToken,
  };

  scope.post(OAUTH.token, async (request, reply) => {
    const form = formOf(request);
    const grantType = required(form, 'grant_type');
    const grant = Object.hasOwn(grants, grantType) ? grants[grantType] : undefined;
    if (grant === undefined)
      throw new OAuthError('unsupported_grant_type', 'the grant type is not supported');
    const client = await authenticateClient(presentedClient(request, form.values));
    const jkt = await proveKey(request);
    requireProof(client, jkt);
    return sendToken(reply, await grant({ client, form, jkt, origin: originOf(request) }));
  });

  scope.post(OAUTH.revoke, async (request, reply) => {
    const form = formOf(request);
    const client = await authenticateClient(presentedClient(request, form.values));
    const ending = await deps.revokeToken(required(form, 'token'), client, originOf(request));
    // RFC 7009 section 2.2.1: the client is to try again, and finds the revocation made already.
    if (ending === 'pending')
      throw new OAuthError('temporarily_unavailable', 'not every gateway knows yet', { retryAfter: '1' });
    return noStore(reply).code(200).send();
  });

  scope.post(OAUTH.introspect, async (request, reply) => {
    const form = formOf(request);
    const client = await authenticateClient(presentedClient(request, form.values));
    if (client.isPublic) throw new OAuthError('invalid_client', 'only clients that authenticate may ask');
    return noStore(reply).send(await deps.introspectToken(required(form, 'token'), client));
  });
}

/** Without a body there is nothing to parse, whatever its type. */
function formOf({ body }: FastifyRequest): FormParameters {
  return (body as FormParameters | undefined) ?? NO_PARAMETERS;
}

function required({ values }: FormParameters, name: string): string {
  const value = values.get(name);
  if (value === undefined) throw new OAuthError('invalid_request', `${name} is missing`);
  return value;
}

function sendToken(reply: FastifyReply, issued: IssuedToken): FastifyReply {
  return noStore(reply).send({
    access_token: issued.accessToken,
    token_type: issued.isDpop ? 'DPoP' : 'Bearer',
    expires_in: issued.expiresInS,
    scope: issued.scopes.join(' '),
    ...(issued.refreshToken !== undefined && { refresh_token: issued.refreshToken }),
  });
}

function sendOAuthError(error: Error, request: FastifyRequest, reply: FastifyReply): FastifyReply {
  const refusal = asOAuthError(error);
  if (refusal.status >= 500)
    request.log.error({ err: refusal.cause ?? error, code: refusal.code }, 'request failed');
  // RFC 6749 section 5.2: the scheme by which the client tried, and the only one that there is.
  if (refusal.status === 401) reply.header('www-authenticate', 'Basic realm="gatehouse"');
  if (refusal.retryAfter !== undefined) reply.header('retry-after', refusal.retryAfter);
  return noStore(reply)
    .code(refusal.status)
    .type('application/json')
    .send(JSON.stringify({ error: refusal.code, error_description: refusal.message }));
}

const noStore = (reply: FastifyReply): FastifyReply => reply.header('cache-control', 'no-store');
