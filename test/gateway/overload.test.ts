import { writeFileSync } from 'node:fs';
import type { ServerResponse } from 'node:http';
import t from 'tap';
import { eventually } from '../fixtures/eventually.js';
import { rawRequest } from '../fixtures/raw-http.js';
import { startTestGateway } from '../fixtures/test-gateway.js';

const ROUTE = { methods: ['GET'], auth: 'public', upstream: 'app' };
const cors = { origins: ['https://app.test'] };
const ROUTES = [
  { path: '/critical', ...ROUTE, priority: 'critical' },
  { path: '/normal', ...ROUTE, cors },
  { path: '/private', ...ROUTE, auth: 'caller' },
  { path: '/low', ...ROUTE, priority: 'low' },
];

t.test('more requests than are to be under way: 503, the less important first', async (t) => {
  const test = await startTestGateway(t, {
    config: { overload: { in_flight: 4, loop_delay: '0s' } },
    routes: ROUTES,
  });
  const { url, gateway } = test;
  const waiting: ServerResponse[] = [];
  test.answer((_request, response) => void waiting.push(response));
  const held = [1, 2].map(() => rawRequest(url, 'GET', '/critical'));
  await eventually(
    async () => waiting.length,
    (count) => count === 2,
  );

  const low = await rawRequest(url, 'GET', '/low');
  t.match([low.status, low.json()['code'], low.headers.get('retry-after')], [503, 'overloaded', '1']);
  held.push(rawRequest(url, 'GET', '/normal'));
  await eventually(
    async () => waiting.length,
    (count) => count === 3,
  );
  const page = await rawRequest(url, 'GET', '/normal', ['Origin: https://app.test']);
  t.equal(page.status, 503);
  t.equal(page.headers.get('access-control-allow-origin'), 'https://app.test', 'pages can read why');
  const bad = await rawRequest(url, 'GET', '/private', ['Authorization: Bearer a.b.c']);
  t.equal(bad.status, 503, 'refused before its token is looked at');
  held.push(rawRequest(url, 'GET', '/critical'));
  await eventually(
    async () => waiting.length,
    (count) => count === 4,
  );
  t.equal((await rawRequest(url, 'GET', '/critical')).status, 503, 'past the limit everybody is');
  t.equal(waiting.length, 4, 'nothing of what was refused has come to the upstream');

  const preflight = ['Origin: https://app.test', 'Access-Control-Request-Method: GET'];
  t.equal((await rawRequest(url, 'OPTIONS', '/normal', preflight)).status, 204);
  t.equal((await rawRequest(url, 'GET', '/.well-known/gatehouse/jwks.json')).status, 200, 'own paths never');
  t.equal((await fetch(`${gateway.adminUrl}/ready`)).status, 200);
  const metrics = await (await fetch(`${gateway.adminUrl}/metrics`)).text();
  t.match(
    metrics,
    /gatehouse_denials_total\{route="GET \/low",code="overloaded",reason="overload.in_flight"/,
  );

  for (const response of waiting.splice(0)) response.end('ok');
  t.strictSame(
    (await Promise.all(held)).map(({ status }) => status),
    [200, 200, 200, 200],
  );
  test.answer((_request, response) => response.end('ok'));
  t.equal((await rawRequest(url, 'GET', '/low')).status, 200, 'and then at once no more');
});

t.test('the limit can be changed while it runs', async (t) => {
  const test = await startTestGateway(t, { routes: ROUTES });
  t.equal((await rawRequest(test.url, 'GET', '/low')).status, 200);
  writeFileSync(test.configFile, test.configWith({ overload: { in_flight: 1, loop_delay: '0s' } }));
  t.match(await test.gateway.reload('admin'), { result: 'applied' });
  t.equal((await rawRequest(test.url, 'GET', '/low')).status, 503);
  t.equal((await rawRequest(test.url, 'GET', '/critical')).status, 200);
});
