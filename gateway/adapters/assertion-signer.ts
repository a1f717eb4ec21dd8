import { sign } from 'node:crypto';
import {
  ASSERTION_ISSUER,
  ASSERTION_LIFETIME_S,
  ASSERTION_TYPE,
  type AssertionClaims,
  type Identity,
} from '../../contracts/identity-headers.js';
import type { Clock } from '../../kit/clock.js';
import type { Assertions } from '../pipeline/ports.js';
import { type AssertionKey, deriveAssertionKey } from './assertion-keys.js';

/** What is left of an assertion's minute is enough for the upstream to read it. */
const REUSE_MS = 30_000;

export interface AssertionSignerOptions {
  /** 32 bytes or more; the same in every gateway that stands for one address. */
  secret: Uint8Array;
  rotationMs: number;
  clock: Clock;
}

interface Signed {
  text: string;
  signedAtMs: number;
}

/**
 * Signs `x-identity-assertion` with the key of the rotation period that it is. The keys before and after it are
 * published too: what was signed a moment ago still verifies, and a verifier knows the next key before it is used.
 */
export function createAssertionSigner({ secret, rotationMs, clock }: AssertionSignerOptions): Assertions {
  const keys = new Map<number, AssertionKey>();
  const signed = new WeakMap<Identity, Map<string, Signed>>();
  const periodNow = (): number => Math.floor(clock.now() / rotationMs);

  const keyOf = (period: number): AssertionKey => {
    let key = keys.get(period);
    if (key === undefined) {
      key = deriveAssertionKey(secret, period);
      keys.set(period, key);
      for (const held of keys.keys()) if (Math.abs(held - period) > 2) keys.delete(held);
    }
    return key;
  };

  return {
    assert(identity, upstream) {
      const nowMs = clock.now();
      const known = signed.get(identity) ?? new Map<string, Signed>();
      signed.set(identity, known);
      const held = known.get(upstream);
      const ageMs = held === undefined ? Number.POSITIVE_INFINITY : nowMs - held.signedAtMs;
      if (held !== undefined && ageMs >= 0 && ageMs < REUSE_MS) return held.text;
      const text = signAssertion(claimsOf(identity, upstream, nowMs), keyOf(periodNow()));
      known.set(upstream, { text, signedAtMs: nowMs });
      return text;
    },
    publicKeys() {
      const period = periodNow();
      const published = [period, period - 1, period + 1].map((one) => keyOf(one).publicJwk);
      return JSON.stringify({ keys: published });
    },
  };
}

function claimsOf(identity: Identity, upstream: string, nowMs: number): AssertionClaims {
  const iat = Math.floor(nowMs / 1000);
  return {
    iss: ASSERTION_ISSUER,
    aud: upstream,
    iat,
    exp: Math.min(iat + ASSERTION_LIFETIME_S, identity.expires ?? Number.POSITIVE_INFINITY),
    ...(identity.subject === undefined ? {} : { sub: identity.subject }),
    identity,
  };
}

/** RFC 7515 section 7.1. */
function signAssertion(claims: AssertionClaims, { kid, privateKey }: AssertionKey): string {
  const encode = (part: object): string => Buffer.from(JSON.stringify(part)).toString('base64url');
  const input = `${encode({ alg: 'ES256', typ: ASSERTION_TYPE, kid })}.${encode(claims)}`;
  const signature = sign('sha256', Buffer.from(input), { key: privateKey, dsaEncoding: 'ieee-p1363' });
  return `${input}.${signature.toString('base64url')}`;
}
