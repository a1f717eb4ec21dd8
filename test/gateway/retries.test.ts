import type { IncomingMessage, ServerResponse } from 'node:http';
import { text } from 'node:stream/consumers';
import t from 'tap';
import { eventually } from '../fixtures/eventually.js';
import { fakeClock } from '../fixtures/fake-clock.js';
import { type GatewayWithTargets, gatewayWithTargets } from '../fixtures/gateway-with-targets.js';
import { rawConnection } from '../fixtures/open-streams.js';
import { rawRequest } from '../fixtures/raw-http.js';
import type { TestTarget } from '../fixtures/targets.js';
import { tally } from '../fixtures/test-upstream.js';

const DEADLINE = 'x-envoy-expected-rq-timeout-ms';

const pair = ({ targets: [first, second] }: GatewayWithTargets): [TestTarget, TestTarget] => {
  if (first === undefined || second === undefined) throw new Error('no targets');
  return [first, second];
};

async function ask(url: string, method: string, times: number, body = ''): Promise<Record<string, number>> {
  const outcomes: string[] = [];
  const headers = body === '' ? [] : [`Content-Length: ${body.length}`];
  for (let i = 0; i < times; i++) {
    const reply = await rawRequest(url, method, '/x', headers, body);
    outcomes.push(reply.status === 200 ? reply.body : `${reply.status} ${String(reply.json()['code'])}`);
  }
  return tally(outcomes);
}

/** Answers with the body that it got. */
const echo = (request: IncomingMessage, response: ServerResponse): void =>
  void text(request).then((body) => response.end(body));

t.test(
  'a target that hangs up: what is safe to repeat goes to the other one, the rest is a 502',
  async (t) => {
    const test = await gatewayWithTargets(t, ['bad', 'good']);
    const [bad, good] = pair(test);
    bad.conduct = 'reset';
    for (const method of ['GET', 'OPTIONS', 'PUT', 'DELETE'])
      t.strictSame(await ask(test.url, method, 4), { good: 4 }, method);
    const heads = await Promise.all([1, 2].map(() => rawRequest(test.url, 'HEAD', '/x')));
    t.strictSame(
      heads.map(({ status }) => status),
      [200, 200],
    );
    bad.seen.length = good.seen.length = 0;
    for (const method of ['POST', 'PATCH'])
      t.strictSame(await ask(test.url, method, 4), { good: 2, '502 upstream_reset': 2 }, method);
    t.equal(bad.seen.length + good.seen.length, 8, 'each was sent once');
  },
);

t.test(
  '`retries: 0` repeats nothing; a connection that is refused is passed over all the same',
  async (t) => {
    const test = await gatewayWithTargets(t, ['bad', 'good'], { route: { retries: 0 } });
    const [bad] = pair(test);
    bad.conduct = 'reset';
    t.strictSame(await ask(test.url, 'GET', 4), { good: 2, '502 upstream_reset': 2 });
    await bad.die();
    t.strictSame(await ask(test.url, 'GET', 4), { good: 4 });
  },
);

t.test('a body that nothing was sent of goes whole to the next target, also with POST', async (t) => {
  const test = await gatewayWithTargets(t, ['dead', 'good']);
  const [dead, good] = pair(test);
  good.conduct = echo;
  await dead.die();
  for (const method of ['POST', 'PUT', 'PATCH'])
    for (const size of [1, 300_000]) {
      const body = 'ab'.repeat(size);
      t.strictSame(await ask(test.url, method, 2, body), { [body]: 2 }, `${method} ${body.length}`);
    }
  t.equal(good.seen.length, 12, 'each once');
});

t.test('a body that has begun to flow is not sent again', async (t) => {
  const test = await gatewayWithTargets(t, ['bad', 'good']);
  const [bad, good] = pair(test);
  bad.conduct = (request) => {
    request.once('data', () => request.socket.destroy());
  };
  t.strictSame(await ask(test.url, 'PUT', 2, 'x'.repeat(100)), { good: 1, '502 upstream_reset': 1 });
  t.equal(bad.seen.length + good.seen.length, 2);
});

t.test('nothing is sent again once the response has begun: the client is cut off', async (t) => {
  const test = await gatewayWithTargets(t, ['bad', 'good']);
  const [bad, good] = pair(test);
  bad.conduct = (_request, response) => {
    response.writeHead(200, { 'content-length': '10' });
    response.write('half', () => response.destroy());
  };
  const bodies: string[] = [];
  for (let i = 0; i < 4; i++) bodies.push((await rawRequest(test.url, 'GET', '/x')).body);
  t.strictSame(tally(bodies), { half: 2, good: 2 });
  t.strictSame([bad.seen.length, good.seen.length], [2, 2]);
});

t.test('all routes together repeat no more than the budget', async (t) => {
  const upstream = { retry_budget: { percent: 10, per_second: 0 } };
  const test = await gatewayWithTargets(t, ['bad', 'good'], { upstream, deps: { clock: fakeClock() } });
  const [bad] = pair(test);
  bad.conduct = 'reset';
  const { good = 0 } = await ask(test.url, 'GET', 100);
  // Whether the bad one is the first or the second in turn.
  t.ok(good === 50 + 9 || good === 50 + 10, `${good}: a tenth of what came before`);
});

t.test('`try_timeout`: another target is tried; a POST waits for the one it was sent to', async (t) => {
  const clock = fakeClock();
  const test = await gatewayWithTargets(t, ['slow', 'good'], {
    route: { try_timeout: '5s' },
    deps: { clock },
  });
  const [slow] = pair(test);
  const held: ServerResponse[] = [];
  slow.conduct = (_request, response) => void held.push(response);
  const isHeld = (count: number) =>
    eventually(
      async () => held.length,
      (seen) => seen === count,
    );
  const [first, second] = [1, 2].map(() => rawRequest(test.url, 'GET', '/x'));
  await isHeld(1);
  await clock.advance(4999);
  const soon = await Promise.race([first, second]);
  t.equal(soon?.body, 'good');
  await clock.advance(1);
  t.strictSame([(await first)?.body, (await second)?.body], ['good', 'good']);

  held.length = 0;
  const posts = [1, 2].map(() => rawRequest(test.url, 'POST', '/x'));
  await isHeld(1);
  await clock.advance(60_000);
  held[0]?.end('slow');
  t.strictSame((await Promise.all(posts)).map(({ body }) => body).sort(), ['good', 'slow']);
});

t.test('`timeout` and `total_timeout` hold over all targets that are tried', async (t) => {
  for (const route of [{ timeout: '1500ms' }, { total_timeout: '1500ms', timeout: undefined }]) {
    const test = await gatewayWithTargets(t, ['slow', 'slower'], { route });
    const [slow, slower] = pair(test);
    slow.conduct = ({ socket }) => void setTimeout(() => socket.destroy(), 200);
    slower.conduct = 'stall';
    const outcomes = await ask(test.url, 'GET', 2);
    t.strictSame(outcomes, { '504 upstream_timeout': 2 }, JSON.stringify(route));
  }
});

t.test('the upstream is told how long the gateway waits, and less at each further try', async (t) => {
  const test = await gatewayWithTargets(t, ['bad', 'good'], { route: { total_timeout: '20s' } });
  const told: number[] = [];
  for (const target of pair(test))
    target.conduct = ({ headers, socket }, response) => {
      told.push(Number(headers[DEADLINE]));
      // By then the clock has moved on.
      if (target.name === 'bad') setTimeout(() => socket.destroy(), 20);
      else response.end();
    };
  const given = async (...headers: string[]): Promise<number[]> => {
    told.length = 0;
    await Promise.all([1, 2].map(() => rawRequest(test.url, 'GET', '/x', headers)));
    return [...told];
  };
  const [first = 0, ...others] = await given();
  t.ok(first > 15_000 && first <= 20_000, String(first));
  t.equal(others.length, 2);
  t.ok(Math.min(...others) < first, 'the second try has less');
  for (const each of await given(`${DEADLINE}: 10000`))
    t.ok(each > 5000 && each <= 10_000, "the client's own");
  for (const each of await given(`${DEADLINE}: 90000`)) t.ok(each <= 20_000, 'never longer than the route');
  for (const each of await given(`${DEADLINE}: soon`)) t.ok(each <= 20_000, 'nonsense is none');
});

t.test("a client's own deadline ends its request with 504, and is no failure of the target", async (t) => {
  const upstream = { outliers: { failures: 1 } };
  const test = await gatewayWithTargets(t, ['slow', 'good'], { upstream });
  const [slow] = pair(test);
  slow.conduct = 'stall';
  const replies = await Promise.all(
    [1, 2].map(() => rawRequest(test.url, 'GET', '/x', [`${DEADLINE}: 1500`])),
  );
  t.strictSame(replies.map(({ status }) => status).sort(), [200, 504]);
  slow.conduct = 'answer';
  t.strictSame(await ask(test.url, 'GET', 4), { slow: 2, good: 2 });
});

t.test('a client that goes away is not waited for, and its request is not sent again', async (t) => {
  const test = await gatewayWithTargets(t, ['slow', 'other'], { route: { try_timeout: '5s' } });
  const [slow, other] = pair(test);
  slow.conduct = other.conduct = 'stall';
  const client = rawConnection(t, test.url, 'GET /x HTTP/1.1\r\nHost: a\r\n\r\n');
  const held = async (): Promise<number> => slow.held + other.held;
  await eventually(held, (count) => count === 1);
  client.socket.destroy();
  await eventually(held, (count) => count === 0);
  t.equal(slow.seen.length + other.seen.length, 1);
});
