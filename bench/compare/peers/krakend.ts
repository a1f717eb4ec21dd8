import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { freePort } from '../../../test/fixtures/free-port.js';
import { originOf, type Peer, type Setup } from '../peer.js';
import { startPinned, versionOf } from '../processes.js';
import { AUDIENCE, folder, ISSUER } from '../world.js';

const PATHS = ['/api/orders', '/api/bodies/{size}'];

/** `auth/validator`, and `auth/revoker`, whose filter only a program in Go could fill (net/rpc). */
export const krakend: Peer = {
  name: 'KrakenD',
  remark: 'its Bloom filter of revoked tokens is asked for each request, but empty',
  version: () => versionOf('krakend', ['version']),
  async start(setup) {
    const { world, variant, cpus } = setup;
    const dir = folder(world, 'krakend');
    const [port, revokerPort] = [await freePort(), await freePort()];
    const config = join(dir, 'krakend.json');
    writeFileSync(config, JSON.stringify(settings(setup, { port, revokerPort })));
    const env = { GOMAXPROCS: '1', KRAKEND_PORT: String(port) };
    return {
      ...(await startPinned({ command: 'krakend', args: ['run', '-c', config], port, cpus, env })),
      origin: originOf(port, variant),
    };
  },
};

function settings(setup: Setup, at: { port: number; revokerPort: number }): object {
  const { world, variant } = setup;
  const { ca, gateway, front } = world.pki;
  return {
    version: 3,
    listen_ip: '127.0.0.1',
    port: at.port,
    output_encoding: 'no-op',
    timeout: '60s',
    max_idle_connections_per_host: 64,
    ...(variant.tls ? { tls: { keys: [{ public_key: front.cert, private_key: front.key }] } } : {}),
    client_tls: {
      ca_certs: [ca],
      disable_system_ca_pool: true,
      client_certs: [{ certificate: gateway.cert, private_key: gateway.key }],
    },
    extra_config: {
      router: { disable_access_log: !variant.accessLog },
      'telemetry/logging': { level: variant.accessLog ? 'INFO' : 'ERROR', stdout: true },
      'auth/revoker': {
        N: Math.max(1000, world.revoked.length),
        P: 1e-7,
        hash_name: 'optimal',
        TTL: 3600,
        port: at.revokerPort,
        token_keys: ['jti'],
      },
    },
    endpoints: PATHS.map((path) => endpoint(path, setup)),
  };
}

const endpoint = (path: string, { world, upstreamPort }: Setup): object => ({
  endpoint: path,
  method: 'GET',
  output_encoding: 'no-op',
  input_headers: ['x-identity-subject'],
  backend: [
    { host: [`https://localhost:${upstreamPort}`], url_pattern: path, method: 'GET', encoding: 'no-op' },
  ],
  extra_config: {
    'auth/validator': {
      alg: 'ES256',
      jwk_local_path: world.jwksFile,
      disable_jwk_security: true,
      issuer: ISSUER,
      audience: [AUDIENCE],
      propagate_claims: [['sub', 'x-identity-subject']],
    },
  },
});
