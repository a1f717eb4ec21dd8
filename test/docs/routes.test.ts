import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { parse, stringify } from 'yaml';
import { GatewayConfigSchema, loadGatewayConfig } from '../../gateway/index.js';
import { compileSnapshot } from '../../gateway/routing/compile.js';
import { RateLimit } from '../../gateway/routing/schema/rate-limit.js';
import { Route } from '../../gateway/routing/schema/route.js';
import { Upstream } from '../../gateway/routing/schema/upstream.js';
import { parseConfig } from '../../kit/config-file.js';
import { packageRoot } from '../../kit/package-root.js';

const pageOf = (name: string) => readFileSync(join(packageRoot(), 'docs', name), 'utf8');
const blocksOf = (page: string) => [...page.matchAll(/^```yaml\n(.*?)^```/gms)].map(([, text]) => text ?? '');
const page = pageOf('routes.md');
const limits = pageOf('limits.md');
const upstreams = pageOf('upstreams.md');
const shipped = loadGatewayConfig(join(packageRoot(), 'config/gateway.yaml'), {
  REDIS_URL: 'redis://127.0.0.1:6379',
}).value;

t.test('each block of the pages is config that loads', async (t) => {
  const blocks = [page, limits, upstreams].flatMap(blocksOf);
  t.ok(blocksOf(page).length > 2 && blocksOf(limits).length > 0);
  for (const block of blocks) {
    const added = parse(block) as { upstreams?: object };
    const upstreams = { ...shipped.upstreams, ...added.upstreams };
    const config = stringify({ ...shipped, ...added, upstreams });
    t.doesNotThrow(
      () => compileSnapshot(parseConfig(config, 'routes.md', GatewayConfigSchema, {}), () => ({}) as never),
      block.split('\n').slice(0, 4).join(' '),
    );
  }
});

t.test('each key of a route is on the page', async (t) => {
  for (const key of Object.keys(Route.properties)) t.ok(new RegExp(`\\b${key}\\b`).test(page), key);
});

t.test('each key of an upstream is on its page', async (t) => {
  for (const key of Object.keys(Upstream.properties)) t.match(upstreams, new RegExp(`\\| .*\`${key}\``), key);
});

t.test('each key of a limit is on its page', async (t) => {
  for (const key of Object.keys(RateLimit.properties)) t.match(limits, new RegExp(`\\| .*\`${key}\``), key);
});
