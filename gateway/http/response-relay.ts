import type { Dispatcher } from 'undici';
import { Problem } from '../../contracts/problem.js';
import type { CutReason, Forwarded, OpenTraffic } from '../pipeline/ports.js';
import type { Forwardable } from '../pipeline/states.js';
import type { ClientResponse, ClientSide } from './client-side.js';
import { EventStream, isEventStream } from './event-stream.js';
import { grpcStatusIn } from './grpc-status.js';
import { deadlineError, type OutgoingRequest } from './outgoing-request.js';
import { hasBody, lateBody } from './request-body.js';
import { responseHeaders, responseTrailers } from './response-headers.js';
import { ResponseTimes } from './response-times.js';
import type { OpenStream, Shutdown } from './shutdown.js';
import { upstreamProblem } from './upstream-problem.js';

export interface ForwardLimits {
  /** Longest pause in a request body. */
  bodyIdleMs: number;
  /** How long a client may take nothing while a response waits for it. */
  clientStallMs: number;
}

/** What is noted down about a request under way. */
export interface Observed {
  open: OpenTraffic;
  shutdown: Shutdown;
  /** Milliseconds that never jump back. */
  monotonic(): number;
}

/** undici's side of one exchange: everything it calls, from the connection to the last byte. */
export class ResponseRelay implements Dispatcher.DispatchHandler {
  /** Resolves when the reply has ended, whatever its end. */
  readonly ended: Promise<Forwarded>;
  readonly #forwardable: Forwardable;
  readonly #outgoing: OutgoingRequest;
  readonly #response: ClientResponse;
  readonly #limits: ForwardLimits;
  readonly #observed: Observed;
  readonly #client: ClientSide;
  #resolve: (forwarded: Forwarded) => void = () => undefined;
  readonly #times = new ResponseTimes();
  #abort: ((error?: Error) => void) | undefined;
  #resume: (() => void) | undefined;
  #aborted = false;
  #started = false;
  #isRefused = false;
  #events: EventStream | undefined;
  #problem: Problem | undefined;
  #cut: CutReason | undefined;

  constructor(outgoing: OutgoingRequest, client: ClientSide, limits: ForwardLimits, observed: Observed) {
    this.#forwardable = outgoing.forwardable;
    this.#outgoing = outgoing;
    this.#client = client;
    this.#response = client.response;
    this.#limits = limits;
    this.#observed = observed;
    this.ended = new Promise((resolve) => {
      this.#resolve = resolve;
    });
    // Comes once; `once` would cost a listener around this one.
    client.response.on('close', () => this.#onClientClose());
  }

  /** Nothing that still comes can change the reply. */
  get isOver(): boolean {
    return this.#aborted || this.#started || this.#problem !== undefined;
  }

  /** For its turn at the upstream. */
  onWaiting(giveUp: () => void): void {
    this.#abort = giveUp;
  }

  onConnect(abort: (error?: Error) => void): void {
    this.#client.transfer.sentAt = this.#observed.monotonic();
    if (this.isOver) abort(new Error('nobody waits any more'));
    else this.#abort = abort;
  }

  /** All of it, however many targets it takes. Streams of events are let off when they begin. */
  limitTotal(leftMs: number): void {
    const { totalTimeoutMs } = this.#forwardable.route;
    const isClients = totalTimeoutMs === 0 || leftMs < totalTimeoutMs;
    this.#times.limitTotal(leftMs, () => {
      const isBodyLate = this.#outgoing.body?.isAwaited === true;
      this.#problem = isBodyLate ? lateBody() : new Problem('upstream_timeout');
      this.#abort?.(deadlineError(isClients || isBodyLate || this.#started));
      // Between two targets there is nothing to abort.
      this.onError(this.#problem);
    });
  }

  onHeaders(status: number, rawHeaders: Buffer[], resume: () => void): boolean {
    // An informational response is the upstream's affair with this hop (RFC 9110 section 15.2).
    if (status < 200) return true;
    if (this.#aborted) return false;
    const headers = this.#writeHead(status, rawHeaders);
    if (headers === undefined) return false;
    this.#started = true;
    this.#resume = resume;
    this.#client.transfer.answeredAt = this.#observed.monotonic();
    // Whole already (RFC 9112 section 6.3). undici would miss the body that a 304's Content-Length speaks of.
    if (status === 204 || status === 304) this.#response.end();
    else if (this.#forwardable.request.isGrpc === true) this.#openGrpc(headers);
    else if (isEventStream(headers)) this.#openStream(headers);
    else this.#limitSilence(this.#forwardable.route.idleTimeoutMs);
    return true;
  }

  /** Undefined: the response is given up, and `onError` is on its way. */
  #writeHead(status: number, raw: Buffer[]): string[] | undefined {
    const { route, request, responseHeaders: further } = this.#forwardable;
    const { req } = this.#response;
    try {
      const needsFraming = route.needsFraming && request.method !== 'HEAD';
      const headers = responseHeaders(raw, status, route.droppedHeaders, needsFraming);
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
    this.#times.heard();
    this.#client.transfer.bytesOut += chunk.length;
    const isTaken = this.#response.write(chunk);
    this.#events?.passed(chunk);
    if (isTaken) return true;
    this.#waitForClient();
    return false;
  }

  onComplete(rawTrailers: (Buffer | string)[] | null): void {
    this.#times.stop();
    if (this.#aborted || this.#response.writableEnded) return;
    this.#client.transfer.grpcStatus ??= grpcStatusIn(rawTrailers ?? []);
    if (rawTrailers !== null && rawTrailers.length > 0)
      this.#response.addTrailers(responseTrailers(rawTrailers, this.#forwardable.route.droppedHeaders));
    this.#response.end();
  }

  onError(error: Error): void {
    this.#times.stop();
    if (this.#aborted || this.#isRefused || this.#response.writableEnded) return;
    this.#problem ??= upstreamProblem(error);
    if (this.#started) {
      this.#client.breakOff(this.#problem);
      return;
    }
    this.#isRefused = true;
    // What is left of the body is not for the upstream any more.
    this.#outgoing.body?.destroy();
    this.#client.refuse(this.#problem, this.#forwardable.responseHeaders);
  }

  /** From outside, as when the caller's access ends. */
  cut(problem: Problem): void {
    if (this.#aborted || this.#isRefused || this.#response.writableEnded) return;
    this.#times.stop();
    this.#problem = problem;
    this.#aborted = true;
    this.#abort?.(problem);
    this.#outgoing.body?.destroy();
    if (this.#started) this.#client.breakOff(problem);
    else this.#client.refuse(problem, this.#forwardable.responseHeaders);
  }

  #onClientClose(): void {
    this.#times.stop();
    const response = this.#response;
    if (!response.writableFinished && !this.#aborted) {
      this.#aborted = true;
      this.#abort?.(new Error('the client has gone'));
    }
    const status = response.headersSent ? response.statusCode : 0;
    this.#resolve({ status, problem: this.#problem, cut: this.#cutReason() });
  }

  #cutReason(): CutReason | undefined {
    if (this.#cut !== undefined) return this.#cut;
    if (this.#started && this.#problem !== undefined) return this.#problem.code;
    if (this.#response.writableFinished) return undefined;
    return this.#observed.shutdown.isOver ? 'shutting_down' : 'client_gone';
  }

  /** Nothing is read from the upstream while the client's connection is full; a client that stays so is cut off. */
  #waitForClient(): void {
    this.#times.heldUp(this.#limits.clientStallMs, () => {
      this.#cut = 'client_stalled';
      this.#client.breakOff();
    });
    this.#response.once('drain', () => {
      this.#times.drained();
      this.#resume?.();
    });
  }

  /** An upstream that falls silent in mid-body is cut off. Streams of events have a time of their own. */
  #limitSilence(idleTimeoutMs: number, isClientHeard = (): boolean => false): void {
    this.#times.limitSilence(idleTimeoutMs, () => {
      if (isClientHeard()) {
        this.#times.heard();
        return;
      }
      this.#problem = new Problem('upstream_timeout');
      this.#abort?.(this.#problem);
    });
  }

  /** Whether it is a stream, nobody can tell: a client's deadline holds to the end, and silence is counted as for streams. */
  #openGrpc(headers: readonly string[]): void {
    const { transfer } = this.#client;
    transfer.grpcStatus = grpcStatusIn(headers);
    const leave = (): void => this.cut(new Problem('shutting_down'));
    this.#countStream({
      // One that has sent nothing yet may be a unary call that is about to be answered.
      leave: () => {
        if (transfer.bytesOut > 0) leave();
      },
      leaveAtLast: leave,
    });
    if (!this.#outgoing.hasClientDeadline) this.#times.liftTotal();
    let { bytesIn } = transfer;
    this.#limitSilence(this.#forwardable.route.streamIdleTimeoutMs, () => {
      const isHeard = transfer.bytesIn > bytesIn;
      ({ bytesIn } = transfer);
      return isHeard;
    });
  }

  #openStream(headers: readonly string[]): void {
    this.#times.liftTotal();
    // Node keeps the headers back until there is something to go with them, which may be hours here.
    this.#response.flushHeaders();
    this.#events = new EventStream(headers, (isWhole) => this.#endStream(isWhole));
    this.#countStream(this.#events);
    this.#limitSilence(this.#forwardable.route.streamIdleTimeoutMs);
  }

  #countStream(stream: OpenStream): void {
    const { open, shutdown } = this.#observed;
    open.streams += 1;
    const remove = shutdown.add(stream);
    this.#response.once('close', () => {
      open.streams -= 1;
      remove();
    });
  }

  #endStream(isWhole: boolean): void {
    if (this.#aborted || this.#response.writableEnded) return;
    this.#aborted = true;
    this.#cut = 'shutting_down';
    this.#abort?.(new Error('the gateway is stopping'));
    if (isWhole) this.#response.end(() => this.#client.leave());
    else this.#client.breakOff();
  }
}
