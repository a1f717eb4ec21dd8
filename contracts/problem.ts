import { type ProblemCode, problemSpec } from './problem-codes.js';

/**
 * A refusal with a code of the closed table. Thrown by a stage, turned into a reply in one place.
 * `cause` keeps the original for the log; nothing of it reaches the client.
 */
export class Problem extends Error {
  override readonly name = 'Problem';
  readonly code: ProblemCode;
  readonly status: number;
  /** Extra reply headers, lower case, such as `allow`. */
  readonly headers: Readonly<Record<string, string>>;
  /** RFC 6750 `scope` attribute for `insufficient_scope`. */
  readonly scope: string | undefined;
  /** Which rule or check refused, for log and metrics only: fixed text or a name from config, never from the request. */
  readonly reason: string | undefined;
  /** The issuer of the token that is refused, by its name in config, once it is known; for log and metrics only. */
  issuer: string | undefined;

  constructor(code: ProblemCode, options: ProblemOptions = {}) {
    super(code, options.cause === undefined ? undefined : { cause: options.cause });
    this.code = code;
    this.status = problemSpec(code).status;
    this.headers = options.headers ?? {};
    this.scope = options.scope;
    this.reason = options.reason;
  }
}

export interface ProblemOptions {
  cause?: unknown;
  headers?: Readonly<Record<string, string>>;
  scope?: string;
  reason?: string;
}

/** How a client may present a token: RFC 6750, RFC 9449. */
export type AuthScheme = 'Bearer' | 'DPoP';

/** The `algs` of a DPoP challenge (RFC 9449 section 7.1): what proofs may be signed with. */
export const DPOP_ALGORITHMS = ['ES256', 'EdDSA'] as const;

/** Reply headers that belong to a problem: `WWW-Authenticate` (RFC 6750 section 3) and `Retry-After`. */
export function problemHeaders(problem: Problem): Record<string, string> {
  const spec = problemSpec(problem.code);
  const headers: Record<string, string> = { 'cache-control': 'no-store', ...problem.headers };
  const challenge = challengeHeader(problem, ['Bearer']);
  if (challenge !== undefined) headers['www-authenticate'] ??= challenge;
  if (spec.retryAfterS !== undefined) headers['retry-after'] ??= String(spec.retryAfterS);
  return headers;
}

/**
 * The `WWW-Authenticate` of a problem where clients may use these schemes; the error goes with the first, which is the
 * one that the client used (RFC 9449 section 7.1). Undefined for a problem without a challenge.
 */
export function challengeHeader(
  { code, scope }: Problem,
  schemes: readonly [AuthScheme, ...AuthScheme[]],
): string | undefined {
  const { challenge, detail } = problemSpec(code);
  if (challenge === undefined) return undefined;
  const scopeAttribute = scope === undefined ? '' : `, scope="${scope}"`;
  const error =
    challenge === 'bare' ? '' : `error="${challenge}", error_description="${detail}"${scopeAttribute}`;
  return schemes
    .map((scheme, index) => {
      const algs = scheme === 'DPoP' ? `algs="${DPOP_ALGORITHMS.join(' ')}"` : '';
      const attributes = [index === 0 ? error : '', algs].filter((text) => text !== '').join(', ');
      return attributes === '' ? scheme : `${scheme} ${attributes}`;
    })
    .join(', ');
}
