import type { ProblemCode } from '../contracts/problem-codes.js';
import { GatehouseError } from './errors.js';

export type Fetch = typeof globalThis.fetch;

/** An answer of the gateway's or the auth service's, read to its end. */
export interface Answer {
  status: number;
  body: Record<string, unknown>;
}

const TIMEOUT_MS = 10_000;

/**
 * A call of the SDK's own. Throws the error that an answer of 400 and above stands for, `network_error` when none comes
 * in time, and `unexpected_answer` for what is not in JSON, as from a proxy in between.
 */
export async function send(fetch: Fetch, url: string, init: RequestInit): Promise<Answer> {
  const inTime = new AbortController();
  const timer = setTimeout(() => inTime.abort(), TIMEOUT_MS);
  try {
    const always = { signal: inTime.signal, redirect: 'error', cache: 'no-store' } as const;
    const response = await fetch(url, { ...init, ...always });
    const body = parse(await response.text());
    if (!response.ok) throw refusal(response, body);
    if (body === undefined) throw unexpected(response);
    return { status: response.status, body };
  } catch (cause) {
    if (cause instanceof GatehouseError) throw cause;
    throw new GatehouseError('network_error', 'no answer from the gateway', { cause });
  } finally {
    clearTimeout(timer);
  }
}

export function postJson(body: object): { method: string; body: string; headers: Record<string, string> } {
  return { method: 'POST', body: JSON.stringify(body), headers: { 'content-type': 'application/json' } };
}

function parse(text: string): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : undefined;
  } catch {
    return undefined;
  }
}

/**
 * What an answer of 400 and above says, as an error; reads its body. `unexpected_answer` when it is of another kind, such
 * as a service's own.
 */
export async function errorOf(response: Response): Promise<GatehouseError> {
  return refusal(response, parse(await response.text()));
}

/** A problem (RFC 9457), or one of OAuth's errors (RFC 6749 section 5.2). */
function refusal(response: Response, body: Record<string, unknown> = {}): GatehouseError {
  const { code = body['error'], detail = body['error_description'], request_id: requestId } = body;
  if (typeof code !== 'string') return unexpected(response);
  return new GatehouseError(code as ProblemCode, typeof detail === 'string' ? detail : code, {
    status: response.status,
    retryAfterMs: retryAfterMs(response),
    ...(typeof requestId === 'string' ? { requestId } : {}),
  });
}

const unexpected = (response: Response): GatehouseError =>
  new GatehouseError('unexpected_answer', `an answer of another kind, status ${response.status}`, {
    status: response.status,
    retryAfterMs: retryAfterMs(response),
  });

/** RFC 9110 section 10.2.3: seconds. A date is no use where clocks differ. */
function retryAfterMs({ headers }: Response): number | undefined {
  const value = headers.get('retry-after');
  return value !== null && /^\d{1,6}$/.test(value) ? Number(value) * 1000 : undefined;
}
