import { decodeJwt } from 'jose';
import t from 'tap';
import type { AdminClientRotated } from '../../../contracts/admin-machines.js';
import { followed } from '../../fixtures/followed.js';
import type { MtlsResponse } from '../../fixtures/mtls-request.js';
import {
  assertion,
  assertionForm,
  basic,
  dpopProof,
  type Form,
  keyPair,
  makeClient,
  postForm,
} from '../../fixtures/oauth-client.js';
import { needsPostgres, testDatabase } from '../../fixtures/postgres.js';
import { sql } from '../../fixtures/sql.js';
import { bearer, ISSUER, testAuthService, USER } from '../../fixtures/test-auth-service.js';

const GRANT = { grant_type: 'client_credentials' };
const FIRST_PARTY = { client_id: 'gatehouse-first-party' };
const HOUR_S = 3600;

type Json = Record<string, unknown>;
const said = (response: MtlsResponse): unknown[] => [
  response.status,
  response.json()['error'] ?? response.json()['code'],
];

t.test('clients and what they hold', needsPostgres, async (t) => {
  const databaseUrl = await testDatabase(t);
  const auth = await testAuthService(t, { databaseUrl });
  const { sink, end } = followed(auth.revocations);
  t.teardown(end);
  const form = (path: string, body: Form, headers?: Record<string, string>) =>
    postForm(auth, path, body, headers);
  const granted = async (id: string, secret: string, body: Form = GRANT): Promise<string> =>
    (await form('/oauth/token', body, basic(id, secret))).json<{ access_token: string }>().access_token;
  const { client_secret: secret = '' } = await makeClient(auth, {
    client_id: 'orders',
    scopes: ['orders:read'],
    token_ttl: 30 * 86_400,
  });
  const own = basic('orders', secret);
  const introspected = async (token: string, headers = own): Promise<Json> =>
    (await form('/oauth/introspect', { token }, headers)).json();

  t.test('a service token ends no session: it has none', async (t) => {
    const token = await granted('orders', secret);
    const known = sink.entries.length;
    for (const path of ['/auth/logout', '/auth/logout-all'])
      t.strictSame(said(await auth.post(path, {}, bearer(token))), [401, 'token_claims'], path);
    t.equal(sink.entries.length, known, 'nothing is revoked, least of all the whole credential');
    t.match(await introspected(token), { active: true });
  });

  t.test('a name that no client can have is an unknown client', async (t) => {
    const { privateKey } = keyPair();
    for (const name of ['a\u0000b', 'a\ud800', 'x'.repeat(500), 7, ['orders'], { a: 1 }, null]) {
      const asserted = assertionForm(await assertion('x', privateKey, { iss: name, sub: name }));
      t.strictSame(said(await form('/oauth/token', asserted)), [401, 'invalid_client'], String(name));
      if (typeof name !== 'string') continue;
      const { email, password } = USER;
      const login = await auth.post('/auth/login', { email, password, client_id: name, client_secret: 'x' });
      t.strictSame(said(login), [401, 'client_invalid'], 'at the login too');
    }
  });

  t.test('two secrets are live while one takes over, and never three', async (t) => {
    const first = await makeClient(auth, { client_id: 'rotating' });
    const rotate = (overlap: number) => auth.admin('POST', '/clients/rotating/rotate', { overlap });
    const works = async (text = '') => (await form('/oauth/token', GRANT, basic('rotating', text))).status;
    const second = (await rotate(HOUR_S)).json<AdminClientRotated>();
    t.equal(second.client.credentials.length, 2);
    t.strictSame([await works(first.client_secret), await works(second.client_secret)], [200, 200]);
    t.strictSame(said(await rotate(HOUR_S)), [409, 'conflict'], 'a third has to wait');
    t.equal(await works('gcs_unknown'), 401);
    auth.clock.shift(HOUR_S * 1000);
    t.strictSame([await works(first.client_secret), await works(second.client_secret)], [401, 200]);

    const old = await granted('rotating', second.client_secret ?? '');
    const third = (await rotate(0)).json<AdminClientRotated>();
    t.equal(third.revoked, true);
    t.strictSame([await works(second.client_secret), await works(third.client_secret)], [401, 200]);
    t.strictSame(await introspected(old), { active: false }, 'what leaked takes its tokens along');
    t.match(await introspected(await granted('rotating', third.client_secret ?? '')), { active: true });
    auth.clock.shift(-HOUR_S * 1000);
    t.equal((await auth.admin('POST', '/clients/nobody/rotate', { overlap: 0 })).status, 404);
  });

  t.test('keys likewise; what cannot serve as one is not taken', async (t) => {
    const [first, second] = [keyPair(), keyPair()];
    const method = { auth_method: 'private_key_jwt' };
    await makeClient(auth, { client_id: 'signing', ...method, jwk: first.jwk });
    const rotated = await auth.admin('POST', '/clients/signing/rotate', { overlap: 60, jwk: second.jwk });
    t.equal(rotated.json<AdminClientRotated>().client_secret, undefined);
    for (const { privateKey } of [first, second])
      t.equal(
        (await form('/oauth/token', assertionForm(await assertion('signing', privateKey)))).status,
        200,
      );
    const bad: [string, object][] = [
      ['a private key', { ...method, jwk: first.privateKey.export({ format: 'jwk' }) }],
      ['a symmetric key', { ...method, jwk: { kty: 'oct', k: 'AAAA' } }],
      ['no key', method],
      ['a key for a client with a secret', { jwk: first.jwk }],
      ['the name of the public client', FIRST_PARTY],
    ];
    for (const [name, body] of bad) {
      const { status } = await auth.admin('POST', '/clients', { client_id: 'bad', ...body });
      t.equal(status, name.startsWith('the name') ? 409 : 400, name);
    }
    t.equal((await auth.admin('POST', '/clients', { client_id: 'signing' })).status, 409, 'taken');
  });

  t.test('of a secret the database has the hash alone', async (t) => {
    const rows = await sql(databaseUrl, 'SELECT * FROM oauth_credentials, oauth_clients');
    t.ok(rows.length > 0);
    t.notMatch(JSON.stringify(rows), secret.slice(4));
    t.notMatch(JSON.stringify((await auth.admin('GET', '/clients')).json()), 'gcs_');
  });

  t.test('a credential that is revoked by its id gets no more tokens', async (t) => {
    const made = await makeClient(auth, { client_id: 'leaked' });
    const text = made.client_secret ?? '';
    const token = await granted('leaked', text);
    const { sid } = decodeJwt<{ sid: string }>(token);
    t.equal(sid, made.client.credentials[0]?.id);
    t.strictSame((await auth.admin('POST', '/revocations', { kind: 'session', sid })).json(), {
      revoked: true,
    });
    t.strictSame(await introspected(token), { active: false });
    t.strictSame(said(await form('/oauth/token', GRANT, basic('leaked', text))), [401, 'invalid_client']);
    auth.clock.shift(31 * 86_400_000);
    t.equal((await form('/oauth/token', GRANT, basic('leaked', text))).status, 401, 'nor ever again');
    auth.clock.shift(-31 * 86_400_000);
  });

  t.test('a client that is disabled is out, with its tokens, at once and for good', async (t) => {
    const { client_secret = '' } = await makeClient(auth, { client_id: 'gone', token_ttl: 30 * 86_400 });
    const token = await granted('gone', client_secret);
    t.strictSame((await auth.admin('POST', '/clients/gone/disable')).json(), { revoked: true });
    t.strictSame(await introspected(token), { active: false });
    t.strictSame(said(await form('/oauth/token', GRANT, basic('gone', client_secret))), [
      401,
      'invalid_client',
    ]);
    t.strictSame((await auth.admin('POST', '/clients/gone/disable')).json(), { revoked: true }, 'again');
    t.strictSame(said(await auth.admin('POST', '/clients/gone/rotate', { overlap: 0 })), [409, 'conflict']);
    const entry = sink.entries.find(({ kind }) => kind === 'not-before');
    t.match(entry, { client: 'gone', iss: ISSUER });
    t.ok((entry?.exp ?? 0) > (decodeJwt(token).exp ?? 0), 'as long as its tokens would have lived');
  });

  t.test(
    'introspection answers clients that prove themselves, and tells no more than it has to',
    async (t) => {
      const token = await granted('orders', secret);
      t.match(await introspected(token), {
        active: true,
        sub: 'svc:orders',
        client_id: 'orders',
        token_type: 'Bearer',
      });
      t.strictSame(said(await form('/oauth/introspect', { token })), [401, 'invalid_client']);
      t.strictSame(said(await form('/oauth/introspect', { token, ...FIRST_PARTY })), [401, 'invalid_client']);
      t.strictSame(said(await form('/oauth/introspect', {}, own)), [400, 'invalid_request']);
      const { refresh_token, access_token } = await auth.login();
      for (const [name, text] of [
        ['a person\u2019s refresh token', refresh_token],
        ['a token that is none', 'x'],
        ['a token with another signature', `${token.slice(0, -6)}AAAAAA`],
      ] as const)
        t.strictSame(await introspected(text), { active: false }, name);
      t.match(await introspected(access_token), { active: true, client_id: 'gatehouse-first-party' });
      await auth.post('/auth/logout', {}, bearer(access_token));
      t.strictSame(await introspected(access_token), { active: false }, 'of a session that has ended');
    },
  );

  t.test('a client revokes its own tokens and nobody else\u2019s', async (t) => {
    const { client_secret: other = '' } = await makeClient(auth, { client_id: 'other' });
    const token = await granted('orders', secret);
    const revoke = (body: Form, headers?: Record<string, string>) => form('/oauth/revoke', body, headers);
    t.strictSame(said(await revoke({ token }, basic('other', other))), [400, 'unauthorized_client']);
    t.strictSame(said(await revoke({ token })), [401, 'invalid_client']);
    t.strictSame(said(await revoke({ token, ...FIRST_PARTY })), [400, 'unauthorized_client']);
    t.match(await introspected(token), { active: true }, 'so far it is good');
    const done = await revoke({ token, token_type_hint: 'refresh_token' }, own);
    t.strictSame([done.status, done.text, done.headers['cache-control']], [200, '', 'no-store']);
    t.strictSame(await introspected(token), { active: false });
    t.equal((await revoke({ token }, own)).status, 200, 'twice is fine');
    t.equal((await revoke({ token: 'unknown' }, own)).status, 200, 'so is a token that is none');
    const { refresh_token } = await auth.login();
    t.equal((await revoke({ token: refresh_token, ...FIRST_PARTY })).status, 200);
    t.equal((await auth.refresh(refresh_token)).json()['code'], 'session_revoked');
  });

  t.test('the first-party client refreshes here by the very same rules', async (t) => {
    const { refresh_token: first } = await auth.login();
    const refresh = (token: string, more: object = {}, headers = {}) => {
      const body = { grant_type: 'refresh_token', refresh_token: token, ...FIRST_PARTY, ...more };
      return form('/oauth/token', body, headers);
    };
    const narrowed = await refresh(first, { scope: 'orders:read' });
    t.match(narrowed.json(), { token_type: 'Bearer', scope: 'orders:read', expires_in: 900 });
    const second = narrowed.json<{ refresh_token: string }>().refresh_token;
    t.equal((await refresh(first)).json()['refresh_token'], second, 'the parent gets the same successor');
    t.strictSame(said(await refresh(second, { scope: 'orders:read admin' })), [400, 'invalid_scope']);
    t.strictSame(said(await refresh(second, { resource: 'urn:other' })), [400, 'invalid_target']);
    const third = await refresh(second, { resource: 'urn:gatehouse:api' });
    t.equal(third.json()['scope'], 'orders:read profile:read', 'narrow for one token, not for good');
    t.strictSame(said(await refresh('', {})), [400, 'invalid_request']);
    t.strictSame(said(await refresh('gtr_x')), [400, 'invalid_grant']);
    t.strictSame(said(await refresh(first)), [400, 'invalid_grant'], 'a grandparent ends it');
    t.strictSame(said(await refresh(third.json<{ refresh_token: string }>().refresh_token)), [
      400,
      'invalid_grant',
    ]);
  });

  t.test('a session is its client\u2019s alone', async (t) => {
    const app = { grants: ['refresh_token'], scopes: ['orders:read'] };
    const { client_secret: web = '' } = await makeClient(auth, { client_id: 'web', ...app });
    const { client_secret: rival = '' } = await makeClient(auth, { client_id: 'rival', ...app });
    const { email, password } = USER;
    const login = await auth.post('/auth/login', { email, password }, basic('web', web));
    const { refresh_token } = login.json<{ refresh_token: string }>();
    const body = { grant_type: 'refresh_token', refresh_token };
    t.strictSame(said(await form('/oauth/token', body, basic('rival', rival))), [400, 'invalid_grant']);
    t.strictSame(said(await form('/oauth/token', { ...body, ...FIRST_PARTY })), [400, 'invalid_grant']);
    t.strictSame(said(await auth.refresh(refresh_token)), [401, 'refresh_token_invalid']);
    t.match(await introspected(refresh_token, basic('web', web)), { active: true, client_id: 'web' });
    t.strictSame(await introspected(refresh_token, basic('rival', rival)), { active: false });
    const refreshed = await form('/oauth/token', body, basic('web', web));
    t.equal(refreshed.json()['scope'], 'orders:read', 'what both the person and the client may');
    t.strictSame(said(await form('/oauth/token', GRANT, basic('web', web))), [400, 'unauthorized_client']);
  });

  t.test('a session with a key is refreshed with that key, one without is given none', async (t) => {
    const [key, thief] = [keyPair(), keyPair()];
    const { email, password } = USER;
    const login = async (headers: Record<string, string>) =>
      (await auth.post('/auth/login', { email, password }, headers)).json<{
        refresh_token: string;
        token_type: string;
      }>();
    const bound = await login({ dpop: await dpopProof(key, '/auth/login') });
    t.equal(bound.token_type, 'DPoP');
    const refresh = async (token: string, by?: typeof key) =>
      form(
        '/oauth/token',
        { grant_type: 'refresh_token', refresh_token: token, ...FIRST_PARTY },
        by && { dpop: await dpopProof(by, '/oauth/token') },
      );
    t.strictSame(said(await refresh(bound.refresh_token)), [400, 'invalid_dpop_proof']);
    t.strictSame(said(await refresh(bound.refresh_token, thief)), [400, 'invalid_grant']);
    t.match(
      (await refresh(bound.refresh_token, key)).json(),
      { token_type: 'DPoP' },
      'the thief ended nothing',
    );
    // RFC 9449 section 5: a public client that proves a key must get a refresh token that is bound to it.
    const unbound = await login({});
    t.strictSame(said(await refresh(unbound.refresh_token, thief)), [400, 'invalid_dpop_proof']);
    t.match((await refresh(unbound.refresh_token)).json(), { token_type: 'Bearer' }, 'and goes on as it was');
  });

  t.test('all of it is on record, with no secret', async (t) => {
    const { records } = (await auth.admin('GET', '/audit?kind=client&since=2020-01-01')).json<{
      records: { action: string; actor: string; detail: Json }[];
    }>();
    const actions = new Set(records.map(({ action }) => action));
    t.strictSame([...actions].sort(), ['client.created', 'client.disabled', 'client.rotated']);
    t.ok(records.every(({ actor }) => actor === 'operator'));
    t.notMatch(JSON.stringify(records), 'gcs_');
  });
});
