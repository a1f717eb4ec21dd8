import type { Dispatcher } from 'undici';
import { Problem } from '../../contracts/problem.js';
import type { Forwarded, OpenTraffic, Transfer } from '../pipeline/ports.js';
import type { Forwardable } from '../pipeline/states.js';
import type { ClientRequest, ClientResponse } from './client-side.js';
import { EventStream, isEventStream } from './event-stream.js';
import { deadlineError, deadlineOf, OutgoingRequest } from './outgoing-request.js';
import { hasBody } from './request-body.js';
import { responseHeaders, responseTrailers } from './response-headers.js';
import type { Shutdown } from './shutdown.js';
import { upstreamProblem } from './upstream-problem.js';

export interface ForwardLimits {
  /** Longest pause in a request body. */
  bodyIdleMs: number;
  /** How long a client may take nothing while a response waits for it. */
  clientStallMs: number;
}

/** What is noted down about a request under way. */
export interface Observed {
  transfer: Transfer;
  open: OpenTraffic;
  shutdown: Shutdown;
  /** Milliseconds that never jump back. */
  monotonic(): number;
}

/** What the gateway itself does about a response, in the client's protocol. */
export interface OwnWord {
  /** Answers in the upstream's place; only called before anything of a response was sent. */
  refuse(problem: Problem): void;
  /** Ends it after that: what was sent must not look whole. */
  cut(problem: Problem): void;
  /** Likewise, without a word to a client that reads nothing. */
  breakOff(): void;
  /** The reply was whole, and its client is to come back elsewhere. */
  leave(): void;
}

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
  if (response.destroyed) return Promise.resolve({ status: 0 });
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

/** undici's side of one exchange: everything it calls, from the connection to the last byte. */
class ResponseRelay implements Dispatcher.DispatchHandler {
  readonly #forwardable: Forwardable;
  readonly #outgoing: OutgoingRequest;
  readonly #response: ClientResponse;
  readonly #limits: ForwardLimits;
  readonly #observed: Observed;
  readonly #own: OwnWord;
  readonly #resolve: (forwarded: Forwarded) => void;
  #abort: ((error?: Error) => void) | undefined;
  #resume: (() => void) | undefined;
  #aborted = false;
  #started = false;
  #isRefused = false;
  #events: EventStream | undefined;
  #problem: Problem | undefined;
  #stall: NodeJS.Timeout | undefined;
  #idle: NodeJS.Timeout | undefined;
  #total: NodeJS.Timeout | undefined;
  /** The client has not taken what it was sent. */
  #isHeldUp = false;

  constructor(
    outgoing: OutgoingRequest,
    response: ClientResponse,
    limits: ForwardLimits,
    observed: Observed,
    own: OwnWord,
    resolve: (forwarded: Forwarded) => void,
  ) {
    this.#forwardable = outgoing.forwardable;
    this.#outgoing = outgoing;
    this.#response = response;
    this.#limits = limits;
    this.#observed = observed;
    this.#own = own;
    this.#resolve = resolve;
    response.once('close', this.#onClientClose);
  }

  /** Nothing that still comes can change the reply. */
  get isOver(): boolean {
    return this.#aborted || this.#started || this.#problem !== undefined;
  }

  onConnect(abort: (error?: Error) => void): void {
    const { transfer, monotonic } = this.#observed;
    transfer.sentAt = monotonic();
    if (this.isOver) abort(new Error('nobody waits any more'));
    else this.#abort = abort;
  }

  /** All of it, however many targets it takes. Streams of events are let off when they begin. */
  limitTotal(leftMs: number): void {
    const { totalTimeoutMs } = this.#forwardable.route;
    const isClients = totalTimeoutMs === 0 || leftMs < totalTimeoutMs;
    this.#total = setTimeout(() => {
      this.#problem = new Problem('upstream_timeout');
      this.#abort?.(deadlineError(isClients || this.#started));
      // Between two targets there is nothing to abort.
      this.onError(this.#problem);
    }, leftMs).unref();
  }

  onHeaders(status: number, rawHeaders: Buffer[], resume: () => void): boolean {
    // An informational response is the upstream's affair with this hop (RFC 9110 section 15.2).
    if (status < 200) return true;
    if (this.#aborted) return false;
    const headers = this.#writeHead(status, rawHeaders);
    if (headers === undefined) return false;
    this.#started = true;
    this.#resume = resume;
    const { transfer, monotonic } = this.#observed;
    transfer.answeredAt = monotonic();
    // Whole already (RFC 9112 section 6.3). undici would miss the body that a 304's Content-Length speaks of.
    if (status === 204 || status === 304) this.#response.end();
    else if (isEventStream(headers)) this.#openStream(headers);
    else this.#watchIdle(this.#forwardable.route.idleTimeoutMs);
    return true;
  }

  /** Undefined: the response is given up, and `onError` is on its way. */
  #writeHead(status: number, raw: Buffer[]): string[] | undefined {
    const { route, request, responseHeaders: further } = this.#forwardable;
    const { req } = this.#response;
    try {
      const headers = responseHeaders(raw, status, route.droppedHeaders);
      headers.push('x-request-id', request.id, ...further);
      // The rest of a body that nobody reads any more would be taken for the next request (RFC 9112 section 9.6).
      if (!req.complete && hasBody(req)) headers.push('connection', 'close');
      this.#observed.shutdown.closeAfter(this.#response);
      this.#response.writeHead(status, headers);
      return headers;
    } catch (error) {
      this.#abort?.(error as Error);
      return undefined;
    }
  }

  onData(chunk: Buffer): boolean {
    if (this.#aborted) return false;
    this.#idle?.refresh();
    this.#observed.transfer.bytesOut += chunk.length;
    const isTaken = this.#response.write(chunk);
    this.#events?.passed(chunk);
    if (isTaken) return true;
    this.#waitForClient();
    return false;
  }

  onComplete(rawTrailers: (Buffer | string)[] | null): void {
    this.#stopTimers();
    if (this.#aborted || this.#response.writableEnded) return;
    if (rawTrailers !== null && rawTrailers.length > 0)
      this.#response.addTrailers(responseTrailers(rawTrailers, this.#forwardable.route.droppedHeaders));
    this.#response.end();
  }

  onError(error: Error): void {
    this.#stopTimers();
    if (this.#aborted || this.#isRefused || this.#response.writableEnded) return;
    this.#problem ??= upstreamProblem(error);
    if (this.#started) {
      this.#own.cut(this.#problem);
      return;
    }
    this.#isRefused = true;
    // What is left of the body is not for the upstream any more.
    this.#outgoing.body?.destroy();
    this.#own.refuse(this.#problem);
  }

  readonly #onClientClose = (): void => {
    this.#stopTimers();
    const response = this.#response;
    if (!response.writableFinished && !this.#aborted) {
      this.#aborted = true;
      this.#abort?.(new Error('the client has gone'));
    }
    const status = response.headersSent ? response.statusCode : 0;
    this.#resolve(this.#problem === undefined ? { status } : { status, problem: this.#problem });
  };

  /** Nothing is read from the upstream while the client's connection is full; a client that stays so is cut off. */
  #waitForClient(): void {
    this.#isHeldUp = true;
    this.#stall = setTimeout(() => this.#own.breakOff(), this.#limits.clientStallMs).unref();
    this.#response.once('drain', () => {
      clearTimeout(this.#stall);
      this.#isHeldUp = false;
      this.#idle?.refresh();
      this.#resume?.();
    });
  }

  /** An upstream that falls silent in mid-body is cut off. Streams of events have a time of their own. */
  #watchIdle(idleTimeoutMs: number): void {
    if (idleTimeoutMs === 0) return;
    this.#idle = setTimeout(() => {
      // The silence is the client's. A timer that was cleared could not be started again.
      if (this.#isHeldUp) {
        this.#idle?.refresh();
        return;
      }
      this.#problem = new Problem('upstream_timeout');
      this.#abort?.(this.#problem);
    }, idleTimeoutMs).unref();
  }

  #openStream(headers: readonly string[]): void {
    clearTimeout(this.#total);
    // Node keeps the headers back until there is something to go with them, which may be hours here.
    this.#response.flushHeaders();
    const { open, shutdown } = this.#observed;
    open.streams += 1;
    this.#events = new EventStream(headers, this.#endStream);
    const remove = shutdown.add(this.#events);
    this.#response.once('close', () => {
      open.streams -= 1;
      remove();
    });
    this.#watchIdle(this.#forwardable.route.streamIdleTimeoutMs);
  }

  readonly #endStream = (isWhole: boolean): void => {
    if (this.#aborted || this.#response.writableEnded) return;
    this.#aborted = true;
    this.#abort?.(new Error('the gateway is stopping'));
    if (isWhole) this.#response.end(() => this.#own.leave());
    else this.#own.breakOff();
  };

  #stopTimers(): void {
    clearTimeout(this.#total);
    clearTimeout(this.#idle);
    clearTimeout(this.#stall);
  }
}
