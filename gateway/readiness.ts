import { type Clock, pause } from '../kit/clock.js';
import { StartupError } from '../kit/startup-error.js';
import type { RevocationSource } from './adapters/revocation-source.js';
import type { Readiness } from './http/admin-server.js';
import type { KeyCaches } from './key-caches.js';
import type { Snapshot } from './pipeline/snapshot.js';

/** What the gateway needs to have before it takes traffic, and what it has. */
export function readinessOf(
  snapshot: Snapshot,
  keys: KeyCaches,
  revocations: RevocationSource,
  stopping: boolean,
): Readiness {
  const ageMs = revocations.ageMs();
  const { ready, issuers } = keys.readiness();
  return {
    ready: !stopping && revocations.synced && ready,
    config: { version: snapshot.version },
    issuers,
    revocations: {
      synced: revocations.synced,
      entries: revocations.size,
      age_ms: Number.isFinite(ageMs) ? Math.round(ageMs) : null,
    },
  };
}

/** Resolves when ready; rejects with a StartupError after `timeoutMs`. */
export async function whenReady(readiness: () => Readiness, clock: Clock, timeoutMs: number): Promise<void> {
  const deadline = clock.monotonic() + timeoutMs;
  while (!readiness().ready) {
    if (clock.monotonic() > deadline)
      throw new StartupError(`the gateway is not ready: ${JSON.stringify(readiness())}`);
    await pause(clock, 20);
  }
}
