import type { Problem } from '../../contracts/problem.js';
import type { ProblemCode } from '../../contracts/problem-codes.js';
import type { Route } from './route.js';
import type { InboundRequest } from './states.js';

/** What may be said about a request itself: no header is reachable from here. */
export type RequestFacts = Pick<
  InboundRequest,
  'id' | 'method' | 'target' | 'httpVersion' | 'remoteAddress' | 'protocol' | 'isUpgrade'
>;

/** What went over the wire, and when: filled in as it happens. Times are monotonic milliseconds, NaN until then. */
export interface Transfer {
  /** Of the request's body; of a WebSocket everything after the handshake. */
  bytesIn: number;
  /** Of the response's body, likewise. */
  bytesOut: number;
  /** Handed over for forwarding. */
  handedAt: number;
  /** A connection to the upstream took it. */
  sentAt: number;
  /** The upstream's response began. */
  answeredAt: number;
  /** How a gRPC call ended, in its own status codes. */
  grpcStatus?: number | undefined;
}

export function newTransfer(): Transfer {
  return { bytesIn: 0, bytesOut: 0, handedAt: Number.NaN, sentAt: Number.NaN, answeredAt: Number.NaN };
}

/** Why a reply ended before its upstream ended it: what the upstream did is named by the code of the problem. */
export type CutReason = ProblemCode | 'client_gone' | 'client_stalled' | 'idle';

/** What happened to a request, for the log and the metrics. Of its credentials it holds nothing but the subject. */
export interface Outcome {
  request: RequestFacts;
  /** Undefined when none matched. */
  route: Route | undefined;
  /** 0 when the connection ended before a status was sent. */
  status: number;
  problem: Problem | undefined;
  cut: CutReason | undefined;
  /** The caller was let through, by a verdict or by report-only mode; false also where it never came to a verdict. */
  decided: boolean;
  /** Why the request would have been refused, had its route not been in report-only mode. */
  reported: Problem | undefined;
  /** The issuer that vouched for the caller, or would have, by its name in config. */
  issuer: string | undefined;
  /** Of a caller who was let through. Personal: it is logged only where config says so. */
  subject: string | undefined;
  /** Let through by a copy of the revocations older than `max_staleness` (`on_stale: allow`). */
  stale: boolean;
  transfer: Transfer;
  /** Monotonic milliseconds. */
  startedAt: number;
  endedAt: number;
}
