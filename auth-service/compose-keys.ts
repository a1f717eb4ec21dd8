import type { Clock } from '../kit/clock.js';
import type { Lifecycle } from '../kit/lifecycle.js';
import type { Logger } from '../kit/logger.js';
import { keyRoutes } from './http/admin/keys-routes.js';
import type { AddAdminRoutes } from './http/admin-routes.js';
import { type ChangeKeys, createChangeKeys } from './keys/change-keys.js';
import { effectiveHere } from './keys/effective-here.js';
import type { Envelope } from './keys/envelope.js';
import { keepKeysCurrent } from './keys/keep-keys-current.js';
import { createRewrapSecrets } from './keys/rewrap-secrets.js';
import { openSigningKeys, type SigningKeys } from './keys/signing-keys.js';
import type { AuthConfig } from './options.js';
import type { AwaitPublished } from './revocation/await-published.js';
import type { RevocationTail } from './revocation/revocation-tail.js';
import type { Database } from './stores/database.js';
import { listSigningKeys } from './stores/signing-keys.js';

/** The signing keys: makes the first ones, follows what other instances change, rotates them when it is time. */
export async function composeKeys(
  config: AuthConfig,
  deps: {
    database: Database;
    envelope: Envelope;
    clock: Clock;
    logger: Logger;
    lifecycle: Lifecycle;
    tail: RevocationTail;
    awaitPublished: AwaitPublished;
  },
): Promise<{ keys: SigningKeys; changes: ChangeKeys; adminRoutes: AddAdminRoutes }> {
  const changes = createChangeKeys({ ...deps, issuer: config.issuer, settings: config.keys });
  await changes.maintain();
  const keys = await openSigningKeys(deps);
  const keeping = keepKeysCurrent({ ...deps, keys, changes });
  deps.lifecycle.onStop('signing keys', () => keeping.stop());
  // A revoked key is withdrawn here as soon as the gateways hear of it and fetch the key set again.
  deps.tail.onEntries((entries) => {
    if (entries.some((entry) => entry.kind === 'key')) keeping.wake();
  });
  const rewrapSecrets = createRewrapSecrets(deps);
  const listAllKeys = () => deps.database.run((db) => listSigningKeys(db, { gone: true }));
  const { awaitPublished } = deps;
  const settings = config.keys;
  const operated = effectiveHere(changes, keys);
  return {
    keys,
    changes: operated,
    adminRoutes: keyRoutes({ changes: operated, rewrapSecrets, listAllKeys, awaitPublished, settings }),
  };
}
