import t, { type Test } from 'tap';
import { effectiveConfig } from '../../../gateway/inspect/effective-config.js';
import {
  type BaseConfig,
  compileChanged,
  foundProblems,
  problemsOf,
} from '../../fixtures/config-problems.js';

/** What a route can say, and what it cannot: an error at load, with a remedy. */

const plain = { methods: ['GET'], auth: 'caller', upstream: 'auth' };
const route = (given: object) => (config: BaseConfig) => {
  config.routes[0] = { ...config.routes[0], ...given };
};
const routes =
  (...given: object[]) =>
  (config: BaseConfig) => {
    config.routes = given.map((each) => ({ path: '/x', ...plain, ...each }));
  };
const both =
  (...changes: ((config: BaseConfig) => void)[]) =>
  (config: BaseConfig) => {
    for (const change of changes) change(config);
  };
const listen = (given: object) => (config: BaseConfig) => {
  config['listen'] = { ...config['listen'], ...given };
};

type Cases = Record<string, [RegExp, (config: BaseConfig) => void]>;

function eachIsRefused(t: Test, cases: Cases): void {
  for (const [name, [expected, change]] of Object.entries(cases)) {
    const problems = problemsOf(change);
    t.ok(
      problems.some((problem) => expected.test(problem)),
      `${name}: ${problems.join(' | ')}`,
    );
  }
}

/** The id of the route that a request gets, or what it gets instead. */
function finder(change: (config: BaseConfig) => void) {
  const table = compileChanged(change).routes;
  return (request: string, headers: string[] = [], host = 'any.test') => {
    const [method = '', target = ''] = request.split(' ');
    const [path = '', query] = target.split('?');
    const match = table.find(method, path, {
      host,
      headers,
      query: query === undefined ? '' : `?${query}`,
    });
    if (match === undefined) return 'none';
    return 'route' in match ? match.route.id : `allow ${match.allow.join(', ')}`;
  };
}

t.test('an exact host wins over its wildcard, and that over any host', async (t) => {
  const find = finder(
    routes(
      { path: '/*' },
      { path: '/*', hosts: ['*.a.test'] },
      { path: '/*', hosts: ['API.a.test'] },
      { path: '/only', methods: ['POST'] },
      { path: '/only', methods: ['PUT'], hosts: ['api.a.test', '[::1]'] },
    ),
  );
  const host = (name: string) => find('GET /x', [], name);
  t.equal(host('api.a.test'), 'GET api.a.test/*');
  t.equal(host('API.A.test.:8443'), 'GET api.a.test/*');
  t.equal(host('www.a.test'), 'GET *.a.test/*');
  t.equal(host('deep.www.a.test'), 'GET /*', 'a wildcard is one label');
  t.equal(host('a.test'), 'GET /*', 'and not none');
  t.equal(host('evil.test'), 'GET /*');
  t.equal(find('PUT /only', [], '[::1]:80'), 'PUT api.a.test,[::1]/only');
  t.equal(
    find('POST /only', [], 'api.a.test'),
    'POST /only',
    'what the host has no route for is anybody\u2019s',
  );
  t.equal(find('DELETE /only', [], 'api.a.test'), 'allow GET, HEAD, PUT, POST', 'of all of them');
});

t.test('routes of one path are told apart by headers and query, the narrower first', async (t) => {
  const find = finder(
    routes(
      {},
      { headers: { 'X-Version': { present: true } } },
      { headers: { 'X-Version': '2' } },
      { headers: { 'X-Version': '2' }, query: { mode: 'fast' } },
      { path: '/y', query: { v: '1' } },
      { path: '/y', query: { v: { present: false } }, methods: ['PUT'] },
      { path: '/y', methods: ['POST'] },
    ),
  );
  t.equal(find('GET /x'), 'GET /x');
  t.equal(find('GET /x', ['x-version', '']), 'GET /x [x-version]');
  t.equal(find('GET /x', ['x-version', '2']), 'GET /x [x-version=2]');
  t.equal(find('HEAD /x?a=b&mode=fast', ['x-version', '2']), 'GET /x [x-version=2, ?mode=fast]');
  t.equal(find('GET /x', ['x-version', '2', 'x-version', '2']), 'GET /x [x-version]', 'twice is no value');
  t.equal(find('GET /x?mode=fast&mode=fast', ['x-version', '2']), 'GET /x [x-version=2]');
  t.equal(find('GET /y?%76=%31'), 'GET /y [?v=1]', 'names and values are decoded');
  t.equal(find('GET /y?v=2'), 'none', 'the method is right, so this is no 405');
  t.equal(find('PUT /y?V=2'), 'PUT /y [not ?v]');
  t.equal(find('PUT /y?v'), 'none');
  t.equal(find('DELETE /y'), 'allow GET, HEAD, POST, PUT');
});

t.test('nothing depends on the order in the file', async (t) => {
  eachIsRefused(t, {
    'the same path twice': [/^config_route_duplicate: GET \/x is taken .*gateway\.yaml:\d+/, routes({}, {})],
    'and by other parameter names': [
      /^config_route_duplicate/,
      routes({ path: '/x/:a' }, { path: '/x/:b', methods: ['HEAD'] }),
    ],
    'the same host among others': [
      /^config_route_duplicate/,
      routes({ hosts: ['a.test', 'b.test'] }, { hosts: ['c.test', 'B.test'] }),
    ],
    'the same headers, written another way': [
      /^config_route_duplicate/,
      routes({ headers: { 'X-A': '1' } }, { headers: { 'x-a': '1' } }),
    ],
    'conditions that one request can meet': [
      /^config_route_ambiguous: .*gateway\.yaml:\d+.*present: false/,
      routes({ headers: { 'X-A': '1' } }, { query: { a: '1' } }),
    ],
    'presence of one and value of the other': [
      /^config_route_ambiguous/,
      routes(
        { headers: { 'X-A': '1', 'X-B': { present: true } } },
        { headers: { 'X-A': { present: true }, 'X-B': '2' } },
      ),
    ],
    'parameters that candidates name differently': [
      /^config_route_parameters: .*\/x\/:a/,
      routes({ path: '/x/:a' }, { path: '/x/:b', query: { v: '1' } }),
    ],
  });
  t.same(
    problemsOf(
      routes(
        { headers: { 'X-A': '1' }, query: { a: { present: false } } },
        { query: { a: '1' } },
        { hosts: ['a.test'], headers: { 'X-B': '1' } },
        { methods: ['POST'] },
      ),
    ),
    [],
    'absence, another host and another method keep them apart',
  );
});

t.test('what a route goes by is something that a request can have', async (t) => {
  eachIsRefused(t, {
    'a host with a port': [/^config_host: "a.test:80"/, route({ hosts: ['a.test:80'] })],
    'a URL': [/^config_host/, route({ hosts: ['https://a.test'] })],
    'a star inside': [/^config_host/, route({ hosts: ['api.*.test'] })],
    'a star alone': [/^config_host/, route({ hosts: ['*'] })],
    'a host twice': [/^config_host: .*twice/, route({ hosts: ['a.test', 'A.test'] })],
    'no host': [/^config_value/, route({ hosts: [] })],
    'a host that the listener refuses': [
      /^config_host_unserved: .*"a.test"/,
      both(listen({ hosts: ['b.test', '*.a.test'] }), route({ hosts: ['a.test'] })),
    ],
    'a listener with a port': [/^config_host/, listen({ hosts: ['a.test:80'] })],
    'the Host header': [/^config_match_header: .*use hosts/, route({ headers: { Host: 'a' } })],
    'an identity header': [/^config_match_header/, route({ headers: { 'X-Identity-Subject': 'a' } })],
    'a forwarding header': [/^config_match_header/, route({ headers: { 'X-Forwarded-Host': 'a' } })],
    'a steering header': [/^config_match_header/, route({ headers: { 'X-Original-URL': '/a' } })],
    'a credential': [/^config_match_header/, route({ headers: { Authorization: { present: false } } })],
    'a header that an upstream\u2019s identity goes by': [
      /^config_match_header/,
      both(route({ headers: { 'X-User': 'a' }, identity_headers: { 'x-user': 'sub' } })),
    ],
    'a header twice': [/^config_match_header: .*twice/, route({ headers: { 'X-A': 'a', 'x-a': 'b' } })],
    'a number for a text': [/^config_value/, route({ headers: { 'X-Version': 2 } })],
    'a pattern': [/^config_unknown_key/, route({ headers: { 'X-Version': { regex: '.*' } } })],
    'no header': [/^config_value/, route({ headers: {} })],
  });
  t.same(
    problemsOf(both(listen({ hosts: ['a.test', '*.b.test'] }), route({ hosts: ['*.test', 'x.b.test'] }))),
    [],
    'a wildcard where some name of it is served',
  );
  const [problem] = foundProblems(route({ hosts: ['ok.test', 'a b'] }));
  t.match(problem, { file: 'gateway.yaml', line: /^\d+$/, column: 9, code: 'config_host' });
});

t.test('a rewrite makes one path, of what the route has', async (t) => {
  eachIsRefused(t, {
    'a prefix that is not there': [/^config_rewrite: \/api .*\/x\/:id/, route({ strip_prefix: '/api' })],
    'half a segment': [/^config_rewrite/, route({ path: '/apis/x', strip_prefix: '/api' })],
    'a parameter in the prefix': [/^config_rewrite/, route({ strip_prefix: '/x/:id' })],
    'a final slash': [/^config_rewrite/, route({ strip_prefix: '/x/' })],
    'nothing to strip': [/^config_rewrite/, route({ strip_prefix: '/' })],
    'two ways at once': [
      /^config_rewrite: .*remove strip_prefix/,
      route({ strip_prefix: '/x', rewrite: '/y' }),
    ],
    'an unknown parameter': [/^config_rewrite: .*did you mean ":id"/, route({ rewrite: '/y/:ids' })],
    'a wildcard that the path does not have': [/^config_rewrite: .*it has :id/, route({ rewrite: '/y/*' })],
    'a dot segment': [/^config_route_path/, route({ rewrite: '/../:id' })],
    'an empty segment': [/^config_route_path/, route({ rewrite: '//:id' })],
    'a query': [/^config_route_path/, route({ rewrite: '/y?a=:id' })],
    'an encoded slash': [/^config_route_path/, route({ rewrite: '/y%2F:id' })],
    'part of a segment': [/^config_route_path/, route({ rewrite: '/y/:id.json' })],
    'a wildcard in the middle': [/^config_route_path/, route({ path: '/x/*', rewrite: '/*/y' })],
  });
});

const nowhere = { upstream: undefined };
const redirect = (to: string, more: object = {}) => route({ ...nowhere, redirect: { to }, ...more });
const reply = (given: object, more: object = {}) => route({ ...nowhere, reply: given, ...more });

t.test('a route goes to one place', async (t) => {
  eachIsRefused(t, {
    nowhere: [/^config_route_destination: .*upstream, a redirect or a reply/, route(nowhere)],
    'to two places': [/^config_route_destination: .*redirect/, route({ redirect: { to: '/y' } })],
    'a time-out of nobody': [/^config_route_destination: .*timeout/, redirect('/y', { timeout: '1s' })],
    'a body for nobody': [/^config_route_destination: .*max_body/, reply({}, { max_body: '1KiB' })],
    'without auth': [/^config_missing_key: .*auth/, reply({ status: 200 }, { auth: undefined })],
    'a host from the request': [/^config_redirect: .*fixed text/, redirect('https://:id.test/')],
    'a user in the URL': [/^config_redirect/, redirect('https://good.test@evil.test/')],
    'a host in capitals': [/^config_redirect: .*write https:\/\/a.test/, redirect('https://A.test/')],
    'no host': [/^config_redirect/, redirect('https:///x')],
    'a host without a scheme': [/^config_route_path/, redirect('//evil.test/')],
    'plain http': [/^config_value/, redirect('http://a.test/')],
    'another scheme': [/^config_value/, redirect('javascript:alert(1)')],
    'a line break': [/^config_value/, redirect('/y\r\nSet-Cookie: a=b')],
    'a fragment': [/^config_redirect/, redirect('/y#z')],
    'a parameter in the query': [/^config_redirect/, redirect('/y?id=:id')],
    'an unknown parameter': [/^config_rewrite/, redirect('https://a.test/:ids')],
    'a status that is no redirect': [
      /^config_value/,
      route({ ...nowhere, redirect: { to: '/y', status: 200 } }),
    ],
    'a body where there is none': [/^config_reply/, reply({ status: 204, body: 'x' })],
    'a giant reply': [/^config_reply: .*64KiB/, reply({ body: 'x'.repeat(65537) })],
    'an interim status': [/^config_value/, reply({ status: 101 })],
    'a header with a line break': [/^config_/, reply({ headers: { 'X-A': 'a\r\nb: c' } })],
    'an upstream that is not there': [/^config_dangling_name/, route({ upstream: 'autz' })],
  });
  t.same(problemsOf(redirect('https://a.test:8443/y/:id?z=1')), []);
  t.same(problemsOf(reply({ status: 304 })), []);
});

const defaults = (given: object) => (config: BaseConfig) => {
  config['defaults'] = given as never;
};
const set = (name: string, value = 'a') => ({ set: { [name]: value } });

t.test('what is the gateway\u2019s to say is not for header rules', async (t) => {
  const requests = [
    'Host',
    'Connection',
    'Content-Length',
    'Transfer-Encoding',
    'TE',
    'X-Identity-Subject',
    'Client-Cert',
    'X-Forwarded-For',
    'X-Request-Id',
    'X-Original-URL',
    'Sec-WebSocket-Protocol',
    'Proxy-Authorization',
  ];
  const responses = ['Connection', 'Content-Length', 'Trailer', 'X-Identity-Kind', 'X-Request-Id', 'Vary'];
  for (const name of requests) {
    const expected = new RegExp(`^config_header_rule: ${name} is not for routes`);
    t.match(problemsOf(route({ request_headers: set(name) })), [expected], name);
    t.match(problemsOf(route({ request_headers: { remove: [name] } })), [expected], name);
    t.match(problemsOf(defaults({ request_headers: set(name.toLowerCase()) })), [/^config_header_rule/]);
  }
  for (const name of [...responses, 'Access-Control-Allow-Origin']) {
    const expected = new RegExp(`^config_header_rule: ${name} is not for routes`);
    t.match(problemsOf(route({ response_headers: set(name) })), [expected], name);
    t.match(problemsOf(route({ response_headers: { remove: [name] } })), [expected], name);
    t.match(problemsOf(reply({ headers: { [name]: 'a' } })), [expected], name);
  }
  eachIsRefused(t, {
    'a custom identity header': [
      /^config_header_rule/,
      route({ identity_headers: { 'X-User': 'sub' }, request_headers: set('x-user') }),
    ],
    'set and removed': [
      /^config_header_rule: .*keep one/,
      route({ response_headers: { ...set('X-A'), remove: ['x-a'] } }),
    ],
    'set twice': [
      /^config_header_rule: .*twice/,
      route({ response_headers: { set: { 'X-A': '1', 'x-a': '2' } } }),
    ],
    'a line break': [/^config_header_rule/, route({ request_headers: set('X-A', 'a\r\nX-B: c') })],
    nothing: [/^config_header_rule/, route({ request_headers: set('X-A', '') })],
    'a line break to clients': [/^config_value/, route({ response_headers: set('X-A', 'a\nb') })],
    'an underscore': [/^config_/, route({ request_headers: set('X_A') })],
    'for nobody': [/^config_route_destination/, reply({}, { request_headers: set('X-A') })],
  });
});

t.test('CORS that would let any page act as the user', async (t) => {
  const cors = (given: object) => ({ cors: { origins: ['https://a.test'], ...given } });
  const any = { origins: ['*'], credentials: true };
  eachIsRefused(t, {
    'any page with credentials': [/^config_cors: .*act as the user/, route(cors(any))],
    'in the defaults': [/^config_cors/, defaults(cors(any))],
    'in a profile': [
      /^config_cors/,
      (config) => {
        config['auth'] = { caller: { issuers: ['main'], ...cors(any) } };
      },
    ],
    'any page and another': [/^config_cors: .*leave out/, route(cors({ origins: ['*', 'https://a.test'] }))],
    'an origin with a path': [/^config_origin/, route(cors({ origins: ['https://a.test/x'] }))],
    null: [/^config_origin/, route(cors({ origins: ['null'] }))],
    'a wildcard inside': [/^config_origin/, route(cors({ origins: ['https://*.a.test'] }))],
    nobody: [/^config_value/, route(cors({ origins: [] }))],
    'a method that the route does not take': [
      /^config_cors: .*PUT/,
      route(cors({ methods: ['GET', 'PUT'] })),
    ],
    'routes that a preflight cannot tell apart': [
      /^config_cors: a preflight shows no headers.*gateway\.yaml:\d+/,
      routes({ headers: { 'X-A': '1' }, ...cors({}) }, {}),
    ],
  });
  t.same(problemsOf(routes({ query: { a: '1' }, ...cors({}) }, {})), [], 'it does show the query');
  t.same(problemsOf(both(defaults(cors({})), routes({ headers: { 'X-A': '1' } }, {}))), []);
});

t.test(
  'the effective config has the defaults in each route, and shows no header for an upstream',
  async (t) => {
    const change = both(
      defaults({
        timeout: '5s',
        request_headers: set('Authorization', 'Basic secret1'),
        rate_limit: { requests: 1, per: '1s' },
      }),
      routes(
        { request_headers: set('X-Key', 'secret2') },
        { path: '/y', ...nowhere, reply: {}, rate_limit: false },
      ),
    );
    const config = { auth: {}, routes: [] } as unknown as BaseConfig;
    change(config);
    const shown = JSON.stringify(effectiveConfig({ config, snapshot: compileChanged(change) } as never));
    t.notMatch(shown, /secret\d/);
    const [first, second] = (JSON.parse(shown) as { routes: Record<string, unknown>[] }).routes;
    t.match(first, {
      timeout: '5s',
      rate_limit: { requests: 1 },
      request_headers: { set: { Authorization: '(secret)', 'X-Key': '(secret)' } },
    });
    t.notOk('rate_limit' in (second ?? {}) || 'timeout' in (second ?? {}));
  },
);
