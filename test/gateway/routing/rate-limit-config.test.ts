import t from 'tap';
import { type BaseConfig, compileChanged, problemsOf } from '../../fixtures/config-problems.js';

const REDIS = { redis_url: 'redis://127.0.0.1:1' };
const API = { requests: 100, per: '1m' };

const change =
  (route: object, sections: object = {}, revocation: object = {}) =>
  (config: BaseConfig): void => {
    config.routes[0] = { ...config.routes[0], ...route };
    config['revocation'] = { ...config['revocation'], ...revocation };
    Object.assign(config, sections);
  };

const limitsOf = (...given: Parameters<typeof change>) => {
  const [route] = compileChanged(change(...given)).routes.all;
  return route?.rateLimits;
};

t.test('what a limit leaves out', async (t) => {
  t.match(limitsOf({ rate_limit: API }), {
    limits: [{ name: 'route', requests: 100, perMs: 60_000, burst: 100, by: 'subject', shared: false }],
    cost: 1,
    policy: '"route";q=100;w=60',
  });
  t.equal(limitsOf({}), undefined);
  t.equal(limitsOf({ rate_limit: false }, { defaults: { rate_limit: API } }), undefined);
});

t.test('limits by name are one wherever they stand; limits of a route are its own', async (t) => {
  const named = { rate_limits: { api: { ...API, by: 'client', burst: 5 } } };
  const limits = limitsOf({ rate_limit: ['api', { requests: 1, per: '500ms' }], cost: 1 }, named);
  t.equal(limits?.policy, '"api";q=100;w=60, "route.2";q=1', 'half a second is no window that could be told');
  const ids = (...routes: object[]) =>
    compileChanged((config) => {
      Object.assign(config, named, { defaults: { rate_limit: API } });
      config.routes = routes.map((given, index) => ({
        ...{ path: `/${index}`, methods: ['GET'], auth: 'caller', upstream: 'auth' },
        ...given,
      }));
    }).routes.all.map(({ rateLimits }) => rateLimits?.limits[0]?.id);
  t.equal(new Set(ids({ rate_limit: 'api' }, { rate_limit: 'api' })).size, 1);
  t.equal(new Set(ids({}, {})).size, 2, 'a default without a name counts for each route');
});

t.test('a limit with other numbers starts anew', async (t) => {
  const id = (api: object) => limitsOf({ rate_limit: 'api' }, { rate_limits: { api } })?.limits[0]?.id;
  t.equal(id(API), id({ ...API, burst: 100 }), 'the same, written out');
  for (const other of [{ requests: 1 }, { per: '1h' }, { burst: 3 }, { by: 'address' }])
    t.not(id(API), id({ ...API, ...other }), JSON.stringify(other));
});

t.test('what nobody could keep to, or would count nothing', async (t) => {
  const cases: Record<string, [RegExp, ...Parameters<typeof change>]> = {
    'a name that is not there': [
      /^config_dangling_name: .*"apo": did you mean "api"/,
      { rate_limit: 'apo' },
      { rate_limits: { api: API } },
    ],
    'no time': [/^config_rate_limit: .*no window/, { rate_limit: { requests: 1, per: '0s' } }],
    'no time, in a list of the defaults': [
      /^config_rate_limit: .*no window/,
      {},
      { defaults: { rate_limit: [{ requests: 1, per: '0s' }] } },
    ],
    'a cost beyond the burst': [
      /^config_rate_limit: .*costs 5 .* burst of 4/,
      { rate_limit: { ...API, burst: 4 }, cost: 5 },
    ],
    'a cost beyond the burst of a default': [
      /^config_rate_limit: .*costs 101 .* burst of 100/,
      { cost: 101 },
      { defaults: { rate_limit: API } },
    ],
    'a cost beyond the burst of a name': [
      /^config_rate_limit: .*costs 3 .* burst of 2/,
      { rate_limit: ['api'], cost: 3 },
      { rate_limits: { api: { ...API, burst: 2 } } },
    ],
    'a cost without a limit': [/^config_rate_limit: .*no rate limit/, { cost: 2 }],
    'a name twice': [
      /^config_rate_limit: "api" is there twice/,
      { rate_limit: ['api', 'api'] },
      { rate_limits: { api: API } },
    ],
    'the name that clients read for others': [
      /^config_rate_limit: "route"/,
      {},
      { rate_limits: { route: API } },
    ],
    'somebody on a public route': [
      /^config_rate_limit: nobody is known/,
      { auth: 'public', rate_limit: { ...API, by: 'client' } },
    ],
    'shared without Redis': [
      /^config_rate_limit_redis: /,
      {},
      { rate_limits: { api: { ...API, shared: true } } },
    ],
    'of a route, shared without Redis': [
      /^config_rate_limit_redis: /,
      { rate_limit: [{ ...API, shared: true }] },
    ],
    'an unknown way to count': [
      /^config_value: rate_limit.by has to be subject, client, api_key or address/,
      { rate_limit: { ...API, by: 'ip' } },
    ],
    'an unknown way to count, in a list': [
      /^config_value: by has to be subject, client, api_key or address/,
      { rate_limit: [{ ...API, by: 'ip' }] },
    ],
  };
  for (const [name, [expected, ...given]] of Object.entries(cases)) {
    const problems = problemsOf(change(...given));
    t.ok(
      problems.some((problem) => expected.test(problem)),
      `${name}: ${problems.join(' | ')}`,
    );
  }
  t.same(problemsOf(change({ rate_limit: [{ ...API, shared: true }] }, {}, REDIS)), []);
  t.same(
    problemsOf(
      change({ auth: 'public', rate_limit: 'api' }, { rate_limits: { api: { ...API, by: 'client' } } }),
    ),
    [],
    'a name may be shared by routes of both kinds: nobody known counts by address',
  );
});
