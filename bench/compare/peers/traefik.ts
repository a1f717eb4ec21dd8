import { copyFileSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { stringify } from 'yaml';
import { freePort } from '../../../test/fixtures/free-port.js';
import { originOf, type Peer, type Setup } from '../peer.js';
import { startPinned, versionOf } from '../processes.js';
import { AUDIENCE, folder, ISSUER } from '../world.js';

const MODULE = 'bench.test/verify';

/** Its open edition verifies no tokens: a plugin of our own does, in the Go that Traefik interprets. */
export const traefik: Peer = {
  name: 'Traefik',
  remark: 'verifies by a plugin in interpreted Go, since the open edition has no middleware for it',
  version: () => versionOf('traefik', ['version']),
  async start(setup) {
    const { world, variant, cpus } = setup;
    const dir = folder(world, 'traefik');
    const port = await freePort();
    const routing = join(dir, 'routing.yaml');
    writeFileSync(routing, stringify(routingConfig(setup)));
    const config = join(dir, 'traefik.yaml');
    writeFileSync(config, stringify(installConfig(setup, { port, routing, dir })));
    writePlugin(join(dir, 'plugins-local/src', MODULE));
    const env = { GOMAXPROCS: '1' };
    const args = [`--configFile=${config}`];
    return {
      ...(await startPinned({ command: 'traefik', args, port, cpus, env, cwd: dir })),
      origin: originOf(port, variant),
    };
  },
};

const installConfig = (
  { variant }: Setup,
  { port, routing, dir }: { port: number; routing: string; dir: string },
): object => ({
  entryPoints: { front: { address: `127.0.0.1:${port}` } },
  providers: { file: { filename: routing, watch: false } },
  global: { checkNewVersion: false, sendAnonymousUsage: false },
  log: { level: 'ERROR' },
  ...(variant.accessLog ? { accessLog: { filePath: join(dir, 'access.log') } } : {}),
  experimental: { localPlugins: { verify: { moduleName: MODULE } } },
});

function routingConfig({ world, upstreamPort, variant }: Setup): object {
  const { ca, gateway, front } = world.pki;
  return {
    http: {
      routers: {
        all: {
          rule: 'PathPrefix(`/`)',
          entryPoints: ['front'],
          middlewares: ['verify'],
          service: 'upstream',
          ...(variant.tls ? { tls: {} } : {}),
        },
      },
      middlewares: {
        verify: {
          plugin: {
            verify: {
              issuer: ISSUER,
              audience: AUDIENCE,
              publicKey: world.publicKeyPem,
              revoked: world.revoked,
            },
          },
        },
      },
      services: {
        upstream: {
          loadBalancer: {
            servers: [{ url: `https://localhost:${upstreamPort}` }],
            serversTransport: 'mutual',
          },
        },
      },
      serversTransports: {
        mutual: {
          serverName: 'localhost',
          rootCAs: [ca],
          certificates: [{ certFile: gateway.cert, keyFile: gateway.key }],
          maxIdleConnsPerHost: 64,
        },
      },
    },
    ...(variant.tls ? { tls: { certificates: [{ certFile: front.cert, keyFile: front.key }] } } : {}),
  };
}

function writePlugin(dir: string): void {
  mkdirSync(dir, { recursive: true });
  writeFileSync(join(dir, 'go.mod'), `module ${MODULE}\n\ngo 1.22\n`);
  writeFileSync(
    join(dir, '.traefik.yml'),
    stringify({
      displayName: 'verify',
      type: 'middleware',
      import: MODULE,
      summary: 'verifies',
      testData: {},
    }),
  );
  copyFileSync(
    fileURLToPath(new URL('../programs/traefik-verify.go', import.meta.url)),
    join(dir, 'verify.go'),
  );
}
