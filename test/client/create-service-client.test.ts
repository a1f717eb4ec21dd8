import { generateKeyPairSync } from 'node:crypto';
import t from 'tap';
import { createServiceClient, type ServiceClientOptions } from '../../client/index.js';
import { fakeGateway, ORIGIN, problem } from '../fixtures/fake-gateway.js';

const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
const key = privateKey.export({ format: 'jwk' }) as Extract<ServiceClientOptions['key'], { kty: string }>;

function start(options: Partial<ServiceClientOptions> = {}) {
  const gateway = fakeGateway();
  const clock = { nowMs: 1_700_000_000_000 };
  const client = createServiceClient({
    issuer: ORIGIN,
    clientId: 'reporting',
    key,
    fetch: gateway.fetch,
    now: () => clock.nowMs,
    ...options,
  });
  let issued = 0;
  gateway.answers.set('/oauth/token', () => {
    issued += 1;
    gateway.good.add(`token-${issued}`);
    return Response.json({ access_token: `token-${issued}`, token_type: 'Bearer', expires_in: 900 });
  });
  return { gateway, clock, client, asked: () => gateway.callsOf('/oauth/token') };
}

t.test('many calls at once share one token, and those that follow too', async (t) => {
  const { client, asked } = start();
  const answers = await Promise.all(Array.from({ length: 8 }, () => client.fetch('/api/orders')));
  t.ok(answers.every(({ status }) => status === 200));
  t.equal((await client.fetch(`${ORIGIN}/api/orders`)).status, 200);
  t.equal(asked().length, 1);
});

t.test('the request is what RFC 7523 asks for', async (t) => {
  const { client, asked, clock } = start({ scopes: ['a', 'b'], resource: 'urn:x' });
  await client.getToken();
  const form = new URLSearchParams(asked()[0]?.body);
  t.match(Object.fromEntries(form), { grant_type: 'client_credentials', scope: 'a b', resource: 'urn:x' });
  const parts = (form.get('client_assertion') ?? '').split('.');
  const [header, claims] = parts
    .slice(0, 2)
    .map((part) => JSON.parse(Buffer.from(part, 'base64url').toString()) as Record<string, unknown>);
  t.strictSame(header, { typ: 'JWT', alg: 'ES256' });
  const iat = clock.nowMs / 1000;
  t.match(claims, {
    iss: 'reporting',
    sub: 'reporting',
    aud: ORIGIN,
    iat,
    exp: iat + 60,
    jti: /^[0-9a-f-]{36}$/,
  });
});

t.test('a token that was refused elsewhere is replaced once', async (t) => {
  const { client, asked } = start();
  const refused = await client.getToken();
  const tokens = await Promise.all([client.getToken(refused), client.getToken(refused)]);
  t.strictSame([...tokens, await client.getToken(refused)], ['token-2', 'token-2', 'token-2']);
  t.equal(asked().length, 2);
});

t.test('a token is renewed ahead of its end, and nobody waits for that', async (t) => {
  const { client, asked, clock, gateway } = start();
  t.equal(await client.getToken(), 'token-1');
  clock.nowMs += 850_000;
  const outage = new Promise<void>((resolve) => {
    gateway.answers.set('/oauth/token', () => {
      resolve();
      return problem(503, 'temporarily_unavailable');
    });
  });
  t.equal(await client.getToken(), 'token-1', 'an outage meanwhile is no matter');
  await outage;
  t.equal(asked().length, 2);
  clock.nowMs += 100_000;
  await t.rejects(client.fetch('/api/orders'), { code: 'temporarily_unavailable', status: 503 });
});

t.test('who is asked to wait waits', async (t) => {
  const { client, asked, clock, gateway } = start();
  gateway.answers.set('/oauth/token', () => problem(503, 'temporarily_unavailable', { 'retry-after': '5' }));
  for (const _ of [1, 2, 3])
    await t.rejects(client.getToken(), { code: 'temporarily_unavailable', status: 503 });
  t.equal(asked().length, 1);
  clock.nowMs += 5000;
  await t.rejects(client.getToken(), { code: 'temporarily_unavailable', status: 503 });
  t.equal(asked().length, 2);
});

t.test('a refused token is replaced once, also when several were refused', async (t) => {
  const { client, asked, gateway } = start();
  await client.getToken();
  gateway.good.clear();
  const answers = await Promise.all([client.fetch('/api/a'), client.fetch('/api/b')]);
  t.strictSame(
    answers.map(({ status }) => status),
    [200, 200],
  );
  t.equal(asked().length, 2);
});

t.test('other origins get no token, and no key that cannot sign is taken', async (t) => {
  const { client, gateway } = start();
  await client.fetch('https://elsewhere.example.test/api');
  t.strictSame(
    gateway.calls.map(({ authorization }) => authorization),
    [null],
  );
  const open = publicKey.export({ format: 'jwk' }) as typeof key;
  await t.rejects(start({ key: open }).client.getToken(), TypeError);
  await t.rejects(start({ key: { kty: 'EC', crv: 'P-521', d: 'x' } }).client.getToken());
});
