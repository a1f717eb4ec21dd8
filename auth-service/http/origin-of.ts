import type { FastifyRequest } from 'fastify';
import type { Origin } from '../stores/audit.js';

/** Where a request came from, for the audit record. */
export function originOf(request: FastifyRequest): Origin {
  return { requestId: request.id, ip: request.ip, userAgent: request.headers['user-agent'] };
}
