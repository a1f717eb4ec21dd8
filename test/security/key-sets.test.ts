import { once } from 'node:events';
import { createServer, type RequestListener } from 'node:http';
import type { AddressInfo } from 'node:net';
import { gzipSync } from 'node:zlib';
import { exportJWK } from 'jose';
import t, { type Test } from 'tap';
import { spiffeId } from '../../contracts/spiffe.js';
import { type KeyServer, skippingClock, startKeyServer } from '../fixtures/key-server.js';
import { startTestGateway } from '../fixtures/test-gateway.js';
import { goodClaims, signToken, type TestKey, testKey } from '../fixtures/test-issuer.js';

/**
 * What an issuer's server, or somebody in its place, may answer (RFC 8725 section 3.10; lessons of the gateways before
 * this one): a bad answer is refused or its bad keys are ignored, the last good set stays, with an alarm.
 */

const ISSUER = 'https://id.test';
const COOLDOWN_MS = 30_001;

interface SetUpOptions {
  /** Default: one that has the key set. */
  server?: KeyServer;
  clock?: ReturnType<typeof skippingClock>;
}

/** A gateway that has one issuer, whose key set comes from a server that the test speaks for. */
async function setUp(t: Test, { server, clock = skippingClock(10) }: SetUpOptions = {}) {
  const keyServer = server ?? (await startKeyServer(t));
  const key = await testKey();
  if (server === undefined) keyServer.answer([key.jwk]);
  const gateway = await startTestGateway(t, {
    deps: { clock },
    waitUntilReady: server === undefined,
    routes: [
      { path: '/api/x', methods: ['GET'], auth: 'caller', upstream: 'app' },
      // Whoever gets as far as the role has been verified.
      {
        path: '/verified',
        methods: ['GET'],
        auth: { profile: 'caller', roles: ['nobody'] },
        upstream: 'app',
      },
    ],
    config: {
      issuers: {
        id: {
          issuer: ISSUER,
          audience: 'urn:gatehouse:api',
          jwks_uri: `${keyServer.origin}/jwks`,
          ca: keyServer.ca,
        },
      },
      revocation: { feed_url: 'https://127.0.0.1:1', feed_spiffe_id: spiffeId('x'), max_staleness: '1d' },
      auth: { caller: { issuers: ['id'] } },
    },
  });
  const call = async (signer: TestKey, header: object = {}, path = '/api/x') => {
    const text = signToken(signer, goodClaims(ISSUER, Date.now()), { ...header });
    const reply = await fetch(gateway.url + path, { headers: { authorization: `Bearer ${text}` } });
    const { code } = (await reply.json()) as { code?: string };
    return code === undefined ? reply.status : `${reply.status} ${code}`;
  };
  /** Makes the gateway look at the key set again, by a token with a key id that it does not know. */
  const lookAgain = async () => {
    clock.skip(COOLDOWN_MS);
    return call(await testKey());
  };
  return { ...gateway, keyServer, key, clock, call, lookAgain };
}

const answers = (status: number, body: string | Buffer, headers: object = {}): RequestListener => {
  return (_request, response) => response.writeHead(status, { ...headers }).end(body);
};

t.test('a bad answer leaves the last good keys in force, and says so in the log', async (t) => {
  const { key, keyServer, call, lookAgain, seen, logs } = await setUp(t);
  const other = await testKey();
  const good = JSON.stringify({ keys: [other.jwk] });
  const bomb = gzipSync(Buffer.alloc(8 * 1024 * 1024, ' '));
  const padded = `{"keys":[${JSON.stringify(other.jwk)}],"x":"${'x'.repeat(64 * 1024)}"}`;
  const privateKey = { ...(await exportJWK(other.privateKey)), kid: other.kid };
  const keys = (...members: object[]) => answers(200, JSON.stringify({ keys: members }));
  const cases: Record<string, RequestListener> = {
    HTML: answers(200, '<html>maintenance</html>', { 'content-type': 'text/html' }),
    204: answers(204, ''),
    404: answers(404, good),
    500: answers(500, good),
    'an empty body': answers(200, ''),
    'JSON cut short': answers(200, good.slice(0, -20)),
    'a connection cut short': (_request, response) => {
      response.writeHead(200, { 'content-length': good.length + 100 }).write(good);
      setImmediate(() => response.destroy());
    },
    'a connection that is reset': (request) => request.socket.destroy(),
    'more than 64 KiB': answers(200, padded),
    'more than 64 KiB without a length': (_request, response) => {
      response.writeHead(200);
      for (let i = 0; i < 20; i++) response.write(' '.repeat(8192));
      response.end(good);
    },
    'a compressed bomb': answers(200, bomb, { 'content-encoding': 'gzip' }),
    'a compressed bomb that does not say so': answers(200, bomb),
    'a compressed set, which nobody asked for': answers(200, gzipSync(good), { 'content-encoding': 'gzip' }),
    'an empty set': keys(),
    'no set': answers(200, '{"keys":{}}'),
    'a set of 33 keys': keys(...Array.from({ length: 33 }, () => other.jwk)),
    'a symmetric key': keys({ kty: 'oct', k: 'c2VjcmV0', kid: other.kid, alg: 'HS256' }),
    'a private key': keys(privateKey),
    'a key off its curve': keys({ ...other.jwk, y: other.jwk.x }),
    'a key for encryption': keys({ ...other.jwk, use: 'enc' }),
    'a key that is for signing only': keys({ ...other.jwk, key_ops: ['sign'] }),
    'a key of an algorithm that is not accepted': keys({ ...other.jwk, alg: 'HS256' }),
    'great depth': answers(200, `${'['.repeat(30_000)}${']'.repeat(30_000)}`),
    'a set with __proto__': answers(200, `{"__proto__":${good}}`),
  };
  let requests = 0;
  for (const [name, answer] of Object.entries(cases)) {
    const before = keyServer.fetches();
    const alarms = logs.length;
    keyServer.answer(answer);
    t.equal(await lookAgain(), '503 keys_unavailable', `${name}: nobody can say whose key that is`);
    t.equal(keyServer.fetches(), before + 1, `${name}: was fetched`);
    t.match(logs.slice(alarms).join(''), 'the last good keys stay', `${name}: an alarm`);
    t.equal(await call(other), '503 keys_unavailable', `${name}: its keys are not used`);
    t.equal(await call(key), 200, `${name}: a good token right after`);
    requests += 1;
  }
  t.equal(seen.length, requests, 'the upstream saw the good ones only');
  t.notMatch(logs.join(''), 'maintenance', 'no answer is quoted in the log');
});

t.test('bad keys in a good set are ignored, and the good ones are taken', async (t) => {
  const { keyServer, call, lookAgain, logs } = await setUp(t);
  const [fresh, twin, leaked, encryption] = await Promise.all([testKey(), testKey(), testKey(), testKey()]);
  keyServer.answer([
    fresh.jwk,
    { ...twin.jwk, kid: fresh.kid },
    { ...(await exportJWK(leaked.privateKey)), kid: leaked.kid },
    { ...encryption.jwk, use: 'enc' },
    { kty: 'oct', k: 'c2VjcmV0', kid: 'hmac' },
    { ...twin.jwk, kid: 'a\u001b[2J' },
    7,
    null,
  ]);
  t.equal(await lookAgain(), '401 token_kid');
  t.equal(await call(fresh), 200);
  t.equal(await call({ ...twin, kid: fresh.kid }), '401 token_signature', 'the second key of an id');
  for (const key of [leaked, encryption]) t.equal(await call(key), '401 token_kid');
  for (const reason of ['private key', 'symmetric', 'another key has its id']) t.match(logs.join(''), reason);
});

t.test('a redirect is not followed', async (t) => {
  const { key, keyServer, call, lookAgain } = await setUp(t);
  const attacker = await testKey();
  let visits = 0;
  const elsewhere = createServer((_request, response) => {
    visits += 1;
    response.end(JSON.stringify({ keys: [attacker.jwk] }));
  });
  elsewhere.listen(0, '127.0.0.1');
  await once(elsewhere, 'listening');
  t.teardown(() => elsewhere.close());
  const location = `http://127.0.0.1:${(elsewhere.address() as AddressInfo).port}/jwks`;
  for (const status of [301, 302, 303, 307, 308]) {
    keyServer.answer(answers(status, JSON.stringify({ keys: [attacker.jwk] }), { location }));
    t.equal(await lookAgain(), '503 keys_unavailable', String(status));
    t.equal(await call(attacker), '503 keys_unavailable');
  }
  t.equal(visits, 0);
  t.equal(await call(key), 200);
});

t.test('a server with the wrong name, or of a CA that is not the issuer’s, is not asked', async (t) => {
  for (const options of [{ dnsNames: ['id.example'] }, { isForeign: true }]) {
    const keyServer = await startKeyServer(t, options);
    const attacker = await testKey();
    keyServer.answer([attacker.jwk]);
    const { call, seen, gateway } = await setUp(t, { server: keyServer });
    t.equal(await call(attacker), '503 keys_unavailable', JSON.stringify(options));
    t.equal(keyServer.fetches(), 0, 'not a byte of a request');
    t.equal(gateway.readiness().ready, false);
    t.equal(seen.length, 0);
  }
});

t.test('a slow answer holds nobody up for longer than two seconds, and is given up', async (t) => {
  const { key, keyServer, call, lookAgain, logs } = await setUp(t, { clock: skippingClock() });
  let closed: Promise<unknown> | undefined;
  let isGivenUp = false;
  keyServer.answer((_request, response) => {
    response.writeHead(200);
    const drip = setInterval(() => response.write(' '), 100);
    closed = once(response, 'close').then(() => {
      clearInterval(drip);
      isGivenUp = true;
    });
  });
  const waiting = lookAgain();
  t.equal(await call(key), 200, 'known keys wait for nothing');
  t.equal(await waiting, '503 keys_unavailable');
  t.notOk(isGivenUp, 'which takes longer');
  await closed;
  t.equal(await call(key), 200);
  t.match(logs.join(''), 'no whole answer in time');
});

t.test('a flood of random key ids costs one fetch in a cooldown', async (t) => {
  const { key, keyServer, call, clock } = await setUp(t);
  clock.skip(COOLDOWN_MS);
  const before = keyServer.fetches();
  const flood = await Promise.all(
    Array.from({ length: 300 }, async (_, i) => call(key, { kid: `random-${i}` })),
  );
  t.ok(flood.every((answer) => answer === '401 token_kid'));
  t.equal(keyServer.fetches() - before, 1);
  for (let i = 0; i < 50; i++) await call(key, { kid: `more-${i}` });
  t.equal(keyServer.fetches() - before, 1);
  t.equal(await call(key), 200);
});

t.test(
  'hundreds of requests that meet a new key at once cause one fetch, and all are verified',
  async (t) => {
    const { keyServer, call, clock } = await setUp(t);
    const fresh = await testKey();
    let release = (): void => undefined;
    const held = new Promise<void>((resolve) => {
      release = resolve;
    });
    keyServer.answer((_request, response) => {
      void held.then(() => response.end(JSON.stringify({ keys: [fresh.jwk] })));
    });
    clock.skip(COOLDOWN_MS);
    const before = keyServer.fetches();
    const all = Array.from({ length: 400 }, () => call(fresh, {}, '/verified'));
    setTimeout(release, 800);
    const statuses = await Promise.all(all);
    t.strictSame([...new Set(statuses)], ['403 insufficient_role']);
    t.equal(keyServer.fetches() - before, 1);
    t.equal(await call(fresh), 200);
  },
);

t.test('a retired key is out at once, and so is what it had verified before', async (t) => {
  const { key, keyServer, call, lookAgain } = await setUp(t);
  t.equal(await call(key), 200);
  const next = await testKey();
  keyServer.answer([next.jwk]);
  await lookAgain();
  t.equal(await call(key), '401 token_kid');
  t.equal(await call(next), 200);
});

t.test(
  'a key that the revocation feed withdraws is out at once, though its issuer still publishes it',
  async (t) => {
    const { key, keyServer, call, feed, seen, lookAgain } = await setUp(t);
    const second = await testKey();
    keyServer.answer([key.jwk, second.jwk]);
    await lookAgain();
    t.equal(await call(key), 200);
    const before = [seen.length, keyServer.fetches()];
    feed.revoke({ kind: 'key', iss: ISSUER, kid: key.kid, exp: Math.floor(Date.now() / 1000) + 900 });
    t.equal(await call(key), '401 token_kid');
    t.equal(await call(second), 200, 'the other one is still good');
    t.strictSame(
      [seen.length, keyServer.fetches()],
      [(before[0] ?? 0) + 1, (before[1] ?? 0) + 1],
      'one refetch',
    );
  },
);

t.test('a withdrawn key is the token’s fault, even while its issuer has no other', async (t) => {
  const { key, call, feed } = await setUp(t);
  t.equal(await call(key), 200);
  feed.revoke({
    kind: 'key',
    iss: 'https://other.test',
    kid: key.kid,
    exp: Math.floor(Date.now() / 1000) + 900,
  });
  t.equal(await call(key), 200, 'an entry of another issuer is not about this one');
  feed.revoke({ kind: 'key', iss: ISSUER, kid: key.kid, exp: Math.floor(Date.now() / 1000) + 900 });
  t.equal(await call(key), '401 token_kid');
  t.equal(await call(await testKey()), '503 keys_unavailable', 'what else its issuer signs nobody can check');
});
