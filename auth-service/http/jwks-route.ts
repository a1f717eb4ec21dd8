import { WELL_KNOWN } from '../../contracts/well-known.js';
import { jwksDocument } from '../keys/jwks-document.js';
import type { SigningKeys } from '../keys/signing-keys.js';
import type { HttpServer } from './http-server.js';

export interface JwksRouteDeps {
  keys: Pick<SigningKeys, 'ring' | 'ageMs'>;
  /** How long the key set may be cached. */
  maxAgeMs: number;
}

/** Between two looks at the database the view counts as fresh. */
const FRESH_MS = 3000;

/**
 * The public keys, for whoever verifies our tokens. An instance that has lost the database goes on publishing, and
 * counts the time since from what may be cached: another one may have added a key meanwhile, which has to be in every
 * cache before it signs.
 */
export function addJwksRoute(app: HttpServer, { keys, maxAgeMs }: JwksRouteDeps): void {
  let document = jwksDocument(keys.ring.current.published);
  keys.ring.onSwap(({ published }) => {
    document = jwksDocument(published);
  });
  const maxAgeS = (): number => {
    const ageMs = keys.ageMs();
    return Math.floor(Math.max(0, ageMs > FRESH_MS ? maxAgeMs - ageMs : maxAgeMs) / 1000);
  };
  app.get(WELL_KNOWN.jwks, async (request, reply) => {
    const { body, etag } = document;
    reply.header('cache-control', `public, max-age=${maxAgeS()}`).header('etag', etag);
    if (hasTag(request.headers['if-none-match'], etag)) return reply.code(304).send();
    return reply.type('application/jwk-set+json').send(body);
  });
}

/** RFC 9110 section 13.1.2: a list of tags, weak comparison, or `*`. */
function hasTag(ifNoneMatch: string | undefined, etag: string): boolean {
  if (ifNoneMatch === undefined) return false;
  const tags = ifNoneMatch.split(',').map((tag) => tag.trim().replace(/^W\//, ''));
  return tags.includes(etag) || tags.includes('*');
}
