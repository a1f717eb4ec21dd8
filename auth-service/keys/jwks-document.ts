import { createHash } from 'node:crypto';
import type { JWK } from 'jose';

export interface JwksDocument {
  body: string;
  /** Strong validator, with its quotes. */
  etag: string;
}

export function jwksDocument(keys: readonly JWK[]): JwksDocument {
  const body = JSON.stringify({ keys });
  return { body, etag: `"${createHash('sha256').update(body).digest('base64url')}"` };
}
