import { once } from 'node:events';
import { constants } from 'node:http2';
import { Readable } from 'node:stream';
import t, { type Test } from 'tap';
import type { UpstreamSpec } from '../../../../gateway/adapters/balancing/upstream-spec.js';
import { PING_TIMEOUT_MS } from '../../../../gateway/adapters/http2-upstream/http2-connection.js';
import { eventually } from '../../../fixtures/eventually.js';
import { fakeClock } from '../../../fixtures/fake-clock.js';
import { type Http2Target, startHttp2Target, startRawHttp2Target } from '../../../fixtures/http2-target.js';
import {
  END_STREAM,
  FRAME,
  frame,
  headersFrames,
  type RawHttp2,
  uint32,
} from '../../../fixtures/raw-http2.js';
import { connectUpstream, tally } from '../../../fixtures/test-upstream.js';

const ONE_TRY: Partial<UpstreamSpec> = {
  protocol: 'http2',
  balance: 'round_robin',
  outliers: { failures: 0, ejectMs: 1000 },
};

async function start(t: Test, targets: readonly { url: string }[], settings: Partial<UpstreamSpec> = {}) {
  const clock = fakeClock();
  return { clock, ...(await connectUpstream(t, targets, clock, { ...ONE_TRY, ...settings })) };
}

const request = (connection: RawHttp2, index = 0) => connection.of(FRAME.HEADERS)[index]?.stream;

/** Answers each request by its number, from 0. */
async function answering(
  connection: RawHttp2,
  answer: (stream: number, index: number) => Buffer[] | undefined,
): Promise<void> {
  for (let index = 0; !connection.isClosed; index++) {
    await connection.until(() => request(connection, index) !== undefined);
    const stream = request(connection, index);
    if (stream === undefined) return;
    const frames = answer(stream, index);
    if (frames !== undefined) connection.write(...frames);
  }
}

const good = (stream: number): Buffer[] => [
  headersFrames(stream, [[':status', '200']], 0),
  frame(FRAME.DATA, END_STREAM, stream, 'good'),
];

t.test('requests share one connection, and each gets its own answer', async (t) => {
  const target = await startHttp2Target(t);
  target.serve = (stream, headers) => {
    stream.respond({ ':status': 200 });
    stream.end(String(headers[':path']));
  };
  const { ask } = await start(t, [target]);
  await ask();
  const paths = Array.from({ length: 50 }, (_, index) => `/${index}`);
  t.strictSame(await Promise.all(paths.map((path) => ask({ path }))), paths);
  t.equal(target.sessions.length, 1);
});

t.test(
  'the head of a request: pseudo-headers first, nothing of one connection, repeats kept apart',
  async (t) => {
    const target = await startHttp2Target(t);
    let seen: string[] = [];
    target.serve = (stream, _headers, raw) => {
      seen = raw;
      stream.respond({ ':status': 200 }, { endStream: true });
    };
    const { ask } = await start(t, [target]);
    await ask({
      path: '/a%2Fb?c',
      headers: [
        ...['Host', 'a.test', 'Connection', 'keep-alive', 'Keep-Alive', 'x', 'Transfer-Encoding', 'chunked'],
        ...['Upgrade', 'h2c', 'X-One', '1', 'x-one', '2', 'cookie', 'a=1; b=2'],
      ],
    });
    const pairs = seen.flatMap((name, index) => (index % 2 === 0 ? [`${name}: ${seen[index + 1]}`] : []));
    t.strictSame(pairs.slice(0, 4).sort(), [
      ':authority: a.test',
      ':method: GET',
      ':path: /a%2Fb?c',
      ':scheme: https',
    ]);
    t.strictSame(pairs.slice(4).sort(), ['cookie: a=1; b=2', 'te: trailers', 'x-one: 1', 'x-one: 2']);
  },
);

t.test('a header that HTTP/2 cannot repeat is the request’s fault, and no target’s', async (t) => {
  const target = await startHttp2Target(t);
  const { askMany, ask } = await start(t, [target]);
  t.strictSame(await askMany(1, { headers: ['user-agent', 'a', 'user-agent', 'b'] }), ['request_invalid']);
  t.equal(target.seen.length, 0);
  t.equal(await ask(), 'app');
});

t.test(
  'the targets’ bound on concurrent requests holds; more connections are opened, up to theirs',
  async (t) => {
    const held: (() => void)[] = [];
    const target = await startHttp2Target(t, { settings: { maxConcurrentStreams: 2 } });
    const { ask, askMany } = await start(t, [target], {
      connections: { max: 2, idleMs: 4000, connectTimeoutMs: 3000, warm: 0 },
    });
    await ask();
    target.serve = (stream) => {
      held.push(() => {
        stream.respond({ ':status': 200 });
        stream.end('late');
      });
    };
    const answers = askMany(7);
    const waitFor = (count: number) =>
      eventually(
        async () => held.length,
        (length) => length === count,
      );
    await waitFor(4);
    t.equal(target.sessions.length, 2);
    for (const answer of held.splice(0)) answer();
    await waitFor(3);
    for (const answer of held.splice(0)) answer();
    t.strictSame(tally(await answers), { late: 7 });
    t.equal(target.sessions.length, 2);
  },
);

t.test('a refused stream is sent again, once, whatever its method', async (t) => {
  const refuse = (stream: number) => [
    frame(FRAME.RST_STREAM, 0, stream, uint32(constants.NGHTTP2_REFUSED_STREAM)),
  ];
  const target = await startRawHttp2Target(t, (connection) =>
    answering(connection, (stream, index) => (index === 0 ? refuse(stream) : good(stream))),
  );
  const { askMany } = await start(t, [target]);
  t.strictSame(await askMany(1, { method: 'POST', retries: 0 }), ['good']);
  t.equal(target.connections.length, 1);

  const never = await startRawHttp2Target(t, (connection) => answering(connection, refuse));
  const other = await startHttp2Target(t, { name: 'other' });
  const both = await start(t, [never, other]);
  const answers = await both.askMany(2, { method: 'POST', retries: 0 });
  t.strictSame(answers, ['other', 'other'], 'then another target has its turn');
  t.equal(never.connections[0]?.of(FRAME.HEADERS).length, 2);
});

t.test('a request whose body has begun is not sent again', async (t) => {
  const target = await startRawHttp2Target(t, async (connection) => {
    await connection.until(() => connection.of(FRAME.DATA).length > 0);
    connection.write(
      frame(FRAME.RST_STREAM, 0, request(connection) ?? 0, uint32(constants.NGHTTP2_REFUSED_STREAM)),
    );
  });
  const { askMany } = await start(t, [target]);
  const body = Readable.from(['x', 'y'], { objectMode: false });
  t.strictSame(await askMany(1, { method: 'PUT', body }), ['UND_ERR_SOCKET']);
  t.equal(target.connections[0]?.of(FRAME.HEADERS).length, 1);
});

for (const [name, code] of Object.entries({ graceful: 0, angry: constants.NGHTTP2_INTERNAL_ERROR })) {
  t.test(
    `a ${name} GOAWAY: what the target took is answered or lost, the rest goes to a new connection`,
    async (t) => {
      const target = await startRawHttp2Target(t, async (connection, index) => {
        if (index > 0) return answering(connection, good);
        await connection.until(() => connection.of(FRAME.HEADERS).length === 3);
        const [first = 0] = connection.of(FRAME.HEADERS).map(({ stream }) => stream);
        connection.write(frame(FRAME.GOAWAY, 0, 0, Buffer.concat([uint32(first), uint32(code)])));
        if (code === 0) connection.write(...good(first));
        return undefined;
      });
      const { askMany } = await start(t, [target]);
      const answers = tally(await askMany(3, { method: 'POST', retries: 0 }));
      t.strictSame(answers, code === 0 ? { good: 3 } : { good: 2, UND_ERR_SOCKET: 1 });
      t.equal(target.connections.length, 2);
    },
  );
}

t.test('a GOAWAY that arrives before a request has left: it goes to a new connection', async (t) => {
  const target = await startRawHttp2Target(t, (connection) => answering(connection, good));
  const { ask } = await start(t, [target]);
  for (let i = 0; i < 5; i++) {
    await ask();
    const connection = target.connections.at(-1);
    const goaway = Buffer.concat([uint32(2 ** 31 - 1), uint32(0)]);
    // From here sockets are read before Node sends what it has been given.
    await new Promise<void>((resolve) => setImmediate(resolve));
    connection?.write(frame(FRAME.GOAWAY, 0, 0, goaway));
    t.equal(await ask({ method: 'POST', retries: 0 }), 'good');
  }
});

t.test('the race of a GOAWAY and many requests loses none of them', async (t) => {
  const target = await startHttp2Target(t);
  let count = 0;
  target.serve = (stream) => {
    count += 1;
    stream.respond({ ':status': 200 });
    stream.end('whole');
    if (count % 7 === 0) stream.session?.goaway(0, 2 ** 31 - 1);
  };
  const { askMany } = await start(t, [target]);
  for (let i = 0; i < 10; i++) t.strictSame(tally(await askMany(20, { retries: 0 })), { whole: 20 });
  t.ok(target.sessions.length > 5);
});

t.test('what is broken off is never taken for whole', async (t) => {
  const head = (stream: number) => [
    headersFrames(stream, [[':status', '200']], 0),
    frame(FRAME.DATA, 0, stream, 'part'),
  ];
  const reset = (stream: number, code: number) => frame(FRAME.RST_STREAM, 0, stream, uint32(code));
  const cases: Record<string, (stream: number) => Buffer[]> = {
    'RST_STREAM NO_ERROR': (stream) => [...head(stream), reset(stream, 0)],
    'RST_STREAM CANCEL': (stream) => [...head(stream), reset(stream, constants.NGHTTP2_CANCEL)],
    'fewer bytes than announced': (stream) => [
      headersFrames(
        stream,
        [
          [':status', '200'],
          ['content-length', '9'],
        ],
        0,
      ),
      frame(FRAME.DATA, END_STREAM, stream, 'part'),
    ],
    'more bytes than announced': (stream) => [
      headersFrames(
        stream,
        [
          [':status', '200'],
          ['content-length', '2'],
        ],
        0,
      ),
      frame(FRAME.DATA, END_STREAM, stream, 'part'),
    ],
    'a GOAWAY and no more': (stream) => [
      ...head(stream),
      frame(FRAME.GOAWAY, 0, 0, Buffer.concat([uint32(stream), uint32(1)])),
    ],
  };
  for (const [name, answer] of Object.entries(cases)) {
    const target = await startRawHttp2Target(t, (connection) => answering(connection, answer));
    const { askMany } = await start(t, [target]);
    // What is invalid may be found out before its headers have been looked at.
    t.match((await askMany(1))[0], /^UND_ERR_SOCKET$|not answer in valid/, name);
  }
  const target = await startRawHttp2Target(t, async (connection) => {
    await connection.until(() => request(connection) !== undefined);
    connection.write(...head(request(connection) ?? 0));
    await connection.until(() => connection.of(FRAME.WINDOW_UPDATE).length > 0);
    connection.socket.destroy();
  });
  const { askMany } = await start(t, [target]);
  t.strictSame(await askMany(1), ['UND_ERR_SOCKET'], 'the connection lost');
});

t.test('malformed answers: not asked for again, and the connection goes on', async (t) => {
  const ok: [string, string] = [':status', '200'];
  const cases: Record<string, [string, string][]> = {
    'no status': [['x-a', 'b']],
    'a status that is none': [[':status', 'abc']],
    'two statuses': [ok, ok],
    'an unknown pseudo-header': [ok, [':x', 'y']],
    'a pseudo-header after a field': [['x-a', 'b'], ok],
    'a header of one connection': [ok, ['connection', 'close']],
    'transfer-encoding': [ok, ['transfer-encoding', 'chunked']],
    'a name in upper case': [ok, ['X-Upper', 'y']],
    'two lengths': [ok, ['content-length', '1'], ['content-length', '2']],
    'headers without end': [
      ok,
      ...Array.from({ length: 10 }, (_, i): [string, string] => [`x-${i}`, 'x'.repeat(7000)]),
    ],
  };
  const heads = Object.values(cases);
  const target = await startRawHttp2Target(t, (connection) =>
    answering(connection, (stream, index) => {
      const head = heads[index];
      return head === undefined ? good(stream) : [headersFrames(stream, head)];
    }),
  );
  const { ask } = await start(t, [target]);
  for (const name of Object.keys(cases)) {
    const error = await ask().catch((failed: Error) => failed);
    t.match(error, { name: 'HTTPParserError' }, name);
  }
  t.equal(await ask(), 'good');
  t.equal(target.connections.length, 1);
});

t.test('what breaks the protocol itself costs its connection, at a PING if not at once', async (t) => {
  const push = (stream: number) =>
    frame(5, 4, stream, Buffer.concat([uint32(2), Buffer.from([0x82, 0x84, 0x87])]));
  const cases: Record<string, (stream: number) => Buffer> = {
    'no HTTP/2 at all': () => Buffer.from('HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok'),
    'a server push': push,
    'a header of 70,000 bytes': (stream) =>
      headersFrames(stream, [
        [':status', '200'],
        ['x', 'x'.repeat(70_000)],
      ]),
    'DATA on a stream that nobody opened': () => frame(FRAME.DATA, END_STREAM, 77, 'x'),
    'a window beyond the maximum': () => frame(FRAME.WINDOW_UPDATE, 0, 0, uint32(2 ** 31 - 1)),
  };
  for (const [name, wrong] of Object.entries(cases)) {
    const target = await startRawHttp2Target(t, (connection, index) =>
      answering(connection, (stream) => (index === 0 ? [wrong(stream)] : good(stream))),
    );
    const { clock, ask } = await start(t, [target]);
    const error = await ask({ headersTimeout: 1000, retries: 0 }).catch((failed: Error) => failed);
    t.ok(error instanceof Error, name);
    await clock.advance(PING_TIMEOUT_MS);
    await target.connections[0]?.until(() => false);
    t.equal(await ask(), 'good', `${name}, then a good answer`);
  }
});

t.test('informational responses are not the answer', async (t) => {
  const target = await startHttp2Target(t);
  target.serve = (stream) => {
    stream.additionalHeaders({ ':status': 103, link: '</a>; rel=preload' });
    stream.respond({ ':status': 200 });
    stream.end('final');
  };
  const { ask } = await start(t, [target]);
  t.equal(await ask(), 'final');
});

t.test('a target that speaks no HTTP/2 is told apart, and asked in no other way', async (t) => {
  for (const alpn of [['http/1.1'], []]) {
    const target = await startRawHttp2Target(t, async () => undefined, { alpn });
    const { ask } = await start(t, [target]);
    const error = await ask().catch((failed: Error) => failed);
    t.match(error, { code: 'upstream_response_invalid', reason: 'upstream.protocol' });
    t.equal(target.connections.flatMap(({ frames }) => frames).length, 0);
  }
});

t.test('no handshake in time', async (t) => {
  const { createServer } = await import('node:net');
  const silent = createServer().listen(0, '127.0.0.1');
  await once(silent, 'listening');
  t.teardown(() => silent.close());
  const { port } = silent.address() as { port: number };
  const { clock, askMany } = await start(t, [{ url: `https://127.0.0.1:${port}` }]);
  const connected = once(silent, 'connection');
  const answers = askMany(2);
  await connected;
  await clock.advance(3000);
  t.strictSame(await answers, ['UND_ERR_CONNECT_TIMEOUT', 'UND_ERR_CONNECT_TIMEOUT']);
});

t.test('silence: the request times out, and a connection that answers no PING is cut', async (t) => {
  const target = await startRawHttp2Target(t, async () => undefined);
  const { clock, askMany } = await start(t, [target]);
  t.strictSame(await askMany(1, { headersTimeout: 1000, retries: 0 }), ['UND_ERR_HEADERS_TIMEOUT']);
  const [first] = target.connections;
  await first?.until(() => first.of(FRAME.PING).length > 0 && first.of(FRAME.RST_STREAM).length > 0);
  t.equal(first?.resetCode(request(first) ?? 0), constants.NGHTTP2_CANCEL);
  const later = askMany(1, { headersTimeout: 1000, retries: 0 });
  t.strictSame(await later, ['UND_ERR_HEADERS_TIMEOUT']);
  t.equal(target.connections.length, 2, 'a suspected connection gets no further request');
  await clock.advance(PING_TIMEOUT_MS);
  await first?.until(() => false);
});

t.test('an idle connection is closed in due form', async (t) => {
  const target = await startHttp2Target(t);
  const { clock, ask } = await start(t, [target]);
  await ask();
  const [session] = target.sessions;
  if (session === undefined) throw new Error('no session');
  let goaway: number | undefined;
  session.once('goaway', (code: number) => {
    goaway = code;
  });
  const closed = once(session, 'close');
  await eventually(
    async () => clock.pendingTimers,
    (timers) => timers > 0,
  );
  await clock.advance(4000);
  await closed;
  t.equal(goaway, 0);
  t.equal(await ask(), 'app', 'and made anew when it is needed');
});

t.test('request trailers arrive behind the body', async (t) => {
  const target = await startHttp2Target(t);
  target.serve = (stream) => {
    let body = '';
    let trailers: unknown;
    stream.on('data', (chunk: Buffer) => {
      body += chunk.toString();
    });
    stream.on('trailers', (headers) => {
      trailers = { ...headers };
    });
    stream.on('end', () => {
      stream.respond({ ':status': 200 });
      stream.end(JSON.stringify({ body, trailers }));
    });
  };
  const { ask } = await start(t, [target]);
  const upload = (trailers: string[]) =>
    ask({
      method: 'POST',
      body: Readable.from(['a', 'b'], { objectMode: false }),
      trailers: () => trailers,
    } as object);
  t.strictSame(JSON.parse(await upload(['x-sum', '2'])), { body: 'ab', trailers: { 'x-sum': '2' } });
  t.strictSame(JSON.parse(await upload([])), { body: 'ab' });
});

t.test('a body that breaks off resets the stream, and never ends it', async (t) => {
  const body = new Readable({ read: () => undefined });
  body.push('part');
  const target = await startRawHttp2Target(t, async (connection) => {
    await connection.until(() => connection.of(FRAME.DATA).length > 0);
    body.destroy(new Error('gone'));
  });
  const { askMany } = await start(t, [target]);
  await askMany(1, { method: 'POST', body });
  const [connection] = target.connections;
  await connection?.until(() => connection.of(FRAME.RST_STREAM).length > 0);
  const stream = connection === undefined ? 0 : (request(connection) ?? 0);
  t.equal(connection?.resetCode(stream), constants.NGHTTP2_CANCEL);
  t.equal(connection?.hasEnded(stream), false);
});

const sizes = (target: Http2Target, bytes: number): void => {
  target.serve = (stream) => {
    stream.respond({ ':status': 200 });
    stream.end(Buffer.alloc(bytes, 'x'));
  };
};

t.test('an answer that nobody reads stays at the target, and others on its connection go on', async (t) => {
  const target = await startHttp2Target(t);
  sizes(target, 8 * 1024 * 1024);
  const { ask, connections } = await start(t, [target]);
  let received = 0;
  let resume: () => void = () => undefined;
  const whole = new Promise<void>((resolve, reject) => {
    connections.agent.dispatch(
      { origin: connections.originOf('app'), path: '/', method: 'GET' },
      {
        onConnect: () => undefined,
        onHeaders(_status, _headers, go) {
          resume = go;
          return true;
        },
        onData(chunk) {
          received += chunk.length;
          return received > 8 * 1024 * 1024 - 1;
        },
        onComplete: () => resolve(),
        onError: reject,
      },
    );
  });
  await eventually(
    async () => received,
    (bytes) => bytes > 0,
  );
  const before = received;
  sizes(target, 3);
  for (let i = 0; i < 20; i++) t.equal(await ask(), 'xxx');
  t.ok(received - before < 1024 * 1024, `${received} bytes came in`);
  const pump = setInterval(() => resume(), 0);
  await whole;
  clearInterval(pump);
  t.equal(received, 8 * 1024 * 1024);
});
