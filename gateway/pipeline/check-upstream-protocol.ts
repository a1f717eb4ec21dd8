import { Problem } from '../../contracts/problem.js';
import { grpcTimeoutMs } from './grpc.js';
import { headerValues } from './headers.js';
import type { Addressed } from './states.js';

/** What cannot be said in the upstream's protocol. Throws `upgrade_invalid`, `grpc_unsupported` or `request_invalid`. */
export function checkUpstreamProtocol(addressed: Addressed): Addressed {
  const { request, route } = addressed;
  const reason = 'upstream.protocol';
  // An upgrade of HTTP/1.1; its HTTP/2 form (RFC 8441) is spoken by too few services.
  if (request.isUpgrade && route.upstreamProtocol === 'http2')
    throw new Problem('upgrade_invalid', { reason });
  if (request.isGrpc !== true) return addressed;
  if (route.upstreamProtocol === 'http1') throw new Problem('grpc_unsupported', { reason });
  const [timeout, ...others] = headerValues(request.headers, 'grpc-timeout');
  if (timeout !== undefined && (others.length > 0 || grpcTimeoutMs(timeout) === undefined))
    throw new Problem('request_invalid', { reason: 'grpc.timeout' });
  return addressed;
}
