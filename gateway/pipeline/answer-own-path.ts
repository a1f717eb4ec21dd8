import { Problem } from '../../contracts/problem.js';
import { WELL_KNOWN } from '../../contracts/well-known.js';
import type { Assertions, OwnAnswer } from './ports.js';
import type { Located } from './states.js';

/**
 * What stands below `/.well-known/gatehouse/` is the gateway's own, before any route and whatever the route table
 * says: nobody can put up other keys there. Undefined for every other path.
 */
export function answerOwnPath({ path, request }: Located, assertions: Assertions): OwnAnswer | undefined {
  if (!`${path}/`.startsWith(WELL_KNOWN.gatewayPrefix)) return undefined;
  if (path !== WELL_KNOWN.gatewayJwks) throw new Problem('route_not_found');
  if (request.method !== 'GET' && request.method !== 'HEAD')
    throw new Problem('method_not_allowed', { headers: { allow: 'GET, HEAD' } });
  return {
    status: 200,
    headers: ['content-type', 'application/jwk-set+json', 'cache-control', 'public, max-age=300'],
    body: assertions.publicKeys(),
  };
}
