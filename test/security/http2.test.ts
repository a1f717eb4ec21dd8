import { EventEmitter, once } from 'node:events';
import t, { type Test } from 'tap';
import { DECIDING_ROUTES, refusedTargets } from '../fixtures/attack-paths.js';
import { eventually } from '../fixtures/eventually.js';
import {
  CANCEL,
  END_STREAM,
  FRAME,
  frame,
  type HeaderPairs,
  headerBlock,
  headersFrames,
  INTERNAL_ERROR,
  RawHttp2,
  uint32,
} from '../fixtures/raw-http2.js';
import { startTlsGateway, type TlsGateway } from '../fixtures/tls-gateway.js';

const PUBLIC: HeaderPairs = [
  [':method', 'GET'],
  [':scheme', 'https'],
  [':authority', 'a.test'],
  [':path', '/public/x'],
];
const with_ = (...more: HeaderPairs): Buffer => headersFrames(1, [...PUBLIC, ...more]);
const change = (name: string, value: string): Buffer =>
  headersFrames(
    1,
    PUBLIC.map(([n, v]) => [n, n === name ? value : v]),
  );
const without = (...names: string[]): HeaderPairs => PUBLIC.filter(([name]) => !names.includes(name));
const post = (more: HeaderPairs, ...frames: Buffer[]): Buffer =>
  Buffer.concat([headersFrames(1, [[':method', 'POST'], ...without(':method'), ...more], 0), ...frames]);
/** Newer versions of nghttp2 look more closely at an authority. */
const BY_VERSION = ['host_invalid', 'reset'];
const data = (text: string, flags = END_STREAM): Buffer => frame(FRAME.DATA, flags, 1, text);

/**
 * Each attack on a connection of its own: a problem, or a reset, which is what nghttp2 does to what is malformed by
 * itself. Not a byte of any of them reaches the upstream, and a good request right after it gets through.
 */
async function refuseFrames(
  t: Test,
  { url, ca, bytesSeen }: TlsGateway,
  attacks: Readonly<Record<string, readonly [frames: Buffer, ...oneOf: string[]]>>,
): Promise<void> {
  for (const [name, [frames, ...oneOf]] of Object.entries(attacks)) {
    const before = bytesSeen();
    const attack = await RawHttp2.open(t, url, ca);
    attack.write(frames);
    const outcome = await attack.outcome(1);
    const body = attack.body(1);
    const got =
      outcome === 'answered'
        ? (JSON.parse(body || '{"code":"no body"}') as { code: string }).code
        : (outcome as string);
    t.ok(oneOf.includes(got), `${name}: ${got}`);
    t.equal(bytesSeen(), before, `${name}: not a byte at the upstream`);
    attack.socket.destroy();
    const good = await RawHttp2.open(t, url, ca);
    good.write(headersFrames(1, PUBLIC));
    t.equal(await good.outcome(1), 'answered', `${name}: a good request right after it`);
    t.equal(good.body(1), '{"ok":true}');
    good.socket.destroy();
  }
}

t.test('requests that are malformed in HTTP/2 are reset or refused', async (t) => {
  // The time is for headers so large that their end is never read.
  await refuseFrames(t, await startTlsGateway(t, { config: { limits: { headers: '500ms' } } }), {
    'no method': [headersFrames(1, without(':method')), 'reset'],
    'no path': [headersFrames(1, without(':path')), 'reset'],
    'no scheme': [headersFrames(1, without(':scheme')), 'reset'],
    'no authority and no host': [headersFrames(1, without(':authority')), 'reset'],
    'an empty path': [change(':path', ''), 'reset'],
    'an empty authority': [change(':authority', ''), ...BY_VERSION],
    'two methods': [headersFrames(1, [[':method', 'GET'], ...PUBLIC]), 'reset'],
    'two paths': [headersFrames(1, [[':path', '/admin'], ...PUBLIC]), 'reset'],
    'two authorities': [headersFrames(1, [[':authority', 'evil.test'], ...PUBLIC]), 'reset'],
    'two schemes': [headersFrames(1, [[':scheme', 'https'], ...PUBLIC]), 'reset'],
    'a pseudo-header that nobody knows': [headersFrames(1, [[':evil', '1'], ...PUBLIC]), 'reset'],
    'a response pseudo-header': [headersFrames(1, [[':status', '200'], ...PUBLIC]), 'reset'],
    'a pseudo-header behind others': [
      headersFrames(1, [...without(':path'), ['x-a', 'b'], [':path', '/public/x']]),
      'reset',
    ],
    'extended CONNECT': [
      headersFrames(1, [[':method', 'CONNECT'], [':protocol', 'websocket'], ...without(':method')]),
      'reset',
    ],
    CONNECT: [
      headersFrames(1, [
        [':method', 'CONNECT'],
        [':authority', 'evil.test:443'],
      ]),
      'method_not_allowed',
    ],
    TRACE: [change(':method', 'TRACE'), 'method_not_allowed'],
    'a method that nobody knows': [change(':method', 'BREW'), 'method_unknown'],
    'scheme http': [change(':scheme', 'http'), 'request_invalid'],
    'scheme ftp': [change(':scheme', 'ftp'), 'request_invalid'],
    'another host beside the authority': [with_(['host', 'evil.test']), 'host_invalid'],
    'the same host twice beside it': [with_(['host', 'a.test'], ['host', 'a.test']), 'reset'],
    'an authority with userinfo': [change(':authority', 'user@a.test'), ...BY_VERSION],
    'an authority of two': [change(':authority', 'a.test,evil.test'), ...BY_VERSION],
    'an authority with a path': [change(':authority', 'a.test/x'), ...BY_VERSION],
    'upper case': [with_(['X-A', 'b']), 'reset'],
    'upper case in a reserved name': [with_(['X-Identity-Subject', 'root']), 'reset'],
    connection: [with_(['connection', 'x-identity-subject']), 'reset'],
    'keep-alive': [with_(['keep-alive', 'timeout=5']), 'reset'],
    'proxy-connection': [with_(['proxy-connection', 'close']), 'reset'],
    upgrade: [with_(['upgrade', 'websocket']), 'reset'],
    'transfer-encoding': [post([['transfer-encoding', 'chunked']], data('0\r\n\r\n')), 'reset'],
    'te of gzip': [with_(['te', 'gzip']), 'reset'],
    'te of two': [with_(['te', 'trailers, gzip']), 'reset'],
    'a line end in the path': [change(':path', '/public/x\r\nx-a: b'), 'reset'],
    'a space in the path': [change(':path', '/public/x HTTP/1.1'), 'reset'],
    'a line end in the method': [change(':method', 'GET / HTTP/1.1\r\n'), 'reset'],
    'look-alike of a reserved name': [with_(['x_identity_subject', 'root']), 'header_name'],
    'another look-alike': [with_(['x.identity.roles', 'root']), 'header_name'],
    transfer_encoding: [with_(['transfer_encoding', 'chunked']), 'header_name'],
    'GET with a body': [Buffer.concat([headersFrames(1, PUBLIC, 0), data('smuggled')]), 'request_invalid'],
    'GET with a length': [with_(['content-length', '5']), 'reset'],
    'two lengths': [
      post(
        [
          ['content-length', '1'],
          ['content-length', '1'],
        ],
        data('x'),
      ),
      'reset',
    ],
    'a length that is none': [post([['content-length', '+1']], data('x')), 'reset'],
    'a length list': [post([['content-length', '1, 1']], data('x')), 'reset'],
    'expect that nobody knows': [post([['expect', 'the-moon']], data('x')), 'expectation_failed'],
    'headers over the limit': [with_(['x-a', 'a'.repeat(20_000)]), 'headers_too_large'],
    'headers far over the limit': [with_(['x-a', 'a'.repeat(100_000)]), 'reset', 'closed'],
    'a thousand headers': [
      with_(...Array.from({ length: 1000 }, () => ['a', 'b'] as const)),
      'headers_too_large',
    ],
    'more headers than that': [with_(...Array.from({ length: 2100 }, () => ['a', 'b'] as const)), 'reset'],
  });
});

t.test('a body on GET goes to a route that says so, in HTTP/2 too', async (t) => {
  const { url, ca, seen } = await startTlsGateway(t, {
    routes: [
      {
        ...{ path: '/public/x', methods: ['GET'], auth: 'public', upstream: 'app' },
        ...{ body_on_get: 'allow' },
      },
    ],
  });
  const client = await RawHttp2.open(t, url, ca);
  client.write(Buffer.concat([headersFrames(1, PUBLIC, 0), data('hello')]));
  t.equal(await client.outcome(1), 'answered');
  t.match(seen, [{ method: 'GET', url: '/public/x', body: 'hello' }]);
});

t.test('a header that HTTP cannot carry is gone, and nothing of it becomes another', async (t) => {
  const { url, ca, seen } = await startTlsGateway(t);
  const odd: HeaderPairs = [
    ['x-a', 'b\r\nx-identity-subject: root'],
    ['x-a', 'b\nc'],
    ['x-a', 'b\0c'],
    ['x-a\r\nx-b', 'c'],
    ['x-a:b', 'c'],
    ['x-a ', 'b'],
    ['x-identity-subject ', 'root'],
    ['', 'c'],
    ['x-\xe9', 'c'],
  ];
  for (const header of odd) {
    const client = await RawHttp2.open(t, url, ca);
    // nghttp2 leaves such a header out, and tells nobody.
    client.write(with_(header));
    t.equal(await client.outcome(1), 'answered');
    const { headers = [] } = seen.at(-1) ?? {};
    const names = headers.map(([name]) => name).filter((name) => name.startsWith('x-'));
    t.notMatch(headers.flat().join('\n'), /root|\bx-a|\bx-b|\xe9/, JSON.stringify(header));
    t.ok(
      names.every((name) => /^x-(identity|forwarded|request)-[a-z]+$/.test(name)),
      names.join(' '),
    );
  }
  const client = await RawHttp2.open(t, url, ca);
  client.write(
    headersFrames(1, [...without(':path'), [':path', '/api/x'], ['authorization', 'Bearer x\0y']]),
  );
  await client.outcome(1);
  t.match(client.body(1), /credentials_missing/);
});

t.test('a path has one reading or none in HTTP/2, too', async (t) => {
  const gateway = await startTlsGateway(t, { routes: DECIDING_ROUTES });
  // nghttp2 resets what is not even a path.
  const isReset = (target: string): boolean => !target.startsWith('/') && target !== '*';
  await refuseFrames(
    t,
    gateway,
    Object.fromEntries(
      refusedTargets('a.test').map((target) => [
        target,
        [
          change(':path', target),
          ...(isReset(target) ? ['reset'] : target === '*' ? ['path_invalid', 'reset'] : ['path_invalid']),
        ],
      ]),
    ),
  );
});

t.test('credentials are decided on as in HTTP/1.1', async (t) => {
  const gateway = await startTlsGateway(t);
  const token = gateway.token();
  const api = (...more: HeaderPairs): Buffer =>
    headersFrames(1, [...without(':path'), [':path', '/api/x'], ...more]);
  await refuseFrames(t, gateway, {
    none: [api(), 'credentials_missing'],
    'two Authorization headers': [
      api(['authorization', `Bearer ${token}`], ['authorization', `Bearer ${token}`]),
      'ambiguous_credentials',
    ],
    'two in one': [api(['authorization', `Bearer ${token},Bearer ${token}`]), 'token_malformed'],
    'a forged identity': [api(['x-identity-subject', 'root']), 'credentials_missing'],
  });
});

t.test('identity headers of the client never arrive, in trailers neither', async (t) => {
  const { url, ca, seen, token, answer } = await startTlsGateway(t);
  let trailers: string[] = [];
  answer((request, response) =>
    request.on('end', () => {
      trailers = request.rawTrailers;
      response.end('ok');
    }),
  );
  const client = await RawHttp2.open(t, url, ca);
  const forged: HeaderPairs = [
    ['x-identity-subject', 'root'],
    ['x-identity-roles', 'admin'],
    ['client-cert', ':AAAA:'],
    ['x-forwarded-for', '1.2.3.4'],
    ['x-request-id', 'forged'],
    ['te', 'trailers'],
  ];
  client.write(
    headersFrames(
      1,
      [
        [':method', 'POST'],
        ...without(':method', ':path'),
        [':path', '/api/x'],
        ['authorization', `Bearer ${token()}`],
        ['cookie', 'a=1'],
        ['x-b', '1'],
        ['cookie', '__Host-gatehouse-refresh=gtr_secret'],
        ['cookie', 'b=2'],
        ...forged,
      ],
      0,
    ),
    frame(FRAME.DATA, 0, 1, 'body'),
    headersFrames(1, [
      ['x-identity-subject', 'root'],
      ['x_identity_subject', 'root'],
      ['authorization', 'x'],
    ]),
  );
  t.equal(await client.outcome(1), 'answered');
  const of = (name: string): string[] =>
    (seen[0]?.headers ?? []).filter(([n]) => n === name).map(([, value]) => value);
  t.strictSame(of('x-identity-subject'), ['user-1']);
  t.strictSame(of('x-identity-roles'), ['user']);
  t.strictSame(of('x-forwarded-for'), ['127.0.0.1']);
  t.strictSame(of('client-cert'), []);
  t.strictSame(of('te'), []);
  t.strictSame(of('cookie'), ['a=1; b=2'], 'crumbs are one header again, without what is ours');
  t.strictSame(of('host'), ['a.test']);
  t.not(of('x-request-id')[0], 'forged');
  t.strictSame(trailers, []);
  t.equal(seen[0]?.body, 'body');
});

t.test('a body that is not as long as it says is cut off, never ended', async (t) => {
  const { url, ca, seen, answer } = await startTlsGateway(t);
  const upstream = new EventEmitter();
  let open = 0;
  answer((request, response) => {
    open += 1;
    request.once('data', () => upstream.emit('part'));
    request.on('error', () => undefined);
    response.on('close', () => {
      open -= 1;
      upstream.emit('close');
    });
  });
  const lengths: Record<string, Buffer> = {
    'shorter than it says': post([['content-length', '9']], data('four')),
    'longer than it says': post([['content-length', '2']], data('x', 0), data('four')),
  };
  for (const [name, frames] of Object.entries(lengths)) {
    const client = await RawHttp2.open(t, url, ca);
    client.write(frames);
    t.not(await client.outcome(1), 'answered', name);
  }
  for (const code of [0, CANCEL, INTERNAL_ERROR]) {
    const client = await RawHttp2.open(t, url, ca);
    const part = once(upstream, 'part');
    client.write(post([], data('part', 0)));
    await part;
    client.write(frame(FRAME.RST_STREAM, 0, 1, uint32(code)));
    while (open > 0) await once(upstream, 'close');
    t.pass(`reset with ${code}: the upstream is told`);
  }
  t.equal(seen.length, 0, 'none was whole');
});

const many = (count: number, one: Buffer): Buffer => Buffer.concat(Array.from({ length: count }, () => one));

t.test('floods: the connection ends, and others are served', async (t) => {
  const { url, ca, gateway, bytesSeen } = await startTlsGateway(t);
  const good = await RawHttp2.open(t, url, ca);
  let next = 1;
  const stillServes = async (): Promise<string> => {
    good.write(headersFrames(next, PUBLIC));
    next += 2;
    return good.outcome(next - 2);
  };
  const floods: Record<string, (client: RawHttp2) => void> = {
    // CVE-2023-44487
    'rapid reset': (client) => {
      const frames: Buffer[] = [];
      for (let stream = 1; stream < 3000; stream += 2)
        frames.push(headersFrames(stream, PUBLIC), frame(FRAME.RST_STREAM, 0, stream, uint32(CANCEL)));
      client.write(...frames);
    },
    // CVE-2024-27983, CVE-2024-28182
    'CONTINUATION without end': (client) => {
      client.write(frame(FRAME.HEADERS, END_STREAM, 1, headerBlock(PUBLIC)));
      const more = frame(FRAME.CONTINUATION, 0, 1, headerBlock([['x-a', 'b'.repeat(1000)]]));
      client.write(many(2000, more));
    },
    // CVE-2019-9515
    'more SETTINGS than answers go out': (client) => {
      client.write(many(50_000, frame(FRAME.SETTINGS, 0, 0)));
    },
    // CVE-2019-9512
    'more PING than answers go out': (client) => {
      client.write(many(50_000, frame(FRAME.PING, 0, 0, '12345678')));
    },
    // CVE-2019-9518
    'empty DATA': (client) => {
      client.write(headersFrames(1, [[':method', 'POST'], ...without(':method')], 0));
      client.write(many(5000, frame(FRAME.DATA, 0, 1)));
    },
    'HEADERS in upper case': (client) => {
      for (let stream = 1; stream < 3000; stream += 2)
        client.write(headersFrames(stream, [...PUBLIC, ['X-A', 'b']]));
    },
    'a SETTINGS frame of many': (client) => {
      client.write(frame(FRAME.SETTINGS, 0, 0, Buffer.alloc(6 * 1000)));
    },
    'a window past 2^31': (client) => {
      client.write(many(3, frame(FRAME.WINDOW_UPDATE, 0, 0, uint32(2 ** 31 - 1))));
    },
    'a frame over the size': (client) => {
      client.write(frame(FRAME.DATA, 0, 1, 'x'.repeat(20_000)));
    },
    'what is not HTTP/2': (client) => {
      client.socket.write('GET / HTTP/1.1\r\n\r\n'.repeat(10));
    },
  };
  for (const [name, flood] of Object.entries(floods)) {
    const client = await RawHttp2.open(t, url, ca);
    const before = bytesSeen();
    flood(client);
    await client.until(() => client.goawayCode() !== undefined && client.goawayCode() !== 0);
    t.comment(`${name}: GOAWAY ${client.goawayCode() ?? 'none'}, closed ${String(client.isClosed)}`);
    if (!name.startsWith('empty')) t.equal(bytesSeen(), before, `${name}: not a byte at the upstream`);
    client.socket.destroy();
    t.equal(await stillServes(), 'answered', `${name}: another connection is served`);
  }
  t.equal(gateway.readiness().ready, true);
});

t.test('what is opened and reset in one breath is no request: nobody looks at it', async (t) => {
  const { url, ca, gateway, seen } = await startTlsGateway(t);
  const client = await RawHttp2.open(t, url, ca);
  const frames: Buffer[] = [];
  for (let stream = 1; stream < 200; stream += 2)
    frames.push(headersFrames(stream, PUBLIC), frame(FRAME.RST_STREAM, 0, stream, uint32(CANCEL)));
  // All of it is one TLS record, and so one read.
  const written = Buffer.concat(frames);
  t.ok(written.length < 16_384);
  client.write(written, headersFrames(201, PUBLIC));
  t.equal(await client.outcome(201), 'answered');
  const served = async (): Promise<number> => {
    const text = await (await fetch(`${gateway.adminUrl}/metrics`)).text();
    return Number(
      /gatehouse_request_duration_seconds_count\{route="[^"]*\/public\/\*"\} (\d+)/.exec(text)?.[1] ?? 0,
    );
  };
  await eventually(served, (count) => count > 0);
  t.equal(await served(), 1);
  t.equal(seen.length, 1);
});

t.test('more requests at a time than allowed are refused, not queued', async (t) => {
  const { url, ca, answer } = await startTlsGateway(t, { config: { limits: { concurrent_streams: 2 } } });
  const held: (() => void)[] = [];
  answer((_request, response) => held.push(() => response.end('late')));
  const client = await RawHttp2.open(t, url, ca);
  await client.until(() => client.of(FRAME.SETTINGS).length > 1);
  client.write(headersFrames(1, PUBLIC), headersFrames(3, PUBLIC), headersFrames(5, PUBLIC));
  t.equal(await client.outcome(5), 'reset');
  t.equal(client.resetCode(5), 7, 'REFUSED_STREAM');
  while (held.length < 2) await new Promise((resolve) => setTimeout(resolve, 5));
  for (const release of held) release();
  t.equal(await client.outcome(1), 'answered');
  t.equal(await client.outcome(3), 'answered');
});
