import { createHash } from 'node:crypto';
import type { JWK } from 'jose';

/** How long the key set may be cached, in seconds. A key is published at least this long before it signs. */
export const JWKS_MAX_AGE_S = 300;

export interface JwksDocument {
  body: string;
  /** Strong validator, with its quotes. */
  etag: string;
}

export function jwksDocument(keys: readonly JWK[]): JwksDocument {
  const body = JSON.stringify({ keys });
  return { body, etag: `"${createHash('sha256').update(body).digest('base64url')}"` };
}
