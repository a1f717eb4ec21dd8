import { once } from 'node:events';
import t from 'tap';
import { WebSocket } from 'ws';
import { systemClock } from '../../kit/clock.js';
import { fakeClock } from '../fixtures/fake-clock.js';
import { startTestGateway } from '../fixtures/test-gateway.js';

/** Reads a stream until it ends or is cut; resolves to what it got and how it ended. */
async function follow(url: string, token: string): Promise<{ first: string; end: Promise<'ended' | 'cut'> }> {
  const response = await fetch(url, { headers: { authorization: `Bearer ${token}` } });
  const reader = (response.body as ReadableStream<Uint8Array>).getReader();
  const first = new TextDecoder().decode((await reader.read()).value);
  const end = reader.read().then(
    ({ done }) => (done ? 'ended' : 'cut'),
    () => 'cut' as const,
  );
  return { first, end };
}

t.test('an open stream is cut within seconds of its revocation, and others go on', async (t) => {
  const { url, token, answer, feed, issuer } = await startTestGateway(t);
  answer((_request, response) => {
    response.writeHead(200, { 'content-type': 'text/event-stream' });
    response.write('data: 1\n\n');
  });
  const revoked = await follow(`${url}/api/events`, token({ sid: 'gone' }));
  const other = await follow(`${url}/api/events`, token({ sid: 'stays' }));
  t.equal(revoked.first, 'data: 1\n\n');
  const before = Date.now();
  feed.revoke({ kind: 'session', iss: issuer, sid: 'gone', exp: Math.floor(Date.now() / 1000) + 1000 });
  t.equal(await revoked.end, 'cut', 'never a clean end');
  t.ok(Date.now() - before < 5000);
  t.equal(
    await Promise.race([other.end, new Promise((resolve) => setImmediate(() => resolve('open')))]),
    'open',
  );
});

t.test('an open stream is cut when its token expires', async (t) => {
  // Timers of the gateway run on the test's clock; its sockets do not.
  const clock = fakeClock(Date.now());
  const { url, token, answer } = await startTestGateway(t, {
    deps: { clock: { ...clock, monotonic: systemClock.monotonic } },
    waitUntilReady: false,
  });
  answer((_request, response) => {
    response.writeHead(200, { 'content-type': 'text/event-stream' });
    response.write('data: 1\n\n');
  });
  const stream = await follow(`${url}/api/events`, token({ exp: Math.floor(clock.now() / 1000) + 60 }));
  await clock.advance(59_000);
  t.equal(
    await Promise.race([stream.end, new Promise((resolve) => setImmediate(() => resolve('open')))]),
    'open',
  );
  await clock.advance(3_000);
  t.equal(await stream.end, 'cut');
});

t.test('so is a WebSocket', async (t) => {
  const { WebSocketServer } = await import('ws');
  const { url, token, feed, issuer, appServer } = await startTestGateway(t);
  const upstream = new WebSocketServer({ server: appServer });
  t.teardown(() => upstream.close());
  upstream.on('connection', (socket) => socket.on('message', (data) => socket.send(`echo ${String(data)}`)));
  const socket = new WebSocket(`${url.replace('http', 'ws')}/api/ws`, {
    headers: { authorization: `Bearer ${token({ sid: 'gone' })}` },
  });
  socket.on('error', () => undefined);
  await once(socket, 'open');
  socket.send('hello');
  const [message] = (await once(socket, 'message')) as [Buffer];
  t.equal(String(message), 'echo hello');
  feed.revoke({ kind: 'session', iss: issuer, sid: 'gone', exp: Math.floor(Date.now() / 1000) + 1000 });
  await once(socket, 'close');
  t.pass('closed');
});
