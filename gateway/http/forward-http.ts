import type { Dispatcher } from 'undici';
import type { Forwarded } from '../pipeline/ports.js';
import type { Forwardable } from '../pipeline/states.js';
import type { ClientRequest, ClientResponse, OwnWord } from './client-side.js';
import { deadlineOf, OutgoingRequest } from './outgoing-request.js';
import { type ForwardLimits, type Observed, ResponseRelay } from './response-relay.js';

/**
 * Sends a request to its upstream and the response back, straight between undici's dispatcher and the raw response: no
 * stream in between, headers as flat lists. Resolves when the reply has ended, whatever its end.
 */
export function forwardHttp(
  forwardable: Forwardable,
  request: ClientRequest,
  response: ClientResponse,
  dispatcher: Dispatcher,
  limits: ForwardLimits,
  observed: Observed,
  own: OwnWord,
): Promise<Forwarded> {
  const { route } = forwardable;
  const { transfer, monotonic } = observed;
  // Gone while it was decided on: nobody is there for `close` to tell of.
  if (response.destroyed) return Promise.resolve({ status: 0, cut: 'client_gone' });
  return new Promise((resolve) => {
    const deadline = deadlineOf(request, route.totalTimeoutMs, monotonic());
    const outgoing: OutgoingRequest = new OutgoingRequest({
      forwardable,
      request,
      bodyLimits: { maxBytes: route.maxBodyBytes, idleMs: limits.bodyIdleMs },
      transfer,
      deadline,
      monotonic,
      isOver: (): boolean => relay.isOver,
    });
    const relay: ResponseRelay = new ResponseRelay(outgoing, response, limits, observed, own, resolve);
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
}
