import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Dispatcher } from 'undici';
import { Problem } from '../../contracts/problem.js';
import type { Forwarded, OpenTraffic, Transfer } from '../pipeline/ports.js';
import type { Forwardable } from '../pipeline/states.js';
import { hasBody, RequestBody } from './request-body.js';
import { responseHeaders, responseTrailers } from './response-headers.js';
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
  /** Milliseconds that never jump back. */
  monotonic(): number;
}

/** Answers the client in the upstream's place; only called before anything of a response was sent. */
export type Refuse = (problem: Problem) => void;

/**
 * Sends a request to its upstream and the response back, straight between undici's dispatcher and the raw response: no
 * stream in between, headers as flat lists. Resolves when the reply has ended, whatever its end.
 */
export function forwardHttp(
  forwardable: Forwardable,
  request: IncomingMessage,
  response: ServerResponse,
  dispatcher: Dispatcher,
  limits: ForwardLimits,
  observed: Observed,
  refuse: Refuse,
): Promise<Forwarded> {
  const { route, target, upstreamHeaders } = forwardable;
  const { method = 'GET' } = request;
  const body = hasBody(request)
    ? new RequestBody(request, { maxBytes: route.maxBodyBytes, idleMs: limits.bodyIdleMs }, observed.transfer)
    : null;
  // RFC 9110 section 10.1.1: not without a body, and never to an HTTP/1.0 client.
  if (body !== null && request.headers.expect !== undefined && request.httpVersion === '1.1')
    response.writeContinue();
  return new Promise((resolve) => {
    const relay = new ResponseRelay(forwardable, response, limits, observed, refuse, resolve);
    const options = {
      // The pool is the upstream's own; without a fixed name undici reconnects whenever the Host changes.
      origin: `https://${route.upstream}`,
      servername: route.upstream,
      path: target,
      method,
      headers: upstreamHeaders as string[],
      body,
      headersTimeout: route.timeoutMs,
      bodyTimeout: 0,
    };
    try {
      dispatcher.dispatch(options, relay);
    } catch (error) {
      relay.onError(error as Error);
    }
  });
}

/** undici's side of one exchange: everything it calls, from the connection to the last byte. */
class ResponseRelay implements Dispatcher.DispatchHandler {
  readonly #forwardable: Forwardable;
  readonly #response: ServerResponse;
  readonly #limits: ForwardLimits;
  readonly #observed: Observed;
  readonly #refuse: Refuse;
  readonly #resolve: (forwarded: Forwarded) => void;
  #abort: ((error?: Error) => void) | undefined;
  #resume: (() => void) | undefined;
  #aborted = false;
  #started = false;
  #problem: Problem | undefined;
  #stall: NodeJS.Timeout | undefined;
  #idle: NodeJS.Timeout | undefined;

  constructor(
    forwardable: Forwardable,
    response: ServerResponse,
    limits: ForwardLimits,
    observed: Observed,
    refuse: Refuse,
    resolve: (forwarded: Forwarded) => void,
  ) {
    this.#forwardable = forwardable;
    this.#response = response;
    this.#limits = limits;
    this.#observed = observed;
    this.#refuse = refuse;
    this.#resolve = resolve;
    response.once('close', this.#onClientClose);
  }

  onConnect(abort: (error?: Error) => void): void {
    const { transfer, monotonic } = this.#observed;
    transfer.sentAt = monotonic();
    if (this.#aborted) abort(new Error('the client has gone'));
    else this.#abort = abort;
  }

  onHeaders(status: number, rawHeaders: Buffer[], resume: () => void): boolean {
    // An informational response is the upstream's affair with this hop (RFC 9110 section 15.2).
    if (status < 200) return true;
    if (this.#aborted) return false;
    const headers = this.#readHeaders(status, rawHeaders);
    if (headers === undefined) return false;
    this.#started = true;
    this.#resume = resume;
    const { transfer, monotonic } = this.#observed;
    transfer.answeredAt = monotonic();
    headers.push('x-request-id', this.#forwardable.request.id, ...this.#forwardable.responseHeaders);
    // The rest of a body that nobody reads any more would be taken for the next request (RFC 9112 section 9.6).
    if (!this.#response.req.complete && hasBody(this.#response.req)) headers.push('connection', 'close');
    this.#response.writeHead(status, headers);
    // Whole already (RFC 9112 section 6.3). undici would miss the body that a 304's Content-Length speaks of.
    if (status === 204 || status === 304) this.#response.end();
    else if (isEventStream(headers)) this.#countStream();
    else this.#watchIdle();
    return true;
  }

  /** Undefined: the response is given up, and `onError` is on its way. */
  #readHeaders(status: number, raw: Buffer[]): string[] | undefined {
    try {
      return responseHeaders(raw, status, this.#forwardable.route.droppedHeaders);
    } catch (error) {
      this.#abort?.(error as Error);
      return undefined;
    }
  }

  onData(chunk: Buffer): boolean {
    if (this.#aborted) return false;
    this.#idle?.refresh();
    this.#observed.transfer.bytesOut += chunk.length;
    if (this.#response.write(chunk)) return true;
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
    if (this.#aborted || this.#response.writableEnded) return;
    this.#problem ??= upstreamProblem(error);
    if (this.#started) {
      // A body that stops half-way must not look whole: the connection is cut instead of ended.
      this.#response.destroy();
    } else {
      this.#refuse(this.#problem);
    }
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
    clearTimeout(this.#idle);
    this.#stall = setTimeout(() => this.#response.destroy(), this.#limits.clientStallMs).unref();
    this.#response.once('drain', () => {
      clearTimeout(this.#stall);
      this.#idle?.refresh();
      this.#resume?.();
    });
  }

  /** An upstream that falls silent in mid-body is cut off, but for streams of events, which may be silent. */
  #watchIdle(): void {
    const { idleTimeoutMs } = this.#forwardable.route;
    if (idleTimeoutMs === 0) return;
    this.#idle = setTimeout(() => {
      this.#problem = new Problem('upstream_timeout');
      this.#abort?.(this.#problem);
    }, idleTimeoutMs).unref();
  }

  #countStream(): void {
    // Node keeps the headers back until there is something to go with them, which may be hours here.
    this.#response.flushHeaders();
    const { open } = this.#observed;
    open.streams += 1;
    this.#response.once('close', () => {
      open.streams -= 1;
    });
  }

  #stopTimers(): void {
    clearTimeout(this.#idle);
    clearTimeout(this.#stall);
  }
}

function isEventStream(headers: readonly string[]): boolean {
  const at = headers.findIndex((text, index) => index % 2 === 0 && text.toLowerCase() === 'content-type');
  return at !== -1 && (headers[at + 1] ?? '').startsWith('text/event-stream');
}
