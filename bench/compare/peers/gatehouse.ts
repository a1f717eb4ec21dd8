import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Redis } from 'ioredis';
import { stringify } from 'yaml';
import { encodeRevocation, REVOCATION_REDIS, redisHistoryId } from '../../../contracts/revocation.js';
import { spiffeId } from '../../../contracts/spiffe.js';
import { packageRoot } from '../../../kit/package-root.js';
import { freePort } from '../../../test/fixtures/free-port.js';
import { originOf, type Peer, type Setup, type Started } from '../peer.js';
import { type Running, startPinned, versionOf } from '../processes.js';
import { AUDIENCE, folder, ISSUER } from '../world.js';

/** The gateway as it is built and shipped (`dist/`), with its revocations from a Redis of its own. */
export function gatehouse(node: string): Peer {
  const name = `Gatehouse (Node ${(versionOf(node) ?? '').slice(1).split('.')[0]})`;
  return {
    name,
    version: () => versionOf(node),
    start: (setup) => startGatehouse(node, setup, { folder: name, routes: setup.routes ?? 0 }),
  };
}

/** What is only asked of Gatehouse. */
export interface Scale {
  /** Below the world's; two that run at a time need two. */
  folder: string;
  /** Routes besides those that are asked for. */
  routes?: number;
  /** Ports of the upstream's targets; its one port where left out. */
  targets?: readonly number[];
  /** Processes that serve; 1 where left out. */
  workers?: number;
  /** Arguments for Node itself. */
  nodeArguments?: readonly string[];
}

/** Resolves when it is ready, with its own copy of the revocations. */
export async function startGatehouse(
  node: string,
  setup: Setup,
  scale: Scale,
): Promise<Started & { adminPort: number }> {
  const { world, variant, cpus } = setup;
  const dir = folder(world, scale.folder);
  const [port, adminPort] = [await freePort(), await freePort()];
  const redis = await startRedis(dir, setup);
  const config = join(dir, 'gateway.yaml');
  writeFileSync(config, stringify(gatewayConfig(setup, scale, { port, adminPort, redisUrl: redis.url })));
  const program = [join(packageRoot(), 'dist/cli/main.js'), 'gateway', '--config', config];
  const args = [...(scale.nodeArguments ?? []), ...program];
  const env = { NODE_ENV: 'production' };
  const running = await startPinned({ command: node, args, port, cpus, env, cwd: dir });
  await ready(adminPort);
  return {
    ...running,
    origin: originOf(port, variant),
    adminPort,
    async stop() {
      await running.stop();
      await redis.stop();
    },
  };
}

function gatewayConfig(
  { world, upstreamPort, variant }: Setup,
  { routes = 0, targets = [upstreamPort], workers = 1 }: Scale,
  at: { port: number; adminPort: number; redisUrl: string },
): object {
  const { pki } = world;
  const spiffe_id = spiffeId('upstream');
  const forwarded = { methods: ['GET', 'POST'], auth: 'caller', upstream: 'upstream' };
  return {
    listen: {
      host: '127.0.0.1',
      port: at.port,
      ...(variant.tls ? { tls: { certificates: [{ cert: pki.front.cert, key: pki.front.key }] } } : {}),
    },
    admin: { host: '127.0.0.1', port: at.adminPort },
    workers,
    shutdown_delay: '0s',
    drain_timeout: '1s',
    log: { access: variant.accessLog ? 'on' : 'off' },
    internal_tls: { ca: pki.ca, cert: pki.gateway.cert, key: pki.gateway.key },
    issuers: { main: { issuer: ISSUER, audience: AUDIENCE, jwks_file: world.jwksFile, own: true } },
    revocation: {
      redis_url: at.redisUrl,
      feed_url: 'https://127.0.0.1:1',
      feed_spiffe_id: spiffeId('auth-service'),
    },
    // An idle connection is here to stay while it is looked at.
    limits: { keep_alive: '1h' },
    upstreams: {
      upstream: {
        targets: targets.map((each) => ({ url: `https://127.0.0.1:${each}` })),
        spiffe_id,
        // The upstream keeps them for 75 s; where many targets share few requests, 4 s would close nearly all of them.
        connections: { idle: '60s' },
      },
    },
    auth: { caller: { issuers: ['main'] } },
    routes: [
      { ...forwarded, path: '/api/orders', auth: { profile: 'caller', scopes: ['orders:read'] } },
      { ...forwarded, path: '/api/bodies/:size' },
      ...Array.from({ length: routes }, (_, index) => ({ ...forwarded, path: `/more/${index}/:id` })),
    ],
  };
}

/** Redis as an auth service leaves it: its set of live entries, and who has seeded it. */
async function startRedis(
  dir: string,
  { world, loadCpus }: Setup,
): Promise<{ url: string; stop: Running['stop'] }> {
  const port = await freePort();
  const args = [
    '--port',
    String(port),
    '--bind',
    '127.0.0.1',
    '--save',
    '',
    '--appendonly',
    'no',
    '--dir',
    dir,
  ];
  const running = await startPinned({ command: 'redis-server', args, port, cpus: loadCpus });
  const url = `redis://127.0.0.1:${port}`;
  const client = new Redis(url);
  const exp = Math.floor(Date.now() / 1000) + 24 * 3600;
  for (let from = 0; from < world.revoked.length; from += 10_000) {
    const pipeline = client.pipeline();
    for (const jti of world.revoked.slice(from, from + 10_000))
      pipeline.zadd(REVOCATION_REDIS.set, exp, encodeRevocation({ kind: 'token', iss: ISSUER, jti, exp }));
    await pipeline.exec();
  }
  const seeded = redisHistoryId(await client.info('replication'));
  await client.hset(REVOCATION_REDIS.meta, { epoch: 'bench', number: '0', seeded });
  client.disconnect();
  return { url, stop: () => running.stop() };
}

async function ready(adminPort: number): Promise<void> {
  const until = Date.now() + 60_000;
  for (;;) {
    const answer = await fetch(`http://127.0.0.1:${adminPort}/ready`);
    const report = await answer.text();
    if (answer.ok) return;
    if (Date.now() > until) throw new Error(`the gateway is not ready: ${report}`);
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}
