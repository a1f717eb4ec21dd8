import { Problem } from '../../contracts/problem.js';
import type { Transfer } from '../pipeline/ports.js';
import type { Forwardable } from '../pipeline/states.js';
import type { ClientRequest } from './client-side.js';
import { hasBody, RequestBody, type RequestBodyLimits } from './request-body.js';

/** How long the gateway still waits, in milliseconds: the name under which Envoy tells it, and services look for it. */
export const DEADLINE_HEADER = 'x-envoy-expected-rq-timeout-ms';

/**
 * When the gateway gives up on a request, in monotonic milliseconds; infinite where nothing says so. A client's own
 * deadline counts where it is the sooner one: it can have the gateway wait less, and never longer.
 */
export function deadlineOf({ headers }: ClientRequest, totalTimeoutMs: number, now: number): number {
  const asked = headers[DEADLINE_HEADER];
  const askedMs =
    typeof asked === 'string' && /^[1-9][0-9]{0,8}$/.test(asked) ? Number(asked) : Number.POSITIVE_INFINITY;
  return now + Math.min(askedMs, totalTimeoutMs > 0 ? totalTimeoutMs : Number.POSITIVE_INFINITY);
}

export interface Outgoing {
  forwardable: Forwardable;
  request: ClientRequest;
  bodyLimits: RequestBodyLimits;
  transfer: Transfer;
  /** Monotonic milliseconds. */
  deadline: number;
  monotonic(): number;
  /** Nobody waits for a response any more, or there is one already. */
  isOver(): boolean;
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
  readonly #outgoing: Outgoing;
  /** When it first may have reached a target. */
  #firstSentAt = Number.NaN;

  constructor(outgoing: Outgoing) {
    const { route, target, upstreamHeaders } = outgoing.forwardable;
    this.#outgoing = outgoing;
    this.forwardable = outgoing.forwardable;
    this.origin = `https://${route.upstream}`;
    this.servername = route.upstream;
    this.path = target;
    this.method = outgoing.request.method ?? 'GET';
    this.headers = upstreamHeaders as string[];
    this.retries = route.retries;
    this.tryTimeoutMs = route.tryTimeoutMs;
    this.headersTimeout = route.timeoutMs;
    this.body = hasBody(outgoing.request) ? this.#newBody() : null;
    if (Number.isFinite(outgoing.deadline)) this.headers.push(DEADLINE_HEADER, this.#deadlineText());
  }

  /** The same once more, with the time that is left; undefined when it is too late, or part of its body is gone. */
  again(): this | undefined {
    const { forwardable, transfer, deadline, monotonic, isOver } = this.#outgoing;
    const now = monotonic();
    if (Number.isNaN(this.#firstSentAt)) this.#firstSentAt = transfer.sentAt;
    const waitedMs = Number.isNaN(this.#firstSentAt) ? 0 : now - this.#firstSentAt;
    const leftMs = Math.ceil(forwardable.route.timeoutMs - waitedMs);
    if (isOver() || leftMs <= 0 || now >= deadline) return undefined;
    if (this.body !== null) {
      if (this.body.hasBegun) return undefined;
      this.body.destroy();
      this.body = this.#newBody();
    }
    this.headersTimeout = leftMs;
    if (Number.isFinite(deadline)) this.headers[this.headers.length - 1] = this.#deadlineText();
    return this;
  }

  #newBody(): RequestBody {
    const { request, bodyLimits, transfer } = this.#outgoing;
    return new RequestBody(request, bodyLimits, transfer);
  }

  #deadlineText(): string {
    const { deadline, monotonic } = this.#outgoing;
    return String(Math.max(1, Math.round(deadline - monotonic())));
  }
}

/** The deadline has passed. Not the upstream's fault where the client wanted it sooner than the route allows. */
export const deadlineError = (isClients: boolean): Error =>
  isClients ? new Error('the client waits no longer') : new Problem('upstream_timeout');
