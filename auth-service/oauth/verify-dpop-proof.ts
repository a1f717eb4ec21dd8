import { createHash } from 'node:crypto';
import { calculateJwkThumbprint, EmbeddedJWK, errors, type JWTVerifyResult, jwtVerify } from 'jose';
import { DPOP_ALGORITHMS, Problem } from '../../contracts/problem.js';
import type { Clock } from '../../kit/clock.js';
import type { ReplayMemory } from './replay-memory.js';

/** How far a proof's `iat` may be from now, either way: proofs are made for the request that carries them. */
const WINDOW_S = 60;
const MAX_LENGTH = 4096;
const MAX_JTI_LENGTH = 256;

/** The request that a proof has to be for. */
export interface ProvedRequest {
  /** The `DPoP` header. */
  proof: string;
  method: string;
  /** As the client called it, without a query. */
  path: string;
  /** The access token that comes along, where one does. */
  accessToken?: string | undefined;
}

/** Resolves with the key's thumbprint, `jkt`. Rejects with Problem `dpop_invalid`, `dpop_replayed` or `overloaded`. */
export type VerifyDpopProof = (request: ProvedRequest) => Promise<string>;

/**
 * RFC 9449 section 4.3. `htu` goes by the configured public
 * URL, never by what the request says of itself.
 */
export function createVerifyDpopProof(deps: {
  publicUrl: string;
  clock: Clock;
  replays: ReplayMemory;
}): VerifyDpopProof {
  const { publicUrl, clock, replays } = deps;
  return async ({ proof, method, path, accessToken }) => {
    const { payload, protectedHeader } = await verified(proof, clock);
    const { htm, htu, iat, jti, ath } = payload;
    if (htm !== method || !isSameUrl(htu, publicUrl + path)) throw new Problem('dpop_invalid');
    if (typeof iat !== 'number' || !(Math.abs(clock.now() / 1000 - iat) <= WINDOW_S))
      throw new Problem('dpop_invalid');
    if (accessToken !== undefined && ath !== sha256(accessToken)) throw new Problem('dpop_invalid');
    if (typeof jti !== 'string' || jti === '' || jti.length > MAX_JTI_LENGTH)
      throw new Problem('dpop_invalid');
    const jkt = await calculateJwkThumbprint(protectedHeader.jwk ?? {});
    const id = sha256(JSON.stringify([jkt, jti]));
    const known = replays.remember(id, (iat + WINDOW_S) * 1000);
    if (known === 'used') throw new Problem('dpop_replayed');
    if (known === 'full') throw new Problem('overloaded');
    return jkt;
  };
}

const sha256 = (text: string): string => createHash('sha256').update(text).digest('base64url');

async function verified(proof: string, clock: Clock): Promise<JWTVerifyResult> {
  if (proof.length > MAX_LENGTH) throw new Problem('dpop_invalid');
  try {
    return await jwtVerify(proof, EmbeddedJWK, {
      typ: 'dpop+jwt',
      algorithms: [...DPOP_ALGORITHMS],
      currentDate: new Date(clock.now()),
      clockTolerance: WINDOW_S,
    });
  } catch (cause) {
    if (cause instanceof errors.JOSEError || cause instanceof TypeError || cause instanceof DOMException)
      throw new Problem('dpop_invalid', { cause });
    throw cause;
  }
}

/** After normalisation, without query and fragment (RFC 9449 section 4.3, point 9). */
function isSameUrl(htu: unknown, expected: string): boolean {
  if (typeof htu !== 'string' || !URL.canParse(htu)) return false;
  const [given, own] = [new URL(htu), new URL(expected)];
  const hasUser = given.username !== '' || given.password !== '';
  return !hasUser && given.origin === own.origin && given.pathname === own.pathname;
}
