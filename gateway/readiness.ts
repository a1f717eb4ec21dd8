import type { CertificateReadiness, RateLimitReadiness, ReadinessReport } from '../contracts/admin-api.js';
import { type Clock, pause } from '../kit/clock.js';
import { StartupError } from '../kit/startup-error.js';
import { upstreamReadiness } from './adapters/balancing/measure-upstreams.js';
import type { Upstream } from './adapters/balancing/upstream.js';
import type { CertificateEnd } from './adapters/certificate-end.js';
import type { RevocationSource } from './adapters/revocation-source.js';
import type { KeyCaches } from './key-caches.js';
import type { Snapshot } from './pipeline/snapshot.js';

export interface ReadinessParts {
  snapshot: Snapshot;
  keys: KeyCaches;
  revocations: RevocationSource;
  upstreams: readonly Upstream[];
  rateLimits: RateLimitReadiness;
  certificates: readonly CertificateEnd[];
  stopping: boolean;
  /** Unix milliseconds. */
  now: number;
}

const DAY_MS = 86_400_000;

/** What the gateway needs to have before it takes traffic, and the state of each part. */
export function readinessOf(parts: ReadinessParts): Omit<ReadinessReport, 'config'> {
  const { snapshot, keys, revocations, certificates, stopping, now } = parts;
  const ageMs = revocations.ageMs();
  const { ready, issuers } = keys.readiness();
  return {
    ready: !stopping && revocations.synced && ready,
    shutting_down: stopping,
    issuers,
    revocations: {
      synced: revocations.synced,
      stale: ageMs > snapshot.maxStalenessMs,
      entries: revocations.size,
      age_ms: Number.isFinite(ageMs) ? Math.round(ageMs) : null,
    },
    upstreams: Object.fromEntries(
      parts.upstreams.map((upstream) => [upstream.name, upstreamReadiness(upstream)]),
    ),
    rate_limits: parts.rateLimits,
    certificates: certificates.map((end) => daysLeft(end, now)),
  };
}

export function daysLeft({ use, file, endsAt }: CertificateEnd, now: number): CertificateReadiness {
  return { use, file, days_left: Math.floor((endsAt - now) / DAY_MS) };
}

/** Resolves when ready; rejects with a StartupError after `timeoutMs`. */
export async function whenReady(
  readiness: () => { ready: boolean },
  clock: Clock,
  timeoutMs: number,
): Promise<void> {
  const deadline = clock.monotonic() + timeoutMs;
  while (!readiness().ready) {
    if (clock.monotonic() > deadline)
      throw new StartupError(`the gateway is not ready: ${JSON.stringify(readiness())}`);
    await pause(clock, 20);
  }
}
