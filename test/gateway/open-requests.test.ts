import { once } from 'node:events';
import t, { type Test } from 'tap';
import { type Clock, systemClock } from '../../kit/clock.js';
import { fakeClock } from '../fixtures/fake-clock.js';
import { answerWebSockets, openWebSocket } from '../fixtures/open-streams.js';
import { startTestGateway } from '../fixtures/test-gateway.js';
import type { Claims } from '../fixtures/test-issuer.js';

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
  t.ok(Date.now() - before < 15_000);
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

t.test('a WebSocket is told why it is closed, and so is its upstream', async (t) => {
  const clock = fakeClock(Date.now());
  const { open, revoke } = await startWithWebSockets(t, clock);
  const revoked = await open({ sid: 'gone', exp: seconds(clock) + 900 });
  const expiring = await open({ sid: 'stays', exp: seconds(clock) + 60 });
  revoke('gone');
  await clock.advance(2000);
  t.equal(await revoked.clientClosed, '1008 token_revoked');
  t.equal(await revoked.peerClosed, '1008 token_revoked');
  expiring.client.send('still here');
  const [message] = (await once(expiring.client, 'message')) as [Buffer];
  t.equal(String(message), 'echo still here');
  await clock.advance(60_000);
  t.equal(await expiring.clientClosed, '1008 token_expired');
});

t.test('one that goes on talking instead of closing is not heard, and cut a second later', async (t) => {
  const clock = fakeClock(Date.now());
  const { open, revoke } = await startWithWebSockets(t, clock);
  const { client, peer, peerClosed } = await open({ sid: 'gone', exp: seconds(clock) + 900 });
  const heard: string[] = [];
  peer.on('message', (data) => heard.push(String(data)));
  peer.on('ping', () => heard.push('ping'));
  client.pause(); // The close frame is not read either.
  revoke('gone');
  await clock.advance(2000);
  client.send('too late');
  client.ping();
  const cutAt = performance.now();
  t.equal(await peerClosed, '4006', 'as a connection that broke');
  t.ok(performance.now() - cutAt < 15_000);
  t.same(heard, []);
});

const seconds = (clock: Clock): number => Math.floor(clock.now() / 1000);

/** The gateway's timers run on this clock. */
async function startWithWebSockets(t: Test, clock: Clock) {
  const test = await startTestGateway(t, {
    deps: { clock: { ...clock, monotonic: systemClock.monotonic } },
    waitUntilReady: false,
  });
  const sockets = answerWebSockets(t, test);
  return {
    open: (claims: Claims) =>
      openWebSocket(t, test, sockets, '/api/ws', { authorization: `Bearer ${test.token(claims)}` }),
    revoke: (sid: string) =>
      test.feed.revoke({ kind: 'session', iss: test.issuer, sid, exp: seconds(clock) + 1000 }),
  };
}
