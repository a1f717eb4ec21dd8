import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { stringify } from 'yaml';
import { explanationText } from '../../cli/explanation-text.js';
import { loadGatewayConfig, offlineGateway } from '../../gateway/index.js';

t.test(
  'how an upstream spreads, repeats and bounds requests is said in the words of the config',
  async (t) => {
    const file = join(t.testdir(), 'gateway.yaml');
    const spiffe_id = 'spiffe://gatehouse.internal/x';
    writeFileSync(
      file,
      stringify({
        listen: { host: '127.0.0.1', port: 8080 },
        admin: { host: '127.0.0.1', port: 9901 },
        internal_tls: { ca: 'ca.pem', cert: 'cert.pem', key: 'key.pem' },
        issuers: { main: { issuer: 'https://id.test', audience: 'a', jwks_uri: 'https://id.test/jwks' } },
        revocation: { mode: 'off', feed_url: 'https://127.0.0.1:1', feed_spiffe_id: spiffe_id },
        auth: {},
        upstreams: {
          x: {
            targets: [{ url: 'https://a.test:1' }, { url: 'https://b.test:1', weight: 3 }],
            spiffe_id,
            health: { path: '/health' },
            circuit_breaker: {},
            concurrency: { max: 9, queue: 3 },
          },
        },
        routes: [
          {
            path: '/x',
            methods: ['GET'],
            auth: 'public',
            upstream: 'x',
            try_timeout: '1s',
            total_timeout: '1m',
          },
          { path: '/y', methods: ['GET'], auth: 'public', upstream: 'x', retries: 0 },
        ],
      }),
    );
    const gateway = await offlineGateway(loadGatewayConfig(file, {}));
    const text = async (url: string): Promise<string> =>
      explanationText(await gateway.explain({ method: 'GET', url }));
    const [x, y] = [await text('/x'), await text('/y')];
    t.match(x, /^sends {4}GET \/x to https:\/\/a.test:1 \(1\), https:\/\/b.test:1 \(3\)$/m);
    t.match(
      x,
      /^upstream balance least_requests; health GET \/health every 5s, in 2s; 3 bad ones out, 2 good ones in; outliers 5 failures in a row, 30s;/m,
    );
    t.match(
      x,
      /circuit_breaker at 50 % of 20 requests or more, 10s; concurrency 9, then 3 waiting up to 1s$/m,
    );
    t.match(x, /^retries {2}1, of what is safe to repeat, each after 1s; 1m in all$/m);
    t.match(y, /^retries {2}none$/m);
  },
);
