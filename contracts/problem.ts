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

  constructor(
    code: ProblemCode,
    options: { cause?: unknown; headers?: Readonly<Record<string, string>>; scope?: string } = {},
  ) {
    super(code, options.cause === undefined ? undefined : { cause: options.cause });
    this.code = code;
    this.status = problemSpec(code).status;
    this.headers = options.headers ?? {};
    this.scope = options.scope;
  }
}

/** Reply headers that belong to a problem: `WWW-Authenticate` (RFC 6750 section 3) and `Retry-After`. */
export function problemHeaders(problem: Problem): Record<string, string> {
  const spec = problemSpec(problem.code);
  const headers: Record<string, string> = { 'cache-control': 'no-store', ...problem.headers };
  if (spec.challenge !== undefined)
    headers['www-authenticate'] = challenge(spec.challenge, spec.detail, problem.scope);
  if (spec.retryAfterS !== undefined) headers['retry-after'] ??= String(spec.retryAfterS);
  return headers;
}

function challenge(
  kind: 'bare' | 'invalid_token' | 'insufficient_scope',
  detail: string,
  scope: string | undefined,
): string {
  if (kind === 'bare') return 'Bearer';
  const scopeAttribute = scope === undefined ? '' : `, scope="${scope}"`;
  return `Bearer error="${kind}", error_description="${detail}"${scopeAttribute}`;
}
