/** The page of the auth service's API: its commands run, and real answers are as the OpenAPI document says. */
import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import t from 'tap';
import type { TokenResponse } from '../../contracts/auth-api.js';
import { packageRoot } from '../../kit/package-root.js';
import { apiClient } from '../fixtures/api-client.js';
import { disagreement } from '../fixtures/api-document.js';
import { startGatewayAndAuth } from '../fixtures/gateway-and-auth.js';
import { makeClient } from '../fixtures/oauth-client.js';
import { needsPostgres } from '../fixtures/postgres.js';

const page = readFileSync(join(packageRoot(), 'docs/auth-api.md'), 'utf8');
const commands = page
  .split('\n### ')
  .slice(1)
  .flatMap((section) => {
    const [, method = '', path = ''] = /^(\w+) (\S+)\n/.exec(section) ?? [];
    const [, command] = /```sh\n(.*?)```/s.exec(section) ?? [];
    return command === undefined ? [] : [{ method, path, command }];
  });
const EMAIL = 'demo@gatehouse.test';

t.test('the auth service’s API', needsPostgres, async (t) => {
  const { url, auth } = await startGatewayAndAuth(t, {
    auth: ({ accounts, ...config }) => ({
      ...config,
      accounts: { ...accounts, registration: { roles: ['user'], scopes: [] } },
    }),
  });
  let password = 'demo-password-please-change';
  await auth.ensureAccount({ email: EMAIL, password, roles: ['user'], scopes: ['orders:read'] });
  const api = apiClient(url);
  const { client_secret: secret = '' } = await makeClient(auth, {
    client_id: 'reporting',
    scopes: ['orders:read'],
  });

  const logIn = () => api.login({ email: EMAIL, password });
  const serviceToken = async () => {
    const body = new URLSearchParams({
      grant_type: 'client_credentials',
      client_id: 'reporting',
      client_secret: secret,
    });
    return ((await api.send('/oauth/token', { method: 'POST', body })).body as unknown as TokenResponse)
      .access_token;
  };
  /** What the commands take for granted. */
  async function variables(): Promise<Record<string, string>> {
    const own = await logIn();
    const { token } = (await auth.admin('POST', `/users/${EMAIL}/password-reset`)).json<{ token: string }>();
    return {
      BASE: url,
      TOKEN: own.access_token,
      REFRESH_TOKEN: own.refresh_token,
      SESSION_ID: own.session_id,
      RESET_TOKEN: token,
      CLIENT_ID: 'reporting',
      CLIENT_SECRET: secret,
      SERVICE_TOKEN: await serviceToken(),
    };
  }

  t.equal(commands.length, 15);
  for (const { method, path, command } of commands) {
    const env = { ...process.env, ...(await variables()) };
    const { stdout } = await promisify(execFile)('bash', ['-euc', command], { env });
    const [head = '', ...rest] = stdout.split('\r\n\r\n');
    const status = Number(/^HTTP\/1.1 (\d+)/.exec(head)?.[1]);
    t.ok(status === 200 || status === 201, `${method} ${path}: ${status}`);
    const contentType = /^content-type: (.*)$/im.exec(head)?.[1];
    const answered = {
      method,
      path: path.replace(':id', 'x'),
      status,
      contentType,
      body: rest.join('\r\n\r\n'),
    };
    t.equal(disagreement(answered), undefined, `${method} ${path} answers as documented`);
    if (status < 300) [, password = password] = /new_password\\":\\"(.*?)\\"/.exec(command) ?? [];
  }

  const json = { 'content-type': 'application/json' };
  const form = { 'content-type': 'application/x-www-form-urlencoded' };
  const { access_token: token } = await logIn();
  const asUser = { authorization: `Bearer ${token}` };
  for (const [path, body, headers, status, code] of [
    ['/auth/login', '{"email":"demo@gatehouse.test","password":"wrong"}', json, 401, 'invalid_credentials'],
    ['/auth/login', '{"email":1}', json, 400, 'json_invalid'],
    ['/auth/login', 'x', form, 415, 'media_type_unsupported'],
    ['/auth/login', `{"email":"${'x'.repeat(9000)}"}`, json, 413, 'body_too_large'],
    ['/auth/login', '{"email":"a@b.c","password":"x","delivery":"cookie"}', json, 403, 'origin_not_allowed'],
    ['/auth/refresh', '{"refresh_token":"gtr_x"}', json, 401, 'refresh_token_invalid'],
    ['/auth/refresh', '{}', json, 400, 'refresh_token_missing'],
    [
      '/auth/register',
      '{"email":"demo@gatehouse.test","password":"copper-lantern-93"}',
      json,
      409,
      'email_taken',
    ],
    ['/auth/logout', '{}', json, 401, 'credentials_missing'],
    ['/auth/sessions', undefined, {}, 401, 'credentials_missing'],
    [
      '/auth/password',
      '{"current_password":"x","new_password":"y"}',
      { ...json, ...asUser },
      403,
      'password_wrong',
    ],
    [
      '/auth/password/reset',
      '{"token":"x","new_password":"copper-lantern-93"}',
      json,
      400,
      'reset_token_invalid',
    ],
    ['/oauth/token', 'grant_type=password', form, 400, 'unsupported_grant_type'],
    [
      '/oauth/token',
      'grant_type=client_credentials&client_id=nobody&client_secret=x',
      form,
      401,
      'invalid_client',
    ],
    ['/oauth/token', '{}', json, 415, 'invalid_request'],
    ['/oauth/introspect', `token=${token}&client_id=reporting&client_secret=${secret}`, form, 200, undefined],
    ['/oauth/introspect', `token=x&client_id=reporting&client_secret=${secret}`, form, 200, undefined],
  ] as [string, string | undefined, Record<string, string>, number, string | undefined][]) {
    const method = body === undefined ? 'GET' : 'POST';
    const response = await fetch(url + path, { method, headers, ...(body !== undefined && { body }) });
    const text = await response.text();
    const contentType = response.headers.get('content-type') ?? undefined;
    const said = JSON.parse(text) as { code?: string; error?: string };
    t.strictSame([response.status, said.code ?? said.error], [status, code], `${path}: ${text}`);
    t.equal(disagreement({ method, path, status: response.status, contentType, body: text }), undefined);
  }
});

t.test('an answer that is not as documented would be seen', async (t) => {
  const login = { method: 'POST', path: '/auth/login', contentType: 'application/json' };
  t.match(
    disagreement({ ...login, status: 200, body: '{"access_token":"x"}' }),
    /must have required property/,
  );
  t.match(disagreement({ ...login, status: 418, body: '{}' }), /418 is not documented/);
  t.match(disagreement({ ...login, status: 401, body: '{}' }), /401 is application\/json/);
  t.match(disagreement({ ...login, path: '/auth/nothing', status: 200, body: '{}' }), /is not documented/);
});
