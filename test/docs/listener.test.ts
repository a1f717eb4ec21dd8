import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { parse, stringify } from 'yaml';
import { loadGatewayConfig } from '../../gateway/index.js';
import type { KeySource } from '../../gateway/pipeline/ports.js';
import { compileSnapshot } from '../../gateway/routing/compile.js';
import { packageRoot } from '../../kit/package-root.js';

const NO_KEYS: KeySource = {
  find: () => undefined,
  fetchMissing: async () => 'absent',
  isRevoked: () => false,
  available: false,
};

t.test('every snippet of the listener page is good in the config as shipped', async (t) => {
  const shipped = parse(readFileSync(join(packageRoot(), 'config/gateway.yaml'), 'utf8')) as object;
  const page = readFileSync(join(packageRoot(), 'docs/listener.md'), 'utf8');
  const snippets = [...page.matchAll(/```yaml\n([\s\S]*?)```/g)].map(([, text = '']) => text);
  t.equal(snippets.length, 7);
  for (const [index, text] of snippets.entries()) {
    const file = join(t.testdir(), 'gateway.yaml');
    writeFileSync(file, stringify({ ...shipped, ...(parse(text) as object) }));
    t.ok(compileSnapshot(loadGatewayConfig(file, {}), () => NO_KEYS).version, `snippet ${index + 1}`);
  }
});

t.test(
  'every way to reach the admin listener on the operations page is good in the config as shipped',
  async (t) => {
    const shipped = parse(readFileSync(join(packageRoot(), 'config/gateway.yaml'), 'utf8')) as object;
    const page = readFileSync(join(packageRoot(), 'docs/operations.md'), 'utf8');
    const [, section = ''] = /^## The admin listener\n([\s\S]*?)^## /m.exec(page) ?? [];
    const snippets = [...section.matchAll(/```yaml\n([\s\S]*?)```/g)].map(([, text = '']) => text);
    t.equal(snippets.length, 4);
    for (const [index, text] of snippets.entries()) {
      const file = join(t.testdir(), 'gateway.yaml');
      const here = text.replace('file:/etc/gatehouse/admin-token', 'x'.repeat(32));
      writeFileSync(file, stringify({ ...shipped, ...(parse(here) as object) }));
      t.ok(compileSnapshot(loadGatewayConfig(file, {}), () => NO_KEYS).version, `snippet ${index + 1}`);
    }
  },
);
