import { WELL_KNOWN } from '../../contracts/well-known.js';
import type { Live } from '../../kit/live.js';
import { JWKS_MAX_AGE_S, jwksDocument } from '../keys/jwks-document.js';
import type { KeyRing } from '../keys/key-ring.js';
import type { HttpServer } from './create-server.js';

/** The public keys, for whoever verifies our tokens. */
export function addJwksRoute(app: HttpServer, keys: Live<KeyRing>): void {
  let document = jwksDocument(keys.current.published);
  keys.onSwap(({ published }) => {
    document = jwksDocument(published);
  });
  app.get(WELL_KNOWN.jwks, async (request, reply) => {
    const { body, etag } = document;
    reply.header('cache-control', `public, max-age=${JWKS_MAX_AGE_S}`).header('etag', etag);
    if (request.headers['if-none-match'] === etag) return reply.code(304).send();
    return reply.type('application/jwk-set+json').send(body);
  });
}
