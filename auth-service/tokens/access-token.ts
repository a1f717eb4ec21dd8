import type { KeyObject } from 'node:crypto';
import { errors, jwtVerify } from 'jose';
import { ACCESS_TOKEN_TYPE, type AccessTokenClaims } from '../../contracts/access-token.js';
import { Problem } from '../../contracts/problem.js';
import type { ProblemCode } from '../../contracts/problem-codes.js';
import type { Live } from '../../kit/live.js';
import type { ActiveKey, KeyRing } from '../keys/key-ring.js';
import { SIGNING_ALGORITHMS } from '../keys/signing-key.js';
import type { SigningKeys } from '../keys/signing-keys.js';

/** Signs claims with a key: @fastify/jwt's `app.jwt.sign`, which compose.ts hands in. */
export type SignJwt = (claims: AccessTokenClaims, key: ActiveKey) => string;

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
  /** `aud`, where it is not the configured one. */
  audiences?: readonly string[] | undefined;
  /** `cnf`: the key or certificate that its holder has to prove. */
  confirmation?: AccessTokenClaims['cnf'] | undefined;
}

/** Rejects with Problem `store_unavailable` when it cannot be known which key is to sign. */
export type IssueAccessToken = (subject: AccessTokenSubject, expiresS: number) => Promise<string>;

const TOKEN_ID_BYTES = 16;

/** Makes access tokens exactly as design 4.1 says (RFC 9068). */
export function createIssueAccessToken(deps: {
  issuer: string;
  audience: string;
  keys: Pick<SigningKeys, 'signer'>;
  sign: SignJwt;
  random: (size: number) => Buffer;
  nowS: () => number;
}): IssueAccessToken {
  const { issuer, audience, keys, sign, random, nowS } = deps;
  return async (subject, expiresS) => {
    const key = await keys.signer(expiresS);
    return sign(
      {
        iss: issuer,
        sub: subject.subject,
        aud: audienceClaim(subject.audiences ?? [audience]),
        exp: expiresS,
        iat: nowS(),
        jti: random(TOKEN_ID_BYTES).toString('base64url'),
        client_id: subject.clientId,
        scope: subject.scopes.join(' '),
        sid: subject.sessionId,
        ver: subject.tokenVersion,
        roles: [...subject.roles],
        ...(subject.confirmation && { cnf: subject.confirmation }),
      },
      key,
    );
  };
}

/** One audience is a text and not a list of one: resource servers take either (RFC 7519 section 4.1.3). */
const audienceClaim = (audiences: readonly string[]): string | string[] =>
  audiences.length === 1 ? (audiences[0] ?? '') : [...audiences];

/** All of them: nobody else signs with our keys. */
export type OwnTokenClaims = AccessTokenClaims;

export type VerifyOwnToken = (token: string) => Promise<OwnTokenClaims>;

/**
 * Verifies that we issued this access token; that it has expired is no objection, since a client that wakes up late
 * still wants its session ended. Rejects with Problem `token_*` (401).
 */
export function createVerifyOwnToken(deps: { issuer: string; keys: Live<KeyRing> }): VerifyOwnToken {
  const { issuer, keys } = deps;
  return async (token) => {
    const { verifying } = keys.current;
    try {
      const { payload } = await jwtVerify<Partial<AccessTokenClaims>>(
        token,
        (header) => keyOf(verifying, header),
        {
          algorithms: [...SIGNING_ALGORITHMS],
          typ: ACCESS_TOKEN_TYPE,
          issuer,
          currentDate: new Date(0), // before any `exp`
        },
      );
      return checkedClaims(payload);
    } catch (error) {
      throw error instanceof Problem ? error : new Problem(codeOf(error), { cause: error });
    }
  };
}

/** The key decides the algorithm, never the token's header (RFC 8725 section 3.1). */
function keyOf(verifying: KeyRing['verifying'], { kid, alg }: { kid?: string; alg?: string }): KeyObject {
  const found = kid === undefined ? undefined : verifying.get(kid);
  if (found === undefined) throw new Problem('token_kid');
  if (found.algorithm !== alg) throw new Problem('token_alg');
  return found.key;
}

function checkedClaims(payload: Partial<AccessTokenClaims>): OwnTokenClaims {
  const { sub, sid, jti, client_id, ver, exp, iat } = payload;
  if (![sub, sid, jti, client_id].every((claim) => typeof claim === 'string'))
    throw new Problem('token_claims');
  if (![ver, exp, iat].every((claim) => typeof claim === 'number')) throw new Problem('token_claims');
  return payload as OwnTokenClaims;
}

function codeOf(error: unknown): ProblemCode {
  if (error instanceof errors.JOSEAlgNotAllowed) return 'token_alg';
  if (error instanceof errors.JWSSignatureVerificationFailed) return 'token_signature';
  if (error instanceof errors.JWTClaimValidationFailed) {
    return error.claim === 'typ' ? 'token_type' : 'token_claims';
  }
  return 'token_malformed';
}
