import { generateKeyPairSync, sign } from 'node:crypto';
import t from 'tap';
import type { AssertionClaims, Identity } from '../../contracts/identity-headers.js';
import { createAssertionSigner } from '../../gateway/adapters/assertion-signer.js';
import {
  AssertionError,
  type AssertionKeySet,
  assertionKeys,
  verifyAssertion,
} from '../../upstream-kit/index.js';
import { fakeClock } from '../fixtures/fake-clock.js';

const identity: Identity = { kind: 'user', subject: 'ann', scopes: ['orders:read'], roles: [] };
const clock = fakeClock();
const signer = createAssertionSigner({ secret: Buffer.alloc(32, 1), rotationMs: 86_400_000, clock });
const keys = JSON.parse(signer.publicKeys()) as AssertionKeySet;
const text = signer.assert(identity, 'orders');
const check = (token: string, changes: object = {}) =>
  verifyAssertion(token, { audience: 'orders', keys, now: () => clock.now(), ...changes });

const pair = generateKeyPairSync('ec', { namedCurve: 'P-256' });
const forgedKeys = { keys: [{ ...pair.publicKey.export({ format: 'jwk' }), kid: 'forged' }] };
/** Signed by a key that is in the set, and good but for the changes. */
function assertion(header: object, claims: object): string {
  const [, body = ''] = text.split('.');
  const good = JSON.parse(Buffer.from(body, 'base64url').toString()) as AssertionClaims;
  const encode = (part: object) => Buffer.from(JSON.stringify(part)).toString('base64url');
  const whole = { alg: 'ES256', typ: 'gatehouse-identity+jwt', kid: 'forged', ...header };
  const input = `${encode(whole)}.${encode({ ...good, ...claims })}`;
  const how = { key: pair.privateKey, dsaEncoding: 'ieee-p1363' } as const;
  return `${input}.${sign('sha256', Buffer.from(input), how).toString('base64url')}`;
}

t.test("the gateway's assertion is read", async (t) => {
  t.match(await check(text), { sub: 'ann', aud: 'orders', identity });
  t.match(
    await check(assertion({}, {}), { keys: forgedKeys }),
    { sub: 'ann' },
    'as the changed ones below would be',
  );
});

t.test('anything else is refused, whatever is wrong with it', async (t) => {
  const nowS = Math.floor(clock.now() / 1000);
  for (const [name, token, changes] of [
    ['for another upstream', text, { audience: 'profile' }],
    ['after its time', text, { now: () => clock.now() + 91_000 }],
    ['of a key that is not there', text, { keys: { keys: [] } }],
    [
      'by another key of the same id',
      text,
      { keys: { keys: [{ ...forgedKeys.keys[0], kid: keys.keys[0]?.['kid'] }] } },
    ],
    ['changed', text.replace(/\.(.)/, (_, first: string) => `.${first === 'e' ? 'f' : 'e'}`), {}],
    ['no JWT', 'x', {}],
    ['endless', `${'a'.repeat(20_000)}.b.c`, {}],
    ['another algorithm', assertion({ alg: 'HS256' }, {}), { keys: forgedKeys }],
    ['no algorithm', assertion({ alg: 'none' }, {}), { keys: forgedKeys }],
    ['another type', assertion({ typ: 'at+jwt' }, {}), { keys: forgedKeys }],
    ['critical extensions', assertion({ crit: ['exp'] }, {}), { keys: forgedKeys }],
    ['another issuer', assertion({}, { iss: 'https://id.example' }), { keys: forgedKeys }],
    ['a list of audiences', assertion({}, { aud: ['orders'] }), { keys: forgedKeys }],
    ['no expiry', assertion({}, { exp: undefined }), { keys: forgedKeys }],
    ['an expiry in words', assertion({}, { exp: 'later' }), { keys: forgedKeys }],
    ['from the future', assertion({}, { iat: nowS + 31 }), { keys: forgedKeys }],
  ] as const) {
    await t.rejects(check(token, changes), AssertionError, name);
  }
});

t.test('keys are fetched once, again for a new one, and not for every forged one', async (t) => {
  let calls = 0;
  let nowMs = clock.now();
  let served: AssertionKeySet = keys;
  const find = assertionKeys('https://gateway.test/.well-known/gatehouse/jwks.json', {
    now: () => nowMs,
    fetch: () => {
      calls += 1;
      return Promise.resolve(Response.json(served));
    },
  });
  await Promise.all([check(text, { keys: find }), check(text, { keys: find })]);
  t.equal(calls, 1);
  const later = assertion({}, {});
  await t.rejects(check(later, { keys: find }), AssertionError, 'asked a moment ago');
  t.equal(calls, 1);
  served = { keys: [...keys.keys, ...forgedKeys.keys] };
  nowMs += 10_000;
  t.match(await check(later, { keys: find }), { sub: 'ann' });
  t.equal(calls, 2);
});
