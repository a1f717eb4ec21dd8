import type { Socket } from 'node:net';
import { Problem } from '../../contracts/problem.js';
import { checkDeclaredLength } from '../pipeline/check-declared-length.js';
import { type Exchange, newTransfer } from '../pipeline/ports.js';
import type { HeaderList, InboundRequest } from '../pipeline/states.js';
import type { Edge } from './edge.js';
import { type Forwarding, forwardHttp } from './forward-http.js';
import { grpcStatusOf } from './grpc-status.js';
import type { Http2Reply } from './http2-reply.js';
import { HTTP2_VERSION, type RequestHead } from './http2-request.js';
import type { Observers } from './open-exchange.js';
import { peerFacts } from './peer-facts.js';

/** One request of an HTTP/2 connection. */
export interface Http2Call {
  id: string;
  head: RequestHead;
  isGrpc: boolean;
  reply: Http2Reply;
  /** The connection, which it shares with others. */
  socket: Socket;
}

/** Joins the pipeline to an HTTP/2 stream. Nothing here ever ends the connection: others are on it. */
export function openHttp2Exchange(call: Http2Call, edge: Edge, observers: Observers): Exchange {
  const { reply } = call;
  const { upstreams, limits, trustedProxies } = edge;
  const transfer = newTransfer();
  const since = observers.monotonic();
  const note = (problem: Problem): void => {
    if (call.isGrpc) transfer.grpcStatus = grpcStatusOf(problem);
  };
  const refuse = (problem: Problem, headers: HeaderList): void => {
    note(problem);
    transfer.bytesOut = reply.refuse(problem, headers);
  };
  const cut = (problem: Problem): void => {
    note(problem);
    reply.cut(problem);
  };
  let forwarding: Forwarding | undefined;
  return {
    request: inboundRequest(call, trustedProxies),
    transfer,
    refuse,
    forward(forwardable) {
      checkDeclaredLength(forwardable);
      const { route, responseHeaders } = forwardable;
      const dispatcher = upstreams.dispatcherOf(route.upstream);
      const observed = { transfer, since, ...observers };
      forwarding = forwardHttp(forwardable, reply.req, reply, dispatcher, limits, observed, {
        refuse: (problem) => refuse(problem, responseHeaders),
        cut,
        breakOff: () => reply.destroy(),
        leave: () => undefined,
      });
      return forwarding.ended;
    },
    mirror: (mirrored) => observers.mirrors.mirror(mirrored, reply, upstreams),
    answer({ status, headers, body }, further) {
      transfer.bytesOut = reply.answer(status, [...further, ...headers], Buffer.from(body));
      return { status };
    },
    cut: (why) => forwarding?.cut(new Problem(why)),
  };
}

function inboundRequest(
  { id, head, isGrpc, reply, socket }: Http2Call,
  trustedProxies: Edge['trustedProxies'],
): InboundRequest {
  const { method, path, headers } = head;
  return {
    id,
    method,
    target: path,
    httpVersion: HTTP2_VERSION,
    headers,
    bodyFollows: reply.req.bodyFollows,
    // RFC 8441 is not offered: clients open WebSockets over HTTP/1.1.
    isUpgrade: false,
    isGrpc,
    ...peerFacts(socket, headers, trustedProxies),
  };
}
