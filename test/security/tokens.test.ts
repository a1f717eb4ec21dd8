import { constants, createHmac, generateKeyPairSync, sign } from 'node:crypto';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { exportJWK } from 'jose';
import t from 'tap';
import { type Attack, type Attempt, refuseAll } from '../fixtures/attacks.js';
import { startTestGateway } from '../fixtures/test-gateway.js';
import { goodClaims, signToken, testKey } from '../fixtures/test-issuer.js';

/** RFC 8725 and the advisories behind it: every way in that is not a valid token of the issuer. */

const b64 = (value: string | Buffer): string => Buffer.from(value).toString('base64url');
const bearer = (text: string): Attempt => ({ headers: [`Authorization: Bearer ${text}`] });
const json = (value: unknown): string => b64(JSON.stringify(value));

t.test('tokens that must not get in, each with its own code and not a byte at the upstream', async (t) => {
  const gateway = await startTestGateway(t);
  const { token, key, issuer, seen } = gateway;
  const good = token();
  const [header = '', payload = '', signature = ''] = good.split('.');
  const claims = goodClaims(issuer, Date.now());
  const nowS = Math.floor(Date.now() / 1000);
  const pem = key.publicKey.export({ type: 'spki', format: 'pem' }).toString();
  const other = await testKey();
  const rsa = generateKeyPairSync('rsa', { modulusLength: 2048 });
  const ed = generateKeyPairSync('ed25519');

  const hmac = (secret: string | Buffer): string => {
    const input = `${json({ alg: 'HS256', typ: 'at+jwt', kid: key.kid })}.${json(claims)}`;
    return `${input}.${createHmac('sha256', secret).update(input).digest('base64url')}`;
  };
  const withAlg = (alg: string, signer: (input: Buffer) => Buffer): string => {
    const input = `${json({ alg, typ: 'at+jwt', kid: key.kid })}.${json(claims)}`;
    return `${input}.${b64(signer(Buffer.from(input)))}`;
  };
  const none = (alg: string): string => `${json({ alg, typ: 'at+jwt', kid: key.kid })}.${json(claims)}.`;
  const signatureOf = (bytes: Buffer): string => `${header}.${payload}.${b64(bytes)}`;
  const raw = Buffer.from(signature, 'base64url');
  const order = Buffer.from('ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551', 'hex');
  const zero = Buffer.alloc(32);
  const der = sign('sha256', Buffer.from(`${header}.${payload}`), {
    key: key.privateKey,
    dsaEncoding: 'der',
  });
  const deep = `${'['.repeat(3000)}${']'.repeat(3000)}`;

  const cases: Record<string, [code: string, token: string]> = {
    'alg none': ['token_alg', none('none')],
    'alg NoNe': ['token_alg', none('NoNe')],
    'alg NONE': ['token_alg', none('NONE')],
    'alg none with the signature left on': [
      'token_alg',
      `${json({ alg: 'none', typ: 'at+jwt', kid: key.kid })}.${payload}.${signature}`,
    ],
    'HS256 keyed with the public key': ['token_alg', hmac(pem)],
    'HS256 keyed with nothing': ['token_alg', hmac('')],
    RS256: ['token_alg', withAlg('RS256', (input) => sign('sha256', input, rsa.privateKey))],
    PS256: [
      'token_alg',
      withAlg('PS256', (input) =>
        sign('sha256', input, {
          key: rsa.privateKey,
          padding: constants.RSA_PKCS1_PSS_PADDING,
          saltLength: 32,
        }),
      ),
    ],
    'ES256 with a space': ['token_alg', signToken(key, claims, { alg: 'ES256 ' })],
    EdDSA: ['token_alg', withAlg('EdDSA', (input) => sign(null, input, ed.privateKey))],
    ES384: ['token_alg', signToken(key, claims, { alg: 'ES384' })],
    'alg missing': ['token_alg', signToken(key, claims, { alg: undefined })],
    'alg not a string': ['token_alg', signToken(key, claims, { alg: ['ES256'] })],
    'crit unknown': ['token_crit', signToken(key, claims, { crit: ['x'], x: 1 })],
    'crit empty': ['token_crit', signToken(key, claims, { crit: [] })],
    'crit twice the same': ['token_crit', signToken(key, claims, { crit: ['exp', 'exp'] })],
    'crit no list': ['token_crit', signToken(key, claims, { crit: 'exp' })],
    'b64 false on its own': ['token_crit', signToken(key, claims, { b64: false })],
    'b64 false': ['token_crit', signToken(key, claims, { b64: false, crit: ['b64'] })],
    'kid of nobody': ['token_kid', signToken(key, claims, { kid: 'nobody' })],
    'kid __proto__': ['token_kid', signToken(key, claims, { kid: '__proto__' })],
    'kid a path': ['token_kid', signToken(key, claims, { kid: '../../dev/null' })],
    'kid SQL': ['token_kid', signToken(key, claims, { kid: "' OR 1=1 --" })],
    'kid a number': ['token_kid', signToken(key, claims, { kid: 7 })],
    'kid of 4 KB': ['token_kid', signToken(key, claims, { kid: 'k'.repeat(4096) })],
    'signed by another key under our kid': ['token_signature', signToken({ ...other, kid: key.kid }, claims)],
    'typ JWT': ['token_type', signToken(key, claims, { typ: 'JWT' })],
    'typ of an ID token': ['token_type', signToken(key, { ...claims, at_hash: 'x' }, { typ: 'JWT' })],
    'ID token that calls itself an access token': ['token_type', signToken(key, { ...claims, at_hash: 'x' })],
    'typ of a refresh token': ['token_type', signToken(key, claims, { typ: 'rt+jwt' })],
    'typ a list': ['token_type', signToken(key, claims, { typ: ['at+jwt'] })],
    'a refresh token': ['token_malformed', `gtr_${'A'.repeat(80)}`],
    'typ missing': ['token_type', signToken(key, claims, { typ: undefined })],
    'one part': ['token_malformed', header],
    'two parts': ['token_malformed', `${header}.${payload}`],
    'four parts': ['token_malformed', `${good}.x`],
    'five parts': ['token_malformed', `${good}.x.y`],
    JWE: [
      'token_malformed',
      [json({ alg: 'dir', enc: 'A256GCM', kid: key.kid }), '', 'AAAA', payload, 'AAAA'].join('.'),
    ],
    'JSON serialisation': ['token_malformed', JSON.stringify({ protected: header, payload, signature })],
    'empty header': ['token_malformed', `.${payload}.${signature}`],
    'empty payload': ['token_malformed', `${header}..${signature}`],
    'signature missing': ['token_signature', `${header}.${payload}.`],
    padding: ['token_malformed', `${good}=`],
    'slash for underscore': ['token_malformed', `${header}.${payload}/.${signature}`],
    'a tab in the middle': ['token_malformed', `${header}\t.${payload}.${signature}`],
    'a dot at the end': ['token_malformed', `${good}.`],
    'plus for minus': ['token_malformed', `${header}.${payload}+.${signature}`],
    'junk bits at the end': [
      'token_malformed',
      `${header}.${payload}.${signature.slice(0, -1)}${signature.endsWith('B') ? 'D' : 'B'}`,
    ],
    'payload an array': ['token_malformed', signToken(key, '[]')],
    'payload a string': ['token_malformed', signToken(key, '"x"')],
    'payload no JSON': ['token_malformed', signToken(key, '{')],
    'a claim twice': [
      'token_malformed',
      signToken(key, JSON.stringify(claims).replace('{', '{"sub":"root",')),
    ],
    'a claim twice, once escaped': [
      'token_malformed',
      signToken(key, JSON.stringify(claims).replace('{', '{"s\\u0075b":"root",')),
    ],
    'bad UTF-8': [
      'token_malformed',
      `${header}.${b64(Buffer.from([0x7b, 0x22, 0xff, 0x22, 0x3a, 0x31, 0x7d]))}.${signature}`,
    ],
    'depth of thousands': [
      'token_malformed',
      signToken(key, JSON.stringify(claims).replace('}', `,"x":${deep}}`)),
    ],
    'signature of 63 bytes': ['token_signature', signatureOf(raw.subarray(0, 63))],
    'signature of 65 bytes': ['token_signature', signatureOf(Buffer.concat([raw, Buffer.from([0])]))],
    'signature of 66 bytes': ['token_signature', signatureOf(Buffer.concat([raw, Buffer.from([0, 0])]))],
    'signature in DER': ['token_signature', signatureOf(der)],
    'r of 0': ['token_signature', signatureOf(Buffer.concat([zero, raw.subarray(32)]))],
    's of 0': ['token_signature', signatureOf(Buffer.concat([raw.subarray(0, 32), zero]))],
    'r and s of 0': ['token_signature', signatureOf(Buffer.alloc(64))],
    'r of n': ['token_signature', signatureOf(Buffer.concat([order, raw.subarray(32)]))],
    'r above n': ['token_signature', signatureOf(Buffer.concat([Buffer.alloc(32, 0xff), raw.subarray(32)]))],
    's above n': [
      'token_signature',
      signatureOf(Buffer.concat([raw.subarray(0, 32), Buffer.alloc(32, 0xff)])),
    ],
    'r and s swapped': [
      'token_signature',
      signatureOf(Buffer.concat([raw.subarray(32), raw.subarray(0, 32)])),
    ],
    's of n': ['token_signature', signatureOf(Buffer.concat([raw.subarray(0, 32), order]))],
    'one bit off': [
      'token_signature',
      signatureOf(Buffer.concat([Buffer.from([(raw[0] ?? 0) ^ 1]), raw.subarray(1)])),
    ],
    'claims swapped': ['token_signature', `${header}.${json({ ...claims, sub: 'root' })}.${signature}`],
    'exp missing': ['token_claims', token({ exp: undefined })],
    'exp a string': ['token_claims', token({ exp: String(nowS + 60) })],
    'exp passed': ['token_expired', token({ exp: nowS - 31, iat: nowS - 900 })],
    'exp 1e400': ['token_claims', signToken(key, JSON.stringify(claims).replace(/"exp":\d+/, '"exp":1e400'))],
    'iat in the future': ['token_claims', token({ iat: nowS + 60 })],
    'nbf in the future': ['token_claims', token({ nbf: nowS + 60 })],
    'lifetime too long': ['token_claims', token({ exp: nowS + 31 * 86_400 })],
    'iss of another case': ['token_claims', token({ iss: issuer.toUpperCase() })],
    'iss with a slash': ['token_claims', token({ iss: `${issuer}/` })],
    'iss an array': ['token_claims', token({ iss: [issuer] })],
    'aud of another case': ['token_claims', token({ aud: 'URN:gatehouse:api' })],
    'aud a part of ours': ['token_claims', token({ aud: 'urn:gatehouse' })],
    'aud a list without us': ['token_claims', token({ aud: ['urn:other', 'urn:gatehouse:api2'] })],
    'aud a list with more than text': ['token_claims', token({ aud: ['urn:gatehouse:api', 7] })],
    'aud an object': ['token_claims', token({ aud: { 'urn:gatehouse:api': true } })],
    'iss missing': ['token_claims', token({ iss: undefined })],
    'aud missing': ['token_claims', token({ aud: undefined })],
    'sub empty': ['token_claims', token({ sub: '' })],
    'sub an array': ['token_claims', token({ sub: ['root'] })],
    'sub with a line feed': ['token_claims', token({ sub: 'a\nx-identity-roles: admin' })],
    'sub with NUL': ['token_claims', token({ sub: 'root\u0000' })],
    'sub half a surrogate pair': [
      'token_claims',
      signToken(key, JSON.stringify(claims).replace('"user-1"', '"\\ud800"')),
    ],
    'sub an object': ['token_claims', token({ sub: { toString: 'root' } })],
    'sub missing': ['token_claims', token({ sub: undefined })],
    'jti an array': ['token_claims', token({ jti: ['a'] })],
    'jti with CR': ['token_claims', token({ jti: 'a\r' })],
    'iat missing': ['token_claims', token({ iat: undefined })],
    'client_id missing': ['token_claims', token({ client_id: undefined })],
    'exp negative': ['token_claims', token({ exp: -1 })],
    'exp null': ['token_claims', token({ exp: null })],
    'roles with an empty one': ['token_claims', token({ roles: ['user', ''] })],
    '__proto__ as a claim': [
      'token_malformed',
      signToken(key, JSON.stringify(claims).replace('{', '{"__proto__":{"sub":"root"},')),
    ],
    'sub of 8 KB': ['token_malformed', token({ sub: 's'.repeat(8192) })],
    'sub of 2 KB': ['token_claims', token({ sub: 's'.repeat(2048) })],
    'jti missing': ['token_claims', token({ jti: undefined })],
    'jti empty': ['token_claims', token({ jti: '' })],
    'sid missing': ['token_claims', token({ sid: undefined })],
    'ver missing': ['token_claims', token({ ver: undefined })],
    'ver a string': ['token_claims', token({ ver: '9' })],
    'roles a string': ['token_claims', token({ roles: 'admin' })],
  };

  const attacks = Object.entries(cases).map(([name, [code, text]]) => [
    name,
    { ...bearer(text), expect: [401, code] },
  ]);
  const replies = await refuseAll(
    t,
    gateway,
    () => bearer(good),
    Object.fromEntries(attacks) as Record<string, Attack>,
  );
  for (const [name, { headers }] of replies)
    t.match(headers.get('www-authenticate'), /^Bearer error="invalid_token"/, `${name}: challenge`);
  t.equal(seen.length, attacks.length, 'the upstream saw the good ones only');
});

t.test('a token that names no key, while its issuer has several', async (t) => {
  const { url, issuer, key, answerKeys, token, seen } = await startTestGateway(t);
  const second = await testKey();
  const send = async (text: string) => {
    const reply = await fetch(`${url}/api/x`, { headers: { authorization: `Bearer ${text}` } });
    return reply.status === 200 ? 200 : ((await reply.json()) as { code: string }).code;
  };
  const nameless = () => token({}, { kid: undefined });
  t.equal(await send(nameless()), 200, 'there is only one that it can be');
  answerKeys((_request, response) => response.end(JSON.stringify({ keys: [key.jwk, second.jwk] })));
  t.equal(await send(signToken(second, goodClaims(issuer, Date.now()))), 200, 'a new key, fetched when met');
  t.equal(await send(nameless()), 'token_kid');
  t.equal(await send(token()), 200);
  t.equal(seen.length, 3);
});

t.test('what could never verify is not a reason to ask the issuer for keys', async (t) => {
  const { url, token, keyFetches } = await startTestGateway(t);
  const send = async (header: Record<string, unknown>) => {
    const text = token({}, header);
    const reply = await fetch(`${url}/api/x`, { headers: { authorization: `Bearer ${text}` } });
    return ((await reply.json()) as { code: string }).code;
  };
  for (const kid of ['', 7, null, ['x'], 'k'.repeat(257)]) t.equal(await send({ kid }), 'token_kid');
  for (const alg of ['none', 'HS256', 'RS256']) t.equal(await send({ alg, kid: 'nobody' }), 'token_alg');
  t.equal(keyFetches(), 1);
  t.equal(await send({ kid: 'nobody' }), 'token_kid');
  t.equal(keyFetches(), 2);
});

t.test('the key decides the algorithm, also among those that its issuer may use', async (t) => {
  const [es, rs] = [await testKey(), generateKeyPairSync('rsa', { modulusLength: 2048 })];
  const rsJwk = { ...(await exportJWK(rs.publicKey)), kid: 'rs', alg: 'RS256' };
  const { url, issuer, seen } = await startTestGateway(t, {
    config: {
      issuers: {
        main: {
          issuer: 'http://issuer.test',
          audience: 'urn:gatehouse:api',
          algorithms: ['ES256', 'RS256', 'PS256'],
          jwks: { keys: [es.jwk, rsJwk] },
        },
      },
    },
  });
  const signed = (header: object, signer: (input: Buffer) => Buffer): string => {
    const input = `${json({ typ: 'at+jwt', ...header })}.${json(goodClaims(issuer, Date.now()))}`;
    return `${input}.${b64(signer(Buffer.from(input)))}`;
  };
  const pss = { key: rs.privateKey, padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: 32 };
  const send = async (text: string) => {
    const reply = await fetch(`${url}/api/x`, { headers: { authorization: `Bearer ${text}` } });
    return reply.status === 200 ? 200 : ((await reply.json()) as { code: string }).code;
  };
  const rsa = (input: Buffer) => sign('sha256', input, rs.privateKey);
  t.equal(await send(signed({ alg: 'RS256', kid: 'rs' }, rsa)), 200);
  t.equal(
    await send(signed({ alg: 'PS256', kid: 'rs' }, (input) => sign('sha256', input, pss))),
    'token_alg',
  );
  t.equal(await send(signed({ alg: 'RS256', kid: es.kid }, rsa)), 'token_alg');
  t.equal(await send(signed({ alg: 'ES256', kid: 'rs' }, rsa)), 'token_alg');
  t.equal(seen.length, 1);
});

t.test('a header that points to a key is ignored, and nobody is called', async (t) => {
  const { url, issuer } = await startTestGateway(t);
  const attacker = await testKey();
  let calls = 0;
  const server = createServer((_request, response) => {
    calls += 1;
    response.end(JSON.stringify({ keys: [attacker.jwk] }));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.teardown(() => server.close());
  const jku = `http://127.0.0.1:${(server.address() as AddressInfo).port}/jwks`;
  for (const header of [{ jku }, { x5u: jku }, { jwk: attacker.jwk }, { x5c: ['MIIB'] }]) {
    const text = signToken(attacker, goodClaims(issuer, Date.now()), header);
    const reply = await fetch(`${url}/api/x`, { headers: { authorization: `Bearer ${text}` } });
    t.match(await reply.json(), { status: 401, code: 'token_kid' });
  }
  t.equal(calls, 0);
});

t.test('one credential, sent one way', async (t) => {
  const { url, token, seen } = await startTestGateway(t);
  const { rawRequest } = await import('../fixtures/raw-http.js');
  const good = token();
  const send = async (...headers: string[]) => {
    const reply = await rawRequest(url, 'GET', '/api/x', headers);
    return reply.status === 200 ? 200 : [reply.status, reply.json()['code']];
  };
  t.same(await send(`Authorization: Bearer ${good}`, `Authorization: Bearer ${good}`), [
    400,
    'ambiguous_credentials',
  ]);
  t.same(await send(`Authorization: Bearer ${good},Bearer ${good}`), [401, 'token_malformed']);
  t.same(await send('Authorization: Basic dXNlcjpwYXNz'), [401, 'credentials_missing']);
  t.same(await send(`Cookie: access_token=${good}`), [401, 'credentials_missing']);
  t.equal(seen.length, 0);
  t.equal(await send(`authorization: bearer ${good}`), 200);
});

t.test('the other spelling of a signature does not un-revoke a token', async (t) => {
  const { url, token, feed, issuer } = await startTestGateway(t);
  const good = token({ jti: 'j-9', sid: 's-9' });
  feed.revoke({ kind: 'token', iss: issuer, jti: 'j-9', exp: Math.floor(Date.now() / 1000) + 1000 });
  const [header, payload, signature = ''] = good.split('.');
  const bytes = Buffer.from(signature, 'base64url');
  const n = 0xffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551n;
  const s = n - BigInt(`0x${bytes.subarray(32).toString('hex')}`);
  const flipped = Buffer.concat([
    bytes.subarray(0, 32),
    Buffer.from(s.toString(16).padStart(64, '0'), 'hex'),
  ]);
  for (const text of [good, `${header}.${payload}.${flipped.toString('base64url')}`]) {
    const reply = await fetch(`${url}/api/x`, { headers: { authorization: `Bearer ${text}` } });
    t.match(await reply.json(), { code: 'token_revoked' });
  }
});
