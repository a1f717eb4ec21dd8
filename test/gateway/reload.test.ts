import { chmodSync, existsSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:https';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import type { ConfigHistoryReport, ConfigReload } from '../../contracts/admin-api.js';
import { GATEWAY_SPIFFE_ID, spiffeId } from '../../contracts/spiffe.js';
import { createCertificateAuthority } from '../../kit/dev-pki.js';
import { internalServerTls } from '../../kit/tls-files.js';
import { eventually } from '../fixtures/eventually.js';
import { fakeClock } from '../fixtures/fake-clock.js';
import { testPki } from '../fixtures/pki.js';
import { rawRequest } from '../fixtures/raw-http.js';
import { reloadUnderLoad } from '../fixtures/reload-under-load.js';
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
  eventually(ask, (seen) => seen === wanted);

t.test('a changed file is taken up by itself; connections, keys and pools stay', async (t) => {
  const { write, status, as, handshakes, keyFetches, gateway } = await start(t);
  t.equal(await status('/api/x', as()), 200);
  t.equal(await status('/new/x'), 404);
  const before = gateway.readiness().config;
  const held = handshakes();
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
  t.strictSame([handshakes(), keyFetches()], [held, 1]);
});

t.test('a file that is wrong or half-written leaves traffic untouched, and everything says so', async (t) => {
  const { write, status, as, reload, post, metrics, ready, logs, configWith, handshakes } = await start(t);
  t.equal(await status('/api/x', as()), 200);
  const held = handshakes();
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
  t.equal(handshakes(), held);
});

t.test('what takes a restart refuses the whole reload, naming the place', async (t) => {
  const { write, status, reload, configWith } = await start(t, {
    config: { keys_dir: join(temporaryFolder(t), 'keys') },
  });
  for (const [changes, key] of [
    [{ listen: { host: '127.0.0.1', port: 1 } }, 'listen.port'],
    [{ admin: { host: '::1', port: 0 } }, 'admin.host'],
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

t.test('a new CA beside the old one, then new certificates on both sides: no request fails', async (t) => {
  const test = await start(t);
  const { dir, appServer, status, reload, handshakes } = test;
  const pki = await testPki();
  const next = await createCertificateAuthority();
  const pem = (name: string, text: string) => writeFileSync(join(dir, `${name}.pem`), text);
  const trustBoth = `${pki.ca}\n${next.cert}`;
  let failed = 0;
  let served = 0;
  let running = true;
  const load = Promise.all(
    Array.from({ length: 4 }, async () => {
      while (running) {
        if ((await status('/public/x')) === 200) served += 1;
        else failed += 1;
      }
    }),
  );
  const step = async (what: () => void): Promise<void> => {
    what();
    t.match(await reload(), { result: 'applied' });
    const until = served + 20;
    while (served < until) await new Promise((resolve) => setImmediate(resolve));
  };
  await step(() => pem('ca', trustBoth));
  const upstream = await next.issue({ name: 'app', spiffeId: spiffeId('app') });
  appServer.setSecureContext(internalServerTls({ ...upstream, ca: trustBoth }));
  const own = await next.issue({ name: 'gateway', spiffeId: GATEWAY_SPIFFE_ID });
  const before = handshakes();
  await step(() => {
    pem('key', own.key);
    pem('cert', own.cert);
  });
  t.ok(handshakes() > before, 'new connections show the new certificate');
  running = false;
  await load;
  t.equal(failed, 0);
  pem('cert', own.cert.slice(0, 200));
  t.match(await reload(), { result: 'refused', problems: [{ code: 'config_certificate_file' }] });
  t.equal(await status('/public/x'), 200);
});

t.test('certificates are renewed under a config that is refused, and after a rollback', async (t) => {
  const { dir, write, status, reload, post, handshakes, gateway } = await start(t);
  const pki = await testPki();
  const renew = async (name: string) => {
    const { cert, key } = await pki.leaf(name, GATEWAY_SPIFFE_ID);
    writeFileSync(join(dir, 'key.pem'), key);
    writeFileSync(join(dir, 'cert.pem'), cert);
  };
  t.equal(await status('/public/x'), 200);
  await renew('gateway-2');
  write({ routes: [] });
  t.match(await reload(), { result: 'refused' });
  t.equal(await status('/public/x'), 200);
  t.equal(handshakes(), 2, 'over a new connection');
  const { version } = gateway.readiness().config;
  write(BOTH);
  t.match(await reload(), { result: 'applied' });
  t.match((await post('/config/rollback')).body, { result: 'applied', version });
  await renew('gateway-3');
  await eventually(
    async () => gateway.readiness().config.last_reload,
    ({ trigger }) => trigger === 'file',
  );
  t.match(gateway.readiness().config, { version, origin: 'rollback', last_reload: { result: 'applied' } });
  t.equal(await status('/new/x'), 404, 'the file, which has not changed, is not taken up for that');
});

t.test(
  'an upstream that moves gets new requests at once; what the old one has under way ends there',
  async (t) => {
    const { write, status, reload, answer, url, configWith } = await start(t);
    const pki = await testPki();
    const moved = createServer(
      internalServerTls({ ca: pki.ca, ...(await pki.leaf('app', spiffeId('app'))) }),
      (_request, response) => response.writeHead(203).end('moved'),
    );
    await new Promise<void>((resolve) => moved.listen(0, '127.0.0.1', resolve));
    t.teardown(() => {
      moved.closeAllConnections();
      moved.close();
    });
    let finish: () => void = () => undefined;
    answer((_request, response) => {
      response.write('first,');
      finish = () => response.end('last');
    });
    const open = await fetch(`${url}/public/slow`);
    const port = (moved.address() as { port: number }).port;
    write(configWith({}).replace(/(app:\n\s+url: https:\/\/127.0.0.1:)\d+/, `$1${port}`));
    t.match(await reload(), { result: 'applied' });
    t.equal(await status('/public/x'), 203);
    finish();
    t.equal(await open.text(), 'first,last');
  },
);

t.test(
  'a new issuer is asked for its keys before the swap; one that does not answer costs 503, no 401',
  async (t) => {
    const { write, status, reload, as, token, key, keyFetches, configWith, gateway } = await start(t);
    t.equal(await status('/api/x', as()), 200);
    const main = {
      issuer: 'http://issuer.test',
      audience: 'urn:gatehouse:api',
      jwks_uri: 'https://keys/jwks',
      upstream: 'keys',
      own: true,
    };
    const issuers = {
      main,
      inline: {
        issuer: 'https://inline.test',
        audience: 'urn:gatehouse:api',
        jwks: { keys: [key.jwk] },
        token_type: 'at+jwt',
      },
      away: {
        issuer: 'https://away.test',
        audience: 'urn:gatehouse:api',
        jwks_uri: 'https://127.0.0.1:1/jwks',
      },
    };
    const withIssuers = { issuers, auth: { caller: { issuers: Object.keys(issuers) } } };
    write(withIssuers);
    t.match(await reload(), { result: 'applied', issuers_without_keys: ['away'] });
    t.equal(await status('/api/x', as(token({ iss: 'https://inline.test' }))), 200);
    t.equal(await status('/api/x', as(token({ iss: 'https://away.test' }))), 503);
    t.equal(await status('/api/x', as()), 200);
    t.equal(keyFetches(), 1, 'the unchanged issuer was not asked again');
    t.equal(gateway.readiness().issuers['away']?.state, 'no keys');
    const bad = { ...issuers, inline: { ...issuers.inline, jwks: { keys: [{ kty: 'oct' }] } } };
    write({ ...withIssuers, issuers: bad });
    t.match(await reload(), { result: 'refused', problems: [{ code: 'config_issuer_keys' }] });
    t.equal(await status('/api/x', as(token({ iss: 'https://inline.test' }))), 200);
    write({ ...withIssuers, issuers: { inline: issuers.inline }, auth: { caller: { issuers: ['inline'] } } });
    t.match(await reload(), { result: 'applied' });
    t.equal(
      await status('/api/x', as()),
      401,
      'a verified token of an issuer that is gone is not remembered',
    );
    write(configWith({}));
  },
);

t.test('history and rollback: an earlier version is in force until the file changes', async (t) => {
  const keysDir = join(temporaryFolder(t), 'keys');
  const { write, status, reload, post, gateway, ready, metrics } = await start(t, {
    config: { keys_dir: keysDir },
  });
  const history = async () =>
    (await fetch(`${gateway.adminUrl}/config/history`)).json() as Promise<ConfigHistoryReport>;
  const first = gateway.readiness().config.version;
  write(BOTH);
  const { version: second } = await reload();
  t.match((await history()).versions, [
    { version: second, in_force: true },
    { version: first, in_force: false },
  ]);
  const back = await post('/config/rollback');
  t.match(back, {
    status: 200,
    body: { result: 'applied', trigger: 'rollback', version: first, previous: second },
  });
  t.equal(await status('/new/x'), 404);
  t.match(await ready(), { config: { origin: 'rollback', differs_from_file: true } });
  t.match(await metrics(), /^gatehouse_config_differs_from_file 1$/m);
  t.match((await post('/config/rollback')).body.problems, [{ code: 'config_version_unknown' }]);
  const json = { headers: { 'content-type': 'application/json' } };
  const unknown = await post('/config/rollback', { ...json, body: '{"version":"000000000000"}' });
  t.match([unknown.status, unknown.body.problems[0]?.code], [422, 'config_version_unknown']);
  t.equal((await post('/config/rollback', { ...json, body: '{"vresion":"x"}' })).status, 400);
  t.match((await post('/config/rollback', { ...json, body: JSON.stringify({ version: second }) })).body, {
    result: 'applied',
  });
  t.match(await ready(), { config: { version: second, origin: 'file', differs_from_file: false } });
  t.match((await post('/config/rollback')).body, { version: first });
  t.match(await reload(), { result: 'applied', version: second }, 'asked to, it takes the file');

  for (let limit = 1; limit <= 12; limit++) {
    write({ ...BOTH, limits: { body_idle: `${limit}s` } });
    await reload();
  }
  t.equal((await history()).versions.length, 10);
  await gateway.stop();
  const dir = join(keysDir, '..', 'config-history');
  t.equal(statSync(dir).mode & 0o777, 0o700);
  const files = readdirSync(dir);
  t.equal(files.length, 10);
  for (const file of files) t.equal(statSync(join(dir, file)).mode & 0o777, 0o600);
});

t.test('secrets stay references in the history, and a new one is taken up', async (t) => {
  const dir = temporaryFolder(t);
  const secret = join(dir, 'secret');
  writeFileSync(secret, 'first-secret-of-thirty-two-characters-or-so', { mode: 0o600 });
  const { reload, gateway } = await start(t, {
    config: { keys_dir: join(dir, 'keys'), assertions: { secret: `file:${secret}` } },
  });
  const keys = async () => (await fetch(`${gateway.url}/.well-known/gatehouse/jwks.json`)).text();
  const before = await keys();
  writeFileSync(secret, 'second-secret-of-thirty-two-characters-or-so', { mode: 0o600 });
  t.match(await reload(), { result: 'applied' });
  t.not(await keys(), before);
  await gateway.stop();
  const kept = join(dir, 'config-history');
  t.ok(existsSync(kept));
  for (const file of readdirSync(kept)) {
    const text = readFileSync(join(kept, file), 'utf8');
    t.notMatch(text, 'thirty-two');
    t.match(text, 'file:');
  }
});

t.test('what check warns of is logged at the start and whenever a config is put in force', async (t) => {
  const secret = join(temporaryFolder(t), 'secret');
  writeFileSync(secret, 'a-secret-of-thirty-two-characters-or-so', { mode: 0o644 });
  // The leaves of tests last 90 days.
  const deps = { clock: fakeClock(Date.now() + 80 * 86_400_000) };
  const config = { assertions: { secret: `file:${secret}` } };
  const { logs, write, reload } = await start(t, { deps, config, waitUntilReady: false });
  const warned = () => {
    const lines = logs
      .splice(0)
      .map((line) => JSON.parse(line) as { level: number; code?: string; at?: string });
    return lines.filter(({ code }) => code?.startsWith('config_') === true);
  };
  const both = [
    { level: 40, code: 'config_secret_readable', at: /gateway.yaml:\d+:\d+$/ },
    { level: 40, code: 'config_certificate_expiring', at: /gateway.yaml:\d+:\d+$/ },
  ];
  t.match(warned(), both, 'at the start');
  t.match(await reload(), { result: 'unchanged', warnings: both.map(({ code }) => ({ code })) });
  t.strictSame(warned(), [], 'nothing new');
  chmodSync(secret, 0o600);
  write(BOTH);
  t.match((await reload()).warnings, [{ code: 'config_certificate_expiring', message: /expires on/ }]);
  t.match(warned(), both.slice(1));
  t.notMatch(JSON.stringify(logs), 'thirty-two');
});

t.test('a page in a browser can neither reload nor roll back', async (t) => {
  const { post, gateway } = await start(t);
  for (const path of ['/config/reload', '/config/rollback']) {
    for (const origin of ['https://evil.test', 'null'])
      t.equal((await post(path, { headers: { origin } })).status, 403);
    t.equal((await fetch(gateway.adminUrl + path)).status, 404, 'GET changes nothing');
    const rebound = await rawRequest(gateway.adminUrl, 'POST', path, [
      'Host: evil.test',
      'Content-Length: 0',
    ]);
    t.match(rebound.status, 421);
  }
  t.equal(gateway.readiness().config.last_reload.trigger, 'start');
});

t.test(
  'twenty reloads under load: no failed request, no dropped stream, the same upstream connections',
  async (t) => {
    const figures = await reloadUnderLoad(t, 20);
    t.strictSame(figures.failures, []);
    t.strictSame([figures.isEventStreamOpen, figures.isWebSocketOpen, figures.keyFetches], [true, true, 1]);
    for (const [kind, served] of Object.entries(figures.served)) t.ok(served > 0, kind);
    t.ok(figures.events > 0 && figures.messages > 0);
    t.equal(figures.renewals, 2);
    t.ok(
      figures.upstreamHandshakes < 20 * (figures.renewals + 1),
      'as its certificates want, not its reloads',
    );
  },
);
