import type { JWK } from 'jose';
import type { AdminClient, AdminCredential } from '../../../contracts/admin-machines.js';
import type { Clock } from '../../../kit/clock.js';
import type { AdministerClients, ClientWithSecret } from '../../oauth/administer-clients.js';
import { type Client, type ClientCredential, liveCredentials } from '../../oauth/client.js';
import type { NewCredential } from '../../oauth/make-credential.js';
import type { AddAdminRoutes } from '../admin-routes.js';
import { originOf } from '../origin-of.js';
import { sendEnding } from '../send-tokens.js';
import { ById, ClientRotationBody, NewClientBody } from './machine-schemas.js';

export interface ClientRouteDeps {
  administerClients: AdministerClients;
  clock: Clock;
  /** What a client's tokens are for unless it says otherwise. */
  audience: string;
}

const withId = { schema: { params: ById } };

/** OAuth clients. */
export function clientRoutes({ administerClients, clock, audience }: ClientRouteDeps): AddAdminRoutes {
  const created = ({ client, secret }: ClientWithSecret) => ({
    client: clientOf(client, clock.now()),
    ...(secret !== undefined && { client_secret: secret }),
  });

  return (admin) => {
    admin.get('/clients', async (_request, reply) => {
      const clients = await administerClients.list();
      return reply.send({ clients: clients.map((client) => clientOf(client, clock.now())) });
    });

    admin.post('/clients', { schema: { body: NewClientBody } }, async (request, reply) => {
      const { body } = request;
      const spec = {
        id: body.client_id,
        service: body.service ?? body.client_id,
        authMethod: body.auth_method ?? 'client_secret',
        grants: body.grants ?? ['client_credentials' as const],
        scopes: body.scopes ?? [],
        audiences: body.audiences ?? [audience],
        tokenTtlS: body.token_ttl,
        requiresDpop: body.dpop_bound_access_tokens ?? false,
      };
      const made = await administerClients.create(spec, newCredentialOf(body), originOf(request));
      return reply.code(201).send(created(made));
    });

    const rotation = { schema: { params: ById, body: ClientRotationBody } };
    admin.post('/clients/:id/rotate', rotation, async (request, reply) => {
      const { overlap, ...brought } = request.body;
      const { id } = request.params;
      const { ending, ...made } = await administerClients.rotate(
        id,
        newCredentialOf(brought),
        overlap * 1000,
        originOf(request),
      );
      return ending === undefined ? reply.send(created(made)) : sendEnding(reply, ending, created(made));
    });

    admin.post('/clients/:id/disable', withId, async (request, reply) =>
      sendEnding(reply, await administerClients.disable(request.params.id, originOf(request))),
    );
  };
}

function newCredentialOf(body: { jwk?: Record<string, unknown>; certificate_name?: string }): NewCredential {
  return { jwk: body.jwk as JWK | undefined, certificateName: body.certificate_name };
}

function clientOf(client: Client, nowMs: number): AdminClient {
  return {
    client_id: client.id,
    service: client.service,
    auth_method: client.authMethod,
    grants: [...client.grants],
    scopes: [...client.scopes],
    audiences: [...client.audiences],
    token_ttl: client.tokenTtlS ?? null,
    dpop_bound_access_tokens: client.requiresDpop,
    status: client.disabledAtMs === undefined ? 'active' : 'disabled',
    created_at: new Date(client.createdAtMs).toISOString(),
    credentials: liveCredentials(client, nowMs).map(credentialOf),
  };
}

function credentialOf(credential: ClientCredential): AdminCredential {
  const { id, publicJwk, certificateName, createdAtMs, expiresAtMs } = credential;
  return {
    id,
    ...(publicJwk?.kid !== undefined && { kid: publicJwk.kid }),
    ...(certificateName !== undefined && { certificate_name: certificateName }),
    created_at: new Date(createdAtMs).toISOString(),
    expires_at: expiresAtMs === undefined ? null : new Date(expiresAtMs).toISOString(),
  };
}
