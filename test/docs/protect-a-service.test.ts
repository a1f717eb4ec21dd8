import { cpSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import t from 'tap';
import { startEmbedded } from '../../embedded/index.js';
import { packageRoot } from '../../kit/package-root.js';
import { transpileSources } from '../fixtures/build.js';
import { buildCli } from '../fixtures/cli.js';
import { freePort } from '../fixtures/free-port.js';
import { importProgram } from '../fixtures/import-program.js';
import { needsPostgres } from '../fixtures/postgres.js';
import { temporaryFolder } from '../fixtures/temporary-folder.js';
import { followSteps, walkThrough } from '../fixtures/walk-through.js';

const root = packageRoot();
const page = readFileSync(join(root, 'docs/protect-a-service.md'), 'utf8');
const snippet = (language: string): string =>
  new RegExp(`\`\`\`${language}\n(.*?)\`\`\``, 's').exec(page)?.[1] ?? '';

/** Puts the lines of a block under the same keys of the file, the last key at its end, as a person would. */
function edit(file: string, block: string): void {
  let config = readFileSync(file, 'utf8');
  for (const [, key = '', lines = ''] of block.matchAll(/^(\w+):\n((?: .*\n)+)/gm)) {
    config = key === 'routes' ? config + lines : config.replace(`\n${key}:\n`, `\n${key}:\n${lines}`);
  }
  writeFileSync(file, config);
}

t.test('from a certificate to a rollback, as the page says', needsPostgres, async (t) => {
  const dir = temporaryFolder(t);
  cpSync(join(root, 'config'), join(dir, 'config'), { recursive: true });
  const configFile = join(dir, 'config/gateway.yaml');
  const dataDir = join(dir, '.gatehouse');
  const embedded = await startEmbedded({
    env: { GATEHOUSE_DATA: dataDir, PORT: '0', ADMIN_PORT: '0', LOG_LEVEL: 'silent' },
    configDir: join(dir, 'config'),
  });
  t.teardown(() => embedded.stop());
  const port = await freePort();
  const onThisMachine = (text: string) =>
    text
      .replaceAll('http://127.0.0.1:8080', embedded.url)
      .replaceAll('127.0.0.1:8443', `127.0.0.1:${port}`)
      .replaceAll('port: 8443', `port: ${port}`)
      .replaceAll(
        "'gatehouse/upstream'",
        `'${pathToFileURL(join(transpileSources(), 'upstream-kit/index.js')).href}'`,
      )
      .replaceAll("'fastify'", `'${import.meta.resolve('fastify')}'`)
      .replaceAll('.gatehouse/', `${dataDir}/`);

  const cli = buildCli(t);
  const env = { GATEHOUSE_DATA: dataDir, ADMIN_URL: embedded.adminUrl };
  const ofConfig = { PKI_DIR: join(dataDir, 'pki') };
  t.match(await cli.run(['pki', 'issue', 'reports'], env), {
    code: 0,
    stdout: /^spiffe_id {2}spiffe:\/\/gatehouse.internal\/reports$/m,
  });
  const service = `${onThisMachine(snippet('js'))}\nexport { app };\n`;
  const { app } = await importProgram<{ app: { close(): Promise<void> } }>(dir, service);
  t.teardown(() => app.close());
  edit(configFile, onThisMachine(snippet('yaml')));

  const main = join(transpileSources(), 'cli', 'main.js');
  const variables = Object.entries(env).map(([name, value]) => `${name}=${value}`);
  const steps = walkThrough(page);
  t.equal(steps.length, 3);
  for (const step of steps) step.commands = onThisMachine(step.commands);
  await followSteps(t, steps, `gatehouse() { ${variables.join(' ')} node ${main} "$@" >&2; }`);

  const good = readFileSync(configFile, 'utf8');
  writeFileSync(configFile, good.replace('scopes: [reports:read]', 'scope: [reports:read]'));
  const check = await cli.run(['check', '--config', configFile], ofConfig);
  t.equal(check.code, 1);
  t.equal(check.stdout.replaceAll(configFile, 'config/gateway.yaml'), snippet('text'));
  writeFileSync(configFile, good);
  const [explained, diff] = await Promise.all([
    cli.run(['explain', 'GET', '/api/reports/mine', '--as', 'ann:orders:read', '--config', configFile], {}),
    cli.run(['diff', join(root, 'config/gateway.yaml'), configFile], ofConfig),
  ]);
  t.match(explained.stdout.trimEnd().split('\n').at(-1), /^ {2}NO {2}scopes/);
  t.match(diff.stdout, /new routes\n {2}GET \/api\/reports\/\*/);
  t.match(diff.stdout, 'upstreams.reports: new');
});

t.test('a certificate is not issued under a name of ours, a bad one, or without a CA', async (t) => {
  const cli = buildCli(t);
  const env = { PKI_DIR: join(temporaryFolder(t), 'none') };
  const [ours, bad, without] = await Promise.all(
    ['gateway', '../x', 'reports'].map((name) => cli.run(['pki', 'issue', name], env)),
  );
  t.match(ours, { code: 2, stderr: /pki init makes the one of gateway/ });
  t.match(bad, { code: 2, stderr: /not the name of an upstream/ });
  t.match(without, { code: 1, stderr: /^gatehouse: no CA in / });
});
