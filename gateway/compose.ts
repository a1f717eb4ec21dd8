import { randomUUID } from 'node:crypto';
import type { Server as TlsServer } from 'node:tls';
import type { ReadinessReport } from '../contracts/admin-api.js';
import { buildInfo } from '../kit/build-info.js';
import { pause, systemClock } from '../kit/clock.js';
import { startAll } from '../kit/lifecycle.js';
import { Live } from '../kit/live.js';
import { createLogger } from '../kit/logger.js';
import { durationMs } from '../kit/units.js';
import { watchFiles } from '../kit/watched-files.js';
import { createAccessLog } from './adapters/access-log.js';
import { createApiKeyExchange } from './adapters/api-key-exchange.js';
import { ApiKeyTokens } from './adapters/api-key-tokens.js';
import { measureUpstreams } from './adapters/balancing/measure-upstreams.js';
import { createDpopReplayMemory } from './adapters/dpop-replay-memory.js';
import { LoadGauge } from './adapters/load-gauge.js';
import { createMetrics } from './adapters/metrics.js';
import { OpenRequestWatch } from './adapters/open-requests.js';
import { PublicCertificates } from './adapters/public-certificates.js';
import { RequestMetrics } from './adapters/request-metrics.js';
import { createRevocationSource } from './adapters/revocation-source.js';
import { createStaleWarning } from './adapters/stale-warning.js';
import { UpstreamConnections } from './adapters/upstream-connections.js';
import { createVerifiedTokenCache } from './adapters/verified-token-cache.js';
import { drainOf } from './drain.js';
import { liveExplainDeps } from './explain-facts.js';
import type { Gateway, GatewayDeps } from './gateway.js';
import { createAdminServer } from './http/admin-server.js';
import { ClientConnections } from './http/client-connections.js';
import { boundConnections, createDataPlane } from './http/data-plane.js';
import { Mirrors } from './http/mirrors.js';
import { Shutdown } from './http/shutdown.js';
import { KeyCaches } from './key-caches.js';
import { listen, listenAdmin } from './listen.js';
import { measure } from './measure.js';
import type { GatewayOptions } from './options.js';
import { explainRequest } from './pipeline/explain/explain-request.js';
import type { GatewayPorts } from './pipeline/ports.js';
import { RateLimits } from './rate-limits.js';
import { readinessOf, whenReady } from './readiness.js';
import { ConfigHistory, historyFolder } from './reload/config-history.js';
import { ConfigReloader } from './reload/config-reloader.js';
import type { InForce } from './reload/in-force.js';
import { measureReloads } from './reload/measure-reloads.js';
import { prepareConfig } from './reload/prepare-config.js';
import { AUTH_INTERNAL } from './reload/upstream-specs.js';
import { listenerLimits } from './routing/schema/limits.js';
import { overloadLimits } from './routing/schema/overload.js';

/** Builds and starts a gateway. This is the one place that sees all of its parts. */
export function startGateway(options: GatewayOptions, deps: GatewayDeps = {}): Promise<Gateway> {
  return startAll(async (lifecycle) => {
    const config = options.value;
    const clock = deps.clock ?? systemClock;
    const logger = deps.logger ?? createLogger('gateway', { level: config.log?.level ?? 'info' });

    const upstreams = new UpstreamConnections(clock, { logger });
    lifecycle.onStop('upstream connections', () => upstreams.close());
    const keys = new KeyCaches({ upstreams, clock, logger });
    lifecycle.onStop('key sets', () => keys.stop());
    const parts = { upstreams, keys, clock };
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

    const rateLimits = new RateLimits({ redisUrl: config.revocation.redis_url ?? '', clock, logger });
    lifecycle.onStop('rate limits', () => rateLimits.stop());
    rateLimits.measure(metrics);
    rateLimits.adopt(live.current.snapshot);
    live.onSwap(({ snapshot }) => rateLimits.adopt(snapshot));

    const load = new LoadGauge({ clock, open, limits: overloadLimits(config.overload) });
    load.measure(metrics);
    load.start();
    lifecycle.onStop('load', () => load.stop());
    live.onSwap(({ options: next }) => load.adopt(overloadLimits(next.value.overload)));

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
      open,
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

    const fileWatch = watchFiles(() => void reloader.reload('file'), { clock });
    const reloader = new ConfigReloader({
      inForce: () => live.current,
      async apply(changed) {
        const prepared = await prepareConfig(changed, live.current, parts);
        prepared.adopt();
        live.swap(prepared.next);
        return prepared;
      },
      history: await ConfigHistory.open(historyFolder(config.keys_dir), logger),
      watch: (paths) => fileWatch.follow(paths),
      clock,
      logger,
    });
    lifecycle.onStop('config', async () => {
      fileWatch.stop();
      await reloader.settled();
    });
    measureReloads(metrics, reloader);
    let stopping = false;
    const readiness = (): ReadinessReport =>
      readinessOf({
        snapshot: live.current.snapshot,
        config: reloader.state,
        keys,
        revocations,
        upstreams: upstreams.upstreams(),
        rateLimits: rateLimits.readiness(),
        certificates: live.current.certificateEnds,
        stopping,
        now: clock.now(),
      });
    const build = buildInfo();
    const admin = createAdminServer({
      guard: () => live.current.admin.guard,
      tls: live.current.admin.certificates?.options,
      readiness,
      version: () => ({ ...build, config: live.current.snapshot.version }),
      config: reloader,
      keySets: () => ({ issuers: keys.status() }),
      metrics: () => metrics.expose(),
      explain: (asked) =>
        explainRequest(asked, liveExplainDeps(live.current.options.value, pipeline, keys.status())),
      logger,
    });

    lifecycle.onStop('revocations', () => revocations.stop());
    revocations.start();
    const drainMs = (): number => durationMs(live.current.options.value.drain_timeout ?? '10s');
    const drainAdmin = drainOf(admin, clock, drainMs);
    const drainDataPlane = drainOf(dataPlane, clock, drainMs, shutdown);
    live.onSwap(({ admin: { certificates: loaded } }) => {
      if (loaded !== undefined) (admin.server as unknown as TlsServer).setSecureContext(loaded.options);
    });
    const adminUrl = await listenAdmin(lifecycle, admin, config.admin, drainAdmin);
    const url = await listen(lifecycle, dataPlane, config.listen, 'PORT', drainDataPlane);
    lifecycle.onStop('readiness', async () => {
      stopping = true;
      shutdown.announce();
      const delayMs = durationMs(live.current.options.value.shutdown_delay ?? '5s');
      if (delayMs > 0) await pause(clock, delayMs);
    });

    return {
      url,
      adminUrl,
      readiness,
      whenReady: (timeoutMs) => whenReady(readiness, clock, timeoutMs),
      reload: (trigger) => reloader.reload(trigger),
      stop: () => lifecycle.stop(),
    };
  });
}
