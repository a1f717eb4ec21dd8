import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { pathToFileURL } from 'node:url';
import t from 'tap';
import { parse, stringify } from 'yaml';
import { spiffeId } from '../../contracts/spiffe.js';
import { startEmbedded } from '../../embedded/index.js';
import { loadGatewayConfig } from '../../gateway/index.js';
import type { KeySource } from '../../gateway/pipeline/ports.js';
import { compileSnapshot } from '../../gateway/routing/compile.js';
import { packageRoot } from '../../kit/package-root.js';
import { transpileSources } from '../fixtures/build.js';
import { freePort } from '../fixtures/free-port.js';
import { importProgram } from '../fixtures/import-program.js';
import { mtlsRequest } from '../fixtures/mtls-request.js';
import { testPki } from '../fixtures/pki.js';
import { needsPostgres } from '../fixtures/postgres.js';
import { temporaryFolder } from '../fixtures/temporary-folder.js';
import { gatewayClient, identityOf } from '../fixtures/upstream-stubs.js';
import { followSteps, walkThrough } from '../fixtures/walk-through.js';

const root = packageRoot();
const readme = readFileSync(join(root, 'README.md'), 'utf8');
const snippet = (language: string): string =>
  new RegExp(`\`\`\`${language}\n(.*?)\`\`\``, 's').exec(readme)?.[1] ?? '';

t.test('the walk-throughs do what they say', needsPostgres, async (t) => {
  const dataDir = join(temporaryFolder(t), 'data');
  const env = { GATEHOUSE_DATA: dataDir, PORT: '0', ADMIN_PORT: '0', LOG_LEVEL: 'silent' };
  const embedded = await startEmbedded({ env });
  t.teardown(() => embedded.stop());
  const stepsOf = (page: string, count: number) => {
    const steps = walkThrough(page);
    t.equal(steps.length, [...page.matchAll(/```sh\n/g)].length, 'each block has a claim after it');
    t.equal(steps.length, count);
    for (const step of steps) step.commands = step.commands.replace('http://127.0.0.1:8080', embedded.url);
    return steps;
  };

  await t.test('README', async (t) => {
    const [, asMyself, asSomebodyElse] = await followSteps(t, stepsOf(readme, 8));
    t.equal(asSomebodyElse?.body, asMyself?.body, 'the forged header changed nothing');
  });

  await t.test('OAuth', async (t) => {
    const main = join(transpileSources(), 'cli', 'main.js');
    const gatehouse = `gatehouse() { GATEHOUSE_DATA=${dataDir} node ${main} "$@"; }`;
    await followSteps(t, stepsOf(readFileSync(join(root, 'docs/oauth.md'), 'utf8'), 6), gatehouse);
  });
});

t.test('the two commands are there as they have to be typed, and npm knows their scripts', (t) => {
  const { scripts } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as {
    scripts: Record<string, string>;
  };
  const commands = [...readme.matchAll(/^```\n(npm ci .*)\n```$/gm)].map(([, command]) => command);
  t.strictSame(commands, ['npm ci && npm start', 'npm ci && npm run setup && npm test']);
  for (const script of ['start', 'setup', 'test']) t.ok(scripts[script], script);
  t.end();
});

t.test('the snippet for upstream teams serves the gateway, and its route asks for its scope', async (t) => {
  const pki = await testPki();
  const { cert, key } = await pki.leaf('reports', spiffeId('reports'));
  const dir = t.testdir({ certs: { 'ca.pem': pki.ca, 'reports.pem': cert, 'reports-key.pem': key } });
  const port = await freePort();
  const changes = [
    ["'gatehouse/upstream'", `'${pathToFileURL(join(transpileSources(), 'upstream-kit/index.js')).href}'`],
    ['certs/', `${dir}/certs/`],
    ['port: 8443', `port: ${port}`],
  ] as const;
  let source = snippet('ts');
  for (const [from, to] of changes) {
    t.match(source, from);
    source = source.replace(from, to);
  }
  const service = `${source}\nexport { app };\n`;
  const { app } = await importProgram<{ app: { close(): Promise<void> } }>(dir, service);
  t.teardown(() => app.close());

  const gateway = await gatewayClient();
  const get = (scopes: string) =>
    mtlsRequest(gateway, `https://127.0.0.1:${port}/api/reports/mine`, {
      headers: identityOf('ann', { 'x-identity-scopes': scopes }),
    });
  t.strictSame((await get('reports:read')).json(), { owner: 'ann' });
  t.match((await get('orders:read')).json(), { code: 'insufficient_scope' });
});

t.test('the snippet for operators makes a route of the config as shipped', (t) => {
  const config = parse(readFileSync(join(root, 'config/gateway.yaml'), 'utf8')) as Config;
  const added = parse(snippet('yaml')) as Config;
  const file = join(t.testdir(), 'gateway.yaml');
  mkdirSync(dirname(file), { recursive: true });
  const routes = [...config.routes, ...added.routes];
  writeFileSync(
    file,
    stringify({ ...config, upstreams: { ...config.upstreams, ...added.upstreams }, routes }),
  );
  const keys: KeySource = {
    find: () => undefined,
    fetchMissing: async () => 'absent',
    isRevoked: () => false,
    available: false,
  };
  const snapshot = compileSnapshot(loadGatewayConfig(file, {}), () => keys);
  t.ok(snapshot.version);
  t.end();
});

interface Config {
  upstreams: object;
  routes: object[];
}

t.test('links between the pages lead somewhere', (t) => {
  const pages = [
    ...['README.md', 'CONTRIBUTING.md', 'CHANGELOG.md'],
    ...readdirSync(join(root, 'docs'), { recursive: true, encoding: 'utf8' })
      .filter((name) => name.endsWith('.md'))
      .map((name) => join('docs', name)),
  ];
  for (const page of pages) {
    const text = readFileSync(join(root, page), 'utf8');
    for (const [, link = ''] of text.matchAll(/\]\((?!https?:)([^)]+)\)/g)) {
      const [path = '', anchor] = link.split('#');
      const target = path === '' ? page : join(dirname(page), path);
      t.ok(existsSync(join(root, target)), `${page}: ${link}`);
      if (anchor !== undefined) t.ok(anchorsOf(target).includes(anchor), `${page}: ${link}`);
    }
  }
  t.end();
});

/** As GitHub makes them from headings. */
function anchorsOf(page: string): string[] {
  const text = readFileSync(join(root, page), 'utf8');
  return [...text.matchAll(/^#+ (.+)$/gm)].map(([, heading = '']) =>
    heading
      .toLowerCase()
      .replace(/[^\w\- ]/g, '')
      .replaceAll(' ', '-'),
  );
}
