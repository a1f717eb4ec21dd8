import t from 'tap';
import { type BaseConfig, problemsOf } from '../../fixtures/config-problems.js';

/** Each of these would be a route that refuses everybody, or admits somebody it should not: an error at load. */

const profile = (given: object) => (config: BaseConfig) => {
  (config['auth'] as Record<string, unknown>)['caller'] = { issuers: ['main'], ...given };
};
const route = (given: object) => (config: BaseConfig) => {
  config.routes[0] = { ...config.routes[0], ...given };
};
const tls = { certificates: [{ cert: 'c', key: 'k' }], client_ca: 'ca.pem' };

t.test('what is right is taken', async (t) => {
  t.same(
    problemsOf(() => undefined),
    [],
  );
  t.same(
    problemsOf((config) => {
      config['listen'] = { ...config['listen'], public_url: 'https://api.test', tls };
      profile({
        credentials: [
          'bearer',
          'dpop',
          'websocket',
          'certificate',
          { api_key: { header: 'X-Key' } },
          { cookie: { name: '__Host-session' } },
          { cookie: { name: 'old-session' } },
        ],
        origins: ['https://app.test', 'http://localhost:3000'],
        claims: { sub: { param: 'id' }, org: { one_of: ['a', 1, true] } },
      })(config);
      route({ identity_headers: { 'X-User-Id': 'sub' }, origins: [], forward_certificate: true })(config);
    }),
    [],
  );
});

t.test('what could never work, or not safely, is an error with a remedy', async (t) => {
  const cases: Record<string, [RegExp, (config: BaseConfig) => void]> = {
    'no issuer for tokens': [/^config_profile_issuers: tokens need an issuer/, profile({ issuers: [] })],
    'API keys of a foreign issuer': [
      /^config_profile_issuers: .*own: true/,
      profile({ issuers: ['foreign'], credentials: ['api_key'] }),
    ],
    'a cookie for any page': [
      /^config_cookie_origins/,
      profile({ credentials: [{ cookie: { name: 's' } }] }),
    ],
    'the refresh cookie': [
      /^config_cookie_name/,
      profile({
        credentials: [{ cookie: { name: '__Host-gatehouse-refresh' } }],
        origins: ['https://a.test'],
      }),
    ],
    'DPoP without a public URL': [/^config_dpop_public_url/, profile({ credentials: ['dpop'] })],
    'certificates that nobody asks for': [
      /^config_certificate_ca/,
      profile({ credentials: ['certificate'] }),
    ],
    'forwarding what nobody asks for': [/^config_certificate_ca/, route({ forward_certificate: true })],
    'two headers for API keys': [
      /^config_credential_duplicate/,
      profile({ credentials: ['api_key', { api_key: { header: 'X-Other' } }] }),
    ],
    'an API key in a header of another meaning': [
      /^config_header_name/,
      profile({ credentials: [{ api_key: { header: 'Cookie' } }] }),
    ],
    'an origin with a path': [
      /^config_origin: .*write "https:\/\/a.test"/,
      profile({ origins: ['https://a.test/'] }),
    ],
    'an origin in capitals': [
      /^config_origin: .*write "https:\/\/a.test"/,
      profile({ origins: ['https://A.test'] }),
    ],
    'any origin': [/^config_origin/, profile({ origins: ['*'] })],
    'the origin of a sandbox': [/^config_origin/, route({ origins: ['null'] })],
    'a public URL with a path': [
      /^config_public_url/,
      (config) => {
        config['listen'] = { ...config['listen'], public_url: 'https://api.test/v1' };
      },
    ],
    'a parameter that the path does not have': [
      /^config_rule_param: .*:owner.*known: :id/,
      route({ auth: { profile: 'caller', claims: { sub: { param: 'owner' } } } }),
    ],
    'a parameter with a slip': [
      /^config_rule_param: .*did you mean "id"/,
      route({ auth: { profile: 'caller', claims: { sub: { param: 'ids' } } } }),
    ],
    'a profile\u2019s parameter': [/^config_rule_param/, profile({ claims: { sub: { param: 'user' } } })],
    'a wildcard as a parameter': [
      /^config_rule_param/,
      route({ path: '/x/*', auth: { profile: 'caller', claims: { sub: { param: '*' } } } }),
    ],
    'an identity header of another meaning': [
      /^config_header_name/,
      route({ identity_headers: { Host: 'sub' } }),
    ],
    'a standard identity header': [
      /^config_header_name/,
      route({ identity_headers: { 'X-Identity-Tenant': 'org' } }),
    ],
    'one name in two cases': [
      /^config_header_name: .*twice/,
      route({ identity_headers: { 'X-User': 'sub', 'x-user': 'sid' } }),
    ],
    'the header for API keys': [
      /^config_header_name/,
      (config) => {
        profile({ credentials: ['api_key'] })(config);
        route({ identity_headers: { 'X-Api-Key': 'sub' } })(config);
      },
    ],
    'an underscore in an identity header': [/^config_name/, route({ identity_headers: { X_User: 'sub' } })],
    'a scope that would end its quotes': [
      /^config_value/,
      route({ auth: { profile: 'caller', scopes: ['a"b'] } }),
    ],
    'an empty list of roles': [/^config_value/, route({ auth: { profile: 'caller', roles: [] } })],
    'a profile whose name would hide what is in it': [
      /^config_name: "Admins" cannot be a name here/,
      (config) => {
        config['auth'] = { ...config['auth'], Admins: { issuers: ['main'], rolez: ['admin'] } };
      },
    ],
    'an unknown rule': [/^config_unknown_key/, route({ auth: { profile: 'caller', scope: ['a'] } })],
    'an unknown source': [/^config_value/, profile({ credentials: ['basic'] })],
    'a profile that does not exist': [
      /^config_dangling_name/,
      route({ auth: { profile: 'calller', report_only: true } }),
    ],
  };
  for (const [name, [expected, change]] of Object.entries(cases)) {
    t.ok(
      problemsOf(change).some((problem) => expected.test(problem)),
      `${name}: ${problemsOf(change).join(' | ')}`,
    );
  }
});
