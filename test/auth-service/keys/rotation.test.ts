import { randomBytes } from 'node:crypto';
import { createLocalJWKSet, decodeProtectedHeader, type JSONWebKeySet, jwtVerify } from 'jose';
import t from 'tap';
import { createChangeKeys } from '../../../auth-service/keys/change-keys.js';
import { createEnvelope } from '../../../auth-service/keys/envelope.js';
import { openSigningKeys } from '../../../auth-service/keys/signing-keys.js';
import { openDatabase } from '../../../auth-service/stores/database.js';
import type { AdminKey, AdminKeys } from '../../../contracts/admin-keys.js';
import { createLogger } from '../../../kit/logger.js';
import { eventually } from '../../fixtures/eventually.js';
import { fakeClock } from '../../fixtures/fake-clock.js';
import { followed } from '../../fixtures/followed.js';
import { needsPostgres, testDatabase } from '../../fixtures/postgres.js';
import { shiftedClock } from '../../fixtures/shifted-clock.js';
import { sql } from '../../fixtures/sql.js';
import { bearer, type TestAuth, testAuthService } from '../../fixtures/test-auth-service.js';

const MINUTE_MS = 60_000;
const DAY_MS = 86_400_000;
const settings = { algorithm: 'ES256', rotateEveryMs: 30 * DAY_MS, jwksMaxAgeMs: 5 * MINUTE_MS } as const;
const logger = createLogger('keys', { level: 'silent' });

const published = async (auth: TestAuth) => {
  const { keys } = (await auth.get('/.well-known/jwks.json')).json<JSONWebKeySet>();
  return keys.map(({ kid = '' }) => kid);
};
const keysOf = async (auth: TestAuth) => (await auth.admin('GET', '/keys')).json<AdminKeys>().keys;
const kidOf = async (auth: TestAuth, state: AdminKey['state']) =>
  (await keysOf(auth)).find((key) => key.state === state)?.kid ?? '';
const signedBy = (token: string) => decodeProtectedHeader(token).kid;

t.test('rotation', needsPostgres, async (t) => {
  const databaseUrl = await testDatabase(t);
  const clock = shiftedClock();
  const [a, b] = [
    await testAuthService(t, { databaseUrl, clock }),
    await testAuthService(t, { databaseUrl, clock }),
  ];
  const [first, second] = [await kidOf(a, 'active'), await kidOf(a, 'next')];
  const before = await a.login();

  t.test('a key that caches may not have seen does not sign', async (t) => {
    t.strictSame(await published(a), [first, second], 'but is published already');
    const refused = await a.admin('POST', '/keys/rotate');
    t.match([refused.status, refused.json()['code']], [409, 'key_too_new']);
    const waitS = Number(refused.headers['retry-after']);
    t.ok(waitS > 320 && waitS <= 330, `Retry-After: ${waitS}`);
    clock.shift(waitS * 1000 - 10_000);
    t.equal((await b.admin('POST', '/keys/rotate')).status, 409);
    t.equal(await kidOf(b, 'active'), first);
  });

  t.test('then it does, at every instance, and the old one goes on verifying', async (t) => {
    clock.shift(20_000);
    const rotated = await a.admin('POST', '/keys/rotate');
    t.match([rotated.status, rotated.json()], [200, { active: second, retiring: first, next: /./ }]);
    t.equal(signedBy((await a.login()).access_token), second);
    const tookMs = await eventually(
      () => published(b),
      (kids) => kids.length === 3,
    );
    t.ok(tookMs < 2500, `the other instance knew after ${tookMs} ms`);
    t.equal(signedBy((await b.login()).access_token), second);
    const set = (await b.get('/.well-known/jwks.json')).json<JSONWebKeySet>();
    await jwtVerify(before.access_token, createLocalJWKSet(set), { currentDate: new Date() });
    t.equal((await b.post('/auth/logout', undefined, bearer(before.access_token))).status, 200);
    const [retired] = await sql(databaseUrl, `SELECT * FROM signing_keys WHERE state = 'retiring'`);
    t.match(retired, { kid: first, private_key_box: null }, 'its private half is erased');
  });

  t.test('all of it is on record', async (t) => {
    const records = await sql(
      databaseUrl,
      `SELECT action, actor, detail->>'kid' AS kid FROM audit_log WHERE action LIKE 'key.%' ORDER BY id`,
    );
    const next = await kidOf(a, 'next');
    t.strictSame(records, [
      { action: 'key.created', actor: 'system', kid: first },
      { action: 'key.active', actor: 'system', kid: first },
      { action: 'key.created', actor: 'system', kid: second },
      { action: 'key.retiring', actor: 'operator', kid: first },
      { action: 'key.active', actor: 'operator', kid: second },
      { action: 'key.created', actor: 'operator', kid: next },
    ]);
  });
});

t.test('by themselves', needsPostgres, async (t) => {
  const databaseUrl = await testDatabase(t);
  const clock = shiftedClock();
  const key = { version: 1, key: randomBytes(32) };
  const open = () => {
    const database = openDatabase(databaseUrl, { clock, logger });
    t.teardown(() => database.close());
    const envelope = createEnvelope([key], randomBytes);
    const changes = createChangeKeys({ database, envelope, clock, issuer: 'http://i', settings });
    return { database, envelope, changes };
  };
  await testAuthService(t, { databaseUrl, clock, encryptionKey: key.key.toString('base64url') });
  const instances = Array.from({ length: 5 }, open);
  const [one] = instances;
  if (one === undefined) throw new Error('no instance');
  const states = () =>
    sql(databaseUrl, 'SELECT state, count(*)::int AS n FROM signing_keys GROUP BY state ORDER BY state');
  const maintainAll = () => Promise.all(instances.map(({ changes }) => changes.maintain()));
  const nowS = () => Math.floor(clock.now() / 1000);
  const keys = await openSigningKeys({ ...one, clock, logger });

  t.test('after thirty days, once, whoever of five instances comes first', async (t) => {
    await maintainAll();
    t.strictSame(await states(), [
      { state: 'active', n: 1 },
      { state: 'next', n: 1 },
    ]);
    clock.shift(30 * DAY_MS);
    await keys.signer(nowS() + 900);
    t.strictSame((await maintainAll()).filter(Boolean), [true]);
    t.strictSame(await states(), [
      { state: 'active', n: 1 },
      { state: 'next', n: 1 },
      { state: 'retiring', n: 1 },
    ]);
  });

  t.test('a key is kept until the last of its tokens has expired, be it a month', async (t) => {
    await keys.reload();
    const { kid } = await keys.signer(nowS() + 30 * 86_400);
    clock.shift(30 * DAY_MS - MINUTE_MS);
    await one.changes.maintain(); // the first key goes
    clock.shift(MINUTE_MS);
    await one.changes.maintain(); // this one retires
    const stateOf = async () =>
      (await sql(databaseUrl, `SELECT state FROM signing_keys WHERE kid = '${kid}'`))[0];
    t.strictSame(await stateOf(), { state: 'retiring' });
    clock.shift(MINUTE_MS);
    await one.changes.maintain();
    t.strictSame(await stateOf(), { state: 'retiring' }, 'its last token has just expired');
    clock.shift(60 * MINUTE_MS + 2 * MINUTE_MS); // recorded an hour ahead
    await one.changes.maintain();
    t.strictSame(await stateOf(), { state: 'gone' });
  });

  t.test('an instance that has not heard of a rotation cannot give a retired key longer life', async (t) => {
    const late = await openSigningKeys({ ...one, clock, logger });
    const { kid } = late.ring.current.active;
    clock.shift(30 * DAY_MS);
    await one.changes.maintain();
    const { tokens_expire_s: before } = (
      (await sql(databaseUrl, `SELECT tokens_expire_s FROM signing_keys WHERE kid = '${kid}'`)) as {
        tokens_expire_s: string;
      }[]
    )[0] ?? { tokens_expire_s: '' };
    const signer = await late.signer(nowS() + 86_400);
    t.not(signer.kid, kid, 'it signs with the new one');
    t.strictSame(await sql(databaseUrl, `SELECT tokens_expire_s FROM signing_keys WHERE kid = '${kid}'`), [
      { tokens_expire_s: before },
    ]);
  });
});

t.test('an instance that cannot ask the database does not sign for long', needsPostgres, async (t) => {
  const databaseUrl = await testDatabase(t);
  const clock = fakeClock(Date.now());
  const envelope = createEnvelope([{ version: 1, key: randomBytes(32) }], randomBytes);
  const database = openDatabase(databaseUrl, { clock, logger });
  const { migrate } = await import('../../../auth-service/stores/migrations.js');
  await migrate(databaseUrl);
  await createChangeKeys({ database, envelope, clock, issuer: 'http://i', settings }).maintain();
  const keys = await openSigningKeys({ database, envelope, clock, logger });
  const soonS = Math.floor(clock.now() / 1000) + 60;
  await keys.signer(soonS);
  await Promise.all([database.close(), clock.advance(5000)]);
  await keys.signer(soonS);
  await t.rejects(keys.reload());
  t.equal(keys.ring.current.published.length, 2, 'what is known stays');
  await clock.advance(30_001);
  await t.rejects(keys.signer(soonS), { code: 'store_unavailable' });
});

t.test('emergency', needsPostgres, async (t) => {
  const databaseUrl = await testDatabase(t);
  const auth = await testAuthService(t, { databaseUrl });
  const other = await testAuthService(t, { databaseUrl });
  const { sink, end } = followed(auth.revocations);
  t.teardown(end);
  const [stolen, next] = [await kidOf(auth, 'active'), await kidOf(auth, 'next')];
  const { access_token, refresh_token } = await auth.login();

  t.test('a revoked key goes at once, and the one in waiting signs, however new', async (t) => {
    const answer = await auth.admin('POST', `/keys/${stolen}/revoke`);
    t.match([answer.status, answer.json()], [200, { revoked: true, active: next }]);
    t.match(sink.entries, [{ kind: 'key', kid: stolen }]);
    const daysLeft = ((sink.entries[0]?.exp ?? 0) - Date.now() / 1000) / 86_400;
    t.ok(daysLeft > 29.9, 'the entry outlives every copy of the key set');
    t.notOk((await published(auth)).includes(stolen));
    t.match(
      await sql(databaseUrl, `SELECT state, private_key_box FROM signing_keys WHERE kid = '${stolen}'`),
      [{ state: 'gone', private_key_box: null }],
    );
    const refused = await auth.post('/auth/logout', undefined, bearer(access_token));
    t.match([refused.status, refused.json()['code']], [401, 'token_kid']);
    const fresh = (await auth.refresh(refresh_token)).json<{ access_token: string }>();
    t.equal(signedBy(fresh.access_token), next, 'sessions go on');
  });

  t.test('every instance withdraws it in a moment', async (t) => {
    const tookMs = await eventually(
      () => published(other),
      (kids) => !kids.includes(stolen),
    );
    t.ok(tookMs < 10_000, `after ${tookMs} ms`);
  });

  t.test('once more changes nothing; an unknown one is 404', async (t) => {
    const [entries, state] = [sink.entries.length, await keysOf(auth)];
    t.match((await auth.admin('POST', `/keys/${stolen}/revoke`)).json(), { revoked: true, active: next });
    t.strictSame(await keysOf(auth), state);
    t.equal(sink.entries.length, entries);
    t.equal((await auth.admin('POST', '/keys/nosuch/revoke')).status, 404);
  });

  t.test('the one in waiting can go as well; there is another', async (t) => {
    const waiting = await kidOf(auth, 'next');
    t.match((await auth.admin('POST', `/keys/${waiting}/revoke`)).json(), { active: next });
    t.not(await kidOf(auth, 'next'), waiting);
    t.equal((await published(auth)).length, 2);
  });
});

t.test('EdDSA, where the config says so', needsPostgres, async (t) => {
  const databaseUrl = await testDatabase(t);
  const auth = await testAuthService(t, {
    databaseUrl,
    change: (config) => ({ ...config, keys: { ...config.keys, algorithm: 'EdDSA' } }),
  });
  const { access_token } = await auth.login();
  const set = (await auth.get('/.well-known/jwks.json')).json<JSONWebKeySet>();
  t.match(set.keys, [{ kty: 'OKP', crv: 'Ed25519', alg: 'EdDSA', use: 'sig' }, { alg: 'EdDSA' }]);
  const { protectedHeader } = await jwtVerify(access_token, createLocalJWKSet(set), { typ: 'at+jwt' });
  t.equal(protectedHeader.alg, 'EdDSA');
  t.equal((await auth.post('/auth/logout', undefined, bearer(access_token))).status, 200);
});
