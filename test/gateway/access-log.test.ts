import { once } from 'node:events';
import t, { type Test } from 'tap';
import { WebSocket, WebSocketServer } from 'ws';
import { Problem } from '../../contracts/problem.js';
import { createAccessLog } from '../../gateway/adapters/access-log.js';
import { newTransfer, type Outcome } from '../../gateway/pipeline/ports.js';
import { createLogger } from '../../kit/logger.js';
import { eventually } from '../fixtures/eventually.js';
import { rawHttp, rawRequest } from '../fixtures/raw-http.js';
import { startTestGateway, type TestGateway, type TestGatewayOptions } from '../fixtures/test-gateway.js';

type Line = Record<string, unknown>;

/** The access lines so far. A request's line may come a moment after its reply. */
async function linesOf({ logs }: TestGateway, count: number): Promise<Line[]> {
  const read = async (): Promise<Line[]> =>
    logs.map((line) => JSON.parse(line) as Line).filter(({ msg }) => msg === 'request');
  await eventually(read, (lines) => lines.length >= count);
  const lines = await read();
  if (lines.length !== count) throw new Error(`${lines.length} lines: ${JSON.stringify(lines)}`);
  return lines;
}

const start = (t: Test, log: object = {}, more: TestGatewayOptions = {}) =>
  startTestGateway(t, { ...more, config: { log, ...more.config } });

const isMs = (value: unknown): boolean => typeof value === 'number' && value > 0 && value < 60_000;

t.test('one line a request says who was asked, what came of it and how long each part took', async (t) => {
  const gateway = await start(t);
  const { url, token, answer } = gateway;
  answer((request, response) => request.resume().on('end', () => response.end('x'.repeat(1000))));
  const reply = await fetch(`${url}/api/orders/7?q=secret`, {
    method: 'POST',
    headers: { authorization: `Bearer ${token()}` },
    body: 'y'.repeat(500),
  });
  await reply.text();
  const [line = {}] = await linesOf(gateway, 1);
  t.match(line, {
    level: 30,
    msg: 'request',
    reqId: reply.headers.get('x-request-id'),
    method: 'POST',
    route: 'GET|POST|PUT|DELETE /api/*',
    path: '/api/*',
    upstream: 'app',
    status: 200,
    issuer: 'main',
    bytesIn: 500,
    bytesOut: 1000,
    client: '127.0.0.1',
    protocol: 'http/1.1',
  });
  for (const name of ['decideMs', 'queueMs', 'firstByteMs', 'durationMs'])
    t.ok(isMs(line[name]), `${name}: ${String(line[name])}`);
  const parts = Number(line['decideMs']) + Number(line['queueMs']) + Number(line['firstByteMs']);
  t.ok(parts <= Number(line['durationMs']) + 0.01, 'the parts fit into the whole');
  t.notOk('subject' in line || 'code' in line || 'stale' in line, 'nothing more');
});

t.test('a refusal has its code and reason, and no time at an upstream', async (t) => {
  const gateway = await start(
    t,
    {},
    { config: { auth: { caller: { issuers: ['main'], scopes: ['admin'] } } } },
  );
  const { url, token } = gateway;
  const authorization = `Bearer ${token()}`;
  const refused = await fetch(`${url}/api/x`, { headers: { authorization } });
  const bytes = Buffer.byteLength(await refused.text());
  await fetch(`${url}/nowhere`);
  await rawRequest(url, 'GET', '/api/x', ['Bad header']);
  await rawHttp(url, 'CONNECT a:443 HTTP/1.1\r\nHost: a\r\n\r\n');
  const [scope = {}, nowhere = {}, malformed, connect] = await linesOf(gateway, 4);
  t.match(scope, { level: 30, status: 403, code: 'insufficient_scope', reason: /scopes/, issuer: 'main' });
  t.equal(scope['bytesOut'], bytes, 'the bytes of the problem');
  t.notOk('queueMs' in scope || 'firstByteMs' in scope);
  t.equal(scope['decideMs'], scope['durationMs']);
  t.match(nowhere, { status: 404, code: 'route_not_found' });
  t.notOk('route' in nowhere || 'path' in nowhere, 'what matched nothing has no path');
  t.match(malformed, { status: 400, code: 'request_invalid', client: '127.0.0.1' }, 'no HTTP at all');
  t.match(connect, { status: 405, code: 'method_not_allowed' });
});

t.test('what goes wrong behind the gateway is an error, with its cause', async (t) => {
  const gateway = await start(t);
  const { url, answer } = gateway;
  answer((request) => request.socket.destroy());
  await fetch(`${url}/public/x`);
  const [line] = await linesOf(gateway, 1);
  t.match(line, { level: 50, status: 502, code: 'upstream_reset', err: { message: /./, stack: /./ } });
});

t.test('a WebSocket has one line when it ends, with what went through it', async (t) => {
  const gateway = await start(t);
  const { url, token, appServer } = gateway;
  const sockets = new WebSocketServer({ server: appServer });
  sockets.on('connection', (socket) =>
    socket.on('message', (data) => socket.send(data, () => socket.close())),
  );
  const socket = new WebSocket(`${url.replace('http', 'ws')}/api/ws`, {
    headers: { authorization: `Bearer ${token()}` },
  });
  await once(socket, 'open');
  t.equal((await linesOf(gateway, 0)).length, 0, 'none while it is open');
  socket.send('z'.repeat(300));
  await once(socket, 'close');
  const [line = {}] = await linesOf(gateway, 1);
  t.match(line, { status: 101, route: 'GET|POST|PUT|DELETE /api/*', protocol: 'ws' });
  t.ok(Number(line['bytesIn']) >= 300 && Number(line['bytesOut']) >= 300, JSON.stringify(line));
  sockets.close();
});

t.test('the path as sent and the subject come only where config asks for them', async (t) => {
  const gateway = await start(t, { path: 'raw', subject: true });
  const { url, token } = gateway;
  const authorization = `Authorization: Bearer ${token({ sub: 'ann müller' })}`;
  await rawRequest(url, 'GET', '/api/orders/7?token=secret', [authorization]);
  await rawRequest(url, 'GET', 'http://ann:secret@a.test/api/x#y', ['Host: a.test', authorization]);
  await rawRequest(url, 'GET', `/api/${'a'.repeat(5000)}`, [authorization]);
  const [plain, absolute, long] = await linesOf(gateway, 3);
  t.match(plain, { path: '/api/orders/7', subject: 'ann%20m%C3%BCller' }, 'without the query');
  t.equal(absolute?.['path'], '/api/x', 'without user, host and fragment');
  t.equal(String(long?.['path']).length, 1024, 'and not without end');
});

/** One finished request as the pipeline tells of it. */
function outcome(changes: Partial<Outcome> = {}): Outcome {
  return {
    request: {
      id: 'r-1',
      method: 'GET',
      target: '/x',
      httpVersion: '1.1',
      remoteAddress: '192.0.2.1',
      protocol: 'http',
      isUpgrade: false,
    },
    route: undefined,
    status: 200,
    problem: undefined,
    cut: undefined,
    decided: true,
    reported: undefined,
    issuer: undefined,
    subject: undefined,
    stale: false,
    transfer: newTransfer(),
    startedAt: 1000,
    endedAt: 1001.23456,
    ...changes,
  };
}

t.test('log.access chooses which requests have a line', (t) => {
  const written = (access: 'on' | 'errors' | 'off', level = 'info'): unknown[] => {
    const lines: Line[] = [];
    const destination = { write: (line: string) => void lines.push(JSON.parse(line) as Line) };
    const log = createAccessLog(createLogger('test', { level, destination }), { access });
    log(outcome());
    log(outcome({ status: 404, problem: new Problem('route_not_found') }));
    log(outcome({ status: 500 }));
    log(outcome({ status: 0 }));
    log(outcome({ status: 200, problem: new Problem('upstream_reset') }));
    log(outcome({ status: 500, problem: new Problem('internal_error', { cause: new Error('a bug') }) }));
    return lines.map(({ status, code }) => code ?? status);
  };
  t.strictSame(written('on'), [200, 'route_not_found', 500, 0, 'upstream_reset', 'internal_error']);
  t.strictSame(written('errors'), [500, 0, 'upstream_reset', 'internal_error']);
  t.strictSame(written('off'), ['internal_error'], 'our own faults never go unseen');
  t.strictSame(written('on', 'warn'), ['upstream_reset', 'internal_error'], 'log.level counts too');
  t.end();
});

t.test('times are to the microsecond; nothing in a line moves a cursor or begins another line', (t) => {
  const lines: string[] = [];
  const destination = { write: (line: string) => void lines.push(line) };
  const log = createAccessLog(createLogger('test', { destination }), { path: 'raw', subject: true });
  const evil = 'a\u001b[31m\u009b\u007f\r\n{"level":60}\u2028';
  const request = {
    ...outcome().request,
    method: evil,
    target: `/${evil.slice(0, -1)}`,
    remoteAddress: evil,
  };
  log(outcome({ request, subject: evil, issuer: evil, stale: true }));
  const [line = ''] = lines;
  t.equal(lines.length, 1);
  t.match(JSON.parse(line), {
    durationMs: 1.235,
    stale: true,
    client: 'unknown',
    path: '/a%1B[31m%9B%7F%0D%0A{"level":60}',
    subject: 'a%1B[31m%C2%9B%7F%0D%0A{"level":60}%E2%80%A8',
  });
  t.ok(
    [...line.trimEnd()].every((character) => character >= ' '),
    'JSON escapes the rest',
  );
  t.end();
});
