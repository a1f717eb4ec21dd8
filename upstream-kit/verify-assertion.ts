import { createPublicKey, type KeyObject, verify } from 'node:crypto';
import { ASSERTION_ISSUER, ASSERTION_TYPE, type AssertionClaims } from '../contracts/identity-headers.js';

export interface VerifyAssertionOptions {
  /** The upstream's own name in the gateway's config. */
  audience: string;
  /** The gateway's key set: its JSON, or what fetches it ({@link assertionKeys}). */
  keys: AssertionKeySet | ((keyId: string) => Promise<AssertionKeySet>);
  /** Unix milliseconds. Default: the machine's clock. */
  now?: () => number;
}

/** RFC 7517, as at `/.well-known/gatehouse/jwks.json`. */
export interface AssertionKeySet {
  keys: readonly Readonly<Record<string, unknown>>[];
}

/** The assertion is not one to rely on: refuse the request. Says why, and never what it held. */
export class AssertionError extends Error {
  override readonly name = 'AssertionError';
}

/** How far apart the clocks of gateway and upstream may be. */
const TOLERANCE_S = 30;
const MAX_LENGTH = 16 * 1024;
const REFETCH_MS = 10_000;
const FORM = /^([\w-]+)\.([\w-]+)\.([\w-]{86})$/;

/**
 * The claims of `x-identity-assertion`, for those who want proof that does not rest on the connection: ES256 and nothing
 * else, by the gateway's key, of its type and issuer, for this upstream, in its time. Rejects with {@link AssertionError}.
 */
export async function verifyAssertion(
  token: string,
  { audience, keys, now = Date.now }: VerifyAssertionOptions,
): Promise<AssertionClaims> {
  const [, head = '', body = '', signature = ''] = (token.length <= MAX_LENGTH && FORM.exec(token)) || [];
  const header = parse(head);
  if (header?.['alg'] !== 'ES256' || header['typ'] !== ASSERTION_TYPE || header['crit'] !== undefined)
    throw new AssertionError('not an assertion of the gateway');
  const { kid } = header;
  if (typeof kid !== 'string') throw new AssertionError('the assertion names no key');
  const set = typeof keys === 'function' ? await keys(kid) : keys;
  const key = set.keys.find((one) => one['kid'] === kid && one['crv'] === 'P-256');
  if (key === undefined) throw new AssertionError("the key is none of the gateway's");
  const signed = Buffer.from(`${head}.${body}`);
  const how = { key: publicKey(key), dsaEncoding: 'ieee-p1363' } as const;
  if (!verify('sha256', signed, how, Buffer.from(signature, 'base64url')))
    throw new AssertionError('the signature does not match');
  const claims = parse(body) as AssertionClaims | undefined;
  if (claims?.iss !== ASSERTION_ISSUER) throw new AssertionError('another issuer');
  if (claims.aud !== audience) throw new AssertionError('for another upstream');
  const nowS = now() / 1000;
  // Written so that what is no number is refused as well.
  if (!(claims.exp > nowS - TOLERANCE_S && claims.iat < nowS + TOLERANCE_S))
    throw new AssertionError('out of its time');
  return claims;
}

/**
 * Fetches the gateway's key set and keeps it: again for a key that it does not hold, at most every ten seconds, and one
 * request at a time. `fetch` may carry a CA of one's own.
 */
export function assertionKeys(
  url: string,
  options: { fetch?: (url: string) => Promise<Response>; now?: () => number } = {},
): (keyId: string) => Promise<AssertionKeySet> {
  const { fetch = (from: string) => globalThis.fetch(from, { redirect: 'error' }), now = Date.now } = options;
  let held: AssertionKeySet = { keys: [] };
  let fetching: Promise<AssertionKeySet> | undefined;
  let notBeforeMs = Number.NEGATIVE_INFINITY;

  async function download(): Promise<AssertionKeySet> {
    const response = await fetch(url);
    if (!response.ok) throw new AssertionError(`the gateway's keys cannot be had: status ${response.status}`);
    return (await response.json()) as AssertionKeySet;
  }

  return async (keyId) => {
    if (held.keys.some(({ kid }) => kid === keyId)) return held;
    if (fetching === undefined && now() < notBeforeMs) return held;
    notBeforeMs = now() + REFETCH_MS;
    fetching ??= download().finally(() => {
      fetching = undefined;
    });
    held = await fetching;
    return held;
  };
}

const imported = new WeakMap<object, KeyObject>();

function publicKey(jwk: Readonly<Record<string, unknown>>): KeyObject {
  let key = imported.get(jwk);
  if (key === undefined) {
    key = createPublicKey({ key: jwk, format: 'jwk' });
    imported.set(jwk, key);
  }
  return key;
}

function parse(part: string): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(Buffer.from(part, 'base64url').toString());
    return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : undefined;
  } catch {
    return undefined;
  }
}
