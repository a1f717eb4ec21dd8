import type { Dispatcher } from 'undici';
import type { Problem } from '../../contracts/problem.js';
import type { Forwarded } from '../pipeline/ports.js';
import type { Forwardable } from '../pipeline/states.js';
import type { ClientRequest, ClientResponse, OwnWord } from './client-side.js';
import { deadlineOf, grpcDeadlineOf, OutgoingRequest } from './outgoing-request.js';
import { type ForwardLimits, type Observed, ResponseRelay } from './response-relay.js';

export interface Forwarding {
  /** Resolves when the reply has ended, whatever its end. */
  ended: Promise<Forwarded>;
  /** Ends it from the gateway's side; the problem is all that the client is still told, if anything. */
  cut(problem: Problem): void;
}

/**
 * Sends a request to its upstream and the response back, straight between undici's dispatcher and the raw response: no
 * stream in between, headers as flat lists.
 */
export function forwardHttp(
  forwardable: Forwardable,
  request: ClientRequest,
  response: ClientResponse,
  dispatcher: Dispatcher,
  limits: ForwardLimits,
  observed: Observed,
  own: OwnWord,
): Forwarding {
  const { route, request: inbound } = forwardable;
  const { transfer, monotonic } = observed;
  // Gone while it was decided on: nobody is there for `close` to tell of.
  if (response.destroyed)
    return { ended: Promise.resolve({ status: 0, cut: 'client_gone' }), cut: () => undefined };
  let forwarding: ResponseRelay | undefined;
  const ended = new Promise<Forwarded>((resolve) => {
    const isGrpc = inbound.isGrpc === true;
    const deadline = isGrpc
      ? grpcDeadlineOf(request, route.totalTimeoutMs, observed.since)
      : deadlineOf(request, route.totalTimeoutMs, monotonic());
    const outgoing: OutgoingRequest = new OutgoingRequest({
      forwardable,
      request,
      bodyLimits: {
        maxBytes: route.maxBodyBytes,
        idleMs: isGrpc ? route.streamIdleTimeoutMs : limits.bodyIdleMs,
        isTwoWay: isGrpc,
      },
      transfer,
      deadline,
      monotonic,
      isOver: (): boolean => relay.isOver,
    });
    const relay: ResponseRelay = new ResponseRelay(outgoing, response, limits, observed, own, resolve);
    forwarding = relay;
    if (Number.isFinite(deadline)) relay.limitTotal(deadline - monotonic());
    // RFC 9110 section 10.1.1: not without a body, and never to an HTTP/1.0 client.
    if (outgoing.body !== null && request.headers.expect !== undefined && request.httpVersion !== '1.0')
      response.writeContinue();
    try {
      dispatcher.dispatch(outgoing, relay);
    } catch (error) {
      relay.onError(error as Error);
    }
  });
  return { ended, cut: (problem) => forwarding?.cut(problem) };
}
