import type { FastifyRequest } from 'fastify';
import type { VerifyDpopProof } from '../oauth/verify-dpop-proof.js';

/**
 * Thumbprint of the key that a request proves by DPoP; undefined without a proof. With `accessToken`, the proof has to
 * be for that token as well. Rejects with Problem `dpop_*`.
 */
export type ProveKey = (request: FastifyRequest, accessToken?: string) => Promise<string | undefined>;

export function createProveKey(verifyDpopProof: VerifyDpopProof): ProveKey {
  return async ({ headers, method, url }, accessToken) => {
    // Two headers arrive joined by a comma, which no proof holds.
    const proof = headers['dpop'];
    if (typeof proof !== 'string') return undefined;
    return verifyDpopProof({ proof, method, path: url.split('?', 1)[0] ?? '', accessToken });
  };
}
