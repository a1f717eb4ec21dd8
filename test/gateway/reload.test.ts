import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import type { ConfigReload } from '../../contracts/admin-api.js';
import { eventually } from '../fixtures/eventually.js';
import { temporaryFolder } from '../fixtures/temporary-folder.js';
import { startTestGateway, type TestGatewayOptions } from '../fixtures/test-gateway.js';

const PUBLIC = { path: '/public/*', methods: ['GET', 'POST'], auth: 'public', upstream: 'app' };
const API = { path: '/api/*', methods: ['GET', 'POST'], auth: 'caller', upstream: 'app' };
const NEW = { path: '/new/*', methods: ['GET'], auth: 'public', upstream: 'app' };
const BOTH = { routes: [PUBLIC, API, NEW] };

async function start(t: Test, options: TestGatewayOptions = {}) {
  const test = await startTestGateway(t, options);
  let handshakes = 0;
  test.appServer.on('secureConnection', () => {
    handshakes += 1;
  });
  const post = async (path: string, init: RequestInit = {}) => {
    const response = await fetch(test.gateway.adminUrl + path, { method: 'POST', ...init });
    return { status: response.status, body: (await response.json()) as ConfigReload };
  };
  return {
    ...test,
    post,
    reload: async () => (await post('/config/reload')).body,
    write: (changes: object | string) =>
      writeFileSync(test.configFile, typeof changes === 'string' ? changes : test.configWith(changes)),
    status: async (path: string, init: RequestInit = {}) => {
      const response = await fetch(test.url + path, init);
      await response.arrayBuffer();
      return response.status;
    },
    as: (token = test.token()) => ({ headers: { authorization: `Bearer ${token}` } }),
    handshakes: () => handshakes,
    metrics: async () => (await fetch(`${test.gateway.adminUrl}/metrics`)).text(),
    ready: async () => (await fetch(`${test.gateway.adminUrl}/ready`)).json() as Promise<ReadyBody>,
  };
}

interface ReadyBody {
  ready: boolean;
  config: { version: string; origin: string; differs_from_file: boolean; last_reload: ConfigReload };
}

const changesWithin = (ask: () => Promise<number>, wanted: number) =>
  eventually(ask, (seen) => seen === wanted, 5000);

t.test('a changed file is taken up by itself; connections, keys and pools stay', async (t) => {
  const { write, status, as, handshakes, keyFetches, gateway } = await start(t);
  t.equal(await status('/api/x', as()), 200);
  t.equal(await status('/new/x'), 404);
  const before = gateway.readiness().config;
  write(BOTH);
  await changesWithin(() => status('/new/x'), 200);
  const after = gateway.readiness().config;
  t.not(after.version, before.version);
  t.match(after, {
    origin: 'file',
    differs_from_file: false,
    last_reload: { trigger: 'file', result: 'applied' },
  });
  t.equal(await status('/api/x', as()), 200);
  t.strictSame([handshakes(), keyFetches()], [1, 1]);
});

t.test('a file that is wrong or half-written leaves traffic untouched, and everything says so', async (t) => {
  const { write, status, as, reload, post, metrics, ready, logs, configWith, handshakes } = await start(t);
  t.equal(await status('/api/x', as()), 200);
  const { version } = (await ready()).config;
  const dangling = {
    routes: [
      { ...PUBLIC, upstream: 'nobody' },
      { ...API, auth: 'nobody' },
    ],
  };
  write(dangling);
  const refused = await post('/config/reload');
  t.equal(refused.status, 422);
  t.match(refused.body, { result: 'refused', trigger: 'admin', version, previous: version });
  t.equal(refused.body.problems.length, 2, 'all problems at once');
  t.match(refused.body.problems[0], {
    file: /gateway.yaml$/,
    line: Number,
    column: Number,
    code: 'config_dangling_name',
  });
  t.match(await ready(), {
    ready: true,
    config: { version, differs_from_file: true, last_reload: { result: 'refused' } },
  });
  t.match(await metrics(), /^gatehouse_config_last_reload_successful 0$/m);
  t.match(await metrics(), /^gatehouse_config_differs_from_file 1$/m);
  t.ok(logs.some((line) => line.includes('config refused') && line.includes('config_dangling_name')));

  for (const broken of [configWith({}).slice(0, 400), 'routes: [', '']) {
    write(broken);
    t.match(await reload(), { result: 'refused', version });
    t.equal(await status('/api/x', as()), 200);
  }
  write({});
  t.match(await reload(), { result: 'unchanged', version });
  t.match(await ready(), { config: { version, differs_from_file: false } });
  const text = await metrics();
  t.match(text, /^gatehouse_config_last_reload_successful 1$/m);
  t.match(text, /^gatehouse_config_reloads_total\{result="unchanged"\} 1$/m);
  t.match(text, /^gatehouse_config_last_reload_success_timestamp_seconds 1\d{9}/m);
  t.equal(handshakes(), 1);
});

t.test('what takes a restart refuses the whole reload, naming the place', async (t) => {
  const { write, status, reload, configWith } = await start(t, {
    config: { keys_dir: join(temporaryFolder(t), 'keys') },
  });
  for (const [changes, key] of [
    [{ listen: { host: '127.0.0.1', port: 1 } }, 'listen.port'],
    [{ admin: { host: '::1', port: 0 } }, 'admin'],
    [{ log: { level: 'debug' } }, 'log'],
    [{ keys_dir: 'elsewhere' }, 'keys_dir'],
    [
      { revocation: { mode: 'off', feed_url: 'https://127.0.0.1:1', feed_spiffe_id: 'spiffe://x/y' } },
      'revocation.mode',
    ],
    [
      { listen: { host: '127.0.0.1', port: 0, tls: { certificates: [{ cert: 'a', key: 'b' }] } } },
      'listen.tls',
    ],
  ] as const) {
    write({ ...BOTH, ...changes });
    const { result, problems } = await reload();
    t.equal(result, 'refused');
    t.match(problems[0], { code: 'config_needs_restart', line: Number });
    t.ok(problems.some(({ message }) => message.startsWith(`${key} takes effect at a restart only`)));
  }
  t.equal(await status('/new/x'), 404, 'nothing by half');
  write(configWith({ ...BOTH, drain_timeout: '200ms', limits: { body_idle: '3s' } }));
  t.match(await reload(), { result: 'applied' });
});
