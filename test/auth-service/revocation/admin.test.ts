import { decodeJwt } from 'jose';
import t from 'tap';
import type { RevocationEntry } from '../../../contracts/revocation.js';
import { spiffeId } from '../../../contracts/spiffe.js';
import { followed } from '../../fixtures/followed.js';
import { mtlsRequest } from '../../fixtures/mtls-request.js';
import { testPki } from '../../fixtures/pki.js';
import { needsPostgres, testDatabase } from '../../fixtures/postgres.js';
import { needsRedis, testRedis } from '../../fixtures/redis.js';
import { sql } from '../../fixtures/sql.js';
import { bearer, ISSUER, type TestAuth, testAuthService } from '../../fixtures/test-auth-service.js';

const FOREIGN = 'https://id.example.com';
const MONTH_S = 30 * 86_400;

async function firstKeyId(auth: TestAuth): Promise<string> {
  const { keys } = (await auth.get('/.well-known/jwks.json')).json<{ keys: { kid: string }[] }>();
  return keys[0]?.kid ?? '';
}

t.test('an operator revokes', needsPostgres, async (t) => {
  const databaseUrl = await testDatabase(t);
  const auth = await testAuthService(t, { databaseUrl });
  const { sink, end } = followed(auth.revocations);
  t.teardown(end);
  /** Status, answer and the entries that came of it. */
  async function revoke(body: object): Promise<[number, unknown, RevocationEntry[]]> {
    const known = sink.entries.length;
    const answer = await auth.admin('POST', '/revocations', body);
    return [answer.status, answer.json(), sink.entries.slice(known)];
  }
  const DONE = { revoked: true };
  const refreshed = async (refreshToken: string) => (await auth.refresh(refreshToken)).json()['code'];
  const nowS = () => Math.floor(Date.now() / 1000);

  t.test('a token, by itself or by its id', async (t) => {
    const { access_token, refresh_token } = await auth.login();
    const { jti, exp = 0 } = decodeJwt(access_token);
    const entry = { kind: 'token', iss: ISSUER, jti, exp: exp + 120 };
    t.strictSame(await revoke({ kind: 'token', token: access_token }), [200, DONE, [entry]]);
    t.equal((await auth.refresh(refresh_token)).status, 200, 'its session goes on');
    const [status, , entries] = await revoke({ kind: 'token', jti: 'x' });
    t.match([status, entries], [200, [{ kind: 'token', jti: 'x', iss: ISSUER }]]);
    t.ok(Math.abs((entries[0]?.exp ?? 0) - nowS() - MONTH_S - 120) < 5, 'as long as any token may live');
    const foreign = await revoke({ kind: 'token', jti: 'y', iss: FOREIGN, lifetime_s: 60 });
    t.match(foreign, [200, DONE, [{ iss: FOREIGN, jti: 'y' }]]);
    t.ok((foreign[2][0]?.exp ?? 0) - nowS() <= 180);
    const [forged] = await revoke({ kind: 'token', token: `${access_token}x` });
    t.equal(forged, 401);
  });

  t.test('a token that has expired needs no entry', async (t) => {
    const { access_token } = await auth.login();
    auth.clock.shift(20 * 60_000);
    t.strictSame(await revoke({ kind: 'token', token: access_token }), [200, DONE, []]);
    auth.clock.shift(-20 * 60_000);
  });

  t.test('a session: it ends, with its tokens; once more changes nothing', async (t) => {
    const { access_token, refresh_token, session_id: sid } = await auth.login();
    const exp = (decodeJwt(access_token).exp ?? 0) + 120;
    t.strictSame(await revoke({ kind: 'session', sid }), [
      200,
      DONE,
      [{ kind: 'session', iss: ISSUER, sid, exp }],
    ]);
    t.equal(await refreshed(refresh_token), 'session_revoked');
    t.strictSame(await revoke({ kind: 'session', sid }), [200, DONE, []]);
    t.match(await revoke({ kind: 'session', sid: 'of-theirs', iss: FOREIGN }), [
      200,
      DONE,
      [{ iss: FOREIGN }],
    ]);
  });

  t.test("another issuer's session of the same id ends nothing here", async (t) => {
    const { refresh_token, session_id: sid } = await auth.login();
    await revoke({ kind: 'session', sid, iss: FOREIGN });
    t.equal((await auth.refresh(refresh_token)).status, 200);
  });

  t.test('a subject: every session, and every token of an older version', async (t) => {
    const [one, two] = [await auth.login(), await auth.login()];
    const { sub = '', ver } = decodeJwt(one.access_token);
    const answer = await revoke({ kind: 'subject', sub });
    t.match(answer, [200, DONE, [{ kind: 'subject', iss: ISSUER, sub, ver: Number(ver) + 1 }]]);
    t.strictSame(
      [await refreshed(one.refresh_token), await refreshed(two.refresh_token)],
      ['session_revoked', 'session_revoked'],
    );
    t.equal(decodeJwt((await auth.login()).access_token)['ver'], Number(ver) + 1, 'it may log in again');
    t.equal((await revoke({ kind: 'subject', sub: 'nobody' }))[0], 404);
    t.match(await revoke({ kind: 'subject', sub: 'who-left', ver: 7 }), [
      200,
      DONE,
      [{ sub: 'who-left', ver: 7 }],
    ]);
  });

  t.test('a key of another issuer; for ours the key goes, too', async (t) => {
    t.match(await revoke({ kind: 'key', kid: 'k', iss: FOREIGN }), [
      200,
      DONE,
      [{ kind: 'key', kid: 'k', iss: FOREIGN }],
    ]);
    t.equal((await revoke({ kind: 'key', kid: 'k' }))[0], 404);
    const kid = await firstKeyId(auth);
    t.match(await revoke({ kind: 'key', kid }), [200, DONE, [{ kind: 'key', kid, iss: ISSUER }]]);
    t.notMatch((await auth.get('/.well-known/jwks.json')).text, kid);
  });

  t.test(
    'all before a time: of a client, of a subject, of the issuer; sessions from before it end',
    async (t) => {
      const before = nowS() + 1;
      const { refresh_token, access_token } = await auth.login();
      const { sub = '' } = decodeJwt(access_token);
      const entry = { kind: 'not-before', iss: ISSUER };
      t.match(await revoke({ kind: 'not-before', client: 'other' }), [
        200,
        DONE,
        [{ ...entry, client: 'other' }],
      ]);
      t.match(await revoke({ kind: 'not-before', sub: 'svc:x' }), [200, DONE, [{ ...entry, sub: 'svc:x' }]]);
      t.match(await revoke({ kind: 'not-before', iss: FOREIGN }), [200, DONE, [{ iss: FOREIGN }]]);
      t.match(await revoke({ kind: 'not-before', before: 1000 }), [200, DONE, [{ before: 1000 }]]);
      t.equal((await auth.refresh(refresh_token)).status, 200, 'none of these is about it');

      const [status, , entries] = await revoke({ kind: 'not-before', sub });
      t.match([status, entries], [200, [{ ...entry, sub }]]);
      const [own] = entries;
      t.ok(own?.kind === 'not-before' && own.before >= before, 'the second that is under way is over with');
      t.equal(await refreshed(refresh_token), 'session_revoked');
      const last = await auth.login();
      const all = await revoke({ kind: 'not-before' });
      t.match(all, [200, DONE, [entry]]);
      t.strictSame(Object.keys(all[2][0] ?? {}).sort(), ['before', 'exp', 'iss', 'kind']);
      t.equal(await refreshed(last.refresh_token), 'session_revoked');
      t.equal((await revoke({ kind: 'not-before', before: nowS() + 60 }))[0], 400, 'not what is to come');
    },
  );

  t.test('nothing that is not well-formed', async (t) => {
    for (const body of [
      {},
      { kind: 'all' },
      { kind: 'session' },
      { kind: 'session', sid: 's', sub: 'x' },
      { kind: 'token', jti: '' },
    ]) {
      t.equal((await revoke(body))[0], 400, JSON.stringify(body));
    }
  });

  t.test('all on record, with who asked and no token', async (t) => {
    const records = (await sql(
      databaseUrl,
      `SELECT action, actor, request_id, detail FROM audit_log WHERE action LIKE 'revocation.%' ORDER BY id`,
    )) as { action: string; actor: string; request_id: string }[];
    t.strictSame([...new Set(records.map(({ actor }) => actor))], ['operator']);
    t.ok(records.every(({ request_id }) => request_id !== null));
    t.strictSame([...new Set(records.map(({ action }) => action))].sort(), [
      'revocation.key',
      'revocation.not-before',
      'revocation.session',
      'revocation.subject',
      'revocation.token',
    ]);
    t.notMatch(JSON.stringify(records), /eyJ/);
  });

  t.test('and nobody else does: not the gateway, not an upstream', async (t) => {
    const url = `${auth.internalUrl}/internal/admin/revocations`;
    const init = {
      method: 'POST',
      body: '{"kind":"not-before"}',
      headers: { 'content-type': 'application/json' },
    };
    const known = sink.entries.length;
    const refused = await mtlsRequest(auth.gateway, url, init);
    t.match([refused.status, refused.json()['code']], [403, 'peer_not_allowed']);
    const { ca, leaf } = await testPki();
    await t.rejects(mtlsRequest({ ca, ...(await leaf('orders', spiffeId('orders'))) }, url, init));
    for (const path of ['/internal/revocations', '/internal/health']) {
      const { operator } = auth;
      t.equal(
        (await mtlsRequest(operator, auth.internalUrl + path)).status,
        403,
        `and the operator not ${path}`,
      );
    }
    await t.rejects(
      mtlsRequest(auth.operator, `${auth.publicUrl}/.well-known/jwks.json`),
      'nor the public listener',
    );
    t.equal(sink.entries.length, known);
  });
});

t.test('while Redis is away it is 202, and durable', { ...needsPostgres, ...needsRedis }, async (t) => {
  const [databaseUrl, redis] = [await testDatabase(t), await testRedis(t)];
  const auth = await testAuthService(t, { databaseUrl, redisUrl: redis.url });
  await redis.kill();
  const { access_token, session_id: sid } = await auth.login();
  const answer = await auth.admin('POST', '/revocations', { kind: 'session', sid });
  t.strictSame([answer.status, answer.json()], [202, { pending: true }]);
  const kid = await firstKeyId(auth);
  const key = await auth.admin('POST', `/keys/${kid}/revoke`);
  t.match([key.status, key.json()], [202, { pending: true, active: /./ }]);
  t.equal((await sql(databaseUrl, 'SELECT 1 FROM revocations')).length, 2);
  t.equal((await auth.post('/auth/logout', undefined, bearer(access_token))).status, 401);
});
