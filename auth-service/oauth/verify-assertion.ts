import { createHash, createPublicKey } from 'node:crypto';
import { decodeJwt, errors, type JWK, type JWTPayload, type JWTVerifyResult, jwtVerify } from 'jose';
import type { Clock } from '../../kit/clock.js';
import type { Database } from '../stores/database.js';
import { rememberAssertion } from '../stores/used-assertions.js';
import type { ClientCredential } from './client.js';
import { assertionAlgorithms } from './client-key.js';

export const ASSERTION_TYPE = 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer';

const MAX_LENGTH = 8192;
/** Clients make one for each request; ten minutes forgive a slow one and bound what has to be remembered. */
const MAX_LIFETIME_S = 600;
const CLOCK_TOLERANCE_S = 30;
const MAX_JTI_LENGTH = 256;

/** The client that an assertion names, nothing verified. */
export function assertedClientId(assertion: string): string | undefined {
  if (assertion.length > MAX_LENGTH) return undefined;
  try {
    const { sub } = decodeJwt<{ sub?: unknown }>(assertion);
    return typeof sub === 'string' ? sub : undefined;
  } catch {
    return undefined;
  }
}

/** The credential whose key made the assertion; or, for the log alone, why it is not accepted. */
export type VerifyAssertion = (
  assertion: string,
  clientId: string,
  credentials: readonly ClientCredential[],
) => Promise<{ credentialId: string } | { refused: string }>;

/**
 * `private_key_jwt` (RFC 7523, OpenID Connect Core section 9). `aud` is the issuer, as one text and not as
 * a list (FAPI 2.0 section 5.3.2.1): an assertion that other servers would take as well can be replayed by them
 * (CVE-2025-27370). Each `jti` is good once, on all instances.
 */
export function createVerifyAssertion(deps: {
  database: Database;
  clock: Clock;
  issuer: string;
}): VerifyAssertion {
  const { database, clock, issuer } = deps;

  return async (assertion, clientId, credentials) => {
    for (const { id, publicJwk } of credentials) {
      const verified = publicJwk && (await verifiedBy(publicJwk, assertion, clientId));
      if (verified === undefined) continue;
      const refused = whyNot(verified) ?? (await useUp(clientId, verified.payload));
      return refused === undefined ? { credentialId: id } : { refused };
    }
    return { refused: 'signature, issuer, subject or time' };
  };

  /** Undefined for everything that jose objects to, another key's signature above all. */
  async function verifiedBy(
    jwk: JWK,
    assertion: string,
    clientId: string,
  ): Promise<JWTVerifyResult | undefined> {
    try {
      return await jwtVerify(assertion, createPublicKey({ key: jwk, format: 'jwk' }), {
        algorithms: assertionAlgorithms(jwk),
        issuer: clientId,
        subject: clientId,
        requiredClaims: ['exp', 'aud', 'jti'],
        currentDate: new Date(clock.now()),
        clockTolerance: CLOCK_TOLERANCE_S,
      });
    } catch (error) {
      if (error instanceof errors.JOSEError) return undefined;
      throw error;
    }
  }

  function whyNot({ payload, protectedHeader }: JWTVerifyResult): string | undefined {
    const type = protectedHeader.typ?.toLowerCase().replace(/^application\//, '') ?? 'jwt';
    if (type !== 'jwt' && type !== 'client-authentication+jwt') return 'typ';
    if (payload.aud !== issuer) return 'aud';
    if ((payload.exp ?? 0) > clock.now() / 1000 + MAX_LIFETIME_S + CLOCK_TOLERANCE_S)
      return 'exp too far off';
    const { jti } = payload;
    if (typeof jti !== 'string' || jti === '' || jti.length > MAX_JTI_LENGTH) return 'jti';
    return undefined;
  }

  async function useUp(clientId: string, { jti, exp }: JWTPayload): Promise<string | undefined> {
    const id = createHash('sha256')
      .update(JSON.stringify([clientId, jti]))
      .digest();
    const expiresAtMs = ((exp ?? 0) + CLOCK_TOLERANCE_S) * 1000;
    const isNew = await database.run((db) => rememberAssertion(db, id, expiresAtMs));
    return isNew ? undefined : 'jti used before';
  }
}
