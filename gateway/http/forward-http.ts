import type { Dispatcher } from 'undici';
import type { Forwarded } from '../pipeline/ports.js';
import type { Forwardable } from '../pipeline/states.js';
import type { ClientSide } from './client-side.js';
import { OutgoingRequest } from './outgoing-request.js';
import { type ForwardLimits, type Observed, ResponseRelay } from './response-relay.js';

/** Gone while it was decided on: nobody is there for `close` to tell of. */
export const CLIENT_GONE: Forwarded = Object.freeze({ status: 0, cut: 'client_gone' });

/**
 * Sends a request to its upstream and the response back, straight between undici's dispatcher and the raw response: no
 * stream in between, headers as flat lists. For a client that is still there.
 */
export function forwardHttp(
  forwardable: Forwardable,
  client: ClientSide,
  dispatcher: Dispatcher,
  limits: ForwardLimits,
  observed: Observed,
): ResponseRelay {
  const { clientRequest, response } = client;
  const outgoing = new OutgoingRequest(forwardable, client, limits.bodyIdleMs, observed.monotonic);
  const relay = new ResponseRelay(outgoing, client, limits, observed);
  outgoing.isOver = (): boolean => relay.isOver;
  if (Number.isFinite(outgoing.deadline)) relay.limitTotal(outgoing.deadline - observed.monotonic());
  // RFC 9110 section 10.1.1: not without a body, and never to an HTTP/1.0 client.
  if (
    outgoing.body !== null &&
    clientRequest.headers.expect !== undefined &&
    clientRequest.httpVersion !== '1.0'
  )
    response.writeContinue();
  try {
    dispatcher.dispatch(outgoing, relay);
  } catch (error) {
    relay.onError(error as Error);
  }
  return relay;
}
