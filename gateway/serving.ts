import { randomUUID } from 'node:crypto';
import type { Server as TlsServer } from 'node:tls';
import type { ReadinessReport } from '../contracts/admin-api.js';
import type { ExplainRequest, Explanation } from '../contracts/admin-explain.js';
import type { Clock } from '../kit/clock.js';
import { pause } from '../kit/clock.js';
import type { Lifecycle } from '../kit/lifecycle.js';
import { Live } from '../kit/live.js';
import type { Logger } from '../kit/logger.js';
import { durationMs } from '../kit/units.js';
import { createAccessLog } from './adapters/access-log.js';
import { createApiKeyExchange } from './adapters/api-key-exchange.js';
import { ApiKeyTokens } from './adapters/api-key-tokens.js';
import { measureUpstreams } from './adapters/balancing/measure-upstreams.js';
import { createDpopReplayMemory } from './adapters/dpop-replay-memory.js';
import { LoadGauge } from './adapters/load-gauge.js';
import { createMetrics, type Metrics } from './adapters/metrics.js';
import { OpenRequestWatch } from './adapters/open-requests.js';
import { PublicCertificates } from './adapters/public-certificates.js';
import { RequestMetrics } from './adapters/request-metrics.js';
import { createRevocationSource } from './adapters/revocation-source.js';
import { createStaleWarning } from './adapters/stale-warning.js';
import { UpstreamConnections } from './adapters/upstream-connections.js';
import { createVerifiedTokenCache } from './adapters/verified-token-cache.js';
import { drainOf } from './drain.js';
import { liveExplainDeps } from './explain-facts.js';
import type { GatewayDeps } from './gateway.js';
import { ClientConnections } from './http/client-connections.js';
import { boundConnections, createDataPlane } from './http/data-plane.js';
import { Mirrors } from './http/mirrors.js';
import { Shutdown } from './http/shutdown.js';
import { KeyCaches } from './key-caches.js';
import { listen } from './listen.js';
import { measure } from './measure.js';
import type { GatewayOptions } from './options.js';
import { explainRequest } from './pipeline/explain/explain-request.js';
import type { GatewayPorts } from './pipeline/ports.js';
import { RateLimits } from './rate-limits.js';
import { readinessOf } from './readiness.js';
import type { InForce } from './reload/in-force.js';
import { type PreparedConfig, prepareConfig } from './reload/prepare-config.js';
import { AUTH_INTERNAL } from './reload/upstream-specs.js';
import { listenerLimits } from './routing/schema/limits.js';
import type { WorkerRole } from './worker-role.js';

export interface ServingDeps extends Omit<GatewayDeps, 'clock' | 'logger'> {
  clock: Clock;
  logger: Logger;
  /** Where several processes serve together. */
  worker?: WorkerRole;
}

/** All that serves clients: the whole of it in a gateway of one process, or one worker's. */
export interface Serving {
  readonly live: Live<InForce>;
  readonly keys: KeyCaches;
  readonly metrics: Metrics;
  /** Makes a config ready; see {@link prepareConfig}. */
  prepare(options: GatewayOptions): Promise<PreparedConfig>;
  /** Puts a prepared one in force. Cannot fail. */
  adopt(prepared: PreparedConfig): void;
  readiness(): Omit<ReadinessReport, 'config'>;
  explain(asked: ExplainRequest): Promise<Explanation>;
  drainMs(): number;
  /** Follows the revocations. */
  follow(): void;
  /** Opens the public listener; resolves with its URL. */
  listen(): Promise<string>;
}

/** Builds it; nothing is followed yet, and nobody served. */
export async function createServing(
  lifecycle: Lifecycle,
  options: GatewayOptions,
  deps: ServingDeps,
): Promise<Serving> {
  const { clock, logger, worker } = deps;
  const config = options.value;

  const upstreams = new UpstreamConnections(clock, { logger });
  lifecycle.onStop('upstream connections', () => upstreams.close());
  const keys = new KeyCaches({ upstreams, clock, logger, makeKeySet: worker?.makeKeySet });
  lifecycle.onStop('key sets', () => keys.stop());
  const parts = { upstreams, keys, clock, worker };
  const first = await prepareConfig(options, undefined, parts);
  first.adopt();
  const live = new Live<InForce>(first.next);
  const verifiedTokens = createVerifiedTokenCache();
  live.onSwap(() => verifiedTokens.clear());
  const revocations = createRevocationSource({
    mode: config.revocation.mode ?? 'replica',
    redisUrl: config.revocation.redis_url ?? '',
    inProcess: deps.feed,
    internal: { origin: upstreams.originOf(AUTH_INTERNAL), dispatcher: upstreams.agent },
    onEntry: (entry) => keys.onRevocation(entry),
    clock,
    logger,
  });

  const metrics = createMetrics();
  const requestMetrics = new RequestMetrics();
  requestMetrics.addTo(metrics);
  live.onSwap(({ snapshot }) => requestMetrics.keepOnly(snapshot.routes.all));
  const open = { requests: 0, streams: 0, webSockets: 0 };
  const connections = new ClientConnections({ edge: () => live.current.edge, clock, logger });
  const mirrors = new Mirrors(clock);
  mirrors.keepOnly(live.current.snapshot.routes.all);
  live.onSwap(({ snapshot }) => mirrors.keepOnly(snapshot.routes.all));
  measure(metrics, {
    keys,
    verifiedTokens,
    revocations,
    open,
    connections,
    mirrors,
    certificates: () => live.current.certificateEnds,
    now: () => clock.now(),
  });
  measureUpstreams(metrics, () => upstreams.upstreams());
  const logAccess = createAccessLog(logger, config.log);
  const warnStale = createStaleWarning({ logger, clock, ageMs: () => revocations.ageMs() });

  const rateLimits = new RateLimits({
    redisUrl: config.revocation.redis_url ?? '',
    amongWorkers: worker?.limits,
    clock,
    logger,
  });
  lifecycle.onStop('rate limits', () => rateLimits.stop());
  rateLimits.measure(metrics);
  rateLimits.adopt(live.current.snapshot);
  live.onSwap(({ snapshot }) => rateLimits.adopt(snapshot));

  const load = new LoadGauge({ clock, open, limits: live.current.overload });
  load.measure(metrics);
  load.start();
  lifecycle.onStop('load', () => load.stop());
  live.onSwap(({ overload }) => load.adopt(overload));

  const openRequests = new OpenRequestWatch(clock, revocations);
  openRequests.start();
  lifecycle.onStop('open requests', () => openRequests.stop());

  const { certificates: loaded } = live.current;
  const certificates = loaded === undefined ? undefined : new PublicCertificates(loaded);
  const pipeline: GatewayPorts = {
    snapshot: () => live.current.snapshot,
    now: () => clock.now(),
    monotonic: () => clock.monotonic(),
    random: deps.random ?? Math.random,
    verifiedTokens,
    revocations,
    openRequests,
    apiKeys: new ApiKeyTokens({
      exchange: createApiKeyExchange(upstreams.originOf(AUTH_INTERNAL), upstreams.agent),
      clock,
      logger,
    }),
    dpopReplays: createDpopReplayMemory(clock),
    get assertions() {
      return live.current.assertions;
    },
    load,
    rateLimiter: rateLimits.limiter,
    open,
    record(outcome) {
      requestMetrics.count(outcome);
      logAccess(outcome);
      if (outcome.stale) warnStale();
    },
  };
  const shutdown = new Shutdown(clock);
  lifecycle.onStop('client connections', () => connections.stop());
  const dataPlane = await createDataPlane({
    gateway: pipeline,
    edge: () => live.current.edge,
    shutdown,
    connections,
    mirrors,
    limits: listenerLimits(config.limits),
    certificates,
    http2: config.listen.http2 !== false,
    logger,
    newRequestId: randomUUID,
  });
  live.onSwap((next, previous) => {
    boundConnections(dataPlane, listenerLimits(next.options.value.limits));
    if (next.certificates !== undefined && next.certificates !== previous.certificates)
      certificates?.adopt(next.certificates, dataPlane.server as unknown as TlsServer);
  });

  const drainMs = (): number => durationMs(live.current.options.value.drain_timeout ?? '10s');
  let stopping = false;
  return {
    live,
    keys,
    metrics,
    prepare: (changed) => prepareConfig(changed, live.current, parts),
    adopt(prepared) {
      prepared.adopt();
      live.swap(prepared.next);
    },
    readiness: () =>
      readinessOf({
        snapshot: live.current.snapshot,
        keys,
        revocations,
        upstreams: upstreams.upstreams(),
        rateLimits: rateLimits.readiness(),
        certificates: live.current.certificateEnds,
        stopping,
        now: clock.now(),
      }),
    explain: (asked) =>
      explainRequest(asked, liveExplainDeps(live.current.options.value, pipeline, keys.status())),
    drainMs,
    follow() {
      lifecycle.onStop('revocations', () => revocations.stop());
      revocations.start();
    },
    async listen() {
      const drain = drainOf(dataPlane, clock, drainMs, shutdown);
      const url = await listen(lifecycle, dataPlane, config.listen, 'PORT', drain);
      lifecycle.onStop('readiness', async () => {
        stopping = true;
        shutdown.announce();
        const delayMs = durationMs(live.current.options.value.shutdown_delay ?? '5s');
        if (delayMs > 0) await pause(clock, delayMs);
      });
      return url;
    },
  };
}
