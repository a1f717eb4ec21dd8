import t, { type Test } from 'tap';
import type { AdminApiKeyCreated, AdminClientCreated } from '../../contracts/admin-machines.js';
import { INTERNAL } from '../../contracts/well-known.js';
import { createLogger } from '../../kit/logger.js';
import { type MtlsResponse, mtlsRequest } from '../fixtures/mtls-request.js';
import {
  assertion,
  assertionForm,
  basic,
  dpopProof,
  type Form,
  keyPair,
  makeClient,
  postForm,
} from '../fixtures/oauth-client.js';
import { needsPostgres, testPostgres } from '../fixtures/postgres.js';
import { Secrets } from '../fixtures/secrets.js';
import { bearer, PAGE_ORIGIN, type TestAuth, testAuthService } from '../fixtures/test-auth-service.js';

/** What people, services and operators send to the auth service, and what it makes for them, is in no line of its log. */

interface Sender {
  auth: TestAuth;
  secrets: Secrets;
  statuses: number[];
  /** POST of JSON as the gateway. Everything in the answer that is a credential is a secret from then on. */
  post(path: string, body?: object | string, headers?: Record<string, string>): Promise<MtlsResponse>;
  form(path: string, form: Form, headers?: Record<string, string>): Promise<MtlsResponse>;
  admin(method: string, path: string, body?: object): Promise<MtlsResponse>;
}

const CREDENTIALS = /"(?:access_token|refresh_token|client_secret|api_key|token)":"([^"]+)"/g;

function sender(auth: TestAuth, secrets: Secrets): Sender {
  const statuses: number[] = [];
  const keep = (response: MtlsResponse): MtlsResponse => {
    statuses.push(response.status);
    for (const [, text = ''] of response.text.matchAll(CREDENTIALS)) secrets.keep(text);
    for (const cookie of response.headers['set-cookie'] ?? [])
      secrets.keep(/=([^;]*)/.exec(cookie)?.[1] || 'no cookie');
    return response;
  };
  const more = (): Record<string, string> => ({ 'x-secret': secrets.make('header') });
  const target = (path: string): string => `${path}?token=${secrets.make('query')}`;
  return {
    ...{ auth, secrets, statuses },
    post: async (path, body, headers) =>
      keep(
        await auth.post(target(path), body, {
          cookie: `other=${secrets.make('cookie')}`,
          ...more(),
          ...headers,
        }),
      ),
    form: async (path, form, headers) =>
      keep(await postForm(auth, target(path), form, { ...more(), ...headers })),
    admin: async (method, path, body) => keep(await auth.admin(method, path, body)),
  };
}

/** People: log in, refresh, change and reset passwords, and everything that goes wrong with it. */
async function peopleDo({ auth, secrets, post, admin }: Sender): Promise<void> {
  const email = `${secrets.make('email')}@example.test`;
  const password = secrets.make('a long password');
  const login = { email, password };
  await admin('POST', '/users', { ...login, scopes: ['orders:read'] });
  await admin('POST', '/users', login);
  await admin('POST', '/users', { ...login, password: secrets.make('x'), [secrets.make('member')]: 1 });
  for (const body of [
    { email, password: secrets.make('wrong') },
    { email: `${secrets.make('unknown')}@example.test`, password: secrets.make('wrong') },
    { email: secrets.make('not an address'), password: secrets.make('wrong') },
    { email, password: [secrets.make('wrong')] },
    { ...login, [secrets.make('member')]: secrets.make('value') },
    `{"email":"${secrets.make('broken')}","password":"${secrets.make('broken')}`,
    `{"__proto__":{"password":"${secrets.make('broken')}"}}`,
    { ...login, password: secrets.make('large').repeat(10_000) },
  ])
    await post('/auth/login', body);
  await post('/auth/login', `password=${password}`, { 'content-type': secrets.make('text/x') });
  await post('/auth/register', { email: `${secrets.make('new')}@example.test`, password });
  await auth.get(`/auth/${secrets.make('path')}`);

  const tokens = async (): Promise<{ access_token: string; refresh_token: string }> =>
    (await post('/auth/login', login)).json();
  const byCookie = await post('/auth/login', { ...login, delivery: 'cookie' });
  const cookie = (byCookie.headers['set-cookie'] ?? []).map((line) => line.split(';')[0]).join('; ');
  await post('/auth/refresh', undefined, { cookie, origin: PAGE_ORIGIN });
  await post('/auth/refresh', undefined, { cookie, origin: `https://${secrets.make('evil')}.test` });
  await post('/auth/refresh', undefined, { cookie, origin: PAGE_ORIGIN, 'sec-fetch-site': 'cross-site' });
  for (const text of [secrets.make('gtr_'), `gtr_${'a'.repeat(80)}`, ''])
    await post('/auth/refresh', { refresh_token: text });
  const first = await tokens();
  const second = (await post('/auth/refresh', { refresh_token: first.refresh_token })).json<typeof first>();
  const third = (await post('/auth/refresh', { refresh_token: second.refresh_token })).json<typeof first>();
  await post('/auth/refresh', { refresh_token: third.refresh_token });
  // A grandparent: the family ends, and the log says so.
  await post('/auth/refresh', { refresh_token: first.refresh_token });
  await post('/auth/logout', undefined, bearer(`${third.access_token}x`));

  const { access_token: own } = await tokens();
  await auth.get('/auth/sessions', bearer(own));
  await auth.delete(`/auth/sessions/${secrets.make('session')}`, bearer(own));
  const next = secrets.make('the next password');
  await post('/auth/password', { current_password: secrets.make('wrong'), new_password: next }, bearer(own));
  await post('/auth/password', { current_password: password, new_password: 'short' }, bearer(own));
  await post('/auth/password', { current_password: password, new_password: next }, bearer(own));
  const reset = await admin('POST', `/users/${email}/password-reset`);
  const { token = '' } = reset.json<{ token?: string }>();
  await post('/auth/password/reset', { token: secrets.make('reset'), new_password: password });
  await post('/auth/password/reset', { token, new_password: password });
  await post('/auth/password/reset', { token, new_password: password });
  await post('/auth/logout-all', undefined, bearer((await tokens()).access_token));
  await admin('POST', '/revocations', { kind: 'token', token: (await tokens()).access_token });
  await admin('POST', '/revocations', { kind: 'token', token: secrets.make('no token') });
}

/** Services: every way to prove who they are, right and wrong, and what they do with their tokens. */
async function servicesDo({ auth, secrets, form, admin }: Sender): Promise<void> {
  const grant = { grant_type: 'client_credentials' };
  const keep = ({ client_secret: secret = '' }: AdminClientCreated): string => secrets.keep(secret);
  const secret = keep(await makeClient(auth, { client_id: 'machine', scopes: ['orders:read'] }));
  await form('/oauth/token', { ...grant, client_id: 'machine', client_secret: secret });
  await form('/oauth/token', { ...grant, client_id: 'machine', client_secret: secrets.make('wrong') });
  await form('/oauth/token', { ...grant, client_id: secrets.make('gcs_'), client_secret: secret });
  await form('/oauth/token', grant, basic('machine', secrets.make('wrong')));
  await form('/oauth/token', grant, { authorization: `Basic ${secrets.make('basic')}` });
  await form('/oauth/token', { ...grant, scope: secrets.make('scope') }, basic('machine', secret));
  await form('/oauth/token', { grant_type: secrets.make('grant') }, basic('machine', secret));
  await form('/oauth/token', `${secrets.make('form')}=%zz&a&a&client_secret=${secret}`);
  const issued = await form('/oauth/token', grant, basic('machine', secret));
  const { access_token: token } = issued.json<{ access_token: string }>();
  await form('/oauth/introspect', { token }, basic('machine', secret));
  await form('/oauth/introspect', { token: secrets.make('unknown') }, basic('machine', secret));
  await form('/oauth/revoke', { token }, basic('machine', secret));
  await form('/oauth/revoke', { token: `${secrets.make('eyJ')}.x.y` }, basic('machine', secret));

  const [key, other] = [keyPair(), keyPair()];
  await makeClient(auth, { client_id: 'signing', auth_method: 'private_key_jwt', jwk: key.jwk });
  const good = secrets.keep(await assertion('signing', key.privateKey));
  const proof = secrets.keep(await dpopProof(key, '/oauth/token'));
  await form('/oauth/token', assertionForm(good), { dpop: proof });
  await form('/oauth/token', assertionForm(good), { dpop: proof });
  await form('/oauth/token', assertionForm(secrets.keep(await assertion('signing', other.privateKey))));
  await form('/oauth/token', assertionForm(secrets.make('assertion')), { dpop: secrets.make('proof') });
  await form(
    '/oauth/token',
    assertionForm(secrets.keep(await assertion('signing', key.privateKey, { aud: 'x' }))),
  );

  const exchange = (text: string): Promise<MtlsResponse> =>
    mtlsRequest(auth.gateway, auth.internalUrl + INTERNAL.apiKeyExchange, {
      method: 'POST',
      headers: { 'content-type': 'application/json', authorization: `Bearer ${secrets.make('bearer')}` },
      body: JSON.stringify({ api_key: secrets.keep(text) }),
    });
  const made = await admin('POST', '/api-keys', {
    name: 'export',
    service: 'export',
    scopes: ['orders:read'],
  });
  const {
    api_key: apiKey,
    key: { id },
  } = made.json<AdminApiKeyCreated>();
  secrets.keep((await exchange(apiKey)).json<{ access_token: string }>().access_token);
  await exchange(`gtk_${'a'.repeat(20)}_${'b'.repeat(49)}`);
  await exchange(secrets.make('gtk'));
  await admin('POST', `/api-keys/${id}/rotate`, { overlap: 0 });
  await admin('POST', '/clients/machine/rotate', {});
  await admin('POST', `/clients/${secrets.make('client')}/rotate`, {});
  await admin('POST', '/clients', { client_id: 'machine', client_secret: secrets.make('chosen') });
  await admin('GET', `/audit?subject=${secrets.make('subject')}`);
}

async function start(t: Test, level: string) {
  const lines: string[] = [];
  const logger = createLogger('auth-service', {
    level,
    destination: { write: (line) => void lines.push(line) },
  });
  const postgres = await testPostgres(t);
  const encryptionKey = Buffer.alloc(32, 7).toString('base64url');
  const auth = await testAuthService(t, { databaseUrl: postgres.url, encryptionKey, logger });
  const secrets = new Secrets();
  secrets.keep(encryptionKey);
  return { auth, postgres, lines, secrets };
}

for (const level of ['trace', 'info', 'error']) {
  t.test(`nothing that was sent or made is in the log: ${level}`, needsPostgres, async (t) => {
    const { auth, postgres, lines, secrets } = await start(t, level);
    const sent = sender(auth, secrets);
    await peopleDo(sent);
    await servicesDo(sent);
    const live = await auth.login();
    for (const text of [live.access_token, live.refresh_token]) secrets.keep(text);
    await postgres.kill();
    for (const [path, body] of [
      ['/auth/login', { email: `${secrets.make('email')}@example.test`, password: secrets.make('password') }],
      ['/auth/refresh', { refresh_token: live.refresh_token }],
      ['/auth/password/reset', { token: secrets.make('reset'), new_password: secrets.make('password') }],
    ] as const)
      await sent.post(path, body);
    await sent.post('/auth/logout', undefined, bearer(live.access_token));
    await sent.form(
      '/oauth/token',
      { grant_type: 'client_credentials' },
      basic('machine', secrets.make('secret')),
    );
    await postgres.start();

    for (const status of [200, 201, 400, 401, 403, 404, 409, 413, 415, 422, 503])
      t.ok(sent.statuses.includes(status), `a reply of ${status} was among them`);
    t.ok(lines.length > (level === 'error' ? 1 : 60), `there is a log: ${lines.length} lines`);
    if (level !== 'error')
      for (const text of ['refresh token reused', 'client not authenticated', 'audit: ', 'request failed'])
        t.match(lines.join(''), text);
    t.strictSame(secrets.foundIn(lines.join('')), []);
  });
}
