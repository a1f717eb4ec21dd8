import { createHmac } from 'node:crypto';
import t, { type Test } from 'tap';
import { type Attempt, refuseAll, send } from '../fixtures/attacks.js';
import { dpopProof, type ProofChanges, type ProofKey, proofKey } from '../fixtures/dpop-proof.js';
import { startTestGateway } from '../fixtures/test-gateway.js';

/** RFC 9449: a token that is bound to a key is worth nothing without a fresh proof of that key. */

const PUBLIC_URL = 'https://api.test';
const HTU = `${PUBLIC_URL}/api/x`;

async function startDpopGateway(t: Test, credentials: unknown[] = ['bearer', 'dpop']) {
  return startTestGateway(t, {
    config: {
      listen: { host: '127.0.0.1', port: 0, public_url: PUBLIC_URL },
      auth: { caller: { issuers: ['main'], credentials } },
    },
  });
}

function withProof(
  key: ProofKey,
  token: string,
  changes: ProofChanges = {},
  request: Partial<{ htm: string; htu: string; token: string }> = {},
): Attempt {
  const proof = dpopProof(key, { htm: 'GET', htu: HTU, token, ...request }, changes);
  return { headers: [`Authorization: DPoP ${token}`, `DPoP: ${proof}`] };
}

t.test('a bound token gets in with a proof of its key, of either kind', async (t) => {
  const { url, token, seen } = await startDpopGateway(t);
  for (const kind of ['ES256', 'EdDSA'] as const) {
    const key = await proofKey(kind);
    const bound = token({ cnf: { jkt: key.jkt } });
    t.equal((await send(url, withProof(key, bound))).status, 200, kind);
    for (const htu of ['HTTPS://API.test:443/api/x', `${HTU}?a=b#c`, `${PUBLIC_URL}/%61pi/x`])
      t.equal((await send(url, withProof(key, bound, {}, { htu }))).status, 200, htu);
  }
  t.notOk(
    seen.some(({ headers }) => headers.some(([name]) => name === 'dpop' || name === 'authorization')),
    'neither token nor proof is forwarded',
  );
});

t.test('proofs that prove nothing, and tokens without theirs', async (t) => {
  const gateway = await startDpopGateway(t);
  const { token, logs } = gateway;
  const key = await proofKey();
  const thief = await proofKey();
  const bound = token({ cnf: { jkt: key.jkt } });
  const other = token({ cnf: { jkt: key.jkt }, sub: 'user-2' });
  const plain = token();
  const good = (): Attempt => withProof(key, bound);
  const nowS = Math.floor(Date.now() / 1000);
  const invalid = [401, 'dpop_invalid'] as const;
  const header = (changes: Record<string, unknown>): Attempt => withProof(key, bound, { header: changes });
  const claims = (changes: Record<string, unknown>): Attempt => withProof(key, bound, { claims: changes });
  const authorization = `Authorization: DPoP ${bound}`;
  const proof = (): string => dpopProof(key, { htm: 'GET', htu: HTU, token: bound });
  const [proofHeader = '', proofClaims = '', proofSignature = ''] = proof().split('.');
  const encode = (part: object): string => Buffer.from(JSON.stringify(part)).toString('base64url');
  const raw = (text: string): Attempt => ({ headers: [authorization, `DPoP: ${text}`] });
  const unsigned = encode({ typ: 'dpop+jwt', alg: 'none', jwk: key.jwk });
  const hmacHeader = encode({ typ: 'dpop+jwt', alg: 'HS256', jwk: { kty: 'oct', k: 'c2VjcmV0' } });
  const hmac = createHmac('sha256', 'secret').update(`${hmacHeader}.${proofClaims}`).digest('base64url');

  await refuseAll(t, gateway, good, {
    'as a plain bearer': { headers: [`Authorization: Bearer ${bound}`], expect: [401, 'token_binding'] },
    'as a plain bearer with its proof': {
      headers: [`Authorization: Bearer ${bound}`, `DPoP: ${proof()}`],
      expect: [401, 'token_binding'],
    },
    'an unbound token with a proof': { ...withProof(key, plain), expect: [401, 'token_binding'] },
    'an unbound bearer with a proof': {
      headers: [`Authorization: Bearer ${plain}`, `DPoP: ${proof()}`],
      expect: [401, 'token_binding'],
    },
    'a stolen token with a proof by the thief': {
      ...withProof(thief, bound),
      expect: [401, 'token_binding'],
    },
    'a thief\u2019s signature under the owner\u2019s key': {
      ...withProof({ ...thief, jwk: key.jwk }, bound),
      expect: invalid,
    },
    'no proof': { headers: [authorization], expect: invalid },
    'two proofs': { headers: [authorization, `DPoP: ${proof()}`, `DPoP: ${proof()}`], expect: invalid },
    'two proofs in one line': { headers: [authorization, `DPoP: ${proof()}, ${proof()}`], expect: invalid },
    'an empty proof': expecting(invalid, raw('')),
    'no JWT': expecting(invalid, raw('abc')),
    'padding in a part': expecting(invalid, raw(`${proofHeader}.${proofClaims}.${proofSignature}=`)),
    'claims swapped': expecting(
      invalid,
      raw(`${proofHeader}.${encode({ jti: 'j', htm: 'GET', htu: HTU, iat: nowS })}.${proofSignature}`),
    ),
    'alg none': expecting(invalid, raw(`${unsigned}.${proofClaims}.`)),
    'alg none with a signature': expecting(invalid, raw(`${unsigned}.${proofClaims}.${proofSignature}`)),
    'a symmetric key': expecting(invalid, raw(`${hmacHeader}.${proofClaims}.${hmac}`)),
    'HS256 over the public key': { ...header({ alg: 'HS256' }), expect: invalid },
    'an alg that is not the key\u2019s': { ...header({ alg: 'EdDSA' }), expect: invalid },
    'a private key in the header': { ...header({ jwk: { ...key.jwk, d: 'AAAA' } }), expect: invalid },
    'no key in the header': { ...header({ jwk: undefined }), expect: invalid },
    'a key id in place of the key': { ...header({ jwk: undefined, kid: key.jkt }), expect: invalid },
    'coordinates in another spelling': {
      ...header({ jwk: { ...key.jwk, x: `${key.jwk.x}=` } }),
      expect: invalid,
    },
    'a key off the curve': {
      ...header({ jwk: { ...key.jwk, x: Buffer.alloc(32, 1).toString('base64url') } }),
      expect: [401, 'token_binding'],
    },
    'typ of a token': { ...header({ typ: 'at+jwt' }), expect: invalid },
    'no typ': { ...header({ typ: undefined }), expect: invalid },
    crit: { ...header({ crit: ['x'], x: 1 }), expect: invalid },
    'b64 false': { ...header({ b64: false }), expect: invalid },
    'htm of another method': { ...claims({ htm: 'POST' }), expect: invalid },
    'htm in lower case': { ...claims({ htm: 'get' }), expect: invalid },
    'no htm': { ...claims({ htm: undefined }), expect: invalid },
    'htu of another path': { ...claims({ htu: `${PUBLIC_URL}/api/y` }), expect: invalid },
    'htu of another case': { ...claims({ htu: `${PUBLIC_URL}/API/x` }), expect: invalid },
    'htu of another host': { ...claims({ htu: 'https://evil.test/api/x' }), expect: invalid },
    'htu over http': { ...claims({ htu: 'http://api.test/api/x' }), expect: invalid },
    'htu of the address behind the name': { ...claims({ htu: `${gateway.url}/api/x` }), expect: invalid },
    'htu with userinfo': { ...claims({ htu: 'https://u@api.test/api/x' }), expect: invalid },
    'htu relative': { ...claims({ htu: '/api/x' }), expect: invalid },
    'htu a list': { ...claims({ htu: [HTU] }), expect: invalid },
    'no htu': { ...claims({ htu: undefined }), expect: invalid },
    'iat a while ago': { ...claims({ iat: nowS - 120 }), expect: invalid },
    'iat in the future': { ...claims({ iat: nowS + 120 }), expect: invalid },
    'iat a string': { ...claims({ iat: String(nowS) }), expect: invalid },
    'no iat': { ...claims({ iat: undefined }), expect: invalid },
    'ath of another token': { ...withProof(key, bound, {}, { token: other }), expect: invalid },
    'no ath': { ...claims({ ath: undefined }), expect: invalid },
    'no jti': { ...claims({ jti: undefined }), expect: invalid },
    'an empty jti': { ...claims({ jti: '' }), expect: invalid },
    'a jti of 4 KB': { ...claims({ jti: 'j'.repeat(4096) }), expect: invalid },
  });
  t.notMatch(logs.join(''), bound.split('.')[1] ?? '-', 'no token in the log');
  t.notMatch(logs.join(''), proofClaims, 'nor a proof');
  t.match(logs.join(''), /"reason":"dpop\.ath"/, 'but the reason');
});

function expecting(expect: readonly [number, string], attempt: Attempt) {
  return { ...attempt, expect };
}

t.test('a proof serves once, however its signature is spelled', async (t) => {
  const { url, token, seen } = await startDpopGateway(t);
  const key = await proofKey();
  const bound = token({ cnf: { jkt: key.jkt } });
  const jti = 'once';
  const first = withProof(key, bound, { claims: { jti } });
  t.equal((await send(url, first)).status, 200);
  const replayed = await send(url, first);
  t.strictSame([replayed.status, replayed.json()['code']], [401, 'dpop_replayed']);
  const respelled = await send(url, withProof(key, bound, { claims: { jti } }));
  t.strictSame(
    [respelled.status, respelled.json()['code']],
    [401, 'dpop_replayed'],
    'another signature, same jti',
  );
  t.equal(seen.length, 1);
  const someoneElse = await proofKey();
  const theirs = token({ cnf: { jkt: someoneElse.jkt } });
  const sameJti = await send(url, withProof(someoneElse, theirs, { claims: { jti } }));
  t.equal(sameJti.status, 200, 'another key\u2019s jti is another jti');
});

t.test('fifty of the same at once: one gets in', async (t) => {
  const { url, token } = await startDpopGateway(t);
  const key = await proofKey();
  const attempt = withProof(key, token({ cnf: { jkt: key.jkt } }));
  const statuses = (await Promise.all(Array.from({ length: 50 }, () => send(url, attempt)))).map(
    (r) => r.status,
  );
  t.equal(statuses.filter((status) => status === 200).length, 1);
  t.equal(statuses.filter((status) => status === 401).length, 49);
});

t.test('bindings that nobody here can check are not met', async (t) => {
  const gateway = await startDpopGateway(t);
  const { token } = gateway;
  const good = (): Attempt => ({ headers: [`Authorization: Bearer ${token()}`] });
  const refused = (cnf: unknown) => ({
    headers: [`Authorization: Bearer ${token({ cnf })}`],
    expect: [401, 'token_binding'] as const,
  });
  await refuseAll(t, gateway, good, {
    'a key id': refused({ kid: 'k' }),
    'an empty object': refused({}),
    'no object': refused('jkt'),
    null: refused(null),
    'a list': refused([{ jkt: 'a' }]),
    'a jkt that is no text': refused({ jkt: 7 }),
    'a certificate, and none is shown': refused({ 'x5t#S256': 'A'.repeat(43) }),
  });
});

t.test('a 401 names the schemes that the route takes', async (t) => {
  const challenge = async (credentials: unknown[], headers: string[]): Promise<string | undefined> => {
    const { url } = await startDpopGateway(t, credentials);
    return (await send(url, { headers })).headers.get('www-authenticate');
  };
  const algs = 'algs="ES256 EdDSA"';
  t.equal(await challenge(['bearer', 'dpop'], []), `Bearer, DPoP ${algs}`);
  t.equal(await challenge(['dpop'], []), `DPoP ${algs}`);
  t.equal(
    await challenge(['dpop'], ['Authorization: Bearer abc']),
    `DPoP ${algs}`,
    'a scheme it does not take',
  );
  t.match(
    await challenge(['bearer', 'dpop'], ['Authorization: DPoP abc']),
    /^DPoP error="invalid_dpop_proof", error_description="[^"]+", algs="ES256 EdDSA", Bearer$/,
  );
  t.match(
    await challenge(['bearer', 'dpop'], ['Authorization: Bearer abc']),
    /^Bearer error="invalid_token", error_description="[^"]+", DPoP algs="ES256 EdDSA"$/,
  );
  t.equal(await challenge(['bearer'], ['Authorization: DPoP abc']), 'Bearer');
});
