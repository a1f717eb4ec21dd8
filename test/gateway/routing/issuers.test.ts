import t from 'tap';
import { ConfigError } from '../../../kit/config-file.js';
import { compileIssuers } from '../../fixtures/issuer-config.js';

const REMOTE = { issuer: 'https://id.test', audience: 'api', jwks_uri: 'https://id.test/jwks' };
const { jwks_uri: _, ...BARE } = REMOTE;
const JWK = { kty: 'EC', crv: 'P-256', x: 'x', y: 'y' };

/** The problems that a config with these issuers has, as `code: message`. */
function problemsOf(issuers: object): string[] {
  try {
    compileIssuers(issuers);
    return [];
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    return error.problems.map(
      ({ code, line, message }) => `${line > 1 ? '' : 'without its line: '}${code}: ${message}`,
    );
  }
}

t.test('an issuer has its keys from exactly one place', async (t) => {
  const good = [
    REMOTE,
    { ...BARE, discovery: true },
    { ...BARE, discovery: 'https://id.test/.well-known/oauth-authorization-server' },
    { ...BARE, jwks_file: 'keys.json' },
    { ...BARE, jwks: { keys: [JWK] } },
    { ...REMOTE, upstream: 'auth' },
    { ...REMOTE, ca: 'ca.pem' },
  ];
  for (const issuer of good) t.strictSame(problemsOf({ x: issuer }), [], JSON.stringify(issuer));
  t.match(
    problemsOf({ x: BARE }).join(),
    /^config_issuer_keys: an issuer needs its keys from one of jwks_uri/,
  );
  for (const second of [{ discovery: true }, { jwks_file: 'keys.json' }, { jwks: { keys: [JWK] } }]) {
    t.match(
      problemsOf({ x: { ...REMOTE, ...second } }).join(),
      /^config_issuer_keys: its keys come from one/,
    );
  }
  const pointless = [
    { ...BARE, jwks_file: 'keys.json', ca: 'ca.pem' },
    { ...BARE, jwks: { keys: [JWK] }, insecure_http: true },
    { ...BARE, discovery: true, upstream: 'auth' },
    { ...REMOTE, upstream: 'auth', ca: 'ca.pem' },
  ];
  for (const issuer of pointless)
    t.match(problemsOf({ x: issuer }).join(), /^config_issuer_keys: .* remove it/);
  t.match(problemsOf({ x: { ...REMOTE, upstream: 'aut' } }).join(), /did you mean "auth"/);
});

t.test(
  'keys travel over https, but for an identity provider on this machine, where that is written out',
  async (t) => {
    const url = (jwks_uri: string, more: object = {}) =>
      problemsOf({ x: { ...BARE, jwks_uri, ...more } }).join();
    const insecure = { insecure_http: true };
    t.match(url('http://127.0.0.1:8080/jwks'), /^config_issuer_url: .*insecure_http/);
    for (const host of ['127.0.0.1:8080', 'localhost', '[::1]:8080'])
      t.equal(url(`http://${host}/jwks`, insecure), '', host);
    for (const host of ['id.test', '127.0.0.1.id.test', '10.0.0.1', 'localhost.id.test', '0.0.0.0'])
      t.match(url(`http://${host}/jwks`, insecure), /loopback/, host);
    for (const bad of [
      'ftp://id.test/jwks',
      'file:///etc/keys',
      'https://u:p@id.test/jwks',
      'id.test/jwks',
      'https://id.test/#k',
    ])
      t.match(url(bad, insecure), /^config_issuer_url/, bad);
    const discovered = { ...BARE, issuer: 'http://id.test', discovery: true };
    t.match(
      problemsOf({ x: discovered }).join(),
      /^config_issuer_url/,
      'the URL that discovery makes of the issuer',
    );
  },
);

t.test('two issuers of one name, and claims that would not be read as meant', async (t) => {
  t.match(
    problemsOf({ a: REMOTE, b: { ...BARE, discovery: true } }).join(),
    /^config_issuer_duplicate: "a" has/,
  );
  t.match(
    problemsOf({ x: { ...REMOTE, claims: { roles: 'https://example.com/roles' } } }).join(),
    /config_issuer_claims: .*write \["https:\/\/example.com\/roles"\]/,
  );
  t.match(problemsOf({ x: { ...REMOTE, claims: { roles: 'a..b' } } }).join(), /empty step/);
  t.match(problemsOf({ x: { ...REMOTE, own: true, claims: { roles: 'r' } } }).join(), /are fixed/);
  t.match(problemsOf({ x: { ...REMOTE, own: true, token_type: 'jwt' } }).join(), /at\+jwt/);
  t.match(problemsOf({ x: { ...REMOTE, algorithms: ['HS256'] } }).join(), /^config_value/);
  t.match(problemsOf({ x: { ...REMOTE, algorithms: ['none'] } }).join(), /^config_value/);
  t.match(problemsOf({ x: { ...REMOTE, audience: [] } }).join(), /^config_value/);
});

t.test('what is left out has its default, and what is written is taken', async (t) => {
  const [plain] = compileIssuers({ x: REMOTE });
  t.match(plain, {
    audiences: ['api'],
    algorithms: ['ES256'],
    tokenTypes: ['at+jwt'],
    leewayS: 30,
    maxLifetimeS: 30 * 86_400,
    own: false,
    claims: { roles: ['roles'], scopes: ['scope'], tokenId: ['jti'] },
  });
  const [written] = compileIssuers({
    x: {
      ...REMOTE,
      token_type: ['application/at+JWT', 'JWT', 'none'],
      leeway: '5s',
      max_lifetime: '1h',
      claims: {
        roles: 'realm_access.roles',
        scopes: ['https://example.com/scp'],
        client: ['act', 'a.b'],
        token_id: 'uti',
      },
    },
  });
  t.match(written, {
    tokenTypes: ['at+jwt', 'jwt', 'none'],
    leewayS: 5,
    maxLifetimeS: 3600,
    claims: {
      roles: ['realm_access', 'roles'],
      scopes: ['https://example.com/scp'],
      client: ['act', 'a.b'],
      tokenId: ['uti'],
      subject: ['sub'],
    },
  });
});
