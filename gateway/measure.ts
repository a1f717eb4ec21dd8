import type { CertificateEnd } from './adapters/certificate-end.js';
import type { Metrics, Sample } from './adapters/metrics.js';
import type { RevocationSource } from './adapters/revocation-source.js';
import type { BoundedTokenCache } from './adapters/verified-token-cache.js';
import type { ClientConnections } from './http/client-connections.js';
import type { Mirrors } from './http/mirrors.js';
import type { KeyCaches } from './key-caches.js';
import type { OpenTraffic } from './pipeline/ports.js';

export interface MeasuredParts {
  keys: KeyCaches;
  verifiedTokens: BoundedTokenCache;
  revocations: RevocationSource;
  open: OpenTraffic;
  connections: ClientConnections;
  mirrors: Mirrors;
  certificates: () => readonly CertificateEnd[];
  /** Unix milliseconds. */
  now: () => number;
}

/** What the parts know of themselves, read whenever somebody scrapes. */
export function measure(metrics: Metrics, parts: MeasuredParts): void {
  measureKeys(metrics, parts);
  measureRevocations(metrics, parts);
  measureTokens(metrics, parts);
  measureConnections(metrics, parts);
  const { open, mirrors, certificates, now } = parts;
  metrics.add(
    { name: 'gatehouse_open_requests', help: 'Requests under way, long ones too.', type: 'gauge' },
    () => [{ value: open.requests }],
  );
  metrics.add(
    { name: 'gatehouse_open_streams', help: 'Of them: streams of events and of gRPC.', type: 'gauge' },
    () => [{ value: open.streams }],
  );
  metrics.add({ name: 'gatehouse_open_websockets', help: 'Of them: WebSockets.', type: 'gauge' }, () => [
    { value: open.webSockets },
  ]);
  metrics.add(
    {
      name: 'gatehouse_mirrored_requests_total',
      help: 'Copies for a mirror: answered, dropped before they were sent, or without an answer.',
      type: 'counter',
    },
    () => mirrors.counts().map(({ route, result, value }) => ({ labels: { route, result }, value })),
  );
  metrics.add(
    {
      name: 'gatehouse_certificate_expiry_seconds',
      help: 'Until the certificate in this file ends; negative once it has.',
      type: 'gauge',
      across: 'min',
    },
    () =>
      certificates().map(({ use, file, endsAt }) => ({
        labels: { use, file },
        value: (endsAt - now()) / 1000,
      })),
  );
}

function measureConnections(metrics: Metrics, { connections }: MeasuredParts): void {
  metrics.add(
    { name: 'gatehouse_open_connections', help: 'Connections of clients, idle ones too.', type: 'gauge' },
    () => [{ value: connections.open }],
  );
  metrics.add(
    {
      name: 'gatehouse_connections_refused_total',
      help: 'Connections reset as soon as they were accepted, by the limit that they were past.',
      type: 'counter',
    },
    () => Object.entries(connections.refused).map(([limit, value]) => ({ labels: { limit }, value })),
  );
}

export function measureKeys(metrics: Metrics, { keys }: Pick<MeasuredParts, 'keys'>): void {
  const perIssuer = (read: (status: ReturnType<KeyCaches['status']>[number]) => number | null) => () =>
    keys.status().flatMap((status): Sample[] => {
      const value = read(status);
      return value === null ? [] : [{ labels: { issuer: status.name }, value }];
    });
  metrics.add(
    {
      name: 'gatehouse_jwks_age_seconds',
      help: 'Since the issuer last gave a good key set; absent before.',
      type: 'gauge',
      across: 'max',
    },
    perIssuer(({ age_ms }) => (age_ms === null ? null : age_ms / 1000)),
  );
  metrics.add(
    { name: 'gatehouse_jwks_keys', help: 'Keys held of the issuer.', type: 'gauge', across: 'max' },
    perIssuer((status) => status.keys.length),
  );
  metrics.add(
    {
      name: 'gatehouse_jwks_available',
      help: '1 while its tokens can be verified.',
      type: 'gauge',
      across: 'min',
    },
    perIssuer(({ available }) => (available ? 1 : 0)),
  );
  metrics.add(
    { name: 'gatehouse_jwks_fetch_failures_total', help: 'Key sets not had.', type: 'counter' },
    () => keys.failures().map(([issuer, value]) => ({ labels: { issuer }, value })),
  );
}

function measureRevocations(metrics: Metrics, { revocations }: MeasuredParts): void {
  metrics.add(
    {
      name: 'gatehouse_revocation_age_seconds',
      help: 'Since the revocation feed last answered; +Inf before it ever has.',
      type: 'gauge',
      across: 'max',
    },
    () => [{ value: revocations.ageMs() / 1000 }],
  );
  metrics.add(
    {
      name: 'gatehouse_revocation_entries',
      help: 'Entries in the revocation copy.',
      type: 'gauge',
      across: 'max',
    },
    () => [{ value: revocations.size }],
  );
  metrics.add(
    {
      name: 'gatehouse_revocation_lag_seconds',
      help: 'From the publication of the newest entry to its being in force here; absent before, and where the feed tells no time.',
      type: 'gauge',
      across: 'max',
    },
    () => (revocations.lagMs === undefined ? [] : [{ value: revocations.lagMs / 1000 }]),
  );
}

function measureTokens(metrics: Metrics, { verifiedTokens }: MeasuredParts): void {
  metrics.add(
    { name: 'gatehouse_verified_tokens', help: 'Verified tokens remembered.', type: 'gauge' },
    () => [{ value: verifiedTokens.entries }],
  );
  metrics.add(
    { name: 'gatehouse_verified_tokens_bytes', help: 'Their memory, about.', type: 'gauge' },
    () => [{ value: verifiedTokens.bytes }],
  );
  metrics.add(
    {
      name: 'gatehouse_verified_token_lookups_total',
      help: 'By whether the token was remembered.',
      type: 'counter',
    },
    () => [
      { labels: { result: 'hit' }, value: verifiedTokens.hits },
      { labels: { result: 'miss' }, value: verifiedTokens.misses },
    ],
  );
}
