import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { stringify } from 'yaml';
import { freePort } from '../../../test/fixtures/free-port.js';
import { originOf, type Peer, type Setup } from '../peer.js';
import { startPinned, versionOf } from '../processes.js';
import { AUDIENCE, folder, ISSUER } from '../world.js';

/** Its proxy with `jwt`, `allow` and `header`. It has no client certificate and no list of revoked tokens. */
export const oathkeeper: Peer = {
  name: 'Oathkeeper',
  remark: 'shows the upstream no client certificate and knows no revoked tokens',
  version: () => versionOf('oathkeeper', ['version']),
  async start(setup) {
    const { world, variant, cpus } = setup;
    const dir = folder(world, 'oathkeeper');
    const [port, apiPort] = [await freePort(), await freePort()];
    const rules = join(dir, 'rules.yaml');
    writeFileSync(rules, stringify([rule(setup, port)]));
    const config = join(dir, 'oathkeeper.yaml');
    writeFileSync(config, stringify(settings(setup, { port, apiPort, rules })));
    const env = { SSL_CERT_FILE: world.pki.ca, GOMAXPROCS: '1' };
    const args = ['serve', '--config', config];
    return {
      ...(await startPinned({ command: 'oathkeeper', args, port, cpus, env })),
      origin: originOf(port, variant),
    };
  },
};

const rule = ({ openUpstreamPort, variant }: Setup, port: number): object => ({
  id: 'all',
  match: { url: `${originOf(port, variant)}/<.*>`, methods: ['GET', 'POST'] },
  upstream: { url: `https://localhost:${openUpstreamPort}` },
  authenticators: [{ handler: 'jwt' }],
  authorizer: { handler: 'allow' },
  mutators: [{ handler: 'header' }],
});

function settings(
  { world, variant }: Setup,
  { port, apiPort, rules }: { port: number; apiPort: number; rules: string },
): object {
  const { front } = world.pki;
  const tls = { cert: { path: front.cert }, key: { path: front.key } };
  return {
    log: { level: variant.accessLog ? 'info' : 'error' },
    serve: {
      proxy: { host: '127.0.0.1', port, ...(variant.tls ? { tls } : {}) },
      api: { host: '127.0.0.1', port: apiPort },
    },
    access_rules: { repositories: [`file://${rules}`], matching_strategy: 'regexp' },
    authenticators: {
      jwt: {
        enabled: true,
        config: {
          jwks_urls: [`file://${world.jwksFile}`],
          trusted_issuers: [ISSUER],
          target_audience: [AUDIENCE],
          allowed_algorithms: ['ES256'],
        },
      },
    },
    authorizers: { allow: { enabled: true } },
    mutators: {
      header: {
        enabled: true,
        config: { headers: { 'X-Identity-Subject': '{{ print .Subject }}', Authorization: '' } },
      },
    },
  };
}
