import t from 'tap';
import { rawRequest } from '../fixtures/raw-http.js';
import { startTestGateway } from '../fixtures/test-gateway.js';

const header = (seen: { headers: [string, string][] } | undefined, name: string): string[] =>
  (seen?.headers ?? []).filter(([n]) => n === name).map(([, value]) => value);

t.test('a verified caller reaches the upstream, which is told who it is', async (t) => {
  const { url, token, seen, issuer } = await startTestGateway(t);
  const reply = await fetch(`${url}/api/things?x=1`, {
    headers: { authorization: `Bearer ${token({ roles: ['x admin', 'ops'] })}` },
  });
  t.equal(reply.status, 200);
  t.same(await reply.json(), { ok: true });
  const [request] = seen;
  t.equal(request?.url, '/api/things?x=1');
  t.same(header(request, 'x-identity-subject'), ['user-1']);
  t.same(header(request, 'x-identity-issuer'), [issuer]);
  t.same(header(request, 'x-identity-kind'), ['user']);
  t.same(header(request, 'x-identity-scopes'), ['orders:read']);
  t.same(header(request, 'x-identity-roles'), ['x%20admin ops'], 'a role with a space stays one');
  t.same(header(request, 'authorization'), [], 'the token is not passed on');
  t.same(header(request, 'x-forwarded-for'), ['127.0.0.1']);
  t.same(header(request, 'x-request-id'), [reply.headers.get('x-request-id')]);
});

t.test('no token, a bad one and one that may not are told apart', async (t) => {
  const { url, token, seen } = await startTestGateway(t, {
    routes: [
      {
        path: '/scoped',
        methods: ['GET'],
        auth: { profile: 'caller', scopes: ['orders:write'] },
        upstream: 'app',
      },
      { path: '/admin', methods: ['GET'], auth: { profile: 'caller', roles: ['admin'] }, upstream: 'app' },
    ],
  });
  const get = async (path: string, authorization?: string) => {
    const reply = await fetch(url + path, { headers: authorization === undefined ? {} : { authorization } });
    const { code } = (await reply.json()) as { code: string };
    return { status: reply.status, code, challenge: reply.headers.get('www-authenticate') };
  };
  t.same(await get('/admin'), { status: 401, code: 'credentials_missing', challenge: 'Bearer' });
  t.match(await get('/admin', 'Bearer x.y.z'), {
    status: 401,
    code: 'token_malformed',
    challenge: /^Bearer error="invalid_token"/,
  });
  t.same(await get('/admin', `bearer ${token()}`), {
    status: 403,
    code: 'insufficient_role',
    challenge: null,
  });
  t.match(await get('/scoped', `Bearer ${token()}`), {
    status: 403,
    code: 'insufficient_scope',
    challenge: /error="insufficient_scope".*scope="orders:write"/,
  });
  t.equal(seen.length, 0, 'nothing reached the upstream');
});

t.test('a revoked token is refused at once, on the next request', async (t) => {
  const { url, token, feed, issuer, seen } = await startTestGateway(t);
  const exp = Math.floor(Date.now() / 1000) + 1000;
  const status = async (authorization: string) => {
    const reply = await fetch(`${url}/api/x`, { headers: { authorization } });
    return reply.status === 200 ? 200 : ((await reply.json()) as { code: string }).code;
  };
  const cases = [
    ['token', token({ jti: 'j-1', sid: 's-1' }), { kind: 'token', iss: issuer, jti: 'j-1', exp }],
    ['session', token({ sid: 's-2' }), { kind: 'session', iss: issuer, sid: 's-2', exp }],
    [
      'subject',
      token({ sid: 's-3', sub: 'u-3', ver: 4 }),
      { kind: 'subject', iss: issuer, sub: 'u-3', ver: 5, exp },
    ],
    [
      'not-before',
      token({ sid: 's-4', sub: 'u-4' }),
      { kind: 'not-before', iss: issuer, sub: 'u-4', before: exp, exp },
    ],
  ] as const;
  for (const [kind, text, entry] of cases) {
    t.equal(await status(`Bearer ${text}`), 200, `${kind}: good before`);
    feed.revoke(entry);
    t.equal(await status(`Bearer ${text}`), 'token_revoked', `${kind}: refused after`);
  }
  t.equal(seen.length, cases.length);
  t.equal(
    await status(`Bearer ${token({ sid: 's-3', sub: 'u-3', ver: 5 })}`),
    200,
    'a newer version is good',
  );
});

t.test('what the upstream answers comes back whole, but for hop-by-hop and identity headers', async (t) => {
  const { url, answer } = await startTestGateway(t);
  answer((_request, response) => {
    response.writeHead(201, {
      'x-identity-subject': 'evil',
      'x-own': 'yes',
      'set-cookie': ['a=1', 'b=2'],
      connection: 'x-hop',
      'x-hop': '1',
    });
    response.end('made');
  });
  const reply = await rawRequest(url, 'GET', '/public/x');
  t.equal(reply.status, 201);
  t.equal(reply.body, 'made');
  t.equal(reply.headers.get('x-own'), 'yes');
  t.notOk(reply.headers.has('x-identity-subject'));
  t.notOk(reply.headers.has('x-hop'));
  const cookies = (await fetch(`${url}/public/x`)).headers.getSetCookie();
  t.same(cookies, ['a=1', 'b=2']);
});

t.test('bodies stream both ways, and a route holds them to its limit', async (t) => {
  const { url, seen, answer } = await startTestGateway(t, {
    routes: [{ path: '/public/*', methods: ['POST'], auth: 'public', upstream: 'app', max_body: '1KiB' }],
  });
  answer((request, response) => {
    request.on('end', () => response.end('ok'));
  });
  const small = await fetch(`${url}/public/x`, { method: 'POST', body: 'x'.repeat(1024) });
  t.equal(small.status, 200);
  t.equal(seen[0]?.body.length, 1024);
  const declared = await fetch(`${url}/public/x`, { method: 'POST', body: 'x'.repeat(1025) });
  t.match(await declared.json(), { status: 413, code: 'body_too_large' });
  const chunked = await rawRequest(
    url,
    'POST',
    '/public/x',
    ['Transfer-Encoding: chunked'],
    `401\r\n${'x'.repeat(1025)}\r\n0\r\n\r\n`,
  );
  t.equal(chunked.status, 413);
  t.match(chunked.json(), { code: 'body_too_large' });
  t.equal(seen.length, 1, 'the upstream got no such body whole');
});

t.test('a path and a method that have no route', async (t) => {
  const { url } = await startTestGateway(t);
  const none = await fetch(`${url}/nowhere`);
  t.match(await none.json(), { status: 404, code: 'route_not_found' });
  const put = await fetch(`${url}/public/x`, { method: 'PUT' });
  t.match(await put.json(), { status: 405, code: 'method_not_allowed' });
  t.equal(put.headers.get('allow'), 'GET, HEAD, POST');
  t.equal((await rawRequest(url, 'PROPFIND', '/public/x')).status, 501);
  t.equal((await rawRequest(url, 'TRACE', '/public/x')).status, 405);
});

t.test('no token, no secret and no claim in the log', async (t) => {
  const { url, token, logs } = await startTestGateway(t);
  const good = token({ sub: 'subject-to-hide' });
  await fetch(`${url}/api/x?secret=query-to-hide`, {
    headers: { authorization: `Bearer ${good}`, cookie: 'c=cookie-to-hide' },
  });
  await fetch(`${url}/api/x`, { headers: { authorization: `Bearer ${good}x` } });
  const text = logs.join('');
  t.match(text, /"route":"GET\|POST\|PUT\|DELETE \/api\/\*"/, 'there is a line for the request');
  for (const secret of [good, 'subject-to-hide', 'query-to-hide', 'cookie-to-hide']) t.notMatch(text, secret);
});
