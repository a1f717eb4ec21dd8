import { once } from 'node:events';
import type { ClientRequest, IncomingMessage } from 'node:http';
import t, { type Test } from 'tap';
import { WebSocket } from 'ws';
import { spiffeId } from '../../contracts/spiffe.js';
import { fakeClock } from '../fixtures/fake-clock.js';
import { type MtlsClient, mtlsRequest, openRequest } from '../fixtures/mtls-request.js';
import { testPki } from '../fixtures/pki.js';
import { gatewayClient, identityOf, startStubs } from '../fixtures/upstream-stubs.js';

const pki = await testPki();
const gateway = await gatewayClient();
const profile: MtlsClient = { ca: pki.ca, ...(await pki.leaf('profile', spiffeId('profile'))) };
const alice = identityOf('Zo%C3%AB');

/** Reads blocks (up to an empty line) one by one. */
async function openEvents(url: string, headers: Record<string, string> = {}) {
  const outgoing: ClientRequest = openRequest(gateway, `${url}/api/events`, {
    headers: { ...alice, ...headers },
  });
  outgoing.end();
  const [response] = (await once(outgoing, 'response')) as [IncomingMessage];
  const chunks = response.setEncoding('utf8')[Symbol.asyncIterator]() as AsyncIterator<string>;
  let text = '';
  const next = async (): Promise<string | undefined> => {
    for (;;) {
      const end = text.indexOf('\n\n');
      if (end !== -1) {
        const block = text.slice(0, end);
        text = text.slice(end + 2);
        return block;
      }
      const chunk = await chunks.next();
      if (chunk.done === true) return undefined;
      text += chunk.value;
    }
  };
  return { response, next, hangUp: () => outgoing.destroy() };
}

const eventBlock = (id: number, at: string): string =>
  `id: ${id}\ndata: ${JSON.stringify({ id, subject: 'Zoë', at })}`;

t.test('events: one at once and one each second, numbered', async (t) => {
  const clock = fakeClock(Date.UTC(2030, 0, 1));
  const { urls } = await startStubs(t, ['events'], clock);
  const { response, next } = await openEvents(urls.events);
  t.match(response.headers, { 'content-type': 'text/event-stream', 'cache-control': 'no-store' });
  t.equal(await next(), 'retry: 1000');
  t.equal(await next(), eventBlock(1, '2030-01-01T00:00:00.000Z'));
  await clock.advance(1000);
  t.equal(await next(), eventBlock(2, '2030-01-01T00:00:01.000Z'));
  await clock.advance(2000);
  t.equal(await next(), eventBlock(3, '2030-01-01T00:00:02.000Z'));
  t.equal(await next(), eventBlock(4, '2030-01-01T00:00:03.000Z'));
});

t.test('events: goes on after Last-Event-ID, and ignores one that is not its own', async (t) => {
  const { urls } = await startStubs(t, ['events'], fakeClock());
  for (const [lastId, firstId] of Object.entries({
    41: 42,
    abc: 1,
    '-5': 1,
    '1e3': 1,
    '99999999999999999999': 1,
  })) {
    const { next, hangUp } = await openEvents(urls.events, { 'last-event-id': lastId });
    await next();
    t.match(await next(), new RegExp(`^id: ${firstId}\n`), lastId);
    hangUp();
  }
});

t.test('events: sends heartbeat comments', async (t) => {
  const clock = fakeClock();
  const { urls } = await startStubs(t, ['events'], clock);
  const { next } = await openEvents(urls.events);
  await clock.advance(15_000);
  const blocks: (string | undefined)[] = [];
  for (let count = 0; count < 18; count++) blocks.push(await next()); // retry, 16 events, and
  t.equal(blocks.filter((block) => block === ': heartbeat').length, 1);
});

t.test('events: a reader that leaves leaves no timer behind', async (t) => {
  const clock = fakeClock();
  const { urls } = await startStubs(t, ['events'], clock);
  const { next, hangUp } = await openEvents(urls.events);
  await next();
  t.equal(clock.pendingTimers, 2);
  hangUp();
  await waitUntil(() => clock.pendingTimers === 0);
  t.pass('both timers are gone');
});

t.test('events: a stop ends the stream cleanly and at once', async (t) => {
  const clock = fakeClock();
  const { urls, stop } = await startStubs(t, ['events'], clock);
  const { next } = await openEvents(urls.events);
  await next();
  await next();
  const stopped = stop();
  t.equal(await next(), undefined, 'a proper end, not a reset');
  await stopped;
  t.equal(clock.pendingTimers, 0);
});

/** Collects messages from the start, so that none is missed. */
function openSocket(t: Test, client: MtlsClient, url: string, headers: Record<string, string | string[]>) {
  const socket = new WebSocket(url.replace('https:', 'wss:'), { ...client, headers });
  t.teardown(() => socket.terminate());
  const messages: { data: Buffer; isBinary: boolean }[] = [];
  socket.on('message', (data, isBinary) => messages.push({ data: data as Buffer, isBinary }));
  const next = async () => {
    await waitUntil(() => messages.length > 0);
    return messages.shift();
  };
  return { socket, next };
}

/** The status of the answer that came in place of 101. */
async function refusalOf(
  t: Test,
  client: MtlsClient,
  url: string,
  headers: Record<string, string | string[]>,
) {
  const { socket } = openSocket(t, client, url, headers);
  socket.on('error', () => undefined);
  const [, response] = (await once(socket, 'unexpected-response')) as [unknown, IncomingMessage];
  response.resume();
  return response.statusCode;
}

async function waitUntil(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise((resolve) => setImmediate(resolve));
}

t.test('WebSocket: says who is calling, then sends back text and bytes as they came', async (t) => {
  const { urls } = await startStubs(t, ['events']);
  const { socket, next } = openSocket(t, gateway, `${urls.events}/api/ws?x=1`, alice);
  t.strictSame(JSON.parse((await next())?.data.toString() ?? ''), { subject: 'Zoë' });
  socket.send('grüß');
  t.match(await next(), { data: Buffer.from('grüß'), isBinary: false });
  const bytes = Buffer.from([0, 255]);
  socket.send(bytes);
  t.match(await next(), { data: bytes, isBinary: true });
  for (let count = 0; count < 200; count++) socket.send(String(count));
  for (let count = 0; count < 200; count++) t.equal((await next())?.data.toString(), String(count));
});

t.test('WebSocket: refuses other services, other paths, unreadable identities', async (t) => {
  const { urls } = await startStubs(t, ['events']);
  const url = `${urls.events}/api/ws`;
  t.equal(await refusalOf(t, profile, url, alice), 403, 'another leaf of the same CA');
  t.equal(await refusalOf(t, gateway, `${urls.events}/api/other`, alice), 404);
  t.equal(await refusalOf(t, gateway, url, {}), 403, 'no identity');
  t.equal(
    await refusalOf(t, gateway, url, { ...alice, 'x-identity-subject': ['a', 'b'] }),
    403,
    'two subjects',
  );
  t.equal((await mtlsRequest(gateway, url, { headers: alice })).status, 426, 'no upgrade');
  const { next } = openSocket(t, gateway, url, alice);
  t.ok(await next(), 'a good one right after it');
});

t.test('WebSocket: a message over 1 MiB closes the connection with 1009', async (t) => {
  const { urls } = await startStubs(t, ['events']);
  const { socket, next } = openSocket(t, gateway, `${urls.events}/api/ws`, alice);
  await next();
  socket.send(Buffer.alloc(1024 * 1024 + 1));
  t.equal((await once(socket, 'close'))[0], 1009);
});

t.test('WebSocket: a stop closes with 1001, and cuts a peer that does not answer', async (t) => {
  const { urls, stop } = await startStubs(t, ['events']);
  const polite = openSocket(t, gateway, `${urls.events}/api/ws`, alice);
  const deaf = openSocket(t, gateway, `${urls.events}/api/ws`, alice);
  await Promise.all([polite.next(), deaf.next()]);
  deaf.socket.pause();
  const closed = once(polite.socket, 'close');
  const startedAt = performance.now();
  await stop();
  t.ok(performance.now() - startedAt < 15_000);
  t.equal((await closed)[0], 1001);
});
