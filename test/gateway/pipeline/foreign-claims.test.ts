import t from 'tap';
import { checkClaims } from '../../../gateway/pipeline/check-claims.js';
import { checkTokenType } from '../../../gateway/pipeline/check-token-type.js';
import { parseStrictObject } from '../../../gateway/pipeline/strict-json.js';
import { compileIssuers } from '../../fixtures/issuer-config.js';

const NOW_MS = Date.UTC(2030, 0, 1);
const NOW_S = NOW_MS / 1000;
const MINIMAL = { iss: 'https://id.test', sub: 'ann', aud: 'api', exp: NOW_S + 300 };

function issuerWith(settings: object = {}) {
  const base = { issuer: 'https://id.test', audience: 'api', jwks_uri: 'https://id.test/jwks' };
  const [issuer] = compileIssuers({ x: { ...base, ...settings } });
  if (issuer === undefined) throw new Error('no issuer');
  return issuer;
}

const frozen = (value: object) => parseStrictObject(Buffer.from(JSON.stringify(value))) ?? {};

const read = (claims: object, payload: object) =>
  checkClaims(frozen({ ...MINIMAL, ...payload }), issuerWith({ claims }), 'kid', NOW_MS);

t.test('a foreign token may do without session, token id, client, version, scopes and roles', async (t) => {
  t.match(read({}, {}), {
    subject: 'ann',
    session: undefined,
    tokenId: undefined,
    client: undefined,
    version: undefined,
    scopes: [],
    roles: [],
  });
  t.equal(read({}, { ver: 7 }).version, undefined, 'its ver is not ours');
});

t.test('claims are read where the config says that they are', async (t) => {
  const keycloak = read(
    { roles: 'realm_access.roles', client: 'azp' },
    { realm_access: { roles: ['ops'] }, azp: 'web', roles: ['forged'], client_id: 'other' },
  );
  t.match(keycloak, { roles: ['ops'], client: 'web' });
  const auth0 = read({ roles: ['https://example.com/roles'] }, { 'https://example.com/roles': ['ops'] });
  t.strictSame(auth0.roles, ['ops']);
  const entra = read(
    { scopes: 'scp', subject: 'oid', token_id: 'uti' },
    { scp: 'a b', oid: 'o-1', uti: 'u-1' },
  );
  t.match(entra, { scopes: ['a', 'b'], subject: 'o-1', tokenId: 'u-1' });
  const listed = read({ scopes: 'scp', roles: 'role' }, { scp: ['a', 'b'], role: 'x admin' });
  t.match(listed, { scopes: ['a', 'b'], roles: ['x admin'] }, 'a role as text stays one');
  t.strictSame(
    read({ roles: 'a.b' }, { 'a.b': ['forged'] }).roles,
    [],
    'a path is never the name of one claim',
  );
});

t.test('what is not where it should be is missing, and never what every object has', async (t) => {
  for (const roles of ['constructor.name', 'realm_access.length', 'toString', 'realm_access.0'])
    t.strictSame(read({ roles }, { realm_access: ['ops'] }).roles, [], roles);
  t.throws(
    () => read({ subject: 'oid' }, {}),
    { code: 'token_claims' },
    'there is no caller without a subject',
  );
  const wrong = [7, true, null, {}, [7], [['a']], [''], ['a\u0000'], ['\ud800'], [{ a: 1 }]];
  for (const roles of wrong)
    t.throws(
      () => read({}, { roles }),
      { code: 'token_claims', reason: 'claims.roles' },
      JSON.stringify(roles),
    );
  for (const scope of wrong)
    t.throws(
      () => read({}, { scope }),
      { code: 'token_claims', reason: 'claims.scopes' },
      JSON.stringify(scope),
    );
});

t.test('without iat the lifetime that is left has to do', async (t) => {
  const issuer = issuerWith({ max_lifetime: '1h' });
  const check = (payload: object) => checkClaims(frozen({ ...MINIMAL, ...payload }), issuer, 'kid', NOW_MS);
  t.ok(check({ exp: NOW_S + 3600 }));
  t.throws(() => check({ exp: NOW_S + 3601 }), { code: 'token_claims', reason: 'claims.lifetime' });
  t.throws(() => check({ iat: NOW_S - 3000, exp: NOW_S + 601 }), { code: 'token_claims' });
});

t.test('the leeway is for expiry and for clocks that are ahead, to the second', async (t) => {
  const issuer = issuerWith({ leeway: '10s' });
  const check = (payload: object) => checkClaims(frozen({ ...MINIMAL, ...payload }), issuer, 'kid', NOW_MS);
  t.ok(check({ exp: NOW_S - 9 }));
  t.throws(() => check({ exp: NOW_S - 10 }), { code: 'token_expired' });
  t.ok(check({ iat: NOW_S + 10 }));
  t.throws(() => check({ iat: NOW_S + 11 }), { code: 'token_claims', reason: 'claims.iat' });
  t.throws(() => check({ nbf: NOW_S + 11 }), { code: 'token_claims', reason: 'claims.nbf' });
});

t.test('what a verified token says cannot be changed by anybody who shares it', async (t) => {
  const token = read({}, { roles: ['user'], nested: { list: [{}] } });
  t.throws(() => Object.assign(token, { subject: 'root' }), TypeError);
  t.throws(() => (token.roles as string[]).push('admin'), TypeError);
  t.throws(() => (token.scopes as string[]).push('all'), TypeError);
  const { nested } = token.claims as { nested: { list: object[] } };
  t.throws(() => Object.assign(nested.list[0] ?? {}, { a: 1 }), TypeError);
});

t.test('another kind of JWT is no access token, whatever the issuer calls its own', async (t) => {
  const check = (token_type: string | string[], header: object, payload: object = {}) =>
    checkTokenType(
      { text: '', signatureBytes: 64, header: frozen(header), payload: frozen(payload) },
      issuerWith({ token_type }),
    );
  const refused = { code: 'token_type' };
  check('at+jwt', { typ: 'at+jwt' });
  check('at+jwt', { typ: 'application/AT+JWT' });
  check(['at+jwt', 'jwt'], { typ: 'JWT' });
  check(['jwt', 'none'], {});
  t.throws(() => check('at+jwt', { typ: 'JWT' }), refused);
  t.throws(() => check('at+jwt', {}), refused);
  t.throws(() => check('none', { typ: 'none' }), refused, 'none is for a token without a typ');
  t.throws(() => check('jwt', { typ: ['JWT'] }), refused);
  t.throws(() => check('jwt', { typ: null }), refused);
  t.throws(() => check('jwt', { typ: 'JWT' }, { at_hash: 'x' }), refused, 'an ID token');
  t.throws(() => check('jwt', { typ: 'JWT' }, { typ: 'ID' }), refused, 'Keycloak’s ID token');
  t.throws(() => check('jwt', { typ: 'JWT' }, { typ: 'Refresh' }), refused, 'Keycloak’s refresh token');
  check('jwt', { typ: 'JWT' }, { typ: 'Bearer' });
});
