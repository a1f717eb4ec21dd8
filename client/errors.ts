import type { ProblemCode } from '../contracts/problem-codes.js';

/**
 * What went wrong: the gateway's or auth service's own code (docs/errors.md), or one of the SDK's:
 * - `network_error`: no answer came: offline, refused, timed out
 * - `unexpected_answer`: an answer that is none of theirs, as from a proxy in between
 */
export type ErrorCode = ProblemCode | 'network_error' | 'unexpected_answer';

/** Every error that the SDK throws by itself. It never holds a token. */
export class GatehouseError extends Error {
  override readonly name = 'GatehouseError';
  readonly code: ErrorCode;
  /** HTTP status; 0 without an answer. */
  readonly status: number;
  /** For whoever looks it up in the logs. */
  readonly requestId: string | undefined;
  /** Milliseconds after which trying again makes sense, where the answer says so. */
  readonly retryAfterMs: number | undefined;

  constructor(
    code: ErrorCode,
    message: string,
    details: { status?: number; requestId?: string; retryAfterMs?: number | undefined; cause?: unknown } = {},
  ) {
    super(message, 'cause' in details ? { cause: details.cause } : undefined);
    this.code = code;
    this.status = details.status ?? 0;
    this.requestId = details.requestId;
    this.retryAfterMs = details.retryAfterMs;
  }

  /** Whether the same call may well succeed later: an outage, a limit, being offline. It says nothing about the session. */
  get isTransient(): boolean {
    const { code, status } = this;
    const isStrange = code === 'unexpected_answer' && status < 400; // a captive portal
    return isStrange || status === 0 || status === 429 || status >= 500;
  }
}

/** A call for a token that failed. */
export interface Refusal {
  error: GatehouseError;
  /** Unix milliseconds by this device. */
  atMs: number;
}

/**
 * Whether nobody asks again yet: for as long as the answer says, else for a second, so that an outage does not meet every
 * call. A clock that was set back since makes nobody wait.
 */
export function isInForce(refusal: Refusal | undefined, nowMs: number): refusal is Refusal {
  if (refusal === undefined) return false;
  const passedMs = nowMs - refusal.atMs;
  return passedMs >= 0 && passedMs < (refusal.error.retryAfterMs ?? 1000);
}
