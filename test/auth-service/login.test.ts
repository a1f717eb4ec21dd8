import { PassThrough } from 'node:stream';
import { createRemoteJWKSet, customFetch, decodeProtectedHeader, jwtVerify } from 'jose';
import t from 'tap';
import type { TokenResponse } from '../../contracts/auth-api.js';
import { createLogger } from '../../kit/logger.js';
import { needsPostgres, testDatabase } from '../fixtures/postgres.js';
import { sql } from '../fixtures/sql.js';
import { ISSUER, PAGE_ORIGIN, testAuthService, USER } from '../fixtures/test-auth-service.js';

t.test('login', needsPostgres, async (t) => {
  const databaseUrl = await testDatabase(t);
  const log = new PassThrough();
  let logged = '';
  log.on('data', (chunk) => {
    logged += chunk;
  });
  const auth = await testAuthService(t, {
    databaseUrl,
    logger: createLogger('auth', { level: 'trace', destination: log }),
  });
  const { email, password } = USER;

  t.test('hands out an access token that verifies by the JWKS and says what RFC 9068 wants', async (t) => {
    const response = await auth.post('/auth/login', { email: ' ANN@example.test ', password });
    t.equal(response.status, 200);
    t.equal(response.headers['cache-control'], 'no-store');
    const body = response.json<TokenResponse>();
    t.match(body, { token_type: 'Bearer', expires_in: 900, refresh_token: /^gtr_[\w-]{71}$/ });
    const keys = createRemoteJWKSet(new URL(`${auth.publicUrl}/.well-known/jwks.json`), {
      [customFetch]: async () => new Response((await auth.get('/.well-known/jwks.json')).text),
    });
    const { payload } = await jwtVerify(body.access_token, keys, {
      issuer: ISSUER,
      audience: 'urn:gatehouse:api',
      typ: 'at+jwt',
      algorithms: ['ES256'],
    });
    const [user] = (await sql(databaseUrl, 'SELECT id FROM users')) as { id: string }[];
    t.match(payload, {
      sub: user?.id,
      client_id: 'gatehouse-first-party',
      scope: 'orders:read profile:read',
      sid: body.session_id,
      ver: 1,
      roles: ['user'],
      jti: /^[\w-]{22}$/,
    });
    t.strictSame(
      Object.keys(payload).sort(),
      'aud client_id exp iat iss jti roles scope sid sub ver'.split(' '),
    );
    const lifetimeS = (payload.exp ?? 0) - (payload.iat ?? 0);
    t.ok(lifetimeS <= 900 && lifetimeS > 840, `${lifetimeS} s, from the beginning of the login on`);
    t.strictSame(Object.keys(decodeProtectedHeader(body.access_token)).sort(), ['alg', 'kid', 'typ']);
  });

  t.test('the key set may be cached, is never empty and answers If-None-Match', async (t) => {
    const first = await auth.get('/.well-known/jwks.json');
    t.equal(first.headers['cache-control'], 'public, max-age=300');
    const [key, ...more] = first.json<{ keys: Record<string, unknown>[] }>().keys;
    t.strictSame(Object.keys(key ?? {}).sort(), ['alg', 'crv', 'kid', 'kty', 'use', 'x', 'y']);
    t.ok(more.length <= 1, 'the next key is published before its use');
    const again = await auth.get('/.well-known/jwks.json', { 'if-none-match': first.headers.etag ?? '' });
    t.equal(again.status, 304);
  });

  t.test('a wrong password, an unknown address and what can be no address answer alike', async (t) => {
    const attempts = [
      { email, password: 'wrong' },
      { email: 'nobody@example.test', password },
      { email: 'no address \u0000', password },
    ];
    const answers = await Promise.all(attempts.map((attempt) => auth.post('/auth/login', attempt)));
    const [first] = answers;
    for (const { status, headers, text } of answers) {
      t.equal(status, 401);
      t.equal(headers['www-authenticate'], 'Bearer');
      const neutral = (body: string) => body.replace(/"request_id":"[^"]*"/, '');
      t.equal(neutral(text), neutral(first?.text ?? ''));
    }
    t.equal(first?.json()['code'], 'invalid_credentials');
  });

  t.test('the same password in another Unicode spelling is the same', async (t) => {
    const account = { ...USER, email: 'zoe@example.test', password: 'p\u00e4ssw\u00f6rd-one-two' };
    await auth.ensureAccount(account);
    const response = await auth.post('/auth/login', {
      email: account.email,
      password: account.password.normalize('NFD'),
    });
    t.equal(response.status, 200);
  });

  t.test('an account that exists keeps its password', async (t) => {
    await auth.ensureAccount({ ...USER, password: 'another-password' });
    t.equal((await auth.post('/auth/login', { email, password })).status, 200);
    t.equal((await auth.post('/auth/login', { email, password: 'another-password' })).status, 401);
  });

  t.test('a disabled account is told so, but only with its password', async (t) => {
    const account = { ...USER, email: 'off@example.test' };
    await auth.ensureAccount(account);
    await sql(databaseUrl, `UPDATE users SET status = 'disabled' WHERE email = '${account.email}'`);
    const right = await auth.post('/auth/login', { email: account.email, password });
    t.match([right.status, right.json()['code']], [403, 'account_disabled']);
    const wrong = await auth.post('/auth/login', { email: account.email, password: 'wrong' });
    t.match([wrong.status, wrong.json()['code']], [401, 'invalid_credentials']);
  });

  t.test('takes JSON objects of its own shape only', async (t) => {
    const good = JSON.stringify({ email, password });
    const form = { 'content-type': 'application/x-www-form-urlencoded' };
    const cases: [string, Record<string, string>, number, string][] = [
      [good, { 'content-type': 'text/plain' }, 415, 'media_type_unsupported'],
      ['email=a&password=b', form, 415, 'media_type_unsupported'],
      ['{', {}, 400, 'json_invalid'],
      ['null', {}, 400, 'json_invalid'],
      ['[]', {}, 400, 'json_invalid'],
      ['{"email":["a"],"password":"b"}', {}, 400, 'json_invalid'],
      [`{"__proto__":{"x":1},${good.slice(1)}`, {}, 400, 'json_invalid'],
      [`{"constructor":{"prototype":{}},${good.slice(1)}`, {}, 400, 'json_invalid'],
      [`{"deep":${'['.repeat(1500)}${']'.repeat(1500)}}`, {}, 400, 'json_invalid'],
      [`{"more":1,${good.slice(1)}`, {}, 400, 'json_invalid'],
      [JSON.stringify({ email, password: 'x'.repeat(5000) }), {}, 413, 'body_too_large'],
    ];
    for (const [body, headers, status, code] of cases) {
      const response = await auth.post('/auth/login', body, headers);
      t.match([response.status, response.json()['code']], [status, code], body.slice(0, 40));
      t.match(response.headers['content-type'], /^application\/problem\+json/);
    }
    t.equal((await auth.post('/auth/login', good)).status, 200, 'and goes on working');
  });

  t.test(
    'delivery by cookie needs an allow-listed origin and puts no refresh token in the body',
    async (t) => {
      const body = { email, password, delivery: 'cookie' };
      const refused = [
        {},
        { origin: 'https://evil.test' },
        { origin: PAGE_ORIGIN, 'sec-fetch-site': 'cross-site' },
      ];
      for (const headers of refused) {
        const response = await auth.post('/auth/login', body, headers as Record<string, string>);
        t.match([response.status, response.json()['code']], [403, 'origin_not_allowed']);
        t.notOk(response.headers['set-cookie']);
      }
      const response = await auth.post('/auth/login', body, { origin: PAGE_ORIGIN });
      t.equal(response.status, 200);
      t.notOk('refresh_token' in response.json());
      const [cookie, deviceCookie, ...more] = response.headers['set-cookie'] ?? [];
      t.match(
        deviceCookie,
        /^__Host-gatehouse-device=gtd_[\w-]+; Max-Age=15552000; Path=\/; HttpOnly; Secure; SameSite=Strict$/,
      );
      t.ok(more.length <= 1, 'the next key is published before its use');
      t.match(
        cookie,
        /^__Host-gatehouse-refresh=gtr_[\w-]+; Max-Age=604800; Path=\/; HttpOnly; Secure; SameSite=Strict$/,
      );
    },
  );

  t.test('writes no secret to the log', async (t) => {
    t.match(logged, /"route":"\/auth\/login"/, 'there is a log');
    for (const secret of [email, 'nobody@', password, 'gtr_', 'eyJ']) t.notMatch(logged, secret);
  });
});
