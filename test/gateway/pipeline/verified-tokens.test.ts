import t from 'tap';
import { createVerifiedTokenCache } from '../../../gateway/adapters/verified-token-cache.js';
import type { Issuer } from '../../../gateway/pipeline/issuer.js';
import type { KeySource, VerificationKey } from '../../../gateway/pipeline/ports.js';
import type { Presented } from '../../../gateway/pipeline/states.js';
import { verifyToken } from '../../../gateway/pipeline/verify-token.js';
import { compileIssuers } from '../../fixtures/issuer-config.js';
import { goodClaims, signToken, type TestKey, testKey } from '../../fixtures/test-issuer.js';

const ISSUER = 'https://id.test';
const NOW_MS = Date.UTC(2030, 0, 1);

/** The verify stage over keys that the test holds in its hand, counting the signatures that are looked at. */
async function setUp() {
  const key = await testKey();
  let signatures = 0;
  const heldKey = ({ kid }: TestKey): VerificationKey => ({
    kid,
    alg: 'ES256',
    verifies: () => {
      signatures += 1;
      return true;
    },
  });
  const state = { held: [heldKey(key)], available: true };
  const keys: KeySource = {
    find: (kid) =>
      kid === undefined && state.held.length > 1
        ? undefined
        : state.held.find((k) => k.kid === (kid ?? k.kid)),
    fetchMissing: async () => 'absent',
    isRevoked: () => false,
    get available() {
      return state.available;
    },
  };
  const issuers = () =>
    compileIssuers(
      { x: { issuer: ISSUER, audience: 'urn:gatehouse:api', jwks_uri: 'https://id.test/jwks' } },
      () => keys,
    );
  const cache = createVerifiedTokenCache();
  const verify = async (text: string, accepted: readonly Issuer[], receivedAt = NOW_MS) => {
    const before = signatures;
    // The stage looks at nothing else of the request.
    const presented = {
      credential: { text },
      route: { issuers: accepted },
      receivedAt,
    } as unknown as Presented;
    const { token } = await verifyToken(presented, cache);
    return { token, signatures: signatures - before };
  };
  const sign = (changes: object = {}, header: object = {}) =>
    signToken(key, goodClaims(ISSUER, NOW_MS, { ...changes }), { ...header });
  return { key, state, heldKey, issuers, cache, verify, sign };
}

t.test('a token that has verified costs a look-up the next time, and says the same', async (t) => {
  const { issuers, verify, sign } = await setUp();
  const [accepted, text] = [issuers(), sign()];
  const first = await verify(text, accepted);
  const second = await verify(text, accepted);
  t.strictSame([first.signatures, second.signatures], [1, 0]);
  t.equal(second.token, first.token);
});

t.test('a token that has not verified is not remembered', async (t) => {
  const { issuers, verify, sign, cache } = await setUp();
  for (const text of [
    sign({ aud: 'other' }),
    sign({ exp: NOW_MS / 1000 - 31 }),
    sign({}, { kid: 'unknown' }),
    'x.y.z',
  ])
    await t.rejects(verify(text, issuers()));
  t.equal(cache.entries, 0);
});

t.test('remembered, then expired: refused to the second', async (t) => {
  const { issuers, verify, sign, cache } = await setUp();
  const [accepted, text] = [issuers(), sign({ exp: NOW_MS / 1000 + 60 })];
  await verify(text, accepted);
  t.equal((await verify(text, accepted, NOW_MS + 89_999)).signatures, 0, 'within the leeway');
  await t.rejects(verify(text, accepted, NOW_MS + 90_000), { code: 'token_expired' });
  t.equal(cache.entries, 0);
});

t.test('remembered, then its key withdrawn, replaced, or too old', async (t) => {
  const { issuers, verify, sign, state, heldKey, key } = await setUp();
  const [accepted, text] = [issuers(), sign()];
  await verify(text, accepted);
  state.available = false;
  await t.rejects(verify(text, accepted), { code: 'keys_unavailable' });
  state.available = true;
  await verify(text, accepted);
  state.held = [heldKey(key)];
  t.equal((await verify(text, accepted)).signatures, 1, 'another key under its id is asked');
  state.held = [];
  await t.rejects(verify(text, accepted), { code: 'token_kid' });
});

t.test('remembered without a key id, then there are two keys', async (t) => {
  const { issuers, verify, sign, state, heldKey } = await setUp();
  const [accepted, text] = [issuers(), sign({}, { kid: undefined })];
  await verify(text, accepted);
  t.equal((await verify(text, accepted)).signatures, 0);
  state.held.push(heldKey(await testKey()));
  await t.rejects(verify(text, accepted), { code: 'token_kid' });
});

t.test(
  'what one config has verified another verifies again, and a route that does not accept the issuer refuses',
  async (t) => {
    const { issuers, verify, sign } = await setUp();
    const [before, after, text] = [issuers(), issuers(), sign()];
    await verify(text, before);
    t.equal((await verify(text, after)).signatures, 1);
    const [issuer] = after;
    if (issuer === undefined) throw new Error('no issuer');
    await t.rejects(verify(text, [{ ...issuer, issuer: 'https://other.test' }]), {
      code: 'token_claims',
      reason: 'claims.iss',
    });
    await t.rejects(verify(text, [{ ...issuer, audiences: ['other'] }]), {
      code: 'token_claims',
      reason: 'claims.aud',
    });
  },
);

t.test('the memory is bounded by bytes, and what was used last stays', async (t) => {
  const cache = createVerifiedTokenCache(100_000);
  const verification = {} as Parameters<typeof cache.set>[1];
  cache.set('first', verification);
  for (let i = 0; i < 1000; i++) {
    cache.set(`token-${i}-${'x'.repeat(i)}`, verification);
    cache.get('first');
  }
  t.ok(cache.bytes <= 100_000, `${cache.bytes} bytes`);
  t.ok(cache.entries > 5 && cache.entries < 50, `${cache.entries} entries`);
  t.ok(cache.get('first'));
  cache.clear();
  t.equal(cache.bytes, 0);
});

t.test('a signature of another length is none, whatever a library makes of it', async (t) => {
  const { issuers, verify, sign } = await setUp();
  const accepted = issuers();
  const [header, payload] = sign().split('.');
  for (const bytes of [0, 63, 65, 66, 70]) {
    const text = `${header}.${payload}.${Buffer.alloc(bytes, 1).toString('base64url')}`;
    await t.rejects(verify(text, accepted), { code: 'token_signature' }, `${bytes} bytes`);
  }
});
