import t, { type Test } from 'tap';
import { spiffeId } from '../../contracts/spiffe.js';
import { type Attempt, refuseAll, send } from '../fixtures/attacks.js';
import { eventually } from '../fixtures/eventually.js';
import { startKeyExchange } from '../fixtures/key-exchange.js';
import { startTestGateway } from '../fixtures/test-gateway.js';

/** API keys end to end: the gateway asks a real mTLS listener, and only for what it has not yet been told. */

const key = (letter: string): string => `gtk_${letter.repeat(20)}_${letter.repeat(49)}`;

async function start(t: Test) {
  const exchange = await startKeyExchange(t);
  const gateway = await startTestGateway(t, {
    config: {
      revocation: { feed_url: exchange.origin, feed_spiffe_id: spiffeId('auth-service') },
      auth: { caller: { issuers: ['main'], credentials: ['bearer', 'api_key'] } },
    },
  });
  const { token } = gateway;
  exchange.answer((asked, response) => {
    if (asked !== key('a')) response.writeHead(404).end();
    else {
      const access_token = token({ sub: 'user-7', sid: 'key-1', scope: 'orders:read' });
      response.end(JSON.stringify({ access_token, expires_in: 600 }));
    }
  });
  return { ...gateway, exchange };
}

const withKey = (text: string): Attempt => ({ headers: [`X-Api-Key: ${text}`] });

t.test('a key gets in as what it stands for, and is asked for once', async (t) => {
  const { url, seen, exchange, logs } = await start(t);
  const replies = await Promise.all(Array.from({ length: 20 }, () => send(url, withKey(key('a')))));
  t.same([...new Set(replies.map(({ status }) => status))], [200]);
  t.equal(exchange.asked.length, 1, 'twenty at once: one exchange');
  t.equal(
    (await send(url, { headers: [`Authorization: Bearer ${key('a')}`] })).status,
    200,
    'as a bearer too',
  );
  t.equal(exchange.asked.length, 1);
  const headers = new Map(seen[0]?.headers);
  t.equal(headers.get('x-identity-kind'), 'api-key');
  t.equal(headers.get('x-identity-subject'), 'user-7');
  t.equal(headers.get('x-identity-session'), 'key-1');
  t.notOk(headers.has('x-api-key') || headers.has('authorization'), 'the key stays here');
  t.notMatch(logs.join(''), key('a').slice(4), 'and out of the log');
});

t.test('keys that must not get in', async (t) => {
  const gateway = await start(t);
  const { url, exchange, feed, issuer, token } = gateway;
  await refuseAll(t, gateway, () => withKey(key('a')), {
    'an unknown key': { ...withKey(key('b')), expect: [401, 'api_key_invalid'] },
    'again, without asking again': { ...withKey(key('b')), expect: [401, 'api_key_invalid'] },
    'no key of ours': { ...withKey('sk_live_123'), expect: [401, 'api_key_invalid'] },
    'a token in the header for keys': { ...withKey(token()), expect: [401, 'api_key_invalid'] },
    'a key with other characters': { ...withKey(`${key('a')}"`), expect: [401, 'api_key_invalid'] },
    'a key of 2 KB': { ...withKey(`gtk_${'a'.repeat(2048)}`), expect: [401, 'api_key_invalid'] },
    'a key with a query': {
      target: `/api/x?api_key=${key('a')}`,
      headers: [],
      expect: [401, 'credentials_missing'],
    },
  });
  t.same(
    exchange.asked.filter((asked) => asked !== key('a')),
    [key('b')],
    'one question for one unknown key, none for what is no key',
  );
  feed.revoke({ kind: 'session', iss: issuer, sid: 'key-1', exp: Math.floor(Date.now() / 1000) + 1000 });
  const revoked = await send(url, withKey(key('a')));
  t.match([revoked.status, revoked.json()['code']], [401, 'token_revoked'], 'revoked, whatever is held');
});

t.test('what comes back for a key is verified like any other token', async (t) => {
  const { url, exchange, token, seen } = await start(t);
  for (const [name, changes, code] of [
    ['another issuer', { iss: 'https://evil.test' }, 'token_claims'],
    ['expired', { exp: Math.floor(Date.now() / 1000) - 60 }, 'token_expired'],
  ] as const) {
    const letter = name.at(0) ?? '';
    exchange.answer((_key, response) =>
      response.end(JSON.stringify({ access_token: token(changes), expires_in: 600 })),
    );
    const reply = await send(url, withKey(key(letter)));
    t.match([reply.status, reply.json()['code']], [401, code], name);
  }
  t.equal(seen.length, 0);
});

t.test('no answer is an outage, not the key\u2019s fault; a key in use goes on', async (t) => {
  const { url, exchange, seen, token } = await start(t);
  t.equal((await send(url, withKey(key('a')))).status, 200);
  const verified = [503, 'api_key_unverified', '5'];
  const ask = async (letter: string) => {
    const reply = await send(url, withKey(key(letter)));
    return [reply.status, reply.json()['code'], reply.headers.get('retry-after')];
  };
  exchange.answer((_key, response) => response.writeHead(500).end());
  t.same(await ask('c'), verified, 'a fault there');
  exchange.answer((_key, response) => response.writeHead(302, { location: 'https://evil.test/' }).end());
  t.same(await ask('d'), verified, 'a redirect is not followed');
  exchange.answer((_key, response) => response.end('<html>'));
  t.same(await ask('e'), verified, 'no JSON');
  exchange.answer((_key, response) => response.end(JSON.stringify({ access_token: 7, expires_in: '600' })));
  t.same(await ask('f'), verified, 'no token');
  exchange.answer((_key, response) => response.end('x'.repeat(100_000)));
  t.same(await ask('0'), verified, 'too much');
  exchange.answer(() => undefined);
  const before = Date.now();
  t.same(await ask('1'), verified, 'silence');
  t.ok(Date.now() - before < 15_000, 'for two seconds at most, and as long as a busy machine takes');
  await exchange.stop();
  t.same(await ask('2'), verified, 'nobody there');
  t.equal((await send(url, withKey(key('a')))).status, 200, 'a known key goes on');
  t.equal((await send(url, { headers: [`Authorization: Bearer ${token()}`] })).status, 200, 'so do tokens');
  t.equal(seen.length, 3);
});

t.test('guessing is slow for the guesser, and for nobody with a key', async (t) => {
  const { url, exchange } = await start(t);
  const guess = (n: number): string => `gtk_${String(n).padStart(20, '0')}_x`;
  const replies = await Promise.all(Array.from({ length: 50 }, (_, n) => send(url, withKey(guess(n)))));
  const limited = replies.filter(({ status }) => status === 429);
  t.equal(limited.length, 20);
  t.match(limited[0]?.headers.get('retry-after'), /^[1-9][0-9]*$/);
  t.equal(exchange.asked.length, 30);
});

t.test('a key outlives its token: what was revoked is that one, not the key', async (t) => {
  const { url, exchange, feed, issuer, token } = await start(t);
  let asked = 0;
  exchange.answer((_key, response) => {
    const access_token = token({ sid: 'key-1', jti: `jti-${++asked}` });
    response.end(JSON.stringify({ access_token, expires_in: 600 }));
  });
  const use = async () => (await send(url, withKey(key('a')))).status;
  t.equal(await use(), 200);
  feed.revoke({ kind: 'token', iss: issuer, jti: 'jti-1', exp: Math.floor(Date.now() / 1000) + 1000 });
  await eventually(use, (status) => status === 200); // a token that has only just come is kept for a second
  t.equal(asked, 2);
  feed.revoke({ kind: 'session', iss: issuer, sid: 'key-1', exp: Math.floor(Date.now() / 1000) + 1000 });
  const bursts = await Promise.all(Array.from({ length: 20 }, use));
  t.same([...new Set(bursts)], [401]);
  t.ok(asked <= 3, 'a key that is refused for good is not asked for with each request');
});
