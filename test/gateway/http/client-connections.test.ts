import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import t, { type Test } from 'tap';
import { eventually } from '../../fixtures/eventually.js';
import { fakeClock } from '../../fixtures/fake-clock.js';
import { FRAME, headersFrames, RawHttp2 } from '../../fixtures/raw-http2.js';
import { startTestGateway, type TestGateway } from '../../fixtures/test-gateway.js';
import { startTlsGateway } from '../../fixtures/tls-gateway.js';

const LISTEN = { host: '127.0.0.1', port: 0 };
const GET = 'GET /public/x HTTP/1.1\r\nHost: a\r\n\r\n';
const GET2 = [
  [':method', 'GET'],
  [':scheme', 'https'],
  [':authority', 'a.test'],
  [':path', '/public/x'],
] as const;

/** A connection from an address of this machine. */
function connection(t: Test, url: string, from = '127.0.0.1'): Socket {
  const socket = connect({ host: '127.0.0.1', port: Number(new URL(url).port), localAddress: from });
  socket.on('error', () => undefined);
  t.teardown(() => socket.destroy());
  return socket;
}

/** However it ends. */
const closed = (socket: Socket): Promise<void> =>
  new Promise((resolve) => {
    if (socket.destroyed) resolve();
    else socket.once('close', () => resolve());
  });

/** Status of one request on it, or `closed`. */
async function ask(socket: Socket): Promise<number | 'closed'> {
  let text = '';
  const take = (chunk: Buffer) => {
    text += chunk.toString();
  };
  socket.on('data', take);
  socket.write(GET);
  while (!text.includes('{"ok":true}') && !socket.destroyed) {
    await Promise.race([once(socket, 'data'), closed(socket)]).catch(() => undefined);
  }
  socket.off('data', take);
  return text === '' ? 'closed' : Number(text.split(' ')[1]);
}

async function metric({ gateway }: Pick<TestGateway, 'gateway'>, name: string): Promise<number> {
  const text = await (await fetch(`${gateway.adminUrl}/metrics`)).text();
  return Number(
    text
      .split('\n')
      .find((line) => line.startsWith(`${name} `))
      ?.split(' ')[1],
  );
}

const open = (test: TestGateway): Promise<number> => metric(test, 'gatehouse_open_connections');
const openAre = (test: TestGateway, wanted: number): Promise<number> =>
  eventually(
    () => open(test),
    (count) => count === wanted,
  );

t.test('more connections than allowed are reset at once; those that are there go on', async (t) => {
  const test = await startTestGateway(t, { config: { limits: { connections: 2 } } });
  const [first, second] = [connection(t, test.url), connection(t, test.url)];
  t.strictSame([await ask(first), await ask(second)], [200, 200]);
  for (let i = 0; i < 3; i += 1) t.equal(await ask(connection(t, test.url)), 'closed');
  t.equal(await metric(test, 'gatehouse_connections_refused_total{limit="connections"}'), 3);
  const warnings = test.logs.filter((line) => line.includes('client connections are refused'));
  t.equal(warnings.length, 1, 'said once in a while, not each time');
  t.match(warnings[0], /"limit":"limits.connections","address":"127.0.0.1"/);
  t.strictSame([await ask(first), await open(test)], [200, 2]);
  second.destroy();
  await openAre(test, 1);
  t.equal(await ask(connection(t, test.url)), 200, 'and there is room again');
});

t.test('no address has more than its part, and others are served', async (t) => {
  const test = await startTestGateway(t, { config: { limits: { connections_per_address: 1 } } });
  const held = connection(t, test.url, '127.0.0.2');
  t.equal(await ask(held), 200);
  t.equal(await ask(connection(t, test.url, '127.0.0.2')), 'closed');
  t.equal(await ask(connection(t, test.url, '127.0.0.3')), 200);
  t.equal(await metric(test, 'gatehouse_connections_refused_total{limit="connections_per_address"}'), 1);

  writeFileSync(test.configFile, test.configWith({ limits: { connections_per_address: 2 } }));
  t.match(await test.gateway.reload('admin'), { result: 'applied' });
  const more = connection(t, test.url, '127.0.0.2');
  t.equal(await ask(more), 200, 'a reload holds for what connects from then on');
  held.destroy();
  more.destroy();
  await openAre(test, 1);
  t.equal(await ask(connection(t, test.url, '127.0.0.2')), 200);
});

t.test('a trusted proxy stands for many, up to the bound of all', async (t) => {
  const test = await startTestGateway(t, {
    config: {
      listen: { ...LISTEN, trusted_proxies: ['127.0.0.2'] },
      limits: { connections: 3, connections_per_address: 1 },
    },
  });
  for (let i = 0; i < 3; i += 1) t.equal(await ask(connection(t, test.url, '127.0.0.2')), 200);
  t.equal(await ask(connection(t, test.url, '127.0.0.2')), 'closed');
});

t.test('within TLS, too: before the handshake, which has a time of its own', async (t) => {
  const test = await startTlsGateway(t, { config: { limits: { connections: 1, headers: '300ms' } } });
  const silent = connection(t, test.url);
  await once(silent, 'connect');
  await openAre(test, 1);
  await t.rejects(RawHttp2.open(t, test.url, test.ca), 'there is room for one');
  silent.resume();
  await closed(silent);
  const client = await RawHttp2.open(t, test.url, test.ca);
  client.write(headersFrames(1, GET2));
  t.equal(await client.outcome(1), 'answered');
});

t.test('a client that reads none of its answers is cut off', async (t) => {
  const clock = fakeClock(Date.now());
  const routes = [
    { path: '/*', methods: ['GET'], auth: 'public', reply: { status: 200, body: 'x'.repeat(60_000) } },
  ];
  const test = await startTestGateway(t, { routes, deps: { clock }, waitUntilReady: false });
  const client = connection(t, test.url);
  client.pause();
  client.write(GET.repeat(500));
  const busy = connection(t, test.url);
  busy.on('data', () => undefined);
  busy.write(GET);
  await openAre(test, 2);
  // What the kernel takes of it is read by nobody either, but that cannot be seen.
  await eventually(
    async () => {
      await clock.advance(30_000);
      return open(test);
    },
    (count) => count === 1,
  );
  t.notOk(busy.destroyed, 'the one that has read its answer stays');
  let received = 0;
  client.on('data', (chunk: Buffer) => {
    received += chunk.length;
  });
  client.resume();
  await closed(client);
  t.ok(received < 500 * 60_000, `it got ${received} bytes`);
});

t.test('a connection without requests is closed, before the first and after the last', async (t) => {
  const { url } = await startTestGateway(t, {
    config: { limits: { headers: '100ms', keep_alive: '100ms' } },
  });
  const silent = connection(t, url);
  let text = '';
  silent.on('data', (chunk: Buffer) => {
    text += chunk.toString();
  });
  await closed(silent);
  t.match(text, /^HTTP\/1.1 408/);
  const served = connection(t, url);
  t.equal(await ask(served), 200);
  served.resume();
  await closed(served);
});

t.test('after so many requests a client is asked to connect anew', async (t) => {
  const limits = { requests_per_connection: 2 };
  const plain = await startTestGateway(t, { config: { limits } });
  const socket = connection(t, plain.url);
  let text = '';
  socket.on('data', (chunk: Buffer) => {
    text += chunk.toString();
  });
  socket.write(GET);
  while (!text.includes('{"ok":true}')) await once(socket, 'data');
  t.match(text, /connection: keep-alive/i);
  text = '';
  socket.write(GET);
  await closed(socket);
  t.match(text, /^HTTP\/1.1 200[\s\S]*connection: close[\s\S]*\{"ok":true\}$/i);
});

t.test(
  'so it is in HTTP/2, where requests under way end, and later ones are known not to be served',
  async (t) => {
    const { url, ca, answer } = await startTlsGateway(t, {
      config: { limits: { requests_per_connection: 2 } },
    });
    const held: (() => void)[] = [];
    answer((_request, response) => void held.push(() => response.end('ok')));
    const client = await RawHttp2.open(t, url, ca);
    client.write(headersFrames(1, GET2), headersFrames(3, GET2), headersFrames(5, GET2));
    await client.until(() => client.goawayCode() === 0);
    t.equal(client.of(FRAME.GOAWAY)[0]?.payload.readUInt32BE(0), 3, 'the last one that is served');
    await eventually(
      async () => held.length,
      (count) => count === 2,
    );
    for (const release of held) release();
    await client.until(() => client.isClosed);
    t.strictSame(
      [1, 3, 5].map((stream) => client.body(stream)),
      ['ok', 'ok', ''],
    );
    t.equal(held.length, 2);
  },
);
