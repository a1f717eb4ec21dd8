import fastifyJwt from '@fastify/jwt';
import Fastify from 'fastify';

/** The algorithms that a public key may be used with. HMAC and `none` cannot be named here. */
export type SignatureAlgorithm = 'ES256' | 'ES384' | 'EdDSA' | 'RS256' | 'PS256';

/**
 * Prepares signature checks with one public key, once, when the key set is loaded. @fastify/jwt keeps a ready verifier
 * for a static key only, and takes plugins only before it is ready, so each key gets a scope of its own that never
 * listens. Claims are the pipeline's (`check-claims.ts`): the library skips audience and issuer when they are absent.
 *
 * @param publicKeyPem SPKI PEM; the library wants a string here and builds a verifier a call from a Buffer
 */
export async function prepareVerifier(
  publicKeyPem: string,
  algorithm: SignatureAlgorithm,
): Promise<(token: string) => boolean> {
  const scope = Fastify();
  await scope.register(fastifyJwt, {
    secret: { public: publicKeyPem },
    verify: { algorithms: [algorithm], ignoreExpiration: true, ignoreNotBefore: true, cache: false },
  });
  await scope.ready();
  return (token) => {
    try {
      scope.jwt.verify(token);
      return true;
    } catch {
      return false;
    }
  };
}
