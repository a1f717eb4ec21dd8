/** Guides whose blocks run one after the other, against everything in one process. */
import { execFile } from 'node:child_process';
import { cpSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { promisify } from 'node:util';
import t from 'tap';
import { parse, stringify } from 'yaml';
import { startEmbedded } from '../../embedded/index.js';
import { packageRoot } from '../../kit/package-root.js';
import { transpileSources } from '../fixtures/build.js';
import { freePort } from '../fixtures/free-port.js';
import { needsPostgres } from '../fixtures/postgres.js';
import { temporaryFolder } from '../fixtures/temporary-folder.js';
import { followSteps, walkThrough } from '../fixtures/walk-through.js';

const root = packageRoot();
const read = (path: string): string => readFileSync(join(root, path), 'utf8');
const blocks = (page: string, language: string): string[] =>
  [...page.matchAll(new RegExp(`\`\`\`${language}\n(.*?)\`\`\``, 'gs'))].map(([, text]) => text ?? '');

interface Config {
  listen?: object;
  auth?: object;
  routes?: object[];
}

t.test('guides', needsPostgres, async (t) => {
  const services = read('docs/service-to-service.md');
  const dir = temporaryFolder(t);
  cpSync(join(root, 'config'), join(dir, 'config'), { recursive: true });
  const [dataDir, port] = [join(dir, '.gatehouse'), await freePort()];
  const url = `http://127.0.0.1:${port}`;
  const onThisMachine = (text: string) => text.replaceAll('http://127.0.0.1:8080', url);

  // What the guide adds to the config, under the keys that are there.
  const config = parse(read('config/gateway.yaml')) as Required<Config>;
  for (const { listen = {}, auth = {}, routes = [] } of blocks(services, 'yaml').map(
    (text) => parse(text) as Config,
  )) {
    config.listen = { ...config.listen, ...listen, port };
    config.auth = { ...config.auth, ...auth };
    config.routes = [...config.routes, ...routes];
  }
  writeFileSync(join(dir, 'config/gateway.yaml'), onThisMachine(stringify(config)));
  const embedded = await startEmbedded({
    env: { GATEHOUSE_DATA: dataDir, PORT: String(port), ADMIN_PORT: '0', LOG_LEVEL: 'silent' },
    configDir: join(dir, 'config'),
  });
  t.teardown(() => embedded.stop());
  const built = transpileSources();
  const gatehouse = `gatehouse() { GATEHOUSE_DATA=${dataDir} node ${join(built, 'cli/main.js')} "$@"; }`;

  await t.test('service to service', async (t) => {
    const [program = ''] = blocks(services, 'js');
    const entry = pathToFileURL(join(built, 'client/index.js')).href;
    writeFileSync(
      join(dir, 'billing.mjs'),
      onThisMachine(program).replace("'gatehouse/client'", `'${entry}'`),
    );
    const steps = [...services.matchAll(/```sh\n(.*?)```\n(?:\n```text\n(.*?)```)?/gs)];
    t.equal(steps.length, 5);
    for (const [, commands = '', expected] of steps) {
      const script = `${gatehouse}\n${commands}`;
      const { stdout } = await promisify(execFile)('bash', ['-eu', '-c', script], { cwd: dir });
      if (expected !== undefined) t.equal(stdout, expected, commands);
    }
  });

  await t.test('revoke, and log out everywhere', async (t) => {
    const page = read('docs/revoke.md');
    const steps = walkThrough(page);
    t.equal(steps.length, blocks(page, 'sh').length, 'each block has a claim after it');
    for (const step of steps) step.commands = onThisMachine(step.commands);
    await followSteps(t, steps, gatehouse);
  });
});
