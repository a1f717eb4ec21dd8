import { MIRROR_HEADER } from '../../contracts/identity-headers.js';
import { addIdentityHeaders } from './add-identity-headers.js';
import { headerValues } from './headers.js';
import type { Exchange, GatewayPorts } from './ports.js';
import type { Addressed, Forwardable } from './states.js';

/** A copy of a longer body is not kept. */
export const MIRRORED_BODY_BYTES = 64 * 1024;

/**
 * A copy for the route's mirror, if it has one: of a request that has already been handed to its own upstream, which
 * cannot tell the difference.
 */
export function mirrorRequest(
  addressed: Addressed,
  exchange: Exchange,
  { assertions, random }: Pick<GatewayPorts, 'assertions' | 'random'>,
): void {
  const { mirror } = addressed.route;
  if (mirror === undefined) return;
  const bodyBytes = mirroredBodyBytes(addressed);
  if (bodyBytes === undefined || random() * 100 >= mirror.percent) return;
  const { route } = mirror;
  const copy = (): Forwardable => {
    const forwardable = addIdentityHeaders({ ...addressed, route }, assertions);
    return {
      ...forwardable,
      upstreamHeaders: [...forwardable.upstreamHeaders, MIRROR_HEADER, '1'],
    };
  };
  exchange.mirror({ routeId: route.id, bodyBytes, copy });
}

/** How much of a body there is to copy; undefined where the request is not for mirrors. */
function mirroredBodyBytes({ request, headers, hasBody, route }: Addressed): number | undefined {
  if (request.isUpgrade || request.isGrpc === true) return undefined;
  if (headerValues(headers, 'accept').some((accepted) => /text\/event-stream/i.test(accepted)))
    return undefined;
  if (!hasBody) return 0;
  const [length = ''] = headerValues(headers, 'content-length');
  const isKnown = /^[0-9]+$/.test(length);
  return isKnown && Number(length) <= Math.min(MIRRORED_BODY_BYTES, route.maxBodyBytes)
    ? Number(length)
    : undefined;
}
