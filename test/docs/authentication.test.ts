import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { parse, stringify } from 'yaml';
import { GatewayConfigSchema, loadGatewayConfig } from '../../gateway/index.js';
import { compileSnapshot } from '../../gateway/routing/compile.js';
import { parseConfig } from '../../kit/config-file.js';
import { packageRoot } from '../../kit/package-root.js';

const page = readFileSync(join(packageRoot(), 'docs/authentication.md'), 'utf8');
const blocks = [...page.matchAll(/^```yaml\n(.*?)^```/gms)].map(([, text]) => text ?? '');
const shipped = loadGatewayConfig(join(packageRoot(), 'config/gateway.yaml'), {}).value;

t.test('each block of the page is config that loads', async (t) => {
  t.ok(blocks.length > 5);
  for (const block of blocks) {
    const part = parse(block) as Record<string, Record<string, unknown>>;
    const config = {
      ...shipped,
      ...part,
      upstreams: { ...shipped.upstreams, ...part['upstreams'] },
      routes: part['routes'] ?? [
        { path: '/x', methods: ['GET'], auth: Object.keys(part['auth'] ?? {})[0], upstream: 'echo' },
      ],
    };
    const load = () =>
      compileSnapshot(
        parseConfig(stringify(config), 'authentication.md', GatewayConfigSchema, {}),
        () => ({}) as never,
      );
    t.doesNotThrow(load, block.split('\n').slice(0, 2).join(' '));
  }
});

t.test('each source and each rule of the schema is on the page', async (t) => {
  const schema = readFileSync(join(packageRoot(), 'gateway/routing/schema/auth-profile.ts'), 'utf8');
  const literals = [...schema.matchAll(/Type\.Literal\('(\w+)'\)/g)].map(([, name]) => name ?? '');
  for (const name of [
    ...literals,
    'cookie',
    'scopes',
    'any_scope',
    'roles',
    'services',
    'claims',
    'one_of',
    'param',
  ]) {
    if (name !== 'deny' && name !== 'allow') t.ok(new RegExp(`\\b${name}\\b`).test(page), name);
  }
});
