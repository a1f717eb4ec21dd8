import { type Readable, Transform } from 'node:stream';
import type { FastifyRequest } from 'fastify';
import { Problem } from '../../contracts/problem.js';

/**
 * Holds a request body to its route's limit while it streams by; Fastify's own limit does not reach a body that no
 * parser reads. A declared length is judged before a byte is read; a chunked body ends in an error at the byte too many.
 */
export function limitBody(request: FastifyRequest, maxBytes: number): Problem | undefined {
  const declared = Number(request.headers['content-length'] ?? 0);
  if (declared > maxBytes) return new Problem('body_too_large', { headers: { connection: 'close' } });
  if (
    request.headers['transfer-encoding'] !== undefined &&
    request.body !== undefined &&
    request.body !== null
  ) {
    request.body = (request.body as Readable).pipe(countBytes(maxBytes));
  }
  return undefined;
}

function countBytes(maxBytes: number): Transform {
  let seen = 0;
  return new Transform({
    transform(chunk: Buffer, _encoding, done) {
      seen += chunk.length;
      if (seen > maxBytes) done(new Problem('body_too_large', { headers: { connection: 'close' } }));
      else done(null, chunk);
    },
  });
}
