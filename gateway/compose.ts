import { randomUUID } from 'node:crypto';
import type { Server as TlsServer } from 'node:tls';
import type { FastifyInstance } from 'fastify';
import type { ReadinessReport } from '../contracts/admin-api.js';
import type { RevocationFeed } from '../contracts/revocation.js';
import { createAddressList } from '../kit/address-list.js';
import { buildInfo } from '../kit/build-info.js';
import { type Clock, pause, systemClock } from '../kit/clock.js';
import { type Lifecycle, startAll } from '../kit/lifecycle.js';
import { Live } from '../kit/live.js';
import { createLogger, type Logger } from '../kit/logger.js';
import { StartupError } from '../kit/startup-error.js';
import { readTlsFiles, type TlsFiles, type TlsMaterial } from '../kit/tls-files.js';
import { durationMs } from '../kit/units.js';
import { createAccessLog } from './adapters/access-log.js';
import { createApiKeyExchange } from './adapters/api-key-exchange.js';
import { ApiKeyTokens } from './adapters/api-key-tokens.js';
import { assertionSecret } from './adapters/assertion-secret.js';
import { createAssertionSigner } from './adapters/assertion-signer.js';
import { type CertificateEnd, chainEnd, trustEnd } from './adapters/certificate-end.js';
import { createDpopReplayMemory } from './adapters/dpop-replay-memory.js';
import { createMetrics } from './adapters/metrics.js';
import { OpenRequestWatch } from './adapters/open-requests.js';
import { PublicCertificates } from './adapters/public-certificates.js';
import { createMemoryRateLimiter } from './adapters/rate-limiter.js';
import { RequestMetrics } from './adapters/request-metrics.js';
import { createRevocationSource } from './adapters/revocation-source.js';
import { createStaleWarning } from './adapters/stale-warning.js';
import { createUpstreamConnections, type UpstreamSpec } from './adapters/upstream-connections.js';
import { createVerifiedTokenCache } from './adapters/verified-token-cache.js';
import { liveExplainDeps } from './explain-facts.js';
import { createAdminServer } from './http/admin-server.js';
import { createDataPlane } from './http/data-plane.js';
import { createKeyCaches } from './key-caches.js';
import { measure } from './measure.js';
import type { GatewayOptions } from './options.js';
import { explainRequest } from './pipeline/explain/explain-request.js';
import type { GatewayPorts } from './pipeline/ports.js';
import type { Snapshot } from './pipeline/snapshot.js';
import { readinessOf, whenReady } from './readiness.js';
import { compileSnapshot } from './routing/compile.js';
import { targetsOf } from './routing/schema/common.js';
import { listenerLimits } from './routing/schema/limits.js';

export interface GatewayDeps {
  clock?: Clock;
  logger?: Logger;
  /** The auth service's feed when it runs in the same process; else Redis or its internal listener. */
  feed?: RevocationFeed;
}

export interface Gateway {
  /** `http://host:port` as bound. */
  url: string;
  adminUrl: string;
  readiness(): ReadinessReport;
  /** Resolves when ready; rejects after `timeoutMs`. */
  whenReady(timeoutMs: number): Promise<void>;
  stop(): Promise<void>;
}

/** Builds and starts a gateway. This is the one place that sees all of its parts. */
export function startGateway(options: GatewayOptions, deps: GatewayDeps = {}): Promise<Gateway> {
  return startAll(async (lifecycle) => {
    const config = options.value;
    const clock = deps.clock ?? systemClock;
    const logger = deps.logger ?? createLogger('gateway', { level: config.log?.level ?? 'info' });
    const material = readTlsFiles(config.internal_tls);

    const upstreams = createUpstreamConnections(upstreamSpecs(config), material);
    lifecycle.onStop('upstream connections', () => upstreams.close());
    const keys = createKeyCaches(options, { upstreams, clock, logger });
    const verifiedTokens = createVerifiedTokenCache();
    const snapshot = new Live<Snapshot>(compileSnapshot(options, keys.sourceOf));
    snapshot.onSwap(() => verifiedTokens.clear());
    const revocations = createRevocationSource({
      mode: config.revocation.mode ?? 'replica',
      redisUrl: config.revocation.redis_url ?? '',
      inProcess: deps.feed,
      internal: { origin: upstreams.originOf(AUTH_INTERNAL), dispatcher: upstreams.agent },
      onEntry: keys.onRevocation,
      clock,
      logger,
    });

    const metrics = createMetrics();
    const requestMetrics = new RequestMetrics();
    requestMetrics.addTo(metrics);
    snapshot.onSwap((next) => requestMetrics.keepOnly(next.routes.all));
    const open = { requests: 0, streams: 0, webSockets: 0 };
    const certificates = publicCertificates(config.listen);
    const ends = internalEnds(config.internal_tls, material);
    const certificateEnds = () => [...(certificates?.ends ?? []), ...ends];
    measure(metrics, {
      keys,
      verifiedTokens,
      revocations,
      open,
      certificates: certificateEnds,
      now: () => clock.now(),
    });
    const logAccess = createAccessLog(logger, config.log);
    const warnStale = createStaleWarning({ logger, clock, ageMs: () => revocations.ageMs() });

    const openRequests = new OpenRequestWatch(clock, revocations);
    openRequests.start();
    lifecycle.onStop('open requests', () => openRequests.stop());

    let stopping = false;
    const readiness = (): ReadinessReport =>
      readinessOf({
        snapshot: snapshot.current,
        keys,
        revocations,
        certificates: certificateEnds(),
        stopping,
        now: clock.now(),
      });
    const pipeline: GatewayPorts = {
      snapshot: () => snapshot.current,
      now: () => clock.now(),
      monotonic: () => clock.monotonic(),
      verifiedTokens,
      revocations,
      openRequests,
      apiKeys: new ApiKeyTokens({
        exchange: createApiKeyExchange(upstreams.originOf(AUTH_INTERNAL), upstreams.agent),
        clock,
        logger,
      }),
      dpopReplays: createDpopReplayMemory(clock),
      assertions: createAssertionSigner({
        secret: assertionSecret(config.assertions?.secret),
        rotationMs: durationMs(config.assertions?.rotation ?? '24h'),
        clock,
      }),
      rateLimiter: createMemoryRateLimiter(clock),
      record(outcome) {
        requestMetrics.count(outcome);
        logAccess(outcome);
        if (outcome.stale) warnStale();
      },
    };
    const dataPlane = await createDataPlane({
      gateway: pipeline,
      upstreams,
      open,
      limits: listenerLimits(config.limits),
      trustedProxies: createAddressList(config.listen.trusted_proxies ?? []),
      certificates,
      logger,
      newRequestId: randomUUID,
    });
    const build = buildInfo();
    const admin = createAdminServer({
      readiness,
      version: () => ({ ...build, config: snapshot.current.version }),
      keySets: () => ({ issuers: keys.status() }),
      metrics: () => metrics.expose(),
      explain: (asked) => explainRequest(asked, liveExplainDeps(config, pipeline, keys.status())),
      logger,
    });

    lifecycle.onStop('key sets', () => keys.stop());
    await keys.start();
    lifecycle.onStop('revocations', () => revocations.stop());
    revocations.start();
    const drainMs = durationMs(config.drain_timeout ?? '10s');
    const drainer = (app: FastifyInstance): Promise<void> => drain(app, clock, drainMs);
    const adminUrl = await listen(lifecycle, admin, config.admin, 'ADMIN_PORT', drainer);
    const url = await listen(lifecycle, dataPlane, config.listen, 'PORT', drainer);
    if (certificates !== undefined) {
      certificates.watch(dataPlane.server as unknown as TlsServer, logger, clock);
      lifecycle.onStop('certificates', () => certificates.stop());
    }
    lifecycle.onStop('readiness', async () => {
      stopping = true;
      const delayMs = durationMs(config.shutdown_delay ?? '5s');
      if (delayMs > 0) await pause(clock, delayMs);
    });

    return {
      url,
      adminUrl,
      readiness,
      whenReady: (timeoutMs) => whenReady(readiness, clock, timeoutMs),
      stop: () => lifecycle.stop(),
    };
  });
}

/** The auth service's internal listener. No name in config can be this one, so no route can name it. */
const AUTH_INTERNAL = 'internal.auth';

function upstreamSpecs({ upstreams, revocation }: GatewayOptions['value']): Record<string, UpstreamSpec> {
  const specs = Object.entries(upstreams).map(([name, { url, spiffe_id }]) => [
    name,
    { targets: targetsOf(url), spiffeId: spiffe_id },
  ]);
  const internal = { targets: targetsOf(revocation.feed_url), spiffeId: revocation.feed_spiffe_id };
  return Object.fromEntries([...specs, [AUTH_INTERNAL, internal]]) as Record<string, UpstreamSpec>;
}

function publicCertificates({ tls }: GatewayOptions['value']['listen']): PublicCertificates | undefined {
  return tls === undefined
    ? undefined
    : new PublicCertificates({ certificates: tls.certificates, clientCa: tls.client_ca });
}

function internalEnds(files: TlsFiles, { cert, ca }: TlsMaterial): CertificateEnd[] {
  return [chainEnd('internal', files.cert, cert), trustEnd('internal_ca', files.ca, ca)];
}

/** Stops accepting and lets requests end; what is still open after `drainMs`, such as a stream, is cut. */
async function drain(app: FastifyInstance, clock: Clock, drainMs: number): Promise<void> {
  const cancel = clock.after(drainMs, () => app.server.closeAllConnections());
  await app.close();
  cancel();
}

async function listen(
  lifecycle: Lifecycle,
  app: FastifyInstance,
  { host, port }: { host: string; port: number },
  variable: string,
  stop: (app: FastifyInstance) => Promise<void>,
): Promise<string> {
  lifecycle.onStop(`listener ${host}:${port}`, () => stop(app));
  try {
    return await app.listen({ host, port });
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException;
    const reason = code === 'EADDRINUSE' ? 'is in use' : `cannot be bound (${code ?? 'unknown error'})`;
    throw new StartupError(`port ${port} on ${host} ${reason}: stop what holds it, or set ${variable}`, {
      cause,
    });
  }
}
