import t from 'tap';
import { onlyForKeys, shareOf } from '../../../gateway/cluster/share-of.js';
import type { GatewayConfig } from '../../../gateway/routing/schema.js';

const config = {
  limits: { connections: 1001, body_idle: '5s' },
  overload: { loop_delay: '0s' },
  issuers: { main: { upstream: 'keys' } },
  upstreams: {
    app: {
      ...{ url: 'https://a:1', spiffe_id: 'spiffe://x/a', health: { path: '/' } },
      ...{ connections: { max: 10, idle: '3s' }, concurrency: { max: 5, queue: 3 } },
    },
    keys: { url: 'https://k:1', spiffe_id: 'spiffe://x/k', health: { path: '/' } },
  },
} as unknown as GatewayConfig;

t.test('bounds are divided, the defaults too, and nothing else', async (t) => {
  t.match(shareOf(config, 4), {
    limits: { connections: 251, connections_per_address: 500, body_idle: '5s' },
    overload: { in_flight: 2500, loop_delay: '0s' },
    upstreams: {
      app: {
        ...{ url: 'https://a:1', health: { path: '/' }, retry_budget: { per_second: 1 } },
        ...{ connections: { max: 3, idle: '3s' }, concurrency: { max: 2, queue: 1 } },
      },
      keys: { connections: { max: 256 } },
    },
  });
  t.notOk(shareOf(config, 4).upstreams['keys']?.concurrency, 'what has no bound gets none');
});

t.test('the primary asks upstreams for keys only', async (t) => {
  const { upstreams } = onlyForKeys(config);
  t.strictSame(Object.keys(upstreams), ['keys']);
  t.strictSame(upstreams['keys'], {
    ...{ url: 'https://k:1', spiffe_id: 'spiffe://x/k', connections: { warm: 0 } },
  });
});
