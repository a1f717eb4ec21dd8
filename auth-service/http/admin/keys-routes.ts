import { Type } from 'typebox';
import type { AdminKey, AdminKeys, AdminKeysRotated, AdminRewrapped } from '../../../contracts/admin-keys.js';
import type { ChangedBy, ChangeKeys } from '../../keys/change-keys.js';
import { type KeyConfig, publishLeadMs } from '../../keys/key-settings.js';
import type { RewrapSecrets } from '../../keys/rewrap-secrets.js';
import type { StoredSigningKey } from '../../keys/signing-key.js';
import type { AwaitPublished } from '../../revocation/await-published.js';
import type { AddAdminRoutes } from '../admin-routes.js';
import { originOf } from '../origin-of.js';
import { sendEnding } from '../send-tokens.js';

export interface KeyRouteDeps {
  changes: ChangeKeys;
  rewrapSecrets: RewrapSecrets;
  listAllKeys: () => Promise<StoredSigningKey[]>;
  awaitPublished: AwaitPublished;
  settings: KeyConfig;
}

const strict = { additionalProperties: false } as const;
const Kid = Type.Object({ kid: Type.String({ maxLength: 128 }) });
export const RewrapBody = Type.Object({ after: Type.Optional(Type.String({ format: 'uuid' })) }, strict);

/** The signing keys (design 4.7). */
export function keyRoutes(deps: KeyRouteDeps): AddAdminRoutes {
  const { changes, rewrapSecrets, listAllKeys, awaitPublished, settings } = deps;
  return (admin) => {
    admin.get('/keys', async (_request, reply) => {
      const body: AdminKeys = { keys: (await listAllKeys()).map((key) => keyOf(key, settings)) };
      return reply.send(body);
    });

    admin.post('/keys/rotate', async (request, reply) => {
      const body: AdminKeysRotated = await changes.rotate(operator(request));
      return reply.send(body);
    });

    admin.post('/keys/:kid/revoke', { schema: { params: Kid } }, async (request, reply) => {
      const { seq, active } = await changes.revoke(request.params.kid, operator(request));
      return sendEnding(reply, await awaitPublished(seq), { active });
    });

    admin.post('/keys/rewrap', { schema: { body: RewrapBody } }, async (request, reply) => {
      const done = await rewrapSecrets(request.body.after, operator(request));
      const { signingKeys, sessions, unreadable, after = null, remaining = null } = done;
      const body: AdminRewrapped = { signing_keys: signingKeys, sessions, unreadable, after, remaining };
      return reply.send(body);
    });
  };
}

const operator = (request: Parameters<typeof originOf>[0]): ChangedBy => ({
  actor: 'operator',
  origin: originOf(request),
});

function keyOf(key: StoredSigningKey, settings: KeyConfig): AdminKey {
  const usableFromMs = key.state === 'next' ? key.createdAtMs + publishLeadMs(settings) : undefined;
  return {
    kid: key.kid,
    algorithm: key.algorithm,
    state: key.state,
    created_at: isoTime(key.createdAtMs) ?? '',
    usable_from: isoTime(usableFromMs),
    activated_at: isoTime(key.activatedAtMs),
    retiring_at: isoTime(key.retiringAtMs),
    gone_at: isoTime(key.goneAtMs),
    tokens_expire_at: isoTime(key.tokensExpireS === 0 ? undefined : key.tokensExpireS * 1000),
    kek_version: key.privateKey?.kekVersion ?? null,
  };
}

const isoTime = (ms: number | undefined): string | null =>
  ms === undefined ? null : new Date(ms).toISOString();
