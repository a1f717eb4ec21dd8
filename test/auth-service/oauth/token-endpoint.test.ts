import { decodeJwt, UnsecuredJWT } from 'jose';
import t from 'tap';
import { createLogger } from '../../../kit/logger.js';
import {
  assertion,
  assertionForm,
  basic,
  dpopProof,
  type Form,
  keyPair,
  makeClient,
  postForm,
} from '../../fixtures/oauth-client.js';
import { testPki } from '../../fixtures/pki.js';
import { needsPostgres, testDatabase } from '../../fixtures/postgres.js';
import { bearer, ISSUER, testAuthService } from '../../fixtures/test-auth-service.js';

const GRANT = { grant_type: 'client_credentials' };
const DAY_S = 86_400;

/** A second may begin between the decision how long a token lives and its signature. */
const isAbout = (seconds: number, { exp = 0, iat = 0 }: { exp?: number; iat?: number }): boolean =>
  exp - iat <= seconds && exp - iat >= seconds - 60;

t.test('the token endpoint', needsPostgres, async (t) => {
  const logs: string[] = [];
  const databaseUrl = await testDatabase(t);
  const auth = await testAuthService(t, {
    databaseUrl,
    logger: createLogger('test', { level: 'debug', destination: { write: (line) => void logs.push(line) } }),
  });
  const token = (form: Form, headers?: Record<string, string>) =>
    postForm(auth, '/oauth/token', form, headers);
  const refused = async (form: Form, headers?: Record<string, string>) => {
    const response = await token(form, headers);
    const { 'cache-control': cache, 'content-type': type } = response.headers;
    if (cache !== 'no-store' || type?.startsWith('application/json') !== true) return [cache, type];
    return [response.status, response.json()['error']];
  };
  const scopes = ['orders:read', 'orders:write'];
  const { client_secret: secret = '' } = await makeClient(auth, { client_id: 'orders', scopes });
  const own = basic('orders', secret);

  t.test('gives a service a token that names it, as RFC 9068 has it', async (t) => {
    const response = await token(GRANT, own);
    t.equal(response.status, 200);
    t.equal(response.headers['cache-control'], 'no-store');
    const { access_token, ...rest } = response.json<{ access_token: string }>();
    t.strictSame(rest, { token_type: 'Bearer', expires_in: 900, scope: 'orders:read orders:write' });
    const claims = decodeJwt(access_token);
    t.match(claims, {
      iss: ISSUER,
      sub: 'svc:orders',
      client_id: 'orders',
      aud: 'urn:gatehouse:api',
      scope: 'orders:read orders:write',
      roles: [],
    });
    t.ok(isAbout(900, claims), 'for a quarter of an hour');
  });

  t.test('for up to thirty days where the client says so, and no longer', async (t) => {
    const month = { client_id: 'archive', token_ttl: 30 * DAY_S };
    const { client_secret } = await makeClient(auth, month);
    const response = await token(GRANT, basic('archive', client_secret ?? ''));
    const { access_token } = response.json<{ access_token: string }>();
    t.ok(isAbout(30 * DAY_S, decodeJwt(access_token)));
    const longer = { client_id: 'longer', token_ttl: 30 * DAY_S + 1 };
    t.equal((await auth.admin('POST', '/clients', longer)).status, 400);
  });

  t.test('scopes only narrow', async (t) => {
    const narrowed = await token({ ...GRANT, scope: 'orders:read' }, own);
    t.equal(narrowed.json()['scope'], 'orders:read');
    t.strictSame(await refused({ ...GRANT, scope: 'orders:read admin' }, own), [400, 'invalid_scope']);
    t.strictSame(await refused({ ...GRANT, scope: 'orders:read  orders:write' }, own), [
      400,
      'invalid_scope',
    ]);
    t.equal((await token({ ...GRANT, scope: '' }, own)).status, 200, 'without a value it counts as left out');
  });

  t.test('resource names the audience, within what the client may (RFC 8707)', async (t) => {
    const audiences = ['urn:a', 'https://b.example/'];
    const { client_secret = '' } = await makeClient(auth, { client_id: 'multi', audiences });
    const audienceOf = async (...resources: string[]) => {
      const form = [...Object.entries(GRANT), ...resources.map((uri): [string, string] => ['resource', uri])];
      const response = await token(form, basic('multi', client_secret));
      const { error, access_token } = response.json<{ error?: string; access_token: string }>();
      return error ?? decodeJwt(access_token).aud;
    };
    t.equal(await audienceOf(), 'urn:a');
    t.equal(await audienceOf('https://b.example/'), 'https://b.example/');
    t.strictSame(await audienceOf('https://b.example/', 'urn:a'), ['https://b.example/', 'urn:a']);
    t.equal(await audienceOf('urn:gatehouse:api'), 'invalid_target');
    t.equal(await audienceOf('urn:a', 'urn:c'), 'invalid_target');
  });

  t.test('a form that could be read in two ways, or is none', async (t) => {
    const asJson = { 'content-type': 'application/json', ...own };
    const cases: [string, Form, Record<string, string>, [number, string]][] = [
      ['a parameter twice', 'grant_type=client_credentials&scope=a&scope=b', own, [400, 'invalid_request']],
      ['twice, once empty', 'grant_type=client_credentials&scope=&scope=b', own, [400, 'invalid_request']],
      ['a broken encoding', 'grant_type=client_credentials&scope=%zz', own, [400, 'invalid_request']],
      ['bytes that are no UTF-8', 'grant_type=client_credentials&scope=%ff', own, [400, 'invalid_request']],
      ['a control character', 'grant_type=client_credentials&scope=a%00', own, [400, 'invalid_request']],
      ['a parameter without a name', 'grant_type=client_credentials&=b', own, [400, 'invalid_request']],
      ['no grant type', 'scope=a', own, [400, 'invalid_request']],
      ['no body', '', own, [400, 'invalid_request']],
      ['too long a body', { ...GRANT, scope: 'a'.repeat(20_000) }, own, [413, 'invalid_request']],
      ['JSON', JSON.stringify(GRANT), asJson, [415, 'invalid_request']],
      ['no type', 'grant_type=client_credentials', { ...own, 'content-type': '' }, [415, 'invalid_request']],
      ['an unknown grant', { grant_type: 'urn:x' }, own, [400, 'unsupported_grant_type']],
      ['a name of every object', { grant_type: 'constructor' }, own, [400, 'unsupported_grant_type']],
      [
        'the password grant',
        { grant_type: 'password', username: 'a', password: 'b' },
        own,
        [400, 'unsupported_grant_type'],
      ],
      [
        'a grant that it may not use',
        { grant_type: 'refresh_token', refresh_token: 'x' },
        own,
        [400, 'unauthorized_client'],
      ],
      [
        'the public client for itself',
        { ...GRANT, client_id: 'gatehouse-first-party' },
        {},
        [400, 'unauthorized_client'],
      ],
    ];
    for (const [name, form, headers, expected] of cases)
      t.strictSame(await refused(form, headers), expected, name);
  });

  t.test('a client that does not prove itself is told so, and nothing more', async (t) => {
    const encoded = (text: string) => ({ authorization: `Basic ${Buffer.from(text).toString('base64')}` });
    const cases: [string, Form, Record<string, string>][] = [
      ['a wrong secret', GRANT, basic('orders', `${secret.slice(0, -1)}x`)],
      ['no such client', GRANT, basic('nobody', secret)],
      ['another client\u2019s secret', GRANT, basic('archive', secret)],
      ['the name alone', { ...GRANT, client_id: 'orders' }, {}],
      ['nothing', GRANT, {}],
      ['a bearer token', GRANT, bearer('x')],
      ['no colon', GRANT, encoded('orders')],
      ['no base64', GRANT, { authorization: 'Basic ???' }],
      [
        'a secret for the public client',
        { ...GRANT, client_id: 'gatehouse-first-party', client_secret: secret },
        {},
      ],
      ['a certificate that is none', { ...GRANT, client_id: 'orders' }, { 'client-cert': ':AAAA:' }],
    ];
    const answers = new Set<string>();
    for (const [name, form, headers] of cases) {
      const response = await token(form, headers);
      t.equal(response.status, 401, name);
      t.equal(response.headers['www-authenticate'], 'Basic realm="gatehouse"');
      t.equal(response.json()['error'], 'invalid_client');
      if (!['a bearer token', 'no colon', 'no base64'].includes(name)) answers.add(response.text);
    }
    t.equal(answers.size, 1, 'unknown and wrong read alike');
  });

  t.test('two ways at once are refused, even when both are good', async (t) => {
    const { privateKey, jwk } = keyPair();
    await makeClient(auth, { client_id: 'two-ways', auth_method: 'private_key_jwt', jwk });
    const cases: [string, Form, Record<string, string>][] = [
      ['header and body', { ...GRANT, client_id: 'orders', client_secret: secret }, own],
      ['header and assertion', assertionForm(await assertion('two-ways', privateKey)), own],
      [
        'secret and assertion',
        {
          ...assertionForm(await assertion('two-ways', privateKey)),
          client_id: 'orders',
          client_secret: secret,
        },
        {},
      ],
      ['two names', { ...GRANT, client_id: 'archive' }, own],
      [
        'two names with an assertion',
        { ...assertionForm(await assertion('two-ways', privateKey)), client_id: 'orders' },
        {},
      ],
    ];
    for (const [name, form, headers] of cases) {
      t.strictSame(await refused(form, headers), [400, 'invalid_request'], name);
    }
    t.equal((await token({ ...GRANT, client_id: 'orders' }, own)).status, 200, 'the same name twice is fine');
  });

  t.test('private_key_jwt', async (t) => {
    const [key, foreign, curve] = [keyPair(), keyPair(), keyPair('P-384')];
    await makeClient(auth, { client_id: 'billing', auth_method: 'private_key_jwt', jwk: key.jwk });
    const good = (changes?: object, header?: object) =>
      assertion('billing', key.privateKey, { ...changes }, { ...header });
    const nowS = Math.floor(Date.now() / 1000);

    const once = await good();
    t.equal((await token(assertionForm(once))).status, 200);
    t.strictSame(await refused(assertionForm(once)), [401, 'invalid_client'], 'the same once more');
    const accepted: [string, string][] = [
      ['a type of its own', await good({}, { typ: 'client-authentication+jwt' })],
      ['typ JWT and a key id', await good({}, { typ: 'JWT', kid: 'mine' })],
    ];
    for (const [name, text] of accepted) t.equal((await token(assertionForm(text))).status, 200, name);

    // CVE-2025-27370: what another server takes as well, that server can use here.
    const claims = { iss: 'billing', sub: 'billing', aud: ISSUER, jti: 'j', exp: nowS + 60 };
    const cases: [string, string][] = [
      ['for the token endpoint', await good({ aud: `${ISSUER}/oauth/token` })],
      ['for another server', await good({ aud: 'https://other.example' })],
      ['for us, as a list', await good({ aud: [ISSUER] })],
      ['for us and another', await good({ aud: [ISSUER, 'https://other.example'] })],
      ['for the issuer with a slash', await good({ aud: `${ISSUER}/` })],
      ['for nobody', await good({ aud: undefined })],
      ['expired', await good({ exp: nowS - 31 })],
      ['without an end', await good({ exp: undefined })],
      ['good for an hour', await good({ exp: nowS + 3600 })],
      ['not yet good', await good({ nbf: nowS + 60 })],
      ['without jti', await good({ jti: undefined })],
      ['with an empty jti', await good({ jti: '' })],
      ['with a jti that is a number', await good({ jti: 7 })],
      ['by another issuer', await good({ iss: 'orders' })],
      ['about another client', await good({ sub: 'orders' })],
      ['an access token', await good({}, { typ: 'at+jwt' })],
      ['by a foreign key', await assertion('billing', foreign.privateKey)],
      ['by a key of another curve', await assertion('billing', curve.privateKey, {}, { alg: 'ES384' })],
      [
        'with its own key in the header',
        await assertion('billing', foreign.privateKey, {}, { jwk: foreign.jwk }),
      ],
      [
        'HMAC with the public key',
        await assertion('billing', Buffer.from(JSON.stringify(key.jwk)), {}, { alg: 'HS256' }),
      ],
      ['alg none', new UnsecuredJWT(claims).encode()],
      ['no JWT', 'x.y.z'],
      ['too long', await good({ more: 'x'.repeat(9000) })],
      ['of a client with a secret', await assertion('orders', key.privateKey)],
      ['of no client', await assertion('nobody', key.privateKey)],
    ];
    for (const [name, text] of cases) {
      t.strictSame(await refused(assertionForm(text)), [401, 'invalid_client'], name);
    }
    const otherType = { ...assertionForm(await good()), client_assertion_type: 'urn:x' };
    t.strictSame(await refused(otherType), [401, 'invalid_client'], 'another type of assertion');
    t.equal((await token(assertionForm(await good()))).status, 200, 'a good one right after');
  });

  t.test('an assertion is good once on all instances together', async (t) => {
    const second = await testAuthService(t, { databaseUrl });
    const { privateKey, jwk } = keyPair();
    await makeClient(auth, { client_id: 'raced', auth_method: 'private_key_jwt', jwk });
    const form = assertionForm(await assertion('raced', privateKey));
    const answers = await Promise.all(
      [auth, second, auth, second, auth, second].map((one) => postForm(one, '/oauth/token', form)),
    );
    t.equal(answers.filter(({ status }) => status === 200).length, 1);
  });

  t.test('tls_client_auth: the certificate that the gateway verified, bound into the token', async (t) => {
    const { leaf, expiredLeaf } = await testPki();
    const name = 'spiffe://clients.example/shipping';
    const method = { auth_method: 'tls_client_auth', certificate_name: `URI:${name}` };
    await makeClient(auth, { client_id: 'shipping', ...method });
    const header = (pem: string) => ({
      'client-cert': `:${pem.replace(/-----[^-]+-----|\s/g, '')}:`,
    });
    const form = { ...GRANT, client_id: 'shipping' };
    const { cert } = await leaf('shipping', name);
    const response = await token(form, header(cert));
    t.equal(response.status, 200);
    const { cnf } = decodeJwt(response.json<{ access_token: string }>().access_token);
    t.match(cnf, { 'x5t#S256': /^[\w-]{43}$/ });

    const other = await leaf('other', `${name}2`);
    const cases: [string, Form, Record<string, string>][] = [
      ['another name', form, header(other.cert)],
      ['an expired one', form, header((await expiredLeaf('shipping', name)).cert)],
      ['none', form, {}],
      ['of a client with a secret', { ...GRANT, client_id: 'orders' }, header(cert)],
      ['without saying who', GRANT, header(cert)],
      ['as it is in a PEM file', form, { 'client-cert': cert.replaceAll('\n', ' ') }],
      [
        'two of them',
        form,
        { 'client-cert': `${header(cert)['client-cert']}, ${header(other.cert)['client-cert']}` },
      ],
    ];
    for (const [title, body, headers] of cases) {
      t.strictSame(await refused(body, headers), [401, 'invalid_client'], title);
    }
  });

  t.test('DPoP binds the token to the key that was proved', async (t) => {
    const key = keyPair();
    const { client_secret = '' } = await makeClient(auth, {
      client_id: 'bound',
      dpop_bound_access_tokens: true,
    });
    const bound = basic('bound', client_secret);
    const withProof = async (proof: Promise<string> | string) => ({ ...bound, dpop: await proof });
    const path = '/oauth/token';
    const nowS = Math.floor(Date.now() / 1000);

    const response = await token(GRANT, await withProof(dpopProof(key, path)));
    t.equal(response.json()['token_type'], 'DPoP');
    const { cnf } = decodeJwt(response.json<{ access_token: string }>().access_token);
    t.match(cnf, { jkt: /^[\w-]{43}$/ });
    t.equal(
      (await token(GRANT, await withProof(dpopProof(key, path, { htu: `${ISSUER}${path}?q#f` })))).status,
      200,
    );

    const used = await dpopProof(key, path);
    t.equal((await token(GRANT, await withProof(used))).status, 200);
    const { jwk } = key;
    const cases: [string, Promise<string> | string][] = [
      ['used before', used],
      ['for another path', dpopProof(key, '/oauth/revoke')],
      [
        'for what the request calls itself',
        dpopProof(key, path, { htu: 'https://auth-service/oauth/token' }),
      ],
      ['for another method', dpopProof(key, path, { htm: 'GET' })],
      ['too old', dpopProof(key, path, { iat: nowS - 75 })],
      ['too new', dpopProof(key, path, { iat: nowS + 75 })],
      ['without a time', dpopProof(key, path, { iat: undefined })],
      ['without jti', dpopProof(key, path, { jti: undefined })],
      ['of another type', dpopProof(key, path, {}, { typ: 'JWT' })],
      ['by another key than it shows', dpopProof({ ...keyPair(), jwk }, path)],
      [
        'with the private key in it',
        dpopProof({ ...key, jwk: key.privateKey.export({ format: 'jwk' }) }, path),
      ],
      ['alg none', new UnsecuredJWT({}).encode()],
      ['two proofs', `${await dpopProof(key, path)}, ${await dpopProof(key, path)}`],
    ];
    for (const [name, proof] of cases) {
      t.strictSame(await refused(GRANT, await withProof(proof)), [400, 'invalid_dpop_proof'], name);
    }
    t.strictSame(
      await refused(GRANT, bound),
      [400, 'invalid_dpop_proof'],
      'a client that has to, without a proof',
    );
    t.equal((await token(GRANT, { ...own, dpop: await dpopProof(key, path) })).json()['token_type'], 'DPoP');
  });

  t.test('no secret, assertion or proof in the log', async (t) => {
    const text = logs.join('');
    t.match(text, 'client not authenticated', 'why a client was refused is there');
    for (const part of [secret, 'eyJ', 'gcs_', own.authorization ?? 'Basic ']) t.notMatch(text, part);
  });
});
