import { writeFileSync } from 'node:fs';
import t, { type Test } from 'tap';
import { fakeClock } from '../fixtures/fake-clock.js';
import { rawRequest } from '../fixtures/raw-http.js';
import { startTestGateway, type TestGatewayOptions } from '../fixtures/test-gateway.js';

/** Real clients, and a clock that stands still: what is let through is exactly what the limit has room for. */

const UPSTREAM = { methods: ['GET'], upstream: 'app' };

async function start(t: Test, options: TestGatewayOptions) {
  const clock = fakeClock();
  const test = await startTestGateway(t, { ...options, deps: { clock }, waitUntilReady: false });
  while (!test.gateway.readiness().ready) await clock.advance(20);
  const get = (path: string, headers: string[] = []) => rawRequest(test.url, 'GET', path, headers);
  const as = (claims: object = {}) => [`Authorization: Bearer ${test.token(claims as never)}`];
  const statuses = async (times: number, path: string, headers: () => string[] = () => []) => {
    const found: number[] = [];
    for (let i = 0; i < times; i++) found.push((await get(path, headers())).status);
    return found.join(' ');
  };
  return { ...test, clock, get, as, statuses };
}

t.test('every answer on a limited route says how the caller stands', async (t) => {
  const { get, answer, clock } = await start(t, {
    config: { rate_limits: { api: { requests: 60, per: '1m', burst: 3, by: 'address' } } },
    routes: [
      { path: '/limited', auth: 'public', rate_limit: 'api', ...UPSTREAM },
      { path: '/fixed', methods: ['GET'], auth: 'public', rate_limit: 'api', cost: 2, reply: { body: 'ok' } },
      { path: '/free', auth: 'public', ...UPSTREAM },
    ],
  });
  answer((_request, response) =>
    response.writeHead(200, { RateLimit: '"up";r=1;t=1', 'RateLimit-Policy': '"up";q=9;w=9' }).end(),
  );
  const headers = async (path: string) => {
    const reply = await get(path);
    const names = ['ratelimit-policy', 'ratelimit', 'retry-after'];
    return [reply.status, ...names.map((name) => reply.headers.get(name))];
  };
  const policy = '"api";q=60;w=60';
  t.strictSame(
    await headers('/limited'),
    [200, policy, '"api";r=2;t=1', undefined],
    'not the upstream’s own',
  );
  t.strictSame(await headers('/fixed'), [200, policy, '"api";r=0;t=2', undefined], 'one count, and its cost');
  t.strictSame(await headers('/limited'), [429, policy, '"api";r=0;t=1', '1']);
  t.strictSame(await headers('/fixed'), [429, policy, '"api";r=0;t=2', '2']);
  t.strictSame(await headers('/free'), [200, '"up";q=9;w=9', '"up";r=1;t=1', undefined]);
  await clock.advance(1000);
  t.strictSame(await headers('/limited'), [200, policy, '"api";r=0;t=1', undefined]);
});

t.test('pages of other origins may read how they stand', async (t) => {
  const cors = { origins: ['https://app.test'] };
  const { get } = await start(t, {
    routes: [
      { path: '/limited', auth: 'public', rate_limit: { requests: 1, per: '1h' }, cors, ...UPSTREAM },
      { path: '/free', auth: 'public', cors, ...UPSTREAM },
    ],
  });
  const exposed = async (path: string) =>
    (await get(path, ['Origin: https://app.test'])).headers.get('access-control-expose-headers');
  t.match(await exposed('/limited'), /, RateLimit, RateLimit-Policy$/);
  t.match(await exposed('/limited'), /, RateLimit, RateLimit-Policy$/, 'refused, too');
  t.notMatch(await exposed('/free'), /RateLimit/);
});

t.test('routes of one name are counted together, by whom the limit says', async (t) => {
  const { statuses, as } = await start(t, {
    config: { rate_limits: { clients: { requests: 2, per: '1h', by: 'client' } } },
    routes: [
      { path: '/a', auth: 'caller', rate_limit: 'clients', ...UPSTREAM },
      { path: '/b', auth: 'caller', rate_limit: 'clients', ...UPSTREAM },
      { path: '/public', auth: 'public', rate_limit: 'clients', ...UPSTREAM },
    ],
  });
  const ann = () => as({ sub: 'ann', client_id: 'app' });
  const bob = () => as({ sub: 'bob', client_id: 'app' });
  t.equal(await statuses(1, '/a', ann), '200');
  t.equal(await statuses(2, '/b', bob), '200 429', 'two people, one client');
  t.equal(await statuses(1, '/a', () => as({ client_id: 'other' })), '200');
  t.equal(await statuses(3, '/public'), '200 200 429', 'nobody: by address');
});

t.test('an address is whose it is, whatever the client says', async (t) => {
  const options = (trusted: string[]): TestGatewayOptions => ({
    config: { listen: { host: '127.0.0.1', port: 0, trusted_proxies: trusted } },
    routes: [{ path: '/x', auth: 'public', rate_limit: { requests: 2, per: '1h' }, ...UPSTREAM }],
  });
  let count = 0;
  const forged = () => {
    count += 1;
    const address = `198.51.100.${count}`;
    return [`X-Forwarded-For: ${address}`, `Forwarded: for=${address}`, `X-Real-IP: ${address}`];
  };
  const direct = await start(t, options([]));
  t.equal(await direct.statuses(4, '/x', forged), '200 200 429 429', 'no proxy is trusted');

  const proxied = await start(t, options(['127.0.0.1']));
  const behind = (address: string) => () => [
    ...forged().slice(1),
    `X-Forwarded-For: 203.0.113.${count}, ${address}`,
  ];
  t.equal(
    await proxied.statuses(3, '/x', behind('192.0.2.1')),
    '200 200 429',
    'only the proxy’s own word counts',
  );
  t.equal(await proxied.statuses(1, '/x', behind('192.0.2.2')), '200');
  t.equal(await proxied.statuses(1, '/x', behind('192.0.2.1:4711')), '429', 'a port makes no other client');
  t.equal(await proxied.statuses(1, '/x', behind('[2001:db8::1]:1')), '200');
  t.equal(await proxied.statuses(2, '/x', behind('2001:db8::2')), '200 429', 'one /64');
  const junk = () => behind(`unknown-${count}`)();
  t.equal(await proxied.statuses(3, '/x', junk), '200 200 429', 'what is no address is the proxy itself');
});

t.test('a reload keeps what was counted; a limit with other numbers starts anew', async (t) => {
  const limit = { requests: 2, per: '1h' };
  const routes = (rateLimit: object) => [{ path: '/x', auth: 'public', rate_limit: rateLimit, ...UPSTREAM }];
  const { statuses, configFile, configWith, gateway } = await start(t, { routes: routes(limit) });
  t.equal(await statuses(3, '/x'), '200 200 429');
  writeFileSync(configFile, configWith({ routes: routes(limit), log: undefined, limits: { headers: '9s' } }));
  t.match(await gateway.reload('admin'), { result: 'applied' });
  t.equal(await statuses(1, '/x'), '429');
  writeFileSync(configFile, configWith({ routes: routes({ ...limit, requests: 3 }) }));
  t.match(await gateway.reload('admin'), { result: 'applied' });
  t.equal(await statuses(4, '/x'), '200 200 200 429');
});
