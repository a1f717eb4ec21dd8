import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import Schema from 'typebox/schema';
import { stringify } from 'yaml';
import { sarifLog } from '../../cli/check/sarif.js';
import { CONFIG_PROBLEMS } from '../../contracts/config-problems.js';
import { GATEWAY_SPIFFE_ID, spiffeId } from '../../contracts/spiffe.js';
import { checkConfig, checkOnline } from '../../gateway/index.js';
import { systemClock } from '../../kit/clock.js';
import { runCli } from '../fixtures/cli.js';
import { startKeyServer } from '../fixtures/key-server.js';
import { testPki } from '../fixtures/pki.js';
import { temporaryFolder } from '../fixtures/temporary-folder.js';
import { testKey } from '../fixtures/test-issuer.js';
import { startStubs } from '../fixtures/upstream-stubs.js';

interface Given {
  issuer?: object;
  upstreams?: object;
  revocation?: object;
  /** The gateway's certificate comes from another CA than the upstreams'. */
  isForeign?: boolean;
}

/** A config that is good, with its certificates in files; returns the path. */
async function config(t: Test, given: Given = {}): Promise<string> {
  const [dir, pki] = [temporaryFolder(t), await testPki()];
  const leaf = given.isForeign === true ? pki.foreignLeaf : pki.leaf;
  const { cert, key } = await leaf('gateway', GATEWAY_SPIFFE_ID);
  const internal = { ca: join(dir, 'ca.pem'), cert: join(dir, 'cert.pem'), key: join(dir, 'key.pem') };
  writeFileSync(internal.ca, pki.ca);
  writeFileSync(internal.cert, cert);
  writeFileSync(internal.key, key);
  const issuer = {
    issuer: 'https://id.test',
    audience: 'urn:gatehouse:api',
    jwks_uri: 'https://id.test/jwks',
  };
  const app = { url: 'https://127.0.0.1:2', spiffe_id: spiffeId('app') };
  const file = join(dir, 'gateway.yaml');
  const value = {
    listen: { host: '127.0.0.1', port: 0 },
    admin: { host: '127.0.0.1', port: 0 },
    internal_tls: internal,
    issuers: { id: { ...issuer, ...given.issuer } },
    revocation: {
      feed_url: 'https://127.0.0.1:1',
      feed_spiffe_id: spiffeId('auth-service'),
      ...given.revocation,
    },
    upstreams: given.upstreams ?? { app },
    auth: { caller: { issuers: ['id'] } },
    routes: [
      { path: '/x', methods: ['GET'], auth: 'caller', upstream: Object.keys(given.upstreams ?? { app })[0] },
    ],
  };
  writeFileSync(file, stringify(value));
  return file;
}

t.test('gatehouse check', async (t) => {
  const good = await config(t);
  const bad = 'test/fixtures/bad-config/many-faults.yaml';

  const text = await runCli(['check', '--config', good], {});
  t.strictSame([text.code, text.stdout], [0, `${good} is good: 1 route\n`]);

  const json = await runCli(['check', '--config', bad, '--json'], { PKI: '/nowhere' });
  const result = JSON.parse(json.stdout) as { ok: boolean; errors: { code: string; line: number }[] };
  t.equal(json.code, 1);
  t.equal(result.ok, false);
  t.match(result.errors[0], { code: 'config_admin_exposed', line: 2, column: 16, endColumn: 23 });

  t.notMatch(json.stdout, 'hunter2');

  const open = join(temporaryFolder(t), 'redis');
  writeFileSync(open, 'redis://127.0.0.1:1', { mode: 0o644 });
  const warned = await config(t, { revocation: { redis_url: `file:${open}` } });
  const lax = await runCli(['check', '--config', warned], {});
  t.equal(lax.code, 0, 'a warning leaves the config good');
  t.match(lax.stdout, /warning config_secret_readable: .*\n[\s\S]*0 errors, 1 warning\n$/);
  const strict = await runCli(['check', '--config', warned, '--strict', '--sarif'], {});
  t.equal(strict.code, 1, 'unless strict');
  t.match(JSON.parse(strict.stdout), {
    runs: [
      {
        results: [
          {
            ruleId: 'config_secret_readable',
            level: 'warning',
            locations: [{ physicalLocation: { region: { startLine: 19, startColumn: 14 } } }],
          },
        ],
      },
    ],
  });
});

t.test('SARIF: a rule for each code, and places as URIs', async (t) => {
  const problem = { line: 1, column: 1, code: 'config_syntax', message: 'm' } as const;
  const log = JSON.parse(
    JSON.stringify(
      sarifLog([
        { ...problem, file: 'a b/c.yaml' },
        { ...problem, file: '/etc/g.yaml' },
      ]),
    ),
  ) as {
    version: string;
    runs: [{ tool: { driver: { rules: { id: string }[] } }; results: { ruleIndex: number }[] }];
  };
  const [{ tool, results }] = log.runs;
  t.equal(log.version, '2.1.0');
  t.strictSame(
    tool.driver.rules.map(({ id }) => id),
    Object.keys(CONFIG_PROBLEMS),
  );
  t.equal(tool.driver.rules[results[0]?.ruleIndex ?? 0]?.id, 'config_syntax');
  t.match(JSON.stringify(results), /"uri":"a%20b\/c.yaml".*"uri":"file:\/\/\/etc\/g.yaml"/);
});

t.test('SARIF: what is written keeps to the schema of OASIS', async (t) => {
  const validator = Schema.Compile(
    JSON.parse(readFileSync('test/fixtures/sarif-2.1.0.schema.json', 'utf8')) as object,
  );
  const faults = (log: unknown) => validator.Errors(log)[1].map(({ instancePath }) => instancePath);
  const folder = join('test', 'fixtures', 'bad-config');
  const problems = readdirSync(folder)
    .filter((name) => name.endsWith('.yaml'))
    .flatMap((name) => {
      const { errors, warnings } = checkConfig(join(folder, name), {}, Date.now());
      return [...errors, ...warnings];
    });
  t.ok(problems.length > 30);
  // As it is read: what is undefined is not there.
  const read = (found: typeof problems) => JSON.parse(JSON.stringify(sarifLog(found))) as SarifLog;
  t.strictSame(faults(read(problems)), []);
  t.strictSame(faults(read([])), []);

  const { stdout } = await runCli(['check', '--sarif', '--config', join(folder, 'many-faults.yaml')], {});
  t.strictSame(faults(JSON.parse(stdout)), []);

  const broken = read(problems.slice(0, 1));
  const [{ results }] = broken.runs;
  if (results[0] !== undefined) results[0].level = 'fatal';
  t.strictSame(faults(broken), ['/runs/0/results/0/level'], 'the schema is really looked at');
});

interface SarifLog {
  runs: [{ results: { level: string }[] }];
}

t.test('online: each part that a gateway goes to, with a verdict and its reason', async (t) => {
  const online = async (given: Given, timeoutMs = 3000) => {
    const { options, errors } = checkConfig(await config(t, given), {}, Date.now());
    if (options === undefined) throw new Error(JSON.stringify(errors));
    return checkOnline(options, { clock: systemClock, timeoutMs });
  };
  const stubs = await startStubs(t, ['orders', 'echo']);
  const keys = await startKeyServer(t);
  keys.answer([(await testKey()).jwk]);
  const issuer = { jwks_uri: `${keys.origin}/jwks`, ca: keys.ca };
  const orders = { url: stubs.urls.orders, spiffe_id: spiffeId('orders') };
  const feed = { feed_url: stubs.urls.echo, feed_spiffe_id: spiffeId('echo') };

  const well = await online({ issuer, upstreams: { orders }, revocation: feed });
  t.strictSame(well.errors, []);
  t.strictSame(
    well.verdicts.map(({ part, name, ok, detail }) => [part, name, ok, detail]),
    [
      ['keys', 'id', true, '1 key'],
      ['feed', 'revocation', true, spiffeId('echo')],
      ['upstream', 'orders', true, spiffeId('orders')],
    ],
  );

  keys.answer((_request, response) => response.writeHead(500).end());
  const silent = createServer(() => undefined).listen(0, '127.0.0.1');
  t.teardown(() => silent.close());
  await new Promise((listening) => silent.once('listening', listening));
  const { port } = silent.address() as { port: number };
  const ill = await online(
    {
      issuer,
      upstreams: {
        orders: { ...orders, spiffe_id: spiffeId('payments') },
        gone: { url: 'https://127.0.0.1:1', spiffe_id: spiffeId('x') },
        old: { ...orders, protocol: 'http2' },
        mute: { url: `https://127.0.0.1:${port}`, spiffe_id: spiffeId('x') },
      },
      revocation: { ...feed, redis_url: 'redis://:hunter2@127.0.0.1:1' },
    },
    2000,
  );
  t.strictSame(
    ill.verdicts.map(({ name, ok, detail }) => [name, ok, detail]),
    [
      ['id', false, 'it answered 500'],
      ['revocation', false, 'no connection: nothing listens there, or it hangs up'],
      ['revocation', true, spiffeId('echo')],
      ['orders', false, `the certificate there is of ${spiffeId('orders')}, not of ${spiffeId('payments')}`],
      ['gone', false, 'the connection is refused: nothing listens there'],
      ['old', false, 'it speaks no HTTP/2, which protocol: http2 asks for'],
      ['mute', false, 'no answer in time'],
    ],
  );
  t.strictSame(
    [...new Set(ill.errors.map(({ code }) => code))],
    ['config_online_keys', 'config_online_redis', 'config_online_upstream'],
  );
  t.notMatch(JSON.stringify(ill), 'hunter2');

  const refused = await online({ upstreams: { orders }, isForeign: true }, 1500);
  t.match(refused.verdicts.at(-1), {
    name: 'orders',
    ok: false,
    detail: /refuse our certificate|refuses our certificate/,
  });
});
