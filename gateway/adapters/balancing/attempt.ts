import { type Dispatcher, errors } from 'undici';
import { Problem } from '../../../contracts/problem.js';
import type { Place } from '../../../kit/linked-list.js';
import { UnprocessedError } from '../http2-upstream/http2-errors.js';
import type { HasCaller } from './choose-by-hash.js';
import type { Target, Waiting } from './target.js';
import type { Targets } from './targets.js';
import type { UpstreamRecord } from './upstream-record.js';

/** undici's options, and how the request may be repeated. */
export interface RepeatableOptions extends Dispatcher.DispatchOptions, HasCaller {
  /** How often it may be sent again when it may have reached a target. Default: never. */
  retries?: number;
  servername?: string;
  /** How long a target may take to begin its answer before another one is tried; 0 for no such bound. */
  tryTimeoutMs?: number;
  /** What to send in its place; undefined when it cannot be sent again. Absent: the same. */
  again?(): RepeatableOptions | undefined;
}

/** Whoever asks may have to wait for its turn. */
export interface WaitingHandler extends Dispatcher.DispatchHandler {
  /** `giveUp`: it does not want its turn any more. It hears nothing further then. */
  onWaiting?(giveUp: () => void): void;
}

/** What an attempt needs of its upstream. */
export interface AttemptPorts {
  monotonic(): number;
  after(delayMs: number, fn: () => void): () => void;
  readonly targets: Pick<Targets, 'count' | 'nextBut' | 'patienceMs'>;
  readonly record: UpstreamRecord;
  takeRetry(): boolean;
  answered(target: Target, tookMs: number, status: number): void;
  failed(target: Target): void;
  /** The request has ended, whatever its end. */
  ended(): void;
}

/** RFC 9110 section 9.2.2. Nobody has to say so for a method of which it is not known. */
const IDEMPOTENT: ReadonlySet<string> = new Set(['GET', 'HEAD', 'OPTIONS', 'PUT', 'DELETE']);

export function isRepeatable({ method, retries = 0 }: RepeatableOptions): boolean {
  return retries > 0 && IDEMPOTENT.has(method);
}

/** The target is given up for another one; it counts as a failure of the target. */
class TryTimeoutError extends errors.HeadersTimeoutError {}

/**
 * One request on its way to one target after the other, between undici and whoever asked. A connection that cannot be
 * made is passed over, whatever the method: nothing has been sent. What may have been sent is repeated only if its
 * method allows that, before anything of a response came, and within the upstream's budget (ADR 14).
 */
export class Attempt implements Dispatcher.DispatchHandler, Waiting {
  readonly #upstream: AttemptPorts;
  readonly #handler: Dispatcher.DispatchHandler;
  #options: RepeatableOptions;
  #target: Target;
  /** The caller's, where that is what targets are chosen by. */
  readonly #key: number;
  readonly #tried: Target[] = [];
  #retriesLeft: number;
  /** What is sent next, once the present target has been left. */
  #next: RepeatableOptions | undefined;
  #abort: ((error?: Error) => void) | undefined;
  #cancelTry: (() => void) | undefined;
  /** Among those that wait for the target. */
  #place: Place<Waiting> | undefined;
  #answered = false;
  sentAt = Number.NaN;

  constructor(
    upstream: AttemptPorts,
    options: RepeatableOptions,
    handler: Dispatcher.DispatchHandler,
    target: Target,
    key: number,
  ) {
    this.#upstream = upstream;
    this.#options = options;
    this.#handler = handler;
    this.#target = target;
    this.#key = key;
    this.#retriesLeft = isRepeatable(options) ? (options.retries ?? 0) : 0;
  }

  send(): void {
    const target = this.#target;
    target.inFlight += 1;
    if (target.isOnTrial) target.trial ??= this;
    this.#abort = undefined;
    try {
      target.connections.pool.dispatch(this.#options, this);
    } catch (error) {
      this.onError(error as Error);
    }
  }

  moveOn(): void {
    this.#next ??= this.#retry();
    if (this.#next !== undefined) this.#abort?.(new TryTimeoutError());
  }

  onConnect(abort: (error?: Error) => void): void {
    this.sentAt = this.#upstream.monotonic();
    this.#abort = abort;
    this.#place = this.#target.waiting.add(this);
    const { tryTimeoutMs = 0 } = this.#options;
    const patienceMs = this.#target.trial === this ? this.#upstream.targets.patienceMs : tryTimeoutMs;
    if (this.#retriesLeft > 0 && patienceMs > 0)
      this.#cancelTry = this.#upstream.after(patienceMs, () => this.moveOn());
    this.#handler.onConnect?.(abort);
  }

  onHeaders(status: number, headers: Buffer[], resume: () => void, statusText: string): boolean {
    if (status >= 200) {
      this.#answered = true;
      this.#stopWaiting();
      this.#upstream.answered(this.#target, this.#upstream.monotonic() - this.sentAt, status);
    }
    return this.#handler.onHeaders?.(status, headers, resume, statusText) ?? true;
  }

  onData(chunk: Buffer): boolean {
    return this.#handler.onData?.(chunk) ?? true;
  }

  onComplete(trailers: string[] | null): void {
    this.#leave();
    this.#upstream.ended();
    this.#handler.onComplete?.(trailers);
  }

  onError(error: Error): void {
    const left = this.#target;
    const wasSent = this.#abort !== undefined && !(error instanceof UnprocessedError);
    this.#leave();
    const isFault = isTargetsFault(error) && !(this.#answered && error instanceof Problem);
    if (isFault) this.#upstream.failed(left);
    if (isFault && !this.#answered && !isInvalidAnswer(error))
      this.#next ??= wasSent ? this.#retry() : this.#passOver();
    this.#tried.push(left);
    const target = this.#next && this.#upstream.targets.nextBut(this.#tried, this.#key);
    if (this.#next === undefined || target === undefined) {
      this.#upstream.ended();
      this.#handler.onError?.(error);
      return;
    }
    this.#options = this.#next;
    this.#next = undefined;
    this.#target = target;
    this.send();
  }

  /** Nothing was sent: there is no bound but the number of targets. */
  #passOver(): RepeatableOptions | undefined {
    const next = this.#tried.length + 1 < this.#upstream.targets.count ? this.#again() : undefined;
    if (next !== undefined) this.#upstream.record.passedOver += 1;
    return next;
  }

  #retry(): RepeatableOptions | undefined {
    if (this.#retriesLeft === 0) return undefined;
    const options = this.#again();
    if (options === undefined || !this.#upstream.takeRetry()) return undefined;
    this.#retriesLeft -= 1;
    return options;
  }

  #again(): RepeatableOptions | undefined {
    return this.#options.again === undefined ? this.#options : this.#options.again();
  }

  #leave(): void {
    this.#target.inFlight -= 1;
    if (this.#target.trial === this) this.#target.trial = undefined;
    this.#stopWaiting();
  }

  #stopWaiting(): void {
    this.#place?.leave();
    this.#cancelTry?.();
    this.#cancelTry = undefined;
  }
}

/** It did answer, in a way that could be read as two: no further answer makes that one better (RFC 9112 section 11.2). */
function isInvalidAnswer(error: Error): boolean {
  return (
    error instanceof errors.HTTPParserError || INVALID_ANSWER.has(String((error as { code?: unknown }).code))
  );
}

const INVALID_ANSWER: ReadonlySet<string> = new Set([
  'UND_ERR_HEADERS_OVERFLOW',
  'UND_ERR_RES_CONTENT_LENGTH_MISMATCH',
]);

/** Not of the client, who went away or sent something wrong, and not of ours. */
const NOT_THE_TARGETS = new Set([
  'UND_ERR_ABORTED',
  'UND_ERR_INVALID_ARG',
  'UND_ERR_REQ_CONTENT_LENGTH_MISMATCH',
  'UND_ERR_DESTROYED',
  'UND_ERR_CLOSED',
  'UND_ERR_NOT_SUPPORTED',
]);

export function isTargetsFault(error: Error): boolean {
  if (error instanceof Problem) return error.code.startsWith('upstream_');
  if (error instanceof errors.HTTPParserError) return true;
  // A signal's own abort has a number.
  const { code } = error as { code?: unknown };
  return typeof code === 'string' && !NOT_THE_TARGETS.has(code);
}
