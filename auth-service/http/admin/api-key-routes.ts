import type { AdminApiKey } from '../../../contracts/admin-machines.js';
import type { Clock } from '../../../kit/clock.js';
import type { AdministerApiKeys, NewApiKey } from '../../api-keys/administer-api-keys.js';
import { type ApiKey, isLive } from '../../api-keys/api-key.js';
import type { AddAdminRoutes } from '../admin-routes.js';
import { originOf } from '../origin-of.js';
import { sendEnding } from '../send-tokens.js';
import { ApiKeyRotationBody, ById, NewApiKeyBody } from './machine-schemas.js';

export interface ApiKeyRouteDeps {
  administerApiKeys: AdministerApiKeys;
  clock: Clock;
}

const withId = { schema: { params: ById } };

/** API keys. `:id` is the part between `gtk_` and the next `_`. */
export function apiKeyRoutes({ administerApiKeys, clock }: ApiKeyRouteDeps): AddAdminRoutes {
  const created = ({ key, text }: NewApiKey) => ({ key: keyOf(key, clock.now()), api_key: text });

  return (admin) => {
    admin.get('/api-keys', async (_request, reply) => {
      const keys = await administerApiKeys.list();
      return reply.send({ keys: keys.map((key) => keyOf(key, clock.now())) });
    });

    admin.post('/api-keys', { schema: { body: NewApiKeyBody } }, async (request, reply) => {
      const { name, service, scopes = [], expires_in } = request.body;
      const lifetimeMs = expires_in === undefined ? undefined : expires_in * 1000;
      const made = await administerApiKeys.create({ name, service, scopes }, lifetimeMs, originOf(request));
      return reply.code(201).send(created(made));
    });

    const rotation = { schema: { params: ById, body: ApiKeyRotationBody } };
    admin.post('/api-keys/:id/rotate', rotation, async (request, reply) => {
      const { id } = request.params;
      const overlapMs = request.body.overlap * 1000;
      const { ending, ...made } = await administerApiKeys.rotate(id, overlapMs, originOf(request));
      return ending === undefined ? reply.send(created(made)) : sendEnding(reply, ending, created(made));
    });

    admin.post('/api-keys/:id/revoke', withId, async (request, reply) =>
      sendEnding(reply, await administerApiKeys.revoke(request.params.id, originOf(request))),
    );
  };
}

function keyOf(key: ApiKey, nowMs: number): AdminApiKey {
  const endedAs = key.revokedAtMs === undefined ? 'expired' : 'revoked';
  return {
    id: key.id,
    name: key.name,
    service: key.service,
    scopes: [...key.scopes],
    status: isLive(key, nowMs) ? 'active' : endedAs,
    created_at: new Date(key.createdAtMs).toISOString(),
    expires_at: isoTime(key.expiresAtMs),
    last_used_at: isoTime(key.lastUsedAtMs),
    replaced_by: key.replacedBy ?? null,
  };
}

const isoTime = (ms: number | undefined): string | null =>
  ms === undefined ? null : new Date(ms).toISOString();
