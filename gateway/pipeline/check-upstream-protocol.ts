import { Problem } from '../../contracts/problem.js';
import type { Addressed } from './states.js';

/** A WebSocket is an upgrade of HTTP/1.1; its HTTP/2 form (RFC 8441) is spoken by too few services. */
export function checkUpstreamProtocol(addressed: Addressed): Addressed {
  const { request, route } = addressed;
  if (request.isUpgrade && route.upstreamProtocol === 'http2')
    throw new Problem('upgrade_invalid', { reason: 'upstream.protocol' });
  return addressed;
}
