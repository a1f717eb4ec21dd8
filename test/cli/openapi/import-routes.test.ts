import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { stringify } from 'yaml';
import { importRoutes } from '../../../cli/openapi/import-routes.js';
import { readDocument } from '../../../cli/openapi/read-document.js';
import { routesYaml } from '../../../cli/openapi/routes-yaml.js';
import { GATEWAY_SPIFFE_ID } from '../../../contracts/spiffe.js';
import { checkConfig, loadGatewayConfig, offlineGateway, routePathFault } from '../../../gateway/index.js';
import { packageRoot } from '../../../kit/package-root.js';
import { runCli } from '../../fixtures/cli.js';
import { testPki } from '../../fixtures/pki.js';
import { temporaryFolder } from '../../fixtures/temporary-folder.js';

const DEFAULT = readFileSync(join(packageRoot(), 'config', 'gateway.yaml'), 'utf8');
const SCHEMES = {
  oauth: { type: 'oauth2', flows: {} },
  oidc: { type: 'openIdConnect', openIdConnectUrl: 'https://id.test/x' },
  bearer: { type: 'http', scheme: 'bearer' },
  basic: { type: 'http', scheme: 'basic' },
  key: { type: 'apiKey', in: 'header', name: 'X-Key' },
  cookie: { type: 'apiKey', in: 'cookie', name: 'session' },
  query: { type: 'apiKey', in: 'query', name: 'key' },
  mtls: { type: 'mutualTLS' },
  constructor: { $ref: '#/components/securitySchemes/oauth' },
};
const document = (paths: object, more: object = {}) => ({
  openapi: '3.1.0',
  info: { title: 'x', version: '1' },
  components: { securitySchemes: SCHEMES },
  paths,
  ...more,
});

async function importOf(t: Parameters<typeof temporaryFolder>[0], source: object | string, base?: string) {
  const file = join(temporaryFolder(t), 'openapi.yaml');
  writeFileSync(file, typeof source === 'string' ? source : stringify(source));
  const pathFault = (path: string) => routePathFault(path)?.[1];
  return importRoutes(await readDocument(file), { upstream: 'orders', profile: 'caller', base, pathFault });
}

t.test(
  'who may: the operation\u2019s own security over the document\u2019s, never less than either',
  async (t) => {
    const scopes = (...names: string[]) => ({ profile: 'caller', scopes: names });
    const cases: [name: string, security: unknown, auth: unknown, warning: RegExp | undefined][] = [
      ['the document\u2019s', undefined, scopes('all'), undefined],
      ['scopes', [{ oauth: ['a', 'b'] }], scopes('a', 'b'), undefined],
      ['scopes of OpenID Connect', [{ oidc: ['a'] }], scopes('a'), undefined],
      ['a bearer token', [{ bearer: [] }], 'caller', undefined],
      ['nothing', [], 'public', /^PUBLIC: anybody may call it/],
      ['an empty requirement', [{}], 'public', /^PUBLIC: anybody/],
      [
        'a credential or none',
        [{}, { oauth: ['a'] }],
        scopes('a'),
        /without a credential too; the route asks/,
      ],
      [
        'one scope or another',
        [{ oauth: ['a'] }, { oidc: ['b'] }],
        { profile: 'caller', any_scope: ['a', 'b'] },
        undefined,
      ],
      ['the same twice', [{ oauth: ['a', 'b'] }, { oidc: ['b', 'a'] }], scopes('b', 'a'), undefined],
      [
        'two scopes or another',
        [{ oauth: ['c'] }, { oauth: ['a', 'b'] }],
        scopes('a', 'b'),
        /asks for oauth \[c\] or oauth \[a, b\]; a route cannot say this, and asks for a b/,
      ],
      ['a key or a scope', [{ key: [] }, { oauth: ['a'] }], scopes('a'), /cannot say this/],
      ['two together', [{ oauth: ['a'], key: [] }], scopes('a'), /oauth and key together/],
      ['roles', [{ bearer: ['admin'] }], scopes('admin'), /lists roles \(admin\)/],
      ['a name that every object has', [{ constructor: ['a'] }], scopes('a'), undefined],
    ];
    for (const [name, security, auth, warning] of cases) {
      const paths = { '/x': { get: security === undefined ? {} : { security } } };
      const { routes, warnings } = await importOf(t, document(paths, { security: [{ oauth: ['all'] }] }));
      t.strictSame(
        routes.map(({ route }) => route),
        [{ path: '/x', methods: ['GET'], auth, upstream: 'orders' }],
        name,
      );
      const said = warnings.filter(({ where }) => where === 'GET /x').map(({ message }) => message);
      if (warning === undefined) t.strictSame(said, [], name);
      else t.match(said, [warning], name);
    }
    const silent = await importOf(t, document({ '/x': { get: {} } }));
    t.match(silent.routes, [{ route: { auth: 'caller' } }], 'no security anywhere is no permission');
    t.match(silent.warnings, [{ where: 'GET /x', message: /says nothing about security: any caller/ }]);
  },
);

t.test('what a profile has to take for a scheme is said once, and what gateways do not take', async (t) => {
  const security = [{ basic: [] }, { key: [] }, { cookie: [] }, { query: [] }, { mtls: [] }];
  const { warnings } = await importOf(t, document({ '/x': { get: { security }, post: { security } } }));
  t.strictSame(
    warnings.map(
      ({ where, message }) =>
        `${where.split(' ').at(-1)}: ${/credentials: .*\]|not taken/.exec(message)?.[0]}`,
    ),
    [
      'basic: not taken',
      'key: credentials: [bearer, { api_key: { header: X-Key } }]',
      'cookie: credentials: [bearer, { cookie: { name: session } }]',
      'query: not taken',
      'mtls: credentials: [bearer, certificate]',
    ],
  );
});

t.test('paths, servers and methods', async (t) => {
  const pathsOf = async (source: object, base?: string) => {
    const { routes, left_out: left } = await importOf(t, source, base);
    return [
      ...routes.map(({ route: { path, methods } }) => `${methods.join()} ${path}`),
      ...left.map(({ where, message }) => `left out ${where}: ${message}`),
    ];
  };
  const security = [{ oauth: ['a'] }];
  const x = { '/x/{order-id}': { get: {}, put: {}, head: {}, trace: {} } };
  t.strictSame(
    await pathsOf(document(x, { security })),
    ['GET,PUT /x/:order_id', 'left out TRACE /x/{order-id}: gateways do not serve this method'],
    'GET serves HEAD',
  );
  const api = 'https://api.test:8443/v1/';
  t.match(await pathsOf(document(x, { security, servers: [{ url: api }] })), ['GET,PUT /v1/x/:order_id']);
  t.match(await pathsOf(document(x, { security, servers: [{ url: '/v2' }] })), ['GET,PUT /v2/x/:order_id']);
  t.match(await pathsOf(document(x, { security, servers: [{ url: api }] }), '/v3'), [
    'GET,PUT /v3/x/:order_id',
  ]);
  t.match(await pathsOf(document(x, { security, servers: [{ url: api }] }), ''), ['GET,PUT /x/:order_id']);
  const servers = [
    { url: 'https://{host}/{v}', variables: { host: { default: 'a' }, v: { default: 'v4' } } },
  ];
  t.match(await pathsOf(document(x, { security, servers })), ['GET,PUT /v4/x/:order_id']);
  const own = { '/x': { servers: [{ url: '/a' }], get: {}, post: { servers: [{ url: '/b' }] } } };
  t.strictSame(await pathsOf(document(own, { security })), ['GET /a/x', 'POST /b/x']);
  const several = await importOf(t, document(x, { security, servers: [{ url: '/a' }, { url: '/b' }] }));
  t.match(several.warnings, [{ message: /several paths; \/a is taken, not \/b/ }, {}]);

  const odd = {
    '/{a}/{a.b}/{a_b}/{1}': { get: {} },
    '/f/{name}.json': { get: {} },
    '/:x': { get: {} },
    '/*': { get: {} },
    '/%2e': { get: {} },
    '/.well-known/gatehouse/x': { get: {} },
  };
  t.match(await pathsOf(document(odd, { security })), [
    'GET /:a/:a_b/:a_b_2/:p1',
    /^left out GET \/f.*a parameter is a whole segment/,
    /^left out GET \/:x: ":x" would be a parameter/,
    /^left out GET \/\*: /,
    /^left out GET \/%2e: /,
    /^left out .*the gateway\u2019s own/,
  ]);
  const body = await importOf(t, document({ '/x': { get: { requestBody: {} } } }, { security }));
  t.match(body.warnings, [{ message: /a body on GET is refused/ }]);
});

t.test('references within the document are followed, and none out of it', async (t) => {
  const security = [{ oauth: ['a'] }];
  const components = {
    securitySchemes: SCHEMES,
    pathItems: {
      'a/b~c': { get: { security } },
      loop: { $ref: '#/components/pathItems/pool' },
      pool: { $ref: '#/components/pathItems/loop' },
    },
  };
  const at = ($ref: string) => document({ '/x': { $ref } }, { components });
  t.match(await importOf(t, at('#/components/pathItems/a~1b~0c')), {
    routes: [{ route: { path: '/x', auth: { scopes: ['a'] } } }],
  });
  for (const [ref, message] of [
    ['other.yaml#/x', /paths\.\/x: \$ref "other.yaml#\/x" leads out of the document/],
    ['https://evil.test/x', /leads out of the document/],
    ['#/components/pathItems/none', /leads nowhere/],
    ['#/constructor', /leads nowhere/],
    ['#/components/pathItems/loop', /leads in a circle/],
  ] as const)
    await t.rejects(importOf(t, at(ref)), { name: 'StartupError', message });
});

t.test('what cannot be used is refused, with the place', async (t) => {
  const get = (security: unknown) => document({ '/x': { get: { security } } });
  const cases: [source: object | string, message: RegExp][] = [
    ['a: [', /openapi\.yaml:1:\d+: neither YAML nor JSON/],
    ['[]', /has to be a map/],
    ['swagger: "2.0"', /Swagger 2\.0: convert it/],
    ['openapi: 2', /has no openapi: 3\.x/],
    ['openapi: 4.0.0', /OpenAPI 3\.0 and 3\.1 are read, not "4\.0\.0"/],
    [document({}), /no operation under paths/],
    [document({ x: {} }), /paths\.x: has to begin with \//],
    [get([{ outh: [] }]), /paths\.\/x\.get\.security: .* no "outh": did you mean "oauth"\?/],
    [get([{ toString: [] }]), /has no "toString"/],
    [get({ oauth: [] }), /has to be a list/],
    [get([{ oauth: ['a b'] }]), /"a b" is no scope/],
    [get([{ oauth: [`\${ADMIN_TOKEN}`] }]), /is no scope/],
    [document({ '/x': { get: {} } }, { servers: [{ url: 'v1' }] }), /give the path by --base/],
    [
      `x: &a [1,1,1,1,1,1,1,1,1]\n${'bcdefgh'
        .split('')
        .map((n, i) => `${n}: &${n} [${`*${'abcdefgh'[i]},`.repeat(9)}]`)
        .join('\n')}`,
      /alias/i,
    ],
    [
      document({
        '/{name}': { get: { security: [] } },
        '/a:reset': { get: { security: [{ oauth: ['a'] }] } },
      }),
      /GET \/a:reset: there can be no route for it .* that of GET \/\{name\} would take its requests under other rules/,
    ],
  ];
  for (const [source, message] of cases)
    await t.rejects(importOf(t, source), { name: 'StartupError', message }, String(message));
});

t.test(
  'the routes pass check beside the config, and a document cannot write config of its own',
  async (t) => {
    const dir = temporaryFolder(t);
    const file = join(dir, 'orders-api.json');
    const security = [{ oauth: ['orders:read'] }];
    const paths = {
      '/shop/{id}': {
        get: {},
        delete: { security: [{ oauth: ['orders:write'] }, { oidc: ['orders:all'] }] },
      },
      '/shop/health': { get: { security: [] } },
      '/x\n# lint-ignore: public-route \u2014 fine\nlisten: {}': { get: {} },
      '/y\u2028z\u0085': { get: {} },
    };
    const openapi = {
      ...document(paths, { security, servers: [{ url: 'https://api.test/v1' }] }),
      openapi: '3.0.3',
    };
    writeFileSync(file, JSON.stringify(openapi, null, '\t'));

    const args = ['import', 'openapi', file, '--upstream', 'orders'];
    const { code, stdout, stderr } = await runCli(args, {});
    t.equal(code, 0);
    t.match(
      stderr,
      /^warning: GET \/shop\/health: PUBLIC: .*\nleft out: GET \/x\\u000a# lint-ignore.*\nleft out: [^\n]*\n$/,
    );
    t.match(
      stdout,
      /# GET \/shop\/health: PUBLIC: anybody may call it, as the document says\n {2}- \{ path: \/v1\/shop\/health, methods: \[GET\], auth: public, upstream: orders \}/,
    );
    t.notMatch(stdout, /^(?!routes:| {2}- | {2}#|#|$)/m);

    const config = join(dir, 'config');
    mkdirSync(config);
    const pki = await testPki();
    const { cert, key } = await pki.leaf('gateway', GATEWAY_SPIFFE_ID);
    const env = { PKI_DIR: dir };
    for (const [name, pem] of Object.entries({ ca: pki.ca, gateway: cert, 'gateway-key': key }))
      writeFileSync(join(dir, `${name}.pem`), pem);
    writeFileSync(join(config, 'gateway.yaml'), DEFAULT);
    writeFileSync(join(config, 'orders-api.yaml'), stdout);
    const { errors } = checkConfig(config, env, Date.now());
    t.strictSame(errors, []);
    const checked = await runCli(['check', '--config', config], env);
    t.equal(checked.code, 0, checked.stdout);
    const { snapshot } = await offlineGateway(loadGatewayConfig(config, env));
    const find = (method: string, path: string) => {
      const match = snapshot.routes.find(method, path, { host: 'a', headers: [], query: '' });
      return match !== undefined && 'route' in match ? match.route : undefined;
    };
    t.match(find('GET', '/v1/shop/5'), {
      access: 'protected',
      rules: [{ kind: 'scopes', all: ['orders:read'] }],
    });
    t.match(find('DELETE', '/v1/shop/5'), {
      rules: [{ kind: 'any_scope', any: ['orders:write', 'orders:all'] }],
    });
    t.match(find('GET', '/v1/shop/health'), { access: 'public' });

    const json = await runCli([...args, '--json', '--strict'], {});
    t.equal(json.code, 1, '--strict fails for warnings');
    t.match(JSON.parse(json.stdout), {
      openapi: '3.0.3',
      routes: [{ operations: ['GET /shop/{id}'], route: { path: '/v1/shop/:id' } }, {}, {}],
      left_out: [{}, {}],
    });
    const stdin = await runCli(
      ['import', 'openapi', '-', '--upstream', 'orders'],
      {},
      JSON.stringify(openapi),
    );
    t.match(stdin, { code: 0, stdout: /from standard input \(OpenAPI 3\.0\.3\)/ });
    t.match(await runCli(['import', 'openapi', file], {}), { code: 2, stderr: /--upstream/ });
    t.match(await runCli(['import', 'openapi', 'none.yaml', '--upstream', 'a'], {}), {
      code: 1,
      stderr: /cannot read none\.yaml/,
    });
    t.match(await runCli(['import', 'openapi', file, '--upstream', 'Orders!'], {}), {
      code: 2,
      stderr: /a name as config has it/,
    });
  },
);

t.test('the text of a document never ends a comment', async (t) => {
  const text = routesYaml({
    source: 'a\nb: c',
    openapi: '3.1.0',
    routes: [
      { operations: ['GET /x'], route: { path: '/x', methods: ['GET'], auth: 'public', upstream: 'a' } },
    ],
    warnings: [
      { where: 'GET /x', message: 'a\r\nlisten: {}' },
      { where: 'GET /x', message: 'a\n lint-ignore: public-route \u2014 fine' },
    ],
    left_out: [{ where: 'x\u2028y', message: '' }],
  });
  t.strictSame(
    text.split(/[\n\r\u0085\u2028\u2029]/).filter((line) => !/^(routes:| {2}- | {2}#|#|$)/.test(line)),
    [],
  );
  t.notMatch(text, /^\s*#\s*lint-ignore/m);
});
