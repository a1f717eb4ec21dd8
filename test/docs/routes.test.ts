import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { parse, stringify } from 'yaml';
import { GatewayConfigSchema, loadGatewayConfig } from '../../gateway/index.js';
import { compileSnapshot } from '../../gateway/routing/compile.js';
import { Route } from '../../gateway/routing/schema/route.js';
import { parseConfig } from '../../kit/config-file.js';
import { packageRoot } from '../../kit/package-root.js';

const page = readFileSync(join(packageRoot(), 'docs/routes.md'), 'utf8');
const blocks = [...page.matchAll(/^```yaml\n(.*?)^```/gms)].map(([, text]) => text ?? '');
const shipped = loadGatewayConfig(join(packageRoot(), 'config/gateway.yaml'), {}).value;

t.test('each block of the page is config that loads', async (t) => {
  t.ok(blocks.length > 2);
  for (const block of blocks) {
    const config = stringify({ ...shipped, ...(parse(block) as object) });
    t.doesNotThrow(
      () => compileSnapshot(parseConfig(config, 'routes.md', GatewayConfigSchema, {}), () => ({}) as never),
      block.split('\n').slice(0, 4).join(' '),
    );
  }
});

t.test('each key of a route is on the page', async (t) => {
  for (const key of Object.keys(Route.properties)) t.ok(new RegExp(`\\b${key}\\b`).test(page), key);
});
