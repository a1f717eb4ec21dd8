import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import {
  Metadata,
  type ServerDuplexStream,
  type ServerReadableStream,
  type ServerUnaryCall,
  type ServerWritableStream,
  type sendUnaryData,
  status,
} from '@grpc/grpc-js';
import t, { type Test } from 'tap';
import { parse } from 'yaml';
import type { Problem } from '../../contracts/problem.js';
import { PROBLEMS } from '../../contracts/problem-codes.js';
import { spiffeId } from '../../contracts/spiffe.js';
import { grpcStatusOf } from '../../gateway/http/grpc-status.js';
import { eventually } from '../fixtures/eventually.js';
import { type CallEnd, GrpcClient, startGrpcService } from '../fixtures/grpc.js';
import { http2Ask, http2Connect } from '../fixtures/http2-client.js';
import { startHttp2Target } from '../fixtures/http2-target.js';
import {
  END_STREAM,
  FRAME,
  frame,
  type HeaderPairs,
  headersFrames,
  RawHttp2,
} from '../fixtures/raw-http2.js';
import { startTlsGateway } from '../fixtures/tls-gateway.js';

type Unary = ServerUnaryCall<Buffer, Buffer>;
type Download = ServerWritableStream<Buffer, Buffer>;
type Upload = ServerReadableStream<Buffer, Buffer>;
type Chat = ServerDuplexStream<Buffer, Buffer>;
type Answer = sendUnaryData<Buffer>;

const TO = { methods: ['POST'], auth: 'public', upstream: 'grpc', rewrite: '/test.Echo/*' };
const ROUTES = [
  { path: '/test.Echo/*', methods: ['POST'], auth: 'public', upstream: 'grpc', max_body: '16MiB' },
  { path: '/test.Private/*', ...TO, auth: { profile: 'caller', scopes: ['orders:read'] } },
  { path: '/test.Admin/*', ...TO, auth: { profile: 'caller', scopes: ['admin'] } },
  { path: '/test.Short/*', ...TO, timeout: '200ms', stream_idle_timeout: '300ms', total_timeout: '1s' },
  { path: '/test.Upload/*', ...TO, timeout: '200ms' },
  { path: '/test.Small/*', ...TO, max_body: '1KiB' },
  { path: '/test.Rare/*', ...TO, rate_limit: { requests: 1, per: '1h' } },
  { path: '/test.Plain/*', methods: ['POST'], auth: 'public', upstream: 'app' },
];

async function start(t: Test) {
  const service = await startGrpcService(t);
  const upstreams = { grpc: { url: service.url, spiffe_id: spiffeId('app'), protocol: 'http2' } };
  const gateway = await startTlsGateway(t, {
    routes: ROUTES,
    upstreams,
    config: { drain_timeout: '1s', limits: { body_idle: '50ms' } },
  });
  const lines = (): Record<string, unknown>[] =>
    gateway.logs
      .map((line) => JSON.parse(line) as Record<string, unknown>)
      .filter(({ msg }) => msg === 'request');
  return { service, client: new GrpcClient(t, gateway.url, gateway.ca), lines, ...gateway };
}

/** Status, our own code, and nothing that was not meant for the client. */
const endOf = ({ status: { code, metadata } }: CallEnd) => [code, metadata.get('gatehouse-code')[0]];

const soon = <T>(ask: () => T, accept: (answer: T) => boolean) => eventually(async () => ask(), accept);

t.test(
  'unary: messages, metadata and trailers both ways; the upstream gets the caller’s identity',
  async (t) => {
    const { service, client, token, lines } = await start(t);
    service.serve({
      unary: (call: Unary, answer: Answer) => {
        const sent = new Metadata();
        sent.set('x-initial', 'yes');
        call.sendMetadata(sent);
        const trailers = new Metadata();
        trailers.set('x-last', 'word');
        trailers.set('x-detail-bin', Buffer.from([0, 255]));
        trailers.set('x-identity-subject', 'forged');
        const seen = call.metadata.getMap();
        const told = {
          subject: seen['x-identity-subject'],
          own: seen['x-own'],
          forged: seen['x-identity-roles'],
        };
        answer(null, Buffer.from(JSON.stringify([call.request.toString(), told])), trailers);
      },
    });
    const call = await client.unary('hello', {
      service: 'Private',
      metadata: { authorization: `Bearer ${token()}`, 'x-own': '1', 'x-identity-subject': 'forged' },
    });
    t.equal(call.status.code, status.OK);
    t.strictSame(JSON.parse(call.messages[0] ?? ''), [
      'hello',
      { subject: 'user-1', own: '1', forged: 'user' },
    ]);
    t.strictSame(call.metadata.get('x-initial'), ['yes']);
    t.strictSame(call.status.metadata.get('x-last'), ['word']);
    t.strictSame(call.status.metadata.get('x-detail-bin'), [Buffer.from([0, 255])]);
    t.strictSame(call.status.metadata.get('x-identity-subject'), []);
    await soon(lines, (all) => all.length === 1);
    t.match(lines()[0], { status: 200, grpc: 0, protocol: 'https/2' });
  },
);

t.test('the service’s own errors arrive as they are', async (t) => {
  const { service, client, lines } = await start(t);
  service.serve({
    unary: (_call: Unary, answer: Answer) => {
      const metadata = new Metadata();
      metadata.set('x-why', 'because');
      answer({ code: status.NOT_FOUND, details: 'no such thing: 100 %', metadata });
    },
  });
  const { status: end, messages } = await client.unary('x');
  t.match(end, { code: status.NOT_FOUND, details: 'no such thing: 100 %' });
  t.strictSame(end.metadata.get('x-why'), ['because']);
  t.strictSame(messages, []);
  await soon(lines, (all) => all.length === 1);
  t.match(lines()[0], { status: 200, grpc: 5 });
});

t.test(
  'an error without a message is headers alone (Trailers-Only), the service’s and the gateway’s',
  async (t) => {
    const { service, url, ca } = await start(t);
    service.serve({ unary: (_call: Unary, answer: Answer) => answer({ code: status.NOT_FOUND }) });
    const client = await RawHttp2.open(t, url, ca);
    const head = (path: string): HeaderPairs => [
      [':method', 'POST'],
      [':scheme', 'https'],
      [':authority', 'a.test'],
      [':path', path],
      ['content-type', 'application/grpc'],
      ['te', 'trailers'],
    ];
    for (const [stream, path] of [
      [1, '/test.Echo/Unary'],
      [3, '/test.Private/Unary'],
    ] as const) {
      client.write(
        headersFrames(stream, head(path), 0),
        frame(FRAME.DATA, END_STREAM, stream, Buffer.alloc(5)),
      );
      t.equal(await client.outcome(stream), 'answered');
      t.equal(client.of(FRAME.HEADERS, stream).length, 1);
      t.ok(((client.of(FRAME.HEADERS, stream)[0]?.flags ?? 0) & END_STREAM) !== 0, path);
      t.equal(client.of(FRAME.DATA, stream).length, 0);
    }
  },
);

t.test('client, server and two-way streams, of megabytes', async (t) => {
  const { service, client } = await start(t);
  const part = Buffer.alloc(64 * 1024, 'x');
  service.serve({
    upload: (call: Upload, answer: Answer) => {
      let size = 0;
      call.on('data', (message: Buffer) => {
        size += message.length;
      });
      call.on('end', () => answer(null, Buffer.from(String(size))));
    },
    download: (call: Download) => {
      for (let i = 0; i < 50; i++) call.write(part);
      call.end();
    },
    chat: (call: Chat) => {
      call.on('data', (message: Buffer) => call.write(Buffer.from(`re: ${message.toString()}`)));
      call.on('end', () => call.end());
    },
  });
  const { call: upload, end: uploaded } = client.upload();
  for (let i = 0; i < 50; i++) upload.write(part);
  upload.end();
  t.match(await uploaded, { messages: [String(50 * part.length)], status: { code: status.OK } });

  const download = await client.download('go').end;
  t.equal(download.status.code, status.OK);
  t.equal(download.messages.join('').length, 50 * part.length);

  const { call: chat, end: chatted } = client.chat();
  const replies: string[] = [];
  chat.on('data', (message: Buffer) => replies.push(message.toString()));
  for (const word of ['one', 'two', 'three']) {
    chat.write(Buffer.from(word));
    await soon(
      () => replies.at(-1),
      (last) => last === `re: ${word}`,
    );
  }
  chat.end();
  t.match(await chatted, { messages: ['re: one', 're: two', 're: three'], status: { code: status.OK } });
});

t.test('time-outs of a stream: stream_idle_timeout, both ways together, and not the others', async (t) => {
  const { service, client } = await start(t);
  service.serve({
    chat: (call: Chat) => {
      call.sendMetadata(new Metadata());
      const talks = call.metadata.get('x-talks')[0] !== 'client';
      const beat = setInterval(() => talks && call.write(Buffer.from('x')), 100);
      call.on('data', (message: Buffer) => {
        if (message.toString() === 'stop') clearInterval(beat);
      });
      call.on('cancelled', () => clearInterval(beat));
    },
    upload: (call: Upload, answer: Answer) => {
      call.on('data', () => undefined);
      call.on('end', () => answer(null, Buffer.from('all')));
    },
  });
  const talk = (who: string) => {
    const { call, end } = client.chat({ service: 'Short', metadata: { 'x-talks': who } });
    const beat = setInterval(() => who !== 'service' && call.write(Buffer.from('x')), 100);
    let isOver = false;
    void end.then(() => {
      isOver = true;
    });
    const stop = (): void => {
      clearInterval(beat);
      call.write(Buffer.from('stop'));
    };
    return { who, end, stop, isOver: () => isOver };
  };
  const chats = ['both', 'client', 'service'].map(talk);
  const upload = client.upload({ service: 'Upload' });
  const drip = setInterval(() => upload.call.write(Buffer.from('x')), 100);
  const startedAt = performance.now();
  await soon(
    () => performance.now() - startedAt,
    (ms) => ms > 1200,
  );
  clearInterval(drip);
  upload.call.end();
  t.match(
    await upload.end,
    { messages: ['all'], status: { code: status.OK } },
    'longer than timeout and body_idle',
  );
  for (const { who, isOver, stop, end } of chats) {
    t.notOk(isOver(), `while there talks: ${who}`);
    stop();
    const { details, code } = (await end).status;
    t.equal(code, status.DEADLINE_EXCEEDED, `then silence: ${details}`);
  }
});

t.test('a deadline: handed on with the time that is left, and held', async (t) => {
  const { service, client, lines } = await start(t);
  let handedOn: number | undefined;
  let cancelled = 0;
  service.serve({
    unary: (call: Unary) => {
      handedOn = Number(call.getDeadline()) - Date.now();
      call.on('cancelled', () => {
        cancelled += 1;
      });
    },
    download: (call: Download) => {
      call.write(Buffer.from('first'));
      call.on('cancelled', () => {
        cancelled += 1;
      });
    },
  });
  const unary = await client.unary('x', { deadlineMs: 400 });
  t.equal(unary.status.code, status.DEADLINE_EXCEEDED);
  t.ok(handedOn !== undefined && handedOn <= 400 && handedOn > 0, `${handedOn} ms`);
  const stream = await client.download('x', { deadlineMs: 400 }).end;
  t.match(stream, { status: { code: status.DEADLINE_EXCEEDED }, messages: ['first'] });
  await soon(
    () => cancelled,
    (count) => count === 2,
  );
  await soon(lines, (all) => all.length === 2);
});

t.test('the gateway holds a deadline by itself, where the client does not', async (t) => {
  const target = await startHttp2Target(t);
  const timeouts: unknown[] = [];
  const codes: unknown[] = [];
  target.serve = (stream, headers) => {
    timeouts.push(headers['grpc-timeout']);
    stream.on('close', () => codes.push(stream.rstCode));
    if (headers[':path'] === '/test.Echo/Begun')
      stream.respond({ ':status': 200, 'content-type': 'application/grpc' });
  };
  const upstreams = { grpc: { url: target.url, spiffe_id: spiffeId('app'), protocol: 'http2' } };
  const { url, ca } = await startTlsGateway(t, { routes: ROUTES, upstreams });
  const session = await http2Connect(t, url, { ca });
  const ask = (path: string, timeout: string) =>
    http2Ask(
      session,
      { ':path': path, 'content-type': 'application/grpc', te: 'trailers', 'grpc-timeout': timeout },
      'x',
    );
  const silent = await ask('/test.Echo/Silent', '200m');
  t.match(silent, { status: 200, body: '', rstCode: 0 });
  t.match(silent.headers, {
    'grpc-status': '4',
    'gatehouse-code': 'upstream_timeout',
    'content-type': 'application/grpc',
  });
  const begun = await ask('/test.Echo/Begun', '200000u');
  t.match(begun, {
    status: 200,
    rstCode: 0,
    trailers: { 'grpc-status': '4', 'gatehouse-code': 'upstream_timeout' },
  });
  await soon(
    () => codes.length,
    (count) => count === 2,
  );
  t.strictSame(codes, [8, 8], 'the upstream is told by CANCEL');
  await ask('/test.Short/Silent', '1H');
  for (const [index, most] of [200, 200, 1000].entries()) {
    const [, left] = /^([0-9]+)m$/.exec(String(timeouts[index])) ?? [];
    t.ok(Number(left) > most - 200 && Number(left) <= most, String(timeouts[index]));
  }
  for (const wrong of ['', '1', '5 S', '123456789m', '-1S', '1.5S', '1x']) {
    const { headers } = await ask('/test.Echo/Silent', wrong);
    t.match(headers, { 'grpc-status': '13', 'gatehouse-code': 'request_invalid' }, JSON.stringify(wrong));
  }
  t.equal(timeouts.length, 3);
});

t.test('a client that cancels: the service is told', async (t) => {
  const { service, client } = await start(t);
  let isCancelled = false;
  let hasBegun = false;
  service.serve({
    chat: (call: Chat) => {
      hasBegun = true;
      call.on('cancelled', () => {
        isCancelled = true;
      });
    },
  });
  const { call, end } = client.chat();
  call.write(Buffer.from('x'));
  await soon(() => hasBegun, Boolean);
  call.cancel();
  t.equal((await end).status.code, status.CANCELLED);
  await soon(() => isCancelled, Boolean);
});

t.test('the gateway’s refusals are statuses, with our code and nothing of the token', async (t) => {
  const { service, client, token, lines } = await start(t);
  service.serve({
    unary: (_call: Unary, answer: Answer) => answer(null, Buffer.from('ok')),
    upload: (call: Upload, answer: Answer) => {
      call.on('data', () => undefined);
      call.on('end', () => answer(null, Buffer.from('ok')));
    },
  });
  const bearer = (text: string) => ({ authorization: `Bearer ${text}` });
  const expired = token({ exp: Math.floor(Date.now() / 1000) - 100 });
  const cases: [string, Promise<CallEnd>, number, string][] = [
    ['no token', client.unary('x', { service: 'Private' }), status.UNAUTHENTICATED, 'credentials_missing'],
    [
      'expired',
      client.unary('x', { service: 'Private', metadata: bearer(expired) }),
      ...([status.UNAUTHENTICATED, 'token_expired'] as const),
    ],
    [
      'scope',
      client.unary('x', { service: 'Admin', metadata: bearer(token()) }),
      ...([status.PERMISSION_DENIED, 'insufficient_scope'] as const),
    ],
    ['no route', client.unary('x', { service: 'Unknown' }), status.UNIMPLEMENTED, 'route_not_found'],
    ['HTTP/1.1 behind', client.unary('x', { service: 'Plain' }), status.UNIMPLEMENTED, 'grpc_unsupported'],
    [
      'too large',
      client.unary('x'.repeat(2000), { service: 'Small' }),
      status.RESOURCE_EXHAUSTED,
      'body_too_large',
    ],
  ];
  for (const [name, call, code, problem] of cases) {
    const end = await call;
    t.strictSame(endOf(end), [code, problem], name);
    t.strictSame(end.messages, []);
    t.notMatch(JSON.stringify([end.status.details, end.status.metadata.getMap()]), 'user-1', name);
  }
  t.equal((await client.unary('x', { service: 'Rare' })).status.code, status.OK);
  const limited = await client.unary('x', { service: 'Rare' });
  t.strictSame(endOf(limited), [status.RESOURCE_EXHAUSTED, 'rate_limited']);
  t.match(limited.status.metadata.get('retry-after')[0], /^[0-9]+$/);
  await soon(lines, (all) => all.length === 8);
  t.match(lines()[0], { status: 401, grpc: 16, code: 'credentials_missing' });
});

t.test(
  'a stream ends with UNAUTHENTICATED within seconds of its token’s revocation; others go on',
  async (t) => {
    const { service, client, token, feed, issuer, lines } = await start(t);
    const cancelled: unknown[] = [];
    service.serve({
      download: (call: Download) => {
        call.write(Buffer.from('first'));
        call.on('cancelled', () => cancelled.push(call.metadata.get('x-identity-session')[0]));
      },
      chat: (call: Chat) => {
        call.on('cancelled', () => cancelled.push(call.metadata.get('x-identity-session')[0]));
      },
    });
    const options = (sid: string) => ({
      service: 'Private',
      metadata: { authorization: `Bearer ${token({ sid })}` },
    });
    const gone = client.download('x', options('gone'));
    const silent = client.chat(options('gone'));
    const other = client.download('x', options('stays'));
    let open = 0;
    for (const { call } of [gone, other]) call.once('data', () => (open += 1));
    await soon(
      () => open,
      (count) => count === 2,
    );
    feed.revoke({ kind: 'session', iss: issuer, sid: 'gone', exp: Math.floor(Date.now() / 1000) + 1000 });
    for (const { end } of [gone, silent])
      t.strictSame(endOf(await end), [status.UNAUTHENTICATED, 'token_revoked']);
    await soon(
      () => cancelled.length,
      (count) => count === 2,
    );
    t.strictSame(cancelled, ['gone', 'gone']);
    t.match(
      lines()
        .filter(({ grpc }) => grpc === 16)
        .map(({ code }) => code),
      ['token_revoked', 'token_revoked'],
    );
    other.call.cancel();
    await other.end;
  },
);

t.test('an upstream that fails: UNAVAILABLE, and no message that was not sent', async (t) => {
  const target = await startHttp2Target(t);
  const upstreams = {
    grpc: { url: target.url, spiffe_id: spiffeId('app'), protocol: 'http2' },
  };
  const { url, ca } = await startTlsGateway(t, { routes: ROUTES, upstreams });
  const client = new GrpcClient(t, url, ca);
  const message = Buffer.concat([Buffer.from([0, 0, 0, 0, 2]), Buffer.from('hi')]);
  const begin = { ':status': 200, 'content-type': 'application/grpc' };
  target.serve = (stream) => stream.close(2);
  t.strictSame(endOf(await client.unary('x')), [status.UNAVAILABLE, 'upstream_reset']);
  target.serve = (stream) => {
    stream.respond(begin);
    stream.write(message);
    setTimeout(() => stream.session?.destroy(), 100);
  };
  const cut = await client.download('x').end;
  t.strictSame([cut.messages, ...endOf(cut)], [['hi'], status.UNAVAILABLE, 'upstream_reset']);
  target.serve = (stream) => {
    stream.respond(begin);
    stream.write(message);
    setTimeout(() => stream.destroy(), 100);
  };
  const ended = await client.download('x').end;
  t.strictSame([ended.messages, ...endOf(ended)], [['hi'], status.UNAVAILABLE, 'upstream_reset']);
  target.serve = () => undefined;
  t.strictSame(endOf(await client.unary('x', { service: 'Short' })), [
    status.DEADLINE_EXCEEDED,
    'upstream_timeout',
  ]);
});

t.test('request trailers go on over HTTP/2, but none that speaks for the gateway', async (t) => {
  const target = await startHttp2Target(t);
  const seen = new Promise<object>((resolve) => {
    target.serve = (stream) => {
      stream.resume();
      stream.on('trailers', (trailers) => resolve({ ...trailers }));
      stream.on('end', () => stream.respond({ ':status': 200 }, { endStream: true }));
    };
  });
  const upstreams = { grpc: { url: target.url, spiffe_id: spiffeId('app'), protocol: 'http2' } };
  const { url, ca } = await startTlsGateway(t, { routes: ROUTES, upstreams });
  const session = await http2Connect(t, url, { ca });
  const stream = session.request({ ':method': 'POST', ':path': '/test.Echo/x' }, { waitForTrailers: true });
  stream.on('wantTrailers', () =>
    stream.sendTrailers({
      ...{ 'x-checksum': 'abc', 'x-identity-subject': 'root', 'x-forwarded-for': '10.0.0.1' },
      ...{ authorization: 'Bearer x', cookie: 'a=b', 'x-request-id': '1' },
    }),
  );
  stream.resume();
  stream.end('body');
  t.strictSame(Object.entries(await seen), [['x-checksum', 'abc']]);
});

t.test('stopping: unary calls are answered, streams end with UNAVAILABLE', async (t) => {
  const { service, client, gateway } = await start(t);
  let answerNow: (() => void) | undefined;
  service.serve({
    unary: (call: Unary, answer: Answer) => {
      answerNow = () => answer(null, Buffer.from('late'));
      call.sendMetadata(new Metadata());
    },
    download: (call: Download) => call.write(Buffer.from('first')),
    chat: (call: Chat) => call.sendMetadata(new Metadata()),
  });
  const stream = client.download('x');
  await once(stream.call, 'data');
  const silent = client.chat();
  await once(silent.call, 'metadata');
  const unary = client.unary('x');
  await soon(
    () => answerNow,
    (answer) => answer !== undefined,
  );
  const stopped = gateway.stop();
  answerNow?.();
  t.match(await unary, { messages: ['late'], status: { code: status.OK } });
  t.strictSame(endOf(await stream.end), [status.UNAVAILABLE, 'shutting_down']);
  t.strictSame(endOf(await silent.end), [status.UNAVAILABLE, 'shutting_down'], 'at last');
  await stopped;
});

t.test('the example of the page', async (t) => {
  const page = readFileSync('docs/grpc.md', 'utf8');
  const [, example = ''] = /```yaml\n(.*?)```/s.exec(page) ?? [];
  const service = await startGrpcService(t);
  const { upstreams, routes } = parse(
    example
      .replace('https://pricing.internal:9505', service.url)
      .replace(spiffeId('pricing'), spiffeId('app'))
      .replaceAll('shop.Pricing/GetPrice', 'test.Echo/Unary')
      .replaceAll('shop.Pricing', 'test.Echo'),
  ) as { upstreams: Record<string, object>; routes: object[] };
  const { url, ca, token } = await startTlsGateway(t, { routes, upstreams });
  service.serve({
    unary: (call: Unary, answer: Answer) => answer(null, call.request),
    download: (call: Download) => call.end(),
  });
  const client = new GrpcClient(t, url, ca);
  const metadata = { authorization: `Bearer ${token()}` };
  t.match(await client.unary('x', { metadata }), { messages: ['x'], status: { code: status.OK } });
  t.equal((await client.download('x', { metadata }).end).status.code, status.OK);
  t.strictSame(endOf(await client.unary('x')), [status.UNAUTHENTICATED, 'credentials_missing']);
  const without = { authorization: `Bearer ${token({ scope: 'other' })}` };
  t.equal((await client.download('x', { metadata: without }).end).status.code, status.PERMISSION_DENIED);

  const rows = [...page.matchAll(/^\| ([0-9, ]+) \| ([0-9]+) `/gm)].flatMap(([, http = '', grpc = '']) =>
    http.split(', ').map((code) => [Number(code), Number(grpc)]),
  );
  const statuses = [...new Set(Object.values(PROBLEMS).map((problem) => problem.status))];
  t.strictSame(
    rows.toSorted(([a = 0], [b = 0]) => a - b),
    statuses
      .filter((http) => rows.some(([row]) => row === http))
      .map((http) => [http, grpcStatusOf({ status: http } as Problem)])
      .toSorted(([a = 0], [b = 0]) => a - b),
    'the table is the code',
  );
});
