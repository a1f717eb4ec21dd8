import { once } from 'node:events';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { type ErrorEvent, EventSource } from 'eventsource';
import t, { type Test } from 'tap';
import { startTestGateway, type TestGateway } from '../../fixtures/test-gateway.js';

/** Server-sent events with the `eventsource` package, which does as browsers do. */

/** What the client hears: data of events, and `error` with the status where there was one. */
interface Heard {
  source: EventSource;
  all: string[];
  /** Resolves once that many are there. */
  until(count: number): Promise<string[]>;
}

function listen(t: Test, { url }: TestGateway, token: () => string): Heard {
  const source = new EventSource(`${url}/api/events`, {
    fetch: (at, init) =>
      fetch(at, { ...init, headers: { ...init.headers, authorization: `Bearer ${token()}` } }),
  });
  t.teardown(() => source.close());
  const all: string[] = [];
  let told = (): void => undefined;
  const hear = (what: string): void => {
    all.push(what);
    told();
  };
  source.addEventListener('message', ({ data }) => hear(String(data)));
  source.addEventListener('error', ({ code }: ErrorEvent) => hear(`error ${code ?? ''}`.trim()));
  const until = async (count: number): Promise<string[]> => {
    while (all.length < count) await new Promise<void>((resolve) => (told = resolve));
    return all;
  };
  return { source, all, until };
}

/** An upstream that goes on after the last event that the client has had. */
function sendEvents(
  { answer }: TestGateway,
  onConnect: (response: ServerResponse, from: number) => void,
): void {
  answer((request: IncomingMessage, response: ServerResponse) => {
    response.writeHead(200, { 'content-type': 'text/event-stream' });
    response.write('retry: 10\n\n');
    onConnect(response, Number(request.headers['last-event-id'] ?? 0) + 1);
  });
}

const send = (response: ServerResponse, id: number): boolean =>
  response.write(`id: ${id}\ndata: event ${id}\n\n`);

t.test('it comes back where a connection has broken off, and misses no event', async (t) => {
  const test = await startTestGateway(t);
  sendEvents(test, (response, from) => {
    send(response, from);
    if (from < 3) response.write('data: never whole', () => response.destroy());
  });
  const { all, until, source } = listen(t, test, () => test.token());
  await until(5);
  t.strictSame(all, ['event 1', 'error', 'event 2', 'error', 'event 3']);
  t.equal(source.readyState, source.OPEN);
});

t.test('its access ends, and it comes back with another token', async (t) => {
  const test = await startTestGateway(t);
  sendEvents(test, send);
  const tokens = [test.token({ sid: 'gone' }), test.token({ sid: 'new' })];
  const { all, until } = listen(t, test, () => tokens.shift() ?? '');
  await until(1);
  test.feed.revoke({
    kind: 'session',
    iss: test.issuer,
    sid: 'gone',
    exp: Math.floor(Date.now() / 1000) + 1000,
  });
  await until(3);
  t.strictSame(all, ['event 1', 'error', 'event 2']);
});

t.test('who is refused is told why, and does not come again', async (t) => {
  const test = await startTestGateway(t);
  sendEvents(test, send);
  const { all, until, source } = listen(t, test, () => test.token({ exp: 1 }));
  await until(1);
  t.strictSame(all, ['error 401']);
  t.equal(source.readyState, source.CLOSED);
  t.equal(test.seen.length, 0);
});

t.test('a stream that ends with its gateway ends between two events', async (t) => {
  const test = await startTestGateway(t, { config: { drain_timeout: '300ms' } });
  let open: ServerResponse | undefined;
  sendEvents(test, (response, from) => {
    open = response;
    send(response, from);
  });
  const { all, until, source } = listen(t, test, () => test.token());
  await until(1);
  const gone = once(open as ServerResponse, 'close');
  await test.gateway.stop();
  await gone;
  await until(2);
  t.strictSame(all.slice(0, 2), ['event 1', 'error']);
  t.equal(source.readyState, source.CONNECTING, 'it is on its way to another gateway');
});
