import t from 'tap';
import type { KeyRing } from '../../../auth-service/keys/key-ring.js';
import { createVerifyOwnToken } from '../../../auth-service/tokens/access-token.js';
import { Live } from '../../../kit/live.js';
import { goodClaims, signToken, testKey } from '../../fixtures/test-issuer.js';

const ISSUER = 'http://127.0.0.1:8080';
const nowMs = Date.UTC(2030, 0, 1);

t.test(
  'a logout believes our own access tokens, expired or not, and nothing else we may have signed',
  async (t) => {
    const [key, retiring] = [await testKey(), await testKey()];
    const keys = new Live<KeyRing>({
      active: { kid: key.kid, algorithm: 'ES256', privateKeyPem: '', tokensExpireS: 0 },
      verifying: new Map(
        [key, retiring].map(({ kid, publicKey }) => [kid, { algorithm: 'ES256', key: publicKey }]),
      ),
      published: [],
    });
    const verify = createVerifyOwnToken({ issuer: ISSUER, keys });
    const claims = goodClaims(ISSUER, nowMs);
    const expired = goodClaims(ISSUER, nowMs, { exp: 1 });
    t.match(await verify(signToken(key, claims)), { sub: 'user-1', sid: 'session-1', ver: 0 });
    t.match(await verify(signToken(retiring, expired)), { exp: 1 });

    const refused: [string, string][] = [
      [signToken(key, claims, { typ: 'JWT' }), 'token_type'],
      [signToken(key, claims, { typ: undefined }), 'token_type'],
      [signToken(key, claims, { kid: undefined }), 'token_kid'],
      [signToken(key, claims, { alg: 'EdDSA' }), 'token_alg'],
      [signToken(key, claims, { kid: retiring.kid }), 'token_signature'],
      [signToken(key, claims, { crit: ['b64'], b64: false }), 'token_malformed'],
      [signToken(key, goodClaims('http://other', nowMs)), 'token_claims'],
      [signToken(key, goodClaims(ISSUER, nowMs, { sid: undefined })), 'token_claims'],
      [signToken(key, goodClaims(ISSUER, nowMs, { ver: '1' })), 'token_claims'],
      [signToken(key, 'no object'), 'token_malformed'],
      [signToken(key, 'null'), 'token_malformed'],
    ];
    for (const [token, code] of refused) await t.rejects(verify(token), { code });
  },
);
