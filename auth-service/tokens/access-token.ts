import type { KeyObject } from 'node:crypto';
import { compactVerify, errors } from 'jose';
import {
  ACCESS_TOKEN_ALGORITHM,
  ACCESS_TOKEN_TYPE,
  type AccessTokenClaims,
} from '../../contracts/access-token.js';
import { Problem } from '../../contracts/problem.js';
import type { Live } from '../../kit/live.js';
import type { KeyRing } from '../keys/key-ring.js';

/** Signs claims with a key: @fastify/jwt's `app.jwt.sign`, which compose.ts hands in. */
export type SignJwt = (claims: AccessTokenClaims, key: KeyRing['active']) => string;

export interface AccessTokenSubject {
  /** `sub` */
  subject: string;
  clientId: string;
  /** `sid` */
  sessionId: string;
  /** `ver` */
  tokenVersion: number;
  roles: readonly string[];
  scopes: readonly string[];
}

export type IssueAccessToken = (subject: AccessTokenSubject, expiresS: number) => string;

const TOKEN_ID_BYTES = 16;

/** Makes access tokens exactly as design 4.1 says (RFC 9068). */
export function createIssueAccessToken(deps: {
  issuer: string;
  audience: string;
  keys: Live<KeyRing>;
  sign: SignJwt;
  random: (size: number) => Buffer;
  nowS: () => number;
}): IssueAccessToken {
  const { issuer, audience, keys, sign, random, nowS } = deps;
  return (subject, expiresS) =>
    sign(
      {
        iss: issuer,
        sub: subject.subject,
        aud: audience,
        exp: expiresS,
        iat: nowS(),
        jti: random(TOKEN_ID_BYTES).toString('base64url'),
        client_id: subject.clientId,
        scope: subject.scopes.join(' '),
        sid: subject.sessionId,
        ver: subject.tokenVersion,
        roles: [...subject.roles],
      },
      keys.current.active,
    );
}

/** The claims of an access token that a logout needs. */
export type OwnTokenClaims = Pick<AccessTokenClaims, 'sub' | 'sid' | 'ver' | 'exp'>;

export type VerifyOwnToken = (token: string) => Promise<OwnTokenClaims>;

/**
 * Verifies that we issued this access token; that it has expired is no objection, since a client that wakes up late
 * still wants its session ended. Rejects with Problem `token_*` (401).
 */
export function createVerifyOwnToken(deps: { issuer: string; keys: Live<KeyRing> }): VerifyOwnToken {
  const { issuer, keys } = deps;
  return async (token) => {
    const { verifying } = keys.current;
    const payload = await verifySignature(token, (kid) => verifying.get(kid));
    return ownClaims(payload, issuer);
  };
}

async function verifySignature(
  token: string,
  keyOf: (kid: string) => KeyObject | undefined,
): Promise<Uint8Array> {
  try {
    const verified = await compactVerify(
      token,
      ({ kid }) => {
        const key = kid === undefined ? undefined : keyOf(kid);
        if (key === undefined) throw new Problem('token_kid');
        return key;
      },
      { algorithms: [ACCESS_TOKEN_ALGORITHM] },
    );
    if (verified.protectedHeader.typ !== ACCESS_TOKEN_TYPE) throw new Problem('token_type');
    return verified.payload;
  } catch (cause) {
    if (cause instanceof Problem) throw cause;
    if (cause instanceof errors.JOSEAlgNotAllowed) throw new Problem('token_alg', { cause });
    if (cause instanceof errors.JWSSignatureVerificationFailed)
      throw new Problem('token_signature', { cause });
    throw new Problem('token_malformed', { cause });
  }
}

/** Our own signature stands for the shape of the claims; what is checked is what is used. */
function ownClaims(payload: Uint8Array, issuer: string): OwnTokenClaims {
  const claims = JSON.parse(Buffer.from(payload).toString()) as Partial<AccessTokenClaims>;
  const { iss, sub, sid, ver, exp } = claims;
  if (iss !== issuer || typeof sub !== 'string' || typeof sid !== 'string') throw new Problem('token_claims');
  if (typeof ver !== 'number' || typeof exp !== 'number') throw new Problem('token_claims');
  return { sub, sid, ver, exp };
}
