import { Problem } from '../../contracts/problem.js';
import { grpcTimeoutMs, grpcTimeoutText } from '../pipeline/grpc.js';
import { rateLimitKey } from '../pipeline/rate-limit-key.js';
import { requestTrailers } from '../pipeline/request-trailers.js';
import type { Forwardable } from '../pipeline/states.js';
import type { ClientRequest, ClientSide } from './client-side.js';
import { hasBody, RequestBody } from './request-body.js';

/** How long the gateway still waits, in milliseconds: the name under which Envoy tells it, and services look for it. */
export const DEADLINE_HEADER = 'x-envoy-expected-rq-timeout-ms';

/**
 * When the gateway gives up on a request, in monotonic milliseconds; infinite where nothing says so. A client's own
 * deadline counts where it is the sooner one: it can have the gateway wait less, and never longer.
 */
function deadlineOf({ headers }: ClientRequest, totalTimeoutMs: number, monotonic: () => number): number {
  const asked = headers[DEADLINE_HEADER];
  const askedMs =
    typeof asked === 'string' && /^[1-9][0-9]{0,8}$/.test(asked) ? Number(asked) : Number.POSITIVE_INFINITY;
  const leftMs = Math.min(askedMs, totalTimeoutMs > 0 ? totalTimeoutMs : Number.POSITIVE_INFINITY);
  return leftMs === Number.POSITIVE_INFINITY ? leftMs : monotonic() + leftMs;
}

/** Node's timers count no further, and take more for nothing: 24 days. */
const LONGEST_TIMER_MS = 2 ** 31 - 1;

/**
 * Likewise for a gRPC call, which has counted since it arrived (`since`). The client's `grpc-timeout` is bounded by the
 * route's; one that only the route has is for the beginning of the answer, since the call may be a stream.
 */
function grpcDeadlineOf({ headers }: ClientRequest, totalTimeoutMs: number, since: number): number {
  const asked = headers['grpc-timeout'];
  const askedMs = typeof asked === 'string' ? grpcTimeoutMs(asked) : undefined;
  const leftMs = Math.min(
    askedMs ?? Number.POSITIVE_INFINITY,
    totalTimeoutMs > 0 ? totalTimeoutMs : Number.POSITIVE_INFINITY,
  );
  return leftMs === Number.POSITIVE_INFINITY ? leftMs : since + Math.min(leftMs, LONGEST_TIMER_MS);
}

/** A request as undici's dispatcher takes it, and as it is repeated. */
export class OutgoingRequest {
  readonly origin: string;
  /** Without a fixed name undici reconnects whenever the Host changes. */
  readonly servername: string;
  readonly path: string;
  readonly method: string;
  readonly headers: string[];
  readonly bodyTimeout = 0;
  readonly retries: number;
  readonly tryTimeoutMs: number;
  body: RequestBody | null;
  headersTimeout: number;
  readonly forwardable: Forwardable;
  /** Monotonic milliseconds; infinite without one. */
  readonly deadline: number;
  /** Nobody waits for a response any more, or there is one already. */
  isOver: () => boolean = () => false;
  readonly #client: ClientSide;
  readonly #bodyIdleMs: number;
  readonly #monotonic: () => number;
  /** Where the headers tell the deadline; 0 where they do not. */
  readonly #deadlineAt: number;
  /** When it first may have reached a target. */
  #firstSentAt = Number.NaN;

  constructor(forwardable: Forwardable, client: ClientSide, bodyIdleMs: number, monotonic: () => number) {
    const { route, target, upstreamHeaders } = forwardable;
    const { clientRequest } = client;
    this.forwardable = forwardable;
    this.#client = client;
    this.#bodyIdleMs = bodyIdleMs;
    this.#monotonic = monotonic;
    this.origin = `https://${route.upstream}`;
    this.servername = route.upstream;
    this.path = target;
    this.method = clientRequest.method ?? 'GET';
    this.headers = upstreamHeaders as string[];
    this.retries = route.retries;
    this.tryTimeoutMs = route.tryTimeoutMs;
    this.headersTimeout = route.timeoutMs;
    this.deadline = this.#isGrpc
      ? grpcDeadlineOf(clientRequest, route.totalTimeoutMs, client.arrivedAt)
      : deadlineOf(clientRequest, route.totalTimeoutMs, monotonic);
    this.body = hasBody(clientRequest) ? this.#newBody() : null;
    this.#deadlineAt = this.#placeDeadline();
    this.#tellDeadline();
  }

  /** The same once more, with the time that is left; undefined when it is too late, or part of its body is gone. */
  again(): this | undefined {
    const now = this.#monotonic();
    if (Number.isNaN(this.#firstSentAt)) this.#firstSentAt = this.#client.transfer.sentAt;
    const waitedMs = Number.isNaN(this.#firstSentAt) ? 0 : now - this.#firstSentAt;
    const leftMs = Math.ceil(this.forwardable.route.timeoutMs - waitedMs);
    if (this.isOver() || leftMs <= 0 || now >= this.deadline) return undefined;
    if (this.body !== null) {
      if (this.body.hasBegun) return undefined;
      this.body.destroy();
      this.body = this.#newBody();
    }
    this.headersTimeout = leftMs;
    this.#tellDeadline();
    return this;
  }

  /** Whoever shares a limit shares a target. Asked only where targets are chosen by caller. */
  callerKey(on: 'subject' | 'address'): string {
    return rateLimitKey(on, this.forwardable);
  }

  /** What the client sends behind its body, when it has. HTTP/1.1 clients' end here. */
  readonly trailers = (): readonly string[] => {
    const { rawTrailers = [] } = this.#client.clientRequest;
    return rawTrailers.length === 0 ? rawTrailers : requestTrailers(rawTrailers, this.forwardable);
  };

  /** It ends when its client has said, and not when the answer has begun. */
  get hasClientDeadline(): boolean {
    return this.#isGrpc && this.#deadlineAt > 0;
  }

  get #isGrpc(): boolean {
    return this.forwardable.request.isGrpc === true;
  }

  /** A gRPC call hands on its own deadline only: one for the beginning of a stream would end it at the upstream. */
  #placeDeadline(): number {
    if (this.#isGrpc)
      return this.headers.findIndex((name, index) => index % 2 === 0 && name === 'grpc-timeout') + 1;
    if (!Number.isFinite(this.deadline)) return 0;
    return this.headers.push(DEADLINE_HEADER, '') - 1;
  }

  #newBody(): RequestBody {
    const { route } = this.forwardable;
    const { clientRequest, transfer } = this.#client;
    const idleMs = this.#isGrpc ? route.streamIdleTimeoutMs : this.#bodyIdleMs;
    const limits = { maxBytes: route.maxBodyBytes, idleMs, isTwoWay: this.#isGrpc };
    return new RequestBody(clientRequest, limits, transfer);
  }

  #tellDeadline(): void {
    if (this.#deadlineAt === 0) return;
    const leftMs = this.deadline - this.#monotonic();
    this.headers[this.#deadlineAt] = this.#isGrpc
      ? grpcTimeoutText(leftMs)
      : String(Math.max(1, Math.round(leftMs)));
  }
}

/** The deadline has passed. Not the upstream's fault where the client wanted it sooner than the route allows. */
export const deadlineError = (isClients: boolean): Error =>
  isClients ? new Error('the client waits no longer') : new Problem('upstream_timeout');
